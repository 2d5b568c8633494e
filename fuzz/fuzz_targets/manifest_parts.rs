//! Manifests put together from parts of which each is known to be good or bad: all good is accepted, one bad is refused.
#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use landfall_fuzz::{Choices, fuzz_target, manifest};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const LARGEST: u64 = 10 << 30;

/// A document being put together.
struct Draft<'a> {
    choices: Choices<'a>,
    is_good: bool,
    parts: usize,
}

fuzz_target!(|input: &[u8]| {
    let mut draft = Draft { choices: Choices::new(input), is_good: true, parts: 0 };
    let is_index = draft.choices.of(&[false, true]);
    let mut fields = Map::new();
    draft.schema(&mut fields);
    let header = draft.media_types(is_index, &mut fields);
    draft.list(is_index, &mut fields);
    draft.further_field(is_index, &mut fields);
    let text = draft.text(&Value::Object(fields));
    let accepted = manifest::check(&Bytes::from(text.clone()), header.as_deref());
    assert_eq!(accepted, draft.is_good, "{header:?} {}", text.get(..2000).unwrap_or(&text));
});

impl Draft<'_> {
    /// One of a table whose entries say whether they are good.
    fn pick<T: Clone>(&mut self, table: &[(T, bool)]) -> T {
        let at = usize::from(self.choices.byte()) % table.len();
        let (value, is_good) = table[at].clone();
        self.is_good &= is_good;
        value
    }

    fn schema(&mut self, fields: &mut Map<String, Value>) {
        let versions = [
            (Some(json!(2)), true),
            (Some(json!(2)), true),
            (Some(json!(1)), false),
            (Some(json!(3)), false),
            (Some(json!(2.0)), false),
            (Some(json!("2")), false),
            (Some(json!(258)), false),
            (Some(Value::Null), false),
            (None, false),
        ];
        if let Some(version) = self.pick(&versions) {
            fields.insert("schemaVersion".to_owned(), version);
        }
    }

    /// The document's media type; returns the header's.
    fn media_types(&mut self, is_index: bool, fields: &mut Map<String, Value>) -> Option<String> {
        let (own, docker, other) =
            if is_index { (INDEX, DOCKER_LIST, IMAGE) } else { (IMAGE, DOCKER_IMAGE, INDEX) };
        let said = self.choices.of(&[own, docker]);
        let document = self.pick(&[
            (Some(json!(said)), true),
            (None, true),
            (Some(json!(other)), false),
            (Some(json!("")), false),
            (Some(json!(said.to_uppercase())), false),
            (Some(Value::Null), false),
            (Some(json!([said])), false),
        ]);
        let header = self.pick(&[
            (Some(said.to_owned()), true),
            (Some(format!(" {said} ; charset=utf-8")), true),
            (None, document.is_some()),
            (Some(other.to_owned()), false),
            (Some("text/html".to_owned()), false),
            (Some(String::new()), false),
        ]);
        if let Some(document) = document {
            fields.insert("mediaType".to_owned(), document);
        }
        header
    }

    fn list(&mut self, is_index: bool, fields: &mut Map<String, Value>) {
        let cap = if is_index { 256 } else { 1_999 };
        // Two thousand layers take as long as a hundred small documents: seldom is enough.
        let count = match self.choices.byte() {
            near @ 253..=255 if is_index => cap + usize::from(near) - 254,
            255 => cap,
            254 => cap + 1,
            few => usize::from(few % 4),
        };
        self.is_good &= count <= cap;
        let mut parts: Vec<Value> = (0..count.min(3)).map(|_| self.part(is_index)).collect();
        while parts.len() < count {
            parts.push(self.plain_part());
        }
        if let Some(first) = parts.first().cloned()
            && count < cap
        {
            match self.choices.byte() {
                200..220 => parts.push(first),
                // Two sizes of one content: only one can be true.
                220..240 if first["size"].as_u64().is_some_and(|size| size <= LARGEST) => {
                    let mut other = first;
                    other["size"] = json!(if other["size"] == 5 { 6 } else { 5 });
                    self.is_good = false;
                    parts.push(other);
                }
                _ => {}
            }
        }
        if is_index {
            fields.insert("manifests".to_owned(), Value::Array(parts));
            return;
        }
        fields.insert("layers".to_owned(), Value::Array(parts));
        let config = self.part(false);
        fields.insert("config".to_owned(), config);
    }

    fn plain_part(&mut self) -> Value {
        self.parts += 1;
        json!({"mediaType": LAYER, "digest": digest(self.parts), "size": self.parts})
    }

    /// A descriptor.
    fn part(&mut self, of_index: bool) -> Value {
        let mut part = self.plain_part();
        let digest = part["digest"].as_str().unwrap_or_default().to_owned();
        match self.choices.byte() % 8 {
            0 => {
                part["digest"] = self.pick(&[
                    (json!(digest), true),
                    (json!(digest.to_uppercase()), false),
                    (json!(digest.replace("sha256", "sha512")), false),
                    (json!(digest.replace("sha256:", "")), false),
                    (json!(digest.replace("sha256:", "sha256:../")), false),
                    (json!("sha256:../../../../etc/passwd"), false),
                    (json!(format!("{digest}0")), false),
                    (json!(format!(" {digest}")), false),
                    (json!(format!("{digest}\n")), false),
                    (json!(""), false),
                    (json!("sha256:"), false),
                    (Value::Null, false),
                    (json!({"sha256": digest}), false),
                ]);
            }
            1 => {
                part["size"] = self.pick(&[
                    (json!(0), true),
                    (json!(LARGEST), true),
                    (json!(LARGEST + 1), false),
                    (json!(-1), false),
                    (json!(i64::MAX), false),
                    (json!(i64::MIN), false),
                    (json!(u64::MAX), false),
                    (json!(1.5), false),
                    (json!(1e300), false),
                    (json!("1"), false),
                    (Value::Null, false),
                ]);
            }
            2 => {
                part["mediaType"] = self.pick(&[
                    (json!("x".repeat(255)), true),
                    (json!("x".repeat(256)), false),
                    (json!(""), false),
                    (json!("a/b\r\nx: y"), false),
                    (json!("a/\u{202e}b"), false),
                    (json!(7), false),
                ]);
            }
            // An index's reader takes no notice of `urls`: nothing is fetched from there.
            3 if !of_index => {
                part["urls"] = self.pick(&[
                    (json!([]), true),
                    (json!(["https://127.0.0.2/layer"]), true),
                    (Value::Null, true),
                    (json!("https://127.0.0.2/layer"), false),
                    (json!([7]), false),
                ]);
            }
            4 if of_index => {
                part["platform"] = self.pick(&[
                    (json!({"os": "linux", "architecture": "amd64"}), true),
                    (json!({"os": "linux", "architecture": "arm64", "variant": "v8"}), true),
                    (json!({"os": "unknown", "architecture": "unknown"}), true),
                    (json!({"os": "\u{1b}[2J\u{202e}", "architecture": "a\nb"}), true),
                    (Value::Null, true),
                    (json!({"os": 7, "architecture": "amd64"}), false),
                    (json!("linux/amd64"), false),
                ]);
            }
            5 => {
                let field = self.choices.of(&["digest", "size", "mediaType"]);
                let twin = self.choices.of(&["Digest", "SIZE", "mediatype", "\u{17f}ize", "Urls"]);
                part[twin] = part[field].clone();
                self.is_good = false;
            }
            6 => {
                let field = self.choices.of(&["digest", "size", "mediaType"]);
                if let Some(members) = part.as_object_mut() {
                    members.remove(field);
                }
                self.is_good = false;
            }
            _ => {}
        }
        part
    }

    fn further_field(&mut self, is_index: bool, fields: &mut Map<String, Value>) {
        let good = [
            ("annotations", json!({"a": "b"})),
            ("artifactType", json!("application/x")),
            ("x-unknown", json!([[[]]])),
        ];
        let bad = [
            ("fsLayers", json!([])),
            ("history", json!([])),
            ("blobs", json!([])),
            ("Manifests", json!([])),
            ("LAYERS", json!([])),
            ("Config", Value::Null),
            ("mediatype", json!(IMAGE)),
            ("layer\u{17f}", json!([])),
            ("schemaversion", json!(2)),
        ];
        let byte = usize::from(self.choices.byte());
        let (name, value) = match byte {
            0..160 => return,
            160..190 => good[byte % good.len()].clone(),
            190..240 => {
                self.is_good = false;
                bad[byte % bad.len()].clone()
            }
            _ => {
                self.is_good = false;
                let (other, beside) =
                    if is_index { ("layers", "config") } else { ("manifests", "manifests") };
                (if byte % 2 == 0 { other } else { beside }, self.choices.of(&[0, 1]).into())
            }
        };
        fields.insert(name.to_owned(), value);
    }

    /// The document as bytes, which two readers may take for different documents.
    fn text(&mut self, document: &Value) -> String {
        let text = document.to_string();
        match self.choices.byte() {
            0..200 => text,
            200..210 => format!(" \r\n\t{text}\n"),
            210..220 => self.bad(format!("\u{feff}{text}")),
            220..230 => self.bad(format!("{text}{text}")),
            230..240 => {
                let again = document.as_object().and_then(|fields| fields.keys().next()).cloned();
                let twice = text.replacen('{', &format!("{{{:?}:0,", again.unwrap_or_default()), 1);
                self.bad(twice)
            }
            _ => {
                let deep = format!("{{\"x\":{}{},", "[".repeat(70), "]".repeat(70));
                self.bad(text.replacen('{', &deep, 1))
            }
        }
    }

    fn bad(&mut self, text: String) -> String {
        self.is_good = false;
        text
    }
}

/// The digest of a number; each is made once.
fn digest(of: usize) -> &'static str {
    static MADE: OnceLock<Vec<String>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let hex =
            |n: usize| Sha256::digest(n.to_be_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        (0..=2_100).map(hex).map(|hex: String| format!("sha256:{hex}")).collect()
    });
    &made[of]
}
