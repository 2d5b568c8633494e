//! What is at a key, seen against what should be.

use landfall_artifacts::{CodeSha256, ReleaseArtifact};

/// An object of a release: an archive, or the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedObject {
    /// The key.
    pub key: String,
    /// SHA-256 of its bytes.
    pub sha256: CodeSha256,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl WantedObject {
    pub(crate) fn of(artifact: &ReleaseArtifact) -> Self {
        Self { key: artifact.key.to_string(), sha256: artifact.sha256, size_bytes: artifact.size_bytes }
    }
}

/// What stands at an object's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Absent,
    /// The same bytes.
    Same,
    /// Other bytes.
    Differs(Observed),
}

/// An object that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// SHA-256 of its bytes, as S3 keeps it or as it was computed from all of them; `None` where neither is known:
    /// of an object of another size than was wanted, more than 64 MiB are not read for it.
    pub sha256: Option<CodeSha256>,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl Observed {
    /// What it is, for messages: its SHA-256 in base64, else its size.
    pub fn told(&self) -> String {
        match self.sha256 {
            Some(sha256) => format!("sha256 {sha256} ({} bytes)", self.size_bytes),
            None => format!("an object of {} bytes without a SHA-256", self.size_bytes),
        }
    }
}
