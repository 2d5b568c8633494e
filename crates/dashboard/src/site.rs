//! What the pages show, as plain data.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EnvironmentName};
use time::OffsetDateTime;

use crate::{Definition, Figures, HistoryRow, PromotionRow, Release};

/// The whole site. Lists are shown in the order that they have here.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// What it is about: the product or repository.
    pub title: String,
    /// When it was made.
    pub made: OffsetDateTime,
    /// The version of Landfall that made it.
    pub tool_version: String,
    /// The environments, in the order that a release takes.
    pub environments: Vec<Environment>,
    /// The functions, one row each, ordered by name.
    pub functions: Vec<FunctionRow>,
    /// Releases, the one that began last first.
    pub releases: Vec<Release>,
    /// What happened, newest first.
    pub history: Vec<HistoryRow>,
    /// Promotions between registries, newest first.
    pub promotions: Vec<PromotionRow>,
    /// Tickets.
    pub tickets: Vec<TicketRow>,
    /// The four figures of delivery, by environment.
    pub figures: Vec<Figures>,
    /// What those figures mean.
    pub definitions: Vec<Definition>,
    /// The ledger that all this is from.
    pub ledger: Option<LedgerState>,
}

impl Site {
    /// A site without content.
    pub fn new(title: impl Into<String>, made: OffsetDateTime) -> Self {
        Self {
            title: title.into(),
            made,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            environments: Vec::new(),
            functions: Vec::new(),
            releases: Vec::new(),
            history: Vec::new(),
            promotions: Vec::new(),
            tickets: Vec::new(),
            figures: Vec::new(),
            definitions: Vec::new(),
            ledger: None,
        }
    }
}

/// A column of the matrix, and a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name, such as `stg_eu00`.
    pub name: EnvironmentName,
    /// What it is, such as `staging`; empty where not known.
    pub kind: String,
    /// Which environments are compared: those of one region. Environments with the same text make a line of delivery.
    pub region: String,
    /// The environments that come before.
    pub after: Vec<EnvironmentName>,
    /// Why nothing may go there now, where a freeze is on.
    pub frozen: Option<String>,
    /// Releases that stand before its gates.
    pub waiting: Vec<Waiting>,
}

/// A release that stands before the gates of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The release.
    pub release: String,
    /// The functions that it would change there.
    pub functions: Vec<String>,
    /// What is missing, a sentence each; none where it may go.
    pub missing: Vec<String>,
}

/// A row of the matrix, and a page.
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
    /// The release that brought it.
    pub release: Option<String>,
    /// Since when.
    pub since: OffsetDateTime,
    /// Who put it there.
    pub by: String,
    /// The address of the CI job that did.
    pub run: Option<String>,
    /// Whether it came by going back.
    pub rolled_back: bool,
    /// What the function was last seen to run, where somebody looked and that is something else.
    pub seen: Option<Seen>,
    /// Until when it has to run here before the next environment may take it; `None` where nothing says so.
    pub soak_until: Option<OffsetDateTime>,
}

/// What was seen of a function that is not as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It runs this content.
    Runs(Digest),
    /// There is no content to compare; the words say why, such as that it is not there.
    Other(String),
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
}

/// The ledger, which was found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerState {
    /// Where it is.
    pub place: String,
    /// How many records it has.
    pub records: u64,
    /// Digest of the newest.
    pub head: Option<Digest>,
}
