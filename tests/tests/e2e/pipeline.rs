//! The staging pipeline from start to end, again, and what production makes of its files.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::EventKind;
use landfall_sandbox::sample::SampleProject;
use landfall_sandbox::{BUILD_KEY, RC_KEY, Service, sample};
use serde_json::Value;

use crate::recorded;
use crate::world::{STAGING, World};

/// Key and value of every sample project.
fn expected(key: fn(&SampleProject) -> String) -> BTreeMap<String, String> {
    sample::projects().iter().map(|project| (key(project), project.image().digest())).collect()
}

fn is_deployed(world: &World) {
    let tags = world.ecr_tags();
    for (tag, digest) in expected(SampleProject::tag) {
        assert_eq!(tags.get(&tag), Some(&digest), "{tag}");
    }
    assert_eq!(world.running(), expected(|project| project.lambda.to_owned()));
    let released = expected(|project| project.project.to_owned());
    assert_eq!(world.artifactory(RC_KEY), released);
    assert_eq!(world.artifactory(BUILD_KEY), released, "promotion copies");
}

fn has_one_ticket(world: &World, status: &str, comments: usize) {
    let issues = world.sandbox.jira.issues();
    assert_eq!(issues.len(), 1, "{issues:#?}");
    assert_eq!((issues[0].status.as_str(), issues[0].comments.len()), (status, comments));
    let description = issues[0].fields["description"].to_string();
    for project in sample::projects() {
        assert!(
            description.contains(project.project) && description.contains(project.version),
            "{description}"
        );
    }
}

/// Every event of the ledger; each intent has an outcome.
fn ledger(world: &World) -> usize {
    let events = recorded::events(world.path(".landfall/ledger"));
    let intents: BTreeSet<u64> =
        events.iter().filter(|event| event.kind == EventKind::Intent).map(|event| event.sequence).collect();
    let answered: BTreeSet<u64> = events.iter().filter_map(|event| event.intent).collect();
    assert_eq!(intents, answered, "an intent without an outcome");
    events.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_from_start_to_end_and_again() {
    let world = World::new().await;
    world.run_all(&STAGING).await;
    is_deployed(&world);
    has_one_ticket(&world, "Pre-Prod Testing", 1);
    let events = ledger(&world);
    assert!(events > 12, "{events} events");
    assert!(world.sandbox.vault.live_tokens().is_empty(), "a token was not given back");
    let uploaded = world.sandbox.ecr_registry.uploaded();
    let distinct: BTreeSet<_> = uploaded.iter().collect();
    assert_eq!(distinct.len(), uploaded.len(), "a blob was sent twice");
    assert_eq!(distinct.len(), 2 + 2 * 6, "two shared layers; code and configuration of each image");
    let report = world.json("deploy-report.json");
    for project in sample::projects() {
        let functions = report["functions"].as_array().expect("a list");
        let function =
            functions.iter().find(|function| function["name"] == project.lambda).expect("each function");
        let (before, after) = (function["before"].to_string(), function["after"].to_string());
        let hex = |digest: String| digest.trim_start_matches("sha256:").to_owned();
        assert!(before.contains(&hex(project.running_image().digest())), "{before}");
        assert!(after.contains(&hex(project.image().digest())), "{after}");
    }
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!((&log["summary"]["total"], &log["summary"]["failed"]), (&Value::from(6), &Value::from(0)));
    let page = world.read("dashboard/index.html");
    assert!(sample::projects().iter().all(|project| page.contains(project.version)), "{page}");

    let (pages, made): (Vec<String>, Vec<String>) =
        world.made().into_iter().partition(|path| path.starts_with("dashboard/pages/"));
    assert!(pages.iter().any(|path| path == "dashboard/pages/environment-stg_eu00.html"), "{pages:?}");
    assert_eq!(
        made,
        [
            "aws_auth.env",
            "dashboard/index.html",
            "deploy-report.json",
            "docker-config.json",
            "image-lock.json",
            "jira-tickets.json",
            "lambda-ecr-mappings.json",
            "promotion-log-to-rc.json",
            "versions.json"
        ]
    );
    let contract = |world: &World| {
        ["versions.json", "lambda-ecr-mappings.json", "image-lock.json"].map(|name| world.read(name))
    };
    let (files, writes) = (contract(&world), world.writes().len());
    for words in STAGING {
        let ran = world.run(words).await.expect(0);
        let makes_files =
            ["generate-versions", "aws-credentials", "prepare-docker-config"].contains(&words[0]);
        assert!(
            makes_files || ran.outcome() == "nothing-to-do",
            "a second `{}`: {}",
            ran.words,
            ran.outcome()
        );
    }
    let again: Vec<String> = world.writes().iter().skip(writes).map(ToString::to_string).collect();
    let outside: Vec<&String> = again.iter().filter(|entry| !entry.contains(" vault#")).collect();
    assert!(outside.is_empty(), "a second run changes something: {outside:#?}");
    assert_eq!(contract(&world), files);
    is_deployed(&world);
    has_one_ticket(&world, "Pre-Prod Testing", 1);
    ledger(&world);
    assert!(world.sandbox.vault.live_tokens().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn production_deploys_the_digests_of_staging_and_moves_its_ticket() {
    let mut world = World::new().await;
    world.run_all(&STAGING).await;
    // Another pipeline: it has the versions as text, and staging's lock as its only link.
    let (versions, lock) = (world.read("versions.json"), world.read("image-lock.json"));
    for name in world.made() {
        world.remove(&name);
    }
    world.write("staging/image-lock.json", &lock);
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    world.set("PROD_VERSIONS_JSON", &versions);
    let writes = |world: &World, service: Service| {
        world.writes().iter().filter(|entry| entry.service == service).count()
    };
    let lambda = writes(&world, Service::Lambda);
    world
        .run_all(&[
            &["generate-mappings", "--staging-lock", "staging/image-lock.json"],
            &["aws-credentials"],
            &["transition-jira-tickets", "deploying"],
            &["deploy-lambda"],
            &["update-version-dashboard"],
            &["comment-jira-tickets", "production"],
            &["transition-jira-tickets", "resolved"],
            &["promote-artifacts", "--preset", "to-release"],
            &["transition-jira-tickets", "closed"],
        ])
        .await;
    is_deployed(&world);
    assert_eq!(
        writes(&world, Service::Lambda),
        lambda,
        "both environments are one account here, so all runs already"
    );
    has_one_ticket(&world, "Closed", 2);
    ledger(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_versions_is_nothing_anywhere() {
    let world = World::new().await;
    world.write("versions.json", "{}");
    let running = world.running();
    for words in STAGING.iter().filter(|words| words[0] != "generate-versions") {
        world.run(words).await.expect(0);
    }
    assert_eq!(world.running(), running);
    assert!(world.sandbox.jira.issues().is_empty() && world.artifactory(RC_KEY).is_empty());
}
