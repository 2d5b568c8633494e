//! `rollback-lambda`: puts every function back to what ran before a deployment, and proves it.

mod goals;
mod way;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use landfall_artifacts::{
    AliasName, Class, Digest, EnvironmentName, FileError, LambdaName, Mode, PinnedReference, Problem,
    ReleaseId, Repository,
};
use landfall_lambda_deploy::{Action, AliasBefore, ApplyOptions, Code, LambdaClient, Observed, observe};
use landfall_ledger::Ledger;
use landfall_registry::{EcrClient, EcrHost};
use landfall_run::{Event, Run};
use landfall_s3_sync::ReleaseStore;

use crate::deploy_parts::{Whole, read_whole};
use crate::deploy_record::{earlier_record, record};
use crate::recorded::Recorded;
use crate::stored_archives::StoredArchives;
use crate::{Finished, Outcome, Output, Refusal, Target};
pub use goals::{Goal, Goals};
use way::Way;

/// How many functions are looked at side by side.
const LOOKS_AT_ONCE: usize = 50;

/// What is told of the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The report of the deployment that is rolled back, or those that its parts left beside it.
    Report(PathBuf),
    /// The ledger: what ran before its newest deployment.
    Ledger,
    /// The ledger: what this release ran.
    Release(ReleaseId),
}

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where it is said what ran before.
    pub source: Source,
    /// `rollback-report.json`.
    pub report: PathBuf,
    /// The repository of images where the ledger does not say it.
    pub registry: Option<Repository>,
    /// How it is carried out. The alias is for what knows of none: the ledger, or a report that was cut off.
    pub options: ApplyOptions,
}

impl Config {
    /// The alias that is pointed to a new version of what ran before. The ledger knows digests and no versions, so what an alias
    /// is to point to has to be published.
    fn forward(&self) -> Option<&AliasName> {
        match self.source {
            Source::Report(_) => None,
            Source::Ledger | Source::Release(_) => self.options.alias.as_ref(),
        }
    }
}

/// What is to be gone back to, as the report or the ledger says it. Nobody is asked.
///
/// # Errors
/// A report that is not there, broken or of another environment; a ledger that is damaged or does not know enough.
pub async fn goals(config: &Config, ledger: &Ledger) -> Result<Goals, Refusal> {
    let environment = config.target.environment.as_ref();
    let named = || {
        environment.ok_or_else(|| {
            let what = "the environment is missing: the ledger is of all of them";
            Refusal::one(
                Problem::new("LF-CONFIG-MISSING", Class::Input, what)
                    .with_remedy("give it by --environment, or the variable CI_ENVIRONMENT_NAME"),
            )
        })
    };
    match &config.source {
        Source::Report(path) => {
            let Some(Whole { report, warnings }) = read_whole(path)? else {
                return Err(FileError::Missing { path: path.clone() }.into());
            };
            if report.environment.as_ref() != environment {
                let shown =
                    |name: Option<&_>| name.map_or_else(|| "no environment".to_owned(), ToString::to_string);
                let of = shown(report.environment.as_ref());
                let what = format!("{} is of {of}, not {}", path.display(), shown(environment));
                return Err(Refusal::one(
                    Problem::new("LF-ROLLBACK-ENVIRONMENT", Class::Input, what)
                        .with_remedy("run this stage in the same environment as deploy-lambda"),
                ));
            }
            let goals = goals::of_report(&report)?;
            Ok(Goals { warnings: [goals.warnings, warnings].concat(), ..goals })
        }
        Source::Ledger => goals::of_ledger(&ledger.events().await?, named()?, config.registry.as_ref()),
        Source::Release(release) => {
            goals::of_release(&ledger.events().await?, named()?, release, config.registry.as_ref())
        }
    }
}

/// What the stage speaks to.
#[derive(Clone, Copy, Debug)]
pub struct Deps<'a> {
    /// Lambda.
    pub client: &'a LambdaClient,
    /// ECR, which says whether images are still there; `None` where that is not asked.
    pub ecr: Option<&'a EcrClient>,
    /// Where archives are, if any are.
    pub store: Option<&'a ReleaseStore>,
    /// What ran before, and what runs again.
    pub ledger: &'a Ledger,
}

/// Archives that are to be gone back to, as far as releases in the store have them.
async fn archives<'a>(
    goals: &Goals,
    store: &'a ReleaseStore,
    environment: Option<&EnvironmentName>,
    run: &Run,
) -> Result<StoredArchives<'a>, Refusal> {
    let digest = |goal: &Goal| match goal.code {
        Some(Recorded::Archive(digest)) => Some(digest),
        Some(Recorded::Image(_)) | None => None,
    };
    let wanted: BTreeSet<Digest> = goals.functions.iter().filter_map(digest).collect();
    let found = store.find(&wanted, &environment.into_iter().collect::<Vec<_>>(), run).await?;
    Ok(StoredArchives::new(store, found.into_values()))
}

/// What the stage does where the deployment changed nothing. No client is needed for it.
///
/// # Errors
/// A report that cannot be written.
pub fn nothing(config: &Config, goals: Goals, output: &Output) -> Outcome {
    let (from, environment) = (goals.from.as_ref(), config.target.environment.as_ref());
    let mut finished = Finished::new("nothing to roll back: the deployment changed no function");
    let earlier = earlier_record(&config.report, from, environment)?;
    let report = record(from, environment, None, Vec::new(), earlier.as_ref());
    finished.files.push(output.write(&config.report, &report.to_bytes(), Mode::Shared)?);
    finished.release = goals.from;
    finished.warnings = goals.warnings;
    Ok(finished)
}

