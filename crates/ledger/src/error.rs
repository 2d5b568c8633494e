//! What can go wrong with a ledger.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use landfall_artifacts::{Class, Explain};
use landfall_run::JournalError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger's place cannot be used or listed.
    #[error("cannot use {} as a ledger", path.display())]
    Place {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A record could not be written. None of it is visible, unless only the folder could not be flushed.
    #[error("cannot write {}", path.display())]
    Write {
        /// The record's file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Other writers took the next number again and again.
    #[error("other writers took the next number in {} {attempts} times", path.display())]
    Crowded {
        /// The folder.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
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
    /// The writing did not come to an end.
    #[error("the writing of an event was cut short")]
    CutShort {
        /// How.
        #[source]
        cause: tokio::task::JoinError,
    },
    /// A record was changed, removed or moved, or is none.
    #[error("the ledger in {} is damaged at record {sequence}: {what}", place.display())]
    Damaged {
        /// The folder.
        place: PathBuf,
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
            Self::Place { .. }
            | Self::Write { .. }
            | Self::TooLarge { .. }
            | Self::CutShort { .. }
            | Self::Damaged { .. } => false,
        }
    }

    /// The same as the error of a journal, for the action that was to be recorded.
    pub(crate) fn into_journal(self, action: String, place: String) -> JournalError {
        match self {
            Self::Held { environment, holder } => JournalError::Held { environment, holder },
            Self::Damaged { sequence, what, .. } => JournalError::Damaged { place, sequence, what },
            Self::Place { cause, .. } | Self::Write { cause, .. } => {
                JournalError::Write { action, place, cause }
            }
            other @ (Self::Crowded { .. } | Self::TooLarge { .. } | Self::CutShort { .. }) => {
                JournalError::Write { action, place, cause: io::Error::other(other) }
            }
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Place { .. } => "LF-LEDGER-PLACE",
            Self::Write { .. } => "LF-LEDGER-WRITE",
            Self::Crowded { .. } => "LF-LEDGER-CROWDED",
            Self::TooLarge { .. } => "LF-LEDGER-TOO-LARGE",
            Self::CutShort { .. } => "LF-LEDGER-CUT-SHORT",
            Self::Held { .. } => "LF-LEDGER-HELD",
            Self::Damaged { .. } => "LF-LEDGER-DAMAGED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Place { .. } => Class::Input,
            Self::Write { .. } | Self::Crowded { .. } => Class::Transient,
            Self::TooLarge { .. } | Self::CutShort { .. } => Class::Defect,
            Self::Damaged { .. } => Class::Integrity,
            Self::Held { .. } => Class::Locked,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Held { holder, .. } => Some(format!("wait for {holder} to end, then run again").into()),
            Self::Place { path, .. } => Some(
                format!("name a folder that can be read and made by --ledger instead of {}", path.display())
                    .into(),
            ),
            Self::Write { path, .. } => Some(
                format!("make {} writable and check its free space, then run again", path.display()).into(),
            ),
            Self::Crowded { .. } => Some("run again when fewer jobs write to this ledger".into()),
            Self::TooLarge { .. } | Self::CutShort { .. } => None,
            Self::Damaged { place, .. } => Some(
                format!(
                    "find out who changed {}, restore it from where it is kept, and delete no record",
                    place.display()
                )
                .into(),
            ),
        }
    }
}
