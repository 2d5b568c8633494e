//! What runs in the functions of one environment, as its events tell it one after another.

use std::collections::{HashMap, HashSet};

use landfall_artifacts::{Digest, EffectResult, EventKind, LedgerEvent, ReleaseId};

use crate::happened;
use crate::view::function_name;

/// Code as an event names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code<'a> {
    /// By which release; `None` where the event does not say so.
    pub(super) release: Option<&'a ReleaseId>,
    /// Its content, where it is told.
    pub(super) digest: Option<Digest>,
}

/// What an event changes.
#[derive(Debug)]
pub(super) struct Change<'a> {
    /// What came to each function that the event tells the news of, and what it had before.
    pub(super) functions: Vec<(&'a str, Option<Code<'a>>, Code<'a>)>,
    /// The release that came.
    pub(super) release: Option<&'a ReleaseId>,
    /// Whether it was confirmed: by the record of a deployment or a rollback, and not by an intent alone.
    pub(super) is_confirmed: bool,
    /// Whether by a rollback.
    pub(super) is_rollback: bool,
}

/// The functions, after the events that were taken so far.
///
/// From its intent on a function is taken to have the new code, unless the change failed: a run may be killed, or a deployment never be
/// recorded. The record of a deployment that comes late does not undo what another release has begun since.
#[derive(Debug)]
pub(super) struct Running<'a> {
    failed: HashSet<u64>,
    /// By the function's name.
    functions: HashMap<&'a str, Code<'a>>,
    /// The newest intent for each function: its number, and whose it is.
    begun: HashMap<&'a str, (u64, Option<&'a ReleaseId>)>,
    /// When each release was last being deployed; a lock may not say of which it is, and then may be of any.
    worked: HashMap<Option<&'a ReleaseId>, u64>,
}

impl<'a> Running<'a> {
    /// Nothing runs yet. `here` are all events of the environment, which tell how intents ended.
    pub(super) fn new(here: &[&'a LedgerEvent]) -> Self {
        let failed = here.iter().filter(|event| event.outcome == Some(EffectResult::Failed));
        Self {
            failed: failed.filter_map(|event| event.intent).collect(),
            functions: HashMap::new(),
            begun: HashMap::new(),
            worked: HashMap::new(),
        }
    }

    /// Takes the next event; `None` where it changes nothing.
    pub(super) fn take(&mut self, event: &'a LedgerEvent) -> Option<Change<'a>> {
        if event.kind == EventKind::Lock && event.stage.as_deref() == Some("deploy-lambda") {
            self.worked.insert(event.release.as_ref(), event.sequence);
            return None;
        }
        if comes(event) { self.confirmed(event) } else { self.intended(event) }
    }

    fn intended(&mut self, event: &'a LedgerEvent) -> Option<Change<'a>> {
        let is_change =
            event.kind == EventKind::Intent && event.action.as_deref() == Some("UpdateFunctionCode");
        if !is_change || self.failed.contains(&event.sequence) {
            return None;
        }
        // Intents of a rollback name the release that is taken out, not the one that comes back.
        let is_rollback = event.stage.as_deref() == Some("rollback-lambda");
        let release = event.release.as_ref().filter(|_| !is_rollback);
        let name = event.target.as_deref()?;
        let code = Code { release, digest: event.items.first().and_then(|item| item.digest) };
        self.begun.insert(name, (event.sequence, release));
        if release.is_some() {
            self.worked.insert(release, event.sequence);
        }
        let before = self.functions.insert(name, code);
        Some(Change { functions: vec![(name, before, code)], release, is_confirmed: false, is_rollback })
    }

    fn confirmed(&mut self, event: &'a LedgerEvent) -> Option<Change<'a>> {
        let (release, is_rollback) = (event.release.as_ref(), event.kind == EventKind::Rollback);
        let worked = [release, None].iter().filter_map(|one| self.worked.get(one)).max().copied();
        let mut functions = Vec::new();
        for item in &event.items {
            let name = function_name(item);
            let is_late = self.begun.get(name).is_some_and(|(at, by)| *by != release && worked < Some(*at));
            if is_late && !is_rollback {
                continue;
            }
            let code = Code { release, digest: item.digest };
            let before = self.functions.insert(name, code);
            functions.push((name, before, code));
        }
        let is_late = functions.is_empty() && !event.items.is_empty();
        (!is_late).then_some(Change { functions, release, is_confirmed: true, is_rollback })
    }
}

/// Whether an event says that something came to the environment.
pub(super) fn comes(event: &LedgerEvent) -> bool {
    matches!(event.kind, EventKind::Deployment | EventKind::Rollback) && happened(event)
}
