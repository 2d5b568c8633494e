//! What can stand in the way of a tree, or go wrong with it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, Explain};
use landfall_aws::{AwsFailure, FailureKind};
use landfall_run::JournalError;

/// What stands in the way or went wrong. Addresses are `s3://<bucket>/<key>`, escaped.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// S3 did not do what was asked.
    #[error("{what} {address}")]
    Call {
        /// What was tried, such as `cannot list`.
        what: &'static str,
        /// The object or prefix.
        address: String,
        /// What S3 answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// A listing is not one that can be relied on. Nothing is planned by half a listing.
    #[error("the listing of {address} cannot be relied on: {what}")]
    Listing {
        /// The prefix.
        address: String,
        /// What is wrong with it.
        what: String,
    },
    /// An object is another one than was listed: somebody else writes there too. It was left alone.
    #[error("{address} was changed by somebody else meanwhile: {what}")]
    Changed {
        /// The object.
        address: String,
        /// How that shows.
        what: &'static str,
    },
    /// An object is not what the publication left there that is to be undone.
    #[error("{address} was changed by somebody else since that publication")]
    ChangedSince {
        /// The object.
        address: String,
    },
    /// What is to be replaced or deleted cannot be kept, as was asked for.
    #[error("{address} cannot be kept: {what}")]
    CannotKeep {
        /// The object.
        address: String,
        /// Why.
        what: String,
    },
    /// A local file or folder cannot be read.
    #[error("cannot read {}", shown(path))]
    Local {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What is too large for memory found no room beside it.
    #[error("cannot write a temporary file in {}", shown(path))]
    Temporary {
        /// The folder of temporary files.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A local name is none that can be published.
    #[error("{} {what}", shown(path))]
    Unfit {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// A local file changed while it was being published.
    #[error("{} changed while it was read", shown(path))]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// S3 got other bytes than were announced, or keeps other ones than were sent.
    #[error("what {address} holds is not what was sent: {what}")]
    Damaged {
        /// The object.
        address: String,
        /// How that shows.
        what: String,
    },
    /// S3 did not delete one key of many.
    #[error("{address} was not deleted: {said}")]
    NotDeleted {
        /// The object.
        address: String,
        /// Code and text of S3.
        said: String,
        /// Whether the code is one of a passing fault.
        is_passing: bool,
    },
    /// A change was sent, and whether it was made could not be read back.
    #[error("whether {address} was {done} is not known")]
    Unconfirmed {
        /// The object.
        address: String,
        /// `written` or `deleted`.
        done: &'static str,
        /// Why it is not known.
        #[source]
        cause: Box<TreeError>,
    },
    /// The journal refused a change.
    #[error("{address} was not changed")]
    Journal {
        /// The prefix.
        address: String,
        /// Why.
        #[source]
        cause: JournalError,
    },
    /// The run was asked to stop before a change was sent.
    #[error("stopped before {address} was changed")]
    Stopped {
        /// The object.
        address: String,
    },
    /// What is uploaded last or deletions were not begun, or the manifest not written, since something before them failed.
    #[error("{what}, since {left} changes before that were not made")]
    Withheld {
        /// Such as `nothing was deleted`.
        what: &'static str,
        /// How many changes failed.
        left: usize,
    },
    /// Nothing is to be published, and things are to be deleted.
    #[error(
        "{} holds no file to be published, and --delete would delete all {objects} objects below {address}",
        shown(folder)
    )]
    EmptySource {
        /// The folder.
        folder: PathBuf,
        /// The prefix.
        address: String,
        /// Objects there.
        objects: u64,
    },
    /// More is to be deleted than may be.
    #[error(
        "{planned} of the {objects} objects below {address} would be deleted, and {limit} may be; {} holds {files} files",
        shown(folder)
    )]
    TooManyDeletes {
        /// The folder.
        folder: PathBuf,
        /// Files in it that are published.
        files: u64,
        /// The prefix.
        address: String,
        /// Objects there that the rules do not leave out.
        objects: u64,
        /// How many would go.
        planned: u64,
        /// How many may.
        limit: u64,
    },
    /// Another number is to be deleted than was expected.
    #[error("{planned} objects below {address} would be deleted, and {expected} were expected")]
    OtherDeletes {
        /// The prefix.
        address: String,
        /// How many would go.
        planned: u64,
        /// How many were expected.
        expected: u64,
    },
    /// Something that is protected would be deleted.
    #[error("{count} protected objects would be deleted, such as {address}")]
    Protected {
        /// One of them.
        address: String,
        /// How many.
        count: u64,
    },
    /// Objects of another publication would be deleted, whose prefix is below this one.
    #[error("{count} objects of another publication would be deleted, whose manifest is {manifest}")]
    OthersBelow {
        /// Its manifest.
        manifest: String,
        /// How many.
        count: u64,
    },
    /// All of a bucket would be the target of deletions.
    #[error("--delete without a prefix would be about the whole bucket {bucket}")]
    WholeBucket {
        /// The bucket.
        bucket: String,
    },
    /// Pages of more objects than S3 ever gives were asked for, and the answer cannot be read: probably it is too long.
    #[error("no page of {objects} objects could be read of {address}")]
    LargePages {
        /// The prefix.
        address: String,
        /// How many were asked for.
        objects: usize,
        /// What came instead.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// There are more of something than is taken.
    #[error("there are more than {most} {what}")]
    TooMany {
        /// Such as `objects below s3://a/b/`.
        what: String,
        /// The limit.
        most: u64,
    },
    /// A file is larger than one request takes.
    #[error("{} has {size_bytes} bytes, and one upload takes {most} at most", shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        most: u64,
    },
    /// No bucket, or several, have a name like that.
    #[error("{}", found(contains, candidates, account, region))]
    NoOneBucket {
        /// What the name should contain.
        contains: String,
        /// Buckets whose names do.
        candidates: Vec<String>,
        /// The account that was looked at.
        account: String,
        /// The region.
        region: String,
    },
    /// What a publication replaced or deleted is not kept anywhere, or is not what it was.
    #[error("{address} cannot be put back: {what}")]
    NotKept {
        /// The object.
        address: String,
        /// Why.
        what: String,
    },
}

