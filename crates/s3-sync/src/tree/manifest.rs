//! The sync manifest: what the last publication put there, object by object.
//!
//! It tells what ETags cannot: the content of objects that were encrypted with a key of KMS or put in parts, and headers. It is a
//! memory, and no truth: an entry counts only where the object is the one that it was written about.

use std::collections::BTreeMap;
use std::fmt;

use landfall_artifacts::{Digest, Hasher};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::etag::{Etag, Listed};
use super::rules::Headers;

/// Its name below the prefix.
pub const MANIFEST_NAME: &str = ".landfall-manifest.json";

/// Most bytes of a manifest.
pub(crate) const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// The objects of a publication by their names below the prefix. Objects with the same headers share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncManifest {
    headers: Vec<Headers>,
    objects: BTreeMap<Box<str>, Entry>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    etag: Etag,
    pub(crate) sha256: Digest,
    size_bytes: u64,
    headers: u32,
}

impl SyncManifest {
    /// Adds an object.
    pub(crate) fn insert(
        &mut self,
        name: &str,
        etag: &Etag,
        sha256: Digest,
        size_bytes: u64,
        headers: Headers,
    ) {
        let known = self.headers.iter().position(|known| *known == headers);
        let number = known.unwrap_or_else(|| {
            self.headers.push(headers);
            self.headers.len() - 1
        });
        let headers = u32::try_from(number).unwrap_or(u32::MAX);
        self.objects.insert(name.into(), Entry { etag: etag.clone(), sha256, size_bytes, headers });
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.objects.remove(name);
    }

    /// Of the file's bytes.
    pub(crate) fn digest(&self) -> Digest {
        let mut hashed = Hashed(Hasher::new());
        // A hasher takes everything.
        let _ = self.render(&[], &[], &mut hashed);
        hashed.0.finish()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The entry of an object, where the object is still the one that was written then.
    ///
    /// By its ETag; in a store that lists none, by its size and by having been written before the manifest was, at `written` in
    /// milliseconds since 1970. In the same one nobody can say.
    pub(crate) fn entry(&self, name: &str, listed: &Listed, written: Option<i64>) -> Option<&Entry> {
        let entry = self.objects.get(name).filter(|entry| entry.size_bytes == listed.size_bytes)?;
        let is_same = match &listed.etag {
            Etag::Md5Like(_) | Etag::Other(_) => listed.etag == entry.etag,
            Etag::Missing => written.is_some_and(|written| listed.modified < written),
        };
        is_same.then_some(entry)
    }

    /// The headers of an entry's object; `None` where it was written after the manifest was: the same bytes have the same ETag under
    /// other headers too.
    pub(crate) fn headers(&self, entry: &Entry, listed: &Listed, written: Option<i64>) -> Option<&Headers> {
        if written.is_none_or(|written| listed.modified > written) {
            return None;
        }
        self.headers.get(usize::try_from(entry.headers).ok()?)
    }

    /// The file: UTF-8 JSON, a line an object, in the order of the names' bytes. Headers are numbered in the order of their first use, so
    /// that the same state is the same bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.bytes_with(&[], &[])
    }

    /// The same with further objects, in the order of their names' bytes, which count before those that are there: a large tree is not
    /// copied for it. `headers` are the sets that their numbers mean.
    pub(crate) fn bytes_with(&self, further: &[Put<'_>], headers: &[Headers]) -> Vec<u8> {
        let names =
            further.iter().map(|put| put.name.len()).chain(self.objects.keys().map(|name| name.len()));
        let mut out = String::with_capacity(names.map(|length| length + LINE_BYTES).sum::<usize>() + 1024);
        // A text takes everything.
        let _ = self.render(further, headers, &mut out);
        out.into_bytes()
    }

    fn render(&self, further: &[Put<'_>], headers: &[Headers], out: &mut impl fmt::Write) -> fmt::Result {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let sets = Sets { old: &self.headers, new: headers };
        let mut numbers: BTreeMap<Set, usize> = BTreeMap::new();
        let mut used: Vec<Set> = Vec::new();
        for line in self.lines(further) {
            let set = sets.first_alike(line.set);
            numbers.entry(set).or_insert_with(|| {
                used.push(set);
                used.len() - 1
            });
        }
        out.write_str("{\n  \"formatVersion\": 1,\n  \"headers\": [")?;
        for (number, set) in used.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let inner: Vec<String> = sets
                .get(*set)
                .into_iter()
                .flatten()
                .map(|(name, value)| format!("{}: {}", text(name), text(value)))
                .collect();
            write!(out, "{comma}\n    {{{}}}", inner.join(", "))?;
        }
        out.write_str("\n  ],\n  \"objects\": {")?;
        for (number, line) in self.lines(further).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(
                out,
                "{comma}\n    {}: {{\"etag\": {}, \"sha256\": \"{}\", \"sizeBytes\": {}, \"headers\": {}}}",
                text(line.name),
                text(&line.etag.text().unwrap_or_default()),
                line.sha256.hex(),
                line.size_bytes,
                numbers.get(&sets.first_alike(line.set)).copied().unwrap_or_default()
            )?;
        }
        out.write_str("\n  }\n}\n")
    }

