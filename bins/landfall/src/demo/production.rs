//! Production in two regions at once, of which one fails.

use super::shop::{Shop, Site};
use super::teller::{Teller, run};

/// The function whose update fails in one region.
const FAILS: &str = "PaymentGatewayFunction";

/// The jobs of one environment of production up to its deployment.
const JOBS: [&[&str]; 4] =
    [&["generate-mappings"], &["aws-credentials"], &["prepare-docker-config"], &["copy-images"]];

pub(crate) async fn tell(teller: &Teller, shop: &Shop) -> anyhow::Result<bool> {
    let screen = teller.screen;
    screen.part("6  Production: two regions at once, and one fails");
    for site in [&shop.europe, &shop.america] {
        site.take(&shop.staging, &["versions.json"])?;
    }
    shop.america.sandbox.lambda.fail_next(FAILS, "InternalError", "An internal error occurred.");
    let (europe, america) = tokio::try_join!(deploy(&shop.europe, 0), deploy(&shop.america, 3))?;
    let mut well = teller.show("prod_eu00", &europe);
    well &= teller.show("prod_na03", &america);
    screen.said("(what prod_na03 had changed runs as before, and nobody was half-way for long)");

    well &=
        teller.expect(&shop.america, 0, &["deploy-lambda"], "prod_na03 again, when Lambda is well").await?;
    well &= teller.expect(&shop.america, 0, &["update-version-dashboard"], "recorded for prod_na03").await?;

    screen.part("7  Both regions are done: the ticket is closed, the release is promoted");
    let europe = &shop.europe;
    let steps = "every step of the workflow on the way";
    well &= teller.expect(europe, 0, &["transition-jira-tickets", "closed"], steps).await?;
    well &=
        teller.expect(europe, 0, &["comment-jira-tickets", "production"], "said on the same ticket").await?;
    let promote = ["promote-artifacts", "--preset", "to-release"];
    well &= teller.expect(europe, 0, &promote, "these digests, for good").await?;
    Ok(well)
}

/// A region's jobs; its deployment ends with this code.
async fn deploy(site: &Site, code: i32) -> anyhow::Result<Vec<(super::teller::Ran, i32)>> {
    let mut steps: Vec<(&[&str], i32)> = JOBS.iter().map(|words| (*words, 0)).collect();
    steps.push((&["deploy-lambda"], code));
    if code == 0 {
        steps.push((&["update-version-dashboard"], 0));
    }
    run(site, &steps).await
}
