//! `update-version-dashboard`: records the deployment in the ledger and draws the page from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use landfall_artifacts::{
    Class, DeployOutcome, DeployReport, DeployedFunction, Digest, EnvironmentName, EventKind, FileError,
    FunctionState, ImageLock, JiraTickets, LedgerEvent, LedgerItem, Mode, Problem, RegionKey, ReleaseId,
    Settings, Versions,
};
use landfall_dashboard::{
    Cell, Environment, FunctionRow, HistoryRow, LedgerState, Page, ReleaseRow, ReleaseState, TicketRow,
    render,
};
use landfall_ledger::{Deployed, Draft, FolderLedger, deployments, releases};
use landfall_run::{Event, Run};

use crate::recorded::version_of;
use crate::{Finished, Item, Outcome, Output, Places, Recorded, Refusal, Target};

/// Items of one event; a larger deployment is recorded in several.
const ITEMS_OF_AN_EVENT: usize = 100;

/// Rows of the history.
const HISTORY: usize = 200;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// `deploy-report.json`.
    pub report: PathBuf,
    /// `jira-tickets.json`, shown where it is there.
    pub tickets: PathBuf,
    /// Where the page goes.
    pub page: PathBuf,
    /// What the page is about.
    pub title: String,
    /// The repo's settings, for the environments' kinds and regions.
    pub settings: Settings,
}

