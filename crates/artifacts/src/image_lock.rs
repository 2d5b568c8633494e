//! `image-lock.json`: the deployment plan pinned to digests.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use crate::digest::Digest;
use crate::file::json_file;
use crate::file_error::Problems;
use crate::json::{At, FromJson, one_of, record, record_fields};
use crate::name::{EnvironmentName, LambdaName, ProjectName, ReleaseId};
use crate::reference::{PinnedReference, Reference};

/// What runs where, by content. Default name `image-lock.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImageLock {
    /// The release.
    pub release: ReleaseId,
    /// The environment the images were made ready for; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The platform of all images.
    pub platform: Platform,
    /// The images, at most one for a function of an environment.
    pub images: Vec<LockedImage>,
}

/// One image of the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedImage {
    /// The project.
    pub project: ProjectName,
    /// Its version.
    #[schemars(with = "crate::schema::SemVer")]
    pub version: Version,
    /// The function that runs it.
    pub lambda: LambdaName,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// Where it came from, by digest.
    pub source: PinnedReference,
    /// The digest of the index it was chosen from by platform, where the source was one.
    pub source_index: Option<Digest>,
    /// Where it is deployed from, by tag.
    pub target: Reference,
    /// The manifest's digest, the same at source and target.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: String,
    /// Manifest, configuration and layers together, in bytes.
    pub size_bytes: u64,
}

/// A platform that Lambda runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub enum Platform {
    /// `linux/amd64`, Lambda's `x86_64`.
    #[default]
    #[serde(rename = "linux/amd64")]
    LinuxAmd64,
    /// `linux/arm64`.
    #[serde(rename = "linux/arm64")]
    LinuxArm64,
}

one_of!(Platform { "linux/amd64" => LinuxAmd64, "linux/arm64" => LinuxArm64 });
record!(ImageLock { release: "release", environment: "environment", platform: "platform", images: "images" } then check_lock);
json_file!(ImageLock, Own, 8 * 1024 * 1024);

impl Platform {
    /// As OCI descriptors write it: operating system, architecture.
    pub fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::LinuxAmd64 => ("linux", "amd64"),
            Self::LinuxArm64 => ("linux", "arm64"),
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (os, architecture) = self.parts();
        write!(f, "{os}/{architecture}")
    }
}

impl FromJson for LockedImage {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let image = record_fields!(
            at,
            problems,
            LockedImage {
                project: "project",
                version: "version",
                lambda: "lambda",
                environment: "environment",
                source: "source",
                source_index: "sourceIndex",
                target: "target",
                digest: "digest",
                media_type: "mediaType",
                size_bytes: "sizeBytes"
            }
        )?;
        let came_from = image.source.digest();
        if came_from != image.digest && Some(came_from) != image.source_index {
            problems.at_field(at, "source", "the digest of `digest` or of `sourceIndex`");
            return None;
        }
        if image.target.tag().is_none() {
            problems.at_field(at, "target", "a reference by tag");
            return None;
        }
        Some(image)
    }
}

fn check_lock(lock: &ImageLock, at: At<'_>, problems: &mut Problems<'_>) {
    let mut seen = BTreeSet::new();
    for image in &lock.images {
        if !seen.insert((&image.environment, &image.lambda)) {
            problems.at_field(
                at,
                "images",
                format!("each function once in an environment; {} stands twice", image.lambda),
            );
        }
    }
}

impl ImageLock {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "image-lock.json";

    /// The image of a project at a version. Where several environments hold it, the digest is the same.
    pub fn image(&self, project: &ProjectName, version: &Version) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.project == *project && image.version == *version)
    }

    /// The image a function runs.
    pub fn image_of(&self, lambda: &LambdaName) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.lambda == *lambda)
    }
}

impl LockedImage {
    /// The image at its target, by digest: what is deployed.
    pub fn pinned(&self) -> PinnedReference {
        self.target.repository().pinned(self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::ImageLock;

    fn sample() -> String {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/v1/image-lock.json"))
            .expect("a sample")
    }

    fn refusal(text: &str) -> String {
        ImageLock::parse(text.as_bytes(), "image-lock.json").expect_err("bad").to_string()
    }

    #[test]
    fn the_pinned_target_is_what_is_deployed() {
        let lock = ImageLock::parse(sample().as_bytes(), "lock").expect("valid");
        let image = lock.image_of(&"OrderServiceFunction".parse().expect("a name")).expect("an image");
        assert_eq!(image.pinned().digest(), image.digest);
        assert_eq!(lock.image(&image.project, &image.version), Some(image));
    }

    #[test]
    fn another_version_is_refused_by_name() {
        insta::assert_snapshot!(refusal(&sample().replace("\"formatVersion\": 1", "\"formatVersion\": 2")), @r"image-lock.json: found formatVersion 2, expected formatVersion 1: read it with the Landfall that wrote it");
        insta::assert_snapshot!(refusal("{}"), @r"
        4 problems in image-lock.json
          at 1:1: found no `formatVersion`, expected the key `formatVersion`
          at 1:1: found no `release`, expected the key `release`
          at 1:1: found no `platform`, expected the key `platform`
          at 1:1: found no `images`, expected the key `images`
        ");
    }

    #[test]
    fn contradictions_are_refused() {
        let lock: serde_json::Value = serde_json::from_str(&sample()).expect("JSON");
        let mut twice = lock.clone();
        let image = twice["images"][0].clone();
        twice["images"].as_array_mut().expect("a list").push(image);
        insta::assert_snapshot!(refusal(&twice.to_string()), @r"image-lock.json: /images at 1:54: found a list of 3, expected each function once in an environment; OrderServiceFunction stands twice");
        let mut other = lock.clone();
        other["images"][0]["digest"] =
            "sha256:0000000000000000000000000000000000000000000000000000000000000000".into();
        other["images"][1]["target"] = other["images"][1]["source"].clone();
        other["images"][1]["sizeBytes"] = (-1).into();
        insta::assert_snapshot!(refusal(&other.to_string()), @r"
        2 problems in image-lock.json
          /images/0/source at 1:308: found `artifactory.example.com/docker-build/personalised-lobby/orderService@sha256:6b86…`, expected the digest of `digest` or of `sourceIndex`
          /images/1/sizeBytes at 1:825: found -1, expected a whole number, 0 or more
        ");
    }
}
