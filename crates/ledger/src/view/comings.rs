//! A release's coming to an environment, which may have been recorded in parts.

use std::collections::{BTreeSet, HashMap};

use landfall_artifacts::{EffectResult, EnvironmentName, EventKind, LedgerEvent, ReleaseId};

use super::words::function_name;

/// What came to an environment at once: the records of one deployment, or of one rollback.
///
/// Large ones are recorded in several events, and jobs that share one deployment record a part each. So records of
/// deployments are one where they follow each other in the environment, are of one release (of one job, where none is named)
/// and ended alike; records of rollbacks, where they follow each other and are of one job and reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Coming<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The oldest of its records.
    pub first: &'a LedgerEvent,
    /// Its other records, oldest first.
    pub rest: Vec<&'a LedgerEvent>,
}

impl<'a> Coming<'a> {
    /// Its records, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &'a LedgerEvent> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    /// The release that came; of a rollback over several, the first.
    pub fn release(&self) -> Option<&'a ReleaseId> {
        self.events().find_map(|event| event.release.as_ref())
    }

    /// How many functions it is about, each once, as its records that are meant name them.
    pub fn functions(&self, is_meant: impl Fn(&LedgerEvent) -> bool) -> u64 {
        let meant = self.events().filter(|event| is_meant(event));
        let names: BTreeSet<&str> = meant.flat_map(|event| &event.items).map(function_name).collect();
        names.len() as u64
    }

    /// Whether it is a rollback.
    pub fn is_rollback(&self) -> bool {
        self.first.kind == EventKind::Rollback
    }

    /// How it ended.
    pub fn outcome(&self) -> EffectResult {
        self.first.outcome.unwrap_or(EffectResult::Done)
    }

    fn takes(&self, event: &LedgerEvent) -> bool {
        let first = self.first;
        let is_one = match (&first.release, &event.release) {
            _ if first.kind == EventKind::Rollback => first.run == event.run && first.reason == event.reason,
            (Some(one), Some(other)) => one == other,
            (None, None) => first.run == event.run,
            (Some(_), None) | (None, Some(_)) => false,
        };
        first.kind == event.kind && is_one && self.outcome() == event.outcome.unwrap_or(EffectResult::Done)
    }
}

/// All comings, in the order in which they began.
pub fn comings(events: &[LedgerEvent]) -> Vec<Coming<'_>> {
    let mut all: Vec<Coming<'_>> = Vec::new();
    let mut newest: HashMap<&EnvironmentName, usize> = HashMap::new();
    for event in
        events.iter().filter(|event| matches!(event.kind, EventKind::Deployment | EventKind::Rollback))
    {
        let Some(environment) = &event.environment else { continue };
        if let Some(coming) = newest.get(environment).and_then(|at| all.get_mut(*at))
            && coming.takes(event)
        {
            coming.rest.push(event);
            continue;
        }
        newest.insert(environment, all.len());
        all.push(Coming { environment, first: event, rest: Vec::new() });
    }
    all
}
