//! Whether the end state is as it should be: asked of the services, not of our own reports.

use std::path::Path;

use anyhow::Context as _;
use landfall_ledger::Ledger;
use landfall_sandbox::{RC_KEY, Sandbox, sample};

/// Every check with what it says.
pub(crate) async fn end_state(sandbox: &Sandbox, repo: &Path) -> anyhow::Result<Vec<(bool, String)>> {
    let namespace = &sandbox.options().image_namespace;
    let ecr = &sandbox.options().ecr_repository;
    let projects = sample::projects();
    let built = |project: &sample::SampleProject| {
        sandbox.artifactory.digest_of(
            &format!("{}/{namespace}/{}", landfall_sandbox::BUILD_KEY, project.project),
            project.version,
        )
    };
    let all = |holds: &dyn Fn(&sample::SampleProject) -> bool| projects.iter().all(holds);

    let copied = all(&|p| built(p).is_some() && sandbox.ecr_registry.digest_of(ecr, &p.tag()) == built(p));
    let running = all(&|p| built(p).is_some() && sandbox.lambda.running_digest(p.lambda) == built(p));
    let promoted = all(&|p| {
        let candidate = format!("{RC_KEY}/{namespace}/{}", p.project);
        built(p).is_some() && sandbox.artifactory.digest_of(&candidate, p.version) == built(p)
    });
    let issues = sandbox.jira.issues();
    let status = issues.first().map(|issue| issue.status.clone()).unwrap_or_default();
    let comments = issues.first().map_or(0, |issue| issue.comments.len());

    let page = repo.join("dashboard/index.html");
    let html = std::fs::read_to_string(&page).unwrap_or_default();
    let listed = all(&|p| html.contains(p.lambda) && html.contains(p.version));

    let mut checks = vec![
        (copied, "every image is in ECR with the digest that was built".to_owned()),
        (running, "every function runs exactly that digest".to_owned()),
        (promoted, "every release candidate is that same digest".to_owned()),
        (issues.len() == 1, format!("there is one ticket (there are {})", issues.len())),
        (status == "Pre-Prod Testing", format!("the ticket is in `{status}`")),
        (comments == 1, format!("the deployment is said once ({comments} comments)")),
        (listed, "the page lists every function with its version".to_owned()),
        (sandbox.vault.live_tokens().is_empty(), "no Vault token is left".to_owned()),
    ];
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
fn keep_tickets(issues: &[landfall_sandbox::jira::IssueView], repo: &Path) -> anyhow::Result<()> {
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
