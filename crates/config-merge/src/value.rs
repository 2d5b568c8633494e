//! Documents as trees: values that know their place and how they were written.

use std::fmt;
use std::sync::Arc;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, below the root of its tree.
    pub file: Arc<str>,
    /// Line, from one.
    pub line: usize,
    /// Column in characters, from one.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", landfall_secret::escape(&self.file, 300), self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Node>),
    /// Keys and values in the order of the file; no two keys have one text.
    Map(Vec<Member>),
}

/// One key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key. In YAML it may be a number or the like; it is told from others by its text.
    pub key: Scalar,
    /// Where the key stands.
    pub key_place: Place,
    /// The value.
    pub value: Node,
}

/// A single value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// What it is.
    pub kind: ScalarKind,
    /// Of a text its characters; of all else just what stands in the file, such as `1.50`, `0x1F` or `~`.
    pub text: String,
    /// How it was written.
    pub style: Style,
}

/// What a single value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    /// Nothing.
    Null,
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A time of TOML, also one without date or without time.
    Time,
}

/// How a single value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes. A text of YAML stays so, since readers of other versions of YAML may not take it for a text.
    Plain,
    /// In quotes.
    Quoted,
    /// As a block of lines, of YAML.
    Block,
}

impl Node {
    /// What it is, for messages; never the value itself.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "null",
                ScalarKind::Bool => "true or false",
                ScalarKind::Number => "a number",
                ScalarKind::Text => "a text",
                ScalarKind::Time => "a time",
            },
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind == ScalarKind::Null)
    }

    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(members) => {
                members.iter().find(|member| member.key.text == key).map(|member| &member.value)
            }
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// Whether both say the same, wherever it stands and however it is quoted.
    pub fn says_the_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(a), Value::Scalar(b)) => (a.kind, &a.text) == (b.kind, &b.text),
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.says_the_same(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|(a, b)| a.key.text == b.key.text && a.value.says_the_same(&b.value))
            }
            _ => false,
        }
    }

    /// Calls with every value that has no values below it, and its JSON pointer (RFC 6901). Empty lists and maps count.
    pub fn each_leaf<'n>(&'n self, call: &mut impl FnMut(&str, &'n Node, Option<&'n Member>)) {
        self.leaves(&mut String::new(), None, call);
    }

    fn leaves<'n>(
        &'n self,
        pointer: &mut String,
        member: Option<&'n Member>,
        call: &mut impl FnMut(&str, &'n Node, Option<&'n Member>),
    ) {
        let length = pointer.len();
        match &self.value {
            Value::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    item.leaves(pointer, member, call);
                    pointer.truncate(length);
                }
            }
            Value::Map(members) if !members.is_empty() => {
                for member in members {
                    pointer.push_str(&step(&member.key.text));
                    member.value.leaves(pointer, Some(member), call);
                    pointer.truncate(length);
                }
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => call(pointer, self, member),
        }
    }
}

impl Scalar {
    /// A text in quotes.
    pub fn quoted(text: impl Into<String>) -> Self {
        Self { kind: ScalarKind::Text, text: text.into(), style: Style::Quoted }
    }
}

/// A key as a step of a JSON pointer, with its `/`.
pub(crate) fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
pub(crate) mod samples {
    //! Trees for properties of merging and writing.

    use std::sync::Arc;

    use proptest::prelude::*;

    use super::{Member, Node, Place, Scalar, ScalarKind, Style, Value};

    pub(crate) fn at(value: Value) -> Node {
        Node { place: Place { file: Arc::from("x"), line: 1, column: 1 }, value }
    }

    /// Single values that all formats have.
    fn scalar(with_null: bool) -> impl Strategy<Value = Node> {
        let plain =
            |kind, text: &str| at(Value::Scalar(Scalar { kind, text: text.to_owned(), style: Style::Plain }));
        let fixed = vec![
            plain(ScalarKind::Bool, "true"),
            plain(ScalarKind::Bool, "false"),
            plain(ScalarKind::Number, "0"),
            plain(ScalarKind::Number, "-1.50"),
            plain(ScalarKind::Number, "1e3"),
            plain(ScalarKind::Number, "123456789012345678901234567890.0"),
        ];
        let null = if with_null { vec![plain(ScalarKind::Null, "null")] } else { Vec::new() };
        prop_oneof![
            2 => prop::sample::select([fixed, null].concat()),
            1 => text().prop_map(|text| at(Value::Scalar(Scalar::quoted(text)))),
        ]
    }

    pub(crate) fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c]{1,2}",
            prop::sample::select(vec![
                "",
                " a",
                "a ",
                "- a",
                "a: b",
                "a #b",
                "yes",
                "null",
                "1",
                "0x1",
                "\"",
                "'",
                "a\nb",
                "a\n",
                "\n",
                "\ta",
                "#",
                "---",
                "...",
                "é",
                "\u{85}",
                "\u{2028}",
                "\u{feff}",
                "\u{1}",
                "\u{7f}",
                "🦀",
                "\\n",
                "a\rb",
                "~",
                "<<",
                "2020-01-01",
                "{",
                "[",
                "*a",
                "&a",
                "!t",
                "%a",
                "@",
                "`",
                "|",
                ">",
                "?",
                "? a",
                ":",
                ":a",
                "a:",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ]
    }

    pub(crate) fn key() -> impl Strategy<Value = String> {
        prop_oneof![4 => "[a-c]", 1 => text()]
    }

    /// Any document, with a map at its root.
    pub(crate) fn document(with_null: bool) -> impl Strategy<Value = Node> {
        let node = scalar(with_null).prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| at(Value::List(items))),
                map(inner),
            ]
        });
        map(node)
    }

    fn map(value: impl Strategy<Value = Node>) -> impl Strategy<Value = Node> {
        prop::collection::vec((key(), value), 0..4).prop_map(|pairs| {
            let mut members: Vec<Member> = Vec::new();
            for (key, value) in pairs {
                if !members.iter().any(|member| member.key.text == key) {
                    let key_place = value.place.clone();
                    members.push(Member { key: Scalar::quoted(key), key_place, value });
                }
            }
            at(Value::Map(members))
        })
    }
}
