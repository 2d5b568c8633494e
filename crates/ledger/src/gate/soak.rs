//! How long a release has been in an environment without a break.

use std::collections::BTreeSet;
use std::fmt;

use landfall_artifacts::ReleaseId;
use time::OffsetDateTime;

use super::held::Held;
use super::missing::minute;
use super::presence::Presence;
use super::running::Change;
use super::subject::Subject;
use crate::life::{Verdict, functions, verdict};

/// Whether a release runs in an environment as a whole, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occupancy {
    /// Since then, without a break.
    Since(OffsetDateTime),
    /// It does not.
    Broken(Broken),
}

/// What ended a release's time in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The release that came in its place; `None` where a rollback did not say which.
    pub by: Option<ReleaseId>,
    /// When; `None` where it was never there as a whole.
    pub time: Option<OffsetDateTime>,
    /// Whether by a rollback.
    pub is_rollback: bool,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(time) = self.time else { return f.write_str("it was never there as a whole") };
        let how = if self.is_rollback { "a rollback to" } else { "the deployment of" };
        match &self.by {
            Some(release) => write!(f, "{how} {release} at {}", minute(time)),
            None => write!(f, "{how} something else at {}", minute(time)),
        }
    }
}

impl Occupancy {
    /// By the events of one environment.
    ///
    /// What breaks a release's time: another release at any of its functions, whatever its content, and from the intent on; a rollback
    /// that touches one; a test that failed there by the fault of what was tested. After the latter two it begins anew where the release
    /// still runs.
    pub(super) fn of(subject: &Subject, presence: &Presence<'_, '_>) -> Self {
        let ours: BTreeSet<&str> = presence.came().flat_map(functions).collect();
        let wanted = subject.digests();
        let mut held = Held::new(|release: Option<&ReleaseId>| presence.is_named(release));
        let mut now = Self::Broken(Broken { by: None, time: None, is_rollback: false });
        for (event, change) in presence.events() {
            if verdict(event) == Some(Verdict::Failed) {
                if let Self::Since(since) = &mut now {
                    *since = event.time;
                }
                continue;
            }
            let Some(change) = change else { continue };
            held.take(change);
            let is_whole = || wanted.iter().all(|digest| held.now().any(|code| code.digest == Some(*digest)));
            let touches =
                || event.items.is_empty() || change.functions.iter().any(|(name, ..)| ours.contains(name));
            let Change { release, is_confirmed, is_rollback, .. } = *change;
            let is_other = !presence.is_named(release);
            now = match now {
                Self::Since(_) if touches() && (is_other || !is_whole()) => {
                    Self::Broken(Broken { by: release.cloned(), time: Some(event.time), is_rollback })
                }
                Self::Since(_) if is_rollback && touches() => Self::Since(event.time),
                Self::Broken(_) if is_confirmed && !is_other && is_whole() => Self::Since(event.time),
                same => same,
            };
        }
        now
    }
}
