//! One request, and what it is about.

use http::{HeaderMap, HeaderName, Method};

use super::digest::is_digest;
use super::reply::Refusal;

/// A request without its body.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
}

/// What a path of the distribution specification names.
pub(super) enum Place<'a> {
    Ping,
    Manifest { repository: &'a str, reference: &'a str },
    Blob { repository: &'a str, digest: &'a str },
    Uploads { repository: &'a str },
    Upload { repository: &'a str, session: &'a str },
    Tags { repository: &'a str },
    Referrers { repository: &'a str, digest: &'a str },
}

impl Call {
    /// The same request of another path.
    pub(super) fn at(&self, path: String) -> Self {
        Self { path, method: self.method.clone(), query: self.query.clone(), headers: self.headers.clone() }
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    /// All values of a query parameter.
    pub(super) fn parameters(&self, name: &str) -> Vec<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    pub(super) fn place(&self) -> Result<Place<'_>, Refusal> {
        let unknown = || Refusal::new(http::StatusCode::NOT_FOUND, "NAME_UNKNOWN", "no such path");
        let rest = self.path.strip_prefix("/v2/").ok_or_else(unknown)?;
        if rest.is_empty() {
            return Ok(Place::Ping);
        }
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return Ok(Place::Tags { repository: name(repository)? });
        }
        if let Some(repository) =
            rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads"))
        {
            return Ok(Place::Uploads { repository: name(repository)? });
        }
        if let Some((repository, session)) = rest.rsplit_once("/blobs/uploads/") {
            return Ok(Place::Upload { repository: name(repository)?, session });
        }
        if let Some((repository, digest)) = rest.rsplit_once("/blobs/") {
            if !is_digest(digest) {
                return Err(Refusal::bad("DIGEST_INVALID", "provided digest is not a sha256 digest"));
            }
            return Ok(Place::Blob { repository: name(repository)?, digest });
        }
        if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
            return Ok(Place::Manifest { repository: name(repository)?, reference });
        }
        if let Some((repository, digest)) = rest.rsplit_once("/referrers/") {
            if !is_digest(digest) {
                return Err(Refusal::bad("DIGEST_INVALID", "provided digest is not a sha256 digest"));
            }
            return Ok(Place::Referrers { repository: name(repository)?, digest });
        }
        Err(unknown())
    }
}

/// Checks a repository name. Upper case is taken although the specification knows none: project names are in camel case and Artifactory has them
/// in its paths.
fn name(text: &str) -> Result<&str, Refusal> {
    let good = |part: &str| {
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = part.as_bytes();
        ends(bytes.first())
            && ends(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
            && !part.contains("..")
    };
    if text.len() <= 255 && text.split('/').all(good) {
        Ok(text)
    } else {
        Err(Refusal::bad("NAME_INVALID", "invalid repository name"))
    }
}
