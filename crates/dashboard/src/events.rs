//! What happened, as rows.

use time::OffsetDateTime;

/// How something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Went {
    /// Well.
    Well,
    /// It failed.
    Failed,
    /// Nobody could find out, or what failed was the machinery around it.
    Unknown,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// The number of its record.
    pub sequence: u64,
    /// When.
    pub at: OffsetDateTime,
    /// What: `deployment`, `rollback`, `promotion`, `approval` and so on.
    pub kind: String,
    /// Where.
    pub environment: Option<String>,
    /// For which release.
    pub release: Option<String>,
    /// What came to run, for deployments and rollbacks.
    pub moved: Vec<Moved>,
    /// What exactly, in a line, besides what came to run; may be empty.
    pub what: String,
    /// By whom.
    pub by: String,
    /// The address of the CI job.
    pub run: Option<String>,
    /// How it went.
    pub went: Went,
}

/// A function that came to run something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The function.
    pub function: String,
    /// The version that it came to run.
    pub version: Option<String>,
}

/// One run of a promotion between registries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionRow {
    /// When it ended.
    pub at: OffsetDateTime,
    /// To where, such as `to-rc`.
    pub to: String,
    /// For which release.
    pub release: Option<String>,
    /// By whom.
    pub by: String,
    /// The address of the CI job.
    pub run: Option<String>,
    /// What was promoted.
    pub items: Vec<PromotedRow>,
}

/// One package of a promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotedRow {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: Option<String>,
    /// How it went.
    pub went: Went,
    /// What the server said, or the digest's first digits; may be empty.
    pub note: String,
}