    /// All objects in the order of their names' bytes; of two with one name the further one.
    fn lines<'a>(&'a self, further: &'a [Put<'a>]) -> impl Iterator<Item = Line<'a>> {
        let (mut old, mut new) = (self.objects.iter().peekable(), further.iter().peekable());
        std::iter::from_fn(move || {
            let is_new_next = match (old.peek(), new.peek()) {
                (None, None) => return None,
                (Some((name, _)), Some(put)) => put.name.as_bytes() <= name.as_bytes(),
                (old, _) => old.is_none(),
            };
            if !is_new_next {
                let (name, entry) = old.next()?;
                let Entry { etag, sha256, size_bytes, headers } = entry;
                let set = Set::Old(*headers);
                return Some(Line { name, etag, sha256, size_bytes: *size_bytes, set });
            }
            let put = new.next()?;
            old.next_if(|(name, _)| ***name == *put.name);
            let set = Set::New(put.headers);
            Some(Line { name: put.name, etag: put.etag, sha256: put.sha256, size_bytes: put.size_bytes, set })
        })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct File {
            format_version: u64,
            headers: Vec<Headers>,
            objects: Objects,
        }
        let file: File = serde_json::from_slice(bytes)
            .map_err(|error| landfall_secret::escape(&error.to_string(), 200))?;
        if file.format_version != 1 {
            return Err(format!("its format has version {}, and 1 is known", file.format_version));
        }
        let Objects(objects) = file.objects;
        if objects.values().any(|entry| file.headers.get(entry.headers as usize).is_none()) {
            return Err("an object has headers that are not there".to_owned());
        }
        Ok(Self { headers: file.headers, objects })
    }
}

/// A text that is hashed and not kept.
struct Hashed(Hasher);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// An object that was just put there.
pub(crate) struct Put<'a> {
    pub(crate) name: &'a str,
    pub(crate) etag: &'a Etag,
    pub(crate) sha256: &'a Digest,
    pub(crate) size_bytes: u64,
    /// The number of its headers.
    pub(crate) headers: u32,
}

/// One line of the file.
struct Line<'a> {
    name: &'a str,
    etag: &'a Etag,
    sha256: &'a Digest,
    size_bytes: u64,
    set: Set,
}

/// A set of headers by its number among those of the manifest, or of what was put.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    Old(u32),
    New(u32),
}

struct Sets<'a> {
    old: &'a [Headers],
    new: &'a [Headers],
}

impl Sets<'_> {
    fn get(&self, set: Set) -> Option<&Headers> {
        match set {
            Set::Old(number) => self.old.get(number as usize),
            Set::New(number) => self.new.get(number as usize),
        }
    }

    /// The set itself, or one of the manifest's that holds the same.
    fn first_alike(&self, set: Set) -> Set {
        let Set::New(_) = set else { return set };
        let known = self.old.iter().position(|old| Some(old) == self.get(set));
        known.and_then(|known| u32::try_from(known).ok()).map_or(set, Set::Old)
    }
}

/// Bytes of a line besides the name and what is escaped in it.
const LINE_BYTES: usize = 180;

/// Objects as they are read: each name once.
struct Objects(BTreeMap<Box<str>, Entry>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    etag: Box<str>,
    sha256: String,
    size_bytes: u64,
    headers: u32,
}

