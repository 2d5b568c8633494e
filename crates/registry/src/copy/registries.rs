//! The registries that a batch goes between.

use std::collections::BTreeMap;

use crate::{Error, Registry};

/// Registries by host, each with its login.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    by_host: BTreeMap<String, Registry>,
    #[cfg(feature = "ecr")]
    ecr: BTreeMap<String, crate::EcrClient>,
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

    /// Adds ECR's own API for a host: what is there is then asked a hundred at a time, and not tag by tag and blob by blob.
    #[cfg(feature = "ecr")]
    pub fn insert_ecr(&mut self, host: &str, client: crate::EcrClient) {
        self.ecr.insert(host.to_owned(), client);
    }

    /// The registry of a host (with its port, where it has one).
    ///
    /// # Errors
    /// [`Error::UnknownHost`].
    pub fn get(&self, host: &str) -> Result<&Registry, Error> {
        self.by_host.get(host).ok_or_else(|| Error::UnknownHost { host: landfall_secret::escape(host, 200) })
    }

    /// Which of these repositories of a host do not exist; `None` where nobody can be asked: that takes ECR's own API. Elsewhere a
    /// push makes its repository.
    ///
    /// # Errors
    /// [`Error::EcrCall`].
    #[cfg(feature = "ecr")]
    pub async fn missing_repositories(
        &self,
        host: &str,
        paths: &[String],
        run: &landfall_run::Run,
    ) -> Result<Option<Vec<String>>, Error> {
        match self.ecr(host) {
            Some(ecr) => Ok(Some(ecr.describe_repositories(paths, run).await?.missing)),
            None => Ok(None),
        }
    }

    #[cfg(feature = "ecr")]
    pub(super) fn ecr(&self, host: &str) -> Option<&crate::EcrClient> {
        self.ecr.get(host)
    }
}

impl FromIterator<Registry> for Registries {
    fn from_iter<I: IntoIterator<Item = Registry>>(registries: I) -> Self {
        let mut all = Self::new();
        registries.into_iter().for_each(|registry| all.insert(registry));
        all
    }
}
