//! The record of a publication: what stood there before, what is put there, and where the old bytes are kept.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use landfall_artifacts::Digest;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TreeAddress;
use super::bytes_md5::BytesMd5;
use super::etag::{self, Etag};
use super::headers::{Headers, SharedHeaders, Sharing};
use super::look::Seen;

/// What a publication changes, object by object. Written before the first change.
///
/// `C` is what is known of the changes: all of them, or nothing, as of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "C: ReadChanges"))]
pub struct SyncRecord<C = Vec<RecordedChange>> {
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
    /// Whether the sync manifest was there; `None` in records of before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub had_manifest: Option<bool>,
    /// The changes, in the order of their names' bytes.
    #[serde(deserialize_with = "ReadChanges::read")]
    pub changes: C,
}

/// A record without its changes, of which there may be a hundred thousand.
pub type Outline = SyncRecord<IgnoredAny>;

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
    #[serde(serialize_with = "as_text", deserialize_with = "shared_text")]
    pub name: Arc<str>,
    /// What stood there; `None` where nothing did.
    pub before: Option<Box<Before>>,
    /// What is put there; `None` where it is deleted.
    pub after: Option<Box<After>>,
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
    pub headers: SharedHeaders,
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
    /// MD5 of its bytes; `None` where nothing was kept.
    pub md5: Option<BytesMd5>,
    /// Its headers; empty where nothing was kept.
    #[serde(default, skip_serializing_if = "SharedHeaders::is_empty")]
    pub headers: SharedHeaders,
}

/// What of the changes is read.
pub trait ReadChanges: Sized {
    /// Reads them.
    ///
    /// # Errors
    /// What is no list of changes.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
}

impl ReadChanges for IgnoredAny {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(from)
    }
}

/// All of them; their headers are shared.
impl ReadChanges for Vec<RecordedChange> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Changes;
        impl<'de> Visitor<'de> for Changes {
            type Value = Vec<RecordedChange>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of changes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let (mut changes, mut old, mut new) = (Vec::new(), Sharing::default(), Sharing::default());
                while let Some(RecordedChange { name, mut before, mut after }) = seq.next_element()? {
                    if let Some(before) = &mut before {
                        before.headers = old.shared(std::mem::take(&mut before.headers));
                    }
                    if let Some(after) = &mut after {
                        after.headers = new.shared(std::mem::take(&mut after.headers));
                    }
                    changes.push(RecordedChange { name, before, after });
                }
                Ok(changes)
            }
        }
        from.deserialize_seq(Changes)
    }
}

fn as_text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn shared_text<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    Box::<str>::deserialize(from).map(Arc::from)
}

impl SyncRecord {
    /// Name of the file where none is given.
    pub const FILE_NAME: &'static str = "s3-sync-record.json";

    /// Most bytes of such a file.
    pub const MAX_BYTES: u64 = 512 * 1024 * 1024;

    /// Writes the file: JSON, `isComplete` in a line of its own before the changes.
    ///
    /// # Errors
    /// What writing gives.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *to, self)?;
        to.write_all(b"\n")
    }

    /// Copies a file that [`SyncRecord::write`] wrote, as one of a publication that was completed. It need not be in memory for that.
    ///
    /// # Errors
    /// What reading and writing give.
    pub fn complete(from: &mut dyn BufRead, to: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        while from.read_line(&mut line)? > 0 {
            if line.trim() == "\"isComplete\": false," {
                line = line.replace("false", "true");
                to.write_all(line.as_bytes())?;
                break;
            }
            to.write_all(line.as_bytes())?;
            line.clear();
        }
        io::copy(from, to).map(drop)
    }

    /// This record, carrying on one of a publication of the same prefix that was not completed: what stood there before the first of them
    /// is what an undo goes back to, save where somebody else wrote there in between.
    pub fn carrying_on(mut self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier.filter(|earlier| {
            !earlier.is_complete && earlier.address == self.address && earlier.kept_in == self.kept_in
        }) else {
            return self;
        };
        self.had_manifest = earlier.had_manifest.or(self.had_manifest);
        let mut further = Vec::new();
        for first in earlier.changes {
            let place = self.changes.binary_search_by(|one| one.name.as_bytes().cmp(first.name.as_bytes()));
            match place.ok().and_then(|place| self.changes.get_mut(place)) {
                Some(change) if first.leads_to(change.before.as_deref()) => change.before = first.before,
                Some(_) => {}
                None => further.push(first),
            }
        }
        self.changes.append(&mut further);
        self.changes.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
        self
    }
}

