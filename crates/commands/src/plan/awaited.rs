//! The functions of a deployment that cannot be run dry yet, since the run makes first what they get.

use std::path::Path;

use landfall_artifacts::{LambdaName, LambdaNames, MissingName, ProjectName, ReportItem, Versions};
use landfall_pipeline::Job;
use landfall_pipeline::plan::{FOLLOWS, maker};

use super::desk::Desk;
use super::job::Done;

/// The functions of the versions that jobs before foretold, each with its version. None where there are no versions, or where a name is no
/// good: of that the stages themselves tell when it is their turn.
pub(super) fn functions(desk: &Desk<'_>, job: &Job, done: &Done<'_>) -> Vec<ReportItem> {
    let giver =
        maker(desk.pipeline, job, Versions::FILE_NAME).and_then(|giver| done.get(giver.name.as_str()));
    let Some(place) = giver.and_then(|giver| giver.file(Versions::FILE_NAME)) else { return Vec::new() };
    let Ok(versions) = Versions::read(place) else { return Vec::new() };
    let row = job.environment.as_ref().and_then(|name| desk.pipeline.row(name));
    let template = row.and_then(|row| Some((row.settings.function_name.as_ref()?, &row.name)));
    let names = LambdaNames::collect(Path::new("functions"), &versions, template, MissingName::Skip);
    let functions = names.map(|names| names.functions).unwrap_or_default();
    let item = |(project, lambda): (ProjectName, LambdaName)| {
        let mut item = ReportItem::new(lambda.as_str(), FOLLOWS).in_environment(job.environment.clone());
        let version = versions.projects.get(&project)?.version.to_string();
        item.details.insert("project".to_owned(), project.to_string().into());
        item.details.insert("version".to_owned(), version.into());
        Some(item)
    };
    functions.into_iter().filter_map(item).collect()
}
