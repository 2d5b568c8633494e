//! What the events say: what runs where, which content a version is, how releases went.
//!
//! Views are pure: events and a point in time in, plain data out, in one pass over the events. Each is what a view of
//! `landfall ledger` shows, and serialises to the `result` of an [`Answer`].

mod answer;
mod audit;
mod comings;
mod contents;
mod dora;
mod drift;
mod environment;
mod function;
mod graveyard;
mod history;
mod locks;
mod mark;
mod moment;
mod pushes;
mod release;
mod standing;
mod step;
mod trace;
mod words;

pub use crate::life::Cause;
pub use answer::{Answer, Place, View, Whole};
pub use audit::{Audit, COLUMNS, audit};
pub use comings::{Coming, comings};
pub use contents::Content;
pub use dora::{DEFINITIONS, Definition, Dora, DoraEnvironment, DoraMonth, Figures, dora};
pub use drift::{Compared, Drift, Seen, Sight, Standing, drift};
pub use environment::{Arrival, Environment, Line, Overview, Tested, environment, overview};
pub use function::{Change, Function, function};
pub use graveyard::{Death, Graveyard, graveyard};
pub use history::{Filter, History, history};
pub use locks::{Held, Locks, locks};
pub use mark::Mark;
pub use moment::{Moment, MomentError, Month, Span};
pub use release::{Died, Presence, Release, release};
pub use standing::{Running, standing};
pub use step::{NO_OUTCOME, Step, StepKind, steps};
pub use trace::{Question, Trace, trace};
pub use words::{from, function_name, is_about, suite, verdict, what};

use std::borrow::Cow;

use landfall_artifacts::{
    Actor, Class, Digest, EffectResult, EnvironmentName, EventKind, Explain, LedgerEvent, ProjectName,
    ReleaseId,
};
use semver::Version;
use time::OffsetDateTime;

/// What one function runs in one environment since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The environment.
    pub environment: EnvironmentName,
    /// The function, or the item's name where it is none.
    pub function: String,
    /// The project, where it was told.
    pub project: Option<ProjectName>,
    /// Its version.
    pub version: Option<Version>,
    /// Its content.
    pub digest: Option<Digest>,
    /// When this very content came; what found it there already does not count.
    pub time: OffsetDateTime,
    /// Who put it there.
    pub actor: Actor,
    /// The CI job that put it there.
    pub run: Option<String>,
    /// The release whose deployment, or going back to, was recorded last.
    pub release: Option<ReleaseId>,
    /// Whether this content came by a rollback.
    pub rolled_back: bool,
    /// The newest event that says so.
    pub sequence: u64,
}

/// The newest deployment or rollback of each function in each environment, ordered by environment and function.
///
/// Events that failed, or whose outcome is not known, do not count: the function is shown as it was last confirmed.
pub fn deployments(events: &[LedgerEvent]) -> Vec<Deployed> {
    standing(events).iter().map(Deployed::of).collect()
}

impl Deployed {
    fn of(running: &Running<'_>) -> Self {
        Self {
            environment: running.environment.clone(),
            function: running.function.to_owned(),
            project: running.project.cloned(),
            version: running.version.cloned(),
            digest: running.digest,
            time: running.since.time.0,
            actor: running.since.by.clone(),
            run: running.since.link.map(ToOwned::to_owned),
            release: running.release.cloned(),
            rolled_back: running.rolled_back,
            sequence: running.confirmed.record,
        }
    }
}

/// Whether what an event says came to be: it did not fail, and its outcome is known.
pub fn happened(event: &LedgerEvent) -> bool {
    match event.outcome {
        None | Some(EffectResult::Done) => true,
        Some(EffectResult::Failed | EffectResult::Unknown) => false,
    }
}

/// The content of a project's version and the event that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The image's digest.
    pub digest: Digest,
    /// The newest event that says so.
    pub sequence: u64,
}

/// Two events that give one version of a project different contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{project}@{version} is {} by record {} and {} by record {}",
    one.digest.short(), one.sequence, other.digest.short(), other.sequence
)]
pub struct Conflict {
    /// The project.
    pub project: ProjectName,
    /// Its version.
    pub version: Version,
    /// What the older event says.
    pub one: Resolved,
    /// What the newer event says.
    pub other: Resolved,
}

impl Explain for Conflict {
    fn code(&self) -> &'static str {
        "LF-LEDGER-CONFLICT"
    }

    fn class(&self) -> Class {
        Class::Integrity
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(
            "find out which of the two was tested, and release that content again under a new version".into(),
        )
    }
}

/// Which content a project's version is, as deployments, promotions and rollbacks recorded it; `None` where none did.
///
/// # Errors
/// [`Conflict`] where events disagree: then nobody can say what the version is.
pub fn resolve(
    events: &[LedgerEvent],
    project: &ProjectName,
    version: &Version,
) -> Result<Option<Resolved>, Box<Conflict>> {
    let mut resolved: Option<Resolved> = None;
    let telling = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Promotion | EventKind::Rollback)
            && happened(event)
    };
    for event in events.iter().filter(telling) {
        for item in &event.items {
            if item.project.as_ref() != Some(project) || item.version.as_ref() != Some(version) {
                continue;
            }
            let Some(digest) = item.digest else { continue };
            let found = Resolved { digest, sequence: event.sequence };
            if let Some(one) = resolved.take().filter(|one| one.digest != digest) {
                let (project, version) = (project.clone(), version.clone());
                return Err(Box::new(Conflict { project, version, one, other: found }));
            }
            resolved = Some(found);
        }
    }
    Ok(resolved)
}
