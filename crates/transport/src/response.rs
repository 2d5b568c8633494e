//! Answers: whole ones with their bytes, and those whose body is still coming.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use landfall_secret::Redactor;
use serde::de::DeserializeOwned;
use url::Url;

use crate::{BodyStream, Error};

/// How much of a body is looked at for an excerpt, in bytes: all that is kept of an answer that says no.
const EXCERPT_OF: usize = 8 << 10;

/// A whole answer. A body of a status of 400 or above is cut at 8 KiB.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) url: Url,
    pub(crate) redactor: Redactor,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; `None` where it is missing, over 8 KiB, or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        header_text(&self.headers, name)
    }

    /// The address that was asked.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The address without query, for messages.
    pub fn shown_url(&self) -> String {
        shown(&self.url)
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Error::NotAsAsked`] where it is not the JSON that was asked for.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|cause| Error::NotAsAsked {
            what: "JSON",
            url: shown(&self.url),
            begins: self.excerpt(80),
            // It quotes the value that it could not use.
            cause: self.redactor.redact(&cause.to_string()).into(),
        })
    }

    /// The first characters of the body for messages: without the run's secrets, escaped.
    pub fn excerpt(&self, max_chars: usize) -> String {
        let kept = self.body.get(..self.body.len().min(EXCERPT_OF)).unwrap_or_default();
        // Redacted before it is cut or escaped: half a secret, or one with escapes in it, is not recognized.
        let clean = self.redactor.redact(&String::from_utf8_lossy(kept));
        landfall_secret::escape(clean.trim(), max_chars)
    }
}

/// An answer whose body is still coming.
pub struct Streaming {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) url: Url,
    pub(crate) redactor: Redactor,
    pub(crate) body: BodyStream,
}

impl Streaming {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; `None` where it is missing, over 8 KiB, or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        header_text(&self.headers, name)
    }

    /// The address that was asked.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The body as it comes. It ends with [`Error::Stalled`] where too few bytes come.
    pub fn into_body(self) -> BodyStream {
        self.body
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming")
            .field("status", &self.status)
            .field("url", &shown(&self.url))
            .finish_non_exhaustive()
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| text.len() <= 8 << 10)
}

/// An address without query, fragment and user information.
pub(crate) fn shown(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    landfall_secret::escape(bare.as_str(), 300)
}
