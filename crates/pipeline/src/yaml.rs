//! YAML that every reader takes for the same: a small tree and its writer.
//!
//! Of the libraries in the build one reads YAML and none writes it, and writers that guess when to quote have been wrong before
//! (`no`, `1e3`, `0x1F`, `on`). Here a text is plain only where a strict rule allows it; else it is quoted, with everything that is not
//! printable ASCII as an escape. Source: YAML 1.2.2, 5.7 and 7.3; the words are those of YAML 1.1, which CI systems still read.

use std::fmt::Write as _;

/// A document, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Yaml {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// True or false.
    Bool(bool),
    /// Values in order.
    List(Vec<Yaml>),
    /// Keys with values in order; no key stands twice.
    Map(Vec<(String, Yaml)>),
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Yaml {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<u64> for Yaml {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Yaml>> FromIterator<T> for Yaml {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// Keys and values that are put together one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map(Vec<(String, Yaml)>);

impl Map {
    /// Adds a key, or gives one that is there another value.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<Yaml>) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
        self
    }

    /// Adds a key where there is a value.
    pub(crate) fn set_some(&mut self, key: &str, value: Option<impl Into<Yaml>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(other, _)| other != key);
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Yaml> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, value)| value)
    }

    /// The keys and values, in order.
    pub(crate) fn entries(&self) -> &[(String, Yaml)] {
        &self.0
    }

    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map.0)
    }
}

impl<K: Into<String>, V: Into<Yaml>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        let mut map = Self::default();
        for (key, value) in items {
            map.set(key, value);
        }
        map
    }
}

/// A whole document: comment lines, then the keys with a blank line between them. It ends with a line feed.
pub(crate) fn document(comments: &[&str], map: &Map) -> String {
    let mut text = String::new();
    for comment in comments {
        let _ = writeln!(text, "# {}", comment.replace(|c: char| c.is_control(), " "));
    }
    for (number, (key, value)) in map.0.iter().enumerate() {
        if number > 0 || !comments.is_empty() {
            text.push('\n');
        }
        entry(&mut text, key, value, 0);
    }
    text
}

fn entry(text: &mut String, key: &str, value: &Yaml, depth: usize) {
    let _ = write!(text, "{}{}:", "  ".repeat(depth), scalar(key));
    match value {
        Yaml::List(items) if !items.is_empty() => {
            text.push('\n');
            list(text, items, depth + 1);
        }
        Yaml::Map(entries) if !entries.is_empty() => {
            text.push('\n');
            for (key, value) in entries {
                entry(text, key, value, depth + 1);
            }
        }
        Yaml::Text(lines) if stands_in_a_block(lines) => {
            text.push_str(" |-\n");
            for line in lines.split('\n') {
                let _ = writeln!(text, "{}{line}", "  ".repeat(depth + 1));
            }
        }
        other => {
            let _ = writeln!(text, " {}", flat(other));
        }
    }
}

/// Whether a text of several lines can stand line by line: printable ASCII, no line empty or with spaces at its ends. In a literal
/// block nothing has a meaning of its own.
fn stands_in_a_block(text: &str) -> bool {
    let is_plain = |line: &str| {
        !line.is_empty() && line.trim() == line && line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    text.contains('\n') && text.split('\n').all(is_plain)
}

fn list(text: &mut String, items: &[Yaml], depth: usize) {
    for item in items {
        match item {
            Yaml::Map(entries) if !entries.is_empty() => {
                // The first key stands behind the dash, the others below it.
                let mut inner = String::new();
                for (key, value) in entries {
                    entry(&mut inner, key, value, depth + 1);
                }
                let indent = "  ".repeat(depth + 1);
                let rest = inner.strip_prefix(&indent).unwrap_or(&inner);
                let _ = write!(text, "{}- {rest}", "  ".repeat(depth));
            }
            Yaml::List(nested) => {
                let shown: Vec<String> = nested.iter().map(flat).collect();
                let _ = writeln!(text, "{}- [{}]", "  ".repeat(depth), shown.join(", "));
            }
            other => {
                let _ = writeln!(text, "{}- {}", "  ".repeat(depth), flat(other));
            }
        }
    }
}

/// On one line.
fn flat(value: &Yaml) -> String {
    match value {
        Yaml::Text(text) => scalar(text),
        Yaml::Number(number) => number.to_string(),
        Yaml::Bool(truth) => truth.to_string(),
        Yaml::List(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Yaml::Map(entries) => {
            let shown: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), flat(value))).collect();
            format!("{{{}}}", shown.join(", "))
        }
    }
}

/// Words that some reader takes for something else than a text.
const WORDS: [&str; 14] =
    ["true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan", "~", "nan", "inf"];

