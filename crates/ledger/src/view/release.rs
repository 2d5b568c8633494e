//! One release: what it consists of, where it came to, what was done for it.

use std::collections::BTreeMap;

use landfall_artifacts::{EffectResult, EnvironmentName, EventKind, LedgerEvent, ReleaseId};
use schemars::JsonSchema;
use serde::Serialize;

use super::comings::{Coming, comings};
use super::contents::{Content, Contents};
use super::mark::Mark;
use super::pushes::{Pushes, pushed};
use super::standing::Running;
use super::step::{Step, steps};
use crate::life::Cause;

/// One release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release<'a> {
    /// The release.
    pub release: &'a ReleaseId,
    /// Its commit: as a record of it tells it (`details.commit`), else that of the newest push that brought a tag of its contents.
    pub commit: Option<&'a str>,
    /// Its first record.
    pub began: Mark<'a>,
    /// Its newest record.
    pub latest: Mark<'a>,
    /// The record that killed it, and what of.
    pub died: Option<Died<'a>>,
    /// What it consists of, by name.
    pub contents: Vec<Content<'a>>,
    /// Where it came to, in the order of its first coming.
    pub environments: Vec<Presence<'a>>,
    /// What was done for it, oldest first; of effects only those that failed or whose end is not known.
    pub steps: Vec<Step<'a>>,
}

/// What killed a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Died<'a> {
    /// What it died of.
    pub cause: Cause,
    /// Why.
    pub why: Option<&'a str>,
    /// Who or what killed it, when, by which record.
    #[serde(flatten)]
    pub mark: Mark<'a>,
}

/// A release in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// Its first coming.
    pub came: Mark<'a>,
    /// How many functions it brought there last.
    pub functions: u64,
    /// How many functions there run what it brought last.
    pub running: u64,
    /// What began to take its place, where nothing there runs it any more.
    pub gone: Option<Mark<'a>>,
}

/// One release; `None` where nothing is recorded of it. `standing` is what runs where now.
pub fn release<'a>(
    events: &'a [LedgerEvent],
    standing: &[Running<'a>],
    wanted: &ReleaseId,
) -> Option<Release<'a>> {
    let of_it = || events.iter().filter(|event| event.release.as_ref() == Some(wanted));
    let first = of_it().next()?;
    let release = first.release.as_ref()?;
    let mut contents = Contents::default();
    let pushes = Pushes::of_all(events);
    let (mut latest, mut died, mut commit, mut push) = (first, None, None, None::<&LedgerEvent>);
    for event in of_it() {
        contents.add(event);
        latest = event;
        commit = commit.or_else(|| event.details.get("commit").and_then(|commit| commit.as_str()));
        let pushed = event.items.iter().filter_map(|item| pushes.of_item(item)).map(|push| push.intent);
        push = push.into_iter().chain(pushed).max_by_key(|push| push.sequence);
        if let (None, Some(cause)) = (&died, Cause::of(event)) {
            died = Some(Died { cause, why: event.reason.as_deref(), mark: Mark::of(event) });
        }
    }
    let is_step = |event: &LedgerEvent| {
        event.release.as_ref() == Some(wanted)
            && !matches!(event.kind, EventKind::Lock | EventKind::Unlock | EventKind::Checkpoint)
    };
    let mut steps = steps(events, is_step);
    steps.retain(|step| !step.is_effect || step.outcome != EffectResult::Done);
    Some(Release {
        release,
        commit: commit.or_else(|| pushed(push?)),
        began: Mark::of(first),
        latest: Mark::of(latest),
        died,
        contents: contents.into_list(),
        environments: presences(events, standing, wanted),
        steps,
    })
}

fn presences<'a>(
    events: &'a [LedgerEvent],
    standing: &[Running<'a>],
    wanted: &ReleaseId,
) -> Vec<Presence<'a>> {
    let mut presences: Vec<Presence<'a>> = Vec::new();
    let mut places: BTreeMap<&EnvironmentName, usize> = BTreeMap::new();
    for coming in comings(events).into_iter().filter(|coming| coming.outcome() == EffectResult::Done) {
        let place = places.get(coming.environment).and_then(|at| presences.get_mut(*at));
        let brings = coming.events().any(|event| event.release.as_ref() == Some(wanted));
        match (place, brings) {
            (None, false) => {}
            (Some(presence), false) => {
                presence.gone.get_or_insert(Mark::of(coming.first));
            }
            (Some(presence), true) => {
                presence.gone = None;
                presence.functions = functions(&coming, wanted);
            }
            (None, true) => {
                places.insert(coming.environment, presences.len());
                presences.push(Presence {
                    environment: coming.environment,
                    came: Mark::of(coming.first),
                    functions: functions(&coming, wanted),
                    running: running(standing, coming.environment, wanted),
                    gone: None,
                });
            }
        }
    }
    // What took the place of a part of it has not taken its place.
    for presence in presences.iter_mut().filter(|presence| presence.running > 0) {
        presence.gone = None;
    }
    presences
}

fn functions(coming: &Coming<'_>, wanted: &ReleaseId) -> u64 {
    coming.functions(|event| event.release.as_ref() == Some(wanted))
}

fn running(standing: &[Running<'_>], environment: &EnvironmentName, wanted: &ReleaseId) -> u64 {
    let is_its =
        |running: &&Running<'_>| running.environment == environment && running.release == Some(wanted);
    standing.iter().filter(is_its).count() as u64
}
