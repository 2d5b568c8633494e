//! Artifactory: reading images below its repository keys, and promoting them from key to key by the same digest.

mod access;
mod promote;
mod refused;
mod repository;
mod request;
mod version;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use landfall_artifacts::{Digest, Tag};
use landfall_run::Run;
use landfall_secret::{Credential, Origin};
use landfall_transport::{Http, Site};
use url::Url;

pub use access::DockerAccess;
pub(crate) use refused::{class_of, hint_of, remedy_of};
pub use repository::{Unfit, UnfitKey};
pub use request::{PromoteRequest, Promoted, PromotedHow, PromotionState, PromotionStep};
pub use version::keeps_shared_layers;

use crate::{Error, Login, Registry, Scheme};

/// An Artifactory server and the login for it. Cloning is cheap; clones share tokens and what they were told.
#[derive(Clone, Debug)]
pub struct Artifactory {
    site: Site,
    http: Http,
    scheme: Scheme,
    host: String,
    base_path: String,
    login: Option<Login>,
    access: DockerAccess,
    docker_hosts: Arc<BTreeMap<String, String>>,
    registries: Arc<Mutex<BTreeMap<access::Address, Registry>>>,
    repositories: Arc<Mutex<repository::Told>>,
}

impl Artifactory {
    /// A server at `url`, without `/artifactory` (with it, it is taken away). Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Transport`] where the address is not usable.
    pub fn new(http: &Http, url: &str, login: Option<Login>, access: DockerAccess) -> Result<Self, Error> {
        let failed = |cause| Error::transport("use the Artifactory server", cause);
        let trimmed = url.trim_end_matches('/');
        let base = trimmed.strip_suffix("/artifactory").unwrap_or(trimmed);
        let bare = http.site("artifactory", base, None).map_err(failed)?;
        let origin = bare.origin().clone();
        let kind = login.as_ref().and_then(Login::kind);
        let credential = kind.map(|kind| Credential::new(origin.clone(), kind));
        let site = http.site("artifactory", base, credential).map_err(failed)?;
        let base_path =
            Url::parse(base).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        Ok(Self {
            site,
            http: http.clone(),
            scheme: if origin.is_tls() { Scheme::Https } else { Scheme::Http },
            host: host_of(&origin),
            base_path,
            login,
            access,
            docker_hosts: Arc::default(),
            registries: Arc::default(),
            repositories: Arc::default(),
        })
    }

    /// The digest that a tag of an image names below a repository key; `None` where there is none, or none may be seen.
    ///
    /// # Errors
    /// What a registry may answer.
    pub async fn digest(
        &self,
        key: &str,
        image: &str,
        tag: &Tag,
        run: &Run,
    ) -> Result<Option<Digest>, Error> {
        let (registry, path) = self.registry(key, image)?;
        registry.observe_tag(&path, tag, run).await
    }
}

fn host_of(origin: &Origin) -> String {
    let default = if origin.is_tls() { 443 } else { 80 };
    if origin.port() == default {
        origin.host().to_owned()
    } else {
        format!("{}:{}", origin.host(), origin.port())
    }
}
