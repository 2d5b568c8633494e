//! A strict OCI registry in memory: the two flavours that Landfall meets, Artifactory and Amazon ECR, and a plain one.
//!
//! Wire format: OCI distribution specification 1.1. Stricter than it asks: every digest is computed from the bytes, an upload's `Location` works
//! once, a manifest is taken only when all blobs it names are in that very repository and its `Content-Type` is what it says of itself. Digests are
//! SHA-256; SHA-512, which the specification leaves to the registry, is refused (DIGEST_INVALID), as ECR does. Blobs are kept once for the whole
//! registry, but a repository shows only what was put there. What a flavour does otherwise than the specification is a [`Quirks`] value.
//!
//! Plain flavour: no login, repositories appear with their first upload, and every option of the specification is there: upload in one POST,
//! mounts (also without a source), deletion, referrers, indexes whose images are elsewhere.
//! Artifactory flavour: the repository path (`host/<repository key>/<image>`), the API path (`/artifactory/api/docker/<key>/v2/…`) and a port for
//! a key; Bearer tokens with a realm for each repository key and no scope in the challenge, 202 to a mount, optionally 302 to a storage host, the
//! promote endpoint; virtual repository keys, which only show what others hold.
//! ECR flavour: Basic `AWS:<token>`, 201 to a PATCH and a `Range` that stays at the first part, parts of 5 MiB at least, immutable tags,
//! repositories that must exist, 307 to a storage host, no empty blob, no deletion. Real ECR has also cut the connection of an upload to a missing
//! repository (containers-roadmap 1970): that is [`crate::What::CutBefore`].

mod access;
mod artifactory;
mod blobs;
mod call;
mod contents;
mod deletes;
mod digest;
mod manifest;
mod manifests;
mod promote;
mod quirks;
mod rate;
mod referrers;
mod reply;
mod repositories;
mod storage;
mod store;
mod uploads;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

pub use access::EcrTokens;
pub use artifactory::ArtifactoryAccess;
pub use contents::BlobState;
pub use digest::digest_of;
pub(crate) use digest::{is_digest, is_tag};
pub use quirks::{Mounts, Quirks};
pub use storage::Storage;
pub use store::RepositoryView;

use crate::issued::Issued;
use access::Token;
use call::{Call, Place};
use rate::Rate;
use reply::{Answer, Refusal};
use repositories::VirtualKey;
use store::Store;

enum Flavour {
    Artifactory(ArtifactoryAccess),
    Ecr { tokens: Arc<EcrTokens>, issued: Arc<Issued> },
    Plain,
}

struct Inner {
    store: Store,
    quirks: Quirks,
    tokens: BTreeMap<String, Token>,
    /// Keys of local repositories (Artifactory).
    keys: BTreeSet<String>,
    /// Keys of virtual repositories (Artifactory).
    virtual_keys: BTreeMap<String, VirtualKey>,
    /// Whether the login is told only a part of each repository's configuration (Artifactory).
    hides_configurations: bool,
    /// Prefixes of repository names that nobody may read or write.
    denied: BTreeSet<String>,
    /// Packages whose promotion is refused.
    unpromotable: BTreeSet<String>,
    manifest_rate: Rate,
    upload_rate: Rate,
}

