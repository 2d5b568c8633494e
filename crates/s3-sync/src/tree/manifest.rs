//! The sync manifest: what the last publication put there, object by object.
//!
//! It tells what ETags cannot: the content of objects that were encrypted with a key of KMS or put in parts, and headers. It is a
//! memory, and no truth: an entry counts only where the object is the one that it was written about. It is read and written object by object,
//! since the text of a large one would not fit into what memory there is.

use std::fmt;
use std::io::{self, Read, Write};

use landfall_artifacts::{Digest, Hasher};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::etag::{Etag, Listed};
use super::headers::Headers;

/// Its name below the prefix.
pub const MANIFEST_NAME: &str = ".landfall-manifest.json";

/// Most bytes of a manifest.
pub(crate) const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// What is said of one object, besides its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) etag: Etag,
    pub(crate) sha256: Digest,
    pub(crate) size_bytes: u64,
    /// The number of its headers.
    pub(crate) headers: u32,
}

impl Entry {
    /// Whether the object is still the one that was written then.
    ///
    /// By its ETag; in a store that lists none, by its size and by having been written before the manifest was, at `written` in
    /// milliseconds since 1970. In the same one nobody can say.
    pub(crate) fn is_of(&self, listed: &Listed, written: Option<i64>) -> bool {
        let is_same = match &listed.etag {
            Etag::Md5Like(_) | Etag::Other(_) => listed.etag == self.etag,
            Etag::Missing => written.is_some_and(|written| listed.modified < written),
        };
        is_same && self.size_bytes == listed.size_bytes
    }
}

/// Sets of headers by their numbers: many objects have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderSets(Vec<Headers>);

impl HeaderSets {
    /// The number of a set, which is added where it is new.
    pub(crate) fn number(&mut self, headers: Headers) -> u32 {
        let known = self.0.iter().position(|known| *known == headers);
        let number = known.unwrap_or_else(|| {
            self.0.push(headers);
            self.0.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Headers> {
        self.0.get(usize::try_from(number).ok()?)
    }
}

/// One line of the file.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) etag: &'a Etag,
    pub(crate) sha256: &'a Digest,
    pub(crate) size_bytes: u64,
    pub(crate) headers: u32,
}

impl<'a> Line<'a> {
    pub(crate) fn of(name: &'a str, entry: &'a Entry) -> Self {
        let Entry { etag, sha256, size_bytes, headers } = entry;
        Self { name, etag, sha256, size_bytes: *size_bytes, headers: *headers }
    }
}

/// Writes the file: UTF-8 JSON, a line an object, which `lines` gives in the order of the names' bytes, twice. Headers are numbered in the
/// order of their first use, so that the same state is the same bytes.
///
/// # Errors
/// What writing gives.
pub(crate) fn write<'a, I: Iterator<Item = Line<'a>>>(
    lines: impl Fn() -> I,
    sets: &HeaderSets,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut numbers: Vec<Option<usize>> = vec![None; sets.0.len()];
    let mut used: Vec<&Headers> = Vec::new();
    for line in lines() {
        let (slot, set) = (numbers.get_mut(line.headers as usize), sets.get(line.headers));
        if let (Some(slot @ None), Some(set)) = (slot, set) {
            *slot = Some(used.len());
            used.push(set);
        }
    }
    out.write_all(b"{\n  \"formatVersion\": 1,\n  \"headers\": [")?;
    for (number, set) in used.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let inner: Vec<String> =
            set.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
        write!(out, "{comma}\n    {{{}}}", inner.join(", "))?;
    }
    out.write_all(b"\n  ],\n  \"objects\": {")?;
    for (number, line) in lines().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(out, "{comma}\n    ")?;
        serde_json::to_writer(&mut *out, line.name)?;
        out.write_all(b": {\"etag\": ")?;
        serde_json::to_writer(&mut *out, &line.etag.text().unwrap_or_default())?;
        write!(
            out,
            ", \"sha256\": \"{}\", \"sizeBytes\": {}, \"headers\": {}}}",
            line.sha256.hex(),
            line.size_bytes,
            numbers.get(line.headers as usize).copied().flatten().unwrap_or_default()
        )?;
    }
    out.write_all(b"\n  }\n}\n")
}

