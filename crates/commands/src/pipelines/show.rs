//! `landfall pipelines show`: the jobs of a pipeline.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{EnvironmentName, FORMAT_VERSION, JobWhen, MayFail, PartName};
use landfall_cli::Opt;
use landfall_pipeline::{Job, Need, Pipeline, Pipelines, Work, line};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};
use serde_json::{Value, json};

use super::list::{paint, start};
use super::settings_text;
use crate::ledger::table::{Cell, Paint, Set, Table};
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall pipelines show";
    const SUMMARY: &'static str =
        "Show the jobs of a pipeline: what they do, need and keep, and when they run";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        vec![Opt::positional("name", "NAME", "the pipeline, as landfall pipelines lists it")]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let name: Option<PartName> = values.required_parsed("name");
            values.finish().map_err(Refusal)?;
            let Some(name) = name else { return Err(Refusal(Vec::new())) };
            let text = settings_text(context)?;
            let pipeline = Pipelines::new(&context.settings, &text).pipeline(&name)?;
            let to_caller = ToCaller::Answer {
                people: people(&pipeline, paint(context)),
                json: format!("{:#}\n", json(&pipeline)),
            };
            Ok(Finished { to_caller, ..Finished::default() })
        })
    }
}

fn json(pipeline: &Pipeline) -> Value {
    json!({
        "formatVersion": FORMAT_VERSION,
        "name": pipeline.name.as_str(),
        "summary": pipeline.summary,
        "start": pipeline.start.as_str(),
        "after": pipeline.after.as_ref().map(PartName::as_str),
        "changes": pipeline.changes,
        "environments": pipeline.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        "jobs": pipeline.jobs.iter().map(job).collect::<Vec<_>>(),
    })
}

fn job(job: &Job) -> Value {
    // The CI system starts another pipeline itself, so that no program is run for it.
    let (commands, starts) = match &job.work {
        Work::Call(called) => (Vec::new(), Some(called.as_str())),
        Work::Stage { .. } | Work::Commands(_) => (job.commands(), None),
    };
    let need = |need: &Need| json!({ "job": need.job, "optional": need.optional });
    json!({
        "name": job.name,
        "environment": job.environment.as_ref().map(EnvironmentName::as_str),
        "ciStage": job.ci_stage,
        "stages": job.stages().iter().map(|stage| stage.name).collect::<Vec<_>>(),
        "commands": commands,
        "starts": starts,
        "needs": job.needs.iter().map(need).collect::<Vec<_>>(),
        "when": job.when.as_str(),
        "branches": job.branches.as_str(),
        "changes": job.changes,
        "mayFail": match &job.may_fail {
            MayFail::Always(always) => json!(always),
            MayFail::Codes(codes) => json!(codes),
        },
        "timeoutSeconds": job.timeout.as_secs(),
        "takes": job.takes,
        "keeps": job.keeps,
        "keepForSeconds": job.keep_for.as_secs(),
        "handsOver": job.hands_over,
        "variables": job.variables,
        "parts": job.parallel,
    })
}

/// A row a job; what it needs and keeps stands below, since a table has no room for it.
fn people(pipeline: &Pipeline, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("JOB", Set::Name, 16),
        ("ENVIRONMENT", Set::Name, 11),
        ("WHEN", Set::Text, 10),
        ("DOES", Set::Text, 12),
    ]);
    for job in &pipeline.jobs {
        let environment = job.environment.as_ref().map_or("-", EnvironmentName::as_str);
        table.row([Cell::new(&job.name), environment.into(), when(job).into(), does(job).into()]);
        let needs: Vec<String> = job
            .needs
            .iter()
            .map(|need| if need.optional { format!("{}?", need.job) } else { need.job.clone() })
            .collect();
        for (word, list) in [("needs", &needs), ("keeps", &job.keeps)] {
            if !list.is_empty() {
                table.note(format!("{word} {}", list.join(", ")));
            }
        }
        match &job.may_fail {
            MayFail::Always(true) => table.note("may fail"),
            MayFail::Codes(codes) => {
                let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
                table.note(format!("may fail with exit code {}", codes.join(", ")));
            }
            MayFail::Always(false) => {}
        }
    }
    let head = format!("{} ({}): {}", pipeline.name, start(pipeline), pipeline.summary);
    format!("{}\n{}", paint.heading(&head), table.render(paint))
}

fn when(job: &Job) -> &'static str {
    match job.when {
        JobWhen::OnSuccess => "on success",
        JobWhen::Always => "always",
        JobWhen::Manual => "by hand",
    }
}

fn does(job: &Job) -> String {
    match &job.work {
        Work::Stage { stage, .. } => stage.name.to_owned(),
        Work::Commands(commands) => commands.iter().map(|words| line(words)).collect::<Vec<_>>().join("; "),
        Work::Call(called) => format!("starts {called}"),
    }
}
