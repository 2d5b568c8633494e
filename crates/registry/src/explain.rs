//! What an error means for the next step, and what to do about it.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};
#[cfg(feature = "ecr")]
use landfall_aws::FailureKind;

use crate::error::is_passing;
use crate::{Error, UnfitKey, artifactory};

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Transport { cause, .. } => cause.code(),
            Self::NoLogin { .. } => "LF-REG-NO-LOGIN",
            Self::LoginRefused { .. } => "LF-REG-AUTH",
            Self::LoginExpired { .. } => "LF-REG-EXPIRED",
            Self::LoginKind { .. } => "LF-REG-LOGIN-KIND",
            Self::LoginSource { cause, .. } => cause.code(),
            Self::Helper { .. } => "LF-REG-HELPER",
            Self::Challenge { .. } => "LF-REG-CHALLENGE",
            Self::Token { .. } => "LF-REG-TOKEN",
            Self::Denied { .. } => "LF-REG-DENIED",
            Self::ImageMissing { .. } => "LF-REG-IMAGE-MISSING",
            Self::RepositoryMissing { .. } => "LF-REG-REPOSITORY-MISSING",
            Self::BlobMissing { .. } => "LF-REG-BLOB-MISSING",
            Self::SourceMoved { .. } => "LF-REG-SOURCE-MOVED",
            Self::TagTaken { .. } => "LF-REG-TAG-TAKEN",
            Self::TagDiffers { .. } => "LF-REG-TAG-DIFFERS",
            Self::TargetTwice { .. } => "LF-REG-TARGET-TWICE",
            Self::TargetNotTag { .. } => "LF-REG-TARGET-NOT-TAG",
            Self::UnknownHost { .. } => "LF-REG-UNKNOWN-HOST",
            Self::Manifest { .. } => "LF-REG-MANIFEST",
            Self::ImageConfig { .. } => "LF-REG-IMAGE-CONFIG",
            Self::DigestDiffers { .. } => "LF-REG-DIGEST",
            Self::SizeDiffers { .. } => "LF-REG-SIZE",
            Self::Cut { .. } => "LF-REG-CUT",
            Self::TargetStalled { .. } => "LF-REG-STALLED",
            Self::NotForLambda { .. } => "LF-REG-LAMBDA",
            Self::Answer { .. } => "LF-REG-ANSWER",
            Self::Incomplete { .. } => "LF-REG-INCOMPLETE",
            Self::Storage { .. } => "LF-REG-STORAGE",
            Self::Redirects { .. } => "LF-REG-REDIRECTS",
            Self::NotWritten { .. } => "LF-REG-NOT-WRITTEN",
            Self::Unconfirmed { .. } => "LF-REG-UNCONFIRMED",
            Self::Journal { cause, .. } => cause.code(),
            Self::Stopped { .. } => "LF-STOPPED",
            #[cfg(feature = "ecr")]
            Self::EcrCall { cause, .. } => match cause.kind {
                FailureKind::Denied | FailureKind::Keys | FailureKind::Expired => "LF-ECR-AUTH",
                FailureKind::NotConnected
                | FailureKind::Untrusted
                | FailureKind::Unanswered
                | FailureKind::Throttled
                | FailureKind::Server
                | FailureKind::Refused
                | FailureKind::Endpoint
                | FailureKind::Answer
                | FailureKind::Request
                | FailureKind::Stopped => cause.code(),
            },
            #[cfg(feature = "ecr")]
            Self::EcrSetup { cause } => cause.code(),
            Self::EcrToken { .. } => "LF-ECR-TOKEN",
            Self::EcrRepositories { .. } => "LF-ECR-REPOSITORY",
            Self::EcrImage { .. } => "LF-ECR-IMAGE",
            Self::EcrRegion { .. } => "LF-ECR-REGION",
            Self::PromotionRefused { .. } => "LF-ART-PROMOTE",
            Self::PromotionKeys { .. } => "LF-ART-KEY",
            Self::PromotionSamePlace { .. } => "LF-ART-SAME",
            Self::PromotionSource { .. } => "LF-ART-SOURCE",
            Self::PromotionContent { .. } => "LF-ART-CONTENT",
            Self::ArtifactoryVersion { .. } => "LF-ART-VERSION",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Transport { cause, .. } => cause.class(),
            Self::LoginSource { cause, .. } => cause.class(),
            Self::Helper { cause, .. } => cause.class(),
            Self::NoLogin { .. }
            | Self::LoginKind { .. }
            | Self::PromotionSamePlace { .. }
            | Self::TargetTwice { .. }
            | Self::TargetNotTag { .. }
            | Self::UnknownHost { .. }
            | Self::EcrRegion { .. } => Class::Input,
            Self::LoginRefused { .. }
            | Self::LoginExpired { .. }
            | Self::Challenge { .. }
            | Self::Denied { .. }
            | Self::ImageMissing { .. }
            | Self::RepositoryMissing { .. }
            | Self::BlobMissing { .. }
            | Self::SourceMoved { .. }
            | Self::TagTaken { .. }
            | Self::NotForLambda { .. }
            | Self::Redirects { .. }
            | Self::EcrRepositories { .. }
            | Self::EcrImage { .. }
            | Self::PromotionKeys { .. }
            | Self::PromotionSource { .. } => Class::Refused,
            Self::Token { status, .. } | Self::ArtifactoryVersion { status, .. } => by_status(*status),
            Self::PromotionRefused { status, said, .. } => artifactory::class_of(*status, said),
            Self::Answer { status, code, .. } => {
                if code.as_deref() == Some("TOOMANYREQUESTS") {
                    Class::Transient
                } else {
                    by_status(*status)
                }
            }
            Self::TagDiffers { .. }
            | Self::Manifest { .. }
            | Self::ImageConfig { .. }
            | Self::DigestDiffers { .. }
            | Self::SizeDiffers { .. }
            | Self::PromotionContent { .. } => Class::Integrity,
            Self::Cut { .. }
            | Self::TargetStalled { .. }
            | Self::Incomplete { .. }
            | Self::Storage { .. }
            | Self::NotWritten { .. }
            | Self::EcrToken { .. } => Class::Transient,
            Self::Unconfirmed { .. } => Class::Unknown,
            Self::Journal { cause, .. } => cause.class(),
            Self::Stopped { .. } => Class::Interrupted,
            #[cfg(feature = "ecr")]
            Self::EcrCall { cause, .. } => cause.class(),
            #[cfg(feature = "ecr")]
            Self::EcrSetup { cause } => cause.class(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Transport { cause, .. } => cause.remedy(),
            Self::NoLogin { host, .. } => Some(
                format!("add a login for {host} to DOCKER_AUTH_CONFIG and run prepare-docker-config again; its --explain shows where logins are looked for")
                    .into(),
            ),
            Self::LoginRefused { host, user, .. } => Some(
                format!("renew the password or token of `{user}` for {host} where it comes from, which prepare-docker-config --explain shows (for ECR: run prepare-docker-config again)")
                    .into(),
            ),
            Self::LoginExpired { .. } => {
                Some("run prepare-docker-config again: an ECR login lasts twelve hours".into())
            }
            Self::LoginKind { host, .. } => {
                Some(format!("give a user and password (or access token) for {host} in DOCKER_AUTH_CONFIG").into())
            }
            Self::LoginSource { cause, .. } => cause.remedy(),
            Self::Helper { host, cause, .. } => Some(cause.remedy(host)),
            Self::Challenge { host, .. } => {
                Some(format!("look whether something between here and {host} answers in its place").into())
            }
            Self::Token { status, .. } if is_passing(*status) => Some("run again later".into()),
            Self::Token { host, .. } => {
                Some(format!("look whether the token server of {host} works, and whether the login may use it").into())
            }
            Self::Denied { user, .. } if user == "nobody" => {
                Some("add a login for this registry to DOCKER_AUTH_CONFIG".into())
            }
            Self::Denied { user, .. } => {
                Some(format!("give `{user}` the permission for it, or use a login that has it").into())
            }
            Self::ImageMissing { reference } => Some(missing_image(reference)),
            Self::RepositoryMissing { repository } => {
                Some(format!("create {repository}, or correct its name").into())
            }
            Self::BlobMissing { repository, .. } => {
                Some(format!("the image in {repository} is damaged: rebuild and push it again").into())
            }
            Self::SourceMoved { .. } => {
                Some("find out who moved it; where it was meant, make a new plan and have it approved".into())
            }
            Self::TagTaken { .. } => {
                Some("release a new version; with --overwrite the tag is moved and what it named before loses its name".into())
            }
            Self::TagDiffers { .. } => {
                Some("somebody else writes this tag: find out who before running again, and deploy nothing from it".into())
            }
            Self::TargetTwice { .. } => {
                Some("give each function one image: look at the .deployment files and the versions".into())
            }
            Self::TargetNotTag { .. } => Some("name the target as host/repository:tag".into()),
            Self::UnknownHost { host } => Some(format!("configure a registry for {host}").into()),
            Self::Manifest { .. } | Self::ImageConfig { .. } => {
                Some("do not run again blindly: look at what the registry holds, then rebuild and push the image".into())
            }
            Self::DigestDiffers { .. } | Self::SizeDiffers { .. } => {
                Some("do not run again blindly: the content was changed on its way or in the registry; rebuild and push the image".into())
            }
            Self::Cut { .. } | Self::TargetStalled { .. } | Self::NotWritten { .. } => {
                Some("the network or the registry is failing; run again, which does what is left".into())
            }
            Self::NotForLambda { misfits, .. } => misfits.first().map(|misfit| misfit.remedy().into()),
            Self::Answer { status, .. } if is_passing(*status) => Some("run again later".into()),
            Self::Answer { code, said, .. } => answer_remedy(code.as_deref(), said),
            Self::Incomplete { host, .. } => {
                Some(format!("look whether something between here and {host} answers in its place").into())
            }
            Self::Storage { .. } => Some("run again; if it stays, the registry's storage is failing".into()),
            Self::Redirects { .. } => Some("correct the registry's base URL, or the proxy before it".into()),
            Self::Unconfirmed { .. } => {
                Some("look what the tag names before anything is deployed; running again reads it first".into())
            }
            Self::Journal { cause, .. } => cause.remedy(),
            Self::Stopped { .. } => Some("run again: it does what is left".into()),
            #[cfg(feature = "ecr")]
            Self::EcrCall { cause, .. } => cause.remedy(),
            #[cfg(feature = "ecr")]
            Self::EcrSetup { cause } => cause.remedy(),
            Self::EcrToken { .. } => {
                Some("something between here and AWS answers in its place; check AWS_ENDPOINT_URL and the proxy".into())
            }
            Self::EcrRepositories { .. } => {
                Some("create the repository (with immutable tags), or correct ECR_REGISTRY_URI".into())
            }
            Self::EcrImage { .. } => None,
            Self::EcrRegion { found, .. } => {
                Some(format!("set AWS_REGION to {found}, or use the registry of the other region: Lambda pulls from its own").into())
            }
            Self::PromotionRefused { status, said, .. } => artifactory::remedy_of(*status, said),
            Self::PromotionKeys { keys, .. } => {
                Some(keys.iter().map(UnfitKey::instead).collect::<Vec<_>>().join("; ").into())
            }
            Self::PromotionSamePlace { .. } => {
                Some("give two different repository keys, each with a docker host of its own where they have any".into())
            }
            Self::PromotionSource { source_key, .. } => {
                Some(format!("push or promote the image to {source_key} first, or name another source").into())
            }
            Self::PromotionContent { .. } => {
                Some("do not promote: the tag was written again after the release; release a new version".into())
            }
            Self::ArtifactoryVersion { .. } => {
                Some("check ARTIFACTORY_URL (without /artifactory), ARTIFACTORY_USER and ARTIFACTORY_PASS".into())
            }
        }
    }
}

fn by_status(status: u16) -> Class {
    if is_passing(status) { Class::Transient } else { Class::Refused }
}

fn missing_image(reference: &str) -> Cow<'static, str> {
    let image = reference.rsplit('/').next().unwrap_or(reference);
    format!("run the build job, or build-docker-images, for {image}; then run again").into()
}

fn answer_remedy(code: Option<&str>, said: &str) -> Option<Cow<'static, str>> {
    match code {
        Some("MANIFEST_INVALID") if said.contains("403") => Some(
            "the login may not overwrite or delete at the target (Artifactory says so in this way)".into(),
        ),
        Some("UNSUPPORTED") if said.contains("layers") => Some("build the image with fewer layers".into()),
        Some(_) | None => None,
    }
}
