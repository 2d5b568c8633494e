//! The record of a publication: what stood there before, what is put there, and where the old bytes are kept.

use std::path::PathBuf;

use landfall_artifacts::Digest;
use serde::{Deserialize, Serialize};

use super::look::Seen;
use super::rules::Headers;

/// What a publication changes, object by object. Written before the first change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncRecord {
    /// 1.
    pub format_version: u64,
    /// `s3://bucket/prefix/`.
    pub address: String,
    /// The bucket's region.
    pub region: String,
    /// When it was planned: RFC 3339, UTC.
    pub time: String,
    /// The environment.
    pub environment: Option<String>,
    /// The release.
    pub release: Option<String>,
    /// Whether everything was made so. One that was not is carried on by the record of the next run.
    pub is_complete: bool,
    /// Where the old bytes are.
    pub kept_in: Option<KeptIn>,
    /// The changes, in the order of their names' bytes.
    pub changes: Vec<RecordedChange>,
}

/// Where old bytes are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeptIn {
    /// In a folder, each in a file called by its SHA-256.
    Folder(PathBuf),
    /// Below a prefix, `s3://bucket/prefix/`.
    Prefix(String),
    /// As versions of the objects.
    Versions,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedChange {
    /// The name below the prefix.
    pub name: String,
    /// What stood there; `None` where nothing did.
    pub before: Option<Before>,
    /// What is put there; `None` where it is deleted.
    pub after: Option<After>,
}

/// An object that is replaced or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Before {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its ETag, without quotation marks.
    pub etag: Option<String>,
    /// SHA-256 of its bytes, where that is known.
    pub sha256: Option<Digest>,
    /// Its headers.
    pub headers: Headers,
    /// The file's name in the folder, the name below the prefix, or the version; `None` where it was not kept.
    pub kept: Option<String>,
}

/// An object that is put there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct After {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes; `None` where nothing was kept, so that nobody will ask.
    pub sha256: Option<Digest>,
    /// MD5 of its bytes, hex.
    pub md5: Option<String>,
}

impl SyncRecord {
    /// Name of the file where none is given.
    pub const FILE_NAME: &'static str = "s3-sync-record.json";

    /// Most bytes of such a file.
    pub const MAX_BYTES: u64 = 512 * 1024 * 1024;

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes)
            .map_err(|error| landfall_secret::escape(&error.to_string(), 200))?;
        match record.format_version {
            1 => Ok(record),
            other => Err(format!("its format has version {other}, and 1 is known")),
        }
    }

    /// This record, carrying on one of a publication of the same prefix that was not completed: what stood there before the first of them
    /// is what an undo goes back to.
    pub fn carrying_on(mut self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier.filter(|earlier| {
            !earlier.is_complete && earlier.address == self.address && earlier.kept_in == self.kept_in
        }) else {
            return self;
        };
        let mut further = Vec::new();
        for first in earlier.changes {
            let place = self.changes.binary_search_by(|one| one.name.as_bytes().cmp(first.name.as_bytes()));
            match place.ok().and_then(|place| self.changes.get_mut(place)) {
                Some(change) => change.before = first.before,
                None => further.push(first),
            }
        }
        self.changes.append(&mut further);
        self.changes.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
        self
    }
}

impl Before {
    /// Whether an object is this one.
    pub(crate) fn is(&self, seen: &Seen) -> bool {
        let is_same = match (self.sha256, seen.sha256) {
            (Some(before), Some(now)) => before == now,
            _ => self.etag.is_some() && self.etag == seen.listed.etag.text(),
        };
        is_same && self.size_bytes == seen.listed.size_bytes && self.headers == seen.headers
    }
}

impl After {
    /// Whether an object is this one.
    pub(crate) fn is(&self, seen: &Seen) -> bool {
        let is_same = match (self.sha256, seen.sha256, &self.md5) {
            (Some(after), Some(now), _) => after == now,
            (_, _, Some(md5)) => !seen.is_etag_opaque && seen.listed.etag.text().as_ref() == Some(md5),
            _ => false,
        };
        is_same && self.size_bytes == seen.listed.size_bytes
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{After, Before, KeptIn, RecordedChange, SyncRecord};

    fn record(is_complete: bool, names: &[&str], size_bytes: u64) -> SyncRecord {
        let change = |name: &&str| RecordedChange {
            name: (*name).to_owned(),
            before: Some(Before {
                size_bytes,
                etag: None,
                sha256: Some(Digest::of(b"x")),
                headers: super::Headers::new(),
                kept: Some("x".to_owned()),
            }),
            after: Some(After { size_bytes: 1, sha256: None, md5: None }),
        };
        SyncRecord {
            format_version: 1,
            address: "s3://acme-config/web/".to_owned(),
            region: "eu-west-2".to_owned(),
            time: "2026-11-21T10:00:00Z".to_owned(),
            environment: None,
            release: None,
            is_complete,
            kept_in: Some(KeptIn::Folder("kept".into())),
            changes: names.iter().map(change).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_no_damage_panics() {
        let one = record(true, &["a\n", "b"], 1);
        let bytes = one.to_bytes();
        assert_eq!(SyncRecord::parse(&bytes), Ok(one));
        for position in 0..bytes.len() {
            let _ = SyncRecord::parse(&bytes[..position]);
        }
        let other = String::from_utf8_lossy(&bytes).replace("\"formatVersion\": 1", "\"formatVersion\": 2");
        assert!(SyncRecord::parse(other.as_bytes()).expect_err("refused").contains("version 2"));
    }

    #[test]
    fn a_record_carries_on_one_that_was_not_completed() {
        let sizes = |record: SyncRecord| -> Vec<(String, u64)> {
            let of =
                |change: RecordedChange| (change.name, change.before.map_or(0, |before| before.size_bytes));
            record.changes.into_iter().map(of).collect()
        };
        let now = || record(false, &["b", "c"], 2);
        let carried = now().carrying_on(Some(record(false, &["a", "b"], 1)));
        assert_eq!(sizes(carried), [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 2)]);
        assert_eq!(now().carrying_on(Some(record(true, &["a"], 1))), now());
        let mut other = record(false, &["a"], 1);
        other.address = "s3://acme-config/other/".to_owned();
        assert_eq!(now().carrying_on(Some(other)), now());
        assert_eq!(now().carrying_on(None), now());
    }
}
