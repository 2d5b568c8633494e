//! A marked section in a document that people write in too.
//!
//! Two lines of the document's top level are ours: a heading that begins the section and a paragraph that ends it. What
//! stands between them is replaced; every other node stays the JSON value that it is, in its order.

use serde_json::{Map, Value, json};

use crate::adf::{Doc, MOST_BYTES, document, size};

/// The text of the heading that begins the section.
const BEGIN: &str = "Deploy, verify, roll back (kept by Landfall)";

/// The text of the paragraph that ends it.
const END: &str = "End of the section kept by Landfall. Text outside of it is left alone.";

/// Room that instructions have in a description of ours: the two together leave some for people.
pub(crate) const SECTION: usize = 12_000;

/// Room that instructions have in a field of their own.
pub(crate) const FIELD: usize = MOST_BYTES - 1_500;

/// Room that the section gets also where people have filled the field: Jira decides then.
const LEAST_ROOM: usize = 4_000;

/// Nesting that is looked into for text.
const MOST_DEPTH: usize = 32;

/// What merging gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Merged {
    /// The section stands there as it should.
    Unchanged,
    /// The document to write.
    Changed(Value),
}

/// Puts the section into a document, or into an empty field.
///
/// # Errors
/// What is wrong with the marks, or with the document. Nothing is guessed: a person's text could be lost.
pub(crate) fn merge(existing: Option<&Value>, section: &Doc) -> Result<Merged, &'static str> {
    let nothing = Vec::new();
    let (whole, nodes) = match existing {
        None | Some(Value::Null) => (None, &nothing),
        Some(document) if document.get("type").and_then(Value::as_str) == Some("doc") => {
            match document.get("content") {
                None => (Some(document), &nothing),
                Some(Value::Array(nodes)) => (Some(document), nodes),
                Some(_) => return Err("the field holds a document without a list of blocks"),
            }
        }
        Some(_) => return Err("the field does not hold a document"),
    };
    let places = |text: &str| -> Vec<usize> {
        let marked = nodes.iter().enumerate().filter(|(_, node)| plain_text(node).trim() == text);
        marked.map(|(at, _)| at).collect()
    };
    let (before, after) = match (places(BEGIN).as_slice(), places(END).as_slice()) {
        ([], []) => (nodes.as_slice(), [].as_slice()),
        ([begin], [end]) if begin < end => {
            (nodes.get(..*begin).unwrap_or_default(), nodes.get(end + 1..).unwrap_or_default())
        }
        ([_], [_]) => return Err("the section ends before it begins"),
        ([], _) => return Err("the line that begins the section is missing"),
        (_, []) => return Err("the line that ends the section is missing"),
        (_, _) => return Err("the section is there more than once"),
    };
    let taken: usize = before.iter().chain(after).map(|node| size(node) + 1).sum();
    let ours = marked(section, MOST_BYTES.saturating_sub(taken).max(LEAST_ROOM));
    let merged: Vec<Value> = before.iter().cloned().chain(ours).chain(after.iter().cloned()).collect();
    if merged.len() == nodes.len()
        && merged.iter().zip(nodes).all(|(one, other)| bare(one, 0) == bare(other, 0))
    {
        return Ok(Merged::Unchanged);
    }
    let mut changed = whole.cloned().unwrap_or_else(|| document(Vec::new()));
    if let Some(map) = changed.as_object_mut() {
        map.insert("content".to_owned(), Value::Array(merged));
    }
    Ok(Merged::Changed(changed))
}

fn marked(section: &Doc, most: usize) -> Vec<Value> {
    let line = |text: &str, marks: Value| json!({ "type": "text", "text": text, "marks": marks });
    let begin =
        json!({ "type": "heading", "attrs": { "level": 2 }, "content": [{ "type": "text", "text": BEGIN }] });
    let end = json!({ "type": "paragraph", "content": [line(END, json!([{ "type": "em" }]))] });
    let room = most.saturating_sub(size(&begin) + size(&end) + 100);
    std::iter::once(begin).chain(section.to_nodes(room)).chain(std::iter::once(end)).collect()
}

/// All text in a node and below it.
pub(crate) fn plain_text(node: &Value) -> String {
    fn collect(node: &Value, depth: usize, text: &mut String) {
        if let Some(piece) = node.get("text").and_then(Value::as_str) {
            text.push_str(piece);
        }
        if let Some(children) = node.get("content").and_then(Value::as_array).filter(|_| depth < MOST_DEPTH) {
            for child in children {
                collect(child, depth + 1, text);
            }
        }
    }
    let mut text = String::new();
    collect(node, 0, &mut text);
    text
}

