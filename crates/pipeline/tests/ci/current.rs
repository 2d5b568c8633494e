use std::collections::BTreeMap;
use std::path::Path;

use landfall_pipeline::{Rendered, github, gitlab};

use crate::support::{EXAMPLES, example, of_example};

const AGAIN: &str = "run `cargo xtask generate` and commit";

fn files(folder: &Path, below: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder.join(below)).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = below.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            files(folder, &path, found);
        } else {
            let text = std::fs::read_to_string(folder.join(&path)).expect("a file");
            found.insert(path.to_string_lossy().into_owned(), text);
        }
    }
}

fn is_current(name: &str, kind: &str, rendered: Vec<Rendered>) {
    let mut found = BTreeMap::new();
    files(&example(name).join(kind), Path::new(""), &mut found);
    let expected: BTreeMap<String, String> =
        rendered.into_iter().map(|file| (file.path, file.text)).collect();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "{AGAIN}");
    for (path, text) in expected {
        assert!(found.get(&path) == Some(&text), "docs/ci/{name}/{kind}/{path} is stale; {AGAIN}");
    }
}

#[test]
fn the_examples_are_current() {
    for name in EXAMPLES {
        let (settings, pipelines) = of_example(name);
        is_current(name, "gitlab", gitlab::render(&pipelines, &settings).expect("rendered"));
        is_current(name, "github", github::render(&pipelines, &settings).expect("rendered"));
    }
}
