//! Documents of configuration: what is read is written so that it is read as the same; laid over itself it says the same.
//! The first byte chooses the format.
#![no_main]

use landfall_config_merge::{
    Format, Limits, MergeOptions, Node, Purpose, Value, merge, read, read_all, suspects_of_document, write,
};
use landfall_fuzz::{fuzz_target, shown};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let format = match choice % 3 {
        0 => Format::Json,
        1 => Format::Yaml,
        _ => Format::Toml,
    };
    let limits = Limits { document_bytes: 1 << 16, values: 10_000, ..Limits::default() };
    let again = |text: &str| {
        let read = read(text.as_bytes(), "the input", format, Purpose::Merge, limits);
        read.unwrap_or_else(|errors| panic!("{text:?} was written: {}", shown(&errors)))
    };
    let root = match read(bytes, "the input", format, Purpose::Merge, limits) {
        Ok(Some(root)) => root,
        Ok(None) => return,
        Err(errors) => {
            shown(&errors);
            if let Err(errors) = read_all(bytes, "the input", format, Purpose::Check, limits) {
                shown(&errors);
            }
            return;
        }
    };
    assert!(read_all(bytes, "the input", format, Purpose::Check, limits).is_ok_and(|all| all.len() == 1));
    let text = write(&root, format);
    // Escapes and indentation make a text longer than the limit of this target.
    if text.len() <= limits.document_bytes {
        let second = again(&text).expect("a document");
        assert!(is_same(&second, &root), "{text:?}");
        assert_eq!(write(&second, format), text, "the second time the bytes are the same");
    }
    suspects_of_document(&root);
    let merged = merge(root.clone(), vec![("o".to_owned(), root.clone())], &MergeOptions::default());
    if merged.errors.is_empty() && !has_null(&root) {
        assert!(merged.root.says_the_same(&root));
    }
});

/// Whether both say the same where the order of keys says nothing: TOML has plain keys before tables.
fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Map(members), Value::Map(others)) => {
            members.len() == others.len()
                && members
                    .iter()
                    .all(|m| other.get(&m.key.text).is_some_and(|value| is_same(&m.value, value)))
        }
        (Value::List(items), Value::List(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(a, b)| is_same(a, b))
        }
        _ => one.says_the_same(other),
    }
}

fn has_null(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(_) => node.is_null(),
        Value::List(_) => false,
        Value::Map(members) => members.iter().any(|member| has_null(&member.value)),
    }
}
