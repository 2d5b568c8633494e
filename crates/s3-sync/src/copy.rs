//! A release on its way to another bucket, for disaster recovery.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use landfall_artifacts::{ReleaseArtifact, ReleaseManifest};
use landfall_run::Run;
use tokio::time::Instant;

use crate::publish::{ObjectOutcome, ObjectResult};
use crate::{Error, Presence, Published, ReleaseStore};

/// Archives that are on their way at a time; each is on this machine's disk meanwhile.
const AT_ONCE: usize = 3;

impl ReleaseStore {
    /// Brings a release of this store to another one, which may be in another region or account. Archives that are there are left
    /// alone. Each other one is fetched to a temporary file, verified by its SHA-256, and created at the other store; the manifest
    /// comes last. Repeating it brings what is missing.
    pub async fn copy_to(&self, other: &Self, manifest: &ReleaseManifest, run: &Run) -> Published {
        let copies =
            manifest.artifacts.iter().map(|artifact| self.copy_archive(other, artifact, manifest, run));
        let objects =
            futures_util::stream::iter(copies.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        other.finish(objects, manifest, &BTreeSet::new(), run).await
    }

    async fn copy_archive(
        &self,
        other: &Self,
        artifact: &ReleaseArtifact,
        manifest: &ReleaseManifest,
        run: &Run,
    ) -> ObjectResult {
        let begun = Instant::now();
        let result = |outcome, error| ObjectResult {
            name: artifact.service.to_string(),
            key: artifact.key.to_string(),
            sha256: artifact.sha256,
            size_bytes: artifact.size_bytes,
            outcome,
            error,
            took: begun.elapsed(),
        };
        match other.head(artifact, run).await {
            Ok(Presence::Same) => return result(ObjectOutcome::Unchanged, None),
            Ok(Presence::Differs(found)) => {
                let error = Error::Differs {
                    address: other.address(artifact.key.as_str()),
                    wanted: artifact.sha256,
                    wanted_bytes: artifact.size_bytes,
                    found,
                };
                return result(ObjectOutcome::Failed, Some(error));
            }
            Ok(Presence::Absent) => {}
            Err(error) => return result(ObjectOutcome::Failed, Some(error)),
        }
        match self.fetch(artifact, run).await {
            Ok(file) => other.put_archive(artifact, file.path(), manifest, run).await,
            Err(error) => result(ObjectOutcome::Failed, Some(error)),
        }
    }

    /// An archive in a temporary file, verified.
    async fn fetch(&self, artifact: &ReleaseArtifact, run: &Run) -> Result<tempfile::NamedTempFile, Error> {
        let local = |source| Error::Local { path: std::env::temp_dir(), source };
        let mut file = tempfile::NamedTempFile::new().map_err(local)?;
        let path = file.path().to_owned();
        let (key, size_bytes) = (artifact.key.as_str(), artifact.size_bytes);
        let found = self.download(key, size_bytes, file.as_file_mut(), &path, run).await?;
        if found == artifact.sha256 {
            return Ok(file);
        }
        Err(Error::Content {
            place: self.address(key),
            wanted: artifact.sha256,
            wanted_bytes: size_bytes,
            found,
            found_bytes: size_bytes,
        })
    }
}
