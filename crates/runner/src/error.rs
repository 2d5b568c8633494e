//! Why a pipeline cannot be run here.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use landfall_artifacts::{Class, CommitId, Explain, FileError, PartName, RunId};

/// Why a pipeline cannot be run here. What goes wrong with a job is no error but a problem of that job.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// git cannot be started.
    #[error("git cannot be started")]
    NoGit(#[source] io::Error),
    /// git said no.
    #[error("git cannot {doing}: {said}")]
    Git {
        /// What it was to do, after "git cannot".
        doing: &'static str,
        /// What it said, safe to print.
        said: String,
    },
    /// The repo does not have the commit of a run that is gone on with.
    #[error("the commit {commit} of the run that is gone on with is not in this repo")]
    NoCommit {
        /// The commit.
        commit: CommitId,
    },
    /// A folder or file of a run.
    #[error("{} cannot be {doing}", path.display())]
    Folder {
        /// The path.
        path: PathBuf,
        /// What was to be done with it, after "cannot be".
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of a run breaks its format, or cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such run.
    #[error("there is no run {id}")]
    NoRun {
        /// The run.
        id: String,
    },
    /// A run is of another pipeline.
    #[error("the run {id} is of the pipeline {of}, not of {wanted}")]
    OtherPipeline {
        /// The run.
        id: RunId,
        /// Its pipeline.
        of: PartName,
        /// The one that is run now.
        wanted: PartName,
    },
    /// A run is going on.
    #[error("the run {id} is still going on, or somebody goes on with it")]
    Alive {
        /// The run.
        id: RunId,
    },
    /// Signals cannot be heard, so that jobs could not be ended cleanly.
    #[error("signals cannot be heard")]
    Signals(#[source] io::Error),
}

impl Explain for RunError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoGit(_) | Self::Git { .. } => "LF-RUN-GIT",
            Self::NoCommit { .. } => "LF-RUN-COMMIT",
            Self::Folder { .. } => "LF-RUN-FOLDER",
            Self::File(error) => error.code(),
            Self::NoRun { .. } => "LF-RUN-UNKNOWN",
            Self::OtherPipeline { .. } => "LF-RUN-OTHER",
            Self::Alive { .. } => "LF-RUN-ALIVE",
            Self::Signals(_) => "LF-RUN-SIGNALS",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::NoGit(_)
            | Self::Git { .. }
            | Self::NoCommit { .. }
            | Self::NoRun { .. }
            | Self::OtherPipeline { .. } => Class::Input,
            Self::Folder { .. } | Self::Signals(_) => Class::Refused,
            Self::Alive { .. } => Class::Locked,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoGit(_) => Some("install git".into()),
            Self::Git { .. } => Some("run it in a clone of the repo that has at least one commit".into()),
            Self::NoCommit { .. } => Some("fetch it, or begin a new run without --resume".into()),
            Self::Folder { .. } => Some("look at space and permissions of .landfall/runs".into()),
            Self::File(error) => error.remedy(),
            Self::NoRun { .. } => Some("name one that is in .landfall/runs, or `latest`".into()),
            Self::OtherPipeline { wanted, .. } => {
                Some(format!("name a run of {wanted}, or run the other pipeline").into())
            }
            Self::Alive { .. } => Some("wait for its end, or stop it; its files are not whole before".into()),
            Self::Signals(_) => None,
        }
    }
}

/// A folder error, for `map_err`.
pub(crate) fn of_path(path: &std::path::Path, doing: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::Folder { path: path.to_owned(), doing, source }
}
