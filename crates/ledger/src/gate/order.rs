//! The order of environments: what a release must have passed before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use landfall_artifacts::{AfterRule, Digest, EnvironmentName, ReleaseId, Settings};
use time::OffsetDateTime;

use super::index::Index;
use super::missing::Missing;
use super::presence::Presence;
use super::soak::{Broken, Occupancy};
use super::subject::Subject;
use crate::life::{Verdict, verdict};

/// What a release lacks in an environment that comes before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPassed {
    /// It was not deployed there as it is.
    NotDeployed {
        /// The environment before.
        before: EnvironmentName,
        /// What of it was not, by project or digest; empty where nothing is known of what the release is.
        lacks: Vec<String>,
    },
    /// The environment has checks, and none that was made since it came there has passed; or the newest was not passed.
    NotVerified {
        /// The environment before.
        before: EnvironmentName,
    },
    /// It has not been there long enough.
    Soaking {
        /// The environment before.
        before: EnvironmentName,
        /// Since when it runs there without a break.
        since: OffsetDateTime,
        /// Until when it must.
        until: OffsetDateTime,
        /// How long that is.
        left: Duration,
    },
    /// It was there, and its time was broken off.
    NotThere {
        /// The environment before.
        before: EnvironmentName,
        /// By what.
        broken: Broken,
    },
}

/// What of the environments before was not passed.
pub(super) fn missing(
    index: &Index<'_>,
    settings: &Settings,
    subject: &Subject,
    now: OffsetDateTime,
) -> Vec<Missing> {
    let Some(row) = settings.environments.get(&subject.environment) else { return Vec::new() };
    let lacks = |before: &EnvironmentName| {
        let any = row.after_rule == AfterRule::Any && row.after.len() > 1;
        let lacks = not_passed(index, settings, subject, before, row.soak, now).into_iter();
        lacks.map(|what| Missing::Before { before: before.clone(), what, any }).collect::<Vec<_>>()
    };
    let all: Vec<Vec<Missing>> = row.after.iter().map(lacks).collect();
    let is_open = match row.after_rule {
        AfterRule::All => false,
        AfterRule::Any => all.iter().any(Vec::is_empty),
    };
    if is_open { Vec::new() } else { all.into_iter().flatten().collect() }
}

fn not_passed(
    index: &Index<'_>,
    settings: &Settings,
    subject: &Subject,
    before: &EnvironmentName,
    soak: Option<Duration>,
    now: OffsetDateTime,
) -> Vec<NotPassed> {
    let presence = Presence::of(index, subject, before);
    let lacks = not_deployed(subject, &presence);
    if !lacks.is_empty() || subject.contents.is_empty() {
        return vec![NotPassed::NotDeployed { before: before.clone(), lacks }];
    }
    let mut missing = Vec::new();
    if !settings.smoke_checks(Some(before)).is_empty() && !is_verified(subject, &presence) {
        missing.push(NotPassed::NotVerified { before: before.clone() });
    }
    if let Some(soak) = soak {
        let occupancy = Occupancy::of(subject, &presence);
        missing.extend(soaking(before, &occupancy, soak, now));
    }
    missing
}

pub(super) fn soaks_until(
    index: &Index<'_>,
    settings: &Settings,
    release: &ReleaseId,
    environment: &EnvironmentName,
) -> Option<OffsetDateTime> {
    let after = settings.environments.values().filter(|row| row.after.contains(environment));
    let soak = after.filter_map(|row| row.soak).max()?;
    let subject = index.subject(release, environment);
    match Occupancy::of(&subject, &Presence::of(index, &subject, environment)) {
        Occupancy::Since(since) => Some(over(since, soak)),
        Occupancy::Broken(_) => None,
    }
}

fn over(since: OffsetDateTime, soak: Duration) -> OffsetDateTime {
    since.saturating_add(time::Duration::try_from(soak).unwrap_or(time::Duration::MAX))
}

/// The contents that were never brought to the environment under these names.
fn not_deployed(subject: &Subject, presence: &Presence<'_, '_>) -> Vec<String> {
    let items = presence.came().flat_map(|event| &event.items);
    let deployed: BTreeSet<Digest> = items.filter_map(|item| item.digest).collect();
    subject
        .contents
        .iter()
        .filter(|content| !deployed.contains(&content.digest))
        .map(super::Content::name)
        .collect()
}

/// Whether the newest test that says anything of the release there passed, and was made since all of it came there last.
///
/// A deployment is recorded some time after it was made; what it put there is known from its intents before that. A record of what
/// runs there anyway is no new coming, and a change that failed is none.
fn is_verified(subject: &Subject, presence: &Presence<'_, '_>) -> bool {
    let mut came: BTreeMap<Digest, u64> = BTreeMap::new();
    for (event, change) in presence.events() {
        let Some(change) = change.filter(|change| presence.is_named(change.release)) else { continue };
        for (_, before, now) in &change.functions {
            let ran = before.filter(|before| presence.is_named(before.release));
            let is_news =
                !change.is_confirmed || change.is_rollback || ran.and_then(|ran| ran.digest) != now.digest;
            came.extend(now.digest.filter(|_| is_news).map(|digest| (digest, event.sequence)));
        }
    }
    let whole = subject.digests().iter().filter_map(|digest| came.get(digest)).max().copied();
    let newest = presence
        .events()
        .map(|(event, _)| event)
        .filter(|event| presence.is_named(event.release.as_ref()))
        .filter(|event| whole.is_none_or(|whole| event.sequence > whole))
        .filter_map(verdict)
        .rfind(|verdict| *verdict != Verdict::Silent);
    newest == Some(Verdict::Passed)
}

fn soaking(
    before: &EnvironmentName,
    occupancy: &Occupancy,
    soak: Duration,
    now: OffsetDateTime,
) -> Option<NotPassed> {
    match occupancy {
        Occupancy::Since(since) => {
            let until = over(*since, soak);
            let left = Duration::try_from(until - now).ok().filter(|left| !left.is_zero())?;
            Some(NotPassed::Soaking { before: before.clone(), since: *since, until, left })
        }
        Occupancy::Broken(broken) => {
            Some(NotPassed::NotThere { before: before.clone(), broken: broken.clone() })
        }
    }
}
