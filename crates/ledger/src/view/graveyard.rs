//! Releases that died: where, of what, when, by whom, and how old they became.

use std::collections::{BTreeSet, HashMap};

use landfall_artifacts::{EnvironmentName, EventKind, LedgerEvent, ReleaseId};
use schemars::JsonSchema;
use serde::Serialize;

use super::contents::{Content, Contents};
use super::happened;
use super::mark::Mark;
use super::moment::Moment;
use super::words::suite;
use crate::life::Cause;

/// A release that died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Death<'a> {
    /// The release.
    pub release: &'a ReleaseId,
    /// What it died of.
    pub cause: Cause,
    /// The environment that it died in, or at the gate of; `null` where none was told.
    pub environment: Option<&'a EnvironmentName>,
    /// The suite that failed, where it was told.
    pub suite: Option<&'a str>,
    /// Why.
    pub why: Option<&'a str>,
    /// Who or what killed it, when, by which record.
    #[serde(flatten)]
    pub mark: Mark<'a>,
    /// Its first record.
    pub began: Moment,
    /// From its first record to its death.
    pub age_seconds: u64,
    /// Where it had come to.
    pub environments: Vec<&'a EnvironmentName>,
    /// What it consisted of.
    pub contents: Vec<Content<'a>>,
    /// Further failed tests and rejections after it died.
    pub further: u64,
}

/// All releases that died.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Graveyard<'a> {
    /// Those that died last first.
    pub deaths: Vec<Death<'a>>,
}

/// All releases that died, each by what killed it first.
pub fn graveyard(events: &[LedgerEvent]) -> Graveyard<'_> {
    let mut began: HashMap<&ReleaseId, &LedgerEvent> = HashMap::new();
    let mut deaths: Vec<Death<'_>> = Vec::new();
    let mut places: HashMap<&ReleaseId, usize> = HashMap::new();
    for event in events {
        let Some(release) = &event.release else { continue };
        let first = *began.entry(release).or_insert(event);
        let Some(cause) = Cause::of(event) else { continue };
        if let Some(dead) = places.get(release).and_then(|at| deaths.get_mut(*at)) {
            dead.further += 1;
            continue;
        }
        places.insert(release, deaths.len());
        deaths.push(Death {
            release,
            cause,
            environment: event.environment.as_ref(),
            suite: suite(event),
            why: event.reason.as_deref(),
            mark: Mark::of(event),
            began: Moment(first.time),
            age_seconds: u64::try_from((event.time - first.time).whole_seconds()).unwrap_or(0),
            environments: Vec::new(),
            contents: Vec::new(),
            further: 0,
        });
    }
    let mut gathered: Vec<(Contents<'_>, BTreeSet<&EnvironmentName>)> = Vec::new();
    gathered.resize_with(deaths.len(), Default::default);
    for event in events {
        let place = event.release.as_ref().and_then(|release| places.get(release));
        let Some((contents, environments)) = place.and_then(|at| gathered.get_mut(*at)) else { continue };
        contents.add(event);
        if event.kind == EventKind::Deployment && happened(event) {
            environments.extend(&event.environment);
        }
    }
    for (death, (contents, environments)) in deaths.iter_mut().zip(gathered) {
        death.contents = contents.into_list();
        death.environments = environments.into_iter().collect();
    }
    deaths.reverse();
    Graveyard { deaths }
}
