//! Buckets and what is in them.

use std::collections::BTreeMap;

use bytes::Bytes;
use time::OffsetDateTime;

use super::body::{Checksum, hex_sha256};

/// Which writes a bucket's policy allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BucketPolicy {
    /// All that the identity may do.
    #[default]
    Open,
    /// Writes without `If-None-Match: *` are denied, and so are deletions: the policy of `docs/access.md`.
    CreateOnly,
}

#[derive(Default)]
pub(super) struct Bucket {
    pub(super) policy: BucketPolicy,
    objects: BTreeMap<String, Object>,
    writes: BTreeMap<String, u64>,
}

/// One object.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    pub(super) checksum: Option<Checksum>,
    /// `Content-Type`, `Cache-Control` and the like, and `x-amz-meta-*`.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) modified: OffsetDateTime,
}

/// An object as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectView {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its ETag, with quotation marks.
    pub etag: String,
    /// SHA-256 in base64, where its writer gave one.
    pub sha256: Option<String>,
    /// `content-type` and the like, and `x-amz-meta-*`.
    pub headers: BTreeMap<String, String>,
}

impl Object {
    pub(super) fn new(bytes: Bytes, checksum: Option<Checksum>, headers: BTreeMap<String, String>) -> Self {
        let hash = hex_sha256(&bytes);
        let hex = hash.get(..32).unwrap_or_default();
        Self { bytes, etag: format!("\"{hex}\""), checksum, headers, modified: OffsetDateTime::now_utc() }
    }

    pub(super) fn view(&self) -> ObjectView {
        ObjectView {
            bytes: self.bytes.clone(),
            etag: self.etag.clone(),
            sha256: self.checksum.as_ref().and_then(Checksum::sha256),
            headers: self.headers.clone(),
        }
    }
}

impl Bucket {
    pub(super) fn object(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    pub(super) fn put(&mut self, key: &str, object: Object) {
        *self.writes.entry(key.to_owned()).or_default() += 1;
        self.objects.insert(key.to_owned(), object);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }

    pub(super) fn writes(&self, key: &str) -> u64 {
        self.writes.get(key).copied().unwrap_or_default()
    }

    /// Objects after a key whose keys begin so.
    pub(super) fn after<'a>(
        &'a self,
        start: &str,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Object)> {
        let from = (std::ops::Bound::Excluded(start.to_owned()), std::ops::Bound::Unbounded);
        self.objects.range::<String, _>(from).filter(move |(key, _)| key.starts_with(prefix))
    }
}
