//! What can stand in the way of a release in its store, or go wrong with it.

use std::borrow::Cow;
use std::path::PathBuf;

use landfall_artifacts::{Class, CodeSha256, Explain, FileErrors};
use landfall_aws::{AwsFailure, FailureKind};
use landfall_run::JournalError;

use crate::Observed;

/// What stands in the way or went wrong, of one object. Addresses are `s3://<bucket>/<key>`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// S3 did not do what was asked.
    #[error("{what} {address}")]
    Call {
        /// What was tried, such as `cannot look at`.
        what: &'static str,
        /// The object.
        address: String,
        /// What S3 answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// The key holds other bytes. Nothing was written over them.
    #[error("{address} holds {}, and the release has sha256 {wanted} ({wanted_bytes} bytes)", found.told())]
    Differs {
        /// The object.
        address: String,
        /// SHA-256 of what should be there.
        wanted: CodeSha256,
        /// Size of what should be there.
        wanted_bytes: u64,
        /// What is there.
        found: Observed,
    },
    /// The bytes are not those that the manifest names.
    #[error(
        "{place} is not what the manifest says: it has sha256 {found} ({found_bytes} bytes), not {wanted} ({wanted_bytes} bytes)"
    )]
    Content {
        /// The file or object.
        place: String,
        /// SHA-256 by the manifest.
        wanted: CodeSha256,
        /// Size by the manifest.
        wanted_bytes: u64,
        /// SHA-256 of what is there.
        found: CodeSha256,
        /// Its size.
        found_bytes: u64,
    },
    /// S3 got other bytes than were announced, each time.
    #[error("the bytes that arrived for {address} are not those that were announced")]
    Damaged {
        /// The object.
        address: String,
        /// What S3 answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// The archive cannot be put there by one request.
    #[error("{address} would be {size_bytes} bytes, and one upload takes {most} at most")]
    TooLarge {
        /// The object.
        address: String,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        most: u64,
    },
    /// There is no such bucket for these keys.
    #[error("the bucket {bucket} does not exist")]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// An object that should be there is not.
    #[error("{address} is not there")]
    Missing {
        /// The object.
        address: String,
    },
    /// There is no such release: its manifest, which is written last, is missing.
    #[error("the release {release} is not in the store: {address} is not there")]
    NoRelease {
        /// The release.
        release: String,
        /// The manifest.
        address: String,
    },
    /// A manifest in the store breaks its format.
    #[error("the manifest {address} cannot be read")]
    Manifest {
        /// The manifest.
        address: String,
        /// Every problem of it.
        #[source]
        cause: Box<FileErrors>,
    },
    /// A manifest in the store is of another release.
    #[error("the manifest {address} is of {found}, not of {wanted}")]
    OtherRelease {
        /// The manifest.
        address: String,
        /// The folder that it is for.
        found: String,
        /// The folder that it stands in.
        wanted: String,
    },
    /// An object changed while it was read.
    #[error("{address} was changed while it was read")]
    Moved {
        /// The object.
        address: String,
    },
    /// A local file cannot be read or written.
    #[error("cannot use {}", landfall_secret::escape(&path.to_string_lossy(), 200))]
    Local {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The write was sent, and whether it was made could not be read back.
    #[error("whether {address} was written is not known")]
    Unconfirmed {
        /// The object.
        address: String,
        /// Why it is not known.
        #[source]
        cause: Box<Error>,
    },
    /// The journal refused the write.
    #[error("{address} was not written")]
    Journal {
        /// The object.
        address: String,
        /// Why.
        #[source]
        cause: JournalError,
    },
    /// An archive of the release is not there, so that the manifest may not be either.
    #[error("the manifest {address} was not written: {left} of its archives are not there")]
    Incomplete {
        /// The manifest.
        address: String,
        /// How many archives are missing.
        left: usize,
    },
    /// The run was asked to stop before the write was sent.
    #[error("stopped before {address} was written")]
    Stopped {
        /// The object.
        address: String,
    },
}

impl Error {
    /// Whether running again can help without anything else being changed.
    pub fn is_retryable(&self) -> bool {
        match self.class() {
            Class::Transient | Class::Unknown | Class::Interrupted | Class::Partial => true,
            Class::Defect | Class::Input | Class::Refused | Class::Locked | Class::Integrity => false,
        }
    }

    /// What S3 answered, where that is what went wrong.
    pub(crate) fn failure(&self) -> Option<&AwsFailure> {
        match self {
            Self::Call { failure, .. } | Self::Damaged { failure, .. } => Some(failure),
            Self::Unconfirmed { cause, .. } => cause.failure(),
            Self::Differs { .. }
            | Self::Content { .. }
            | Self::TooLarge { .. }
            | Self::NoBucket { .. }
            | Self::Missing { .. }
            | Self::NoRelease { .. }
            | Self::Manifest { .. }
            | Self::OtherRelease { .. }
            | Self::Moved { .. }
            | Self::Local { .. }
            | Self::Journal { .. }
            | Self::Incomplete { .. }
            | Self::Stopped { .. } => None,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Call { failure, .. } => code_of(failure),
            Self::Differs { .. } => "LF-S3-DIFFERS",
            Self::Content { .. } => "LF-S3-CONTENT",
            Self::Damaged { .. } => "LF-S3-DAMAGED",
            Self::TooLarge { .. } => "LF-S3-SIZE",
            Self::NoBucket { .. } => "LF-S3-BUCKET",
            Self::Missing { .. } => "LF-S3-MISSING",
            Self::NoRelease { .. } => "LF-S3-RELEASE",
            Self::Manifest { .. } | Self::OtherRelease { .. } => "LF-S3-MANIFEST",
            Self::Moved { .. } => "LF-S3-MOVED",
            Self::Local { .. } => "LF-S3-FILE",
            Self::Unconfirmed { .. } => "LF-S3-UNCONFIRMED",
            Self::Journal { cause, .. } => cause.code(),
            Self::Incomplete { .. } => "LF-S3-INCOMPLETE",
            Self::Stopped { .. } => "LF-STOPPED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Call { failure, .. } => failure.class(),
            Self::Differs { .. }
            | Self::Content { .. }
            | Self::Damaged { .. }
            | Self::Manifest { .. }
            | Self::OtherRelease { .. }
            | Self::Moved { .. } => Class::Integrity,
            Self::TooLarge { .. } | Self::Local { .. } => Class::Input,
            Self::NoBucket { .. } | Self::Missing { .. } | Self::NoRelease { .. } => Class::Refused,
            Self::Unconfirmed { .. } => Class::Unknown,
            Self::Journal { cause, .. } => cause.class(),
            Self::Incomplete { .. } => Class::Partial,
            Self::Stopped { .. } => Class::Interrupted,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Call { failure, .. } => refused(failure),
            Self::Differs { .. } => Some(
                "a release is never changed: find out who put the other bytes there, and publish these as a new version".into(),
            ),
            Self::Content { .. } => {
                Some("do not use it: package again from the commit, or restore the object from where it is kept".into())
            }
            Self::Damaged { .. } => {
                Some("package again and look at what stands between here and S3; nothing was kept of what arrived".into())
            }
            Self::TooLarge { .. } => Some("make the archive smaller; Lambda takes 250 MiB unzipped".into()),
            Self::NoBucket { .. } => {
                Some("check the name given by --bucket, and whether the keys belong to its account".into())
            }
            Self::Missing { .. } => Some("publish the release again: it puts there what is missing".into()),
            Self::NoRelease { .. } => {
                Some("check release, environment and bucket, or run publish-artifacts, which writes the manifest last".into())
            }
            Self::Manifest { .. } | Self::OtherRelease { .. } => {
                Some("find out who wrote it; restore the version that publish-artifacts wrote".into())
            }
            Self::Moved { .. } => {
                Some("find out who writes to the bucket; a policy that forces create-only writes is in docs/access.md".into())
            }
            Self::Local { .. } => Some("package again, or look whether this user may read and write it".into()),
            Self::Unconfirmed { .. } => Some("run again, which reads back first".into()),
            Self::Journal { cause, .. } => cause.remedy(),
            Self::Incomplete { .. } => Some("mend what the other messages name, then run again: it does what is left".into()),
            Self::Stopped { .. } => Some("run again: it does what is left".into()),
        }
    }
}

/// The code of what S3 answered.
pub(crate) fn code_of(failure: &AwsFailure) -> &'static str {
    if failure.is_code("NoSuchBucket") {
        "LF-S3-BUCKET"
    } else if is_elsewhere(failure) {
        "LF-S3-REGION"
    } else {
        failure.code()
    }
}

/// Whether the bucket is in another region than was asked.
fn is_elsewhere(failure: &AwsFailure) -> bool {
    failure.status == Some(301)
        || ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"]
            .iter()
            .any(|code| failure.is_code(code))
}

/// What to do where S3 refused: its permissions are not named as its operations are.
pub(crate) fn refused(failure: &AwsFailure) -> Option<Cow<'static, str>> {
    if failure.is_code("NoSuchBucket") {
        return Some("check the name given by --bucket, and whether the keys belong to its account".into());
    }
    if is_elsewhere(failure) {
        return Some("set AWS_REGION to the bucket's region".into());
    }
    match failure.kind {
        FailureKind::Denied => {
            let action = match failure.operation {
                "PutObject" => "s3:PutObject",
                "HeadObject" | "GetObject" => "s3:GetObject on the objects and s3:ListBucket on the bucket",
                other => return Some(format!("allow s3:{other} in the role's policy").into()),
            };
            Some(format!("allow {action} in the role's policy, and check the bucket's owner and policy; see docs/access.md").into())
        }
        _ => failure.remedy(),
    }
}
