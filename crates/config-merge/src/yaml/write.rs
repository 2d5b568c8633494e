//! YAML in block style.

use crate::json;
use crate::value::{Node, Scalar, ScalarKind, Style, Value};

/// Writes a document: two spaces a level, lists below their keys indented too, texts without quotes only where they were so
/// before.
pub(crate) fn write(root: &Node) -> String {
    let mut text = String::new();
    match &root.value {
        Value::List(items) if !items.is_empty() => list(items, 0, &mut text),
        Value::Map(members) if !members.is_empty() => map(members, 0, &mut text),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
            inline(root, 0, &mut text);
            text.push('\n');
        }
    }
    text
}

fn map(members: &[crate::value::Member], level: usize, out: &mut String) {
    for member in members {
        out.push_str(&"  ".repeat(level));
        entry(member, level, out);
    }
}

/// A key and its value; the indentation stands already.
fn entry(member: &crate::value::Member, level: usize, out: &mut String) {
    out.push_str(&key(&member.key));
    out.push(':');
    match &member.value.value {
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            list(items, level + 1, out);
        }
        Value::Map(members) if !members.is_empty() => {
            out.push('\n');
            map(members, level + 1, out);
        }
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
            out.push(' ');
            inline(&member.value, level + 1, out);
            out.push('\n');
        }
    }
}

fn list(items: &[Node], level: usize, out: &mut String) {
    for item in items {
        out.push_str(&"  ".repeat(level));
        out.push('-');
        match &item.value {
            Value::List(inner) if !inner.is_empty() => {
                out.push('\n');
                list(inner, level + 1, out);
            }
            Value::Map(members) if !members.is_empty() => {
                // The first key stands behind the dash.
                for (index, member) in members.iter().enumerate() {
                    out.push_str(&if index == 0 { " ".to_owned() } else { "  ".repeat(level + 1) });
                    entry(member, level + 1, out);
                }
            }
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                out.push(' ');
                inline(item, level + 1, out);
                out.push('\n');
            }
        }
    }
}

/// A single value, or an empty list or map. `level` is that of the lines of a block.
fn inline(node: &Node, level: usize, out: &mut String) {
    match &node.value {
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
        Value::Scalar(scalar) => match block(scalar, level) {
            Some(block) => out.push_str(&block),
            None => out.push_str(&key(scalar)),
        },
    }
}

/// A text as lines of a block, where it was one and can be one again; without its last line break, which follows.
fn block(scalar: &Scalar, level: usize) -> Option<String> {
    let (chomping, lines) = match scalar.text.strip_suffix('\n') {
        Some(lines) => ("|", lines),
        None => ("|-", scalar.text.as_str()),
    };
    let fits = scalar.style == Style::Block
        && level > 0
        && !lines.is_empty()
        && !lines.ends_with('\n')
        && !lines.starts_with(['\n', ' ', '\t'])
        && lines.chars().all(|c| matches!(c, '\n' | '\t') || is_plain(c));
    if !fits {
        return None;
    }
    let indent = "  ".repeat(level);
    let lines: Vec<String> = lines
        .split('\n')
        .map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") })
        .collect();
    Some(format!("{chomping}\n{}", lines.join("\n")))
}

/// A single value on one line.
fn key(scalar: &Scalar) -> String {
    match scalar.kind {
        // Nothing at all would be well too, but is easily overlooked.
        ScalarKind::Null if scalar.text.is_empty() => "null".to_owned(),
        ScalarKind::Null | ScalarKind::Bool | ScalarKind::Number => scalar.text.clone(),
        ScalarKind::Text | ScalarKind::Time => {
            if scalar.style == Style::Plain && stays_plain(&scalar.text) {
                scalar.text.clone()
            } else {
                quoted(&scalar.text)
            }
        }
    }
}

/// Whether a text that was plain is read as the same text again wherever it stands in a block (YAML 1.2.2, 7.3.3).
fn stays_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    let first_fits = match first {
        None => false,
        Some('-' | '?' | ':') => characters.next().is_some_and(|c| c != ' '),
        Some(c) => !",[]{}#&*!|>'\"%@`".contains(c),
    };
    first_fits
        && text.chars().all(is_plain)
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && text != "<<"
}

/// Whether a character may stand without escape everywhere, for readers of all versions of YAML.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let json = json::quoted(text);
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if is_plain(character) {
            out.push(character);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::write;
    use crate::format::Purpose;
    use crate::limits::Limits;
    use crate::value::samples::document;
    use crate::value::{Node, Style, Value};
    use crate::yaml::read;

    /// The same tree, its texts in another style.
    fn styled(mut node: Node, style: Style) -> Node {
        match &mut node.value {
            Value::Scalar(scalar) if scalar.style == Style::Quoted => scalar.style = style,
            Value::Scalar(_) => {}
            Value::List(items) => {
                *items = std::mem::take(items).into_iter().map(|item| styled(item, style)).collect();
            }
            Value::Map(members) => {
                for member in members {
                    let place = member.value.place.clone();
                    let value =
                        std::mem::replace(&mut member.value, Node { place, value: Value::List(Vec::new()) });
                    member.value = styled(value, style);
                }
            }
        }
        node
    }

    fn again(text: &str) -> Node {
        let documents = read(text.as_bytes(), "x", Purpose::Merge, Limits::default()).expect(text);
        documents.into_iter().next().expect("a document")
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(root in document(true), block in any::<bool>()) {
            let root = if block { styled(root, Style::Block) } else { root };
            let text = write(&root);
            let read = again(&text);
            prop_assert!(read.says_the_same(&root), "{}", text);
            prop_assert_eq!(write(&read), text);
        }

        /// Whatever was read is written so that it is read as the same, with the same bytes the second time.
        #[test]
        fn writing_settles(pieces in prop::collection::vec(prop::sample::select(vec![
            "a", "b", ": ", "- ", "\n", "  ", "'", "\"", "|\n", ">-\n", "#", "yes", "1", "~", "&x ", "*x", "<<", "[", "]", "{", "}", ",", "? ", "é",
        ]), 0..16)) {
            let text = pieces.concat();
            if let Ok(documents) = read(text.as_bytes(), "x", Purpose::Merge, Limits::default()) {
                for root in documents {
                    let once = write(&root);
                    let read = again(&once);
                    prop_assert!(read.says_the_same(&root), "{:?} became {:?}", text, once);
                    prop_assert_eq!(write(&read), once);
                }
            }
        }
    }
}
