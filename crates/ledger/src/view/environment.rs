//! One environment, and all of them in short.

use std::collections::BTreeMap;

use landfall_artifacts::{EffectResult, EnvironmentName, LedgerEvent, ReleaseId};
use schemars::JsonSchema;
use serde::Serialize;

use super::comings::{Coming, comings};
use super::mark::Mark;
use super::standing::Running;
use super::words::verdict;

/// All environments, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overview<'a> {
    /// By name.
    pub environments: Vec<Line<'a>>,
}

/// An environment in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// How many functions run there.
    pub functions: u64,
    /// What came there last.
    pub latest: Arrival<'a>,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Environment<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// What runs there, by function.
    pub running: Vec<Running<'a>>,
    /// What came there, newest first.
    pub arrivals: Vec<Arrival<'a>>,
}

/// A deployment or a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Arrival<'a> {
    /// The release; of a rollback over several, the first.
    pub release: Option<&'a ReleaseId>,
    /// Whether it was a rollback.
    pub is_rollback: bool,
    /// How many functions.
    pub functions: u64,
    /// How it ended.
    pub outcome: EffectResult,
    /// Why, where it was told.
    pub why: Option<&'a str>,
    /// The newest test there between this and what came next: whether it passed.
    pub tested: Option<Tested<'a>>,
    /// Who, when, by which record, its first.
    #[serde(flatten)]
    pub mark: Mark<'a>,
}

/// A test's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tested<'a> {
    /// How it ended: `unknown` where the tests themselves did not work.
    pub outcome: EffectResult,
    /// Who, when, by which record.
    #[serde(flatten)]
    pub mark: Mark<'a>,
}

/// All environments that something came to. `standing` is what runs where now.
pub fn overview<'a>(events: &'a [LedgerEvent], standing: &[Running<'a>]) -> Overview<'a> {
    let mut functions: BTreeMap<&EnvironmentName, u64> = BTreeMap::new();
    for running in standing {
        *functions.entry(running.environment).or_default() += 1;
    }
    let mut newest: BTreeMap<&EnvironmentName, Arrival<'a>> = BTreeMap::new();
    for (environment, arrival) in arrivals(events, None) {
        newest.insert(environment, arrival);
    }
    let line = |(environment, latest)| Line {
        environment,
        functions: functions.get(environment).copied().unwrap_or(0),
        latest,
    };
    Overview { environments: newest.into_iter().map(line).collect() }
}

/// One environment; `None` where nothing ever came to it. `standing` is what runs where now.
pub fn environment<'a>(
    events: &'a [LedgerEvent],
    standing: &[Running<'a>],
    wanted: &EnvironmentName,
) -> Option<Environment<'a>> {
    let arrivals = arrivals(events, Some(wanted));
    let environment = arrivals.first()?.0;
    Some(Environment {
        environment,
        running: standing.iter().filter(|running| running.environment == wanted).cloned().collect(),
        arrivals: arrivals.into_iter().rev().map(|(_, arrival)| arrival).collect(),
    })
}

/// What came, oldest first, to one environment or to all of them, each with its newest test.
fn arrivals<'a>(
    events: &'a [LedgerEvent],
    wanted: Option<&EnvironmentName>,
) -> Vec<(&'a EnvironmentName, Arrival<'a>)> {
    let is_wanted = |environment: &EnvironmentName| wanted.is_none_or(|wanted| wanted == environment);
    let comings: Vec<Coming<'a>> =
        comings(events).into_iter().filter(|coming| is_wanted(coming.environment)).collect();
    let mut began: BTreeMap<u64, usize> = BTreeMap::new();
    let mut arrivals: Vec<(&'a EnvironmentName, Arrival<'a>)> = Vec::with_capacity(comings.len());
    for coming in &comings {
        began.insert(coming.first.sequence, arrivals.len());
        arrivals.push((
            coming.environment,
            Arrival {
                release: coming.release(),
                is_rollback: coming.is_rollback(),
                functions: coming.functions(|_| true),
                outcome: coming.outcome(),
                why: coming.first.reason.as_deref(),
                tested: None,
                mark: Mark::of(coming.first),
            },
        ));
    }
    let mut standing: BTreeMap<&EnvironmentName, usize> = BTreeMap::new();
    for event in events {
        let Some(environment) = event.environment.as_ref().filter(|name| is_wanted(name)) else { continue };
        if let Some(at) = began.get(&event.sequence) {
            standing.insert(environment, *at);
        } else if let Some(outcome) = verdict(event)
            && let Some((_, arrival)) = standing.get(environment).and_then(|at| arrivals.get_mut(*at))
            && (event.release.is_none() || event.release.as_ref() == arrival.release)
        {
            arrival.tested = Some(Tested { outcome, mark: Mark::of(event) });
        }
    }
    arrivals
}
