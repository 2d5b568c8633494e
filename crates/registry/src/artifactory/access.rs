//! Where the images below a repository key are read.
//!
//! Source: JFrog, "Get Started with Artifactory as a Docker Registry": the repository path, subdomain and port methods, of which
//! a reverse proxy provides one or more; the API path is Artifactory's own and always there.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::Artifactory;
use crate::{Error, Flavour, Registry, RegistryOptions, Scheme};

/// How images are read in Artifactory, below keys that have no host of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DockerAccess {
    /// By its API, `/artifactory/api/docker/<key>/v2/…`, which is always there.
    #[default]
    Api,
    /// By the repository path method, `/v2/<key>/…`, where the reverse proxy is set up for it.
    Path,
}

/// Host and prefix of a registry.
pub(super) type Address = (String, String);

/// Where a key's images are read: host, prefix before `/v2/`, the image's path, and what the registry is told.
struct Way {
    address: Address,
    path: String,
    scheme: Scheme,
    auth_host: Option<String>,
}

impl Artifactory {
    /// Gives repository keys hosts of their own (`docker-build.art.example.com`, or `art.example.com:8443`), as the subdomain
    /// and port methods have it. The login goes to these hosts too, and to no others.
    pub fn with_docker_hosts(self, hosts: BTreeMap<String, String>) -> Self {
        Self { docker_hosts: Arc::new(hosts), ..self }
    }

    /// The registry that shows a key's images, and the image's path there.
    pub(super) fn registry(&self, key: &str, image: &str) -> Result<(Registry, String), Error> {
        let way = self.way(key, image);
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = registries.get(&way.address) {
            return Ok((known.clone(), way.path));
        }
        let (host, prefix) = way.address.clone();
        let options = RegistryOptions {
            flavour: Flavour::Artifactory,
            scheme: way.scheme,
            api_prefix: prefix,
            auth_host: way.auth_host,
            ..RegistryOptions::default()
        };
        let made = Registry::new(&self.http, &host, self.login.clone(), options)?;
        registries.insert(way.address, made.clone());
        Ok((made, way.path))
    }

    /// Whether two keys show an image at one and the same place: what is there is then at both without a promotion.
    pub(super) fn is_one_place(&self, first: &str, second: &str, image: &str) -> bool {
        let (first, second) = (self.way(first, image), self.way(second, image));
        first.address == second.address && first.path == second.path
    }

    fn way(&self, key: &str, image: &str) -> Way {
        if let Some(host) = self.docker_hosts.get(key) {
            // The tokens for it come from Artifactory itself, whose login this is.
            return Way {
                address: (host.to_ascii_lowercase(), String::new()),
                path: image.to_owned(),
                scheme: Scheme::Auto,
                auth_host: Some(self.host.clone()),
            };
        }
        let (prefix, path) = match self.access {
            DockerAccess::Api => {
                (format!("{}/artifactory/api/docker/{key}", self.base_path), image.to_owned())
            }
            DockerAccess::Path => (self.base_path.clone(), format!("{key}/{image}")),
        };
        Way { address: (self.host.clone(), prefix), path, scheme: self.scheme, auth_host: None }
    }
}