fn shown(path: &Path) -> String {
    landfall_secret::escape(&path.to_string_lossy(), 200)
}

fn found(contains: &str, candidates: &[String], account: &str, region: &str) -> String {
    let place = format!("in account {account} (asked in {region})");
    if candidates.is_empty() {
        format!("no bucket {place} has `{contains}` in its name")
    } else {
        let number = candidates.len();
        format!("{number} buckets {place} have `{contains}` in their names: {}", candidates.join(", "))
    }
}

impl TreeError {
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
            Self::Call { failure, .. } | Self::LargePages { failure, .. } => Some(failure),
            Self::Unconfirmed { cause, .. } => cause.failure(),
            Self::Listing { .. }
            | Self::Changed { .. }
            | Self::ChangedSince { .. }
            | Self::CannotKeep { .. }
            | Self::Local { .. }
            | Self::Temporary { .. }
            | Self::Unfit { .. }
            | Self::Moved { .. }
            | Self::Damaged { .. }
            | Self::NotDeleted { .. }
            | Self::Journal { .. }
            | Self::Stopped { .. }
            | Self::Withheld { .. }
            | Self::EmptySource { .. }
            | Self::TooManyDeletes { .. }
            | Self::OtherDeletes { .. }
            | Self::Protected { .. }
            | Self::WholeBucket { .. }
            | Self::TooMany { .. }
            | Self::TooLarge { .. }
            | Self::NoOneBucket { .. }
            | Self::NotKept { .. }
            | Self::OthersBelow { .. } => None,
        }
    }
}

