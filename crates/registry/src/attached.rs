//! What hangs on an image at its registry: signatures, attestations and other referrers.

use std::sync::PoisonError;

use landfall_artifacts::Digest;
use landfall_run::Run;
use landfall_transport::{Cap, Method, StatusCode};
use serde::Deserialize;

use crate::Registry;
use crate::registry::{Access, Need};

/// What hangs on an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// Manifests that refer to it as their subject (OCI distribution-spec 1.1, "Listing Referrers").
    pub referrers: usize,
    /// Whether a signature stands beside it under cosign's tag `sha256-<hex>.sig`.
    pub signature_tag: bool,
}

/// How a registry answered for a listing.
enum Listed {
    Here(usize),
    /// There is none.
    Nothing,
    /// It did not say.
    Unknown,
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    manifests: Vec<serde::de::IgnoredAny>,
}

impl Attached {
    /// Whether there is anything.
    pub fn is_any(self) -> bool {
        self.referrers > 0 || self.signature_tag
    }
}

impl Registry {
    /// What hangs on an image. It is asked once and nothing depends on it: what a registry does not know or does not show counts
    /// as not there. That a registry lists no referrers is remembered.
    pub async fn attached(&self, path: &str, digest: Digest, run: &Run) -> Attached {
        let signature = format!("sha256-{}.sig", digest.hex());
        let (referrers, signature_tag) =
            tokio::join!(self.referrers(path, digest, run), self.is_tagged(path, &signature, run));
        Attached { referrers, signature_tag }
    }

    async fn referrers(&self, path: &str, digest: Digest, run: &Run) -> usize {
        let root = path.split('/').next().unwrap_or_default();
        let remembered = || self.without_referrers().lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered().contains(root) {
            match self.listed(path, &format!("/v2/{path}/referrers/{digest}"), run).await {
                Listed::Here(count) => return count,
                Listed::Nothing => {
                    remembered().insert(root.to_owned());
                }
                Listed::Unknown => {}
            }
        }
        // The tag that stands in for the listing where a registry has none (distribution-spec, "Referrers Tag Schema").
        let standing_in = format!("/v2/{path}/manifests/sha256-{}", digest.hex());
        match self.listed(path, &standing_in, run).await {
            Listed::Here(count) => count,
            Listed::Nothing | Listed::Unknown => 0,
        }
    }

    async fn listed(&self, path: &str, at: &str, run: &Run) -> Listed {
        let need =
            Need { path, access: Access::Pull, doing: format!("GET what hangs on {}/{path}", self.host()) };
        let answer = self
            .ask(&need, Cap::MANIFEST, run, |site| {
                let accept = oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
                site.request(Method::GET, at).header("accept", accept).counted_as("referrers").once()
            })
            .await;
        match answer {
            Ok(answer) if answer.status() == StatusCode::OK => match answer.json::<Listing>() {
                Ok(listing) => Listed::Here(listing.manifests.len()),
                Err(_) => Listed::Unknown,
            },
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => Listed::Nothing,
            Ok(_) | Err(_) => Listed::Unknown,
        }
    }

    async fn is_tagged(&self, path: &str, tag: &str, run: &Run) -> bool {
        let need = Need { path, access: Access::Pull, doing: format!("HEAD {}/{path}:{tag}", self.host()) };
        let accept = crate::manifest::MANIFEST_MEDIA_TYPES.join(", ");
        let answer = self
            .ask(&need, Cap::ERROR, run, |site| {
                site.request(Method::HEAD, &format!("/v2/{path}/manifests/{tag}"))
                    .header("accept", &accept)
                    .counted_as("referrers")
                    .once()
            })
            .await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }
}
