//! Which manifests are about another one (distribution specification 1.1, "Listing Referrers").

use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::Registry;
use super::call::Call;
use super::manifest::OCI_INDEX;
use super::reply::Answer;
use super::store::StoredManifest;

impl Registry {
    /// An index of all manifests whose subject is this digest, which itself need not be there. All on one page.
    pub(super) fn list_referrers(&self, call: &Call, repository: &str, digest: &str) -> Answer {
        if !self.lock().quirks.referrers {
            // As a registry that has never heard of it; a client then looks for the tag `sha256-…`.
            return Ok((StatusCode::NOT_FOUND, "404 page not found\n").into_response());
        }
        self.authorize(call, repository, "pull", "BatchGetImage")?;
        let wanted = call.parameter("artifactType");
        let inner = self.lock();
        let manifests =
            inner.store.repositories.get(repository).into_iter().flat_map(|found| &found.manifests);
        let entries: Vec<Value> = manifests
            .filter(|(_, stored)| stored.subject.as_deref() == Some(digest))
            .filter_map(|(name, stored)| entry(name, stored))
            .filter(|entry| wanted.as_ref().is_none_or(|wanted| entry["artifactType"] == **wanted))
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        let mut response = ([(header::CONTENT_TYPE, OCI_INDEX)], index.to_string()).into_response();
        if wanted.is_some() {
            let applied = HeaderValue::from_static("artifactType");
            response.headers_mut().insert(HeaderName::from_static("oci-filters-applied"), applied);
        }
        Ok(response)
    }
}

/// The descriptor of a referrer: with its artifact type (or else its configuration's media type) and its annotations.
fn entry(digest: &str, stored: &StoredManifest) -> Option<Value> {
    let manifest: Value = serde_json::from_slice(&stored.bytes).ok()?;
    let own = manifest.get("artifactType").filter(|kind| kind.as_str().is_some_and(|text| !text.is_empty()));
    let mut entry = json!({"mediaType": stored.media_type, "digest": digest, "size": stored.bytes.len()});
    if let Some(kind) = own.or_else(|| manifest.pointer("/config/mediaType")) {
        entry["artifactType"] = kind.clone();
    }
    if let Some(annotations) = manifest.get("annotations") {
        entry["annotations"] = annotations.clone();
    }
    Some(entry)
}
