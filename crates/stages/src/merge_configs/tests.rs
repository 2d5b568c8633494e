//! The stage on folders.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use landfall_artifacts::{Class, OutcomeKind};
use landfall_config_merge::{Layer, LayerKind, Layers, Limits, NewKeys, Pins, Unread, VersionFolders};
use landfall_run::{Run, Signal, Stop};

use super::{Config, OwnProgram, run};
use crate::{Finished, Outcome, Output};

struct Folders(tempfile::TempDir);

impl Folders {
    fn of(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let folders = Self(root);
        for (path, text) in files {
            folders.write(&format!("configs/{path}"), text);
        }
        folders
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn config(&self) -> Config {
        let layer = |kind, chosen: &str| Layer { kind, known: [].into(), chosen: vec![chosen.to_owned()] };
        Config {
            source: self.0.path().join("configs"),
            out: self.0.path().join("merged-files"),
            replace: false,
            layers: Layers::new(vec![layer(LayerKind::Environment, "stg"), layer(LayerKind::Region, "eu")])
                .expect("names"),
            pins: Pins::new(),
            version_folders: VersionFolders::Lift,
            append: Vec::new(),
            new_keys: NewKeys::Allow,
            unread: Unread::default(),
            explain: None,
            limits: Limits::default(),
            program: None,
        }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap_or_else(|cause| cause.to_string())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder").flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&self.0.path().to_string_lossy().into_owned(), "<root>")
    }
}

async fn go(config: &Config) -> Outcome {
    run(config, &Output::Real, &Run::builder().build()).await
}

fn outcomes(finished: &Finished) -> Vec<String> {
    finished.items.iter().map(|item| format!("{} {}", item.name, item.outcome)).collect()
}

fn sample() -> Folders {
    Folders::of(&[
        ("app.json", "{\"a\": 1, \"b\": 2}\n"),
        ("app.stg.json", "{\"b\": 3}\n"),
        ("app.prod.txt", "plain\n"),
        ("pay/v1.0.0/pay.toml", "x = 1\n"),
        ("pay/v1.1.0/pay.toml", "x = 2\n"),
        ("overlays/eu/pay/pay.toml", "x = 3\n"),
    ])
}

#[tokio::test]
async fn what_is_merged_is_written_once() {
    let folders = sample();
    let config = folders.config();
    let finished = go(&config).await.expect("well");
    assert_eq!(finished.verdict(), (OutcomeKind::Done, None));
    insta::assert_snapshot!(folders.shown(&finished.lines.join("\n")), @r"
    pay: v1.1.0, the newest, of 2
    app.json + app.stg.json
    pay/pay.toml from pay/v1.1.0/pay.toml + overlays/eu/pay/pay.toml
    ");
    insta::assert_snapshot!(folders.shown(&finished.summary), @r"2 files merged and 1 copied, with stg, eu: <root>/merged-files is written");
    assert_eq!(folders.read("merged-files/app.json"), "{\n  \"a\": 1,\n  \"b\": 3\n}\n");
    assert_eq!(folders.read("merged-files/pay/pay.toml"), "x = 3\n");
    let again = go(&config).await.expect("well");
    assert_eq!(again.verdict(), (OutcomeKind::NothingToDo, None));
    assert_eq!(
        outcomes(&again),
        ["pay chosen", "app.json unchanged", "app.prod.txt unchanged", "pay/pay.toml unchanged"]
    );
    folders.write("configs/app.stg.json", "{\"b\": 4}\n");
    go(&config).await.expect("well");
    assert!(folders.read("merged-files/app.json").contains("\"b\": 4"));
    assert_eq!(folders.names(), [".merged-files.landfall.json", "configs", "merged-files"]);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_may_foretell() {
    let folders = sample();
    let config = folders.config();
    let run_dry = |foretell| {
        let config = config.clone();
        async move { run(&config, &Output::DryRun { foretell }, &Run::builder().build()).await.expect("well") }
    };
    let finished = run_dry(None).await;
    assert_eq!(folders.names(), ["configs"]);
    assert_eq!(
        outcomes(&finished),
        ["pay chosen", "app.json planned", "app.prod.txt planned", "pay/pay.toml planned"]
    );
    assert_eq!(finished.verdict(), (OutcomeKind::NothingToDo, None));
    insta::assert_snapshot!(folders.shown(&finished.lines.join("\n")), @r"
    pay: v1.1.0, the newest, of 2
    app.json + app.stg.json
    app.prod.txt
    pay/pay.toml from pay/v1.1.0/pay.toml + overlays/eu/pay/pay.toml
    ");
    let plan = folders.0.path().join("plan");
    run_dry(Some(plan.clone())).await;
    run_dry(Some(plan)).await;
    assert!(folders.read("plan/merged-files/app.json").contains("\"b\": 3"));
    assert_eq!(folders.names(), ["configs", "plan"]);
}

#[tokio::test]
async fn what_no_merge_wrote_is_left_alone() {
    let folders = sample();
    folders.write("merged-files/mine.txt", "by hand");
    let mut config = folders.config();
    let refusal = go(&config).await.expect_err("refused");
    assert_eq!(
        refusal.0.iter().map(|p| (p.code.as_str(), p.class)).collect::<Vec<_>>(),
        [("LF-MERGE-FOREIGN", Class::Refused)]
    );
    assert_eq!(folders.read("merged-files/mine.txt"), "by hand");
    config.replace = true;
    go(&config).await.expect("well");
    assert!(!folders.0.path().join("merged-files/mine.txt").exists());
    // What was changed by hand is not overwritten either.
    folders.write("merged-files/app.json", "{}");
    config.replace = false;
    go(&config).await.expect_err("refused");
}

#[tokio::test]
async fn a_problem_leaves_the_old_tree() {
    let folders = sample();
    let config = folders.config();
    go(&config).await.expect("well");
    folders.write("configs/app.stg.json", "{\"b\": \"x\"}\n");
    folders.write("configs/odd.json", "{\"k\": 1, \"k\": 2}");
    folders.write("configs/odd.yaml", "k: [\n");
    let refusal = go(&config).await.expect_err("refused");
    let shown: Vec<String> = refusal.0.iter().map(|p| format!("{} {}", p.code, p.what)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    LF-MERGE-KIND /b is a number at app.json:1:15 and a text at app.stg.json:1:7
    LF-FILE-INVALID 2 problems
      odd.json: /k at 1:10: found the same key a second time, expected one such key; the first stands at 1:2
      odd.yaml: /k/0 at 1:4: found no YAML: unclosed bracket '[', expected YAML 1.2
    ");
    assert!(folders.read("merged-files/app.json").contains("\"b\": 3"));
    let empty = Folders::of(&[]);
    fs::create_dir(empty.0.path().join("configs")).expect("made");
    assert_eq!(
        go(&empty.config()).await.expect_err("refused").0.first().map(|p| p.code.clone()).as_deref(),
        Some("LF-MERGE-NOTHING")
    );
    assert_eq!(
        go(&Folders::of(&[]).config())
            .await
            .expect_err("refused")
            .0
            .first()
            .map(|p| p.code.clone())
            .as_deref(),
        Some("LF-FILE-READ")
    );
}

#[tokio::test]
async fn values_are_explained_and_nothing_is_written() {
    let folders = sample();
    let explain = |path: &str| Config { explain: Some(path.to_owned()), ..folders.config() };
    let finished = go(&explain("app.json")).await.expect("well");
    insta::assert_snapshot!(finished.lines.join("\n") + "\n" + &finished.summary, @r"
    /a  app.json:1:7
    /b  app.stg.json:1:7, over app.json:1:15
    2 values, from 2 files
    ");
    let finished =
        go(&explain(&folders.config().out.join("pay/pay.toml").to_string_lossy())).await.expect("well");
    insta::assert_snapshot!(finished.lines.join("\n") + "\n" + &finished.summary, @r"
    pay: v1.1.0, the newest, of 2
    /x  overlays/eu/pay/pay.toml:1:5, over pay/v1.1.0/pay.toml:1:5
    1 values, from 2 files
    ");
    let finished = go(&explain("app.prod.txt")).await.expect("well");
    assert_eq!(finished.summary, "the bytes are those of app.prod.txt");
    let refusal = go(&explain("pay.toml")).await.expect_err("none");
    assert_eq!(
        refusal.0.first().and_then(|p| p.remedy.clone()).as_deref(),
        Some("did you mean pay/pay.toml?")
    );
    assert_eq!(folders.names(), ["configs"]);
}

#[tokio::test]
async fn of_a_file_of_several_documents_each_is_explained() {
    let folders = Folders::of(&[("app.yaml", "a: 1\n---\na: 2\nb: [x]\n")]);
    let config = Config { explain: Some("app.yaml".to_owned()), ..folders.config() };
    let finished = go(&config).await.expect("well");
    insta::assert_snapshot!(finished.lines.join("\n") + "\n" + &finished.summary, @r"
    document 1:
    /a  app.yaml:1:4
    document 2:
    /a  app.yaml:3:4
    /b/0  app.yaml:4:5
    3 values of 2 documents, from one file
    ");
}

#[tokio::test]
async fn what_looks_like_a_secret_is_warned_of() {
    let folders = Folders::of(&[
        ("a.yaml", "db:\n  password: canary-1234\n"),
        ("b.txt", "postgres://u:canary-5678@h/x\n"),
    ]);
    let finished = go(&folders.config()).await.expect("well");
    insta::assert_snapshot!(finished.warnings.join("\n"), @r"
    a.yaml:2:13 /db/password looks like a secret (the value of a key for secrets): keep it where secrets are kept, and refer to it
    b.txt:1:1 looks like a secret (an address with a password): keep it where secrets are kept, and refer to it
    ");
    assert!(!format!("{finished:?}").contains("canary"));
}

#[tokio::test]
async fn a_stop_leaves_the_old_tree() {
    let folders = sample();
    let stop = Stop::new();
    stop.request(Signal::Terminate);
    let run_stopped = Run::builder().stop(stop).build();
    let finished = run(&folders.config(), &Output::Real, &run_stopped).await.expect("an end");
    assert_eq!(finished.verdict().1, Some(Class::Interrupted));
    assert_eq!(folders.names(), ["configs"]);
}

fn with_program(folders: &Folders, script: &str) -> Config {
    let path = folders.0.path().join("merge.sh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    let variables = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
    let words = vec!["sh".to_owned(), path.to_string_lossy().into_owned()];
    Config {
        program: Some(OwnProgram { words, variables, timeout: Duration::from_secs(60) }),
        ..folders.config()
    }
}

async fn refusal_of(folders: &Folders, script: &str) -> String {
    let refusal = go(&with_program(folders, script)).await.expect_err("refused");
    assert!(!Path::new(&folders.config().out).exists());
    let shown: Vec<String> = refusal.0.iter().map(|p| format!("{} {}", p.code, p.told())).collect();
    folders.shown(&shown.join("\n"))
}

#[tokio::test]
async fn the_repos_own_program_may_merge() {
    let folders = sample();
    let config =
        with_program(&folders, "mkdir -p \"$2/d\" && cp \"$1/app.json\" \"$2/d/x.json\" && env > \"$2/env\"");
    let finished = go(&config).await.expect("well");
    assert_eq!(finished.verdict(), (OutcomeKind::Done, None));
    assert_eq!(outcomes(&finished), ["d/x.json copied", "env copied"]);
    assert_eq!(folders.read("merged-files/d/x.json"), "{\"a\": 1, \"b\": 2}\n");
    assert!(!folders.read("merged-files/env").contains("CARGO"), "it sees what it is given alone");
    assert_eq!(folders.names(), [".merged-files.landfall.json", "configs", "merge.sh", "merged-files"]);
}

#[tokio::test]
async fn what_the_program_makes_is_checked_as_strictly() {
    let folders = sample();
    let shown = [
        refusal_of(&folders, "echo no; exit 3").await,
        refusal_of(&folders, "true").await,
        refusal_of(&folders, "ln -s /etc/hostname \"$2/x\"; echo '{' > \"$2/y.json\"").await,
        refusal_of(&folders, "touch \"$2/a\" \"$2/A\"").await,
        refusal_of(&folders, "echo '{\"a\":1,\"a\":2}' > \"$2/x.json\"").await,
    ];
    insta::assert_snapshot!(shown.join("\n"), @r"
    LF-MERGE-COMMAND merge_command `sh <root>/merge.sh` failed: it ended with 3
    LF-MERGE-NOTHING merge_command made no file in the folder that is its last argument
    LF-MERGE-NO-FILE x is a link
    LF-FILE-INVALID y.json: at 2:1: found the end of the file, expected a key in quotes
    LF-MERGE-SAME-PATH A and a differ in case or in the spelling of letters alone
    LF-FILE-INVALID x.json: /a at 1:8: found the same key a second time, expected one such key; the first stands at 1:2
    ");
    let mut config = with_program(&folders, "sleep 60");
    if let Some(program) = &mut config.program {
        program.timeout = Duration::from_millis(50);
    }
    assert!(go(&config).await.expect_err("refused").0.iter().any(|p| p.what.contains("did not end in")));
    assert_eq!(folders.names(), ["configs", "merge.sh"]);
}