/// Of the file's bytes; they are not kept.
pub(crate) fn digest<'a, I: Iterator<Item = Line<'a>>>(lines: impl Fn() -> I, sets: &HeaderSets) -> Digest {
    struct Hashed(Hasher);
    impl Write for Hashed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hashed = io::BufWriter::new(Hashed(Hasher::new()));
    // A hasher takes everything.
    let _ = write(lines, sets, &mut hashed).and_then(|()| hashed.flush());
    hashed.into_parts().0.0.finish()
}

/// Reads the file, and hands on each object as it comes; what was handed on counts only where all is well in the end.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn read(from: impl Read, mut each: impl FnMut(&str, Entry)) -> Result<HeaderSets, String> {
    let mut reader = serde_json::Deserializer::from_reader(from);
    let mut most_headers = None;
    let file = File(|name: &str, entry: Entry| {
        most_headers = most_headers.max(Some(entry.headers));
        each(name, entry);
    });
    let sets = reader.deserialize_map(file).and_then(|sets| reader.end().map(|()| sets));
    let sets = sets.map_err(|error| landfall_secret::escape(&error.to_string(), 200))?;
    if most_headers.is_some_and(|most| sets.get(most).is_none()) {
        return Err("an object has headers that are not there".to_owned());
    }
    Ok(sets)
}

/// The whole file.
struct File<F>(F);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    FormatVersion,
    Headers,
    Objects,
}

impl<'de, F: FnMut(&str, Entry)> Visitor<'de> for File<F> {
    type Value = HeaderSets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sync manifest")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<HeaderSets, A::Error> {
        let (mut version, mut headers, mut has_objects) = (None, None, false);
        while let Some(field) = map.next_key::<Field>()? {
            let is_twice = match field {
                Field::FormatVersion => version.replace(map.next_value::<u64>()?).is_some(),
                Field::Headers => headers.replace(map.next_value::<Vec<Headers>>()?).is_some(),
                Field::Objects => {
                    map.next_value_seed(Objects(&mut self.0))?;
                    std::mem::replace(&mut has_objects, true)
                }
            };
            if is_twice {
                return Err(A::Error::custom("a part stands there twice"));
            }
        }
        match (version, headers) {
            (Some(1), Some(headers)) if has_objects => Ok(HeaderSets(headers)),
            (Some(1), _) => Err(A::Error::custom("a part is missing")),
            (Some(other), _) => {
                Err(A::Error::custom(format!("its format has version {other}, and 1 is known")))
            }
            (None, _) => Err(A::Error::missing_field("formatVersion")),
        }
    }
}

/// Objects as they are read: in their order, so that each name is there once.
struct Objects<'a, F>(&'a mut F);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    etag: Box<str>,
    sha256: String,
    size_bytes: u64,
    headers: u32,
}