impl<'de> Deserialize<'de> for Objects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;
        impl<'de> Visitor<'de> for ByName {
            type Value = Objects;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("objects by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Objects, A::Error> {
                let mut objects = BTreeMap::new();
                while let Some((name, written)) = map.next_entry::<Box<str>, Written>()? {
                    let sha256 = format!("sha256:{}", written.sha256);
                    let entry = Entry {
                        etag: Etag::of(Some(&written.etag)),
                        sha256: sha256.parse().map_err(A::Error::custom)?,
                        size_bytes: written.size_bytes,
                        headers: written.headers,
                    };
                    if objects.insert(name, entry).is_some() {
                        return Err(A::Error::custom("a name stands there twice"));
                    }
                }
                Ok(Objects(objects))
            }
        }
        deserializer.deserialize_map(ByName)
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::super::etag::{Etag, Listed};
    use super::{Headers, SyncManifest};

    fn headers(kind: &str) -> Headers {
        Headers::from([("content-type".to_owned(), kind.to_owned())])
    }

    fn sample() -> SyncManifest {
        let mut manifest = SyncManifest::default();
        let etag = Etag::of(Some("\"0cc175b9c0f1b6a831c399e269772661\""));
        manifest.insert("b", &etag, Digest::of(b"a"), 1, headers("text/plain"));
        manifest.insert("a\n\"", &Etag::of(Some("x-2")), Digest::of(b""), 0, headers("text/css"));
        manifest.insert("c", &Etag::Missing, Digest::of(b"c"), 1, headers("text/plain"));
        manifest
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = sample();
        let bytes = manifest.to_bytes();
        insta::assert_snapshot!(String::from_utf8_lossy(&bytes), @r#"
        {
          "formatVersion": 1,
          "headers": [
            {"content-type": "text/css"},
            {"content-type": "text/plain"}
          ],
          "objects": {
            "a\n\"": {"etag": "x-2", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sizeBytes": 0, "headers": 0},
            "b": {"etag": "0cc175b9c0f1b6a831c399e269772661", "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "sizeBytes": 1, "headers": 1},
            "c": {"etag": "", "sha256": "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6", "sizeBytes": 1, "headers": 1}
          }
        }
        "#);
        let read = SyncManifest::parse(&bytes).expect("a manifest");
        assert_eq!((read.len(), read.to_bytes()), (3, bytes), "the same state is the same bytes");
        let empty = SyncManifest::default();
        assert_eq!(SyncManifest::parse(&empty.to_bytes()), Ok(empty));
    }

    #[test]
    fn an_entry_counts_only_for_the_object_that_it_is_about() {
        let manifest = sample();
        let listed =
            |etag: Option<&str>, size_bytes, modified| Listed { size_bytes, etag: Etag::of(etag), modified };
        let b = Some("\"0cc175b9c0f1b6a831c399e269772661\"");
        assert!(manifest.entry("b", &listed(b, 1, 9), None).is_some());
        for (name, other) in [
            ("b", listed(b, 2, 0)),
            ("b", listed(Some("\"x\""), 1, 0)),
            ("a", listed(b, 1, 0)),
            ("c", listed(b, 1, 0)),
        ] {
            assert!(manifest.entry(name, &other, Some(10)).is_none(), "{name} {other:?}");
        }
        // Where no ETag is listed, only what was written before the manifest is known.
        assert!(manifest.entry("c", &listed(None, 1, 9), Some(10)).is_some());
        assert!(manifest.entry("c", &listed(None, 1, 10), Some(10)).is_none());
        assert!(manifest.entry("c", &listed(None, 1, 9), None).is_none());
    }

    #[test]
    fn a_damaged_manifest_is_refused_and_never_panics() {
        let bytes = sample().to_bytes();
        for position in 0..bytes.len() {
            let _ = SyncManifest::parse(&bytes[..position]);
            for byte in [b'"', b'9', 0xff] {
                let mut damaged = bytes.clone();
                damaged[position] = byte;
                let _ = SyncManifest::parse(&damaged);
            }
        }
        let entry = r#"{"etag":"","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","sizeBytes":0,"headers":0}"#;
        for (text, part) in [
            (
                format!(r#"{{"formatVersion":1,"headers":[{{}}],"objects":{{"a":{entry},"a":{entry}}}}}"#),
                "twice",
            ),
            (format!(r#"{{"formatVersion":1,"headers":[],"objects":{{"a":{entry}}}}}"#), "not there"),
            (r#"{"formatVersion":2,"headers":[],"objects":{}}"#.to_owned(), "version 2"),
            (r#"{"formatVersion":1,"headers":[],"objects":{},"x":1}"#.to_owned(), "unknown field"),
        ] {
            let error = SyncManifest::parse(text.as_bytes()).expect_err(part);
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
