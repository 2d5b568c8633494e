//! What is to be copied, and the registries that it goes between.

use std::collections::BTreeMap;

use landfall_artifacts::{EnvironmentName, Platform, ProjectName, Reference, ReleaseId, Shard};

use crate::{Error, Registry};

/// One image to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRequest {
    /// The project, for the record.
    pub project: ProjectName,
    /// Its version, for the record.
    pub version: String,
    /// Where it is, by tag or digest.
    pub source: Reference,
    /// Where it is to be, by tag.
    pub target: Reference,
    /// The environment that it is for, where one is named.
    pub environment: Option<EnvironmentName>,
    /// The part of the batch that this run does, where the batch is split.
    pub shard: Option<Shard>,
    /// The release that it is part of, where known.
    pub release: Option<ReleaseId>,
}

/// How images are chosen and what may be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// The platform that the functions run (default: `linux/amd64`).
    pub platform: Platform,
    /// Whether a tag that exists with other content may be moved (default: no).
    pub overwrite: bool,
}

/// Registries by host, each with its login.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    by_host: BTreeMap<String, Registry>,
}

impl Registries {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a registry, or replaces the one of its host.
    pub fn insert(&mut self, registry: Registry) {
        self.by_host.insert(registry.host().to_owned(), registry);
    }

    /// The registry of a host (with its port, where it has one).
    ///
    /// # Errors
    /// [`Error::UnknownHost`].
    pub fn get(&self, host: &str) -> Result<&Registry, Error> {
        self.by_host.get(host).ok_or_else(|| Error::UnknownHost { host: landfall_secret::escape(host, 200) })
    }
}

impl FromIterator<Registry> for Registries {
    fn from_iter<I: IntoIterator<Item = Registry>>(registries: I) -> Self {
        let mut all = Self::new();
        registries.into_iter().for_each(|registry| all.insert(registry));
        all
    }
}
