//! Who, when, by which record.

use landfall_artifacts::{Actor, LedgerEvent};
use schemars::JsonSchema;
use serde::Serialize;

use super::moment::Moment;

/// Where a fact stands in the ledger: the record, when, by whom, in which job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mark<'a> {
    /// The record's number.
    pub record: u64,
    /// When it was recorded.
    pub time: Moment,
    /// Who did it, and how that is known.
    pub by: &'a Actor,
    /// Where its result can be read, where a record tells it (`details.link`), else the CI job, where there was one.
    pub link: Option<&'a str>,
}

impl<'a> Mark<'a> {
    /// Of an event.
    pub fn of(event: &'a LedgerEvent) -> Self {
        Self {
            record: event.sequence,
            time: Moment(event.time),
            by: &event.actor,
            link: event.details.get("link").and_then(|link| link.as_str()).or(event.run.as_deref()),
        }
    }
}
