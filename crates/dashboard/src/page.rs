//! What the page shows, as plain data.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EnvironmentName};
use time::OffsetDateTime;

/// The whole page. Lists are shown in the order that they have here.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What the page is about: the product or repository.
    pub title: String,
    /// When it was made.
    pub made: OffsetDateTime,
    /// The version of Landfall that made it.
    pub tool_version: String,
    /// The environments, in the order that a release takes.
    pub environments: Vec<Environment>,
    /// The functions, one row each.
    pub functions: Vec<FunctionRow>,
    /// Releases, newest first; 100 are shown.
    pub releases: Vec<ReleaseRow>,
    /// What happened, newest first; 200 are shown.
    pub history: Vec<HistoryRow>,
    /// Tickets; 100 are shown.
    pub tickets: Vec<TicketRow>,
    /// The ledger that all this is from.
    pub ledger: Option<LedgerState>,
}

impl Page {
    /// A page without content.
    pub fn new(title: impl Into<String>, made: OffsetDateTime) -> Self {
        Self {
            title: title.into(),
            made,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            environments: Vec::new(),
            functions: Vec::new(),
            releases: Vec::new(),
            history: Vec::new(),
            tickets: Vec::new(),
            ledger: None,
        }
    }
}

/// A column of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name, such as `stg_eu00`.
    pub name: EnvironmentName,
    /// What it is, such as `staging`; empty where not known.
    pub kind: String,
    /// Which environments are compared: those of one region. Environments with the same text make a line of delivery.
    pub region: String,
}

/// A row of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRow {
    /// The function.
    pub name: String,
    /// The project that it is made from.
    pub project: Option<String>,
    /// What it runs, by environment.
    pub cells: BTreeMap<EnvironmentName, Cell>,
}

/// What a function runs in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The version.
    pub version: Option<String>,
    /// The content.
    pub digest: Option<Digest>,
    /// Since when.
    pub since: OffsetDateTime,
    /// Who put it there.
    pub by: String,
    /// The address of the CI job that did.
    pub run: Option<String>,
    /// Whether it came by going back.
    pub rolled_back: bool,
    /// What the function was last seen to run, where that is something else.
    pub seen: Option<Digest>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Its name.
    pub release: String,
    /// When it was first heard of.
    pub began: OffsetDateTime,
    /// Where it came to, and when.
    pub environments: Vec<(EnvironmentName, OffsetDateTime)>,
    /// How it stands.
    pub state: ReleaseState,
}

/// How a release stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseState {
    /// On its way.
    Going,
    /// Made available to production.
    Promoted,
    /// Runs in production.
    Live,
    /// Stopped; never to be repaired.
    Dead {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// When.
    pub at: OffsetDateTime,
    /// What: `deployment`, `rollback`, `promotion`, `approval` and so on.
    pub kind: String,
    /// Where.
    pub environment: Option<String>,
    /// For which release.
    pub release: Option<String>,
    /// What exactly, in a line.
    pub what: String,
    /// By whom.
    pub by: String,
    /// The address of the CI job.
    pub run: Option<String>,
    /// Whether it went well.
    pub well: bool,
}

/// One ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// Its key.
    pub key: String,
    /// Its address.
    pub url: String,
    /// The region.
    pub region: String,
    /// The release.
    pub release: String,
    /// Its status, where known.
    pub status: Option<String>,
}

/// The ledger and whether it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerState {
    /// Where it is.
    pub place: String,
    /// How many records it has.
    pub records: u64,
    /// Digest of the newest.
    pub head: Option<Digest>,
    /// What is wrong with it, where something is.
    pub problem: Option<String>,
}
