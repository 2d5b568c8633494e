//! One pass over the events: deployments, which of them failed, and how long failures lasted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use landfall_artifacts::{EffectResult, EnvironmentName, EventKind, LedgerEvent, ReleaseId};
use serde_json::Value;
use time::OffsetDateTime;

use crate::view::pushes::{Pushes, commit_time};
use crate::view::words::{from, function_name, verdict};

/// What happened in an environment.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its deployments, oldest first.
    pub(super) deployments: Vec<Deployment>,
    /// Failures that ended.
    pub(super) restored: Vec<Restored>,
    /// Since when it has failed, where it does still.
    pub(super) failing_since: Option<OffsetDateTime>,
}

/// One deployment.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) at: OffsetDateTime,
    pub(super) was_done: bool,
    pub(super) has_failed: bool,
    pub(super) lead_seconds: Option<u64>,
}

/// The end of a failure.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) at: OffsetDateTime,
    pub(super) after_seconds: u64,
}

/// When a release began, by its commit or its first record.
struct Beginning {
    first: OffsetDateTime,
    first_record: u64,
    commit: Option<OffsetDateTime>,
}

/// What came to an environment last, so that its further records are known as such.
#[derive(PartialEq)]
struct Came<'a> {
    kind: EventKind,
    of: Of<'a>,
    outcome: EffectResult,
}

#[derive(PartialEq)]
enum Of<'a> {
    Release(&'a ReleaseId),
    Job(Option<&'a str>, Option<&'a str>),
}

/// A deployment that did not come to be.
struct Tried<'a> {
    release: Option<&'a ReleaseId>,
    /// The functions that it did not bring. It may have brought others, which are recorded as any deployment.
    missing: BTreeSet<&'a str>,
}

/// What a rollback was from, where it tells.
#[derive(PartialEq)]
struct Undone<'a>(Option<&'a str>);

/// An environment while events are read.
#[derive(Default)]
struct State<'a> {
    told: Told,
    last: Option<Came<'a>>,
    /// Which of the deployments stands there, and its release.
    stands: Option<(usize, Option<&'a ReleaseId>)>,
    /// When the newest commit of that was made, where its lead time is known by it.
    commit: Option<OffsetDateTime>,
    /// The deployment that was tried last and did not come to be, as long as nothing followed it.
    tried: Option<Tried<'a>>,
    /// The rollback that nothing followed.
    undone: Option<Undone<'a>>,
    /// Releases that were there before.
    seen: HashSet<&'a ReleaseId>,
}

/// What happened in each environment that something was deployed to.
pub(super) fn environments(events: &[LedgerEvent]) -> BTreeMap<&EnvironmentName, Told> {
    let mut beginnings: HashMap<&ReleaseId, Beginning> = HashMap::new();
    let mut states: BTreeMap<&EnvironmentName, State<'_>> = BTreeMap::new();
    let mut pushes = Pushes::default();
    for event in events {
        pushes.add(event);
        if let Some(release) = &event.release {
            let beginning = beginnings.entry(release).or_insert_with(|| Beginning {
                first: event.time,
                first_record: event.sequence,
                commit: None,
            });
            beginning.commit = beginning.commit.or_else(|| commit_time(event));
        }
        let Some(environment) = &event.environment else { continue };
        match event.kind {
            EventKind::Deployment | EventKind::Rollback => {
                let beginning = event.release.as_ref().and_then(|release| beginnings.get(release));
                let commit = beginning.and_then(|beginning| beginning.commit);
                let state = states.entry(environment).or_default();
                state.came(event, beginning, commit.or_else(|| pushes.newest_commit(event)));
            }
            EventKind::Test | EventKind::Rejection => {
                if let Some(state) = states.get_mut(environment) {
                    state.judged(event);
                }
            }
            _ => {}
        }
    }
    states.into_iter().map(|(environment, state)| (environment, state.told)).collect()
}

impl<'a> State<'a> {
    /// `commit` is when the newest commit was made of what the event tells of.
    fn came(
        &mut self,
        event: &'a LedgerEvent,
        beginning: Option<&Beginning>,
        commit: Option<OffsetDateTime>,
    ) {
        let outcome = event.outcome.unwrap_or(EffectResult::Done);
        let of = match &event.release {
            Some(release) if event.kind == EventKind::Deployment => Of::Release(release),
            Some(_) | None => Of::Job(event.run.as_deref(), event.reason.as_deref()),
        };
        let came = Came { kind: event.kind, of, outcome };
        let is_same = self.last.as_ref() == Some(&came);
        match (event.kind, outcome) {
            // It is left out: the records before and after it follow each other.
            (_, EffectResult::Unknown) => return,
            (EventKind::Deployment, EffectResult::Failed) => self.misses(event, is_same),
            (EventKind::Deployment, EffectResult::Done) if self.is_part_of_the_tried(event) => return,
            _ => {}
        }
        if is_same {
            self.goes_on(commit);
            return;
        }
        self.last = Some(came);
        match (event.kind, outcome) {
            (_, EffectResult::Unknown) | (EventKind::Rollback, EffectResult::Failed) => {}
            (EventKind::Rollback, EffectResult::Done) => self.rolled_back(event),
            (_, EffectResult::Done) => self.deployed(event, beginning, commit),
            (_, EffectResult::Failed) => {
                self.did_not_come(event.time);
                // Where everything runs what it ran before, nothing is left to restore.
                if event.details.get("asBefore") != Some(&Value::Bool(true)) {
                    self.fails(event.time);
                }
            }
        }
    }

