//! From values to types: every problem is recorded and reading goes on.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::node::{Kind, Member, Node};
use super::parse::escape_step;
use crate::file_error::Problems;

/// A value and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    way: Way<'a>,
}

#[derive(Clone, Copy)]
enum Way<'a> {
    Root,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { node, way: Way::Root }
    }

    /// The JSON pointer of the value, safe to print.
    pub(crate) fn pointer(&self) -> String {
        match self.way {
            Way::Root => String::new(),
            Way::Key(parent, key) => format!("{}/{}", parent.pointer(), escape_step(key)),
            Way::Index(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    /// The members, where the value is an object; else a problem.
    pub(crate) fn members(&self, problems: &mut Problems<'_>) -> Option<&'a [Member]> {
        if let Kind::Object(members) = &self.node.kind {
            Some(members)
        } else {
            problems.wrong(*self, "an object");
            None
        }
    }

    /// The text, where the value is one; else a problem that says what was expected.
    pub(crate) fn text(&self, expected: &str, problems: &mut Problems<'_>) -> Option<&'a str> {
        let text = self.node.text();
        if text.is_none() {
            problems.wrong(*self, expected);
        }
        text
    }

    /// The value as something that texts can be parsed to.
    pub(crate) fn parsed<T: FromStr>(&self, expected: &str, problems: &mut Problems<'_>) -> Option<T> {
        let parsed = self.text(expected, problems)?.parse().ok();
        if parsed.is_none() {
            problems.wrong(*self, expected);
        }
        parsed
    }

    /// The value of one key of an object.
    pub(crate) fn field<T: FromJson>(&self, key: &str, problems: &mut Problems<'_>) -> Option<T> {
        match self.node.member(key) {
            Some(member) => T::from_json(self.child(member), problems),
            None => T::absent(*self, key, problems),
        }
    }

    /// The value of one key of an object, or the type's default where there is no such key.
    pub(crate) fn field_or_default<T: FromJson + Default>(
        &self,
        key: &str,
        problems: &mut Problems<'_>,
    ) -> Option<T> {
        match self.node.member(key) {
            Some(member) => T::from_json(self.child(member), problems),
            None => Some(T::default()),
        }
    }

    /// Whether the value is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.node.kind, Kind::Object(_))
    }

    /// The value of a member of this object.
    pub(crate) fn child<'b>(&'b self, member: &'b Member) -> At<'b> {
        At { node: &member.value, way: Way::Key(self, &member.key) }
    }

    /// A value of this list.
    pub(crate) fn item<'b>(&'b self, index: usize, node: &'b Node) -> At<'b> {
        At { node, way: Way::Index(self, index) }
    }
}

/// A type that can be read from a value. `None` means that at least one problem was recorded.
pub(crate) trait FromJson: Sized {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self>;

    /// What a missing key means.
    fn absent(parent: At<'_>, key: &str, problems: &mut Problems<'_>) -> Option<Self> {
        problems.missing(parent, key);
        None
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match at.node.kind {
            Kind::Null => Some(None),
            _ => T::from_json(at, problems).map(Some),
        }
    }

    fn absent(_: At<'_>, _: &str, _: &mut Problems<'_>) -> Option<Self> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let Kind::Array(nodes) = &at.node.kind else {
            problems.wrong(at, "a list");
            return None;
        };
        let read: Vec<Option<T>> = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| T::from_json(at.item(index, node), problems))
            .collect();
        read.into_iter().collect()
    }
}

/// A type that can stand as a key.
pub(crate) trait FromKey: FromStr + Ord {
    /// The rule of the key, for messages.
    const EXPECTED: &'static str;
}

impl FromKey for String {
    const EXPECTED: &'static str = "a name";
}

impl<K: FromKey, V: FromJson> FromJson for BTreeMap<K, V> {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let mut map = Some(Self::new());
        for member in at.members(problems)? {
            let child = at.child(member);
            let key = member.key.parse::<K>().ok().filter(|_| printable(&member.key));
            if key.is_none() {
                problems.add_at(
                    member.at,
                    child.pointer(),
                    format!("the key `{}`", landfall_secret::escape(&member.key, 80)),
                    K::EXPECTED,
                );
            }
            let value = V::from_json(child, problems);
            map = match (map, key, value) {
                (Some(mut map), Some(key), Some(value)) => {
                    map.insert(key, value);
                    Some(map)
                }
                _ => None,
            };
        }
        map
    }
}

