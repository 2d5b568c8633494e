//! Which pipeline is planned, and for which environments.

use std::path::Path;

use landfall_artifacts::{Class, EnvironmentName, FileError, PartName, Problem, Versions};
use landfall_pipeline::{KnownTargets, Pipeline, Pipelines, targets};
use landfall_stages::Refusal;

use crate::Context;
use crate::nearest::nearest;
use crate::pipelines::settings_text;

/// The pipeline with the jobs of the environments that are meant, and these.
///
/// # Errors
/// What is wrong with the pipeline, and with the names and versions of a run on demand: all at once.
pub(super) fn scope(
    context: &Context,
    name: &PartName,
    named: &str,
    versions: Option<&str>,
) -> Result<(Pipeline, Vec<EnvironmentName>), Refusal> {
    let text = settings_text(context)?;
    let mut pipeline = Pipelines::new(&context.settings, &text).pipeline(name)?;
    let chosen: Vec<EnvironmentName> = if pipeline.chosen {
        let workspace = match Versions::read(Path::new("versions.json")) {
            Ok(versions) => Some(versions),
            Err(FileError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let known = KnownTargets::of(&context.settings);
        targets(named, versions, workspace.as_ref(), &known).map_err(Refusal)?.environments
    } else {
        words(named).filter_map(|word| word.parse().ok()).collect()
    };
    let unknown: Vec<Problem> = words(named)
        .filter(|word| !pipeline.rows.iter().any(|row| row.name.as_str() == *word))
        .map(|word| {
            let shown = landfall_secret::escape(word, 80);
            let known: Vec<&str> = pipeline.rows.iter().map(|row| row.name.as_str()).collect();
            let remedy = match nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("name some of {}", known.join(", ")),
            };
            let what = format!("`{shown}` is no environment of the pipeline {name}");
            Problem::new("LF-TARGET-UNKNOWN", Class::Input, what).with_remedy(remedy)
        })
        .take(20)
        .collect();
    if !unknown.is_empty() {
        return Err(Refusal(unknown));
    }
    let is_meant = |name: &EnvironmentName| chosen.is_empty() || chosen.contains(name);
    pipeline.jobs.retain(|job| job.environment.as_ref().is_none_or(is_meant));
    let environments =
        pipeline.rows.iter().map(|row| row.name.clone()).filter(|name| is_meant(name)).collect();
    Ok((pipeline, environments))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}
