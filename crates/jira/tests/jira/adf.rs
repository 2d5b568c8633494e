//! No input gives a document that Jira would refuse.

use landfall_jira::adf::{Block, Doc, Inline, MOST_BYTES};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::Specs;

fn inline() -> impl Strategy<Value = Inline> {
    let text = prop_oneof![any::<String>(), "[\\x00-\\x20\u{202a}-\u{202e}]{0,6}", Just(String::new())];
    let href =
        prop_oneof![any::<String>(), "https?://[a-z]{1,8}\\.example/[ -~]{0,20}", "javascript:[a-z]{1,5}"];
    prop_oneof![
        text.clone().prop_map(Inline::Text),
        text.clone().prop_map(Inline::Strong),
        text.clone().prop_map(Inline::Code),
        (text, href).prop_map(|(text, href)| Inline::Link { text, href }),
        Just(Inline::Break),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    let line = || prop::collection::vec(inline(), 0..4);
    prop_oneof![
        line().prop_map(Block::Paragraph),
        (any::<u8>(), line()).prop_map(|(level, line)| Block::Heading(level, line)),
        (
            prop::collection::vec(line(), 0..4),
            prop::collection::vec(prop::collection::vec(line(), 0..5), 0..4)
        )
            .prop_map(|(head, rows)| Block::Table { head, rows }),
        prop::collection::vec(line(), 0..4).prop_map(Block::Bullets),
        prop::collection::vec(line(), 0..4).prop_map(Block::Numbers),
        any::<String>().prop_map(|text| Block::Code { language: "json", text }),
        Just(Block::Rule),
    ]
}

fn each_text(node: &Value, check: &impl Fn(&str)) {
    if let Some(text) = node.get("text") {
        check(text.as_str().expect("a text"));
    }
    for child in node.get("content").and_then(Value::as_array).into_iter().flatten() {
        each_text(child, check);
    }
}

#[test]
fn every_document_is_valid() {
    let specs = Specs::load();
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 200, ..ProptestConfig::default() });
    let blocks = prop::collection::vec(block(), 0..6);
    runner
        .run(&blocks, |blocks| {
            let document = Doc::new(blocks).to_value();
            prop_assert!(document.to_string().len() <= MOST_BYTES);
            each_text(&document, &|text| {
                assert!(!text.is_empty(), "{document}");
                let hostile =
                    |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
                assert!(!text.chars().any(hostile), "{document}");
            });
            assert!(!document.to_string().contains("\"href\":\"javascript"));
            if let Some(specs) = &specs {
                specs.check_adf(&document);
            }
            Ok(())
        })
        .expect("valid");
}

#[test]
fn what_is_too_long_is_cut_and_still_valid() {
    let specs = Specs::load();
    for blocks in [
        vec![Block::Paragraph(vec![Inline::Text("é\"\\".repeat(40_000))])],
        (0..3_000).map(|_| Block::Paragraph(vec![Inline::Text("line".into())])).collect(),
        vec![Block::Code { language: "json", text: "\"x\"\n".repeat(100_000) }],
        vec![Block::Bullets(vec![vec![Inline::Text("x".repeat(900))]; 100])],
        (0..20).map(|_| Block::Code { language: "bash", text: "y".repeat(3_900) }).collect(),
    ] {
        let document = Doc::new(blocks).to_value();
        assert!(document.to_string().len() <= MOST_BYTES, "{}", document.to_string().len());
        if let Some(specs) = &specs {
            specs.check_adf(&document);
        }
    }
}

#[test]
fn the_schemas_refuse_what_jira_refuses() {
    let Some(specs) = Specs::load() else { return };
    for bad in [
        json!({ "type": "doc", "version": 1, "content": [{ "type": "text", "text": "x" }] }),
        json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": "" }] }] }),
        json!({ "type": "doc", "version": 1, "content": [{ "type": "table", "content": [] }] }),
        json!("text"),
    ] {
        assert!(!specs.takes_adf(&bad), "{bad}");
    }
    for (method, path, bad) in [
        ("POST", "/rest/api/3/issue", json!({ "fields": "x" })),
        ("POST", "/rest/api/3/issue/REL-1/transitions", json!({ "transition": { "id": 31 } })),
        ("POST", "/rest/api/3/search/jql", json!({ "jql": "project = REL", "startAt": 0 })),
        ("POST", "/rest/api/3/issue/REL-1/comment", json!({ "properties": {} })),
        ("PUT", "/rest/api/3/issue/REL-1", json!({ "update": [] })),
    ] {
        assert!(!specs.takes(method, path, &bad), "{method} {path} {bad}");
    }
}
