//! What differs between registries, and between good days and bad ones.

/// When a blob may be mounted from another repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// Never: 202 and an upload session. Artifactory; ECR by default.
    Refused,
    /// Once a manifest in the source repository names the blob. ECR with `BLOB_MOUNTING=ENABLED` (containers-roadmap 2860).
    AfterManifest,
    /// As soon as the source repository has the blob (the distribution specification).
    Always,
}

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
    /// Manifest PUTs taken within any second; beyond it 429 TOOMANYREQUESTS without Retry-After. Default: no limit.
    pub manifests_per_second: Option<usize>,
    /// BatchCheckLayerAvailability tells blobs that are not there as failures `MissingLayerDigest` (so moto 5.2.5) and not as `UNAVAILABLE` (what
    /// AWS's pusher for containerd needs to work). Default: no.
    pub absent_layers_are_failures: bool,
    /// Life of a Bearer token. Default: one hour.
    pub token_lifetime: std::time::Duration,
    /// Version that Artifactory tells. Default: 7.117.1.
    pub artifactory_version: String,
}

impl Quirks {
    pub(super) fn artifactory() -> Self {
        Self {
            mounts: Mounts::Refused,
            redirect_blobs: false,
            redirect_to: None,
            realm: None,
            upload_origin: None,
            omit_digest_header: false,
            head_lies: false,
            forbidden_if_missing: false,
            corrupt_blob: None,
            corrupt_manifest: None,
            manifests_per_second: None,
            absent_layers_are_failures: false,
            token_lifetime: std::time::Duration::from_secs(3600),
            artifactory_version: "7.117.1".to_owned(),
        }
    }

    pub(super) fn ecr() -> Self {
        Self { redirect_blobs: true, ..Self::artifactory() }
    }
}
