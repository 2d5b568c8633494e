//! What happened in one environment.

use std::sync::OnceLock;

use landfall_artifacts::LedgerEvent;

use super::running::{Change, Running};

/// The events of one environment, oldest first, and what each changes there.
#[derive(Debug)]
pub(super) struct Place<'a> {
    events: Vec<&'a LedgerEvent>,
    /// Of each event, in the same order; made when it is asked for, since it depends on nothing else.
    changes: OnceLock<Vec<Option<Change<'a>>>>,
}

impl<'a> Place<'a> {
    pub(super) fn new(events: Vec<&'a LedgerEvent>) -> Self {
        Self { events, changes: OnceLock::new() }
    }

    /// The events from a number on, the newest last, each with what it changes: nothing in most.
    pub(super) fn since(
        &self,
        sequence: u64,
    ) -> impl DoubleEndedIterator<Item = (&'a LedgerEvent, Option<&Change<'a>>)> {
        let changes = self.changes.get_or_init(|| {
            let mut running = Running::new(&self.events);
            self.events.iter().map(|event| running.take(event)).collect()
        });
        let from = self.events.partition_point(|event| event.sequence < sequence);
        let events = self.events.get(from..).unwrap_or_default();
        let changes = changes.get(from..).unwrap_or_default();
        events.iter().copied().zip(changes.iter().map(Option::as_ref))
    }
}
