//! What can go wrong with a ledger.

use std::borrow::Cow;
use std::io;

use landfall_artifacts::{Class, Explain};
use landfall_aws::{AwsFailure, FailureKind};
use landfall_run::JournalError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger's place cannot be used or listed.
    #[error("cannot use {place} as a ledger")]
    Place {
        /// The folder.
        place: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The keys or the endpoint of a bucket cannot be used.
    #[error("cannot speak to the bucket of the ledger")]
    Client {
        /// Why not.
        #[source]
        cause: landfall_aws::Error,
    },
    /// S3 did not do what was asked.
    #[error("{what} {address}")]
    Call {
        /// What was tried, such as `cannot read`.
        what: &'static str,
        /// The object, or the ledger.
        address: String,
        /// What S3 answered.
        #[source]
        failure: Box<AwsFailure>,
    },
    /// A listing contradicts itself.
    #[error("the listing of {place} cannot be trusted: {what}")]
    Listing {
        /// The ledger.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// Whether a record was written could not be found out.
    #[error("whether {address} was written is not known")]
    Unconfirmed {
        /// The record.
        address: String,
        /// Why it is not known.
        #[source]
        cause: Box<Error>,
    },
    /// A record could not be written. None of it is visible, unless only the folder could not be flushed.
    #[error("cannot write {place}")]
    Write {
        /// The record's file.
        place: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Other writers took the next number again and again.
    #[error("other writers took the next number in {place} {attempts} times")]
    Crowded {
        /// The ledger.
        place: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The ledger has as many records as it may have.
    #[error("the ledger in {place} is full: it has the {most} records that it may have")]
    Full {
        /// The ledger.
        place: String,
        /// How many it may have.
        most: u64,
    },
    /// An event of more bytes than a record may have.
    #[error("an event of {size} bytes is larger than the {limit} that a record may have")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// Another run has the environment.
    #[error("environment {environment} is held by {holder}")]
    Held {
        /// The environment.
        environment: String,
        /// Who has it.
        holder: String,
    },
    /// This run had the environment, and another one took it over.
    #[error("environment {environment} is not held by this run any more, but by {holder}")]
    LockLost {
        /// The environment.
        environment: String,
        /// Who has it now.
        holder: String,
    },
    /// Nobody holds the environment that was to be unlocked.
    #[error("nobody holds the environment {environment}")]
    NotHeld {
        /// The environment.
        environment: String,
    },
    /// The writing did not come to an end.
    #[error("the writing of an event was cut short")]
    CutShort {
        /// How.
        #[source]
        cause: tokio::task::JoinError,
    },
    /// A checkpoint cannot be read, or says otherwise than what was to be kept.
    #[error("the checkpoint {address} tells nothing: {what}")]
    Checkpoint {
        /// Its file, object or note.
        address: String,
        /// What is wrong with it.
        what: String,
    },
    /// Checkpoints were to be kept where the ledger is.
    #[error("checkpoints in {place} are not apart from the ledger in {ledger}")]
    SamePlace {
        /// The place for checkpoints.
        place: String,
        /// The ledger.
        ledger: String,
    },
    /// A record was changed, removed or moved, or is none.
    #[error("the ledger in {place} is damaged at record {sequence}: {what}")]
    Damaged {
        /// The ledger.
        place: String,
        /// The first bad record.
        sequence: u64,
        /// What is wrong with it.
        what: String,
    },
}

impl Error {
    /// Whether the same call may simply be made again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Crowded { .. } | Self::Held { .. } => true,
            Self::Call { failure, .. } => failure.class() == Class::Transient,
            Self::Place { .. }
            | Self::Client { .. }
            | Self::Listing { .. }
            | Self::Unconfirmed { .. }
            | Self::Write { .. }
            | Self::Full { .. }
            | Self::TooLarge { .. }
            | Self::LockLost { .. }
            | Self::NotHeld { .. }
            | Self::CutShort { .. }
            | Self::Checkpoint { .. }
            | Self::SamePlace { .. }
            | Self::Damaged { .. } => false,
        }
    }

    /// The same as the error of a journal, for the action that was to be recorded.
    pub(crate) fn into_journal(self, action: String, place: String) -> JournalError {
        match self {
            Self::Held { environment, holder } | Self::LockLost { environment, holder } => {
                JournalError::Held { environment, holder }
            }
            Self::Damaged { sequence, what, .. } => JournalError::Damaged { place, sequence, what },
            Self::Full { most, .. } => JournalError::Full { place, most },
            Self::Place { cause, .. } | Self::Write { cause, .. } => {
                JournalError::Write { action, place, cause }
            }
            other @ (Self::Client { .. }
            | Self::Call { .. }
            | Self::Listing { .. }
            | Self::Unconfirmed { .. }
            | Self::NotHeld { .. }
            | Self::Crowded { .. }
            | Self::TooLarge { .. }
            | Self::Checkpoint { .. }
            | Self::SamePlace { .. }
            | Self::CutShort { .. }) => JournalError::Write { action, place, cause: io::Error::other(other) },
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Place { .. } => "LF-LEDGER-PLACE",
            Self::Client { cause } => cause.code(),
            Self::Call { failure, .. } if failure.is_code("NoSuchBucket") => "LF-LEDGER-PLACE",
            Self::Call { failure, .. } => failure.code(),
            Self::Listing { .. } => "LF-LEDGER-LISTING",
            Self::Unconfirmed { .. } => "LF-LEDGER-UNCONFIRMED",
            Self::Write { .. } => "LF-LEDGER-WRITE",
            Self::Crowded { .. } => "LF-LEDGER-CROWDED",
            Self::Full { .. } => "LF-LEDGER-FULL",
            Self::TooLarge { .. } => "LF-LEDGER-TOO-LARGE",
            Self::CutShort { .. } => "LF-LEDGER-CUT-SHORT",
            Self::Held { .. } => "LF-LEDGER-HELD",
            Self::LockLost { .. } => "LF-LEDGER-LOCK-LOST",
            Self::NotHeld { .. } => "LF-LEDGER-NOT-HELD",
            Self::Checkpoint { .. } => "LF-LEDGER-CHECKPOINT",
            Self::SamePlace { .. } => "LF-LEDGER-SAME-PLACE",
            Self::Damaged { .. } => "LF-LEDGER-DAMAGED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Place { .. } | Self::Full { .. } | Self::NotHeld { .. } | Self::SamePlace { .. } => {
                Class::Input
            }
            Self::Client { cause } => cause.class(),
            Self::Call { failure, .. } => failure.class(),
            Self::Unconfirmed { .. } => Class::Unknown,
            Self::Write { .. } | Self::Crowded { .. } => Class::Transient,
            Self::TooLarge { .. } | Self::CutShort { .. } => Class::Defect,
            Self::Damaged { .. } | Self::Listing { .. } | Self::Checkpoint { .. } => Class::Integrity,
            Self::Held { .. } | Self::LockLost { .. } => Class::Locked,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Held { holder, .. } => Some(
                format!(
                    "wait for {holder} to end, then run again; the lock of a run that is gone ends by itself"
                )
                .into(),
            ),
            Self::LockLost { holder, .. } => {
                Some(format!("look what {holder} did; then run again, which does what is left").into())
            }
            Self::NotHeld { .. } => Some("see landfall ledger locks".into()),
            Self::Place { place, .. } => {
                Some(format!("name a folder that can be read and made by --ledger instead of {place}").into())
            }
            Self::Client { cause } => cause.remedy(),
            Self::Call { failure, .. } => called(failure),
            Self::Listing { .. } => Some("find out what stands between here and S3, then run again".into()),
            Self::Unconfirmed { .. } => Some(
                "run again: the chain is read first, and a record that is there is not written twice".into(),
            ),
            Self::Write { place, .. } => {
                Some(format!("make {place} writable and check its free space, then run again").into())
            }
            Self::Crowded { .. } => Some("run again when fewer jobs write to this ledger".into()),
            Self::Full { .. } => {
                Some("begin another ledger by --ledger, and keep this one; docs/ledger.md says how".into())
            }
            Self::TooLarge { .. } | Self::CutShort { .. } => None,
            Self::Checkpoint { address, .. } => Some(
                format!("find out who wrote {address}; the ledger is then to be held against another place")
                    .into(),
            ),
            Self::SamePlace { .. } => Some(
                "name a bucket, folder or repo that others can write to than those who can change the ledger"
                    .into(),
            ),
            Self::Damaged { place, .. } => Some(
                format!(
                    "find out who changed {place}, restore it from where it is kept, and delete no record"
                )
                .into(),
            ),
        }
    }
}

/// What to do where S3 refused: its permissions are not named as its operations are.
fn called(failure: &AwsFailure) -> Option<Cow<'static, str>> {
    if failure.is_code("NoSuchBucket") {
        return Some("check the bucket given by --ledger, and whether the keys belong to its account".into());
    }
    match failure.kind {
        FailureKind::Denied => {
            let action = match failure.operation {
                "PutObject" => "s3:PutObject",
                "DeleteObject" => "s3:DeleteObject on notify-queue/ beside the records",
                _ => "s3:GetObject on the records and s3:ListBucket on the bucket",
            };
            Some(format!("allow {action} in the role's policy; see docs/access.md").into())
        }
        _ => failure.remedy(),
    }
}
