//! A value as it stands in a file, with its place.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

/// A value and the bytes it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Byte offset of the first byte of the value.
    pub start: usize,
    /// Byte offset after the last byte of the value.
    pub end: usize,
    /// The value.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text, unescaped.
    Text(String),
    /// Values in order.
    Array(Vec<Node>),
    /// Keys and values in the order of the file; no key stands twice.
    Object(Vec<Member>),
}

/// One key of an object with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Byte offset of the key's opening quote.
    pub at: usize,
    /// The key, unescaped.
    pub key: String,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value under this key, where the node is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.member(key).map(|member| &member.value)
    }

    /// The key and the value, where the node is an object that has it.
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        match &self.kind {
            Kind::Object(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    /// The text, where the node is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value without places. Numbers that fit neither 64 bits nor a finite float become texts.
    pub(crate) fn into_value(self) -> Value {
        match self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(truth) => Value::Bool(truth),
            Kind::Number(text) => text.parse::<Number>().map_or_else(|_| Value::String(text), Value::Number),
            Kind::Text(text) => Value::String(text),
            Kind::Array(values) => Value::Array(values.into_iter().map(Self::into_value).collect()),
            Kind::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|member| (member.key, member.value.into_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// As [`Node::into_value`], of a value that is read further.
    pub(crate) fn to_value(&self) -> Value {
        self.clone().into_value()
    }

    /// What stands here, for a message: the kind, and the value where it is short and may be shown.
    pub(crate) fn describe(&self, conceal: bool) -> String {
        match &self.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(truth) => truth.to_string(),
            Kind::Number(_) if conceal => "a number".to_owned(),
            Kind::Number(text) => landfall_secret::escape(text, 40),
            Kind::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Kind::Text(_) if conceal => "a text (not shown)".to_owned(),
            Kind::Text(text) => format!("`{}`", landfall_secret::escape(&without_login(text), 80)),
            Kind::Array(values) => format!("a list of {}", values.len()),
            Kind::Object(members) => match members.len() {
                1 => "an object with 1 key".to_owned(),
                count => format!("an object with {count} keys"),
            },
        }
    }
}

/// An address without what may be secret in it: user and password, query, fragment. Other texts stay as they are.
pub(crate) fn without_login(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    match authority.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(format!("{scheme}://<redacted>@{host}{path}")),
        None => Cow::Owned(format!("{scheme}://{authority}{path}")),
    }
}
