//! From a folder to the bytes of the output.

use std::fs;

use landfall_artifacts::Explain as _;

use super::{Assembled, Way, assemble};
use crate::components::Pins;
use crate::error::Error;
use crate::explain::explain;
use crate::layers::{Layer, LayerKind, Layers};
use crate::limits::Limits;
use crate::merge::NewKeys;
use crate::plan::{VersionFolders, plan};
use crate::tree::Tree;
use crate::unread::Unread;

fn assembled_with(
    files: &[(&str, &str)],
    limits: Limits,
    wanted: Option<&str>,
) -> Result<Assembled, Vec<Error>> {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let tree = Tree::open(root.path(), limits).map_err(|error| vec![error])?;
    let (listed, mut errors) = tree.files();
    let paths: Vec<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    let layers = Layers::new(vec![
        Layer {
            kind: LayerKind::Environment,
            known: ["prod".to_owned()].into(),
            chosen: vec!["stg".to_owned()],
        },
        Layer { kind: LayerKind::Region, known: [].into(), chosen: vec!["eu".to_owned()] },
    ])?;
    let unread = Unread::new(["raw.json"]).expect("patterns");
    let (plan, more) = plan(&paths, &layers, &Pins::new(), VersionFolders::Lift, &unread);
    errors.extend(more);
    assert!(errors.is_empty());
    let append = ["/hosts".parse().expect("a way"), "/never".parse().expect("a way")];
    assemble(&tree, &plan, &append, NewKeys::Allow, limits, wanted)
}

fn assembled(files: &[(&str, &str)]) -> Result<Assembled, Vec<Error>> {
    assembled_with(files, Limits::default(), None)
}

#[test]
fn bytes_stay_where_no_overlay_touches_them() {
    let odd = "{ \"b\" :1,\r\n\"a\":\t1.50}";
    let done = assembled(&[
        ("a.json", odd),
        ("a.prod.json", "nonsense that is not read now"),
        ("b.json", odd),
        ("b.stg.json", "{}"),
        ("c.json", odd),
        ("c.stg.json", "{\"a\": 2e0, \"c\": [1]}"),
        ("raw.json", "{{ template }}"),
        ("t.yaml", "a: !Ref x\n---\nb: 1\n"),
        ("e.yaml", "# empty\n"),
        ("e.eu.yaml", "x: 1\n"),
        ("logo.bin", "\0base"),
        ("logo.stg.bin", "\0stg"),
    ])
    .expect("well");
    let shown: Vec<String> = done
        .files
        .iter()
        .map(|f| format!("{} {:?} {:?}", f.output, f.way, String::from_utf8_lossy(&f.bytes)))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a.json Copied "{ \"b\" :1,\r\n\"a\":\t1.50}"
    b.json Copied "{ \"b\" :1,\r\n\"a\":\t1.50}"
    c.json Merged "{\n  \"b\": 1,\n  \"a\": 2e0,\n  \"c\": [\n    1\n  ]\n}\n"
    e.yaml Merged "x: 1\n"
    logo.bin Replaced "\0stg"
    raw.json Copied "{{ template }}"
    t.yaml Copied "a: !Ref x\n---\nb: 1\n"
    "#);
    assert_eq!(done.unmet.len(), 2);
    assert_eq!(done.files.iter().filter(|file| file.way == Way::Merged).count(), 2);
}

