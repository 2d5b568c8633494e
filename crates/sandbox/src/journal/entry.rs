//! One request as the journal has it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::service::Service;

/// What a body is about, as far as it matters for faults and for counting bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// There was none.
    Nothing,
    /// Bytes of a blob: an upload or a part of one, a download or a range of one.
    Blob,
    /// A manifest or an index.
    Manifest,
    /// Anything else: JSON of an API, a token, a list of tags, an error.
    Other,
}

/// One request. `Debug` shows no header values and no body.
#[derive(Clone)]
pub struct Entry {
    /// Number over all services, from 1.
    pub global: u64,
    /// Who was asked.
    pub service: Service,
    /// Number within the service, from 1.
    pub number: u64,
    /// Method.
    pub method: Method,
    /// Path and query as sent.
    pub target: String,
    /// Operation of an AWS JSON call (`BatchGetImage`), from `X-Amz-Target`.
    pub operation: Option<String>,
    /// Scheme of the `Authorization` header, such as `Basic`.
    pub auth_scheme: Option<String>,
    /// Bytes of the request body that arrived.
    pub body_len: u64,
    /// Status that was answered; `None` where no answer was given (yet).
    pub status: Option<u16>,
    /// Bytes of the answer's body that were sent, without those that a fault kept back.
    pub answer_len: u64,
    /// Whether the service handled the request.
    pub effect: bool,
    /// The fault that struck, in words.
    pub fault: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Entry {
    pub(super) fn new(global: u64, service: Service, number: u64, parts: &http::request::Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let operation = header("x-amz-target").and_then(|target| target.rsplit('.').next());
        let scheme = header("authorization").and_then(|value| value.split(' ').next());
        Self {
            global,
            service,
            number,
            method: parts.method.clone(),
            target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            operation: operation.map(str::to_owned),
            auth_scheme: scheme.map(str::to_owned),
            body_len: 0,
            status: None,
            answer_len: 0,
            effect: false,
            fault: None,
            headers: parts.headers.clone(),
            body: Bytes::new(),
        }
    }

    /// Path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// What the request's body was, as far as it arrived.
    pub fn request_content(&self) -> Content {
        let path = self.path();
        let is_registry = self.service.is_registry();
        if self.body_len == 0 {
            Content::Nothing
        } else if is_registry && path.contains("/blobs/uploads/") {
            Content::Blob
        } else if is_registry && path.contains("/manifests/") {
            Content::Manifest
        } else {
            Content::Other
        }
    }

    /// What the body of the answer was, as far as it was sent.
    pub fn answer_content(&self) -> Content {
        let path = self.path();
        let is_registry = self.service.is_registry();
        if self.answer_len == 0 {
            Content::Nothing
        } else if !matches!(self.status, Some(200 | 206)) {
            Content::Other
        } else if self.service == Service::Storage || (is_registry && path.contains("/blobs/")) {
            Content::Blob
        } else if is_registry && path.contains("/manifests/") {
            Content::Manifest
        } else {
            Content::Other
        }
    }

    /// Names of the headers, each once.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.keys().map(http::HeaderName::as_str)
    }

    /// All headers, secrets included: for tests of what was sent where. Never print them.
    pub fn raw_headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The whole `Authorization` header, for tests of what was sent where. Never print it.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok())
    }

    /// The request body, if it was not larger than 256 KiB; may hold secrets. Empty for larger ones.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the request carried this text anywhere: target, headers or kept body.
    pub fn carries(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let within = |haystack: &[u8]| {
            !bytes.is_empty() && haystack.windows(bytes.len()).any(|window| window == bytes)
        };
        within(self.target.as_bytes())
            || within(&self.body)
            || self.headers.values().any(|value| within(value.as_bytes()))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}#{} {} {}",
            self.global,
            self.service.name(),
            self.number,
            self.method,
            self.path()
        )?;
        if let Some(operation) = &self.operation {
            write!(formatter, " {operation}")?;
        }
        write!(formatter, " {} B -> ", self.body_len)?;
        match self.status {
            Some(status) => write!(formatter, "{status}")?,
            None => formatter.write_str("no answer")?,
        }
        match (&self.fault, self.effect) {
            (Some(fault), true) => write!(formatter, " ({fault}; effect done)"),
            (Some(fault), false) => write!(formatter, " ({fault}; no effect)"),
            (None, _) => Ok(()),
        }
    }
}
