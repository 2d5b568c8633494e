//! Under which releases contents are in an environment, and what happened there since they first were.

use std::collections::BTreeSet;

use landfall_artifacts::{EnvironmentName, LedgerEvent, ReleaseId};

use super::index::Index;
use super::running::{Change, comes};
use super::subject::Subject;

/// The contents of a subject in one environment.
#[derive(Debug)]
pub(super) struct Presence<'i, 'a> {
    index: &'i Index<'a>,
    environment: &'i EnvironmentName,
    /// The releases under which they are there.
    names: BTreeSet<&'a ReleaseId>,
    /// The number of the first event there that names any of the releases.
    first: u64,
}

impl<'i, 'a> Presence<'i, 'a> {
    /// Under the subject's own release, or where that never was there, as when a pipeline takes a part of another release, under those
    /// that brought any of the contents.
    pub(super) fn of(index: &'i Index<'a>, subject: &Subject, environment: &'i EnvironmentName) -> Self {
        let is_here = |event: &LedgerEvent| event.environment.as_ref() == Some(environment);
        let came = |release: &ReleaseId| {
            index.of_release(release).iter().copied().filter(|event| is_here(event) && comes(event))
        };
        let digests = subject.digests();
        let own = came(&subject.release).find_map(|event| event.release.as_ref());
        let brings = |event: &LedgerEvent| {
            event.items.iter().filter_map(|item| item.digest).any(|digest| digests.contains(&digest))
        };
        let names: BTreeSet<&ReleaseId> = if let Some(own) = own {
            BTreeSet::from([own])
        } else {
            let mut others = index.bringers(&digests);
            others.retain(|release| came(release).any(brings));
            others.into_iter().collect()
        };
        let of_names = names.iter().flat_map(|name| index.of_release(name));
        let first = of_names.filter(|event| is_here(event)).map(|event| event.sequence).min();
        Self { index, environment, names, first: first.unwrap_or(u64::MAX) }
    }

    /// Whether it is one of the releases.
    pub(super) fn is_named(&self, release: Option<&ReleaseId>) -> bool {
        release.is_some_and(|release| self.names.contains(release))
    }

    /// The events that say that any of the releases came to the environment.
    pub(super) fn came(&self) -> impl Iterator<Item = &'a LedgerEvent> {
        let of_names = self.names.iter().flat_map(|name| self.index.of_release(name)).copied();
        of_names.filter(|event| event.environment.as_ref() == Some(self.environment) && comes(event))
    }

    /// What happened in the environment since it first heard of any of the releases, oldest first.
    pub(super) fn events(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&'a LedgerEvent, Option<&'i Change<'a>>)> {
        self.index.place(self.environment).into_iter().flat_map(|place| place.since(self.first))
    }
}
