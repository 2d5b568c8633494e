//! `rollback-lambda`: what ran before a deployment runs again.

use landfall_artifacts::EventKind;
use landfall_cli::exit;
use landfall_ledger::FolderLedger;
use serde_json::Value;

use crate::snapshot::page;
use crate::world::World;

/// A world in which a release of images runs on top of an older one, both in ECR.
async fn deployed() -> (World, std::collections::BTreeMap<String, String>) {
    let world = World::deployable().await;
    let before = world.running();
    world.run(&["deploy-lambda"]).await.expect(0);
    assert_ne!(world.running(), before);
    (world, before)
}

fn outcomes(report: &Value) -> Vec<&str> {
    let functions = report["functions"].as_array().expect("functions");
    functions.iter().filter_map(|function| function["outcome"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_before_runs_again_and_a_second_run_has_nothing_to_do() {
    let (world, before) = deployed().await;
    let (files, writes) = (world.files(), world.writes().len());
    let ran = world.run(&["rollback-lambda", "--dry-run"]).await.expect(0);
    assert!(world.changed_since(&files).is_empty() && world.writes().len() == writes, "a dry run");
    assert_eq!(ran.items().iter().filter(|(_, outcome)| outcome == "planned").count(), 2);
    assert!(ran.stdout.contains("keep "), "what clean-up must keep is said: {}", ran.stdout);

    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(world.running(), before);
    assert_eq!(outcomes(&world.json("rollback-report.json")), ["rolled-back"; 2]);
    let events = FolderLedger::for_reading(world.path(".landfall/ledger")).events().expect("events");
    let rollbacks: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Rollback).collect();
    assert_eq!((rollbacks.len(), rollbacks[0].items.len()), (1, 2));

    let ran = world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(ran.outcome(), "nothing-to-do");
    assert_eq!(outcomes(&world.json("rollback-report.json")), ["unchanged"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_ecr_is_said_before_anything_is_changed() {
    let (world, before) = deployed().await;
    let running = world.running();
    let repository = &world.sandbox.options().ecr_repository;
    for digest in before.values() {
        world.sandbox.ecr_registry.expire_image(repository, digest);
    }
    let ran = world.run(&["rollback-lambda", "--quiet"]).await.expect(i32::from(exit::REFUSED));
    page!(ran.page(&world), @r#"
    error[LF-ROLLBACK-GONE] exit 3
      what OrderServiceFunction ran before is gone from ECR: ecr-registry.test/app@[digest]
      what PaymentGatewayFunction ran before is gone from ECR: ecr-registry.test/app@[digest]
      next: copy the image again from the registry that it came from, or deploy a named release; see docs/access.md for a lifecycle rule that keeps it

    nothing was changed
    exit 3
    "#);
    assert_eq!(world.running(), running);
    assert!(!world.path("rollback-report.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_another_environment_is_refused() {
    let (world, _) = deployed().await;
    let report = world.read("deploy-report.json").replace("stg_eu00", "prod_eu00");
    world.write("deploy-report.json", &report);
    let ran = world.run(&["rollback-lambda", "--quiet"]).await.expect(i32::from(exit::INPUT));
    page!(ran.page(&world), @r#"
    error[LF-ROLLBACK-ENVIRONMENT] exit 2
      deploy-report.json is of environment prod_eu00, not stg_eu00
      next: run this stage in the same environment as deploy-lambda

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_the_deployment_moved_or_made_goes_back_too() {
    let world = World::deployable().await;
    let lambda = &world.sandbox.lambda;
    let version = lambda.publish_as("OrderServiceFunction", "live");
    let before = world.running();
    world.run(&["deploy-lambda", "--alias", "live"]).await.expect(0);
    assert_ne!(lambda.alias_target("OrderServiceFunction", "live"), Some(version.clone()));
    assert!(lambda.alias_target("PaymentGatewayFunction", "live").is_some());
    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(lambda.alias_target("OrderServiceFunction", "live"), Some(version));
    assert_eq!(lambda.alias_target("PaymentGatewayFunction", "live"), None, "there was none");
    assert_eq!(world.running(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_guard_a_deployment() {
    let world = World::deployable().await;
    let before = world.running();
    let settings = world.read("landfall.toml");
    let check = |name: &str, command: &str| {
        format!("{settings}\n[[smoke]]\nname = \"{name}\"\ncommand = \"{command}\"\n")
    };
    world.write("landfall.toml", &check("answers", "echo no answer; exit 1"));
    let words =
        ["deploy-lambda", "--smoke", "--alias", "live", "--traffic", "50%,100%", "--on-failure", "rollback"];
    let ran = world.run(&words).await.expect(i32::from(exit::REFUSED));
    assert!(ran.stderr.contains("LF-SMOKE-FAILED") && ran.stderr.contains("answers"), "{}", ran.stderr);
    assert_eq!(world.running(), before);
    assert_eq!(world.sandbox.lambda.alias_target("OrderServiceFunction", "live"), None);
    world.write("landfall.toml", &check("answers", "true"));
    world.run(&words).await.expect(0);
    assert_ne!(world.running(), before);
    world.write("landfall.toml", &settings);
    world.run(&words).await.expect(i32::from(exit::INPUT));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_changed_nothing_leaves_nothing_to_put_back() {
    let (world, _) = deployed().await;
    world.remove("deploy-report.json");
    world.run(&["deploy-lambda"]).await.expect(0);
    let ran = world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(ran.outcome(), "nothing-to-do");
    world.remove("deploy-report.json");
    world.run(&["rollback-lambda"]).await.expect(i32::from(exit::INPUT));
}