/// A node without what Jira adds when it stores one (ids, layout, spans of one), for comparing only.
fn bare(node: &Value, depth: usize) -> Value {
    let Some(map) = node.as_object().filter(|_| depth < MOST_DEPTH) else { return node.clone() };
    let mut kept = Map::new();
    for key in ["type", "text"] {
        if let Some(value) = map.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(attrs) = map.get("attrs") {
        for key in ["level", "language", "href", "url", "order", "panelType"] {
            if let Some(value) = attrs.get(key).filter(|value| key != "order" || value.as_u64() != Some(1)) {
                kept.insert(format!("attrs.{key}"), value.clone());
            }
        }
    }
    for key in ["content", "marks"] {
        if let Some(children) = map.get(key).and_then(Value::as_array).filter(|children| !children.is_empty())
        {
            let children = children.iter().map(|child| bare(child, depth + 1)).collect();
            kept.insert(key.to_owned(), Value::Array(children));
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Merged, merge};
    use crate::adf::{Block, Doc, Inline, MOST_BYTES, size};

    fn section(text: &str) -> Doc {
        Doc::new(vec![
            Block::Paragraph(vec![Inline::Text(text.to_owned())]),
            Block::Table {
                head: vec![vec![Inline::Text("a".into())]],
                rows: vec![vec![vec![Inline::Text("b".into())]]],
            },
        ])
    }

    fn changed(existing: Option<&Value>, doc: &Doc) -> Value {
        match merge(existing, doc).expect("merged") {
            Merged::Changed(value) => value,
            Merged::Unchanged => panic!("nothing to change"),
        }
    }

    fn by_hand() -> Vec<Value> {
        // Nodes that we never make, with attributes that we do not know.
        vec![
            json!({ "type": "panel", "attrs": { "panelType": "warning", "x": 1.25 }, "content": [
                { "type": "paragraph", "content": [{ "type": "mention", "attrs": { "id": "5b10", "text": "@Mia" } }] }] }),
            json!({ "type": "paragraph", "attrs": { "localId": "abc" }, "content": [{ "type": "text", "text": "by hand" }] }),
        ]
    }

    #[test]
    fn what_people_wrote_stays_as_it_is() {
        let [first, second] = [by_hand()[0].clone(), by_hand()[1].clone()];
        let existing = json!({ "type": "doc", "version": 1, "content": [first] });
        let mut once = changed(Some(&existing), &section("one"));
        assert_eq!(once["content"][0], first);
        once["content"].as_array_mut().expect("nodes").push(second.clone());
        let twice = changed(Some(&once), &section("two"));
        let nodes = twice["content"].as_array().expect("nodes");
        assert_eq!((nodes.first(), nodes.last()), (Some(&first), Some(&second)));
        assert!(twice.to_string().contains("two") && !twice.to_string().contains("one\""));
        assert_eq!(nodes.len(), 6);
    }

    #[test]
    fn what_jira_adds_does_not_make_a_change() {
        let mut stored = changed(None, &section("one"));
        stored["content"][0]["attrs"]["localId"] = "f3a1".into();
        stored["content"][2]["attrs"]["width"] = 760.into();
        stored["content"][2]["content"][0]["content"][0]["attrs"] = json!({ "colspan": 1, "rowspan": 1 });
        assert_eq!(merge(Some(&stored), &section("one")), Ok(Merged::Unchanged));
        assert!(matches!(merge(Some(&stored), &section("two")), Ok(Merged::Changed(_))));
        stored["content"][0]["attrs"]["level"] = 1.into();
        assert!(
            matches!(merge(Some(&stored), &section("one")), Ok(Merged::Changed(_))),
            "a heading of ours was changed"
        );
    }

    #[test]
    fn damaged_marks_are_refused() {
        let whole = changed(None, &section("one"));
        let nodes = whole["content"].as_array().expect("nodes").clone();
        let (begin, end) = (nodes[0].clone(), nodes[nodes.len() - 1].clone());
        for (content, what) in [
            (vec![begin.clone()], "the line that ends the section is missing"),
            (vec![end.clone()], "the line that begins the section is missing"),
            (vec![end.clone(), begin.clone()], "the section ends before it begins"),
            (vec![begin.clone(), end.clone(), begin, end], "the section is there more than once"),
        ] {
            let document = json!({ "type": "doc", "version": 1, "content": content });
            assert_eq!(merge(Some(&document), &section("two")), Err(what));
        }
        assert_eq!(merge(Some(&json!("text")), &section("x")), Err("the field does not hold a document"));
        assert!(merge(Some(&json!({ "type": "doc", "content": 1 })), &section("x")).is_err());
        assert!(matches!(merge(Some(&Value::Null), &section("x")), Ok(Merged::Changed(_))));
    }

    #[test]
    fn the_section_shrinks_where_people_wrote_much() {
        let long: Vec<Value> = (0..200)
            .map(|n| json!({ "type": "paragraph", "content": [{ "type": "text", "text": format!("{n} {}", "x".repeat(60)) }] }))
            .collect();
        let existing = json!({ "type": "doc", "version": 1, "content": long });
        let doc =
            Doc::new((0..400).map(|n| Block::Paragraph(vec![Inline::Text(format!("step {n}"))])).collect());
        let merged = changed(Some(&existing), &doc);
        assert!(size(&merged) <= MOST_BYTES + 200, "{}", size(&merged));
        assert!(merged.to_string().contains("the rest is left out"));
        assert_eq!(merged["content"].as_array().expect("nodes")[..200], long[..]);
    }
}
