//! What a run would start, in which order: decided as in a run in which all goes well.

use landfall_artifacts::{EnvironmentName, FORMAT_VERSION, JobWhen};
use landfall_pipeline::{Ended, Job, Pipeline, Progress, line};
use landfall_stages::ToCaller;
use serde_json::json;

use super::want::Wanted;
use crate::ledger::table::{Cell, Paint, Set, Table};

/// The jobs that start together, one group after the other, as they would where every job ends well and is asked for.
pub(super) fn answer(pipeline: &Pipeline, wanted: &Wanted, paint: Paint) -> ToCaller {
    let groups = groups(pipeline, wanted);
    let json = json!({
        "formatVersion": FORMAT_VERSION,
        "pipeline": pipeline.name.as_str(),
        "environments": wanted.environments.iter().map(EnvironmentName::as_str).collect::<Vec<_>>(),
        "steps": groups.iter().map(|group| group.iter().map(|job| json!({
            "job": job.name,
            "manual": job.when == JobWhen::Manual,
            "commands": job.commands(),
            "timeoutSeconds": job.timeout.as_secs(),
        })).collect::<Vec<_>>()).collect::<Vec<_>>(),
    });
    let mut table = Table::new(&[("STEP", Set::Number, 4), ("JOB", Set::Name, 16), ("WHEN", Set::Text, 10)]);
    for (number, group) in groups.iter().enumerate() {
        for job in group {
            let when = if job.when == JobWhen::Manual { "by hand" } else { "by itself" };
            table.row([(number + 1).to_string().into(), Cell::new(&job.name), when.into()]);
            for words in job.commands() {
                table.note(format!("$ {}", line(&words)));
            }
        }
    }
    let head = format!("{}: what would be started; nothing was", pipeline.name);
    let people = format!("{}\n{}", paint.heading(&head), table.render(paint));
    ToCaller::Answer { people, json: format!("{json:#}\n") }
}

fn groups<'p>(pipeline: &'p Pipeline, wanted: &Wanted) -> Vec<Vec<&'p Job>> {
    let names = wanted.jobs(pipeline);
    let names: Vec<&str> = names.into_iter().collect();
    let mut progress = Progress::new(pipeline);
    if !wanted.environments.is_empty() {
        progress = progress.of_environments(&wanted.environments);
    }
    progress = progress.only(&names);
    for job in &pipeline.jobs {
        progress.ask(&job.name);
    }
    let mut groups = Vec::new();
    loop {
        let start = progress.decide().start;
        if start.is_empty() {
            return groups;
        }
        groups.push(start.iter().filter_map(|name| pipeline.job(name)).collect());
        for name in start {
            progress.ended(name, Ended::Passed);
        }
    }
}
