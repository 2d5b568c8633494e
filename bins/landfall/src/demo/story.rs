//! The story that the demo tells: a release from `project.json` to two regions of production, what goes wrong on the way, and the
//! next release, which dies.

use std::time::{Duration, Instant};

use landfall_sandbox::sample;

use super::place::Place;
use super::screen::Screen;
use super::shop::{FORGOTTEN, Shop};
use super::teller::Teller;
use super::{afterwards, checks, production};

/// Tells the story; true where every check of the end state held.
pub(crate) async fn tell(place: &Place) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let screen = Screen::new();
    let shop = Shop::open(place.repo()).await?;

    screen.part("Landfall takes a release from project.json to running code.");
    screen.said("Vault, STS, Artifactory, ECR, Lambda and Jira are stand-ins inside this process,");
    screen.said("on 127.0.0.1: four accounts, for staging, two regions of production, and recovery.");
    screen.said("The sample repo with six functions is in");
    screen.said(&place.repo().display().to_string());

    let teller = Teller { screen };
    let mut held = staging(&teller, &shop).await?;
    held &= production::tell(&teller, &shop).await?;
    held &= afterwards::tell(&teller, &shop).await?;

    screen.part("Is it so? Checked on the services, not in our reports:");
    for (is_so, what) in checks::end_state(&shop, place.repo()).await? {
        screen.check(is_so, &what);
        held &= is_so;
    }
    shop.close().await;
    farewell(screen, place, begun.elapsed());
    Ok(held)
}

/// The jobs of the staging pipeline in their order.
async fn staging(teller: &Teller, shop: &Shop) -> anyhow::Result<bool> {
    let (screen, site) = (teller.screen, &shop.staging);
    screen.part("1  What is to be deployed, and with which keys");
    let mut well =
        teller.expect(site, 0, &["generate-versions"], "name, version and folder of every project").await?;
    well &=
        teller.expect(site, 0, &["aws-credentials"], "Vault login, temporary keys, whose are they?").await?;
    well &= teller.expect(site, 0, &["prepare-docker-config"], "registry logins, merged").await?;

    screen.part("2  Images to ECR: no daemon, no disk, every byte verified");
    let forgot = "somebody forgot to build one image: all is checked first";
    well &= teller.expect(site, 3, &["retag-push-ecr"], forgot).await?;
    sample::add_image(&site.sandbox, FORGOTTEN)?;
    screen.said(&format!("(the build of {FORGOTTEN} is run, as the error page says)"));
    well &= teller.expect(site, 0, &["retag-push-ecr"], "again: it does what is left").await?;

    screen.part("3  Functions run exactly these digests");
    well &= teller.expect(site, 0, &["deploy-lambda", "--dry-run"], "the plan first").await?;
    well &= teller.expect(site, 0, &["deploy-lambda"], "update, wait, verify the digest that runs").await?;
    well &= teller.expect(site, 0, &["deploy-lambda"], "a second time: nothing to do").await?;

    screen.part("4  Who should know, knows");
    well &= teller.expect(site, 0, &["update-version-dashboard"], "recorded, and on the page").await?;
    well &= teller.expect(site, 0, &["create-jira-tickets"], "one release ticket for this region").await?;
    let step = "by target status, whatever the workflow calls the way";
    well &= teller.expect(site, 0, &["transition-jira-tickets", "deploy-pp"], step).await?;
    well &=
        teller.expect(site, 0, &["update-jira-instructions"], "deploy, verify and rollback steps").await?;
    well &= teller.expect(site, 0, &["transition-jira-tickets", "pp-testing"], "one step on").await?;
    well &=
        teller.expect(site, 0, &["comment-jira-tickets", "staging"], "said once, also on a re-run").await?;

    screen.part("5  Release candidates: the same digests, one repository further");
    let promote = ["promote-artifacts", "--preset", "to-rc"];
    well &= teller.expect(site, 0, &promote, "several at a time, read back, logged").await?;
    Ok(well)
}

fn farewell(screen: Screen, place: &Place, took: Duration) {
    screen.part(&format!("Done in {:.1} s.", took.as_secs_f64()));
    if place.is_kept() {
        let repo = place.repo();
        screen.said(&format!("dashboard      {}", repo.join("dashboard/index.html").display()));
        screen.said(&format!("files          {}", repo.display()));
        screen.said(&format!("ticket texts   {}", repo.join("tickets").display()));
        screen.said(&format!("ledger         {}", repo.join(".landfall/ledger").display()));
    } else {
        screen.said("Nothing was kept. `landfall demo --keep DIR` keeps files, ticket texts,");
        screen.said("ledger and dashboard.");
    }
    screen.said("Next: `landfall stage deploy-lambda --help`, or README.md for the stages and a");
    screen.said("pipeline in ten lines.");
}