/// Acts on: the functions of one environment, and their aliases; first the alias of each, then its code, and reads both back.
/// What runs as before already is left alone, so that repeating it changes nothing.
///
/// `rollback-report.json` is written before the first change, with what runs then, and after the last. What is confirmed is
/// recorded in the ledger.
///
/// # Errors
/// Whatever stands in the way of any function, all at once, before anything is changed: one that is not there or under way, an
/// image that ECR no longer has, an archive that is gone or was written over.
pub async fn run(config: &Config, mut goals: Goals, deps: Deps<'_>, output: &Output, run: &Run) -> Outcome {
    let Deps { client, ecr, store, ledger } = deps;
    let environment = config.target.environment.as_ref();
    let events = ledger.events().await?;
    if let Source::Report(_) = config.source {
        let warnings = goals::of_the_dead(&events, environment, &goals);
        goals.warnings.extend(warnings);
    }
    let from = goals.from.as_ref();
    let count = goals.functions.len() as u64;
    run.progress().event(Event::Phase { name: "look at the functions".into(), items: Some(count) });
    let observed = look(config, &goals, client, run).await;
    let stored = match store {
        Some(store) => Some(archives(&goals, store, environment, run).await?),
        None => None,
    };
    let mut config = config.clone();
    config.options.archives = stored.as_ref().map(StoredArchives::by_digest).unwrap_or_default();
    let config = &config;
    let (way, mut problems) = Way::plan(config, &goals, &observed, &events, client.place());
    if let Some(stored) = &stored {
        problems.extend(stored.problems(&way.plan, run).await.into_values());
    }
    if let Some(ecr) = ecr {
        problems.extend(gone(&way, ecr, run).await?);
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    let earlier = earlier_record(&config.report, from, environment)?;
    let before = record(from, environment, None, way.plan.record(), earlier.as_ref());
    if output.is_dry_run() {
        let mut finished = way.foretold();
        finished.files.push(output.write(&config.report, &before.to_bytes(), Mode::Shared)?);
        finished.release = goals.from;
        finished.warnings = goals.warnings;
        return Ok(finished);
    }
    let mut files = vec![output.write(&config.report, &before.to_bytes(), Mode::Shared)?];

    run.progress().event(Event::Phase { name: "roll back".into(), items: Some(way.todo() as u64) });
    let (ended, problem) = way.go(config, from, client, run).await;

    let mut finished = way.finish(&ended, goals.left_alone, run);
    finished.problems.extend(problem);
    let report = record(from, environment, None, way.deployed(&ended), earlier.as_ref());
    match output.write(&config.report, &report.to_bytes(), Mode::Shared) {
        Ok(file) => files = vec![file],
        Err(error) => finished.problems.push(Problem::of(&error)),
    }
    written::write_down(&way, environment, from, &ended, ledger, &mut finished).await;
    finished.files = files;
    finished.release = goals.from;
    finished.warnings = goals.warnings;
    Ok(finished)
}

/// Looks at all functions, each with the alias that it is to get back.
async fn look(config: &Config, goals: &Goals, client: &LambdaClient, run: &Run) -> Vec<Observed> {
    let mut by_alias: BTreeMap<Option<_>, Vec<LambdaName>> = BTreeMap::new();
    for goal in &goals.functions {
        let alias = goal.alias.as_ref().map(AliasBefore::name).or(config.forward());
        by_alias.entry(alias).or_default().push(goal.function.clone());
    }
    let mut observed = Vec::new();
    for (alias, names) in by_alias {
        observed.extend(observe(client, &names, alias, LOOKS_AT_ONCE, run).await);
    }
    observed
}

/// Images that are to be gone back to and that ECR no longer has.
async fn gone(way: &Way<'_>, ecr: &EcrClient, run: &Run) -> Result<Vec<Problem>, Refusal> {
    let mut by_repository: BTreeMap<&Repository, Vec<(&LambdaName, &PinnedReference)>> = BTreeMap::new();
    for step in way.plan.steps.iter().filter(|step| step.action != Action::Unchanged) {
        if let Code::Image { image, .. } = &step.desired.code {
            by_repository.entry(image.repository()).or_default().push((&step.desired.function, image));
        }
    }
    let mut problems = Vec::new();
    for (repository, wanted) in by_repository {
        let name = "look for the images in ECR".into();
        run.progress().event(Event::Phase { name, items: Some(wanted.len() as u64) });
        let digests: BTreeSet<Digest> = wanted.iter().map(|(_, image)| image.digest()).collect();
        let digests: Vec<Digest> = digests.into_iter().collect();
        let ecr = match EcrHost::parse(repository.host()) {
            Some(host) => ecr.clone().of_account(host.account),
            None => ecr.clone(),
        };
        let there = ecr.digests_there(repository.path(), &digests, run).await?;
        for (function, image) in wanted.iter().filter(|(_, image)| !there.contains(&image.digest())) {
            let what = format!("{function} ran {image}, which is no longer there");
            problems.push(Problem::new("LF-ROLLBACK-GONE", Class::Refused, what).with_remedy(
                "roll back to a release whose images are there (--to), or build and deploy that version anew; \
                 let clean-up keep what runs (docs/access.md)",
            ));
        }
    }
    Ok(problems)
}
