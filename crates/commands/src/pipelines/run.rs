//! `landfall run`: a pipeline on this machine.

mod around;
mod ask;
mod dry;
mod here;
mod inputs;
mod lines;
mod result;
mod tree;
mod want;

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{PartName, Problem, RunReport};
use landfall_cli::Opt;
use landfall_pipeline::{Pipeline, Pipelines, Work};
use landfall_runner::Runs;
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};

use super::list::paint;
use super::settings_text;
use crate::every_stage::DRY_RUN;
use crate::{Context, Effects, Shared};
use here::Here;
use want::Want;

/// The options of whatever runs a pipeline.
pub(super) const OPTIONS: [Opt; 11] = [
    Opt::list(
        "env",
        "NAME",
        "only for this environment; may be given several times. Else TARGET_DEPLOY_ENVIRONMENTS, where the pipeline asks who it is for, or all",
    ),
    Opt::list(
        "manual",
        "JOB",
        "start this manual job too; may be given several times. On a terminal each is asked for",
    ),
    Opt::value(
        "from",
        "JOB",
        "only this job and those after it; files of earlier jobs are those of the newest run",
    ),
    Opt::list(
        "only",
        "JOB",
        "only this job; may be given several times. Files of earlier jobs are those of the newest run",
    ),
    Opt::value(
        "resume",
        "RUN|latest",
        "go on with a run that failed, was stopped or killed: what went well is not done again",
    ),
    Opt::value(
        "jobs",
        "N",
        "how many processes run side by side; else as many as there are cores, and at least 2",
    ),
    Opt::value(
        "grace",
        "DURATION",
        "how long a job whose time is over has to end by itself before it is killed",
    )
    .default("30s"),
    Opt::list("pass", "NAME", "show this variable to every job too; may be given several times"),
    Opt::switch("keep-workspaces", "keep the folders of jobs that went well too"),
    Opt::switch("yes", "start all manual jobs without asking"),
    DRY_RUN,
];

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall run";
    const SUMMARY: &'static str =
        "Run a pipeline on this machine: each job a process in a folder and an environment of its own";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        let name = Opt::positional("name", "NAME", "the pipeline, as landfall pipelines lists it");
        [&[name][..], &OPTIONS[..]].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let name: Option<PartName> = values.required_parsed("name");
            values.finish().map_err(Refusal)?;
            let Some(name) = name else { return Err(Refusal(Vec::new())) };
            run(context, name, Vec::new()).await
        })
    }
}

/// Runs a pipeline as the options of a command say it, with these inputs besides those of the environment.
pub(super) async fn run(context: &Context, name: PartName, inputs: Vec<(String, String)>) -> Outcome {
    let text = settings_text(context)?;
    let pipelines = Pipelines::new(&context.settings, &text);
    let pipeline = pipelines.pipeline(&name)?;
    let folder = std::env::current_dir().map_err(|cause| no_folder(&cause))?;
    let runs = Runs::of(&folder);
    let want = Want::of(context, inputs)?;
    let wanted = want.choose(&pipeline, &context.settings, &runs)?;
    if context.values().is_on("dry-run") {
        let to_caller = dry::answer(&pipeline, &wanted, paint(context));
        return Ok(Finished { to_caller, ..Finished::default() });
    }
    let here = Here { context, runs: &runs, folder: &folder, want: &want };
    let report = here.run(&pipeline, &wanted, wanted.resumed()).await?;
    let mut people = result::people(&report, &runs, paint(context));
    let mut problems: Vec<Problem> = result::problem(&report).into_iter().collect();
    // What the success of this one starts runs when it is over: nothing that was started here outlives the command.
    for called in called(&pipeline, &report) {
        let following = async {
            let next = pipelines.pipeline(&called)?;
            let all = want.following(&wanted).choose(&next, &context.settings, &runs)?;
            here.run(&next, &all, Some(&report)).await
        };
        people.push('\n');
        match following.await {
            Ok(report) => people.push_str(&result::people(&report, &runs, paint(context))),
            // The first one is done all the same, and is told.
            Err(Refusal(refused)) => {
                people.push_str(&format!("{called}, which was to follow, did not begin\n"));
                problems.extend(refused);
            }
        }
    }
    let json = String::from_utf8_lossy(&report.to_bytes()).into_owned();
    let items = result::changes(&report);
    Ok(Finished { to_caller: ToCaller::Answer { people, json }, items, problems, ..Finished::default() })
}

/// The pipelines that are to follow.
fn called(pipeline: &Pipeline, report: &RunReport) -> Vec<PartName> {
    let began =
        |name: &str| report.job(name).is_some_and(|job| job.state == landfall_artifacts::RunJobState::Passed);
    let calls = pipeline.jobs.iter().filter(|job| began(&job.name));
    calls
        .filter_map(|job| match &job.work {
            Work::Call(called) => Some(called.clone()),
            Work::Stage { .. } | Work::Commands(_) => None,
        })
        .collect()
}

fn no_folder(cause: &std::io::Error) -> Refusal {
    let what = format!("the folder of the repo, or this program, cannot be found: {cause}");
    Refusal::one(
        Problem::new("LF-RUN-FOLDER", landfall_artifacts::Class::Refused, what)
            .with_remedy("run it in the root of a clone of the repo"),
    )
}
