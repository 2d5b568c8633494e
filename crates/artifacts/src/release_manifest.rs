//! `manifest.json` of a release: which archives it is, and where they are in the release store.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::digest::Digest;
use crate::file::json_file;
use crate::file_error::Problems;
use crate::json::{At, record, text_form};
use crate::name::{EnvironmentName, ReleaseId};
use crate::text_name::{TextError, short_text};

/// A release of archives, `s3://<bucket>/<folder>/manifest.json`. It is written last: where it is, every archive is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReleaseManifest {
    /// The release.
    pub release: ReleaseId,
    /// The commit that it was built from; `null` where it was not said.
    pub commit: Option<CommitId>,
    /// The archives, at least one, all in one folder, each service once.
    pub artifacts: Vec<ReleaseArtifact>,
}

/// One archive of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseArtifact {
    /// The service.
    pub service: ServiceName,
    /// Where the archive is in the bucket: `<folder>/<service>.zip`.
    pub key: ObjectKey,
    /// SHA-256 of its bytes.
    pub sha256: CodeSha256,
    /// Its size in bytes.
    pub size_bytes: u64,
}

short_text!(
    /// A service whose code is one archive. Its name is that of its folder and of its archive, at most 64 characters.
    ServiceName,
    "a service: 1 to 64 of A-Z a-z 0-9 _ . -, beginning and ending with a letter, digit or _",
    "^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$",
    is_service
);

short_text!(
    /// The name of an object in a bucket: at most 1,024 bytes (S3 User Guide, "Naming Amazon S3 objects"), and by our rule
    /// segments between slashes that any tool can make a path of.
    ObjectKey,
    "a key: 1 to 1,024 of A-Z a-z 0-9 _ . + - @ = and / between segments, none of them . or ..",
    "^[A-Za-z0-9_.+@=-]+(/[A-Za-z0-9_.+@=-]+)*$",
    is_key
);

