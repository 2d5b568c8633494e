//! What a function is to run.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_artifacts::{Digest, PinnedReference, Platform};

use crate::Package;

/// What a function is to run: known by its content, never by a name that may come to mean something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// An image, by digest.
    Image {
        /// The image in ECR.
        image: PinnedReference,
        /// What it is for.
        platform: Platform,
    },
    /// An archive in a bucket of the function's region.
    Archive(Archive),
}

/// A zip archive in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

impl Code {
    /// The digest of its content: an image's manifest, an archive's bytes.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Image { image, .. } => image.digest(),
            Self::Archive(archive) => archive.digest,
        }
    }

    /// The text that Lambda gives as `CodeSha256` where it runs: hex for an image, base64 for an archive.
    pub fn code_sha256(&self) -> String {
        match self {
            Self::Image { image, .. } => image.digest().hex(),
            Self::Archive(archive) => STANDARD.encode(archive.digest.as_bytes()),
        }
    }

    /// How a function that can run it is packed.
    pub fn package(&self) -> Package {
        match self {
            Self::Image { .. } => Package::Image,
            Self::Archive(_) => Package::Zip,
        }
    }
}

impl Archive {
    /// The digest of an archive's bytes, of the text that Lambda gives as its `CodeSha256`.
    pub fn digest_of(code_sha256: &str) -> Option<Digest> {
        let bytes: [u8; 32] = STANDARD.decode(code_sha256).ok()?.try_into().ok()?;
        Some(Digest::from_sha256(bytes))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { image, .. } => image.fmt(f),
            Self::Archive(archive) => write!(f, "s3://{}/{}", archive.bucket, archive.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{Archive, Code};

    #[test]
    fn an_archive_is_known_by_what_lambda_says_of_it() {
        let digest = Digest::of(b"");
        let code = Code::Archive(Archive { bucket: "b".into(), key: "k".into(), digest });
        assert_eq!(code.code_sha256(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(Archive::digest_of(&code.code_sha256()), Some(digest));
        assert_eq!(Archive::digest_of(&digest.hex()), None);
    }
}
