//! What differs between registries, and between good days and bad ones.

/// When a blob may be mounted from another repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// Never: 202 and an upload session. Artifactory; ECR by default.
    Refused,
    /// Once a manifest in the source repository names the blob. ECR with `BLOB_MOUNTING=ENABLED` (containers-roadmap 2860).
    AfterManifest,
    /// As soon as the source repository has the blob; without a source (`from`), as soon as any repository has it. The distribution specification.
    Always,
}

/// Manifests per second that ECR takes (service quotas, PutImage).
const ECR_MANIFESTS_PER_SECOND: usize = 10;
/// Upload sessions per second that ECR opens (service quotas, InitiateLayerUpload).
const ECR_UPLOADS_PER_SECOND: usize = 100;
/// The smallest part at ECR, but for the last (ECR API reference, UploadLayerPart).
const ECR_MIN_PART: usize = 5 * 1024 * 1024;

/// How a registry behaves. Change it with [`super::Registry::configure`].
#[derive(Clone, Debug)]
pub struct Quirks {
    /// See [`Mounts`].
    pub mounts: Mounts,
    /// Blob downloads are redirected to the storage host. Always so at ECR; at Artifactory's cloud. Default there: no.
    pub redirect_blobs: bool,
    /// Redirects of blob downloads go to this origin (`http://127.0.0.2:99`) instead. Default: none.
    pub redirect_to: Option<String>,
    /// The realm in challenges is this address. Default: none.
    pub realm: Option<String>,
    /// Artifactory's challenges name the scope that the request wanted. Default: no (devcontainers/cli 691, containerd 3556).
    pub challenge_scope: bool,
    /// `Location` of uploads starts with this origin. Default: none.
    pub upload_origin: Option<String>,
    /// No `Docker-Content-Digest` header. Default: no.
    pub omit_digest_header: bool,
    /// HEAD says 200 for blobs that are not there (gardener/cc-utils 1752); the manifest is then MANIFEST_INVALID. Default: no.
    pub head_lies: bool,
    /// 403 instead of 404 for a missing manifest (RTFACT-13797). Default: no.
    pub forbidden_if_missing: bool,
    /// The blob with this digest is served with a flipped byte. Default: none.
    pub corrupt_blob: Option<String>,
    /// The manifest with this digest is served with a changed byte. Default: none.
    pub corrupt_manifest: Option<String>,
    /// Manifest PUTs taken within any second; beyond it 429 TOOMANYREQUESTS without Retry-After. Default: no limit; see [`Quirks::ecr_quotas`].
    pub manifests_per_second: Option<usize>,
    /// Upload sessions and mounts begun within any second; beyond it the same 429. Default: no limit; see [`Quirks::ecr_quotas`].
    pub uploads_per_second: Option<usize>,
    /// A POST with `?digest=` and the bytes is a whole upload (201). Otherwise the bytes are dropped and a session is opened (202). Default: only
    /// at the plain registry.
    pub single_post: bool,
    /// Bytes that each part of an upload must have, but for the last. Default: 5 MiB at ECR, which does not say so beforehand; none elsewhere.
    /// The plain registry announces it in `OCI-Chunk-Min-Length`.
    pub min_part: Option<usize>,
    /// An upload without a byte is taken. Default: not at ECR (devcontainers/cli 814, radius 7855).
    pub empty_blobs: bool,
    /// Manifests, tags and blobs can be deleted over `/v2/`. Default: only at the plain registry. ECR has its own operation for it.
    pub deletes: bool,
    /// The referrers API is there, and `OCI-Subject` answers a manifest with a subject. Default: not at Artifactory, where it is behind a flag
    /// (`artifactory.oci.referrers.api.enabled`).
    pub referrers: bool,
    /// An index may name manifests that are not in the repository. Default: only at the plain registry. ECR: ReferencedImagesNotFoundException.
    pub sparse_indexes: bool,
    /// BatchCheckLayerAvailability tells blobs that are not there as failures `MissingLayerDigest` (so moto 5.2.5) and not as `UNAVAILABLE` (what
    /// AWS's pusher for containerd needs to work). Default: no.
    pub absent_layers_are_failures: bool,
    /// Life of a Bearer token. Default: one hour.
    pub token_lifetime: std::time::Duration,
    /// Version that Artifactory tells. Default: 7.117.1.
    pub artifactory_version: String,
}

impl Quirks {
    /// Sets the limits that ECR has by default for an account in a region: 10 manifests and 100 upload sessions a second (AWS service quotas).
    /// They are not set from the start because tests would have to wait for them.
    pub fn ecr_quotas(&mut self) {
        self.manifests_per_second = Some(ECR_MANIFESTS_PER_SECOND);
        self.uploads_per_second = Some(ECR_UPLOADS_PER_SECOND);
    }

    pub(super) fn artifactory() -> Self {
        Self {
            mounts: Mounts::Refused,
            redirect_blobs: false,
            redirect_to: None,
            realm: None,
            challenge_scope: false,
            upload_origin: None,
            omit_digest_header: false,
            head_lies: false,
            forbidden_if_missing: false,
            corrupt_blob: None,
            corrupt_manifest: None,
            manifests_per_second: None,
            uploads_per_second: None,
            single_post: false,
            min_part: None,
            empty_blobs: true,
            deletes: false,
            referrers: false,
            sparse_indexes: false,
            absent_layers_are_failures: false,
            token_lifetime: std::time::Duration::from_secs(3600),
            artifactory_version: "7.117.1".to_owned(),
        }
    }

    pub(super) fn ecr() -> Self {
        Self {
            redirect_blobs: true,
            min_part: Some(ECR_MIN_PART),
            empty_blobs: false,
            referrers: true,
            ..Self::artifactory()
        }
    }

    pub(super) fn plain() -> Self {
        Self {
            mounts: Mounts::Always,
            single_post: true,
            deletes: true,
            referrers: true,
            sparse_indexes: true,
            ..Self::artifactory()
        }
    }
}
