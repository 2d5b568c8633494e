//! Documents of other people's formats, with the place of everything in them.

use crate::file_error::{FileErrors, Problems};
use crate::json::{Limits, Node, parse};
use crate::toml_node::toml_node;

/// Reads one JSON value strictly, as [`strict_value`](crate::strict_value) does, and keeps the place of every part. No
/// message shows a value.
///
/// # Errors
/// [`FileErrors`] where the bytes are no JSON, a key stands twice (with both places), or a limit is passed.
pub fn placed_json(bytes: &[u8], name: &str, limits: Limits) -> Result<Node, FileErrors> {
    let parsed = parse(bytes, name, limits, true);
    parsed.problems.finish(parsed.root)
}

/// Reads a TOML document as the same kind of tree: a time is a text without quotes, and numbers lose how they were written;
/// the bytes from start to end of a value have both.
///
/// # Errors
/// [`FileErrors`] where the bytes are no TOML 1.1, a key stands twice (with both places), or a limit is passed.
pub fn placed_toml(bytes: &[u8], name: &str, limits: Limits) -> Result<Node, FileErrors> {
    let mut whole = Problems::new(name, "", true);
    if bytes.len() > limits.max_bytes {
        whole.add_whole(format!("{} bytes", bytes.len()), format!("at most {} bytes", limits.max_bytes));
        return whole.finish(None);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(cause) => {
            let found = format!("a byte that is not UTF-8 at offset {}", cause.valid_up_to());
            whole.add_whole(found, "UTF-8 text");
            return whole.finish(None);
        }
    };
    let mut problems = Problems::new(name, text, true);
    let root = toml_node(text, limits, &mut problems);
    problems.finish(root)
}

#[cfg(test)]
mod tests {
    use super::{placed_json, placed_toml};
    use crate::Limits;

    fn refusal(text: &str, limits: Limits) -> String {
        placed_toml(text.as_bytes(), "x.toml", limits).expect_err("refused").to_string()
    }

    #[test]
    fn values_have_their_bytes() {
        let text = "a = 0x_1F\n[b]\nat = 2020-01-02T03:04:05Z\n".replace("0x_", "0x");
        let root = placed_toml(text.as_bytes(), "x.toml", Limits::default()).expect("valid");
        let at = root.get("b").and_then(|table| table.get("at")).expect("a time");
        assert_eq!(text.get(at.start..at.end), Some("2020-01-02T03:04:05Z"));
        let number = root.get("a").expect("a number");
        assert_eq!(text.get(number.start..number.end), Some("0x1F"));
        let json = placed_json(b"{\"a\": 1.50}", "x.json", Limits::default()).expect("valid");
        assert_eq!(json.get("a").map(|node| (node.start, node.end)), Some((6, 10)));
    }

    #[test]
    fn duplicate_keys_are_named_with_both_places() {
        let text = "a = 1\n\"a\" = 2\n[t]\nb.c = 1\nb.c = 2\n[t]\nd = 1\n[u]\nx = { y = 1, y = 2 }\n";
        insta::assert_snapshot!(refusal(text, Limits::default()), @r"
        4 problems in x.toml
          /a at 2:1: found the same key a second time, expected one such key; the first stands at 1:1
          /t/b/c at 5:3: found the same key a second time, expected one such key; the first stands at 4:3
          /t at 6:2: found the same key a second time, expected one such key; the first stands at 3:2
          /u/x/y at 9:14: found the same key a second time, expected one such key; the first stands at 9:7
        ");
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let limits = Limits { max_bytes: 40, max_depth: 3, max_values: 4 };
        assert!(placed_toml(b"a.b.c = 1", "x", limits).is_ok());
        assert!(placed_toml(b"a.b.c.d = 1", "x", limits).is_err());
        assert!(placed_toml(b"a = [[[1]]]", "x", limits).is_err());
        assert!(placed_toml(b"a = [1, 2, 3]", "x", limits).is_ok());
        assert!(placed_toml(b"a = [1, 2, 3, 4]", "x", limits).is_err());
        assert!(placed_toml(&[b' '; 40], "x", limits).is_ok());
        assert!(placed_toml(&[b' '; 41], "x", limits).is_err());
        assert!(placed_toml(b"a = \"\xff\"", "x", limits).is_err());
    }

    #[test]
    fn keys_of_many_dots_are_refused_before_they_nest() {
        let deep = format!("{} = 1", vec!["a"; 100_000].join("."));
        assert!(refusal(&deep, Limits::default()).contains("levels"));
        let quoted = format!("{} = 1", vec!["\",\""; 100_000].join("."));
        assert!(refusal(&quoted, Limits::default()).contains("levels"));
        let inline = format!("a = {}", "{a.a.a.a.a.a.a.a.a.a.a.a=\n".repeat(1000));
        assert!(refusal(&inline, Limits::default()).contains("levels"));
        // Dots of texts and numbers are no levels.
        let addresses = format!("a = [{}]", vec!["\"10.0.0.1\", 1.5"; 500].join(", "));
        assert!(placed_toml(addresses.as_bytes(), "x", Limits::default()).is_ok());
    }
}
