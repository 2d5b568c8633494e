//! `update-version-dashboard`: records the deployment in the ledger and draws the pages from it.

mod news;
mod record;

use std::path::PathBuf;

use landfall_artifacts::{
    Class, DeployOutcome, DeployReport, DeployedFunction, EnvironmentName, FileError, FunctionState,
    ImageLock, JiraTickets, LedgerEvent, LedgerItem, Problem, Settings, Versions,
};
use landfall_ledger::Ledger;
use landfall_run::{Event, Run};

use crate::dashboard::{self, Material, Post, state_of};
use crate::deploy_parts::read_whole;
use crate::recorded::version_of;
use crate::{Finished, Item, Outcome, Output, Places, Recorded, Refusal, Target};
use record::Unrecorded;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// `deploy-report.json`, or what the parts of a deployment left beside it.
    pub report: PathBuf,
    /// `jira-tickets.json`, shown where it is there.
    pub tickets: PathBuf,
    /// Where the index goes, an HTML file, or the folder that gets it; the other pages go into a folder beside it.
    pub page: PathBuf,
    /// What the page is about.
    pub title: String,
    /// The repo's settings, for the environments' kinds and regions.
    pub settings: Settings,
    /// A dashboard of others that is told too.
    pub post: Option<Post>,
}

/// Records what the deployment report confirms as a `deployment` event, unless the ledger says so already, and draws the
/// pages from it. What is recorded meanwhile, such as a rollback, is read before anything is recorded after it.
///
/// Acts on: the ledger, and the pages. Repeating it records nothing twice.
///
/// # Errors
/// No environment; bad files; a report of another environment; a damaged ledger.
pub async fn run(config: &Config, ledger: &Ledger, output: &Output, run: &Run) -> Outcome {
    let environment = environment(config)?;
    let versions = Versions::read(&config.places.versions)?;
    let mut finished = Finished { release: Some(config.target.release_of(&versions)), ..Finished::default() };
    let report = read_whole(&config.report)?.map(|whole| {
        finished.warnings.extend(whole.warnings);
        whole.report
    });
    if let Some(other) =
        report.as_ref().and_then(|report| report.environment.as_ref()).filter(|other| **other != environment)
    {
        return Err(Refusal::one(
            Problem::new(
                "LF-DASHBOARD-ENVIRONMENT",
                Class::Input,
                format!("{} is of environment {other}, not {environment}", config.report.display()),
            )
            .with_remedy("run this stage in the same environment as deploy-lambda"),
        ));
    }
    run.progress().event(Event::Phase { name: "read the ledger".into(), items: None });
    let (mut events, mut verified) = ledger.follow().await?;
    let lock = optional(ImageLock::read(&config.places.lock))?;
    let tickets = optional(JiraTickets::read(&config.tickets))?;
    let confirmed = confirmed(report.as_ref(), lock.as_ref(), &events);
    match &report {
        None if !versions.is_empty() => finished.warnings.push(format!(
            "{} is not there: nothing is recorded, the page shows what was known",
            config.report.display()
        )),
        Some(_) | None => {}
    }
    let release = report
        .as_ref()
        .and_then(|report| report.release.clone())
        .unwrap_or_else(|| config.target.release_of(&versions));
    let mut unrecorded = Unrecorded::of(&environment, &release, confirmed, &events);
    if unrecorded.is_any() && output.is_dry_run() {
        finished.items.push(Item::new(format!("deployment of {release} to {environment}"), "planned"));
    } else if unrecorded.is_any() {
        unrecorded.record(ledger, &mut finished).await;
        match ledger.follow().await {
            Ok(with_news) => (events, verified) = with_news,
            Err(error) => finished.problems.push(Problem::of(&error)),
        }
    }
    finished.warnings.extend(unrecorded.left_out(&config.report));
    let material = Material {
        title: &config.title,
        settings: &config.settings,
        environment: Some(&environment),
        tickets: tickets.as_ref(),
        drift: None,
        ledger: Some(state_of(ledger, &verified)),
        now: run.clock().now(),
    };
    let site = dashboard::site(&events, &material);
    // The ledger may have the news already, so what stands in the way of the pages is told beside it.
    match dashboard::put(&config.page, &site, output) {
        Ok((file, kept)) => {
            finished.files.push(file);
            finished.items.push(Item::new(format!("pages: {kept}"), "drawn"));
        }
        Err(error) => finished.problems.push(Problem::of(&error)),
    }
    if let Some(post) = config.post.as_ref().filter(|_| !output.is_dry_run()) {
        post.tell(&site, &[&environment], run, &mut finished).await;
    }
    finished.summary = format!(
        "{} functions in {} environments on {}{}",
        site.functions.len(),
        site.environments.len(),
        config.page.display(),
        if unrecorded.is_any() { "" } else { ", nothing new to record" }
    );
    finished.release = Some(release);
    Ok(finished)
}

fn environment(config: &Config) -> Result<EnvironmentName, Refusal> {
    config.target.environment.clone().ok_or_else(|| {
        Refusal::one(
            Problem::new(
                "LF-CONFIG-MISSING",
                Class::Input,
                "the environment is missing: the page shows what runs in which",
            )
            .with_remedy("give it by --environment, or the variable CI_ENVIRONMENT_NAME"),
        )
    })
}

fn optional<T>(read: Result<T, FileError>) -> Result<Option<T>, Refusal> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the report says was seen to run, with project and version where the lock knows them, or else the ledger.
fn confirmed(
    report: Option<&DeployReport>,
    lock: Option<&ImageLock>,
    events: &[LedgerEvent],
) -> Vec<LedgerItem> {
    let functions = report.map(|report| report.functions.as_slice()).unwrap_or_default();
    let is_so = |function: &&DeployedFunction| {
        matches!(function.outcome, DeployOutcome::Updated | DeployOutcome::Unchanged)
    };
    functions
        .iter()
        .filter(is_so)
        .map(|function| {
            let code = |state: &Option<FunctionState>| state.as_ref().and_then(Recorded::of);
            let before = code(&function.before);
            let after = code(&function.after).or_else(|| before.clone());
            let digest = after.as_ref().map(Recorded::digest);
            let locked = lock.and_then(|lock| {
                lock.images.iter().find(|image| image.lambda == function.name && Some(image.digest) == digest)
            });
            let known = match locked {
                Some(image) => Some((image.project.clone(), image.version.clone())),
                None => digest.and_then(|digest| version_of(events, digest)),
            };
            let (project, version) = known.unzip();
            LedgerItem {
                name: function.name.to_string(),
                project,
                version,
                lambda: Some(function.name.clone()),
                target: after.as_ref().map(Recorded::target),
                digest,
                before: before.map(|before| before.digest()),
            }
        })
        .collect()
}
