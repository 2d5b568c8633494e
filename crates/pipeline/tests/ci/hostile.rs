//! Shell characters everywhere: what a shell is given is just what was written.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use landfall_pipeline::{github, gitlab};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{read, yaml};

/// A program that prints what it was called with.
fn stand_in(folder: &Path) {
    let program = folder.join("landfall");
    std::fs::write(&program, "#!/bin/sh\nprintf '%s\\0' \"$0\" \"$@\" | sed 's,^.*/landfall,landfall,'\n")
        .expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// The words that the program got when a shell ran these lines.
fn ran(shell: &str, lines: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    stand_in(folder.path());
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new(shell)
        .args(["-c", lines])
        .env("PATH", path)
        .env("CI_JOB_NAME_SLUG", "slug")
        .current_dir(folder.path())
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("one").file_name())
        .collect();
    assert_eq!(left, ["landfall"], "nothing was made");
    String::from_utf8(output.stdout).expect("UTF-8").split_terminator('\0').map(str::to_owned).collect()
}

fn settings(word: &str) -> String {
    let quoted = serde_json::to_string(word).expect("a text");
    format!(
        "[ci]\npipelines = [\"x\"]\nimage = {quoted}\ntags = [{quoted}]\nvariables = {{ HOSTILE = {quoted} }}\n[environment.stg_eu00]\nkind = \"staging\"\nvariables = {{ ROW = {quoted} }}\n[pipelines.x]\nkinds = [\"staging\"]\n[pipelines.x.jobs.a]\neach = \"environment\"\ncommands = [[\"landfall\", {quoted}, \"{{environment}}\"]]\nvariables = {{ OWN = {quoted} }}\n[pipelines.x.jobs.b]\nstage = \"list-buckets\"\narguments = [{quoted}]\n"
    )
}

fn script(all: &Value, job: &str) -> String {
    let lines = all.get(job).and_then(|job| job.get("script")).and_then(Value::as_array).expect("a script");
    lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

fn check_gitlab(word: &str, shell: &str) {
    let (settings, pipelines) = read(&settings(word));
    let files = gitlab::render(&pipelines, &settings).expect("rendered");
    let file = files.iter().find(|file| file.path == "landfall/x.gitlab-ci.yml").expect("a file");
    let all = yaml(&file.text);
    assert_eq!(ran(shell, &script(&all, "a-stg-eu00")), ["landfall", word, "stg_eu00"]);
    let expected = ["landfall", "stage", "list-buckets", word, "--report", "landfall-slug.json"];
    assert_eq!(ran(shell, &script(&all, "b")), expected);
    let escaped = word.replace('$', "$$");
    let variable =
        |name: &str| all.get("a-stg-eu00").and_then(|job| job.get("variables")?.get(name)?.as_str());
    assert_eq!((variable("OWN"), variable("ROW")), (Some(escaped.as_str()), Some(escaped.as_str())));
}

/// What GitHub makes of a text: the one expression that is ours becomes its text, and any other is a fault.
fn evaluated(text: &str) -> String {
    let mut read = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${{") {
        let (plain, tail) = rest.split_at(at);
        read.push_str(plain);
        rest = tail.strip_prefix("${{ '{{' }}").unwrap_or_else(|| panic!("an expression in {text}"));
        read.push_str("{{");
    }
    read + rest
}

fn check_github(word: &str, shell: &str) {
    let (settings, pipelines) = read(&settings(word));
    let files = github::render(&pipelines, &settings).expect("rendered");
    let all = yaml(&files.first().expect("a workflow").text);
    let job = |name: &str| all.get("jobs").and_then(|jobs| jobs.get(name)).expect("a job").clone();
    let run = |job: &Value| -> String {
        let steps = job.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
        evaluated(steps.iter().find_map(|step| step.get("run")?.as_str()).expect("a script"))
    };
    let a = job("a-stg-eu00");
    assert_eq!(ran(shell, &run(&a)), ["landfall", word, "stg_eu00"]);
    let expected = ["landfall", "stage", "list-buckets", word, "--report", "landfall-b.json"];
    assert_eq!(ran(shell, &run(&job("b"))), expected);
    for name in ["OWN", "ROW"] {
        let value = a.get("env").and_then(|env| env.get(name)?.as_str()).map(evaluated);
        assert_eq!(value.as_deref(), Some(word), "{name}");
    }
}

const WORDS: [&str; 12] = [
    "$(touch made)",
    "`touch made`",
    "; touch made",
    "' ; touch made ; '",
    "\" ; touch made ; \"",
    "&& touch made",
    "a\ntouch made",
    "${{ secrets.X }}",
    "$HOME",
    "*",
    "--",
    "\\'$(touch made)",
];

#[test]
fn a_shell_runs_nothing_that_was_a_word() {
    for word in WORDS {
        for shell in ["sh", "bash"] {
            check_gitlab(word, shell);
            check_github(word, shell);
        }
    }
}

#[test]
fn an_owner_may_write_for_the_shell_and_says_so() {
    let text = "[ci]\npipelines = [\"x\"]\n[pipelines.x.jobs.a]\ncommands = [\"landfall one && landfall 'two three'\"]\n";
    let (settings, pipelines) = read(text);
    let files = gitlab::render(&pipelines, &settings).expect("rendered");
    let file = files.iter().find(|file| file.path == "landfall/x.gitlab-ci.yml").expect("a file");
    assert_eq!(ran("sh", &script(&yaml(&file.text), "a")), ["landfall", "one", "landfall", "two three"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_word_arrives_as_it_was_written(word in "[ -~\n\t\u{e9}\u{202e}'\"$`\\\\{}]{1,16}") {
        check_gitlab(&word, "sh");
        check_github(&word, "sh");
    }
}
