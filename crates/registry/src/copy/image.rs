//! The manifests of one image, when all its blobs are at the target.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use landfall_artifacts::{Digest, Version};
use landfall_run::Run;

use super::blob::{Arrived, Job};
use super::plan::{PlannedCopy, TargetState};
use super::report::{CopyOutcome, Moved};
use crate::{Descriptor, Error, Put, Registry};

/// An image whose blobs are at the target.
pub(super) struct ImageJob<'a> {
    pub(super) copy: &'a PlannedCopy,
    pub(super) source: &'a Registry,
    pub(super) target: &'a Registry,
    /// What this run has sent.
    pub(super) sent: Sent,
    /// One image at a time sends again what its target has not, though it said so.
    pub(super) mending: Arc<tokio::sync::Mutex<()>>,
}

/// Target repository and digest of blobs whose bytes a run has sent, which is more than the target's word. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    blobs: Arc<Mutex<BTreeSet<(String, Digest)>>>,
}

impl Sent {
    pub(super) fn note(&self, repository: String, digest: Digest) {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).insert((repository, digest));
    }

    fn lacks(&self, repository: &str, digest: Digest) -> bool {
        !self.blobs.lock().unwrap_or_else(PoisonError::into_inner).contains(&(repository.to_owned(), digest))
    }
}

impl ImageJob<'_> {
    /// Puts what the manifest lists by digest, then the manifest at its tag, and reads it back.
    pub(super) async fn run(&self, moved: &mut Moved, run: &Run) -> Result<CopyOutcome, Error> {
        let copy = self.copy;
        let repository = copy.request.target.repository();
        let not_tag = || Error::TargetNotTag { target: copy.request.target.to_string() };
        let tag = copy.request.target.tag().ok_or_else(not_tag)?;
        // Somebody else may have written the tag since the plan was made.
        let wanted = copy.digest();
        match (self.target.observe_tag(repository.path(), tag, run).await?, copy.target_state) {
            (None, _) => {}
            (Some(held), _) if held == wanted => return Ok(CopyOutcome::Unchanged),
            (Some(held), TargetState::Other(planned)) if held == planned => {}
            (Some(held), _) => {
                return Err(Error::TagTaken { target: copy.request.target.to_string(), held, wanted });
            }
        }
        let put = match self.put(run).await {
            // The target said that it had blobs and has them not (Artifactory): they are sent after all, once.
            Err(error) if lacks_blobs(&error) => {
                let _one_at_a_time = self.mending.lock().await;
                self.send_unproved(moved, run).await?;
                self.put(run).await?
            }
            other => other?,
        };
        Ok(match put {
            Put::Written => CopyOutcome::Copied,
            Put::Already => CopyOutcome::Unchanged,
        })
    }

    async fn put(&self, run: &Run) -> Result<Put, Error> {
        let target = &self.copy.request.target;
        let path = target.repository().path();
        for child in &self.copy.children {
            self.target.put_manifest(path, &Version::Digest(child.digest), child, run).await?;
        }
        self.target.put_manifest(path, target.version(), &self.copy.manifest, run).await
    }

    async fn send_unproved(&self, moved: &mut Moved, run: &Run) -> Result<(), Error> {
        let repository = self.copy.request.target.repository();
        let blobs = self.copy.blobs.iter().map(|blob| &blob.descriptor);
        let unproved: Vec<&Descriptor> =
            blobs.filter(|blob| self.sent.lacks(&repository.to_string(), blob.digest)).collect();
        for blob in unproved {
            let job = Job {
                sources: vec![(self.source, self.copy.source.repository().path())],
                target: self.target,
                target_path: repository.path(),
                blob,
                kept: None,
                mount_from: None,
                distrust: true,
            };
            if let Arrived::Sent { bytes, .. } = job.run(run).await? {
                moved.sent_bytes = moved.sent_bytes.saturating_add(bytes);
                moved.sent_blobs += 1;
                self.sent.note(repository.to_string(), blob.digest);
            }
        }
        Ok(())
    }
}

fn lacks_blobs(error: &Error) -> bool {
    match error {
        Error::Answer { status: 400..=499, code: Some(code), said, .. } => {
            matches!(code.as_str(), "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN")
                || (code == "MANIFEST_INVALID" && said.contains("Failed to copy blob"))
        }
        _ => false,
    }
}
