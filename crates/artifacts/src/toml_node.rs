//! TOML as the same tree that JSON is read to, so that both have one kind of message.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file_error::Problems;
use crate::json::{Kind, Member, Node};

/// The most levels of tables and lists.
const MAX_DEPTH: usize = 16;

/// The most dots in a line, so that no key nests deeper than the parser can take apart again.
const MAX_DOTS: usize = 200;

/// The document, or nothing where it is no TOML. Keys that stand twice are problems.
pub(crate) fn toml_node(text: &str, problems: &mut Problems<'_>) -> Option<Node> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.bytes().filter(|b| *b == b'.').count() > MAX_DOTS {
            problems.add_at(
                offset,
                String::new(),
                "a line of many dots",
                format!("at most {MAX_DOTS} dots in a line"),
            );
            return None;
        }
        offset += line.len();
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        let said = format!("no TOML: {}", landfall_secret::escape(error.message(), 200));
        problems.add_at(at, String::new(), said, "TOML 1.0");
    }
    if !errors.is_empty() {
        return None;
    }
    let span = document.span();
    let kind = table(document.get_ref(), 0, problems)?;
    Some(Node { start: span.start, end: span.end, kind })
}

fn table(table: &DeTable<'_>, depth: usize, problems: &mut Problems<'_>) -> Option<Kind> {
    let mut members = Vec::new();
    for (key, value) in table {
        members.push(Member {
            at: key.span().start,
            key: key.get_ref().to_string(),
            value: node(value, depth, problems)?,
        });
    }
    members.sort_by_key(|member| member.at);
    Some(Kind::Object(members))
}

fn node(value: &Spanned<DeValue<'_>>, depth: usize, problems: &mut Problems<'_>) -> Option<Node> {
    let span = value.span();
    if depth >= MAX_DEPTH {
        problems.add_at(
            span.start,
            String::new(),
            "a deeper one",
            format!("at most {MAX_DEPTH} levels of tables"),
        );
        return None;
    }
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Text(text.to_string()),
        DeValue::Integer(number) => Kind::Number(number.to_string()),
        DeValue::Float(number) => Kind::Number(number.to_string()),
        DeValue::Boolean(truth) => Kind::Bool(*truth),
        DeValue::Datetime(time) => Kind::Text(time.to_string()),
        DeValue::Array(values) => {
            Kind::Array(values.iter().map(|value| node(value, depth + 1, problems)).collect::<Option<_>>()?)
        }
        DeValue::Table(inner) => table(inner, depth + 1, problems)?,
    };
    Some(Node { start: span.start, end: span.end, kind })
}