impl<'de, F: FnMut(&str, Entry)> DeserializeSeed<'de> for Objects<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, Entry)> Visitor<'de> for Objects<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut last: Option<String> = None;
        while let Some((name, written)) = map.next_entry::<String, Written>()? {
            match last.as_ref().map(|last| last.as_bytes().cmp(name.as_bytes())) {
                None | Some(std::cmp::Ordering::Less) => {}
                Some(std::cmp::Ordering::Equal) => return Err(A::Error::custom("a name stands there twice")),
                Some(std::cmp::Ordering::Greater) => {
                    return Err(A::Error::custom("the names are not in the order of their bytes"));
                }
            }
            let sha256 = format!("sha256:{}", written.sha256).parse().map_err(A::Error::custom)?;
            let Written { etag, size_bytes, headers, .. } = written;
            (self.0)(&name, Entry { etag: Etag::of(Some(&etag)), sha256, size_bytes, headers });
            last = Some(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::Digest;

    use super::super::etag::{Etag, Listed};
    use super::{Entry, HeaderSets, Headers, Line, digest, read, write};

    type Manifest = (BTreeMap<String, Entry>, HeaderSets);

    fn headers(kind: &str) -> Headers {
        Headers::from([("content-type".to_owned(), kind.to_owned())])
    }

    fn sample() -> Manifest {
        let (mut objects, mut sets) = (BTreeMap::new(), HeaderSets::default());
        let mut insert = |name: &str, etag: Etag, bytes: &[u8], kind: &str| {
            let (sha256, size_bytes) = (Digest::of(bytes), bytes.len() as u64);
            let headers = sets.number(headers(kind));
            objects.insert(name.to_owned(), Entry { etag, sha256, size_bytes, headers });
        };
        let etag = Etag::of(Some("\"0cc175b9c0f1b6a831c399e269772661\""));
        insert("b", etag, b"a", "text/plain");
        insert("a\n\"", Etag::of(Some("x-2")), b"", "text/css");
        insert("c", Etag::Missing, b"c", "text/plain");
        sets.number(headers("no/body's"));
        (objects, sets)
    }

    fn bytes((objects, sets): &Manifest) -> Vec<u8> {
        let lines = || objects.iter().map(|(name, entry)| Line::of(name, entry));
        let mut bytes = Vec::new();
        write(lines, sets, &mut bytes).expect("written");
        assert_eq!(digest(lines, sets), Digest::of(&bytes));
        bytes
    }

    fn parsed(mut bytes: &[u8]) -> Result<Manifest, String> {
        let mut objects = BTreeMap::new();
        let sets = read(&mut bytes, |name, entry| {
            objects.insert(name.to_owned(), entry);
        })?;
        Ok((objects, sets))
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = bytes(&sample());
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
        let back = parsed(&bytes).expect("a manifest");
        assert_eq!((back.0.len(), self::bytes(&back)), (3, bytes), "the same state is the same bytes");
        let empty = Manifest::default();
        assert_eq!(parsed(&self::bytes(&empty)), Ok(empty));
    }

    #[test]
    fn the_sample_is_read_and_written_to_the_same_bytes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/samples/v1/sync-manifest.json");
        let sample = std::fs::read(path).expect("a sample");
        let read = parsed(&sample).expect("a manifest");
        assert_eq!(String::from_utf8_lossy(&bytes(&read)), String::from_utf8_lossy(&sample));
    }

    #[test]
    fn an_entry_counts_only_for_the_object_that_it_is_about() {
        let (objects, _) = sample();
        let counts = |name: &str, listed: &Listed, written: Option<i64>| {
            objects.get(name).is_some_and(|entry| entry.is_of(listed, written))
        };
        let listed =
            |etag: Option<&str>, size_bytes, modified| Listed { size_bytes, etag: Etag::of(etag), modified };
        let b = Some("\"0cc175b9c0f1b6a831c399e269772661\"");
        assert!(counts("b", &listed(b, 1, 9), None));
        for (name, other) in [
            ("b", listed(b, 2, 0)),
            ("b", listed(Some("\"x\""), 1, 0)),
            ("a", listed(b, 1, 0)),
            ("c", listed(b, 1, 0)),
        ] {
            assert!(!counts(name, &other, Some(10)), "{name} {other:?}");
        }
        // Where no ETag is listed, only what was written before the manifest is known.
        assert!(counts("c", &listed(None, 1, 9), Some(10)));
        assert!(!counts("c", &listed(None, 1, 10), Some(10)));
        assert!(!counts("c", &listed(None, 1, 9), None));
    }

    #[test]
    fn a_damaged_manifest_is_refused_and_never_panics() {
        let bytes = bytes(&sample());
        for position in 0..bytes.len() {
            let _ = parsed(&bytes[..position]);
            for byte in [b'"', b'9', 0xff] {
                let mut damaged = bytes.clone();
                damaged[position] = byte;
                let _ = parsed(&damaged);
            }
        }
        let entry = r#"{"etag":"","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","sizeBytes":0,"headers":0}"#;
        for (text, part) in [
            (
                format!(r#"{{"formatVersion":1,"headers":[{{}}],"objects":{{"a":{entry},"a":{entry}}}}}"#),
                "twice",
            ),
            (
                format!(r#"{{"formatVersion":1,"headers":[{{}}],"objects":{{"b":{entry},"a":{entry}}}}}"#),
                "order",
            ),
            (format!(r#"{{"formatVersion":1,"headers":[],"objects":{{"a":{entry}}}}}"#), "not there"),
            (r#"{"formatVersion":1,"headers":[],"objects":{},"objects":{}}"#.to_owned(), "twice"),
            (r#"{"formatVersion":1,"headers":[]}"#.to_owned(), "missing"),
            (r#"{"formatVersion":1,"headers":[],"objects":{}} x"#.to_owned(), "trailing"),
            (r#"{"formatVersion":2,"headers":[],"objects":{}}"#.to_owned(), "version 2"),
            (r#"{"formatVersion":1,"headers":[],"objects":{},"x":1}"#.to_owned(), "unknown field"),
        ] {
            let error = parsed(text.as_bytes()).expect_err(part);
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
