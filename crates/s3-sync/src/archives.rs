//! Finding archives by their content, in whatever release they are.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use landfall_artifacts::{Digest, EnvironmentName, ReleaseArtifact, ReleaseId, ReleaseManifest};
use landfall_aws::{Call, FailureKind, Nature, Service, call};
use landfall_run::{Event, Run, root_cause};

use crate::{Error, ReleaseStore};

/// So many releases are looked into at most, the newest first.
const MOST_RELEASES: usize = 200;
/// So many folders are listed at most.
const MOST_FOLDERS: usize = 10_000;
/// Releases whose manifests are read at a time.
const AT_ONCE: usize = 8;
/// Manifests that cannot be read are named one by one up to here; the rest is counted.
const MOST_WARNINGS: usize = 5;

impl ReleaseStore {
    /// Archives by their digest, looked for in the manifests of releases: the newest version first, until all are found or 200
    /// releases were read. Of each release its manifest counts, and those of its archives for these environments alone. What is not found is not in the answer.
    ///
    /// A release is a folder called `v` and a SemVer version; what else stands in the bucket is nobody's business here. Releases
    /// without a manifest are passed over, and so are those whose manifest cannot be read, with a warning.
    ///
    /// # Errors
    /// [`Error::Call`] where the bucket cannot be listed, where the keys are over and where the run was stopped.
    pub async fn find(
        &self,
        wanted: &BTreeSet<Digest>,
        environments: &[&EnvironmentName],
        run: &Run,
    ) -> Result<BTreeMap<Digest, ReleaseArtifact>, Error> {
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut releases: Vec<_> = self.folders(run).await?.iter().filter_map(|name| release(name)).collect();
        releases.sort_by(|one, other| other.cmp(one));
        // Collected first: a stream that still holds the closure would keep the caller's future from being `Send`.
        let reads: Vec<_> = releases
            .iter()
            .take(MOST_RELEASES)
            .map(|(_, release)| self.manifests_of(release, environments, run))
            .collect();
        let mut reads = futures_util::stream::iter(reads).buffered(AT_ONCE);
        let mut passed_over = 0;
        while let Some(read) = reads.next().await {
            let (manifests, errors) = read?;
            for error in errors {
                passed_over += 1;
                if passed_over <= MOST_WARNINGS {
                    let text = format!("{error}, and was passed over: {}", root_cause(&error));
                    run.progress().event(Event::Warning(text));
                }
            }
            for artifact in manifests.into_iter().flat_map(|manifest| manifest.artifacts) {
                let digest = artifact.sha256.digest();
                if wanted.contains(&digest) {
                    found.entry(digest).or_insert(artifact);
                }
            }
            if found.len() == wanted.len() {
                break;
            }
        }
        if passed_over > MOST_WARNINGS {
            let text = format!("{} more manifests were passed over", passed_over - MOST_WARNINGS);
            run.progress().event(Event::Warning(text));
        }
        Ok(found)
    }

    /// Holds archives against what stands at their keys, several at a time; in their order.
    ///
    /// Each is an error where it is not there ([`Error::Missing`]), where other bytes are ([`Error::Differs`]), and where it cannot be
    /// looked at ([`Error::Call`]).
    pub async fn verify(&self, archives: &[ReleaseArtifact], run: &Run) -> Vec<Result<(), Error>> {
        let looks: Vec<_> = archives.iter().map(|archive| self.verify_one(archive, run)).collect();
        futures_util::stream::iter(looks).buffered(2 * AT_ONCE).collect().await
    }

    async fn verify_one(&self, archive: &ReleaseArtifact, run: &Run) -> Result<(), Error> {
        let address = self.address(archive.key.as_str());
        match self.head(archive, run).await? {
            crate::Presence::Same => Ok(()),
            crate::Presence::Absent => Err(Error::Missing { address }),
            crate::Presence::Differs(found) => Err(Error::Differs {
                address,
                wanted: archive.sha256,
                wanted_bytes: archive.size_bytes,
                found,
            }),
        }
    }

    /// The manifests of a release that are there, that of all environments and those of these; and why others cannot be read.
    ///
    /// # Errors
    /// What stands in the way of every other manifest too.
    async fn manifests_of(
        &self,
        release: &ReleaseId,
        environments: &[&EnvironmentName],
        run: &Run,
    ) -> Result<(Vec<ReleaseManifest>, Vec<Error>), Error> {
        let (mut manifests, mut errors) = (Vec::new(), Vec::new());
        for environment in std::iter::once(None).chain(environments.iter().copied().map(Some)) {
            match self.read_manifest(release, environment, run).await {
                Ok(manifest) => manifests.push(manifest),
                Err(Error::NoRelease { .. }) => {}
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => errors.push(error),
            }
        }
        Ok((manifests, errors))
    }

    /// The folders at the top of the bucket, without their slash.
    async fn folders(&self, run: &Run) -> Result<Vec<String>, Error> {
        let mut folders = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let what = Call {
                service: Service::S3,
                operation: "ListObjectsV2",
                nature: Nature::Read,
                limiter: None,
            };
            let request = || {
                self.sdk
                    .list_objects_v2()
                    .bucket(self.bucket().as_str())
                    .delimiter("/")
                    .set_continuation_token(next.clone())
                    .set_expected_bucket_owner(self.owner())
                    .send()
            };
            let page = call(run, what, request).await.map_err(|failure| Error::Call {
                what: "cannot list",
                address: self.address(""),
                failure: Box::new(failure),
            })?;
            let names = page.common_prefixes().iter().filter_map(|one| one.prefix());
            folders.extend(names.map(|name| name.trim_end_matches('/').to_owned()));
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() || folders.len() >= MOST_FOLDERS {
                return Ok(folders);
            }
        }
    }
}

/// The release that a folder is called after, with its version, by which releases are in order; `None` where it is none.
fn release(folder: &str) -> Option<(semver::Version, ReleaseId)> {
    Some((folder.strip_prefix('v')?.parse().ok()?, folder.parse().ok()?))
}

/// Whether no other manifest can be read either.
fn ends_all(error: &Error) -> bool {
    let kind = error.failure().map(|failure| failure.kind);
    matches!(kind, Some(FailureKind::Expired | FailureKind::Keys | FailureKind::Stopped))
}
