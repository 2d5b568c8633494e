//! The next release, which dies in staging; the region for the worst case; and what stays to be read.

use anyhow::Context as _;
use landfall_sandbox::{BUILD_KEY, sample};

use super::shop::Shop;
use super::teller::{Teller, run};

/// The project that the next release changes, and its version there.
const CHANGED: (&str, &str) = ("orderService", "1.5.0");

pub(crate) async fn tell(teller: &Teller, shop: &Shop) -> anyhow::Result<bool> {
    let mut well = dead_release(teller, shop).await?;
    well &= recovery(teller, shop).await?;

    let (screen, staging) = (teller.screen, &shop.staging);
    screen.part("10  What stays: one chain of records, and pages that are drawn from it");
    well &= teller.expect(staging, 0, &["ledger", "show"], "what runs where").await?;
    well &= teller.expect(staging, 0, &["ledger", "dora"], "how often, how fast, how well").await?;
    well &= teller.expect(staging, 0, &["dashboard", "build"], "all of it, as pages").await?;
    Ok(well)
}

async fn dead_release(teller: &Teller, shop: &Shop) -> anyhow::Result<bool> {
    let (screen, staging, europe) = (teller.screen, &shop.staging, &shop.europe);
    let (project, version) = CHANGED;
    screen.part(&format!("8  The next release, {project} {version}, is no good"));
    build_next(shop)?;
    let steps: [(&[&str], i32); 4] = [
        (&["generate-versions"], 0),
        (&["retag-push-ecr"], 0),
        (&["deploy-lambda"], 0),
        (&["update-version-dashboard"], 0),
    ];
    let mut well = teller.show("stg_eu00", &run(staging, &steps).await?);
    let reject = ["gate", "reject", "--reason", "totals are off by a cent"];
    well &=
        teller.expect_as(staging, &[("GITLAB_USER_LOGIN", "ada")], 0, &reject, "a QA lead says no").await?;
    europe.take(staging, &["versions.json"])?;
    well &= teller.expect(europe, 3, &["copy-images"], "prod_eu00: a dead release goes nowhere").await?;
    well &= teller.expect(staging, 0, &["rollback-lambda"], "staging runs the release before again").await?;
    well &= teller.expect(staging, 0, &["ledger", "graveyard"], "where it died, of what, by whom").await?;
    Ok(well)
}

/// Somebody changed a project, and its image was built.
fn build_next(shop: &Shop) -> anyhow::Result<()> {
    let (name, version) = CHANGED;
    let now = sample::project(name)?;
    let next = sample::SampleProject { version, ..*now };
    let repository = shop.staging.sandbox.source_repository(BUILD_KEY, name);
    shop.staging.sandbox.artifactory.put_image(&repository, version, &next.image());
    let path = shop.staging.folder.join("functions").join(now.folder).join("project.json");
    let text = std::fs::read_to_string(&path).context("the project cannot be read")?;
    std::fs::write(&path, text.replace(now.version, version)).context("the project cannot be changed")?;
    Ok(())
}

async fn recovery(teller: &Teller, shop: &Shop) -> anyhow::Result<bool> {
    let (site, europe) = (&shop.recovery, &shop.europe);
    teller.screen.part("9  The region for the worst case runs what production runs, byte for byte");
    let mut well = teller.show("dr_eu01", &run(site, &[(&["aws-credentials"], 0)]).await?);
    // Images are read from production's ECR: its login is one of those that are merged.
    let logins = std::fs::read_to_string(europe.folder.join("docker-config.json"))
        .context("production's logins cannot be read")?;
    let words = ["prepare-docker-config"];
    well &= teller
        .expect_as(site, &[("DOCKER_AUTH_CONFIG", &logins)], 0, &words, "with production's login besides")
        .await?;
    let like = ["deploy-lambda", "--like", "prod_eu00", "--skip-verify"];
    well &= teller.expect(site, 0, &like, "by digest, as the ledger has it").await?;
    site.take(&shop.america, &["versions.json"])?;
    well &= teller.expect(site, 0, &["update-version-dashboard"], "recorded for dr_eu01").await?;
    Ok(well)
}
