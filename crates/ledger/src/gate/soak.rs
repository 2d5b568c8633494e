//! How long a release has been in an environment without a break.

use std::collections::BTreeSet;
use std::fmt;

use landfall_artifacts::{LedgerEvent, ReleaseId};
use time::OffsetDateTime;

use super::missing::minute;
use super::running::{Change, Running, comes};
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
    /// Reads the events of one environment, oldest first.
    ///
    /// What breaks a release's time: another release at any of its functions, whatever its content, and from the intent on; a rollback
    /// that touches one; a test that failed there by the fault of what was tested. After the latter two it begins anew where the release
    /// still runs. `names` are the releases under which the contents are there.
    pub(crate) fn of(here: &[&LedgerEvent], subject: &Subject, names: &BTreeSet<ReleaseId>) -> Self {
        let is_named = |release: Option<&ReleaseId>| release.is_some_and(|release| names.contains(release));
        let ours: BTreeSet<&str> = here
            .iter()
            .filter(|event| is_named(event.release.as_ref()) && comes(event))
            .flat_map(|event| functions(event))
            .collect();
        let wanted = subject.digests();
        let mut running = Running::new(here);
        let mut now = Self::Broken(Broken { by: None, time: None, is_rollback: false });
        for event in here {
            if verdict(event) == Some(Verdict::Failed) {
                if let Self::Since(since) = &mut now {
                    *since = event.time;
                }
                continue;
            }
            let Some(change) = running.take(event) else { continue };
            let touches = event.items.is_empty()
                || change.functions.iter().any(|(name, ..)| ours.contains(name.as_str()));
            let is_whole = wanted.iter().all(|digest| {
                running.now().any(|code| is_named(code.release) && code.digest == Some(*digest))
            });
            let is_other = !is_named(change.release);
            let Change { release, is_confirmed, is_rollback, .. } = change;
            now = match now {
                Self::Since(_) if touches && (!is_whole || is_other) => {
                    Self::Broken(Broken { by: release.cloned(), time: Some(event.time), is_rollback })
                }
                Self::Since(_) if touches && is_rollback => Self::Since(event.time),
                Self::Broken(_) if is_whole && !is_other && is_confirmed => Self::Since(event.time),
                same => same,
            };
        }
        now
    }
}
