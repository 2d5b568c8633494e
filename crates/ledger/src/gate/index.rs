//! The events of a ledger by what they are about.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use landfall_artifacts::{Digest, EnvironmentName, EventKind, LedgerEvent, ReleaseId, Settings};
use time::OffsetDateTime;

use super::freezes::{Frozen, frozen_by};
use super::missing::Missing;
use super::place::Place;
use super::subject::{Subject, brings};
use super::{Standing, order, standing_of};
use crate::life::{self, Death};

/// The events of a ledger by what they are about: of many questions to one ledger each looks at a few events, and not at all of them.
///
/// Making it goes through the events once. Its answers are those of [`check`](super::check), [`standing`](super::standing) and
/// [`Subject::of_ledger`].
#[derive(Debug)]
pub struct Index<'a> {
    events: &'a [LedgerEvent],
    releases: HashMap<&'a ReleaseId, Vec<&'a LedgerEvent>>,
    places: HashMap<&'a EnvironmentName, Place<'a>>,
    freezes: Vec<&'a LedgerEvent>,
    /// The releases that brought a content somewhere, each with the number of the first event that says so; made when it is asked for.
    brought: OnceLock<HashMap<Digest, Vec<(u64, &'a ReleaseId)>>>,
}

impl<'a> Index<'a> {
    /// Of events in the order of their numbers.
    pub fn new(events: &'a [LedgerEvent]) -> Self {
        let mut releases: HashMap<_, Vec<&LedgerEvent>> = HashMap::new();
        let mut here: HashMap<_, Vec<&LedgerEvent>> = HashMap::new();
        let mut freezes = Vec::new();
        for event in events {
            if let Some(release) = &event.release {
                releases.entry(release).or_default().push(event);
            }
            if let Some(environment) = &event.environment {
                here.entry(environment).or_default().push(event);
            }
            if event.kind == EventKind::Freeze {
                freezes.push(event);
            }
        }
        let places = here.into_iter().map(|(name, events)| (name, Place::new(events))).collect();
        Self { events, releases, places, freezes, brought: OnceLock::new() }
    }

    /// What the ledger says that a release is: see [`Subject::of_ledger`].
    pub fn subject(&self, release: &ReleaseId, environment: &EnvironmentName) -> Subject {
        Subject::of_events(self.of_release(release), release, environment)
    }

    /// Everything that a release lacks for coming to an environment: see [`check`](super::check).
    pub fn check(&self, settings: &Settings, subject: &Subject, now: OffsetDateTime) -> Vec<Missing> {
        self.standing(settings, subject, now).missing
    }

    /// The same, with what was given.
    pub fn standing(&self, settings: &Settings, subject: &Subject, now: OffsetDateTime) -> Standing {
        standing_of(self, settings, subject, now)
    }

    /// Until when a release must stay in an environment before one that comes after may take it, by the longest time that any of them
    /// asks for; `None` where none asks for any, and where the release is not there as a whole, so that no time runs.
    pub fn soaks_until(
        &self,
        settings: &Settings,
        release: &ReleaseId,
        environment: &EnvironmentName,
    ) -> Option<OffsetDateTime> {
        order::soaks_until(self, settings, release, environment)
    }

    /// Everything that freezes an environment: see [`frozen`](super::frozen).
    pub fn frozen(
        &self,
        settings: &Settings,
        environment: &EnvironmentName,
        now: OffsetDateTime,
    ) -> Vec<Frozen> {
        frozen_by(&self.freezes, settings, environment, now)
    }

    /// How a release died; see [`life::death`].
    pub fn death(&self, release: &ReleaseId) -> Option<Death> {
        life::first_death(self.of_release(release).iter().copied())
    }

    /// The events of a release, oldest first.
    pub(super) fn of_release(&self, release: &ReleaseId) -> &[&'a LedgerEvent] {
        self.releases.get(release).map(Vec::as_slice).unwrap_or_default()
    }

    /// What happened in an environment; `None` where nothing did.
    pub(super) fn place(&self, environment: &EnvironmentName) -> Option<&Place<'a>> {
        self.places.get(environment)
    }

    /// The releases that brought any of these contents somewhere, the first first.
    pub(super) fn bringers(&self, digests: &BTreeSet<Digest>) -> Vec<&'a ReleaseId> {
        let brought = self.brought.get_or_init(|| brought(self.events));
        let mut all: Vec<_> = digests.iter().filter_map(|one| brought.get(one)).flatten().copied().collect();
        all.sort_unstable_by_key(|(sequence, _)| *sequence);
        let mut seen = BTreeSet::new();
        all.retain(|(_, release)| seen.insert(*release));
        all.into_iter().map(|(_, release)| release).collect()
    }
}

fn brought(events: &[LedgerEvent]) -> HashMap<Digest, Vec<(u64, &ReleaseId)>> {
    let mut brought: HashMap<Digest, Vec<(u64, &ReleaseId)>> = HashMap::new();
    // A content that does not change is in every release.
    let mut known: HashSet<(Digest, &ReleaseId)> = HashSet::new();
    for event in events.iter().filter(|event| brings(event)) {
        let Some(release) = &event.release else { continue };
        for digest in event.items.iter().filter_map(|item| item.digest) {
            if known.insert((digest, release)) {
                brought.entry(digest).or_default().push((event.sequence, release));
            }
        }
    }
    brought
}
