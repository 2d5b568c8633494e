//! The commands that rendered files call.

use landfall_artifacts::Settings;
use landfall_commands::tool::{Call, call};
use landfall_pipeline::{Pipelines, Work};

use crate::made::{ROWS, Repo};

const KNOWN: &str = "targets --known prod_eu00=production,stg_eu00=staging --versions @/versions.json";
const ONE: &str = r#"{"orders": {"version": "1.4.0", "folder": "orders"}}"#;

#[test]
fn targets_are_told_or_refused_all_at_once() {
    let repo = Repo::of("");
    let with = |environments: &str, versions: &str| {
        let variables = [("TARGET_DEPLOY_ENVIRONMENTS", environments), ("TARGET_VERSIONS_JSON", versions)];
        repo.shown_with(KNOWN, &variables)
    };
    insta::assert_snapshot!(with("prod_eu00", ONE), @r"
    exit 0
    production: prod_eu00; 1 project
    ");
    insta::assert_snapshot!(with("prod_eu0, stg_eu00 prod_eu00", "{\"orders\": 1}"), @r"
    exit 2
    error[LF-TARGET-UNKNOWN] exit 2
      TARGET_DEPLOY_ENVIRONMENTS names `prod_eu0`, which is no environment of staging or production
      next: name `prod_eu00`, perhaps

    error[LF-TARGET-MIXED] exit 2
      TARGET_DEPLOY_ENVIRONMENTS names environments of staging and of production
      next: start a run for each

    error[LF-FILE-INVALID] exit 2
      TARGET_VERSIONS_JSON: /orders at 1:12: found 1, expected an object
      next: copy the text of versions.json as the staging pipeline left it

    nothing was changed
    ");
    insta::assert_snapshot!(repo.shown("targets --known prod_eu00"), @r"
    exit 2
    error[LF-CONFIG] exit 2
      --known `prod_eu00` cannot be used: `prod_eu00` is not environments with their kinds, such as stg_eu00=staging,prod_eu00=production
      next: correct it: the environments that there are, each with `staging` or `production`; else those of landfall.toml; give it by --known

    nothing was changed
    ");
    insta::assert_snapshot!(repo.shown("targets"), @r"
    exit 2
    error[LF-CONFIG-MISSING] exit 2
      there is no environment of staging or production that could be named
      next: give them by --known, or rows with `kind` in landfall.toml

    nothing was changed
    ");
    // The repo's rows serve where nothing is given, and its file where no text is.
    let repo = Repo::of(ROWS);
    repo.write("versions.json", ONE);
    let variables = [("TARGET_DEPLOY_ENVIRONMENTS", "stg_eu00 stg_na03")];
    insta::assert_snapshot!(repo.shown_with("targets --versions @/versions.json", &variables), @r"
    exit 0
    staging: stg_eu00, stg_na03; 1 project
    ");
    let differs = [variables[0], ("TARGET_VERSIONS_JSON", "{}")];
    assert_eq!(repo.run_with("targets --versions @/versions.json", &differs).code, 2);
}

#[test]
fn the_release_is_handed_on_as_a_variable() {
    let repo = Repo::of("");
    repo.write("versions.json", ONE);
    insta::assert_snapshot!(repo.shown("release --versions @/versions.json --to @/release.env"), @r"
    exit 0
    @/release.env: LANDFALL_RELEASE=v1.4.0
    ");
    assert_eq!(repo.read("release.env"), "LANDFALL_RELEASE=v1.4.0\n");
    repo.write("versions.json", "{}");
    insta::assert_snapshot!(repo.shown("release --versions @/versions.json --to @/release.env"), @r"
    exit 2
    error[LF-RELEASE-EMPTY] exit 2
      versions.json names no project, and so no release
      next: nothing is to be released; look at what semantic-versioning said

    nothing was changed
    ");
    assert_eq!(repo.run("release --versions @/none.json --to @/release.env").code, 2);
}

#[test]
fn every_command_of_a_built_in_pipeline_is_one_of_the_tool() {
    let text = format!("[releases]\nbucket = \"acme\"\n\n{ROWS}");
    let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
    let pipelines = Pipelines::new(&settings, &text);
    let mut seen = Vec::new();
    for name in pipelines.names() {
        // Some have nothing to do for these rows.
        let Ok(pipeline) = pipelines.pipeline(&name) else { continue };
        for job in pipeline.jobs.iter().filter(|job| !matches!(job.work, Work::Call(_))) {
            for words in
                job.commands().iter().filter(|words| words.first().is_some_and(|one| one == "landfall"))
            {
                let arguments = words.get(1..).unwrap_or_default();
                assert!(!matches!(call(arguments), Call::Print { code: 2, .. }), "{name}: {words:?}");
                seen.extend(arguments.first().cloned());
            }
        }
    }
    for word in ["targets", "release", "stage"] {
        assert!(seen.iter().any(|one| one == word), "no built-in pipeline calls `landfall {word}`");
    }
}
