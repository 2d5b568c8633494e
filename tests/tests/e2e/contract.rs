//! What every stage does alike: help, output, logs, reports.

use serde_json::Value;

use crate::world::{STAGING, World};

#[tokio::test(flavor = "multi_thread")]
async fn help_names_flag_variable_key_and_exit_codes() {
    let world = World::small().await;
    for stage in landfall_commands::stages() {
        let ran = world.help(stage.name).await;
        for (code, meaning, _) in landfall_cli::exit::TABLE {
            assert!(ran.contains(&format!("{code:>3}  {meaning}")), "{}: {code}", stage.name);
        }
        for option in (stage.options)() {
            for variable in option.variables {
                assert!(ran.contains(variable), "{}: {variable}", stage.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_a_short_result_or_the_report() {
    let world = World::small().await;
    let ran = world.run(&["generate-versions"]).await.expect(0);
    let last = ran.stdout.lines().last().unwrap_or_default();
    assert_eq!(last, ran.report()["summary"].as_str().unwrap_or("no summary"));
    let ran = world.run(&["generate-versions", "--output", "json"]).await.expect(0);
    let shown: Value = serde_json::from_str(&ran.stdout).expect("standard output is JSON");
    assert_eq!(&shown, ran.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_lines_for_people_or_machines() {
    let mut world = World::small().await;
    let ran = world.run(&["aws-credentials"]).await.expect(0);
    assert!(!ran.stderr.is_empty() && !ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(0);
    assert_eq!(ran.stderr, "");
    let ran = world.run(&["aws-credentials", "--log-format", "json"]).await.expect(0);
    let lines: Vec<Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    assert!(!lines.is_empty());
    world.set("GITLAB_CI", "true");
    let ran = world.run(&["aws-credentials"]).await.expect(0);
    assert!(ran.stderr.contains("section_start:") && ran.stderr.contains("section_end:"), "{:?}", ran.stderr);
    world.unset("GITLAB_CI");
    world.set("GITHUB_ACTIONS", "true");
    let ran = world.run(&["aws-credentials"]).await.expect(0);
    assert!(ran.stderr.contains("::group::") && ran.stderr.contains("::endgroup::"), "{:?}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_text_does_not_reach_the_terminal_unescaped() {
    let world = World::small().await;
    world.write(
        "versions.json",
        "{\"a\\u001b[2J\\u202eb\": {\"version\": \"\\u001b]0;x\\u0007\", \"folder\": \"::error::y\\n\"}}",
    );
    let ran = world.run(&["generate-mappings"]).await.expect(2);
    let printed = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!printed.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{printed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_stands_above_a_variable_and_that_above_the_file() {
    let mut world = World::small().await;
    world.unset("AWS_REGION");
    world.unset("AWS_DEFAULT_REGION");
    let settings = world
        .read("landfall.toml")
        .replace("kind = \"staging\"", "kind = \"staging\"\naws_region = \"eu-west-1\"");
    world.write("landfall.toml", &settings);
    world.run(&["aws-credentials"]).await.expect(0);
    world.set("AWS_REGION", "us-east-1");
    // STS of the sandbox takes signatures for its own region alone.
    world.run(&["aws-credentials"]).await.expect(3);
    world.run(&["aws-credentials", "--region", "eu-west-1"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_come_from_standard_input_too() {
    let world = World::small().await;
    world.has_versions();
    world.run(&["create-jira-tickets"]).await.expect(0);
    let versions = world.read("versions.json");
    world.remove("versions.json");
    world.run_with_input(&["update-jira-instructions", "--versions", "-"], &versions).await.expect(0);
    let description = world.sandbox.jira.issues()[0].fields["description"].to_string();
    assert!(description.contains("orderService"), "{description}");
    world.run_with_input(&["update-jira-instructions", "--versions", "-"], "").await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_pipelines_name_step_and_region_by_a_variable() {
    let mut world = World::small().await;
    world.has_versions();
    world.run(&["create-jira-tickets"]).await.expect(0);
    world.set("NX_TARGET", "transition-jira-tickets-deploy-pp-eu");
    world.run(&["transition-jira-tickets"]).await.expect(0);
    assert_eq!(world.sandbox.jira.issues()[0].status, "Deployed to Pre-Prod");
    world.set("NX_TARGET", "comment-jira-tickets-staging-eu");
    world.run(&["comment-jira-tickets"]).await.expect(0);
    assert_eq!(world.sandbox.jira.issues()[0].comments.len(), 1);
    // The job's name and the environment must name one region.
    for (stage, name) in [
        ("create-jira-tickets", "create-jira-tickets-staging-na"),
        ("transition-jira-tickets", "transition-jira-tickets-pp-testing-na"),
        ("comment-jira-tickets", "comment-jira-tickets-staging-na"),
        ("update-jira-instructions", "update-jira-instructions-staging-na"),
    ] {
        world.set("NX_TARGET", name);
        let ran = world.run(&[stage]).await.expect(2);
        let what = "NX_TARGET names the region na, and the environment stg_eu00 is of eu";
        assert!(ran.stderr.contains(what), "{stage}: {}", ran.stderr);
    }
    assert_eq!(world.sandbox.jira.issues().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_settings_variables_are_enough() {
    let world = World::new().await;
    world.remove("landfall.toml");
    world.run_all(&STAGING).await;
    assert_eq!(world.sandbox.jira.issues().len(), 1);
}
