use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use landfall_artifacts::OutcomeKind;
use landfall_run::Run;
use landfall_versioning::{BuildContext, Excluded};
use tempfile::TempDir;

use super::{Config, Question, Wanted, run};
use crate::{Finished, Output, Refusal};

/// A repo with two functions, a library, and an image of its own; on a branch that left `main`.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a folder") };
        world.git(&["init", "-q", "-b", "main", "."]);
        for (path, text) in [
            ("nx.json", "{}"),
            ("package.json", r#"{"name":"root","dependencies":{"lodash":"^4.0.0"}}"#),
            ("yarn.lock", "lodash@^4.0.0:\n  version \"4.17.20\"\n"),
            ("functions/orders/project.json", r#"{"name":"orders"}"#),
            ("functions/orders/main.ts", "import '../../libs/money/x'; import 'lodash';"),
            ("functions/orders/Dockerfile", "FROM node\nCOPY tools/start.sh /\n"),
            ("functions/mail/project.json", r#"{"name":"mail"}"#),
            ("libs/money/project.json", r#"{"name":"money"}"#),
            ("libs/money/x.ts", ""),
            ("images/proxy/Dockerfile", "FROM nginx\n"),
            ("tools/start.sh", ""),
        ] {
            world.write(path, text);
        }
        world.commit();
        world.git(&["switch", "-q", "-c", "feature"]);
        world
    }

    fn variables(&self) -> BTreeMap<String, String> {
        [
            ("PATH", std::env::var("PATH").expect("a PATH")),
            ("HOME", self.folder.path().to_string_lossy().into_owned()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_CONFIG_SYSTEM", "/dev/null".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn git(&self, words: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables())
            .status()
            .expect("git starts");
        assert!(status.success(), "git {words:?}");
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().expect("a parent")).expect("made");
        fs::write(self.path(path), text).expect("written");
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "feat: x"]);
    }

    fn config(&self, wanted: Wanted) -> Config {
        let question = Question {
            root: self.folder.path().to_owned(),
            functions: "functions".into(),
            wanted,
            context: BuildContext::Found,
            excluded: Excluded::default(),
            nx_graph: None,
            variables: self.variables(),
        };
        let (json, list) = (self.path(".git/changed-images.json"), self.path(".git/changed-images.txt"));
        Config { question, json, list: Some(list) }
    }

    fn run(&self, wanted: Wanted) -> Result<Finished, Refusal> {
        run(&self.config(wanted), &Output::Real, &Run::builder().build())
    }

    /// What a person sees.
    fn told(&self) -> String {
        let finished = self.run(since()).expect("listed");
        // The commit has another name in each run, since it holds the time.
        let summary = finished.summary.split(" at ").next().unwrap_or_default().to_owned();
        [finished.lines, vec![summary], finished.warnings].concat().join("\n")
    }
}

fn since() -> Wanted {
    Wanted::SinceDefault(None)
}

#[test]
fn images_that_changed_since_main_was_left() {
    let world = World::new();
    assert_eq!(world.told(), "0 of 3 images changed since main was left");
    assert_eq!(world.run(since()).expect("listed").verdict().0, OutcomeKind::NothingToDo);
    world.write("libs/money/x.ts", "1");
    world.write("tools/start.sh", "1");
    world.write("README.md", "1");
    world.commit();
    world.write("images/proxy/Dockerfile", "FROM nginx:2\n");
    world.commit();
    world.write("functions/mail/new.ts", "not committed");
    world.write("package.json", "{}");
    insta::assert_snapshot!(world.told(), @r"
    orders (functions/orders): tools/start.sh, which its Dockerfile takes by tools/start.sh; libs/money/x.ts, by money
    proxy (images/proxy): images/proxy/Dockerfile
    2 of 3 images changed since main was left
    1 files differ from HEAD: what is not committed is not looked at
    ");
    assert_eq!(
        fs::read_to_string(world.path(".git/changed-images.txt")).expect("written"),
        "functions/orders\nimages/proxy\n"
    );
    let file = fs::read(world.path(".git/changed-images.json")).expect("written");
    let mut file: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
    assert_eq!(file["base"].take().as_str().map(str::len), Some(40));
    insta::assert_snapshot!(file.to_string(), @r#"{"base":null,"formatVersion":1,"images":[{"causes":[{"how":"source","isGuess":false,"source":"tools/start.sh","through":[],"what":"tools/start.sh"},{"how":"project","isGuess":false,"source":null,"through":["orders","money"],"what":"libs/money/x.ts"}],"folder":"functions/orders","name":"orders"},{"causes":[{"how":"folder","isGuess":false,"source":null,"through":[],"what":"images/proxy/Dockerfile"}],"folder":"images/proxy","name":"proxy"}]}"#);
}

#[test]
fn a_package_of_the_lockfile_changes_the_image_that_uses_it() {
    let world = World::new();
    world.write("yarn.lock", "lodash@^4.0.0:\n  version \"4.17.21\"\n");
    world.commit();
    insta::assert_snapshot!(world.told(), @r"
    orders (functions/orders): lodash@4.17.21
    1 of 3 images changed since main was left
    ");
}

#[test]
fn all_images_and_a_dry_run() {
    let world = World::new();
    let config = world.config(Wanted::All);
    let finished = run(&config, &Output::DryRun { foretell: None }, &Run::builder().build()).expect("listed");
    assert_eq!(
        finished.lines,
        ["mail (functions/mail)", "orders (functions/orders)", "proxy (images/proxy)"]
    );
    assert_eq!(finished.summary, "all 3 images");
    assert!(!config.json.exists() && !config.list.expect("named").exists());
    // Nothing is compared, so nothing has to be there to compare with.
    world.git(&["branch", "-q", "-D", "main"]);
    assert_eq!(world.run(Wanted::All).expect("listed").items.len(), 3);
    assert!(world.run(since()).is_err());
    // The branch may be named by the caller, or by `nx.json`.
    world.git(&["branch", "-q", "trunk"]);
    assert!(world.run(Wanted::Since("trunk".into())).is_ok());
    assert!(world.run(Wanted::SinceDefault(Some("trunk".into()))).is_ok());
    world.write("nx.json", r#"{"defaultBase":"trunk"}"#);
    assert!(world.run(since()).is_ok());
}

#[test]
fn all_that_stands_in_the_way_is_told() {
    let world = World::new();
    world.write("other/proxy/Dockerfile", "FROM x\n");
    world.write("other/orders/Dockerfile", "FROM x\n");
    world.commit();
    let told = |refusal: Refusal| -> String {
        let line = |problem: &landfall_artifacts::Problem| {
            format!(
                "{} {}; try: {}",
                problem.code,
                problem.told(),
                problem.remedy.clone().unwrap_or_default()
            )
        };
        refusal.0.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told(world.run(since()).expect_err("equal names")), @r"
    LF-IMAGES-TWICE two images are named orders: in functions/orders and in other/orders; try: rename one of the folders, or give it a project.json with another name
    LF-IMAGES-TWICE two images are named proxy: in images/proxy and in other/proxy; try: rename one of the folders, or give it a project.json with another name
    ");
    world.write("functions/mail/project.json", "{");
    world.write("libs/money/project.json", r#"{"name":"orders"}"#);
    insta::assert_snapshot!(told(world.run(since()).expect_err("a broken workspace")), @r"
    LF-GRAPH-FILE functions/mail/project.json: at 1:2: found the end of the file, expected a key in quotes; try: correct the places named
    LF-GRAPH-TWICE two projects are named orders: in functions/orders and in libs/money; try: give one of them another name in its project.json
    ");
    assert!(!world.path(".git/changed-images.json").exists());
}

#[test]
fn the_graph_may_come_from_nx() {
    let world = World::new();
    world.write("libs/other/x.ts", "1");
    world.commit();
    let graph = r#"{"graph":{"nodes":{"orders":{"data":{"root":"functions/orders"}},"other":{"data":{"root":"libs/other"}}},
        "dependencies":{"orders":[{"source":"orders","target":"other","type":"implicit"}]}}}"#;
    world.write(".git/graph.json", graph);
    let mut config = world.config(since());
    config.question.nx_graph = Some(world.path(".git/graph.json"));
    let finished = run(&config, &Output::Real, &Run::builder().build()).expect("listed");
    assert_eq!(finished.lines, ["orders (functions/orders): libs/other/x.ts, by other"]);
}
