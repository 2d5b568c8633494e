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
    insta::assert_snapshot!(repo.shown("pipelines"), @r"
    exit 0
    PIPELINE           STARTS     JOBS  ENVIRONMENTS
    staging            on a push    23  stg_eu00, stg_na03
        builds what changed, deploys it to staging, and promotes it to release
        candidates
    staging-on-demand  by hand      21  stg_eu00, stg_na03
        deploys versions that a person names to staging
    production         by hand      10  prod_eu00
        deploys versions that a person names to production, and promotes them to
        releases
    s3-config          on a push     8  prod_eu00, stg_eu00, stg_na03
        publishes configuration to S3: staging by itself, production by one click
    immutable-release  on a push    17  prod_eu00, stg_eu00, stg_na03
        builds a release once and takes the same bytes through every environment
        behind its gates
    dr-sync            -             -  no environment for it
    images-dev         by hand       2  -
        builds the images that changed since main, and deploys them for development
    images-prod        by hand       2  -
        builds every image of a version that a person gives, and deploys them
    infrastructure     on a push    13  prod_eu00, stg_eu00, stg_na03
        builds once, then packages, deploys and tests environment after environment
        with its infrastructure
    rollback           by hand       9  prod_eu00, stg_eu00, stg_na03
        takes an environment back to what ran before, or to a release that a person
        names
    hotfix             by hand       2  prod_eu00
        one function, by hand

    `landfall pipelines show NAME` shows the jobs of one
    ");
    let json: Value = serde_json::from_str(&repo.run("pipelines --output json").stdout).expect("JSON");
    let own = json["pipelines"].as_array().expect("a list").iter().find(|one| one["name"] == "hotfix");
    insta::assert_snapshot!(own.expect("the repo's own").to_string(), @r#"{"after":null,"builtIn":false,"environments":["prod_eu00"],"jobs":2,"name":"hotfix","start":"by-hand","summary":"one function, by hand"}"#);
}

#[test]
fn the_jobs_of_a_pipeline_are_shown_with_what_they_need_and_keep() {
    let repo = Repo::of(&format!("{ROWS}{OWN}"));
    insta::assert_snapshot!(repo.shown("pipelines show hotfix"), @r"
    exit 0
    hotfix (by hand): one function, by hand

    JOB           ENVIRONMENT  WHEN        DOES
    scan          -            on success  sonar-scanner --fast
        keeps scan.json
        may fail with exit code 3, 4
    ship-prod-eu  prod_eu00    by hand     ./ship.sh prod_eu00
        needs scan
    ");
    let json: Value =
        serde_json::from_str(&repo.run("pipelines show hotfix --output json").stdout).expect("JSON");
    insta::assert_snapshot!(json["jobs"][1].to_string(), @r#"{"branches":"never","changes":[],"ciStage":"deploy","commands":[["./ship.sh","prod_eu00"]],"environment":"prod_eu00","handsOver":null,"keepForSeconds":604800,"keeps":[],"mayFail":false,"name":"ship-prod-eu","needs":[{"job":"scan","optional":false}],"parts":null,"stages":[],"starts":null,"takes":[],"timeoutSeconds":3600,"variables":{},"when":"manual"}"#);
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
    insta::assert_snapshot!(repo.shown("pipelines show stagin"), @r"
    exit 2
    error[LF-FILE-INVALID] exit 2
      landfall.toml: /pipelines/stagin: found no pipeline `stagin`, expected `staging`, perhaps
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    ");
    insta::assert_snapshot!(repo.shown("pipelines show"), @r"
    exit 2
    error[LF-CONFIG-MISSING] exit 2
      name is missing: the pipeline, as landfall pipelines lists it
      next: give it by <NAME>

    nothing was changed
    ");
    let broken = "[pipelines.hotfix]\nstart = \"by-hand\"\n\n[pipelines.hotfix.jobs.ship]\nstage = \"deploy-lamda\"\nneeds = [\"scan\"]\n";
    let repo = Repo::of(&format!("{ROWS}\n{broken}"));
    for words in ["pipelines", "pipelines show hotfix", "render gitlab --out @/ci"] {
        let ended = repo.run(words);
        assert_eq!(ended.code, 2, "{words}");
        assert!(ended.stderr.contains("`deploy-lambda`, perhaps"), "{words}: {}", ended.stderr);
    }
    insta::assert_snapshot!(repo.shown("pipelines show hotfix"), @r"
    exit 2
    error[LF-FILE-INVALID] exit 2
      landfall.toml: /pipelines/hotfix/jobs/ship/stage at 17:9: found no stage `deploy-lamda`, expected `deploy-lambda`, perhaps
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    ");
    assert!(!repo.path("ci").exists());
}
