//! The store, and what it reads.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::ChecksumMode;
use landfall_artifacts::{
    AccountId, CodeSha256, Digest, EnvironmentName, ReleaseArtifact, ReleaseId, ReleaseManifest,
};
use landfall_aws::{AwsConfig, Call, FailureKind, Nature, Service, call};
use landfall_run::Run;

use crate::{BucketName, Error, Observed, Presence, WantedObject};

/// Most bytes of an object that are read to name the SHA-256 of what stands where something else should.
const MOST_TO_TELL: u64 = 64 * 1024 * 1024;

/// A bucket of releases in one region. Clones share connections.
#[derive(Clone, Debug)]
pub struct ReleaseStore {
    pub(crate) sdk: Client,
    bucket: BucketName,
    owner: Option<AccountId>,
    region: String,
}

/// What a HEAD tells.
pub(crate) struct Head {
    pub(crate) etag: Option<String>,
    pub(crate) observed: Observed,
}

impl ReleaseStore {
    /// A store. Nothing is sent. With `owner` S3 refuses where the bucket belongs to another account.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(
        config: &AwsConfig,
        bucket: BucketName,
        owner: Option<AccountId>,
    ) -> Result<Self, landfall_aws::Error> {
        let settings = aws_sdk_s3::config::Builder::from(&config.sdk_config(Service::S3)?)
            // A bucket in the host name would be another origin than the endpoint's.
            .force_path_style(true)
            .build();
        let sdk = Client::from_conf(settings);
        Ok(Self { sdk, bucket, owner, region: config.region().to_owned() })
    }

    /// The bucket.
    pub fn bucket(&self) -> &BucketName {
        &self.bucket
    }

    /// The region of the bucket.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Where a key is: `s3://<bucket>/<key>`.
    pub fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    pub(crate) fn owner(&self) -> Option<String> {
        self.owner.as_ref().map(ToString::to_string)
    }

    /// How long one request for so many bytes may take: a minute, and what a slow line of 256 KiB a second needs.
    pub(crate) fn patience(size_bytes: u64) -> TimeoutConfig {
        let transfer = Duration::from_secs(60 + size_bytes / (256 * 1024));
        TimeoutConfig::builder().operation_attempt_timeout(transfer).build()
    }

    /// What stands at an archive's key, by its checksum; where the object has none, by all its bytes.
    ///
    /// # Errors
    /// [`Error::Call`], [`Error::Moved`].
    pub async fn head(&self, artifact: &ReleaseArtifact, run: &Run) -> Result<Presence, Error> {
        self.compare(artifact.key.as_str(), artifact.sha256, artifact.size_bytes, Nature::Read, run).await
    }

    /// What stands at the keys of a release: at those of its archives in their order, and at the manifest's, last.
    /// Several are looked at at a time.
    ///
    /// # Errors
    /// One for each key that could not be looked at.
    pub async fn observe(
        &self,
        manifest: &ReleaseManifest,
        run: &Run,
    ) -> Vec<(WantedObject, Result<Presence, Error>)> {
        use futures_util::StreamExt as _;
        let bytes = manifest.to_bytes();
        let own = WantedObject {
            key: manifest.key(),
            sha256: CodeSha256::from(Digest::of(&bytes)),
            size_bytes: bytes.len() as u64,
        };
        let objects = manifest.artifacts.iter().map(WantedObject::of).chain([own]);
        let looks = objects.map(|object| async move {
            let (sha256, size) = (object.sha256, object.size_bytes);
            let seen = self.compare(&object.key, sha256, size, Nature::Read, run).await;
            (object, seen)
        });
        futures_util::stream::iter(looks.collect::<Vec<_>>()).buffered(16).collect().await
    }

    /// Whether the bucket is there. Looking at objects does not tell: both lack the same way.
    ///
    /// # Errors
    /// [`Error::NoBucket`], [`Error::Call`].
    pub async fn check_bucket(&self, run: &Run) -> Result<(), Error> {
        let what =
            Call { service: Service::S3, operation: "HeadBucket", nature: Nature::Read, limiter: None };
        let request = || {
            self.sdk.head_bucket().bucket(self.bucket.as_str()).set_expected_bucket_owner(self.owner()).send()
        };
        match call(run, what, request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status == Some(404) => {
                Err(Error::NoBucket { bucket: self.bucket.to_string() })
            }
            Err(failure) => Err(Error::Call {
                what: "cannot look at",
                address: self.address(""),
                failure: Box::new(failure),
            }),
        }
    }

    /// The manifest of a release, or of its archives for one environment.
    ///
    /// # Errors
    /// [`Error::NoRelease`] where it is not there, [`Error::Manifest`] where it breaks its format, [`Error::OtherRelease`],
    /// [`Error::Call`].
    pub async fn read_manifest(
        &self,
        release: &ReleaseId,
        environment: Option<&EnvironmentName>,
        run: &Run,
    ) -> Result<ReleaseManifest, Error> {
        let folder = ReleaseManifest::folder_of(release, environment);
        let key = format!("{folder}/{}", ReleaseManifest::FILE_NAME);
        let address = self.address(&key);
        let read = self.read_small(&key, ReleaseManifest::MAX_BYTES as u64, run).await?;
        let Some(bytes) = read else {
            return Err(Error::NoRelease { release: folder, address });
        };
        let manifest = ReleaseManifest::parse(&bytes, &address)
            .map_err(|cause| Error::Manifest { address: address.clone(), cause: Box::new(cause) })?;
        if manifest.folder() != folder {
            return Err(Error::OtherRelease { address, found: manifest.folder().to_owned(), wanted: folder });
        }
        Ok(manifest)
    }

    /// Compares what stands at a key with what should.
    pub(crate) async fn compare(
        &self,
        key: &str,
        wanted: CodeSha256,
        wanted_bytes: u64,
        nature: Nature,
        run: &Run,
    ) -> Result<Presence, Error> {
        let Some(head) = self.head_of(key, nature, run).await? else { return Ok(Presence::Absent) };
        let mut found = head.observed;
        // Where somebody else's tool put it there without a SHA-256, only the bytes can tell.
        if found.sha256.is_none() {
            let etag = head.etag.as_deref();
            if found.size_bytes == wanted_bytes {
                found.sha256 = Some(self.digest_of(key, etag, found.size_bytes, run).await?);
            } else if found.size_bytes <= MOST_TO_TELL {
                // It is another one whatever this tells: a failure here must not hide that.
                found.sha256 = self.digest_of(key, etag, found.size_bytes, run).await.ok();
            }
        }
        let is_same = found.sha256 == Some(wanted) && found.size_bytes == wanted_bytes;
        Ok(if is_same { Presence::Same } else { Presence::Differs(found) })
    }

    /// ETag, SHA-256 and size of an object; `None` where there is none.
    pub(crate) async fn head_of(&self, key: &str, nature: Nature, run: &Run) -> Result<Option<Head>, Error> {
        let what = Call { service: Service::S3, operation: "HeadObject", nature, limiter: None };
        let request = || {
            self.sdk
                .head_object()
                .bucket(self.bucket.as_str())
                .key(key)
                .checksum_mode(ChecksumMode::Enabled)
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        match call(run, what, request).await {
            Ok(answer) => Ok(Some(Head {
                etag: answer.e_tag().map(str::to_owned),
                observed: Observed {
                    // That of an upload in parts is a hash of hashes and is written in another way.
                    sha256: answer.checksum_sha256().and_then(|text| text.parse().ok()),
                    size_bytes: answer
                        .content_length()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or_default(),
                },
            })),
            // A HEAD has no body, so that the bucket may be what is missing; a write will tell.
            Err(failure) if failure.status == Some(404) && failure.kind == FailureKind::Refused => Ok(None),
            Err(failure) => Err(Error::Call {
                what: "cannot look at",
                address: self.address(key),
                failure: Box::new(failure),
            }),
        }
    }
}
