//! Deleting manifests, tags and blobs, where the registry lets anybody.

use axum::response::IntoResponse;
use http::StatusCode;

use super::Registry;
use super::call::Call;
use super::digest::is_digest;
use super::reply::{Answer, Refusal};

impl Registry {
    /// A tag goes alone; a digest takes all tags that name it along.
    pub(super) fn delete_manifest(&self, call: &Call, repository: &str, reference: &str) -> Answer {
        self.authorize(call, repository, "delete", "BatchDeleteImage")?;
        let mut inner = self.lock();
        if !inner.quirks.deletes {
            return Err(Refusal::method());
        }
        let unknown = || Refusal::manifest_unknown(reference);
        let found = inner.store.repositories.get_mut(repository).ok_or_else(unknown)?;
        if is_digest(reference) {
            found.manifests.remove(reference).ok_or_else(unknown)?;
            found.tags.retain(|_, named| named != reference);
        } else {
            found.tags.remove(reference).ok_or_else(unknown)?;
        }
        Ok(StatusCode::ACCEPTED.into_response())
    }

    /// The repository shows the blob no longer, also where a manifest still names it.
    pub(super) fn delete_blob(&self, call: &Call, repository: &str, digest: &str) -> Answer {
        self.authorize(call, repository, "delete", "BatchDeleteImage")?;
        let mut inner = self.lock();
        if !inner.quirks.deletes {
            return Err(Refusal::method());
        }
        let found = inner.store.repositories.get_mut(repository);
        if found.is_some_and(|found| found.blobs.remove(digest)) {
            Ok(StatusCode::ACCEPTED.into_response())
        } else {
            Err(Refusal::blob_unknown(digest))
        }
    }
}
