//! One release, from its build to its end.

use landfall_artifacts::{Digest, EnvironmentName};
use time::OffsetDateTime;

use crate::Went;

/// One release, and a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// When it was first heard of.
    pub began: OffsetDateTime,
    /// Who began it.
    pub by: String,
    /// How it stands.
    pub state: ReleaseState,
    /// What was done with it, oldest first.
    pub steps: Vec<Step>,
    /// What it consists of.
    pub items: Vec<ReleaseItem>,
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
    /// Ran in production, until another took its place.
    Superseded,
    /// Ran in production, until that went back to what ran before.
    RolledBack,
    /// Stopped; never to be repaired.
    Dead(Death),
}

/// How a release died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// When.
    pub at: OffsetDateTime,
    /// Where, as far as that was in an environment.
    pub environment: Option<EnvironmentName>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One thing that was done with a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: OffsetDateTime,
    /// What.
    pub kind: StepKind,
    /// Where.
    pub environment: Option<EnvironmentName>,
    /// How it went.
    pub went: Went,
    /// By whom.
    pub by: String,
    /// The address of the CI job.
    pub run: Option<String>,
    /// What exactly, in a line; may be empty.
    pub note: String,
}

/// What was done with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// It was built, or first heard of.
    Built,
    /// It was made available to the next environment.
    Promoted,
    /// It was let go on.
    Approved,
    /// It came to an environment.
    Deployed,
    /// It was tested.
    Tested,
    /// An environment went back from it.
    RolledBack,
    /// An environment went back to it.
    WentBackTo,
    /// It was stopped.
    Rejected,
}

/// One part of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseItem {
    /// The function, or the project where no function is known.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// The content.
    pub digest: Option<Digest>,
}
