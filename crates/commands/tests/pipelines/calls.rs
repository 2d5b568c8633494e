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
    insta::assert_snapshot!(with("prod_eu00", ONE), @"");
    insta::assert_snapshot!(with("prod_eu0, stg_eu00 prod_eu00", "{\"orders\": 1}"), @"");
    insta::assert_snapshot!(repo.shown("targets --known prod_eu00"), @"");
    insta::assert_snapshot!(repo.shown("targets"), @"");
    // The repo's rows serve where nothing is given, and its file where no text is.
    let repo = Repo::of(ROWS);
    repo.write("versions.json", ONE);
    let variables = [("TARGET_DEPLOY_ENVIRONMENTS", "stg_eu00 stg_na03")];
    insta::assert_snapshot!(repo.shown_with("targets --versions @/versions.json", &variables), @"");
    let differs = [variables[0], ("TARGET_VERSIONS_JSON", "{}")];
    assert_eq!(repo.run_with("targets --versions @/versions.json", &differs).code, 2);
}

#[test]
fn the_release_is_handed_on_as_a_variable() {
    let repo = Repo::of("");
    repo.write("versions.json", ONE);
    insta::assert_snapshot!(repo.shown("release --versions @/versions.json --to @/release.env"), @"");
    assert_eq!(repo.read("release.env"), "LANDFALL_RELEASE=v1.4.0\n");
    repo.write("versions.json", "{}");
    insta::assert_snapshot!(repo.shown("release --versions @/versions.json --to @/release.env"), @"");
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
            for words in job.commands().iter().filter(|words| words.first().is_some_and(|one| one == "landfall")) {
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