/// Records what the deployment report confirms as a `deployment` event, unless the ledger says so already, and writes one
/// readable HTML page.
///
/// Acts on: the ledger, and the page. Repeating it records nothing twice.
///
/// # Errors
/// No environment; bad files; a report of another environment; a damaged ledger.
pub async fn run(config: &Config, ledger: &FolderLedger, output: &Output, run: &Run) -> Outcome {
    let environment = environment(config)?;
    let versions = Versions::read(&config.places.versions)?;
    let report = optional(DeployReport::read(&config.report))?;
    let mut finished = Finished { release: Some(config.target.release_of(&versions)), ..Finished::default() };
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
    let mut events = ledger.events()?;
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
    let is_stale = is_rolled_back(&events, &environment, &release);
    if is_stale && !confirmed.is_empty() {
        finished.warnings.push(format!(
            "the deployment of {} was rolled back since: nothing is recorded of it",
            config.report.display()
        ));
    }
    let news =
        !is_stale && !confirmed.is_empty() && !is_recorded(&events, &environment, &release, &confirmed);
    if news && !output.is_dry_run() {
        let draft = Draft {
            release: Some(release.clone()),
            environment: Some(environment.clone()),
            items: confirmed.clone(),
            ..Draft::new(EventKind::Deployment)
        };
        for part in draft.in_parts(ITEMS_OF_AN_EVENT) {
            match ledger.append(part).await {
                Ok(head) => {
                    let name = format!("ledger record {}", head.sequence);
                    finished.items.push(Item::new(name, "recorded").changed());
                }
                Err(error) => {
                    finished.problems.push(Problem::of(&error));
                    break;
                }
            }
        }
        match ledger.events() {
            Ok(with_news) => events = with_news,
            Err(error) => finished.problems.push(Problem::of(&error)),
        }
    } else if news {
        finished.items.push(Item::new(format!("deployment of {release} to {environment}"), "planned"));
    }
    let page = page(config, ledger, &environment, &events, tickets.as_ref(), run);
    // The ledger may have the news already, so what stands in the way of the page is told beside it.
    match output.write(&config.page, render(&page).as_bytes(), Mode::Shared) {
        Ok(file) => finished.files.push(file),
        Err(error) => finished.problems.push(Problem::of(&error)),
    }
    finished.release = Some(release);
    finished.summary = format!(
        "{} functions in {} environments on {}{}",
        page.functions.len(),
        page.environments.len(),
        config.page.display(),
        if news { "" } else { ", nothing new to record" }
    );
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

/// Whether the ledger shows for this environment that each of these functions came to this digest by this release.
fn is_recorded(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
    items: &[LedgerItem],
) -> bool {
    let standing: BTreeMap<String, (Option<Digest>, Option<ReleaseId>)> = deployments(events)
        .into_iter()
        .filter(|deployed| deployed.environment == *environment)
        .map(|deployed| (deployed.function, (deployed.digest, deployed.release)))
        .collect();
    items.iter().all(|item| {
        standing
            .get(&item.name)
            .is_some_and(|(digest, by)| *digest == item.digest && by.as_ref() == Some(release))
    })
}

/// Whether the newest that was done to the environment is a rollback of this release: then a report of its deployment is older
/// than what runs.
fn is_rolled_back(events: &[LedgerEvent], environment: &EnvironmentName, release: &ReleaseId) -> bool {
    let last = |is_meant: fn(&LedgerEvent) -> bool| {
        let here = |event: &&LedgerEvent| event.environment.as_ref() == Some(environment);
        events.iter().filter(here).rfind(|event| is_meant(event))
    };
    // Intents of a rollback name the release that is rolled back.
    let undone =
        last(|event| event.kind == EventKind::Intent && event.stage.as_deref() == Some("rollback-lambda"));
    if undone.and_then(|event| event.release.as_ref()).is_some_and(|undone| undone != release) {
        return false;
    }
    let newest = |is_meant| last(is_meant).map(|event| event.sequence);
    let deployed =
        newest(|event| event.kind == EventKind::Intent && event.stage.as_deref() == Some("deploy-lambda"));
    let rolled_back = newest(|event| event.kind == EventKind::Rollback);
    // Where the ledger saw no deployment begin, it cannot tell which came first.
    deployed.is_some() && rolled_back > deployed
}

fn page(
    config: &Config,
    ledger: &FolderLedger,
    current: &EnvironmentName,
    events: &[LedgerEvent],
    tickets: Option<&JiraTickets>,
    run: &Run,
) -> Page {
    let deployed = deployments(events);
    let mut page = Page::new(config.title.clone(), run.clock().now());
    page.environments = environments(config, current, &deployed);
    page.functions = functions(&deployed);
    page.releases = release_rows(events);
    page.history = history(events);
    page.tickets = tickets.map(ticket_rows).unwrap_or_default();
    let verified = ledger.verify(None);
    page.ledger = Some(LedgerState {
        place: ledger.folder().display().to_string(),
        records: verified.as_ref().map_or(0, |verified| verified.records),
        head: verified.as_ref().ok().and_then(|verified| verified.head).map(|head| head.digest),
        problem: verified.err().map(|error| error.to_string()),
    });
    page
}

/// Rows of the settings first, then what the ledger knows besides.
fn environments(config: &Config, current: &EnvironmentName, deployed: &[Deployed]) -> Vec<Environment> {
    let mut names: Vec<EnvironmentName> = config.settings.environments.keys().cloned().collect();
    let known: BTreeSet<EnvironmentName> = names.iter().cloned().collect();
    let others: BTreeSet<&EnvironmentName> = deployed
        .iter()
        .map(|deployed| &deployed.environment)
        .chain([current])
        .filter(|name| !known.contains(*name))
        .collect();
    names.extend(others.into_iter().cloned());
    // Those that come before stand before; the rest keeps the order of their names.
    names.sort_by_key(|name| config.settings.environments.get(name).map_or(0, |row| row.after.len()));
    names
        .into_iter()
        .map(|name| Environment {
            kind: config
                .settings
                .environments
                .get(&name)
                .map(|row| row.kind.as_str().to_owned())
                .unwrap_or_default(),
            region: config
                .settings
                .region_key(&name)
                .map(|key: RegionKey| key.to_string())
                .unwrap_or_default(),
            name,
        })
        .collect()
}

fn functions(deployed: &[Deployed]) -> Vec<FunctionRow> {
    let mut rows: BTreeMap<&str, FunctionRow> = BTreeMap::new();
    for one in deployed {
        let row = rows.entry(&one.function).or_insert_with(|| FunctionRow {
            name: one.function.clone(),
            project: None,
            cells: BTreeMap::new(),
        });
        row.project = row.project.take().or_else(|| one.project.as_ref().map(ToString::to_string));
        let cell = Cell {
            version: one.version.as_ref().map(ToString::to_string),
            digest: one.digest,
            since: one.time,
            by: one.actor.name.clone(),
            run: one.run.clone(),
            rolled_back: one.rolled_back,
            seen: None,
        };
        row.cells.insert(one.environment.clone(), cell);
    }
    rows.into_values().collect()
}

fn release_rows(events: &[LedgerEvent]) -> Vec<ReleaseRow> {
    releases(events)
        .into_iter()
        .map(|life| {
            let state = match life.rejected {
                Some((by, _, reason)) => {
                    ReleaseState::Dead { by: by.name, reason: reason.unwrap_or_default() }
                }
                None if !life.promoted.is_empty() => ReleaseState::Promoted,
                None => ReleaseState::Going,
            };
            ReleaseRow {
                release: life.release.to_string(),
                began: life.began,
                environments: life.environments.into_iter().collect(),
                state,
            }
        })
        .collect()
}

/// Intents and their outcomes are evidence for an auditor; the page shows what came of them.
fn history(events: &[LedgerEvent]) -> Vec<HistoryRow> {
    events
        .iter()
        .rev()
        .filter(|event| !matches!(event.kind, EventKind::Intent | EventKind::Lock | EventKind::Unlock))
        .filter(|event| {
            event.kind != EventKind::Outcome || event.outcome != Some(landfall_artifacts::EffectResult::Done)
        })
        .take(HISTORY)
        .map(|event| HistoryRow {
            at: event.time,
            kind: event.kind.as_str().to_owned(),
            environment: event.environment.as_ref().map(ToString::to_string),
            release: event.release.as_ref().map(ToString::to_string),
            what: what(event),
            by: event.actor.name.clone(),
            run: event.run.clone(),
            well: event.outcome.is_none_or(|outcome| outcome == landfall_artifacts::EffectResult::Done),
        })
        .collect()
}

fn what(event: &LedgerEvent) -> String {
    let named = |item: &LedgerItem| match &item.version {
        Some(version) => format!("{} {version}", item.name),
        None => item.name.clone(),
    };
    let mut items: Vec<String> = event.items.iter().take(6).map(named).collect();
    if event.items.len() > items.len() {
        items.push(format!("and {} more", event.items.len() - items.len()));
    }
    let action = event
        .action
        .as_deref()
        .map(|action| format!("{action} {}: ", event.target.as_deref().unwrap_or_default()));
    let reason = event.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{}{reason}", action.unwrap_or_default(), items.join(", "))
}

fn ticket_rows(tickets: &JiraTickets) -> Vec<TicketRow> {
    tickets
        .tickets
        .iter()
        .map(|ticket| TicketRow {
            key: ticket.key.to_string(),
            url: ticket.url.to_string(),
            region: ticket.region.to_string(),
            release: tickets.release.to_string(),
            status: None,
        })
        .collect()
}
