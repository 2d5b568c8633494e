//! The locks that stand, by the events that took, renewed and ended them.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{EnvironmentName, EventKind, LedgerEvent};

use crate::Error;
use crate::chain::{Bad, Head};
use crate::ledger::Inner;
use crate::lock::{LIFE, LOCK, Lock, RENEWS, beside, number, taken};
use crate::state::State;

/// Records that are read at a time on the way back to the newest lock.
const PIECE: u64 = 64;

/// The locks that stand after these events, by environment and number; those that are over by time are among them.
pub fn locks(events: &[LedgerEvent]) -> Vec<Lock> {
    let mut standing = Standing::default();
    for event in events {
        standing.see(event);
    }
    standing.0.into_values().flatten().collect()
}

/// The locks after the events that were seen so far: of an environment one, or several that go beside each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing(BTreeMap<EnvironmentName, Vec<Lock>>);

impl Standing {
    /// Those of an environment, the oldest first.
    pub(crate) fn of(&self, environment: &EnvironmentName) -> &[Lock] {
        self.0.get(environment).map(Vec::as_slice).unwrap_or_default()
    }

    /// A lock that was taken: whoever does not go beside it holds nothing any more.
    fn insert(&mut self, lock: Lock) {
        let held = self.0.entry(lock.environment.clone()).or_default();
        held.retain(|other| other.goes_beside(&lock));
        held.push(lock);
    }

    /// What is known of an environment is this and nothing else.
    fn set(&mut self, environment: &EnvironmentName, locks: Vec<Lock>) {
        self.0.insert(environment.clone(), locks);
    }

    /// The events after one another, none left out.
    pub(crate) fn see(&mut self, event: &LedgerEvent) {
        let Some(environment) = &event.environment else { return };
        if event.kind == EventKind::Unlock {
            let ended = number(event, LOCK);
            if let Some(held) = self.0.get_mut(environment) {
                held.retain(|lock| Some(lock.fence) != ended);
            }
        } else if let Some(taken) = taken(event) {
            let Some(fence) = number(event, RENEWS) else { return self.insert(taken) };
            // A renewal by somebody who does not hold it renews nothing.
            let mut held = self.0.get_mut(environment).into_iter().flatten();
            if let Some(lock) = held.find(|lock| lock.fence == fence) {
                lock.expires = taken.expires;
            }
        }
    }
}

impl Inner {
    /// Finds out which locks stand on an environment, where that is not known yet; what is read on keeps it true.
    pub(crate) async fn look_for_locks(
        &self,
        state: &mut State,
        environment: &EnvironmentName,
    ) -> Result<(), Error> {
        if !state.looked_for.contains(environment) {
            let locks = self.read_back(state.newest, environment).await?;
            state.standing.set(environment, locks);
            state.looked_for.insert(environment.clone());
        }
        Ok(())
    }

    /// The locks on an environment, by reading back from the newest record to the newest lock that was taken, which tells beside
    /// which others, or to records that were stored longer ago than any lock lasts.
    async fn read_back(
        &self,
        newest: Option<Head>,
        environment: &EnvironmentName,
    ) -> Result<Vec<Lock>, Error> {
        let oldest = self.clock.now() - LIFE * 4;
        let mut to = newest.map_or(0, |head| head.sequence);
        let mut since: Vec<LedgerEvent> = Vec::new();
        let mut decides = None;
        'back: while to > 0 {
            let from = to.saturating_sub(PIECE - 1).max(1);
            for link in self.store.links(from..=to, |event| event).await.into_iter().rev() {
                let event = link?.event;
                let is_of_lock = matches!(event.kind, EventKind::Lock | EventKind::Unlock);
                if !is_of_lock || event.environment.as_ref() != Some(environment) {
                    continue;
                }
                if event.kind == EventKind::Lock && number(&event, RENEWS).is_none() {
                    decides = Some(event);
                    break 'back;
                }
                since.push(event);
            }
            // The time that a record tells is that of its writer's clock: one that is hours behind would hide a lock that stands.
            if self.store.stored(from).await?.is_some_and(|stored| stored < oldest) {
                break;
            }
            to = from - 1;
        }
        since.reverse();
        let mut standing = Standing::default();
        match &decides {
            Some(event) => {
                standing.set(environment, self.taken_beside(event).await?);
                standing.see(event);
            }
            None => standing.renewed(&since),
        }
        for event in &since {
            standing.see(event);
        }
        Ok(standing.of(environment).to_vec())
    }

    /// The locks beside which one was taken, as they were then.
    async fn taken_beside(&self, event: &LedgerEvent) -> Result<Vec<Lock>, Error> {
        let mut locks = Vec::new();
        for (sequence, expires) in beside(event).unwrap_or_default() {
            let missing = || self.store.damaged(Bad { sequence, what: "it is missing".to_owned() });
            let link = self.store.link(sequence).await?.ok_or_else(missing)?;
            let lock =
                taken(&link.event).filter(|lock| Some(&lock.environment) == event.environment.as_ref());
            locks.extend(lock.map(|lock| Lock { expires, ..lock }));
        }
        Ok(locks)
    }
}

impl Standing {
    /// Locks so old that only their renewals were read: those that were not given back. A renewal that was written late may stand
    /// behind the end of what it renews.
    fn renewed(&mut self, since: &[LedgerEvent]) {
        let ends = since.iter().filter(|event| event.kind == EventKind::Unlock);
        let given_back: BTreeSet<u64> = ends.filter_map(|event| number(event, LOCK)).collect();
        let renewals = since.iter().filter_map(taken).map(|lock| (lock.fence, lock));
        let newest: BTreeMap<u64, Lock> = renewals.collect();
        for (_, lock) in newest.into_iter().filter(|(fence, _)| !given_back.contains(fence)) {
            self.insert(lock);
        }
    }
}
