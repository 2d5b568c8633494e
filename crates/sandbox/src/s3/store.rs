//! Buckets and what is in them.

use std::collections::BTreeMap;

use bytes::Bytes;
use time::OffsetDateTime;

use super::body::{Checksum, hex_md5};

/// Which writes a bucket's policy allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BucketPolicy {
    /// All that the identity may do.
    #[default]
    Open,
    /// Writes without `If-None-Match: *` are denied, and so are deletions: the policy of `docs/access.md`.
    CreateOnly,
}

/// What a bucket's ETags say of the bytes (S3 API reference, "Object", ETag).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Etags {
    /// They are the MD5 of the bytes, as of what is put whole and encrypted with S3's own keys or not at all.
    #[default]
    Md5,
    /// They look like an MD5 and are none, as where the bucket encrypts with a key of KMS.
    Kms,
    /// They end with `-2`, as of what was put in parts.
    Parts,
    /// They are the MD5, and listings leave them out, as some stores do that speak S3's protocol.
    Unlisted,
}

#[derive(Default)]
pub(super) struct Bucket {
    pub(super) policy: BucketPolicy,
    /// The account; `None` for that of the service.
    pub(super) owner: Option<String>,
    pub(super) etags: Etags,
    pub(super) is_versioned: bool,
    /// What single keys are answered by DeleteObjects: a code, and how often.
    pub(super) undeletable: BTreeMap<String, (&'static str, u64)>,
    objects: BTreeMap<String, Object>,
    /// Of a versioned bucket every object that ever was, by its version; `None` for a delete marker.
    versions: BTreeMap<(String, String), Option<Object>>,
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
    /// Its version, in a versioned bucket.
    pub(super) version: Option<String>,
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
        let etag = format!("\"{}\"", hex_md5(&bytes));
        Self { bytes, etag, checksum, headers, modified: OffsetDateTime::now_utc(), version: None }
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

    /// Keeps an object, under an ETag and a version as the bucket gives them; gives it as it was kept.
    pub(super) fn put(&mut self, key: &str, mut object: Object) -> Object {
        *self.writes.entry(key.to_owned()).or_default() += 1;
        match self.etags {
            Etags::Md5 | Etags::Unlisted => {}
            Etags::Kms => {
                object.etag = format!("\"{:032x}\"", fastrand::u128(..));
                object.headers.insert("x-amz-server-side-encryption".to_owned(), "aws:kms".to_owned());
            }
            Etags::Parts => object.etag = format!("\"{:032x}-2\"", fastrand::u128(..)),
        }
        if self.is_versioned {
            let version = format!("{:032x}", fastrand::u128(..));
            self.versions.insert((key.to_owned(), version.clone()), Some(object.clone()));
            object.version = Some(version);
        }
        self.objects.insert(key.to_owned(), object.clone());
        object
    }

    /// Takes an object away; in a versioned bucket its bytes stay, and the marker's version is given.
    pub(super) fn remove(&mut self, key: &str) -> Option<String> {
        self.objects.remove(key);
        let marker = self.is_versioned.then(|| format!("{:032x}", fastrand::u128(..)));
        if let Some(version) = &marker {
            self.versions.insert((key.to_owned(), version.clone()), None);
        }
        marker
    }

    /// One version of an object.
    pub(super) fn version(&self, key: &str, version: &str) -> Option<Object> {
        let found = self.versions.get(&(key.to_owned(), version.to_owned()))?.clone()?;
        Some(Object { version: Some(version.to_owned()), ..found })
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
