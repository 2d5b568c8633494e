//! The fields of the form that a person starts a pipeline with.

use landfall_artifacts::{EnvironmentKind, PipelineStart, Settings};

use crate::model::Pipeline;

/// Name and description of each field that these pipelines have together.
pub(crate) fn of(pipelines: &[&Pipeline], settings: &Settings) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut add = |name: &str, description: String| fields.push((name.to_owned(), description));
    if pipelines.iter().any(|pipeline| pipeline.chosen) {
        let targets = settings.environments.iter().filter(|(_, row)| row.kind != EnvironmentKind::Other);
        let known: Vec<&str> = targets.map(|(name, _)| name.as_str()).collect();
        let known = known.join(", ");
        add(
            "TARGET_DEPLOY_ENVIRONMENTS",
            format!(
                "Where to: some of {known}, with commas or spaces between them, all of staging or all of production."
            ),
        );
        add(
            "TARGET_VERSIONS_JSON",
            "What: the text of versions.json as the staging pipeline left it.".to_owned(),
        );
    }
    let by_hand: Vec<&str> = pipelines
        .iter()
        .filter(|pipeline| pipeline.start == PipelineStart::ByHand && !pipeline.chosen)
        .map(|pipeline| pipeline.name.as_str())
        .collect();
    if !by_hand.is_empty() {
        add("LANDFALL_PIPELINE", format!("A pipeline that is started by hand: {}.", by_hand.join(" or ")));
    }
    if pipelines.iter().any(|pipeline| pipeline.jobs.iter().any(|job| job.runs("rollback-lambda"))) {
        add(
            "TARGET_RELEASE",
            "A rollback: the release to go back to; empty: what ran before the newest deployment.".to_owned(),
        );
    }
    if pipelines.iter().any(|pipeline| pipeline.jobs.iter().any(|job| job.runs("build-images-prod"))) {
        add("RELEASE_VERSION", "The version of the images, such as v1.7.0 or 2025.03.".to_owned());
    }
    fields
}