/// One registry.
pub struct Registry {
    flavour: Flavour,
    host: String,
    storage: Arc<Storage>,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Registry {
    /// An Artifactory reached as `host` (`127.0.0.1:1234`), with these repository keys.
    pub fn artifactory(
        host: &str,
        access: ArtifactoryAccess,
        keys: &[&str],
        storage: Arc<Storage>,
    ) -> Arc<Self> {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        Self::new(Flavour::Artifactory(access), host, keys, Quirks::artifactory(), storage)
    }

    /// An ECR registry reached as `host`. It takes the passwords in `tokens`.
    pub fn ecr(host: &str, tokens: Arc<EcrTokens>, issued: Arc<Issued>, storage: Arc<Storage>) -> Arc<Self> {
        Self::new(Flavour::Ecr { tokens, issued }, host, BTreeSet::new(), Quirks::ecr(), storage)
    }

    /// A registry without a login reached as `host`, with every option of the distribution specification.
    pub fn plain(host: &str, storage: Arc<Storage>) -> Arc<Self> {
        Self::new(Flavour::Plain, host, BTreeSet::new(), Quirks::plain(), storage)
    }

    fn new(
        flavour: Flavour,
        host: &str,
        keys: BTreeSet<String>,
        quirks: Quirks,
        storage: Arc<Storage>,
    ) -> Arc<Self> {
        let inner = Inner {
            store: Store::default(),
            quirks,
            tokens: BTreeMap::new(),
            keys,
            virtual_keys: BTreeMap::new(),
            hides_configurations: false,
            denied: BTreeSet::new(),
            unpromotable: BTreeSet::new(),
            manifest_rate: Rate::default(),
            upload_rate: Rate::default(),
        };
        Arc::new(Self { flavour, host: host.to_owned(), storage, inner: Mutex::new(inner) })
    }

    /// All routes: `/v2/…`, and `/artifactory/api/…` where it is one.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(entry).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(self))
    }

    /// `/v2/…` of one repository key alone, without the key in the paths, as a reverse proxy shows it at a host or port of its own (Artifactory).
    pub fn router_of_key(self: &Arc<Self>, key: &str) -> Router {
        Router::new()
            .fallback(entry_of_key)
            .layer(DefaultBodyLimit::disable())
            .with_state((Arc::clone(self), key.to_owned()))
    }

    /// Host and port as in image references.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Changes how the registry behaves from now on.
    pub fn configure(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut self.lock().quirks);
    }

    fn is_ecr(&self) -> bool {
        matches!(self.flavour, Flavour::Ecr { .. })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dispatch(&self, call: &Call, body: Bytes) -> Answer {
        if let (Flavour::Artifactory(access), Some(rest)) =
            (&self.flavour, call.path.strip_prefix("/artifactory/api/"))
        {
            return match artifactory::images_below(rest) {
                Some((key, rest)) => self.images(&call.at(format!("/v2/{key}/{rest}")), body),
                None => self.artifactory_api(access, rest, call, &body),
            };
        }
        self.images(call, body)
    }

    /// What the distribution specification knows.
    fn images(&self, call: &Call, body: Bytes) -> Answer {
        match call.place()? {
            Place::Ping => {
                self.authenticate(call)?;
                Ok((StatusCode::OK, [("docker-distribution-api-version", "registry/2.0")], "{}")
                    .into_response())
            }
            Place::Manifest { repository, reference } => match call.method {
                Method::GET | Method::HEAD => self.read_manifest(call, repository, reference),
                Method::PUT => self.put_manifest_request(call, repository, reference, &body),
                Method::DELETE => self.delete_manifest(call, repository, reference),
                _ => Err(Refusal::method()),
            },
            Place::Blob { repository, digest } => match call.method {
                Method::GET | Method::HEAD => self.read_blob(call, repository, digest),
                Method::DELETE => self.delete_blob(call, repository, digest),
                _ => Err(Refusal::method()),
            },
            Place::Uploads { repository } => match call.method {
                Method::POST => self.start_upload(call, repository, body),
                _ => Err(Refusal::method()),
            },
            Place::Upload { repository, session } => self.upload(call, repository, session, body),
            Place::Referrers { repository, digest } => match call.method {
                Method::GET => self.list_referrers(call, repository, digest),
                _ => Err(Refusal::method()),
            },
            Place::Tags { repository } => match call.method {
                Method::GET => self.list_tags(call, repository),
                _ => Err(Refusal::method()),
            },
        }
    }
}

async fn entry(
    State(registry): State<Arc<Registry>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call {
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        method,
        headers,
    };
    registry.dispatch(&call, body).unwrap_or_else(IntoResponse::into_response)
}

async fn entry_of_key(
    State((registry, key)): State<(Arc<Registry>, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = match uri.path().strip_prefix("/v2/") {
        Some("") | None => uri.path().to_owned(),
        Some(rest) => format!("/v2/{key}/{rest}"),
    };
    let call = Call { path, query: uri.query().unwrap_or_default().to_owned(), method, headers };
    registry.images(&call, body).unwrap_or_else(IntoResponse::into_response)
}