impl<C: ReadChanges> SyncRecord<C> {
    /// Reads the file, piece by piece. The inner error says what is wrong with it, for people.
    ///
    /// # Errors
    /// What reading gives.
    pub fn read(from: impl Read) -> io::Result<Result<Self, String>> {
        let record: Self = match serde_json::from_reader(from) {
            Ok(record) => record,
            Err(error) if error.is_io() => return Err(error.into()),
            Err(error) => return Ok(Err(landfall_secret::escape(&error.to_string(), 200))),
        };
        Ok(match record.format_version {
            1 => Ok(record),
            other => Err(format!("its format has version {other}, and 1 is known")),
        })
    }

    /// Whether a publication of this prefix that keeps old bytes there may be recorded in its place: what an incomplete record alone
    /// knows of would be lost, unless it is carried on.
    pub fn may_give_way_to(&self, address: &TreeAddress, kept_in: Option<&KeptIn>) -> bool {
        let is_carried_on = self.address == address.to_string() && self.kept_in.as_ref() == kept_in;
        self.is_complete || self.kept_in.is_none() || is_carried_on
    }
}

impl RecordedChange {
    /// Whether what is seen at the key is what this change found there.
    pub(crate) fn found(&self, seen: Option<&Seen>) -> bool {
        match (&self.before, seen) {
            (None, None) => true,
            (Some(before), Some(seen)) => before.is(seen),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Whether it is what this change left there, where that can be told.
    pub(crate) fn left(&self, seen: Option<&Seen>) -> Option<bool> {
        match (&self.after, seen) {
            (None, None) => Some(true),
            (Some(after), Some(seen)) => after.is(seen),
            (None, Some(_)) | (Some(_), None) => Some(false),
        }
    }

    /// Whether what stands at the key is what this change found there, or what it left there.
    fn leads_to(&self, now: Option<&Before>) -> bool {
        let is_before = match (&self.before, now) {
            (None, None) => true,
            (Some(before), Some(now)) => before.is_same(now),
            (None, Some(_)) | (Some(_), None) => false,
        };
        let is_after = match (&self.after, now) {
            (None, None) => true,
            (Some(after), Some(now)) => after.is_same(now),
            (None, Some(_)) | (Some(_), None) => false,
        };
        is_before || is_after
    }
}

impl Before {
    /// Whether another record tells of the same object.
    fn is_same(&self, other: &Self) -> bool {
        let is_same = match (self.sha256, other.sha256) {
            (Some(one), Some(other)) => one == other,
            _ => self.etag.is_some() && self.etag == other.etag,
        };
        is_same && self.size_bytes == other.size_bytes && self.headers == other.headers
    }

    /// Whether an object is this one.
    fn is(&self, seen: &Seen) -> bool {
        let is_same = match (self.sha256, seen.sha256) {
            (Some(before), Some(now)) => before == now,
            _ => self.etag.is_some() && self.etag == seen.listed.etag.text(),
        };
        is_same && self.size_bytes == seen.listed.size_bytes && *self.headers == seen.headers
    }
}

impl After {
    /// Whether another record tells of this object.
    fn is_same(&self, other: &Before) -> bool {
        let is_same = match (self.sha256, other.sha256, self.md5) {
            (Some(after), Some(now), _) => after == now,
            (_, _, Some(md5)) => other.etag.as_deref().and_then(etag::md5) == Some(md5.0),
            _ => false,
        };
        is_same && self.size_bytes == other.size_bytes && self.has(&other.headers)
    }

    /// Whether headers are those that were put there, where that is known.
    fn has(&self, headers: &Headers) -> bool {
        self.headers.is_empty() || *self.headers == *headers
    }

    /// Whether an object is this one; `None` where neither its SHA-256 nor its ETag tell.
    fn is(&self, seen: &Seen) -> Option<bool> {
        if self.size_bytes != seen.listed.size_bytes || !self.has(&seen.headers) {
            return Some(false);
        }
        match (self.sha256, seen.sha256, self.md5, &seen.listed.etag) {
            (Some(after), Some(now), ..) => Some(after == now),
            (_, _, Some(md5), Etag::Md5Like(there)) if !seen.is_etag_opaque => Some(md5.0 == *there),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{After, Before, KeptIn, Outline, RecordedChange, SyncRecord};

    fn parsed(bytes: &[u8]) -> Result<SyncRecord, String> {
        SyncRecord::read(bytes).expect("bytes can be read")
    }

    #[test]
    fn an_outline_says_all_but_the_changes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/samples/v1/s3-sync-record.json");
        let sample = std::fs::read(path).expect("the sample");
        let (whole, outline) = (parsed(&sample).expect("a record"), Outline::read(&sample[..]));
        let outline = outline.expect("bytes can be read").expect("a record");
        assert!(!whole.changes.is_empty());
        assert_eq!((outline.address, outline.is_complete), (whole.address, whole.is_complete));
        assert_eq!((outline.kept_in, outline.had_manifest), (whole.kept_in, whole.had_manifest));
        let cut = Outline::read(&sample[..sample.len() - 4]).expect("bytes can be read");
        assert!(cut.expect_err("refused").contains("EOF"), "a file that ends too early is no record");
    }

    /// Changes from one content to another; no content is no object.
    fn record(is_complete: bool, changes: &[(&str, Option<&str>, Option<&str>)]) -> SyncRecord {
        let before = |content: &str| Before {
            size_bytes: content.len() as u64,
            etag: None,
            sha256: Some(Digest::of(content.as_bytes())),
            headers: super::SharedHeaders::default(),
            kept: Some("x".to_owned()),
        };
        let after = |content: &str| After {
            size_bytes: content.len() as u64,
            sha256: Some(Digest::of(content.as_bytes())),
            md5: None,
            headers: super::SharedHeaders::default(),
        };
        let change = |(name, from, to): &(&str, Option<&str>, Option<&str>)| RecordedChange {
            name: (*name).into(),
            before: from.map(before).map(Box::new),
            after: to.map(after).map(Box::new),
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
            had_manifest: None,
            changes: changes.iter().map(change).collect(),
        }
    }

    #[test]
    fn headers_of_many_changes_are_in_memory_once() {
        let mut one =
            record(false, &[("a", Some("x"), Some("y")), ("b", Some("x"), None), ("c", None, Some("y"))]);
        let headers = super::Headers::from([("content-type".to_owned(), "text/css".to_owned())]);
        for change in &mut one.changes {
            if let Some(before) = &mut change.before {
                before.headers = headers.clone().into();
            }
            if let Some(after) = &mut change.after {
                after.headers = headers.clone().into();
            }
        }
        let mut bytes = Vec::new();
        one.write(&mut bytes).expect("written");
        let read = parsed(&bytes).expect("a record");
        assert_eq!(read, one);
        let [first, second, _] = &read.changes[..] else { panic!("three changes") };
        let before = |change: &RecordedChange| {
            std::ptr::from_ref(&*change.before.as_ref().expect("what was there").headers)
        };
        assert_eq!(before(first), before(second));
        let [Some(after), Some(same)] = [0, 2].map(|at| read.changes[at].after.as_ref()) else {
            panic!("two")
        };
        assert!(std::ptr::eq(&raw const *after.headers, &raw const *same.headers));
    }

    #[test]
    fn what_is_written_is_read_and_no_damage_panics() {
        let one = record(true, &[("a\n", Some("x"), None), ("b", None, Some("y"))]);
        let mut bytes = Vec::new();
        one.write(&mut bytes).expect("written");
        assert_eq!(parsed(&bytes), Ok(one));
        let half = record(false, &[("a", Some("\"isComplete\": false,\n"), None)]);
        let (mut written, mut complete) = (Vec::new(), Vec::new());
        half.write(&mut written).expect("written");
        SyncRecord::complete(&mut &written[..], &mut complete).expect("copied");
        assert_eq!(parsed(&complete), Ok(SyncRecord { is_complete: true, ..half }));
        for position in 0..bytes.len() {
            let _ = parsed(&bytes[..position]);
        }
        let other = String::from_utf8_lossy(&bytes).replace("\"formatVersion\": 1", "\"formatVersion\": 2");
        assert!(parsed(other.as_bytes()).expect_err("refused").contains("version 2"));
    }

    #[test]
    fn the_sample_is_read_and_written_to_the_same_bytes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/samples/v1/s3-sync-record.json");
        let sample = std::fs::read(path).expect("a sample");
        let mut written = Vec::new();
        parsed(&sample).expect("a record").write(&mut written).expect("written");
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&sample));
    }

