//! JSON.

use landfall_artifacts::{FileErrors, PlacedKind, PlacedNode, placed_json};

use crate::limits::Limits;
use crate::lines::Lines;
use crate::value::{Member, Node, Scalar, ScalarKind, Style, Value};

/// Reads a document.
pub(crate) fn read(bytes: &[u8], file: &str, limits: Limits) -> Result<Node, FileErrors> {
    let root = placed_json(bytes, file, limits.of_document())?;
    // What was read is UTF-8.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    Ok(node(root, &Lines::of(file, text)))
}

fn node(placed: PlacedNode, lines: &Lines<'_>) -> Node {
    let scalar = |kind, text: String, style| Value::Scalar(Scalar { kind, text, style });
    let value = match placed.kind {
        PlacedKind::Null => scalar(ScalarKind::Null, "null".to_owned(), Style::Plain),
        PlacedKind::Bool(truth) => scalar(ScalarKind::Bool, truth.to_string(), Style::Plain),
        PlacedKind::Number(text) => scalar(ScalarKind::Number, text, Style::Plain),
        PlacedKind::Text(text) => scalar(ScalarKind::Text, text, Style::Quoted),
        PlacedKind::Array(items) => Value::List(items.into_iter().map(|item| node(item, lines)).collect()),
        PlacedKind::Object(members) => {
            let member = |member: landfall_artifacts::PlacedMember| Member {
                key: Scalar::quoted(member.key),
                key_place: lines.place(member.at),
                value: node(member.value, lines),
            };
            Value::Map(members.into_iter().map(member).collect())
        }
    };
    Node { place: lines.place(placed.start), value }
}

/// Writes a document with two spaces a level and a line break at its end.
pub(crate) fn write(root: &Node) -> String {
    let mut text = String::new();
    value(root, 0, &mut text);
    text.push('\n');
    text
}

fn value(node: &Node, level: usize, out: &mut String) {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => out.push_str(&quoted(&scalar.text)),
        Value::Scalar(scalar) => out.push_str(&scalar.text),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::Map(members) if members.is_empty() => out.push_str("{}"),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(index, level + 1, out);
                value(item, level + 1, out);
            }
            line(0, level, out);
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (index, member) in members.iter().enumerate() {
                line(index, level + 1, out);
                out.push_str(&quoted(&member.key.text));
                out.push_str(": ");
                value(&member.value, level + 1, out);
            }
            line(0, level, out);
            out.push('}');
        }
    }
}

fn line(index: usize, level: usize, out: &mut String) {
    out.push_str(if index > 0 { ",\n" } else { "\n" });
    out.push_str(&"  ".repeat(level));
}

/// A text in double quotes, as JSON and YAML both read it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{read, write};
    use crate::limits::Limits;
    use crate::value::samples::document;

    #[test]
    fn numbers_and_order_stay_as_written() {
        let text =
            "{\"b\":1.50,\"a\":[1e400,-0,123456789012345678901234567890,{}],\"é\":\"\\u00e9\\n\",\"n\":null}";
        let root = read(text.as_bytes(), "x.json", Limits::default()).expect("valid");
        insta::assert_snapshot!(write(&root), @r#"
        {
          "b": 1.50,
          "a": [
            1e400,
            -0,
            123456789012345678901234567890,
            {}
          ],
          "é": "é\n",
          "n": null
        }
        "#);
        assert_eq!(root.get("a").map(|node| node.place.to_string()).as_deref(), Some("x.json:1:15"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(root in document(true)) {
            let text = write(&root);
            let again = read(text.as_bytes(), "x", Limits::default()).expect("valid");
            prop_assert!(again.says_the_same(&root), "{}", text);
            prop_assert_eq!(write(&again), text);
        }
    }
}
