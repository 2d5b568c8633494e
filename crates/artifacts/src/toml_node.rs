//! TOML as the same tree that JSON is read to, so that both have one kind of message.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use crate::file_error::Problems;
use crate::json::{Kind, Limits, Member, Node, escape_step};

/// The most levels that keys with dots and brackets may open at a place, so that nothing nests deeper than the parser can
/// take apart again.
const MAX_OPEN: usize = 128;

/// Keys that stand twice for which the first is looked for: each costs a reading of the whole.
const MOST_FIRSTS: usize = 20;

/// The document, or nothing where it is no TOML. Keys that stand twice are problems.
pub(crate) fn toml_node(text: &str, limits: Limits, problems: &mut Problems<'_>) -> Option<Node> {
    if let Some(at) = too_deep(text) {
        let expected = format!("at most {MAX_OPEN} levels of keys and brackets");
        problems.add_at(at, String::new(), "a deeper one", expected);
        return None;
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for (count, error) in errors.iter().enumerate() {
        let span = error.span().unwrap_or_default();
        let first = if error.message().starts_with("duplicate key") && count < MOST_FIRSTS {
            first_of(text, span.start, span.end)
        } else {
            None
        };
        if let Some((first, pointer)) = first {
            problems.add_duplicate(span.start, first, pointer);
        } else {
            let said = format!("no TOML: {}", landfall_secret::escape(error.message(), 200));
            problems.add_at(span.start, String::new(), said, "TOML 1.0");
        }
    }
    if !errors.is_empty() {
        return None;
    }
    let span = document.span();
    let mut reader = Reader { limits, values: 0, problems };
    let kind = reader.table(document.get_ref(), 0)?;
    Some(Node { start: span.start, end: span.end, kind })
}

/// Where keys with dots and brackets open too many levels.
fn too_deep(text: &str) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let (mut outer, mut key) = (0, 0);
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => key += 1,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                open.push(key + 1);
                outer += key + 1;
                key = 0;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                outer -= open.pop().unwrap_or_default();
                key = 0;
            }
            TokenKind::Comma => key = 0,
            // Within brackets a value may stand on the line after its key.
            TokenKind::Newline if open.is_empty() => key = 0,
            _ => {}
        }
        if outer + key > MAX_OPEN {
            return Some(token.span().start());
        }
    }
    None
}

/// Where the first of two equal keys stands whose second is at this place, and the pointer to it. The second is read under
/// another name, beside which the first then stands.
fn first_of(text: &str, start: usize, end: usize) -> Option<(usize, String)> {
    const OTHER: &str = "the-second-of-two-equal-keys";
    let alone = format!("{} = 0", text.get(start..end)?);
    let key = DeTable::parse(&alone).ok()?.get_ref().iter().next()?.0.get_ref().to_string();
    let changed = format!("{}{OTHER}{}", text.get(..start)?, text.get(end..)?);
    let (document, _) = DeTable::parse_recoverable(&changed);
    let (first, pointer) = beside(document.get_ref(), OTHER, &key, String::new())?;
    (first < start).then_some((first, pointer))
}

fn beside(table: &DeTable<'_>, other: &str, key: &str, above: String) -> Option<(usize, String)> {
    if table.iter().any(|(name, _)| name.get_ref() == other)
        && let Some((first, _)) = table.iter().find(|(name, _)| name.get_ref() == key)
    {
        return Some((first.span().start, format!("{above}/{}", escape_step(key))));
    }
    table.iter().find_map(|(name, value)| {
        beside_in(value.get_ref(), other, key, format!("{above}/{}", escape_step(name.get_ref())))
    })
}

fn beside_in(value: &DeValue<'_>, other: &str, key: &str, at: String) -> Option<(usize, String)> {
    match value {
        DeValue::Table(inner) => beside(inner, other, key, at),
        DeValue::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| beside_in(item.get_ref(), other, key, format!("{at}/{index}"))),
        _ => None,
    }
}

struct Reader<'r, 't> {
    limits: Limits,
    values: usize,
    problems: &'r mut Problems<'t>,
}

impl Reader<'_, '_> {
    fn table(&mut self, table: &DeTable<'_>, depth: usize) -> Option<Kind> {
        let mut members = Vec::new();
        for (key, value) in table {
            members.push(Member {
                at: key.span().start,
                key: key.get_ref().to_string(),
                value: self.node(value, depth)?,
            });
        }
        members.sort_by_key(|member| member.at);
        Some(Kind::Object(members))
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Option<Node> {
        let span = value.span();
        self.values += 1;
        if depth >= self.limits.max_depth {
            let expected = format!("at most {} levels of tables", self.limits.max_depth);
            self.problems.add_at(span.start, String::new(), "a deeper one", expected);
            return None;
        }
        if self.values > self.limits.max_values {
            let expected = format!("at most {} values", self.limits.max_values);
            self.problems.add_at(span.start, String::new(), "one more", expected);
            return None;
        }
        let kind = match value.get_ref() {
            DeValue::String(text) => Kind::Text(text.to_string()),
            DeValue::Integer(number) => Kind::Number(number.to_string()),
            DeValue::Float(number) => Kind::Number(number.to_string()),
            DeValue::Boolean(truth) => Kind::Bool(*truth),
            DeValue::Datetime(time) => Kind::Text(time.to_string()),
            DeValue::Array(values) => {
                Kind::Array(values.iter().map(|value| self.node(value, depth + 1)).collect::<Option<_>>()?)
            }
            DeValue::Table(inner) => self.table(inner, depth + 1)?,
        };
        Some(Node { start: span.start, end: span.end, kind })
    }
}