    /// Keeps what a deployment that failed did not bring; its further records tell the rest of it.
    fn misses(&mut self, event: &'a LedgerEvent, is_same: bool) {
        let known = self.tried.take().filter(|_| is_same);
        let release = event.release.as_ref();
        let mut tried = known.unwrap_or(Tried { release, missing: BTreeSet::new() });
        tried.missing.extend(event.items.iter().map(function_name));
        self.tried = Some(tried);
    }

    /// Whether a record is of what a failed deployment brought all the same: it is done when nothing of it is missing any more.
    fn is_part_of_the_tried(&mut self, event: &'a LedgerEvent) -> bool {
        let is_its = |tried: &&mut Tried<'a>| {
            tried.release.is_some() && tried.release == event.release.as_ref() && !tried.missing.is_empty()
        };
        let Some(tried) = self.tried.as_mut().filter(is_its) else { return false };
        for item in &event.items {
            tried.missing.remove(function_name(item));
        }
        !tried.missing.is_empty()
    }

    fn did_not_come(&mut self, at: OffsetDateTime) {
        let deployment = Deployment { at, was_done: false, has_failed: true, lead_seconds: None };
        self.told.deployments.push(deployment);
    }

    fn deployed(
        &mut self,
        event: &'a LedgerEvent,
        beginning: Option<&Beginning>,
        commit: Option<OffsetDateTime>,
    ) {
        self.restored(event.time);
        (self.tried, self.undone) = (None, None);
        let release = event.release.as_ref();
        let is_first = release.is_some_and(|release| self.seen.insert(release));
        let since = beginning.filter(|_| is_first).and_then(|beginning| {
            commit.or((beginning.first_record < event.sequence).then_some(beginning.first))
        });
        self.stands = Some((self.told.deployments.len(), release));
        self.commit = commit.filter(|_| is_first);
        self.told.deployments.push(Deployment {
            at: event.time,
            was_done: true,
            has_failed: false,
            lead_seconds: since.map(|since| seconds_between(since, event.time)),
        });
    }

    /// A further record of the deployment that stands may bring what was made later than the rest.
    fn goes_on(&mut self, commit: Option<OffsetDateTime>) {
        let Some(newer) = commit.filter(|commit| self.commit.is_some_and(|known| known < *commit)) else {
            return;
        };
        self.commit = Some(newer);
        let stands = self.stands.and_then(|(stands, _)| self.told.deployments.get_mut(stands));
        if let Some(deployment) = stands {
            deployment.lead_seconds = Some(seconds_between(newer, deployment.at));
        }
    }

    /// A rollback is of the deployment that stands, unless it says that it is of another release, or goes back to what stands: then
    /// it is of a deployment that did not come to be, which may be recorded or not.
    fn rolled_back(&mut self, event: &'a LedgerEvent) {
        let (from, to) = (from(event), event.release.as_ref());
        let is_of_what_stands = |(_, release): &(usize, Option<&ReleaseId>)| match from {
            Some(from) => release.is_some_and(|release| release.as_str() == from),
            None => to.is_none() || *release != to,
        };
        let is_told = self.tried.take().is_some_and(|tried| {
            from.is_none_or(|from| tried.release.is_some_and(|release| release.as_str() == from))
        });
        let goes_on = self.undone.replace(Undone(from)) == Some(Undone(from));
        if let Some((stood, _)) = self.stands.take_if(|stands| is_of_what_stands(stands)) {
            if let Some(deployment) = self.told.deployments.get_mut(stood) {
                deployment.has_failed = true;
                let since = deployment.at;
                self.fails(since);
            }
        } else if !is_told && !goes_on && (from.is_some() || self.stands.is_some()) {
            self.did_not_come(event.time);
            self.fails(event.time);
        }
        self.restored(event.time);
    }

    /// What a test or a person says of the release that stands there.
    fn judged(&mut self, event: &LedgerEvent) {
        let Some((stands, release)) = self.stands else { return };
        if event.release.is_some() && event.release.as_ref() != release {
            return;
        }
        let verdict = verdict(event);
        if verdict == Some(EffectResult::Done) {
            self.restored(event.time);
        } else if verdict == Some(EffectResult::Failed) || event.kind == EventKind::Rejection {
            if let Some(deployment) = self.told.deployments.get_mut(stands) {
                deployment.has_failed = true;
            }
            self.fails(event.time);
        }
    }

    fn fails(&mut self, since: OffsetDateTime) {
        self.told.failing_since.get_or_insert(since);
    }

    fn restored(&mut self, at: OffsetDateTime) {
        if let Some(since) = self.told.failing_since.take() {
            self.told.restored.push(Restored { at, after_seconds: seconds_between(since, at) });
        }
    }
}

/// 0 where clocks went back between the two.
fn seconds_between(from: OffsetDateTime, to: OffsetDateTime) -> u64 {
    u64::try_from((to - from).whole_seconds()).unwrap_or(0)
}
