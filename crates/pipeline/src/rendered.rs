//! What rendering gives.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};

/// A file, relative to the repo's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Its path, with `/` between the steps.
    pub path: String,
    /// Its text: ASCII, ending with a line feed.
    pub text: String,
}

/// Why pipelines cannot be written as CI files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// Pipelines have stages in opposite orders, and all files must have one.
    Stages {
        /// The stages that have no order.
        stages: Vec<String>,
    },
    /// Two jobs have one name where a name has no dots.
    SameId {
        /// The name.
        id: String,
        /// Their pipeline.
        pipeline: String,
    },
}

impl std::fmt::Display for RenderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stages { stages } => {
                write!(f, "the pipelines have these stages in opposite orders: {}", stages.join(", "))
            }
            Self::SameId { id, pipeline } => {
                write!(f, "two jobs of {pipeline} are called {id} on GitHub, which has no dots in names")
            }
        }
    }
}

impl std::error::Error for RenderError {}

impl Explain for RenderError {
    fn code(&self) -> &'static str {
        match self {
            Self::Stages { .. } => "LF-RENDER-STAGES",
            Self::SameId { .. } => "LF-RENDER-NAME",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Stages { .. } | Self::SameId { .. } => Class::Input,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Stages { .. } => {
                "give `ci_stages` of these pipelines one order, or the stages other names".into()
            }
            Self::SameId { .. } => "give one of them another `name`".into(),
        })
    }
}
