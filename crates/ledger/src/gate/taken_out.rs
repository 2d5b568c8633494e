//! When a release was last taken out of an environment by a rollback.

use landfall_artifacts::{LedgerEvent, ReleaseId};
use serde_json::Value;
use time::OffsetDateTime;

use super::running::{Change, Running};
use super::subject::Subject;

/// The rollback that took a release out. What people had approved before it was approved without knowing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenOut {
    /// The event.
    pub(super) sequence: u64,
    /// When.
    pub(super) time: OffsetDateTime,
}

impl TakenOut {
    /// The newest such rollback in the subject's environment; `None` where there was none.
    ///
    /// A rollback takes out what it names (`details.from`; its intents name it as their release), and what stood at a function that it
    /// gives another release.
    pub(super) fn newest(events: &[LedgerEvent], subject: &Subject) -> Option<Self> {
        let here: Vec<&LedgerEvent> =
            events.iter().filter(|event| event.environment.as_ref() == Some(&subject.environment)).collect();
        let is_ours = |release: Option<&ReleaseId>| release == Some(&subject.release);
        let mut running = Running::new(&here);
        let mut newest = None;
        for event in here {
            // What an event without functions is about is the environment as a whole.
            let stood = event.items.is_empty() && running.now().any(|code| is_ours(code.release));
            let Some(Change { functions, is_confirmed, is_rollback: true, .. }) = running.take(event) else {
                continue;
            };
            let named = if is_confirmed {
                event.details.get("from").and_then(Value::as_str) == Some(subject.release.as_str())
            } else {
                is_ours(event.release.as_ref())
            };
            let gives_way = functions.iter().any(|(_, before, now)| {
                before.is_some_and(|before| is_ours(before.release)) && !is_ours(now.release)
            });
            if named || gives_way || (stood && !is_ours(event.release.as_ref())) {
                newest = Some(Self { sequence: event.sequence, time: event.time });
            }
        }
        newest
    }
}