/// A text on one line: plain, in single quotes, or in double quotes with escapes.
fn scalar(text: &str) -> String {
    let body = text.strip_prefix('.').unwrap_or(text);
    let is_plain = body.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./- ".contains(&byte))
        && !text.ends_with(' ')
        && text.len() <= 200
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return if text.contains(['"', '\\']) || !text.contains('\'') {
            format!("'{}'", text.replace('\'', "''"))
        } else {
            format!("\"{text}\"")
        };
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            ' '..='~' => write!(quoted, "{c}"),
            _ if u32::from(c) <= 0xffff => write!(quoted, "\\u{:04X}", u32::from(c)),
            _ => write!(quoted, "\\U{:08X}", u32::from(c)),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use granit_parser::{Event, Parser};
    use proptest::prelude::*;

    use super::{Map, Yaml, document};

    /// The texts of a document in order, as another reader sees them, each with whether it was plain.
    fn read(text: &str) -> Vec<(String, bool)> {
        Parser::new_from_str(text)
            .map(|event| event.expect("YAML").0)
            .filter_map(|event| match event {
                Event::Scalar(text, style, ..) => Some((text.to_string(), format!("{style:?}") == "Plain")),
                _ => None,
            })
            .collect()
    }

    fn texts(value: &Yaml, all: &mut Vec<String>) {
        match value {
            Yaml::Text(text) => all.push(text.clone()),
            Yaml::Number(number) => all.push(number.to_string()),
            Yaml::Bool(truth) => all.push(truth.to_string()),
            Yaml::List(items) => items.iter().for_each(|item| texts(item, all)),
            Yaml::Map(entries) => {
                for (key, value) in entries {
                    all.push(key.clone());
                    texts(value, all);
                }
            }
        }
    }

    #[test]
    fn only_what_is_surely_a_text_is_plain() {
        let mut map = Map::default();
        map.set("plain", ["yarn build", ".deploy-lambda-template", "a/b.c-d"].into_iter().collect::<Yaml>());
        map.set(
            "quoted",
            [
                "",
                "no",
                "On",
                "1.5",
                "0x1F",
                "1e3",
                "~",
                ".inf",
                "a: b",
                "a #b",
                "- a",
                "*x",
                "&x",
                "!x",
                "a ",
                "it's",
                "\"a\"",
                "back\\slash",
                "\u{202e}",
                "a\nb",
                "\u{1f980}",
                "2020-01-01",
            ]
            .into_iter()
            .collect::<Yaml>(),
        );
        map.set("on", [("a", Yaml::from(1)), ("b", Yaml::List(Vec::new()))].into_iter().collect::<Map>());
        map.set(
            "list",
            Yaml::List(vec![[("job", "a"), ("of", "b")].into_iter().collect::<Map>().into(), true.into()]),
        );
        insta::assert_snapshot!(document(&["About it."], &map), @r#"
        # About it.

        plain:
          - yarn build
          - .deploy-lambda-template
          - a/b.c-d

        quoted:
          - ''
          - 'no'
          - 'On'
          - '1.5'
          - '0x1F'
          - '1e3'
          - '~'
          - '.inf'
          - 'a: b'
          - 'a #b'
          - '- a'
          - '*x'
          - '&x'
          - '!x'
          - 'a '
          - "it's"
          - '"a"'
          - 'back\slash'
          - "\u202E"
          - "a\nb"
          - "\U0001F980"
          - '2020-01-01'

        'on':
          a: 1
          b: []

        list:
          - job: a
            of: b
          - true
        "#);
    }

    fn tree() -> impl Strategy<Value = Yaml> {
        let text = prop_oneof![
            "[ -~]{0,12}",
            "\\PC{0,6}",
            "[#a:'-]{1,4}(\n[ -~]{0,6}){1,3}",
            "[\\x00-\\x1f\u{85}\u{2028}\u{feff}a ]{0,4}",
            Just("yes".to_owned())
        ];
        let leaf = prop_oneof![4 => text.prop_map(Yaml::from), 1 => any::<u64>().prop_map(Yaml::from), 1 => any::<bool>().prop_map(Yaml::from)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Yaml::List),
                proptest::collection::btree_map("[ -~]{0,8}", inner, 0..4)
                    .prop_map(|map| Yaml::Map(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn another_reader_reads_what_was_written(entries in proptest::collection::btree_map("[ -~]{1,8}", tree(), 1..4)) {
            let map: Map = entries.into_iter().collect();
            let mut expected = Vec::new();
            texts(&Yaml::from(map.clone()), &mut expected);
            let text = document(&["x"], &map);
            prop_assert!(text.is_ascii());
            let found: Vec<String> = read(&text).into_iter().map(|(text, _)| text).collect();
            prop_assert_eq!(found, expected, "{}", text);
        }
    }
}