    /// Of each change how many bytes an undo brings back.
    fn goes_back_to(record: SyncRecord) -> Vec<(String, u64)> {
        let of = |change: RecordedChange| {
            (change.name.to_string(), change.before.map_or(0, |before| before.size_bytes))
        };
        record.changes.into_iter().map(of).collect()
    }

    #[test]
    fn a_record_carries_on_one_that_was_not_completed() {
        let told = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
            list.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
        };
        // `b` was replaced by the earlier run, and is replaced once more; `d` was not, and is now.
        let now = || {
            record(
                false,
                &[("b", Some("22"), Some("333")), ("c", Some("22"), None), ("d", Some("1"), Some("4444"))],
            )
        };
        let earlier = || {
            record(
                false,
                &[("a", Some("1"), Some("22")), ("b", Some("1"), Some("22")), ("d", Some("1"), Some("22"))],
            )
        };
        let carried = now().carrying_on(Some(earlier()));
        assert_eq!(goes_back_to(carried), told(&[("a", 1), ("b", 1), ("c", 2), ("d", 1)]));
        let complete = SyncRecord { is_complete: true, ..earlier() };
        assert_eq!(now().carrying_on(Some(complete)), now());
        let other = SyncRecord { address: "s3://acme-config/other/".to_owned(), ..earlier() };
        assert_eq!(now().carrying_on(Some(other)), now());
        assert_eq!(now().carrying_on(None), now());
    }

    #[test]
    fn what_somebody_else_put_between_two_runs_is_what_an_undo_goes_back_to() {
        // The earlier run was to create it and failed, since it was there all at once.
        let earlier = record(false, &[("k", None, Some("22")), ("l", Some("1"), Some("22"))]);
        let now = record(false, &[("k", Some("theirs"), Some("22")), ("l", Some("theirs"), None)]);
        let carried = now.carrying_on(Some(earlier));
        assert_eq!(goes_back_to(carried), [("k".to_owned(), 6), ("l".to_owned(), 6)]);
    }

    #[test]
    fn an_incomplete_record_is_not_lost() {
        let web: super::TreeAddress = "s3://acme-config/web".parse().expect("an address");
        let other: super::TreeAddress = "s3://acme-config/other".parse().expect("an address");
        let kept = KeptIn::Folder("kept".into());
        let incomplete = record(false, &[("a", Some("1"), None)]);
        assert!(incomplete.may_give_way_to(&web, Some(&kept)));
        assert!(!incomplete.may_give_way_to(&other, Some(&kept)));
        assert!(!incomplete.may_give_way_to(&web, None));
        assert!(!incomplete.may_give_way_to(&web, Some(&KeptIn::Versions)));
        let complete = SyncRecord { is_complete: true, ..record(false, &[]) };
        assert!(complete.may_give_way_to(&other, None));
        let not_kept = SyncRecord { kept_in: None, ..record(false, &[("a", Some("1"), None)]) };
        assert!(not_kept.may_give_way_to(&other, Some(&kept)));
    }
}
