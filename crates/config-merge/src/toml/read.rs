//! TOML to a tree.

use landfall_artifacts::{FileErrors, PlacedKind, PlacedNode, placed_toml};

use crate::limits::Limits;
use crate::lines::Lines;
use crate::value::{Member, Node, Scalar, ScalarKind, Style, Value};

/// Reads a document.
pub(crate) fn read(bytes: &[u8], file: &str, limits: Limits) -> Result<Node, FileErrors> {
    let root = placed_toml(bytes, file, limits.of_document())?;
    // What was read is UTF-8.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    Ok(node(root, text, &Lines::of(file, text)))
}

fn node(placed: PlacedNode, source: &str, lines: &Lines<'_>) -> Node {
    let written = source.get(placed.start..placed.end).unwrap_or_default();
    let scalar = |kind, text: &str, style| Value::Scalar(Scalar { kind, text: text.to_owned(), style });
    let value = match placed.kind {
        PlacedKind::Null => scalar(ScalarKind::Null, "null", Style::Plain),
        PlacedKind::Bool(_) => scalar(ScalarKind::Bool, written, Style::Plain),
        PlacedKind::Number(_) => scalar(ScalarKind::Number, written, Style::Plain),
        PlacedKind::Text(text) if written.starts_with(['"', '\'']) => {
            scalar(ScalarKind::Text, &text, Style::Quoted)
        }
        PlacedKind::Text(_) => scalar(ScalarKind::Time, written, Style::Plain),
        PlacedKind::Array(items) => {
            Value::List(items.into_iter().map(|item| node(item, source, lines)).collect())
        }
        PlacedKind::Object(members) => {
            let member = |member: landfall_artifacts::PlacedMember| Member {
                key: Scalar::quoted(member.key),
                key_place: lines.place(member.at),
                value: node(member.value, source, lines),
            };
            Value::Map(members.into_iter().map(member).collect())
        }
    };
    Node { place: lines.place(placed.start), value }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::limits::Limits;
    use crate::toml::write;

    #[test]
    fn numbers_and_times_stay_as_written() {
        let text = "title = 'x'\nn = 1_000\nh = 0xFF\nf = 6.60e-34\ni = -inf\nd = 1979-05-27 07:32:00Z\nday = 1979-05-27\n\
                    flag = true\nmixed = [1, \"a\", {b = 2}]\n\n[owner.inner]\n\"a b\" = \"c\\nd\"\n\n[[item]]\nx = 1\n\n[[item]]\nx = 2\n\n[item.sub]\ny = 3\n[empty]\n";
        let root = read(text.as_bytes(), "x.toml", Limits::default()).expect("valid");
        insta::assert_snapshot!(write(&root), @r#"
        title = "x"
        n = 1_000
        h = 0xFF
        f = 6.60e-34
        i = -inf
        d = 1979-05-27 07:32:00Z
        day = 1979-05-27
        flag = true
        mixed = [1, "a", { b = 2 }]

        [owner.inner]
        "a b" = "c\nd"

        [[item]]
        x = 1

        [[item]]
        x = 2

        [item.sub]
        y = 3

        [empty]
        "#);
        let inner = root.get("owner").and_then(|owner| owner.get("inner")).and_then(|inner| inner.get("a b"));
        assert_eq!(inner.map(|node| node.place.to_string()).as_deref(), Some("x.toml:12:9"));
    }
}
