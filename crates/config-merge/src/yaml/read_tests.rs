//! Tests of reading YAML.

use super::read;
use crate::format::Purpose;
use crate::limits::Limits;
use crate::yaml::write;

fn refusal(text: &str) -> String {
    refusal_with(text, Limits::default())
}

fn refusal_with(text: &str, limits: Limits) -> String {
    match read(text.as_bytes(), "x.yaml", Purpose::Merge, limits) {
        Ok(documents) => format!("accepted: {}", documents.first().map(write).unwrap_or_default()),
        Err(errors) => errors.to_string(),
    }
}

fn written(text: &str) -> String {
    let documents = read(text.as_bytes(), "x.yaml", Purpose::Merge, Limits::default()).expect("valid");
    documents.first().map(write).unwrap_or_default()
}

#[test]
fn values_stay_as_they_were_written() {
    let text = "# comment\nport: 0x1F90\nratio: 1.50\nnorway: no\n'quoted': 'yes'\nnothing: ~\nwhen: 2020-01-01\n1: one\nlist: [a, {b: c}]\nblock: |\n  two\n  lines\nfolded: >-\n  one\n  line\nempty:\n";
    insta::assert_snapshot!(written(text), @r#"
    port: 0x1F90
    ratio: 1.50
    norway: no
    "quoted": "yes"
    nothing: ~
    when: 2020-01-01
    1: one
    list:
      - a
      - b: c
    block: |
      two
      lines
    folded: |-
      one line
    empty: ~
    "#);
}

#[test]
fn anchors_are_expanded_and_maps_merged() {
    let text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\none:\n  <<: *base\n  b: 9\nboth:\n  z: 0\n  <<: [*more, *base]\n  y: 1\nlist: [*base]\n*text : x\n".replace("*text : x\n", "");
    insta::assert_snapshot!(written(&text), @r"
    base:
      a: 1
      b: 2
    more:
      b: 3
      c: 4
    one:
      a: 1
      b: 9
    both:
      z: 0
      b: 3
      c: 4
      a: 1
      y: 1
    list:
      - a: 1
        b: 2
    ");
}

#[test]
fn duplicate_keys_are_named_with_both_places() {
    insta::assert_snapshot!(refusal("a:\n  b: 1\n  c: 2\n  b: 3\n'1': x\n1: y\nd: {e: 1, e: 2}\n"), @r"
    3 problems in x.yaml
      /a/b at 4:3: found the same key a second time, expected one such key; the first stands at 2:3
      /1 at 6:1: found the same key a second time, expected one such key; the first stands at 5:1
      /d/e at 7:11: found the same key a second time, expected one such key; the first stands at 7:5
    ");
}

#[test]
fn what_cannot_be_merged_is_refused_by_name() {
    let cases = [
        "a: !Ref b\n",
        "a: !!int 1\n",
        "a: 1\n---\nb: 2\n",
        "? {a: 1}\n: b\n",
        "? [a]\n: b\n",
        "a: &a [*a]\n",
        "a: *missing\n",
        "a: {<<: 1}\n",
        "a: [1\n",
        "a: b: c\n",
        "\u{feff}a: 1\n",
        "a: \"\\ud800\"\n",
    ];
    let shown: Vec<String> = cases.iter().map(|case| refusal(case)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    x.yaml: /a at 1:9: found the tag `!Ref`, expected no tag in a file that is merged: it would be lost
    x.yaml: /a at 1:10: found the tag `!!int`, expected no tag in a file that is merged: it would be lost
    x.yaml: at 2:1: found a second document, expected one document in a file that is merged
    x.yaml: at 1:3: found a list or map as a key, expected a text as a key
    x.yaml: at 1:3: found a list or map as a key, expected a text as a key
    x.yaml: /a/0 at 1:8: found an alias of what it stands in, expected an alias of a value that has ended
    x.yaml: /a at 1:4: found no YAML: while parsing node, found unknown anchor, expected YAML 1.2
    x.yaml: /a/<< at 1:9: found something else, expected a map, or a list of maps, after `<<`
    x.yaml: /a/0 at 1:4: found no YAML: unclosed bracket '[', expected YAML 1.2
    x.yaml: at 1:5: found no YAML: mapping values are not allowed in this context, expected YAML 1.2
    x.yaml: found a byte-order mark, expected no byte-order mark
    x.yaml: /a at 1:4: found no YAML: while parsing a quoted scalar, found high surrogate without following low surrogate, expected YAML 1.2
    ");
    assert!(read(b"a: \"\xff\"\n", "x", Purpose::Merge, Limits::default()).is_err());
}

#[test]
fn files_that_are_copied_may_have_tags_and_several_documents() {
    let text = "a: !Ref b\n---\nb: 2\n";
    let documents = read(text.as_bytes(), "x.yaml", Purpose::Check, Limits::default()).expect("valid");
    assert_eq!(documents.len(), 2);
    assert!(read(b"a: 1\na: 2\n", "x.yaml", Purpose::Check, Limits::default()).is_err());
    assert!(
        read(b"# nothing\n", "x.yaml", Purpose::Merge, Limits::default()).is_ok_and(|all| all.is_empty())
    );
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    insta::assert_snapshot!(refusal(&bomb), @r"x.yaml: /a5/5 at 6:35: found more values, expected at most 500000 values, aliases expanded");
    // Levels count through aliases too.
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..70 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(refusal(&deep).contains("at most 64 levels"), "{}", refusal(&deep));
}

#[test]
fn limits_hold_at_their_edge() {
    let nested = |levels: usize| format!("{}x{}", "[".repeat(levels), "]".repeat(levels));
    assert!(refusal(&nested(64)).starts_with("accepted"));
    assert!(refusal(&nested(65)).contains("at most 64 levels"));
    // The parser has a limit of its own, so that it does not go too deep before we see it.
    assert!(refusal(&nested(50_000)).contains("recursion limit"));
    let few = Limits { values: 4, ..Limits::default() };
    assert!(refusal_with("[1, 2, 3]", few).starts_with("accepted"));
    assert!(refusal_with("[1, 2, 3, 4]", few).contains("at most 4 values"));
    let small = Limits { document_bytes: 5, ..Limits::default() };
    assert!(refusal_with("a: 1\n", small).starts_with("accepted"));
    assert!(refusal_with("a: 12\n", small).contains("at most 5 bytes"));
    let key = |length: usize| format!("? {}\n: 1\n", "k".repeat(length));
    assert!(refusal(&key(1024)).starts_with("accepted"));
    assert!(refusal(&key(1025)).contains("at most 1024 characters"));
}

#[test]
fn places_are_lines_and_columns() {
    let documents = read("a:\n  é: [1, 2]\n".as_bytes(), "x.yaml", Purpose::Merge, Limits::default());
    let documents = documents.expect("valid");
    let inner = documents.first().and_then(|root| root.get("a")).and_then(|a| a.get("é")).expect("a list");
    assert_eq!(inner.place.to_string(), "x.yaml:2:6");
}

#[test]
fn aliases_bring_in_so_many_bytes_and_no_more() {
    let limits = Limits { document_bytes: 100, ..Limits::default() };
    let text = |aliases: usize| format!("a: &a {}\nb: [{}]\n", "x".repeat(20), vec!["*a"; aliases].join(","));
    // Twenty are kept for the anchor, and twenty come with each alias.
    assert!(refusal_with(&text(4), limits).starts_with("accepted"), "{}", refusal_with(&text(4), limits));
    insta::assert_snapshot!(refusal_with(&text(5), limits), @"x.yaml: /b/4 at 2:17: found more bytes, expected at most 100 bytes that aliases bring in");
    // Keys count too, and so does what nested anchors keep.
    let keys = format!("a: &a {{{}: 1}}\nb: [*a,*a,*a,*a,*a]\n", "k".repeat(20));
    assert!(refusal_with(&keys, limits).contains("more bytes"));
    let nested = format!("a: &a [&b [&c [&d [&e {}]]]]\n", "x".repeat(25));
    assert!(refusal_with(&nested, limits).contains("more bytes"));
    // A few kilobytes that would come to gigabytes.
    let mut bomb = format!("a0: &a0 {}\n", "x".repeat(4000));
    for level in 1..8 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(refusal(&bomb).contains("more bytes"));
}
