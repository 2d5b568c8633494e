//! `landfall plan`: what a run of a pipeline would do, and what stands in its way.
//!
//! Every stage of every job is run dry, as a child process with the job's own environment, on the files that the jobs before it foretold.
//! Nothing is changed anywhere, and nobody logs in to Vault: a secret id may be good for one login.

mod awaited;
mod child;
mod desk;
mod job;
mod markdown;
mod page;
mod scope;
mod sheet;
mod walk;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{AwsAuthEnv, EnvironmentName, PartName, PipelinePlan, PlannedJob, Problem, gravest};
use landfall_cli::{Opt, Values};
use landfall_notify::Way;
use landfall_pipeline::Pipeline;
use landfall_pipeline::plan::{Asked, AtHand, keys, plan};
use landfall_run::{Event, counted};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};

use crate::{Context, Effects, Shared, report};
use desk::Desk;

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall plan";
    const SUMMARY: &'static str =
        "Show what a run of a pipeline would do and what stands in its way; nothing is changed anywhere";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const TELLS: Way = Way::Looks;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional("pipeline", "PIPELINE", "the pipeline, as landfall pipelines lists it"),
            Opt::value("env", "NAMES", "the environments, with commas or blanks between them; all of the pipeline where none is named")
                .env(&["TARGET_DEPLOY_ENVIRONMENTS"]),
            Opt::value("versions-json", "TEXT", "for a run on demand: the text of versions.json, where the file is not there")
                .env(&["TARGET_VERSIONS_JSON"]),
            Opt::list(
                "keys",
                "ENVIRONMENT=FILE",
                "the aws_auth.env to look at an environment with; else that of the folder, or what the stages find themselves; may be given several times",
            ),
            Opt::value("ttl", "DURATION", "how long credentials are asked to live, where the environment's row does not say it")
                .env(&["VAULT_AWS_TTL"])
                .default("1h"),
            Opt::value("jobs", "N", "how many jobs are looked at side by side, 1 to 64").default("4"),
            Opt::switch("full", "list what stays as it is too"),
            Opt::switch("markdown", "write the page as Markdown, to be pasted into a ticket"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let name: Option<PartName> = values.required_parsed("pipeline");
            let (named, versions) = (values.text("env").unwrap_or_default(), values.text("versions-json"));
            let files = key_files(&mut values);
            let ttl = values.duration("ttl").unwrap_or(Duration::from_secs(3600));
            let at_once = values.parsed::<usize>("jobs").unwrap_or(4);
            if !(1..=64).contains(&at_once) {
                values.problem("LF-CONFIG", "--jobs is not from 1 to 64", None);
            }
            let (full, markdown) = (values.is_on("full"), values.is_on("markdown"));
            values.finish().map_err(Refusal)?;
            let Some(name) = name else { return Err(Refusal(Vec::new())) };
            let (pipeline, environments) = scope::scope(context, &name, &named, versions.as_deref())?;
            let planned = foretell(context, &pipeline, environments, files, ttl, at_once).await?;
            let sheet = sheet::sheet(&planned, full);
            let people = if markdown {
                markdown::text(&sheet)
            } else {
                page::text(&sheet, crate::pipelines::paint(context))
            };
            let json = String::from_utf8_lossy(&planned.to_bytes()).into_owned();
            let problems = blocked(&planned).into_iter().collect();
            Ok(Finished { problems, to_caller: ToCaller::Answer { people, json }, ..Finished::default() })
        })
    }
}

/// Runs everything dry, and decides.
async fn foretell(
    context: &Context,
    pipeline: &Pipeline,
    environments: Vec<EnvironmentName>,
    files: BTreeMap<EnvironmentName, PathBuf>,
    ttl: Duration,
    at_once: usize,
) -> Result<PipelinePlan, Refusal> {
    let run = context.run();
    // What the ledger knows makes the page better; who cannot read it still gets one.
    let events = context.ledger.events().await.unwrap_or_else(|error| {
        let text = format!("the ledger is left out of the plan itself: {}", Problem::of(&error).told());
        run.progress().event(Event::Warning(text));
        Vec::new()
    });
    let usual = PathBuf::from(AwsAuthEnv::FILE_NAME);
    let until = |environment: &EnvironmentName| {
        let file: &Path = files.get(environment).unwrap_or(&usual);
        AwsAuthEnv::read(file).ok().and_then(|keys| keys.expiration)
    };
    let lives: BTreeMap<EnvironmentName, AtHand> = environments
        .iter()
        .map(|name| {
            let row = pipeline.row(name).and_then(|row| row.settings.vault.ttl);
            (name.clone(), AtHand { life: row.unwrap_or(ttl), until: until(name) })
        })
        .collect();
    let desk = Desk::new(context, pipeline, &environments, files.clone(), events)?;
    let foretold = walk::walk(&desk, at_once).await?;
    let release = foretold.iter().rev().find_map(|job| job.release.clone());
    let jobs: Vec<PlannedJob> = foretold.iter().map(|job| job.planned.clone()).collect();
    let keys =
        keys(pipeline, &environments, &desk.events, |name| lives.get(name).copied().unwrap_or_default());
    let by = report::actor(context.environment());
    let asked = Asked { by, at: run.clock().now(), environments, release };
    Ok(plan(pipeline, asked, jobs, keys))
}

/// The files of `--keys`.
fn key_files(values: &mut Values<'_>) -> BTreeMap<EnvironmentName, PathBuf> {
    let mut files = BTreeMap::new();
    for text in values.list("keys") {
        let parts = text.split_once('=').and_then(|(name, file)| Some((name.parse().ok()?, file)));
        if let Some((name, file)) = parts.filter(|(_, file)| !file.is_empty()) {
            files.insert(name, PathBuf::from(file));
        } else {
            let what = format!("--keys `{}` is no ENVIRONMENT=FILE", landfall_secret::escape(&text, 120));
            values.problem("LF-CONFIG", &what, None);
        }
    }
    files
}

/// What the exit code is for. The page has each problem, so that they are not said again.
fn blocked(planned: &PipelinePlan) -> Option<Problem> {
    let class = gravest(planned.in_the_way.iter().map(|one| &one.problem), false)?;
    let count = planned.in_the_way.len();
    let verb = if count == 1 { "stands" } else { "stand" };
    let what = format!("{} {verb} in the way of {}", counted(count, "thing"), planned.pipeline);
    Some(
        Problem::new("LF-PLAN-IN-THE-WAY", class, what)
            .with_remedy("the plan names each, with what would help"),
    )
}
