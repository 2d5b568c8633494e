//! Cases of merging, and its properties.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Changed, MergeOptions, Merged, NewKeys, merge};
use crate::format::{Format, Purpose, read, write};
use crate::limits::Limits;
use crate::value::samples::document;
use crate::value::{Node, ScalarKind, Value};

fn json(file: &str, text: &str) -> Node {
    read(text.as_bytes(), file, Format::Json, Purpose::Merge, Limits::default())
        .expect("valid")
        .expect("a document")
}

fn merged_with(base: &str, overlays: &[&str], options: &MergeOptions) -> Merged {
    let overlays = overlays.iter().enumerate().map(|(index, text)| {
        let name = format!("o{}", index + 1);
        let node = json(&format!("a.{name}.json"), text);
        (name, node)
    });
    merge(json("a.json", base), overlays.collect(), options)
}

fn merged(base: &str, overlays: &[&str]) -> Merged {
    merged_with(base, overlays, &MergeOptions::default())
}

fn compact(node: &Node) -> String {
    write(node, Format::Json).split_whitespace().collect()
}

fn errors(merged: &Merged) -> String {
    merged.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn maps_union_and_the_later_one_wins() {
    let all = merged(
        r#"{"b":1,"a":{"x":1.50,"y":[1,2]},"c":"s","n":null}"#,
        &[r#"{"a":{"y":[3],"z":true},"d":0}"#, r#"{"c":"t","a":{"z":false},"n":{"k":1}}"#],
    );
    assert_eq!(errors(&all), "");
    assert_eq!(compact(&all.root), r#"{"b":1,"a":{"x":1.50,"y":[3],"z":false},"c":"t","n":{"k":1},"d":0}"#);
    let changes: Vec<String> = all
        .changes
        .iter()
        .map(|change| {
            let over = change.over.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            format!("{} {:?} {} by {} over {over}", change.pointer, change.what, change.place, change.overlay)
        })
        .collect();
    insta::assert_snapshot!(changes.join("\n"), @r"
    /a/y Set a.o1.json:1:11 by o1 over a.json:1:26
    /a/z Added a.o1.json:1:19 by o1 over nothing
    /d Added a.o1.json:1:29 by o1 over nothing
    /c Set a.o2.json:1:6 by o2 over a.json:1:37
    /a/z Set a.o2.json:1:19 by o2 over a.o1.json:1:19
    /n Set a.o2.json:1:30 by o2 over a.json:1:45
    ");
}

#[test]
fn null_removes_what_is_there() {
    let all =
        merged(r#"{"a":{"b":1,"c":2},"d":[null]}"#, &[r#"{"a":{"b":null}}"#, r#"{"a":{"b":null},"d":null}"#]);
    assert_eq!(errors(&all), "");
    assert_eq!(compact(&all.root), r#"{"a":{"c":2}}"#);
    assert!(all.changes.iter().all(|change| change.what == Changed::Removed));
    // It may come back.
    assert_eq!(
        compact(&merged(r#"{"a":1,"b":2}"#, &[r#"{"a":null}"#, r#"{"a":"x"}"#]).root),
        r#"{"b":2,"a":"x"}"#
    );
}

/// A region says what holds everywhere, also where the environment has taken all of it away.
#[test]
fn what_went_with_the_map_around_it_was_removed_too() {
    let base = r#"{"cache":{"ttl":1,"size":2,"deep":{"a":1}}}"#;
    let all = merged(base, &[r#"{"cache":null}"#, r#"{"cache":{"ttl":null,"size":5,"deep":{"a":null}}}"#]);
    assert_eq!(errors(&all), "");
    assert_eq!(compact(&all.root), r#"{"cache":{"size":5,"deep":{}}}"#);
    let back = [r#"{"cache":null}"#, r#"{"cache":{"size":5}}"#, r#"{"cache":{"ttl":null}}"#];
    assert_eq!(errors(&merged(base, &back)), "");
    let slip = merged(base, &[r#"{"cache":null}"#, r#"{"cache":{"tll":null}}"#]);
    assert_eq!(errors(&slip), "a.o2.json:1:11 removes /cache/tll, which is not there");
}

#[test]
fn every_problem_is_said_at_once() {
    let all = merged(
        "{\"port\": 8080,\n \"hosts\": [\"a\"],\n \"db\": {\"name\": \"x\"}}",
        &[
            "{\"port\": \"8081\",\n \"hosts\": {},\n \"db\": [],\n \"gone\": null,\n \"new\": {\"deep\": null}}",
            "[1]",
        ],
    );
    insta::assert_snapshot!(errors(&all), @r"
    /port is a number at a.json:1:10 and a text at a.o1.json:1:10
    /hosts is a list at a.json:2:11 and a map at a.o1.json:2:11
    /db is a map at a.json:3:8 and a list at a.o1.json:3:8
    a.o1.json:4:2 removes /gone, which is not there
    a.o1.json:5:10 removes /new/deep, which is not there
    the whole is a map at a.json:1:1 and a list at a.o2.json:1:1
    ");
}

#[test]
fn new_keys_may_be_refused() {
    let options = MergeOptions { new_keys: NewKeys::Refuse, ..MergeOptions::default() };
    let all = merged_with(r#"{"timeout":1,"a":{}}"#, &[r#"{"timeuot":2,"a":{"b":1}}"#], &options);
    insta::assert_snapshot!(errors(&all), @r"
    a.o1.json:1:2 brings /timeuot, which the base has not
    a.o1.json:1:19 brings /a/b, which the base has not
    ");
}

#[test]
fn lists_are_added_to_where_it_is_said() {
    let options = MergeOptions {
        file: "a.json".to_owned(),
        append: ["/x/*/l", "b.json#/l", "a.json#/l"]
            .iter()
            .map(|text| text.parse().expect("a way"))
            .collect(),
        ..MergeOptions::default()
    };
    let all = merged_with(
        r#"{"l":[1],"x":{"y":{"l":[1]}},"m":[1]}"#,
        &[r#"{"l":[2],"x":{"y":{"l":[2]}},"m":[2]}"#],
        &options,
    );
    assert_eq!(compact(&all.root), r#"{"l":[1,2],"x":{"y":{"l":[1,2]}},"m":[2]}"#);
    assert_eq!(all.appended.iter().copied().collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn an_overlay_without_content_changes_nothing() {
    let all = merged(r#"{"a":1}"#, &["null", "{}"]);
    assert!(all.changes.is_empty() && all.errors.is_empty());
}

/// The same as plain JSON, without places; a number stays apart from others by how it is written.
fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Json::Null,
            kind => Json::from(format!("{kind:?} {}", scalar.text)),
        },
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(members) => Json::Object(
            members.iter().map(|member| (member.key.text.clone(), plain(&member.value))).collect(),
        ),
    }
}

/// RFC 7396, as it stands there.
fn reference(target: Json, patch: &Json) -> Json {
    let Json::Object(patch) = patch else { return patch.clone() };
    let mut target = match target {
        Json::Object(target) => target,
        _ => serde_json::Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            let below = target.remove(key).unwrap_or(Json::Null);
            target.insert(key.clone(), reference(below, value));
        }
    }
    Json::Object(target)
}

/// Whether the kinds of values that both have are the same, and nothing is removed that is not there.
fn fits(base: &Json, patch: &Json) -> bool {
    let kind = |value: &Json| match value {
        Json::String(text) => text.split(' ').next().unwrap_or_default().to_owned(),
        Json::Object(_) => "map".to_owned(),
        _ => "list".to_owned(),
    };
    match (base, patch) {
        (Json::Object(base), Json::Object(patch)) => patch.iter().all(|(key, value)| match base.get(key) {
            Some(_) if value.is_null() => true,
            Some(below) => fits(below, value),
            None => fits(&Json::Null, value) && !value.is_null(),
        }),
        (Json::Null, Json::Object(patch)) => {
            patch.values().all(|value| !value.is_null() && fits(&Json::Null, value))
        }
        (Json::Null, _) => true,
        (base, patch) => kind(base) == kind(patch),
    }
}

proptest! {
    #[test]
    fn merging_equals_the_reference(base in document(true), one in document(true), two in document(true)) {
        let all = merge(base.clone(), vec![("one".to_owned(), one.clone()), ("two".to_owned(), two.clone())], &MergeOptions::default());
        let first = reference(plain(&base), &plain(&one));
        // What the first removed the second may remove as well.
        if fits(&plain(&base), &plain(&one)) && fits(&first, &plain(&two)) {
            prop_assert!(all.errors.is_empty(), "{:?}", all.errors);
        }
        if all.errors.is_empty() {
            prop_assert_eq!(plain(&all.root), reference(first, &plain(&two)));
        } else {
            prop_assert!(!fits(&plain(&base), &plain(&one)) || !fits(&first, &plain(&two)));
        }
    }

    #[test]
    fn merging_is_deterministic_and_keeps_the_order(base in document(true), over in document(true)) {
        let once = merge(base.clone(), vec![("o".to_owned(), over.clone())], &MergeOptions::default());
        let again = merge(base.clone(), vec![("o".to_owned(), over)], &MergeOptions::default());
        prop_assert_eq!(write(&once.root, Format::Yaml), write(&again.root, Format::Yaml));
        prop_assert_eq!(&once.changes, &again.changes);
        prop_assert_eq!(format!("{:?}", once.errors), format!("{:?}", again.errors));
        let keys = |node: &Node| match &node.value {
            Value::Map(members) => members.iter().map(|member| member.key.text.clone()).collect(),
            _ => Vec::new(),
        };
        let before = keys(&base);
        let kept: Vec<String> = keys(&once.root).into_iter().filter(|key| before.contains(key)).collect();
        let left: Vec<String> = before.into_iter().filter(|key| kept.contains(key)).collect();
        prop_assert_eq!(kept, left);
    }

    #[test]
    fn nothing_laid_over_gives_the_base(base in document(true)) {
        let all = merge(base.clone(), Vec::new(), &MergeOptions::default());
        prop_assert!(all.root.says_the_same(&base) && all.changes.is_empty());
    }
}
