//! Finding archives by their content, in whatever release they are.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Digest, ReleaseArtifact, ReleaseManifest};
use landfall_aws::{Call, Nature, Service, call};
use landfall_run::Run;

use crate::{Error, ReleaseStore};

/// So many releases are looked into at most, the newest first.
const MOST_RELEASES: usize = 200;
/// So many folders are listed at most.
const MOST_FOLDERS: usize = 10_000;

impl ReleaseStore {
    /// Archives by their digest, looked for in the manifests of releases: the newest version first, until all are found or 200
    /// releases were read. What is not found is not in the answer; releases without a manifest, or with one that cannot be read,
    /// are passed over.
    ///
    /// # Errors
    /// [`Error::Call`] where the bucket cannot be listed.
    pub async fn find(
        &self,
        wanted: &BTreeSet<Digest>,
        run: &Run,
    ) -> Result<BTreeMap<Digest, ReleaseArtifact>, Error> {
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut folders = self.folders(run).await?;
        folders.sort_by_cached_key(|folder| std::cmp::Reverse(age(folder)));
        for folder in folders.into_iter().take(MOST_RELEASES) {
            if found.len() == wanted.len() {
                break;
            }
            let key = format!("{folder}/{}", ReleaseManifest::FILE_NAME);
            let Some(bytes) = self.read_small(&key, ReleaseManifest::MAX_BYTES as u64, run).await? else {
                continue;
            };
            let Ok(manifest) = ReleaseManifest::parse(&bytes, &self.address(&key)) else { continue };
            for artifact in manifest.artifacts {
                let digest = artifact.sha256.digest();
                if wanted.contains(&digest) {
                    found.entry(digest).or_insert(artifact);
                }
            }
        }
        Ok(found)
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

/// Newer versions are greater; what is no version is the least.
fn age(folder: &str) -> (Option<semver::Version>, String) {
    let text = folder.strip_prefix('v').unwrap_or(folder);
    (semver::Version::parse(text).ok(), folder.to_owned())
}