impl Explain for TreeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Call { failure, .. } => crate::error::code_of(failure),
            Self::Listing { .. } => "LF-SYNC-LISTING",
            Self::Changed { .. } => "LF-SYNC-CHANGED",
            Self::Local { .. } | Self::Unfit { .. } | Self::TooLarge { .. } => "LF-SYNC-SOURCE",
            Self::Temporary { .. } => "LF-SYNC-TEMPORARY",
            Self::Moved { .. } => "LF-SYNC-MOVED",
            Self::Damaged { .. } => "LF-S3-DAMAGED",
            Self::NotDeleted { .. } => "LF-SYNC-DELETE",
            Self::Unconfirmed { .. } => "LF-S3-UNCONFIRMED",
            Self::Journal { cause, .. } => cause.code(),
            Self::Stopped { .. } => "LF-STOPPED",
            Self::Withheld { .. } => "LF-SYNC-WITHHELD",
            Self::EmptySource { .. } => "LF-SYNC-EMPTY",
            Self::TooManyDeletes { .. } | Self::OtherDeletes { .. } => "LF-SYNC-DELETES",
            Self::Protected { .. } | Self::OthersBelow { .. } => "LF-SYNC-PROTECTED",
            Self::WholeBucket { .. } => "LF-SYNC-PREFIX",
            Self::TooMany { .. } | Self::LargePages { .. } => "LF-SYNC-SIZE",
            Self::NoOneBucket { .. } => "LF-SYNC-BUCKET",
            Self::ChangedSince { .. } | Self::NotKept { .. } => "LF-SYNC-UNDO",
            Self::CannotKeep { .. } => "LF-SYNC-KEEP",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Call { failure, .. } => failure.class(),
            Self::Listing { .. } | Self::Moved { .. } => Class::Transient,
            Self::Local { .. }
            | Self::Temporary { .. }
            | Self::Unfit { .. }
            | Self::TooMany { .. }
            | Self::LargePages { .. }
            | Self::TooLarge { .. } => Class::Input,
            Self::Damaged { .. } => Class::Integrity,
            Self::NotDeleted { is_passing: true, .. } => Class::Transient,
            Self::Unconfirmed { .. } => Class::Unknown,
            Self::Journal { cause, .. } => cause.class(),
            Self::Stopped { .. } => Class::Interrupted,
            Self::Withheld { .. } => Class::Partial,
            Self::NotDeleted { is_passing: false, .. }
            | Self::EmptySource { .. }
            | Self::TooManyDeletes { .. }
            | Self::OtherDeletes { .. }
            | Self::Protected { .. }
            | Self::WholeBucket { .. }
            | Self::NoOneBucket { .. }
            // A job that CI repeats by itself would write over what has just been spared.
            | Self::Changed { .. }
            | Self::ChangedSince { .. }
            | Self::CannotKeep { .. }
            | Self::NotKept { .. }
            | Self::OthersBelow { .. } => Class::Refused,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Call { failure, .. } => denied(failure).or_else(|| crate::error::refused(failure)),
            Self::Listing { .. } => {
                Some("run again; if it stays so, look at what stands between here and S3".into())
            }
            Self::Changed { .. } => {
                Some("find out who else writes there, then run again: it plans anew by what is there now".into())
            }
            Self::Local { .. } => Some("look whether it is there and this user may read it".into()),
            Self::Temporary { .. } => {
                Some("make room there, or let TMPDIR name a folder that this user may write to; then run again".into())
            }
            Self::Unfit { .. } => Some("remove it, rename it, or leave it out by --exclude".into()),
            Self::Moved { .. } => Some("let whatever writes there end, then run again".into()),
            Self::Damaged { .. } => {
                Some("look at what stands between here and S3; run again only when that is known".into())
            }
            Self::NotDeleted { is_passing: true, .. } => Some("run again: it does what is left".into()),
            Self::NotDeleted { is_passing: false, .. } => {
                // A deletion under a condition needs both (S3 User Guide, "How to perform conditional deletes").
                Some("allow s3:DeleteObject and s3:GetObject in the role's policy, and look for an Object Lock; see docs/access.md".into())
            }
            Self::Unconfirmed { .. } => Some("run again, which looks at what is there first".into()),
            Self::Journal { cause, .. } => cause.remedy(),
            Self::Stopped { .. } => Some("run again: it does what is left".into()),
            Self::Withheld { .. } => {
                Some("mend what the other messages name, then run again: it does what is left".into())
            }
            Self::EmptySource { .. } => {
                Some("check the folder and the rules; this stage never empties a prefix".into())
            }
            Self::TooManyDeletes { planned, .. } => Some(
                format!("check the folder; if all of it is meant, look at --dry-run and go on with --expect-deletes {planned}")
                    .into(),
            ),
            Self::OtherDeletes { .. } => {
                Some("look at what --dry-run shows now, and give the number that you agree to".into())
            }
            Self::Protected { .. } => {
                Some("check the folder; if they are to go, take their pattern out of sync.protect and --protect".into())
            }
            Self::OthersBelow { .. } => Some(
                "check the prefix; if that is no publication any more, remove its manifest, or leave its folder out by --exclude".into(),
            ),
            Self::WholeBucket { .. } => {
                Some("give the prefix, as s3://bucket/prefix or PLATFORM; or say --whole-bucket".into())
            }
            Self::LargePages { .. } => Some("ask for fewer by --page-size, or leave it out".into()),
            Self::TooMany { .. } => Some("publish a smaller tree, or to a narrower prefix".into()),
            Self::TooLarge { .. } => Some("leave it out by --exclude, or make it smaller".into()),
            Self::NoOneBucket { candidates, .. } if candidates.is_empty() => Some(
                "check whether the credentials are those of the right account, or name the bucket: NATIVE_BUCKET, or s3://bucket/prefix"
                    .into(),
            ),
            Self::NoOneBucket { .. } => {
                Some("name the one that is meant: NATIVE_BUCKET, or s3://bucket/prefix".into())
            }
            Self::ChangedSince { .. } => Some(
                "find out who wrote there: what they put would be lost; publish what is meant from git instead, or put the rest back by hand"
                    .into(),
            ),
            Self::CannotKeep { .. } => Some(
                "keep old bytes elsewhere, leave it out by --exclude, or publish without --keep-old, which cannot be undone"
                    .into(),
            ),
            Self::NotKept { .. } => {
                Some("restore what is kept, or publish the configuration of then from git".into())
            }
        }
    }
}

/// What a role must be allowed, where the operation's name is not the permission's.
fn denied(failure: &AwsFailure) -> Option<Cow<'static, str>> {
    let action = match (failure.kind, failure.operation) {
        (FailureKind::Denied, "ListObjectsV2") => "s3:ListBucket on the bucket",
        (FailureKind::Denied, "ListBuckets") => "s3:ListAllMyBuckets",
        (FailureKind::Denied, "DeleteObjects" | "DeleteObject") => {
            "s3:DeleteObject and s3:GetObject on the objects"
        }
        (FailureKind::Denied, "CopyObject") => "s3:GetObject and s3:PutObject on the objects",
        _ => return None,
    };
    let text = format!(
        "allow {action} in the role's policy, and check whether the bucket belongs to the environment's account; see docs/access.md"
    );
    Some(text.into())
}
