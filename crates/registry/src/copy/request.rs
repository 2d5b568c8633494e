//! What is to be copied, and how.

use landfall_artifacts::{Digest, EnvironmentName, Platform, ProjectName, Reference, ReleaseId, Shard};

/// One image to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRequest {
    /// Where it is, by tag or digest.
    pub source: Reference,
    /// Where it is to be, by tag.
    pub target: Reference,
    /// The digest that the source must name, as an approved plan says it: another one is a problem.
    pub pinned: Option<Digest>,
    /// The project, for the record.
    pub project: Option<ProjectName>,
    /// Its version, for the record.
    pub version: Option<String>,
    /// The environment that it is for, where one is named.
    pub environment: Option<EnvironmentName>,
    /// The part of the batch that this run does, where the batch is split.
    pub shard: Option<Shard>,
    /// The release that it is part of, where known.
    pub release: Option<ReleaseId>,
}

impl CopyRequest {
    /// A copy of `source` to the tag `target`, with nothing for the record.
    pub fn new(source: Reference, target: Reference) -> Self {
        Self {
            source,
            target,
            pinned: None,
            project: None,
            version: None,
            environment: None,
            shard: None,
            release: None,
        }
    }
}

/// What of a source is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    /// The one image that AWS Lambda can run: of an index the child for the platform, and without a platform its only image.
    /// What Lambda would refuse is a problem of the plan.
    Lambda(Option<Platform>),
    /// What the tag names, as it is: an index with all that it lists.
    AsIs,
}

impl Default for Choose {
    fn default() -> Self {
        Self::Lambda(None)
    }
}

/// How much is done at a time. More is not always faster: ECR's clients see failing connections when all layers go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyLimits {
    /// Blobs at a time between two registries, 1 or more (default 16). It is halved whenever a registry throttles.
    pub blobs: usize,
    /// Bytes of blobs under way, beyond which no further one is begun while four or more are (default 96 MiB: enough to
    /// fill any line, and so few that the large ones end early and images with them).
    pub bytes: u64,
    /// Requests at a time while a plan is made, 1 or more (default 24).
    pub lookups: usize,
}

impl Default for CopyLimits {
    fn default() -> Self {
        Self { blobs: 16, bytes: 96 << 20, lookups: 24 }
    }
}

/// What is chosen, what may be replaced, how much is done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyOptions {
    /// What of a source is copied (default: what Lambda runs, of the platform that the image says).
    pub choose: Choose,
    /// Whether a tag that exists with other content may be moved (default: no).
    pub overwrite: bool,
    /// How much is done at a time.
    pub limits: CopyLimits,
    /// Whether the plan is to say which images have signatures or other referrers, which are not copied (default: yes). It costs
    /// up to three requests an image; [`super::CopyPlan::attached`] asks for it at another time.
    pub look_for_attached: bool,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            choose: Choose::default(),
            overwrite: false,
            limits: CopyLimits::default(),
            look_for_attached: true,
        }
    }
}
