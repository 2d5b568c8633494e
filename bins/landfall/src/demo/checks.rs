//! Whether the end state is as it should be: asked of the services, not of our own reports.

use std::path::Path;

use anyhow::Context as _;
use landfall_ledger::Ledger;
use landfall_sandbox::jira::IssueView;
use landfall_sandbox::{BUILD_KEY, RC_KEY, RELEASE_KEY, sample};

use super::shop::Shop;

/// Every check with what it says.
pub(crate) async fn end_state(shop: &Shop, repo: &Path) -> anyhow::Result<Vec<(bool, String)>> {
    let sandbox = &shop.staging.sandbox;
    let projects = sample::projects();
    let at = |key: &str, project: &sample::SampleProject| {
        sandbox.artifactory.digest_of(&sandbox.source_repository(key, project.project), project.version)
    };
    let built = |project: &sample::SampleProject| at(BUILD_KEY, project);
    let all = |holds: &dyn Fn(&sample::SampleProject) -> bool| {
        projects.iter().all(|project| built(project).is_some() && holds(project))
    };
    let mut checks = Vec::new();
    for site in shop.sites() {
        let (ecr, lambda) = (&site.sandbox.ecr_registry, &site.sandbox.lambda);
        let tags = ecr.tags(&site.sandbox.options().ecr_repository);
        let copied = all(&|p| built(p).is_some_and(|digest| tags.values().any(|held| *held == digest)));
        let running = all(&|p| lambda.running_digest(p.lambda) == built(p));
        checks.push((
            copied && running,
            format!("{}: every function runs the digest that was built", site.name),
        ));
    }
    for (key, name) in [(RC_KEY, "release candidate"), (RELEASE_KEY, "release")] {
        checks.push((all(&|p| at(key, p) == built(p)), format!("every {name} is that same digest")));
    }
    let issues = sandbox.jira.issues();
    let status = issues.first().map(|issue| issue.status.clone()).unwrap_or_default();
    let comments = issues.first().map_or(0, |issue| issue.comments.len());
    let page = repo.join("dashboard/index.html");
    let html = std::fs::read_to_string(&page).unwrap_or_default();
    let listed = all(&|p| html.contains(p.lambda) && html.contains(p.version))
        && shop.sites().iter().all(|site| html.contains(site.name));
    let tokens = shop.sites().iter().any(|site| !site.sandbox.vault.live_tokens().is_empty());
    checks.extend([
        (issues.len() == 1, format!("there is one ticket (there are {})", issues.len())),
        (status == "Closed", format!("the ticket is in `{status}`")),
        (comments == 2, format!("each deployment is said once ({comments} comments)")),
        (listed, "the pages list every function and environment with its version".to_owned()),
        (!tokens, "no Vault token is left".to_owned()),
    ]);
    checks.push(ledger(repo).await);
    keep_tickets(&issues, repo)?;
    Ok(checks)
}

/// Whether the chain of events is whole.
async fn ledger(repo: &Path) -> (bool, String) {
    match Ledger::for_reading(repo.join(".landfall/ledger")).verify(None).await {
        Ok(verified) => (
            verified.records > 0,
            format!("the ledger's {} records are one unbroken chain", verified.records),
        ),
        Err(error) => (false, format!("the ledger is damaged: {error}")),
    }
}

/// Leaves the tickets' texts as files, as Jira has them.
fn keep_tickets(issues: &[IssueView], repo: &Path) -> anyhow::Result<()> {
    let folder = repo.join("tickets");
    std::fs::create_dir_all(&folder).context("the tickets cannot be kept")?;
    for issue in issues {
        let whole = serde_json::json!({
            "key": issue.key,
            "status": issue.status,
            "labels": issue.labels,
            "fields": issue.fields,
            "comments": issue.comments.iter().map(|comment| comment.body.clone()).collect::<Vec<_>>(),
        });
        std::fs::write(folder.join(format!("{}.json", issue.key)), format!("{whole:#}\n"))?;
    }
    Ok(())
}