short_text!(
    /// A commit of git: 40 hex digits (SHA-1) or 64 (SHA-256), lower case.
    CommitId,
    "a commit: 40 or 64 lower-case hex digits",
    "^([0-9a-f]{40}|[0-9a-f]{64})$",
    |text| matches!(text.len(), 40 | 64)
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

/// SHA-256 as Lambda and S3 write it: base64 of the 32 bytes (Lambda API, `CodeSha256`; S3 API, `ChecksumSHA256`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeSha256(Digest);

impl CodeSha256 {
    /// The digest that it writes.
    pub fn digest(self) -> Digest {
        self.0
    }
}

impl From<Digest> for CodeSha256 {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for CodeSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

impl FromStr for CodeSha256 {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(|bytes| Self(Digest::from_sha256(bytes)))
            .ok_or_else(|| TextError::new(text, "a SHA-256 in base64: 44 characters"))
    }
}

impl Serialize for CodeSha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

text_form!(CodeSha256, "CodeSha256", "a SHA-256 in base64: 44 characters", "^[A-Za-z0-9+/]{43}=$");
record!(ReleaseManifest { release: "release", commit: "commit", artifacts: "artifacts" } then check_manifest);
record!(ReleaseArtifact { service: "service", key: "key", sha256: "sha256", size_bytes: "sizeBytes" });
json_file!(ReleaseManifest, Own, 1024 * 1024);

fn is_service(text: &str) -> bool {
    let outer = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 64
        && text.starts_with(outer)
        && text.ends_with(outer)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_key(text: &str) -> bool {
    let fits = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+-@=".contains(&b))
    };
    text.len() <= 1024 && text.split('/').all(fits)
}

fn check_manifest(manifest: &ReleaseManifest, at: At<'_>, problems: &mut Problems<'_>) {
    let Some(first) = manifest.artifacts.first() else {
        problems.at_field(at, "artifacts", "at least one archive");
        return;
    };
    let folder = first.folder();
    let release = manifest.release.as_str();
    if folder != release && !folder.starts_with(&format!("{release}/")) {
        problems.at_field(at, "artifacts", format!("archives in the folder `{release}` or below it"));
    }
    let mut seen = BTreeSet::new();
    for artifact in &manifest.artifacts {
        let service = &artifact.service;
        if !seen.insert(service) {
            problems.at_field(at, "artifacts", format!("each service once; {service} stands twice"));
        }
        if artifact.key.as_str() != format!("{folder}/{service}.zip") {
            problems.at_field(at, "artifacts", format!("the key `{folder}/{service}.zip` for {service}"));
        }
    }
}

impl ReleaseManifest {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "manifest.json";

    /// The folder of a release: `v1.0.0`, or `v1.0.0/<environment>` where its archives are of one environment alone.
    pub fn folder_of(release: &ReleaseId, environment: Option<&EnvironmentName>) -> String {
        match environment {
            Some(environment) => format!("{release}/{environment}"),
            None => release.to_string(),
        }
    }

    /// The folder of all its archives, without a slash at its end.
    pub fn folder(&self) -> &str {
        self.artifacts.first().map_or(self.release.as_str(), ReleaseArtifact::folder)
    }

    /// The manifest's own key.
    pub fn key(&self) -> String {
        format!("{}/{}", self.folder(), Self::FILE_NAME)
    }

    /// The archive of a service.
    pub fn artifact(&self, service: &str) -> Option<&ReleaseArtifact> {
        self.artifacts.iter().find(|artifact| artifact.service.as_str() == service)
    }
}

impl ReleaseArtifact {
    /// Everything of the key before the archive's own name.
    fn folder(&self) -> &str {
        self.key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CodeSha256, CommitId, ObjectKey, ReleaseManifest, ServiceName};
    use crate::Digest;

    fn sample() -> String {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/v1/manifest.json"))
            .expect("a sample")
    }

    fn refusal(text: &str) -> String {
        ReleaseManifest::parse(text.as_bytes(), "manifest.json").expect_err("bad").to_string()
    }

    #[test]
    fn one_hash_joins_disk_store_and_function() {
        let digest = Digest::of(b"");
        let written = CodeSha256::from(digest).to_string();
        assert_eq!(written, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(written.parse::<CodeSha256>().map(CodeSha256::digest), Ok(digest));
        for bad in ["", "47DEQpj8HBSa", &digest.to_string(), "47DEQpj8HBSa-/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] {
            assert!(bad.parse::<CodeSha256>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_follow_their_rules() {
        for good in ["price-fetcher", "a", "_x", "config.service"] {
            assert!(good.parse::<ServiceName>().is_ok(), "{good}");
        }
        for bad in ["", ".hidden", "a.", "a/b", "a b", "-a", "a-", &"a".repeat(65)] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad}");
        }
        for bad in ["", "/a", "a/", "a//b", "a/../b", ".", "a b", "a\\b", &"a".repeat(1025)] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad}");
        }
        assert!("v1.0.0/prod_eu00/price-fetcher.zip".parse::<ObjectKey>().is_ok());
        assert!("2fd4e1c67a2d28fced849ee1bb76e7391b93eb12".parse::<CommitId>().is_ok());
        assert!("2fd4e1c".parse::<CommitId>().is_err());
    }

    #[test]
    fn the_manifest_knows_its_own_place() {
        let manifest = ReleaseManifest::parse(sample().as_bytes(), "manifest").expect("valid");
        assert_eq!(manifest.key(), "v1.0.0/manifest.json");
        assert_eq!(
            manifest.artifact("price-fetcher").map(|artifact| artifact.key.to_string()).as_deref(),
            Some("v1.0.0/price-fetcher.zip")
        );
        let environment = "production/eu".parse().expect("a name");
        assert_eq!(ReleaseManifest::folder_of(&manifest.release, Some(&environment)), "v1.0.0/production/eu");
    }

    #[test]
    fn contradictions_are_refused() {
        let text = sample().replace("v1.0.0/config-service.zip", "v1.0.1/config-service.zip");
        insta::assert_snapshot!(refusal(&text), @r"
        2 problems in manifest.json
          /artifacts at 5:16: found a list of 2, expected archives in the folder `v1.0.0` or below it
          /artifacts at 5:16: found a list of 2, expected the key `v1.0.1/price-fetcher.zip` for price-fetcher
        ");
        let text = sample().replace("\"v1.0.0\"", "\"v1.0.9\"");
        insta::assert_snapshot!(refusal(&text), @"manifest.json: /artifacts at 5:16: found a list of 2, expected archives in the folder `v1.0.9` or below it");
        let text = sample().replace("config-service", "price-fetcher");
        insta::assert_snapshot!(refusal(&text), @"manifest.json: /artifacts at 5:16: found a list of 2, expected each service once; price-fetcher stands twice");
        insta::assert_snapshot!(
            refusal(r#"{"formatVersion":1,"release":"v1.0.0","artifacts":[]}"#), @"manifest.json: /artifacts at 1:51: found a list of 0, expected at least one archive");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<CodeSha256>();
            let _ = text.parse::<ServiceName>();
            let _ = text.parse::<ObjectKey>();
            let _ = ReleaseManifest::parse(text.as_bytes(), "x");
        }
    }
}
