//! What a process knows of the chain that it writes to.

use std::collections::BTreeSet;

use landfall_artifacts::{EnvironmentName, EventKind, LedgerEvent};
use serde_json::Value;

use crate::chain::{self, Head, Link};
use crate::draft::{Context, Draft};
use crate::error::Error;
use crate::lock::{FENCE, LOCK, Lock, RENEWS, number, taken};
use crate::standing::Standing;
use crate::store::{Store, Torn};

/// What this process knows of the chain. Held while writing, so that its own writers do not race.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The newest record.
    pub(crate) newest: Option<Head>,
    /// The locks, as far as they were asked for; what is read on keeps them true.
    pub(crate) standing: Standing,
    /// The environments whose locks were asked for.
    pub(crate) looked_for: BTreeSet<EnvironmentName>,
    /// The environment that this process holds.
    pub(crate) held: Option<Held>,
    /// What is left of the record whose number is next.
    pub(crate) torn: Option<Torn>,
}

/// An environment that this process took.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) lock: Lock,
    /// Who has it now, where that is somebody else.
    pub(crate) lost_to: Option<String>,
}

impl State {
    /// Takes the next record, which another process wrote.
    pub(crate) fn follow(&mut self, store: &Store, link: &Link) -> Result<(), Error> {
        chain::follows(link, self.newest, None, None).map_err(|bad| store.damaged(bad))?;
        self.newest = Some(link.head);
        self.standing.see(&link.event);
        self.notice(&link.event);
        Ok(())
    }

    /// Whether an event of another process took away what this one holds.
    fn notice(&mut self, event: &LedgerEvent) {
        let Some(held) = &mut self.held else { return };
        if held.lost_to.is_some() || event.environment.as_ref() != Some(&held.lock.environment) {
            return;
        }
        if event.kind == EventKind::Unlock && number(event, LOCK) == Some(held.lock.fence) {
            let why = event.reason.as_deref().unwrap_or("no reason was given");
            held.lost_to = Some(format!("nobody: {} took the lock away ({why})", event.actor.name));
        } else if let Some(lock) = taken(event)
            // A renewal takes nothing: it may be a late one of who held it before.
            && number(event, RENEWS).is_none()
            && lock.fence != held.lock.fence
            && !lock.goes_beside(&held.lock)
        {
            held.lost_to = Some(lock.holder);
        }
    }

    /// The draft as it may be written: with the fencing number where its environment is held.
    ///
    /// How an effect ended is told by a stale holder too: it is evidence, and the number shows whose it is.
    pub(crate) fn admit(&self, draft: &Draft, context: &Context) -> Result<Draft, Error> {
        let mut draft = draft.clone();
        let environment = draft.environment.as_ref().or(context.environment.as_ref());
        let Some(held) = self.held.as_ref().filter(|held| Some(&held.lock.environment) == environment) else {
            return Ok(draft);
        };
        if let Some(holder) = &held.lost_to
            && draft.kind != EventKind::Outcome
        {
            return Err(Error::LockLost {
                environment: held.lock.environment.to_string(),
                holder: holder.clone(),
            });
        }
        draft.details.insert(FENCE.to_owned(), Value::from(held.lock.fence));
        Ok(draft)
    }
}
