//! The list of pipelines, and the jobs of one.

use serde_json::Value;

use crate::made::{ROWS, Repo};

/// A pipeline of the repo's own, with one of everything that is shown.
const OWN: &str = "
[pipelines.hotfix]
summary = \"one function, by hand\"
start = \"by-hand\"
kinds = [\"production\"]
ci_stages = [\"check\", \"deploy\"]

[pipelines.hotfix.jobs.scan]
ci_stage = \"check\"
commands = [[\"sonar-scanner\", \"--fast\"]]
allow_failure = [3, 4]
keeps = [\"scan.json\"]

[pipelines.hotfix.jobs.ship]
each = \"environment\"
ci_stage = \"deploy\"
commands = [[\"./ship.sh\", \"{environment}\"]]
needs = [\"scan\"]
when = \"manual\"
";

#[test]
fn all_pipelines_are_listed_also_those_with_nothing_to_do_here() {
    let repo = Repo::of(&format!("{ROWS}{OWN}"));
    insta::assert_snapshot!(repo.shown("pipelines"), @"");
    let json: Value = serde_json::from_str(&repo.run("pipelines --output json").stdout).expect("JSON");
    let own = json["pipelines"].as_array().expect("a list").iter().find(|one| one["name"] == "hotfix");
    insta::assert_snapshot!(own.expect("the repo's own").to_string(), @"");
}

#[test]
fn the_jobs_of_a_pipeline_are_shown_with_what_they_need_and_keep() {
    let repo = Repo::of(&format!("{ROWS}{OWN}"));
    insta::assert_snapshot!(repo.shown("pipelines show hotfix"), @"");
    let json: Value =
        serde_json::from_str(&repo.run("pipelines show hotfix --output json").stdout).expect("JSON");
    insta::assert_snapshot!(json["jobs"][1].to_string(), @"");
}

#[test]
fn tables_of_real_pipelines_fit_a_terminal() {
    let repo = Repo::of(ROWS);
    for name in ["staging", "staging-on-demand", "production", "s3-config"] {
        let ended = repo.run(&format!("pipelines show {name}"));
        assert_eq!(ended.code, 0, "{name}: {}", ended.stderr);
        for line in ended.stdout.lines() {
            assert!(landfall_cli::columns(line) <= 80, "{name} is wider than 80 columns: {line}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_was_meant() {
    let repo = Repo::of(ROWS);
    insta::assert_snapshot!(repo.shown("pipelines show stagin"), @"");
    insta::assert_snapshot!(repo.shown("pipelines show"), @"");
    let broken = "[pipelines.hotfix]\nstart = \"by-hand\"\n\n[pipelines.hotfix.jobs.ship]\nstage = \"deploy-lamda\"\nneeds = [\"scan\"]\n";
    let repo = Repo::of(&format!("{ROWS}\n{broken}"));
    for words in ["pipelines", "pipelines show hotfix", "render gitlab --out @/ci"] {
        let ended = repo.run(words);
        assert_eq!(ended.code, 2, "{words}");
        assert!(ended.stderr.contains("`deploy-lambda`, perhaps"), "{words}: {}", ended.stderr);
    }
    insta::assert_snapshot!(repo.shown("pipelines show hotfix"), @"");
    assert!(!repo.path("ci").exists());
}
