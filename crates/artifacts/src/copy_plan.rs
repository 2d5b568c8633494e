//! `copy-plan.json`: what copying a release's images comes to, before a byte moves.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::digest::Digest;
use crate::file::json_file;
use crate::file_error::Problems;
use crate::image_lock::Platform;
use crate::json::{At, one_of, record};
use crate::name::{EnvironmentName, ProjectName, ReleaseId};
use crate::outcome::Problem;
use crate::reference::{PinnedReference, Reference, Repository};

/// What copying a batch of images comes to. Default name `copy-plan.json`. It can be approved and handed to the run that copies,
/// which refuses where a source names something else by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyPlanFile {
    /// The release.
    pub release: ReleaseId,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The images without a problem, each target once.
    pub images: Vec<ImagePlan>,
    /// The blobs that have to get to a target, once for each target repository.
    pub blobs: Vec<BlobPlan>,
    /// All of it together.
    pub totals: PlanTotals,
    /// Requests that the copy is expected to make, by kind; redirects, repeats and logins come on top.
    pub requests: BTreeMap<String, u64>,
    /// What stands in the way. Nothing is copied while there is anything.
    pub problems: Vec<Problem>,
}

/// One image of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagePlan {
    /// The project; `null` where the plan is of no project.
    pub project: Option<ProjectName>,
    /// Its version, as it was written.
    pub version: Option<String>,
    /// Where it is, as it was asked for.
    pub source: Reference,
    /// What that names now: the image, or the index that it was chosen from.
    pub source_digest: Digest,
    /// The image at its source.
    pub pinned: PinnedReference,
    /// Where it is to be, by tag.
    pub target: Reference,
    /// What the target names now.
    pub state: TargetStateWord,
    /// The digest that it names, where it names anything.
    pub held: Option<Digest>,
    /// The image's platform, where it was looked at or set.
    pub platform: Option<Platform>,
    /// The manifest's media type.
    pub media_type: String,
    /// Manifests, configurations and layers together, in bytes.
    pub size_bytes: u64,
    /// Bytes that are sent for it and not for an image before it.
    pub send_bytes: u64,
    /// What works and may not work well.
    pub warnings: Vec<String>,
}

/// What a target tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetStateWord {
    /// Nothing.
    Absent,
    /// The image already.
    Same,
    /// Other content, which will be replaced.
    Other,
}

/// One blob of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlobPlan {
    /// The blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The repository that lacks it.
    pub target: Repository,
    /// How it gets there.
    pub way: BlobWay,
    /// The repository of the same registry that it is taken over from, for a mount.
    pub mount_from: Option<String>,
}

/// How a blob gets to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlobWay {
    /// Over the wire.
    Send,
    /// The target registry takes it over from another repository of its own.
    Mount,
}

/// A whole plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanTotals {
    /// Images without a problem.
    pub images: u64,
    /// Images that are not at their target yet.
    pub changes: u64,
    /// Distinct blobs of all images.
    pub blobs: u64,
    /// Blobs that are sent.
    pub send_blobs: u64,
    /// Bytes that are sent.
    pub send_bytes: u64,
    /// Blobs that are mounted.
    pub mounts: u64,
    /// Bytes of blobs that a copy of image after image would send, and this one does not.
    pub saved_bytes: u64,
}

one_of!(TargetStateWord { "absent" => Absent, "same" => Same, "other" => Other });
one_of!(BlobWay { "send" => Send, "mount" => Mount });
record!(CopyPlanFile {
    release: "release",
    environment: "environment",
    images: "images",
    blobs: "blobs",
    totals: "totals",
    requests: "requests",
    problems: "problems",
} then check_plan);
record!(ImagePlan {
    project: "project",
    version: "version",
    source: "source",
    source_digest: "sourceDigest",
    pinned: "pinned",
    target: "target",
    state: "state",
    held: "held",
    platform: "platform",
    media_type: "mediaType",
    size_bytes: "sizeBytes",
    send_bytes: "sendBytes",
    warnings: "warnings",
});
record!(BlobPlan {
    digest: "digest",
    size_bytes: "sizeBytes",
    target: "target",
    way: "way",
    mount_from: "mountFrom",
});
record!(PlanTotals {
    images: "images",
    changes: "changes",
    blobs: "blobs",
    send_blobs: "sendBlobs",
    send_bytes: "sendBytes",
    mounts: "mounts",
    saved_bytes: "savedBytes",
});
json_file!(CopyPlanFile, Own, 64 * 1024 * 1024);

fn check_plan(plan: &CopyPlanFile, at: At<'_>, problems: &mut Problems<'_>) {
    let mut seen = BTreeSet::new();
    for image in &plan.images {
        if image.target.tag().is_none() || !seen.insert(&image.target) {
            problems.at_field(at, "images", format!("each target once and by tag; look at {}", image.target));
        }
    }
}

impl CopyPlanFile {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "copy-plan.json";

    /// The image that is planned for a target.
    pub fn image_for(&self, target: &Reference) -> Option<&ImagePlan> {
        self.images.iter().find(|image| image.target == *target)
    }
}

#[cfg(test)]
mod tests {
    use super::CopyPlanFile;

    #[test]
    fn a_target_stands_there_once_and_by_tag() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/v1/copy-plan.json"))
            .expect("a sample");
        let plan = CopyPlanFile::parse(text.as_bytes(), "copy-plan.json").expect("valid");
        assert_eq!(plan.image_for(&plan.images[1].target), Some(&plan.images[1]));
        let mut twice: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        twice["images"][1]["target"] = twice["images"][0]["target"].clone();
        let refused = CopyPlanFile::parse(twice.to_string().as_bytes(), "copy-plan.json").expect_err("twice");
        insta::assert_snapshot!(refused.to_string(), @"copy-plan.json: /images at 1:259: found a list of 2, expected each target once and by tag; look at 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app:OrderServiceFunction-1.4.2");
    }
}
