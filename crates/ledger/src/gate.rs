//! Gates: whether a release may come to an environment, and everything that is missing where it may not.
//!
//! A pure rule over the events, the settings and the time: [`check`]. What people decide is kept as events that
//! [`approve`], [`reject`], [`freeze`] and [`unfreeze`] make; an approval is bound to the release, its contents, the plan and the
//! environment, and to a time after which it is none: where anything of that differs, it does not count.
//!
//! A rollback is not held by any gate: it is never asked here.

mod approvals;
mod calendar;
mod decisions;
mod freezes;
mod held;
mod index;
mod missing;
mod order;
mod place;
mod presence;
mod running;
mod soak;
mod subject;
mod taken_out;

use landfall_artifacts::{LedgerEvent, PersonName, ReleaseId, RoleName, Settings};
use time::OffsetDateTime;

pub use approvals::{Approval, Identity, Void, Voided, has_broken_glass};
pub use decisions::{Decision, approve, break_glass, freeze, reject, unfreeze};
pub use freezes::{Freeze, Frozen, FrozenBy, frozen, standing_freezes};
pub use index::Index;
pub use missing::Missing;
pub use order::NotPassed;
pub use subject::{Content, Drift, Subject};

use crate::life;

/// Where a release stands before an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Everything that is missing; where nothing is, the release may come.
    pub missing: Vec<Missing>,
    /// Who let it come, role by role.
    pub given: Vec<(RoleName, Approval)>,
    /// Who broke the glass, where that counts: freezes and missing approvals are then not missing.
    pub glass: Option<Approval>,
    /// Who made the release, as it is told.
    pub author: Option<String>,
    /// Everybody who had a part in making it, and therefore may not approve it.
    pub makers: Vec<String>,
}

/// Everything that a release lacks for coming to an environment; nothing where it may come.
///
/// An environment without a row has no order, no approvals and no windows; what people froze, and a release that is dead, are
/// refused there too.
pub fn check(
    events: &[LedgerEvent],
    settings: &Settings,
    subject: &Subject,
    now: OffsetDateTime,
) -> Vec<Missing> {
    standing(events, settings, subject, now).missing
}

/// The same, with what was given.
pub fn standing(
    events: &[LedgerEvent],
    settings: &Settings,
    subject: &Subject,
    now: OffsetDateTime,
) -> Standing {
    Index::new(events).standing(settings, subject, now)
}

fn standing_of(index: &Index<'_>, settings: &Settings, subject: &Subject, now: OffsetDateTime) -> Standing {
    let made = |release: &ReleaseId| {
        let events = index.of_release(release);
        life::author_of(events).map(|author| (author, life::makers_of(events)))
    };
    let made =
        made(&subject.release).or_else(|| subject.origins(index).first().and_then(|release| made(release)));
    let (author, makers) = made.map_or((None, Vec::new()), |(author, makers)| (Some(author), makers));
    let row = settings.environments.get(&subject.environment);
    let roles = row.map(|row| row.approvals.as_slice()).unwrap_or_default();
    let approvals = approvals::standing(index, roles, settings, subject, &makers, now);
    let death = index.death(&subject.release).or_else(|| subject.inherited_death(index));
    let mut missing: Vec<Missing> = death.map(Missing::Dead).into_iter().collect();
    missing.extend(order::missing(index, settings, subject, now));
    // The glass is there for emergencies: it opens what people closed, and nothing that tests say.
    if approvals.glass.is_none() {
        if author.is_none() && !roles.is_empty() {
            missing.push(Missing::Author(subject.release.clone()));
        }
        missing.extend(approvals.missing);
        missing.extend(index.frozen(settings, &subject.environment, now).into_iter().map(Missing::Frozen));
    }
    Standing { missing, given: approvals.given, glass: approvals.glass, author, makers }
}

/// Who may speak for a role, without those who made the release.
fn speakers(settings: &Settings, role: &RoleName, makers: &[String]) -> Vec<PersonName> {
    let people = settings.approvers.get(role).map(Vec::as_slice).unwrap_or_default();
    people.iter().filter(|person| !makers.iter().any(|maker| person.is(maker))).cloned().collect()
}
