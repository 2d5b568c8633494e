//! What hangs on an image at its registry: signatures, attestations and other referrers.

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
    /// as not there.
    pub async fn attached(&self, path: &str, digest: Digest, run: &Run) -> Attached {
        let listing = format!("/v2/{path}/referrers/{digest}");
        let signature = format!("sha256-{}.sig", digest.hex());
        let (listed, signature_tag) =
            tokio::join!(self.listed(path, &listing, run), self.is_tagged(path, &signature, run));
        let referrers = match listed {
            Some(count) => count,
            // The tag that stands in for the listing where a registry has none (distribution-spec, "Referrers Tag Schema").
            None => self
                .listed(path, &format!("/v2/{path}/manifests/sha256-{}", digest.hex()), run)
                .await
                .unwrap_or_default(),
        };
        Attached { referrers, signature_tag }
    }

    async fn listed(&self, path: &str, at: &str, run: &Run) -> Option<usize> {
        let need =
            Need { path, access: Access::Pull, doing: format!("GET what hangs on {}/{path}", self.host()) };
        let answer = self
            .ask(&need, Cap::MANIFEST, run, |site| {
                let accept = oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
                site.request(Method::GET, at).header("accept", accept).counted_as("referrers").once()
            })
            .await
            .ok()?;
        let found: Option<Listing> =
            (answer.status() == StatusCode::OK).then(|| answer.json().ok()).flatten();
        found.map(|listing| listing.manifests.len())
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
