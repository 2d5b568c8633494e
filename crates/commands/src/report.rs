//! The report of a stage, and what the ledger is told of the run.

use std::time::Duration;

use landfall_artifacts::{Actor, OutcomeKind, Report, ReportItem, ReportTraffic, Shard};
use landfall_cli::{Environment, Kind};
use landfall_run::{Run, Signal};
use landfall_stages::{Finished, Target};
use time::OffsetDateTime;

use crate::Context;

/// What a report says besides the stage's own result.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) stage: &'static str,
    pub(crate) target: Target,
    pub(crate) shard: Option<Shard>,
    pub(crate) dry_run: bool,
    pub(crate) started_at: OffsetDateTime,
    pub(crate) duration: Duration,
    pub(crate) signal: Option<Signal>,
    pub(crate) config: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Written {
    /// Of a stage that ended before anything of it was known.
    pub(crate) fn nothing(stage: &'static str, run: &Run) -> Self {
        Self {
            stage,
            target: Target::default(),
            shard: None,
            dry_run: false,
            started_at: run.clock().now(),
            duration: Duration::ZERO,
            signal: None,
            config: std::collections::BTreeMap::new(),
        }
    }
}

/// The report.
pub(crate) fn make(written: &Written, finished: &Finished, kind: OutcomeKind, code: u8, run: &Run) -> Report {
    let environment = written.target.environment.clone();
    let items = finished
        .items
        .iter()
        .map(|item| ReportItem {
            name: item.name.clone(),
            environment: environment.clone(),
            shard: written.shard,
            outcome: item.outcome.to_owned(),
            changed: item.changed,
            duration_ms: item.duration_ms,
            bytes: item.bytes,
            problem: item.problem.clone(),
            details: item.details.clone(),
        })
        .collect();
    Report {
        stage: written.stage.to_owned(),
        outcome: kind,
        exit_code: code,
        dry_run: written.dry_run,
        release: written.target.release.clone().or_else(|| finished.release.clone()),
        environment,
        shard: written.shard,
        started_at: written.started_at,
        duration_ms: u64::try_from(written.duration.as_millis()).unwrap_or(u64::MAX),
        items,
        requests: run.counters().requests(),
        retries: run.counters().retries(),
        traffic: Some(traffic(run)),
        problems: finished.all_problems(),
        warnings: finished.warnings.clone(),
        summary: finished.summary.clone(),
        files: finished.files.clone(),
        config: written.config.clone(),
    }
}

fn traffic(run: &Run) -> ReportTraffic {
    let counters = run.counters();
    let bytes = counters.traffic();
    ReportTraffic {
        received_bytes: bytes.received_bytes,
        sent_bytes: bytes.sent_bytes,
        resumed_bytes: counters.resumed(),
        throttled: counters.throttled(),
    }
}

/// The report's text, without known secrets.
pub(crate) fn to_text(report: &Report, run: &Run) -> String {
    run.redactor().redact(&String::from_utf8_lossy(&report.to_bytes()))
}

/// The configuration as it was used, secrets left out of it.
pub(crate) fn config(context: &Context) -> std::collections::BTreeMap<String, serde_json::Value> {
    let values = context.values();
    // Before values are cut: of a secret across the end its beginning would stay.
    let redactor = context.run().redactor();
    let shown = |option: &landfall_cli::Opt| match option.kind {
        Kind::Secret => values.secret(option.name).map(|_| "<redacted>".to_owned()),
        // What follows the program may be anything, a password too.
        Kind::Rest(_) => values.rest(option.name).into_iter().next(),
        Kind::Value(_) | Kind::List(_) | Kind::Switch | Kind::Positional(_) => {
            values.text(option.name).map(|text| option.shown_value(&text))
        }
    };
    context
        .options
        .iter()
        .filter_map(|option| {
            Some((
                option.name.to_owned(),
                serde_json::Value::from(landfall_secret::escape(&redactor.redact(&shown(option)?), 400)),
            ))
        })
        .collect()
}

/// Who runs this, from the variables in which CI systems say so. GitHub's actor stays who started a run first, also where somebody
/// else starts it again.
pub(crate) fn actor(environment: &Environment) -> Actor {
    let from = |name: &str| {
        environment.get(name).map(|value| (landfall_secret::escape(value, 120), name.to_owned()))
    };
    let (name, source) = ["GITLAB_USER_LOGIN", "GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| from(name))
        .unwrap_or_else(|| ("unknown".to_owned(), "no variable names a user".to_owned()));
    Actor { name, source }
}

/// The address of the CI job, where there is one.
pub(crate) fn run_link(environment: &Environment) -> Option<String> {
    if let Some(link) = environment.get("CI_JOB_URL").or_else(|| environment.get("CI_PIPELINE_URL")) {
        return Some(landfall_secret::escape(link, 300));
    }
    let server = environment.get("GITHUB_SERVER_URL")?;
    let (repository, id) = (environment.get("GITHUB_REPOSITORY")?, environment.get("GITHUB_RUN_ID")?);
    Some(landfall_secret::escape(&format!("{server}/{repository}/actions/runs/{id}"), 300))
}
