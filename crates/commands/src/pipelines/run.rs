//! `landfall run`: a pipeline on this machine.

mod around;
mod ask;
mod dry;
mod lines;
mod result;
mod tree;
mod want;

use std::future::Future;
use std::io::IsTerminal as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{PartName, Problem, RunReport, Settings};
use landfall_cli::{Look, Opt};
use landfall_pipeline::{Pipeline, Pipelines, Work};
use landfall_run::Event;
use landfall_runner::{Asking, Deps, Order, Placed, Runs, Source, Tell, execute};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};

use super::list::paint;
use super::settings_text;
use crate::every_stage::DRY_RUN;
use crate::{Context, Effects, Shared, git};
use lines::Lines;
use tree::Tree;
use want::{Want, Wanted};

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
    let report = here.run(&pipeline, &wanted).await?;
    let mut people = result::people(&report, &runs, paint(context));
    let problem = result::problem(&report);
    // What the success of this one starts runs when it is over: nothing that was started here outlives the command.
    for called in called(&pipeline, &report) {
        let next = pipelines.pipeline(&called)?;
        let all = want.without_names().choose(&next, &context.settings, &runs)?;
        let report = here.run(&next, &all).await?;
        people.push('\n');
        people.push_str(&result::people(&report, &runs, paint(context)));
    }
    let json = String::from_utf8_lossy(&report.to_bytes()).into_owned();
    let (items, problems) = (result::changes(&report), problem.into_iter().collect());
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

/// Where pipelines are run.
struct Here<'h> {
    context: &'h Context,
    runs: &'h Runs,
    folder: &'h Path,
    want: &'h Want,
}

impl Here<'_> {
    async fn run(&self, pipeline: &Pipeline, wanted: &Wanted) -> Result<RunReport, Refusal> {
        let context = self.context;
        let source = self.source().await?;
        let run_folder = self.runs.begin(context.run().clock().now())?;
        let program = std::env::current_exe().map_err(|cause| no_folder(&cause))?;
        let tools = run_folder.path.join("bin");
        around::put_program(&tools, &program).map_err(|cause| no_folder(&cause))?;
        let around =
            around::surroundings(context, self.folder, &tools, &source, &wanted.inputs, &self.want.pass);
        let keeper = [program.to_string_lossy().into_owned(), crate::tool::KEEP_JOB.to_owned()];
        let look = Look::of(context.environment(), std::io::stderr().is_terminal());
        let is_watched = look.bars && std::io::stdin().is_terminal();
        let (tree, tell): (Option<Arc<Tree>>, Arc<dyn Tell>) = if look.bars {
            let tree = Arc::new(Tree::new(look));
            (Some(Arc::clone(&tree)), tree)
        } else {
            (None, Arc::new(Lines::new(look)))
        };
        let asking: Option<Asking> = is_watched.then(|| -> Asking { Arc::new(ask::start) });
        let jobs = wanted.jobs(pipeline);
        let manual = self.want.manual_of(pipeline, wanted);
        let order = Order {
            pipeline,
            jobs: &jobs,
            manual: &manual,
            environments: &wanted.environments,
            earlier: wanted.earlier.as_ref(),
            slots: self.want.slots,
            grace: self.want.grace,
            keep_workspaces: self.want.keep_workspaces,
        };
        let deps = Deps {
            runs: self.runs,
            folder: &run_folder,
            source: &source,
            around: &around,
            keeper: &keeper,
            tell: tell.as_ref(),
            asking,
        };
        // Durations go on while nothing happens.
        let ticking = tree.clone().map(|tree| {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    tree.tick();
                }
            })
        });
        let report = execute(&order, &deps, context.run()).await;
        if let Some(ticking) = ticking {
            ticking.abort();
        }
        if let Some(tree) = tree {
            tree.close();
        }
        Ok(report?)
    }

    /// What jobs see of the repo; what they do not see is said.
    async fn source(&self) -> Result<Source, Refusal> {
        let context = self.context;
        let source = Source::of(self.folder, git::variables(context.environment())).await?;
        if source.uncommitted > 0 {
            let count = source.uncommitted;
            let files = if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") };
            let short: String = source.commit.chars().take(12).collect();
            let what =
                format!("{files} changed or new and not committed: jobs see the commit {short} without that");
            context.run().progress().event(Event::Warning(what));
        }
        let mut source = source;
        // The pipeline is of these settings, and so are its stages.
        let settings = context.values().text("config").unwrap_or_default();
        for (name, private, most) in
            [(settings.as_str(), false, Settings::MAX_BYTES), (".env", true, 64 * 1024)]
        {
            let is_inside = around::is_placed(name);
            let read = landfall_artifacts::read_bounded(&self.folder.join(name), most);
            if let (true, Ok(bytes)) = (is_inside, read) {
                source = source.with(Placed { name: name.to_owned(), bytes, private });
            }
        }
        Ok(source)
    }
}

fn no_folder(cause: &std::io::Error) -> Refusal {
    let what = format!("the folder of the repo, or this program, cannot be found: {cause}");
    Refusal::one(
        Problem::new("LF-RUN-FOLDER", landfall_artifacts::Class::Refused, what)
            .with_remedy("run it in the root of a clone of the repo"),
    )
}
