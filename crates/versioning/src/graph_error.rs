//! Why a workspace cannot be read.

use std::borrow::Cow;
use std::io;

use landfall_artifacts::{Class, Explain, FileErrors, NameError};

/// One thing that keeps the graph of a workspace from being known. A reader of a workspace returns all it finds.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// A file of the workspace breaks its format. The text is that of the file's problems, with their places.
    #[error(transparent)]
    File(FileErrors),
    /// A file of the workspace could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system or git said.
        #[source]
        source: io::Error,
    },
    /// A project's name breaks its rule.
    #[error("the project in {folder} has no usable name")]
    Name {
        /// The project's folder.
        folder: String,
        /// The rule.
        #[source]
        cause: NameError,
    },
    /// Two projects have one name.
    #[error("two projects are named {name}: in {one} and in {other}")]
    Twice {
        /// The name.
        name: String,
        /// A folder.
        one: String,
        /// The other folder.
        other: String,
    },
    /// An implicit dependency is on no project.
    #[error("implicitDependencies of {project} names `{named}`, and there is no such project")]
    NoSuchProject {
        /// The project.
        project: String,
        /// What it names.
        named: String,
    },
}

impl GraphError {
    /// Whether the same call may succeed a moment later: no.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::File(_)
            | Self::Read { .. }
            | Self::Name { .. }
            | Self::Twice { .. }
            | Self::NoSuchProject { .. } => false,
        }
    }
}

impl Explain for GraphError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "LF-GRAPH-FILE",
            Self::Read { .. } => "LF-GRAPH-READ",
            Self::Name { .. } => "LF-GRAPH-NAME",
            Self::Twice { .. } => "LF-GRAPH-TWICE",
            Self::NoSuchProject { .. } => "LF-GRAPH-IMPLICIT",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::File(_)
            | Self::Read { .. }
            | Self::Name { .. }
            | Self::Twice { .. }
            | Self::NoSuchProject { .. } => Class::Input,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::File(_) => Some("correct the places named".into()),
            Self::Read { .. } => Some("look whether the file is there and this user may read it".into()),
            Self::Name { .. } => Some("give it a name of that rule in its project.json".into()),
            Self::Twice { .. } => Some("give one of them another name in its project.json".into()),
            Self::NoSuchProject { .. } => Some("correct the name in project.json, or take it out".into()),
        }
    }
}
