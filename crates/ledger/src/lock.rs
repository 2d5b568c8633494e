//! Who holds which environment, as `lock` and `unlock` events say it.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{EnvironmentName, EventKind, LedgerEvent};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a lock lasts that is not renewed. A run renews its own when half of it is over.
pub(crate) const LIFE: Duration = Duration::from_secs(30 * 60);

/// How far the clocks of two machines may be apart: for so long a lock that is over is still respected.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Keys of the details of lock events.
pub(crate) const EXPIRES: &str = "expires";
pub(crate) const RENEWS: &str = "renews";
pub(crate) const TAKES_OVER: &str = "takesOver";
pub(crate) const LOCK: &str = "lock";
pub(crate) const FENCE: &str = "fence";

/// An environment that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The environment.
    pub environment: EnvironmentName,
    /// The number of the event that took it. It grows with every holder, and a holder whose number is not the newest may write
    /// nothing more for the environment.
    pub fence: u64,
    /// Who: stage, person and job.
    pub holder: String,
    /// The CI job's address.
    pub run: Option<String>,
    /// Since when.
    pub since: OffsetDateTime,
    /// When it ends by itself unless it is renewed.
    pub expires: OffsetDateTime,
    /// The number of the lock that it took the place of although nobody had given that one back.
    pub took_over: Option<u64>,
}

impl Lock {
    /// Whether nobody needs to respect it any more.
    pub fn is_over(&self, now: OffsetDateTime) -> bool {
        now > self.expires + CLOCKS_APART
    }
}

/// The locks that stand after these events, by environment; those that are over by time are among them.
pub fn locks(events: &[LedgerEvent]) -> Vec<Lock> {
    let mut standing = Standing::default();
    for event in events {
        standing.see(event);
    }
    standing.0.into_values().collect()
}

/// The locks after the events that were seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing(BTreeMap<EnvironmentName, Lock>);

impl Standing {
    pub(crate) fn of(&self, environment: &EnvironmentName) -> Option<&Lock> {
        self.0.get(environment)
    }

    pub(crate) fn insert(&mut self, lock: Lock) {
        self.0.insert(lock.environment.clone(), lock);
    }

    /// The events after one another, none left out.
    pub(crate) fn see(&mut self, event: &LedgerEvent) {
        let Some(environment) = &event.environment else { return };
        if event.kind == EventKind::Unlock {
            let ended = number(event, LOCK);
            if self.0.get(environment).is_some_and(|lock| Some(lock.fence) == ended) {
                self.0.remove(environment);
            }
        } else if let Some(taken) = taken(event) {
            match (number(event, RENEWS), self.0.get_mut(environment)) {
                (None, _) => self.insert(taken),
                (Some(fence), Some(lock)) if lock.fence == fence => lock.expires = taken.expires,
                // A renewal by somebody who does not hold it.
                (Some(_), Some(_) | None) => {}
            }
        }
    }
}

/// What a lock event by itself says; `None` for every other event.
pub(crate) fn taken(event: &LedgerEvent) -> Option<Lock> {
    if event.kind != EventKind::Lock {
        return None;
    }
    let expires = event
        .details
        .get(EXPIRES)
        .and_then(Value::as_str)
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        .unwrap_or(event.time + LIFE);
    Some(Lock {
        environment: event.environment.clone()?,
        fence: number(event, RENEWS).unwrap_or(event.sequence),
        holder: holder(event),
        run: event.run.clone(),
        since: event.time,
        // Nobody can lock an environment for a year by a date that he wrote.
        expires: expires.min(event.time + LIFE),
        took_over: number(event, TAKES_OVER),
    })
}

/// A number among the details of an event.
pub(crate) fn number(event: &LedgerEvent, key: &str) -> Option<u64> {
    event.details.get(key).and_then(Value::as_u64)
}

fn holder(event: &LedgerEvent) -> String {
    let stage = event.stage.as_deref().unwrap_or("a run");
    let link = event.run.as_deref().map(|link| format!(", {link}")).unwrap_or_default();
    landfall_secret::escape(&format!("{stage} of {}{link}", event.actor.name), 300)
}