fn printable(text: &str) -> bool {
    text.len() <= 512 && !text.chars().any(char::is_control)
}

impl FromJson for String {
    /// At most 64 KiB. Line breaks and tabs may stand in a text, other control characters may not.
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let text = at.text("a text", problems)?;
        if text.len() > 64 * 1024 {
            problems.wrong(at, "a text of at most 64 KiB");
            return None;
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
            problems.wrong(at, "a text without control characters");
            return None;
        }
        Some(text.to_owned())
    }
}

impl FromJson for bool {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        if let Kind::Bool(truth) = at.node.kind {
            Some(truth)
        } else {
            problems.wrong(at, "true or false");
            None
        }
    }
}

impl FromJson for u64 {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let number = match &at.node.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            problems.wrong(at, "a whole number, 0 or more");
        }
        number
    }
}

impl FromJson for u8 {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let number = match &at.node.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            problems.wrong(at, "a whole number from 0 to 255");
        }
        number
    }
}

impl FromJson for f64 {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let number = match &at.node.kind {
            Kind::Number(text) => text.parse::<f64>().ok().filter(|n| n.is_finite()),
            _ => None,
        };
        if number.is_none() {
            problems.wrong(at, "a number");
        }
        number
    }
}

impl FromJson for Value {
    fn from_json(at: At<'_>, _: &mut Problems<'_>) -> Option<Self> {
        Some(at.node.to_value())
    }
}

impl FromJson for OffsetDateTime {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "a time as RFC 3339 writes it, such as 2025-11-19T15:22:00Z";
        let text = at.text(expected, problems)?;
        let time = OffsetDateTime::parse(text, &Rfc3339).ok();
        if time.is_none() {
            problems.wrong(at, expected);
        }
        time
    }
}

impl FromJson for semver::Version {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`";
        let text = at.text(expected, problems)?;
        let version = semver::Version::parse(text).ok().filter(|_| text.len() <= 128);
        if version.is_none() {
            problems.wrong(at, expected);
        }
        version
    }
}

/// Reads a struct from an object: `record!(Ticket { region: "region", key: "key" })`.
macro_rules! record {
    ($type:ident { $($field:ident : $key:literal),+ $(,)? } $(then $check:ident)?) => {
        impl $crate::json::FromJson for $type {
            fn from_json(
                at: $crate::json::At<'_>,
                problems: &mut $crate::file_error::Problems<'_>,
            ) -> Option<Self> {
                at.members(problems)?;
                let value = $crate::json::record_fields!(at, problems, $type { $($field: $key),+ })?;
                $($check(&value, at, problems);)?
                Some(value)
            }
        }
    };
}

/// The fields of a struct, all read before the first that failed ends it.
macro_rules! record_fields {
    ($at:ident, $problems:ident, $type:ident { $($field:ident : $key:literal),+ }) => {{
        $(let $field = $at.field($key, $problems);)+
        Some($type { $($field: $field?),+ })
    }};
}

/// Reads an enum from one of a few words.
macro_rules! one_of {
    ($type:ident { $($word:literal => $variant:ident),+ $(,)? }) => {
        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that files use for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::json::FromJson for $type {
            fn from_json(
                at: $crate::json::At<'_>,
                problems: &mut $crate::file_error::Problems<'_>,
            ) -> Option<Self> {
                match at.node.text() {
                    $(Some($word) => Some(Self::$variant),)+
                    _ => {
                        problems.wrong(at, concat!("one of" $(, " `", $word, "`")+));
                        None
                    }
                }
            }
        }
    };
}

/// Reads, and describes in schemas, a type that is parsed from a text.
macro_rules! text_form {
    ($type:ty, $name:expr, $expected:literal, $pattern:literal) => {
        impl $crate::json::FromJson for $type {
            fn from_json(
                at: $crate::json::At<'_>,
                problems: &mut $crate::file_error::Problems<'_>,
            ) -> Option<Self> {
                at.parsed($expected, problems)
            }
        }

        impl $crate::json::FromKey for $type {
            const EXPECTED: &'static str = $expected;
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": $expected,
                    "pattern": $pattern,
                })
            }
        }
    };
}

pub(crate) use {one_of, record, record_fields, text_form};
