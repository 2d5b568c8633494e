//! The functions of an environment: from what to what.

use landfall_artifacts::{Digest, EnvironmentName, PipelinePlan, ReportItem};

use super::safe;

/// The items of deployments to an environment.
pub(super) fn items<'p>(
    plan: &'p PipelinePlan,
    environment: &'p EnvironmentName,
) -> impl Iterator<Item = &'p ReportItem> {
    let deploys = |stages: &[String]| stages.iter().any(|stage| stage == "deploy-lambda");
    plan.jobs_of(Some(environment)).filter(move |job| deploys(&job.stages)).flat_map(|job| &job.items)
}

/// A row for each function that would change or cannot; with `full` for every one.
pub(super) fn rows(plan: &PipelinePlan, environment: &EnvironmentName, full: bool) -> Vec<[String; 4]> {
    let shown = items(plan, environment).filter(|item| full || item.outcome != "unchanged");
    shown
        .map(|item| {
            let becomes = match item.outcome.as_str() {
                "planned" => "changes",
                other => other,
            };
            [
                safe(&item.name, 140),
                code(item, "fromVersion", "from"),
                code(item, "version", "digest"),
                becomes.to_owned(),
            ]
        })
        .collect()
}

/// What a function runs: its version and the beginning of its digest, as far as they are known.
fn code(item: &ReportItem, version: &str, digest: &str) -> String {
    let text = |key: &str| item.details.get(key).and_then(|value| value.as_str());
    let digest = text(digest).and_then(|text| text.parse::<Digest>().ok()).map(|digest| digest.short());
    let digest = digest.map(|digest| digest.trim_start_matches("sha256:").to_owned());
    match (text(version), digest) {
        (Some(version), Some(digest)) => format!("{} ({digest})", safe(version, 80)),
        (Some(version), None) => safe(version, 80),
        (None, Some(digest)) => digest,
        (None, None) => "-".to_owned(),
    }
}
