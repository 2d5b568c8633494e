//! Names by which a view is narrowed: one that the ledger does not know is refused, since nothing would be found for it.

use std::collections::BTreeSet;

use landfall_artifacts::{EnvironmentName, ReleaseId};
use landfall_stages::Refusal;

use super::reading::{Reading, unknown};

impl Reading {
    /// Refuses an environment or a release that no event names, where one is given.
    ///
    /// # Errors
    /// `LF-LEDGER-UNKNOWN`.
    pub(super) fn knows(
        &self,
        environment: Option<&EnvironmentName>,
        release: Option<&ReleaseId>,
    ) -> Result<(), Refusal> {
        if let Some(name) = environment {
            let known = self.events.iter().filter_map(|event| event.environment.as_ref());
            known_by("environment", name.as_str(), known.map(AsRef::as_ref))?;
        }
        if let Some(name) = release {
            let known = self.events.iter().filter_map(|event| event.release.as_ref());
            known_by("release", name.as_str(), known.map(AsRef::as_ref))?;
        }
        Ok(())
    }

    /// Refuses a function, a project, or whatever else, that no event is about.
    ///
    /// # Errors
    /// `LF-LEDGER-UNKNOWN`.
    pub(super) fn knows_function(&self, name: &str) -> Result<(), Refusal> {
        let items = self.events.iter().flat_map(|event| &event.items).map(|item| item.name.as_str());
        let targets = self.events.iter().filter_map(|event| event.target.as_deref());
        let others = items.chain(targets).filter(|other| *other == name);
        known_by("function", name, self.names().into_iter().chain(others))
    }
}

fn known_by<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let known: BTreeSet<&str> = known.collect();
    if known.contains(name) {
        return Ok(());
    }
    Err(unknown(kind, name, known.into_iter()))
}
