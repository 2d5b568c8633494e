//! A tree to TOML.

use toml_writer::{ToTomlKey as _, ToTomlValue as _, TomlKeyBuilder, TomlStringBuilder};

use crate::value::{Member, Node, ScalarKind, Value};

/// Writes a document: of each table the plain keys first, then its tables, each group in its order.
pub(crate) fn write(root: &Node) -> String {
    let mut out = String::new();
    if let Value::Map(members) = &root.value {
        table(members, &[], &mut out);
    }
    out
}

fn table(members: &[Member], path: &[&str], out: &mut String) {
    for member in members.iter().filter(|member| !is_table(&member.value)) {
        out.push_str(&key(&member.key.text));
        out.push_str(" = ");
        inline(&member.value, out);
        out.push('\n');
    }
    for member in members {
        let path: Vec<&str> = path.iter().copied().chain([member.key.text.as_str()]).collect();
        match &member.value.value {
            Value::Map(inner) => {
                // A table of tables alone needs no header, unless it would not be there without one.
                if inner.is_empty() || inner.iter().any(|member| !is_table(&member.value)) {
                    header("[", &path, "]", out);
                }
                table(inner, &path, out);
            }
            Value::List(items) if is_table(&member.value) => {
                for item in items {
                    header("[[", &path, "]]", out);
                    if let Value::Map(inner) = &item.value {
                        table(inner, &path, out);
                    }
                }
            }
            Value::Scalar(_) | Value::List(_) => {}
        }
    }
}

/// Whether a value is written below headers: a map, or a list of maps.
fn is_table(node: &Node) -> bool {
    match &node.value {
        Value::Map(_) => true,
        Value::List(items) => {
            !items.is_empty() && items.iter().all(|item| matches!(item.value, Value::Map(_)))
        }
        Value::Scalar(_) => false,
    }
}

fn header(before: &str, path: &[&str], after: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    let steps: Vec<String> = path.iter().map(|step| key(step)).collect();
    out.push_str(&format!("{before}{}{after}\n", steps.join(".")));
}

fn key(text: &str) -> String {
    TomlKeyBuilder::new(text).as_default().to_toml_key()
}

/// A value on one line.
fn inline(node: &Node, out: &mut String) {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => {
            out.push_str(&TomlStringBuilder::new(&scalar.text).as_basic().to_toml_value());
        }
        Value::Scalar(scalar) => out.push_str(&scalar.text),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                inline(item, out);
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (index, member) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                out.push_str(&format!("{} = ", key(&member.key.text)));
                inline(&member.value, out);
            }
            out.push_str(if members.is_empty() { "}" } else { " }" });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::write;
    use crate::limits::Limits;
    use crate::toml::read;
    use crate::value::samples::document;
    use crate::value::{Node, Value};

    /// Whether both say the same where the order of keys says nothing.
    fn alike(a: &Node, b: &Node) -> bool {
        match (&a.value, &b.value) {
            (Value::Map(x), Value::Map(y)) => {
                x.len() == y.len()
                    && x.iter().all(|m| b.get(&m.key.text).is_some_and(|other| alike(&m.value, other)))
            }
            (Value::List(x), Value::List(y)) => {
                x.len() == y.len() && x.iter().zip(y).all(|(a, b)| alike(a, b))
            }
            _ => a.says_the_same(b),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(root in document(false)) {
            // A number of TOML is not as large as one of JSON may be.
            let text = write(&root);
            let again = read(text.as_bytes(), "x", Limits::default());
            prop_assert!(again.is_ok(), "{} {:?}", text, again);
            let again = again.expect("valid");
            prop_assert!(alike(&again, &root), "{}", text);
            prop_assert_eq!(write(&again), text);
        }
    }
}
