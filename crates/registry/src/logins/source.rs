//! One place that may have logins.

use std::path::Path;
use std::sync::Arc;

use landfall_artifacts::{DockerConfig, FileError};

/// One place that may have logins, in the shape of Docker's `config.json`. `Debug` shows hosts alone.
#[derive(Clone, Debug)]
pub struct LoginSource {
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Missing,
    Unreadable(Arc<FileError>),
    Config(Box<DockerConfig>),
}

impl LoginSource {
    /// A configuration; `name` is what a person calls it, such as `DOCKER_AUTH_CONFIG`.
    pub fn of(name: impl Into<String>, config: DockerConfig) -> Self {
        Self { name: name.into(), content: Content::Config(Box::new(config)) }
    }

    /// A source that is not there, for [`LoginChain::explain`](crate::LoginChain::explain) to name it all the same.
    pub fn missing(name: impl Into<String>) -> Self {
        Self { name: name.into(), content: Content::Missing }
    }

    /// A source that is there and cannot be read. It is in the way of hosts that no source before it decides on.
    pub fn unreadable(name: impl Into<String>, cause: FileError) -> Self {
        Self { name: name.into(), content: Content::Unreadable(Arc::new(cause)) }
    }

    /// A file that need not be there, and may be empty as Docker's own may.
    pub fn file(name: impl Into<String>, path: &Path) -> Self {
        match DockerConfig::read(path) {
            Ok(config) => Self::of(name, config),
            Err(FileError::Missing { .. } | FileError::Empty { .. }) => Self::missing(name),
            Err(cause) => Self::unreadable(name, cause),
        }
    }

    /// What a person calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The configuration, where it is there and can be read.
    pub fn config(&self) -> Option<&DockerConfig> {
        match &self.content {
            Content::Config(config) => Some(config),
            Content::Missing | Content::Unreadable(_) => None,
        }
    }

    /// Why it cannot be read.
    pub fn problem(&self) -> Option<&FileError> {
        match &self.content {
            Content::Unreadable(cause) => Some(cause),
            Content::Missing | Content::Config(_) => None,
        }
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }
}
