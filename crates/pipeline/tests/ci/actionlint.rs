//! The rendered workflows by actionlint, which knows more of them than their schema does: expressions, needs, contexts.
//!
//! `cargo xtask test` installs it and names it by `LANDFALL_ACTIONLINT`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{EXAMPLES, example};

/// Prints everything that is wrong with the file it is given, as JSON.
const PROGRAM: &str = "
const { createLinter } = require(process.argv[1]);
const file = process.argv[2];
createLinter().then((lint) => console.log(JSON.stringify(lint(require('fs').readFileSync(file, 'utf8'), 'x.yml'))));
";

/// What the version that npm has does not know yet: the context of variables, which GitHub has had since 2023.
const NOT_KNOWN_YET: &str = "undefined variable \"vars\"";

fn linted(module: &Path, file: &Path) -> Vec<String> {
    // One process a file: its build for Node breaks down on the second large one.
    let output = Command::new("node")
        .args(["-e", PROGRAM, "--"])
        .arg(module)
        .arg(file)
        .output()
        .expect("node is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<Value> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let shown =
        |one: &Value| format!("{} at line {}", one["message"].as_str().unwrap_or_default(), one["line"]);
    found.iter().map(shown).filter(|line| !line.starts_with(NOT_KNOWN_YET)).collect()
}

#[test]
fn actionlint_finds_nothing_in_the_workflows() {
    let Some(module) = std::env::var_os("LANDFALL_ACTIONLINT").map(PathBuf::from) else {
        println!("skipped: LANDFALL_ACTIONLINT not set");
        return;
    };
    let mut files = 0;
    for name in EXAMPLES {
        let folder = example(name).join("github/.github/workflows");
        for entry in std::fs::read_dir(&folder).expect("workflows") {
            let file = entry.expect("a file").path();
            assert_eq!(linted(&module, &file), Vec::<String>::new(), "{}", file.display());
            files += 1;
        }
    }
    assert!(files >= EXAMPLES.len(), "{files} files");
    // It is there and finds what is to be found.
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = folder.path().join("wrong.yml");
    let text =
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    needs: b\n    steps: [{ run: 'true' }]\n";
    std::fs::write(&wrong, text).expect("written");
    assert!(linted(&module, &wrong)[0].contains("needs job \"b\" which does not exist"));
}