#[test]
fn every_problem_of_every_file_is_said_at_once() {
    let errors = assembled(&[
        ("a.json", "{\"a\": 1,\n \"a\": 2}"),
        ("b.json", "{\"port\": 1}"),
        ("b.stg.json", "{\"port\": \"x\", \"gone\": null}"),
        ("b.eu.json", "{\"port\": "),
        ("c.yaml", "a: 1\na: 2\n"),
        ("d.toml", "a = 1\na = 2\n"),
        ("e.json", "\u{feff}{}"),
        ("f.yaml", "a: !x 1\n"),
        ("f.stg.yaml", "b: 1\n"),
    ])
    .expect_err("odd");
    let shown: Vec<String> = errors.iter().map(|error| format!("{} {error}", error.code())).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    LF-FILE-INVALID a.json: /a at 2:2: found the same key a second time, expected one such key; the first stands at 1:2
    LF-FILE-INVALID b.eu.json: /port at 1:10: found the end of the file, expected a JSON value
    LF-MERGE-KIND /port is a number at b.json:1:10 and a text at b.stg.json:1:10
    LF-MERGE-REMOVES-NOTHING b.stg.json:1:15 removes /gone, which is not there
    LF-FILE-INVALID c.yaml: /a at 2:1: found the same key a second time, expected one such key; the first stands at 1:1
    LF-FILE-INVALID d.toml: /a at 2:1: found the same key a second time, expected one such key; the first stands at 1:1
    LF-FILE-INVALID e.json: at 1:1: found `\u{feff}`, expected no byte-order mark
    LF-FILE-INVALID f.yaml: /a at 1:7: found the tag `!x`, expected no tag in a file that is merged: it would be lost
    ");
}

#[test]
fn the_size_of_all_is_bounded_at_its_edge() {
    let files = [("a", "12345"), ("b", "123")];
    assert!(assembled_with(&files, Limits { tree_bytes: 8, ..Limits::default() }, None).is_ok());
    let errors =
        assembled_with(&files, Limits { tree_bytes: 7, ..Limits::default() }, None).expect_err("too much");
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["the source has more than 7 bytes, and 7 are the most"]
    );
}

#[test]
fn secrets_are_told_by_the_file_that_brings_them() {
    let done = assembled(&[
        ("a.json", "{\"password\": \"${PASSWORD_1}\"}"),
        ("a.stg.json", "{\n \"password\": \"canary-1234\"}"),
    ])
    .expect("well");
    let shown: Vec<String> =
        done.suspects.iter().map(|one| format!("{} {}", one.place, one.pointer)).collect();
    assert_eq!(shown, ["a.stg.json:2:14 /password"]);
}

#[test]
fn secrets_in_comments_are_told_where_the_comments_are_copied() {
    // Put together here, so that no scanner of this repo finds it.
    let key = format!("AKIA{}", "ABCD2345".repeat(2));
    let yaml = format!("# was {key}\na: 1\nb: {key} # {key}\n");
    let toml = format!("a = 1 # {key}\n");
    let done = assembled(&[
        ("a.yaml", &yaml),
        ("b.toml", &toml),
        // The writer leaves comments out.
        ("c.yaml", &toml.replace(" = 1", ": 1")),
        ("c.stg.yaml", "a: 2\n"),
        ("d.yaml", &toml.replace(" = 1", ": 1")),
        ("d.stg.yaml", "{}\n"),
        ("e.json", &format!("{{\"a\": \"# {key}\"}}")),
    ])
    .expect("well");
    let shown: Vec<String> =
        done.suspects.iter().map(|one| format!("{} {}", one.place, one.pointer)).collect();
    assert_eq!(shown, ["a.yaml:3:4 /b", "a.yaml:1:7 ", "b.toml:1:9 ", "d.yaml:1:8 ", "e.json:1:7 /a"]);
}

#[test]
fn every_value_is_explained() {
    let files = [
        ("a.yaml", "db:\n  host: a\n  port: 1\nhosts: [x]\nold: 1\nlist: [1]\n"),
        ("a.stg.yaml", "db:\n  host: b\nhosts: [y]\nold: null\nnew: {deep: 1}\n"),
        ("a.eu.yaml", "db:\n  host: c\nlist: [2, 3]\n"),
    ];
    let done = assembled_with(&files, Limits::default(), Some("a.yaml")).expect("well");
    let file = done.files.first().expect("a file");
    let root = file.documents.first().expect("a document");
    let told: Vec<String> = explain(root, &file.changes).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    /db/host  a.eu.yaml:2:9, over a.stg.yaml:2:9, over a.yaml:2:9
    /db/port  a.yaml:3:9
    /hosts/0  a.yaml:4:9
    /hosts/1  a.stg.yaml:3:9
    /list/0  a.eu.yaml:3:8, over a.yaml:6:7
    /list/1  a.eu.yaml:3:11, over a.yaml:6:7
    /new/deep  a.stg.yaml:5:13
    /old  removed by a.stg.yaml:4:1, over a.yaml:5:6
    ");
}
