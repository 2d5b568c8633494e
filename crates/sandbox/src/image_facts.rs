//! What Lambda is told about an image that it is asked to run.

use std::sync::Arc;

/// The registry's answer for one image address, as far as Lambda's checks need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageFacts {
    /// No manifest under that tag or digest, or no such repository.
    Missing,
    /// A list of manifests by platform. Lambda takes single images only (AWS Lambda guide, "Create a function using a container image").
    Index,
    /// A single image.
    Image {
        /// `sha256:` and 64 hex digits, computed over the manifest's bytes.
        digest: String,
        /// Architecture as the image's configuration names it (`amd64`, `arm64`).
        architecture: String,
    },
}

/// Looks up an image by its full address (`host/repository:tag` or `host/repository@digest`).
pub type ImageLookup = Arc<dyn Fn(&str) -> ImageFacts + Send + Sync>;
