//! `landfall pipelines`: which pipelines the repo has.

use std::future::Future;
use std::io::IsTerminal as _;
use std::pin::Pin;

use landfall_artifacts::{FORMAT_VERSION, FileErrors, PartName, PipelineStart, Settings};
use landfall_cli::{Look, Opt};
use landfall_pipeline::{Pipeline, Pipelines, is_built_in};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};
use serde_json::{Value, json};

use super::settings_text;
use crate::ledger::table::{Cell, Paint, Set, Table};
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall pipelines";
    const SUMMARY: &'static str = "List the pipelines of the repo: what starts them and what they are for";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        Vec::new()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let text = settings_text(context)?;
            let rows = rows(&context.settings, &text)?;
            let json = json!({
                "formatVersion": FORMAT_VERSION,
                "pipelines": rows.iter().map(Listed::json).collect::<Vec<_>>(),
            });
            let to_caller =
                ToCaller::Answer { people: people(&rows, paint(context)), json: format!("{json:#}\n") };
            Ok(Finished { to_caller, ..Finished::default() })
        })
    }
}

/// Whether standard output is shown in colours.
pub(crate) fn paint(context: &Context) -> Paint {
    let look = Look::of(context.environment(), std::io::stdout().is_terminal());
    if look.colour { Paint::Colours } else { Paint::Plain }
}

/// A pipeline of the list.
struct Listed {
    name: PartName,
    built_in: bool,
    /// What it is, or why there is none of it in this repo.
    pipeline: Result<Pipeline, String>,
}

/// All pipelines. One that comes with Landfall and that the repo says nothing of may have nothing to do there.
///
/// # Errors
/// Everything that is wrong with those that the repo speaks of.
fn rows(settings: &Settings, text: &str) -> Result<Vec<Listed>, Refusal> {
    let pipelines = Pipelines::new(settings, text);
    let (mut rows, mut errors): (Vec<Listed>, Option<FileErrors>) = (Vec::new(), None);
    for name in pipelines.names() {
        let built_in = is_built_in(&name);
        let is_spoken_of = settings.pipelines.contains_key(&name) || settings.ci.pipelines.contains(&name);
        let pipeline = match pipelines.pipeline(&name) {
            Ok(pipeline) => Ok(pipeline),
            Err(found) if built_in && !is_spoken_of => {
                Err(found.problems().first().map(|problem| problem.found.clone()).unwrap_or_default())
            }
            Err(found) => {
                errors = Some(match errors {
                    Some(errors) => errors.join(found),
                    None => found,
                });
                continue;
            }
        };
        rows.push(Listed { name, built_in, pipeline });
    }
    errors.map_or(Ok(rows), |errors| Err(errors.into()))
}

impl Listed {
    fn json(&self) -> Value {
        let mut value = json!({ "name": self.name.as_str(), "builtIn": self.built_in });
        match &self.pipeline {
            Ok(pipeline) => {
                value["summary"] = pipeline.summary.clone().into();
                value["start"] = pipeline.start.as_str().into();
                value["after"] = pipeline.after.as_ref().map(PartName::as_str).into();
                value["environments"] = pipeline.rows.iter().map(|row| row.name.as_str()).collect();
                value["jobs"] = pipeline.jobs.len().into();
            }
            Err(why) => value["problem"] = why.clone().into(),
        }
        value
    }
}

/// What starts a pipeline, in words.
pub(super) fn start(pipeline: &Pipeline) -> String {
    match (pipeline.start, &pipeline.after) {
        (PipelineStart::Push, _) => "on a push".to_owned(),
        (PipelineStart::ByHand, _) => "by hand".to_owned(),
        (PipelineStart::Call, Some(after)) => format!("after {after}"),
        (PipelineStart::Call, None) => "by a call".to_owned(),
    }
}

fn people(rows: &[Listed], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("PIPELINE", Set::Name, 12),
        ("STARTS", Set::Text, 9),
        ("JOBS", Set::Number, 4),
        ("ENVIRONMENTS", Set::Text, 12),
    ]);
    for row in rows {
        let name = Cell::new(row.name.as_str());
        match &row.pipeline {
            Ok(pipeline) => {
                let environments: Vec<&str> = pipeline.rows.iter().map(|row| row.name.as_str()).collect();
                let environments =
                    if environments.is_empty() { "-".to_owned() } else { environments.join(", ") };
                table.row([
                    name,
                    start(pipeline).into(),
                    pipeline.jobs.len().to_string().into(),
                    environments.into(),
                ]);
                table.note(&pipeline.summary);
            }
            Err(why) => table.row([name, "-".into(), "-".into(), Cell::new(why)]),
        }
    }
    format!("{}\n`landfall pipelines show NAME` shows the jobs of one\n", table.render(paint))
}
