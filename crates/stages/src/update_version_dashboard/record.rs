//! Recording what a report confirms: by what the ledger knows, and anew by whatever others record in between.

use std::path::Path;

use landfall_artifacts::{EnvironmentName, EventKind, LedgerEvent, LedgerItem, Problem, ReleaseId};
use landfall_ledger::{Draft, Ledger};

use super::news::{is_recorded, is_rolled_back, put_back};
use crate::{Finished, Item};

/// Items of one event; a larger deployment is recorded in several.
const ITEMS_OF_AN_EVENT: usize = 100;

/// What a report confirms and the ledger does not know yet.
#[derive(Debug)]
pub(super) struct Unrecorded<'a> {
    environment: &'a EnvironmentName,
    release: &'a ReleaseId,
    /// What is to be recorded still.
    items: Vec<LedgerItem>,
    /// Whether a part of it was recorded: the rest belongs to it.
    is_begun: bool,
    /// Whether the release was rolled back since the report.
    is_rolled_back: bool,
    /// The functions that run something else since the report.
    put_back: Vec<String>,
}

impl<'a> Unrecorded<'a> {
    /// What of the confirmed items is news to these events.
    pub(super) fn of(
        environment: &'a EnvironmentName,
        release: &'a ReleaseId,
        confirmed: Vec<LedgerItem>,
        events: &[LedgerEvent],
    ) -> Self {
        let mut unrecorded = Self {
            environment,
            release,
            items: confirmed,
            is_begun: false,
            is_rolled_back: false,
            put_back: Vec::new(),
        };
        unrecorded.judge(events);
        unrecorded
    }

    /// Whether there is any, or was before it was recorded.
    pub(super) fn is_any(&self) -> bool {
        self.is_begun || !self.items.is_empty()
    }

    /// Records it. Each record goes directly after what it was decided by: a rollback that somebody records in between would stand before a
    /// deployment that it undid, and everybody who reads the ledger would take the deployment to run.
    pub(super) async fn record(&mut self, ledger: &Ledger, finished: &mut Finished) {
        loop {
            let appended = ledger.append_if(|events| {
                self.judge(events);
                self.draft()
            });
            match appended.await {
                Ok(Some(head)) => {
                    self.items.drain(..self.items.len().min(ITEMS_OF_AN_EVENT));
                    self.is_begun = true;
                    let name = format!("ledger record {}", head.sequence);
                    finished.items.push(Item::new(name, "recorded").changed());
                }
                Ok(None) => return,
                Err(error) => return finished.problems.push(Problem::of(&error)),
            }
        }
    }

    /// What of the report is not recorded since it is older than what the ledger knows, for people.
    pub(super) fn left_out(&self, report: &Path) -> Vec<String> {
        let mut told = Vec::new();
        let report = report.display();
        if self.is_rolled_back {
            let nothing = if self.is_begun { "nothing more" } else { "nothing" };
            told.push(format!(
                "the deployment of {report} was rolled back since: {nothing} is recorded of it"
            ));
        }
        if !self.put_back.is_empty() {
            told.push(format!(
                "of {report} these were rolled back or changed again since, and nothing is recorded of them: {}",
                landfall_secret::escape(&self.put_back.join(", "), 400)
            ));
        }
        told
    }

    /// Leaves out what these events know, and what is older than they are.
    fn judge(&mut self, events: &[LedgerEvent]) {
        if self.items.is_empty() {
            return;
        }
        if is_rolled_back(events, self.environment, self.release) {
            self.is_rolled_back = true;
            self.items.clear();
            return;
        }
        // What came back after that of a part counts for its functions alone.
        self.put_back.extend(put_back(events, self.environment, self.release, &mut self.items));
        if !self.is_begun && is_recorded(events, self.environment, self.release, &self.items) {
            self.items.clear();
        }
    }

    /// The next of its records.
    fn draft(&self) -> Option<Draft> {
        let items: Vec<_> = self.items.iter().take(ITEMS_OF_AN_EVENT).cloned().collect();
        (!items.is_empty()).then(|| Draft {
            release: Some(self.release.clone()),
            environment: Some(self.environment.clone()),
            items,
            ..Draft::new(EventKind::Deployment)
        })
    }
}

#[cfg(test)]
mod tests;
