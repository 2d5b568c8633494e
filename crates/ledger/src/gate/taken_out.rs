//! When a release was last taken out of an environment by a rollback.

use landfall_artifacts::ReleaseId;
use serde_json::Value;
use time::OffsetDateTime;

use super::held::Held;
use super::index::Index;
use super::running::Change;
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
    pub(super) fn newest(index: &Index<'_>, subject: &Subject) -> Option<Self> {
        let place = index.place(&subject.environment)?;
        let is_ours = |release: Option<&ReleaseId>| release == Some(&subject.release);
        let mut held = Held::new(is_ours);
        let mut newest = None;
        for (event, change) in place.since(0) {
            let Some(change) = change else { continue };
            // What an event without functions is about is the environment as a whole.
            let stood = event.items.is_empty() && held.now().next().is_some();
            held.take(change);
            let Change { functions, is_confirmed, is_rollback: true, .. } = change else { continue };
            let named = if *is_confirmed {
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
