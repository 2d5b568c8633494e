//! `rollback-lambda`: back by the report, by the ledger, to a release; and refusing while anything stands in the way.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{EventKind, LedgerEvent};
use landfall_cli::exit;
use serde_json::Value;

use crate::bad_input::refused;
use crate::harness::Ran;
use crate::recorded;
use crate::snapshot::page;
use crate::world::World;

fn events(world: &World, kind: EventKind) -> Vec<LedgerEvent> {
    let events = recorded::events(world.path(".landfall/ledger"));
    events.into_iter().filter(|event| event.kind == kind).collect()
}

/// Facts of the report's items, by function.
fn facts(ran: &Ran, key: &str) -> BTreeMap<String, String> {
    let items = ran.report()["items"].as_array().expect("items");
    let fact =
        |item: &Value| Some((item["name"].as_str()?.to_owned(), item["details"][key].as_str()?.to_owned()));
    items.iter().filter_map(fact).collect()
}

/// Where a function's alias points.
fn alias(world: &World) -> Option<String> {
    world.sandbox.lambda.alias_target("OrderServiceFunction", "live")
}

/// The plan of a second release, which brings the images that ran at the beginning.
pub(crate) fn plan_second(world: &World) {
    for name in ["image-lock.json", "lambda-ecr-mappings.json"] {
        let mut text = world.read(name).replace("r-0123456789ab", "r-2");
        for project in world.projects() {
            let old = project.running_image().digest();
            let tag = format!("{}-{}", project.lambda, project.running);
            text = text.replace(&project.image().digest(), &old).replace(&project.tag(), &tag);
            text = text.replace(
                &format!("\"version\": \"{}\"", project.version),
                &format!("\"version\": \"{}\"", project.running),
            );
        }
        world.write(name, &text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_report_of_the_deployment() {
    let world = World::deployable().await;
    let before = world.running();
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let deployed = world.running();
    assert_ne!(deployed, before);
    let ran = world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(world.running(), before);
    page!(world.tidy(&ran.stdout), @r#"
    OrderServiceFunction runs again [digest]
    PaymentGatewayFunction runs again [digest]
    clean-up must keep ecr-registry.test/app@[digest]
    clean-up must keep ecr-registry.test/app@[digest]
    2 rolled back, 0 unchanged, 0 failed, 0 unknown, 0 not tried; 0 that the deployment did not change
    "#);
    let keep = facts(&ran, "keep");
    assert!(keep.len() == 2 && keep.iter().all(|(name, image)| image.ends_with(&before[name])), "{keep:?}");
    assert_eq!(facts(&ran, "from")["OrderServiceFunction"], deployed["OrderServiceFunction"]);

    let report = world.json("rollback-report.json");
    for function in report["functions"].as_array().expect("functions") {
        let name = function["name"].as_str().expect("a name");
        assert_eq!(function["outcome"], "rolled-back");
        let image = |key: &str| function[key]["image"].as_str().expect("an image").to_owned();
        assert!(image("before").ends_with(&deployed[name]) && image("after").ends_with(&before[name]));
    }
    let recorded = events(&world, EventKind::Rollback);
    assert!(recorded.len() == 1 && recorded[0].items.len() == 2, "{recorded:#?}");
    assert_eq!(recorded[0].reason.as_deref(), Some("the deployment of r-0123456789ab was rolled back"));
    assert_eq!(events(&world, EventKind::Intent).len(), 4);

    let writes = world.writes().len();
    let again = world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!((again.outcome(), world.writes().len()), ("nothing-to-do", writes));
    let report = world.json("rollback-report.json");
    let first = &report["functions"][0];
    assert!(
        first["outcome"] == "unchanged" && first["before"] != first["after"],
        "what ran before it is kept"
    );
    assert_eq!(events(&world, EventKind::Rollback).len(), 1);
}

/// The deployment's report lies about still, and no longer says what runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_what_was_rolled_back_is_not_recorded_again() {
    let world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"], &["rollback-lambda"]]).await;
    let ran = world.run(&["update-version-dashboard"]).await.expect(0);
    assert!(ran.stderr.contains("was rolled back since"), "{}", ran.stderr);
    assert_eq!(events(&world, EventKind::Deployment).len(), 1);

    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    assert_eq!(events(&world, EventKind::Deployment).len(), 2, "what is deployed again is news");

    // So is another release, also where the rollback has left nothing for it to change.
    world.run(&["rollback-lambda"]).await.expect(0);
    plan_second(&world);
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    assert_eq!(events(&world, EventKind::Deployment).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_go_back_too() {
    let world = World::deployable().await;
    let first = world.running();
    world.run(&["deploy-lambda", "--alias", "live"]).await.expect(0);
    assert_eq!(alias(&world).as_deref(), Some("1"));
    let second = world.running();
    plan_second(&world);
    world.run(&["deploy-lambda", "--alias", "live"]).await.expect(0);
    assert_eq!((alias(&world).as_deref(), world.running()), (Some("2"), first.clone()));
    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!((alias(&world).as_deref(), world.running()), (Some("1"), second));

    // The alias that a deployment made goes away with it.
    let world = World::deployable().await;
    world.run(&["deploy-lambda", "--alias", "live"]).await.expect(0);
    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!((alias(&world), world.running()), (None, first));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_was_deleted() {
    let world = World::deployable().await;
    world.run(&["deploy-lambda"]).await.expect(0);
    let running = world.running();
    let repository = &world.sandbox.options().ecr_repository;
    for project in world.projects() {
        world.sandbox.ecr_registry.remove_image(repository, &project.running_image().digest());
    }
    let ran = refused(&world, &["rollback-lambda"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-ROLLBACK-GONE] exit 3
      OrderServiceFunction ran ecr-registry.test/app@[digest], which is no longer there
      PaymentGatewayFunction ran ecr-registry.test/app@[digest], which is no longer there
      next: roll back to a release whose images are there (--to), or build and deploy that version anew; let clean-up keep what runs (docs/access.md)

    nothing was changed
    exit 3
    "#);
    assert_eq!(world.running(), running);
    let ran = world.run(&["rollback-lambda", "--skip-verify", "--quiet"]).await.expect(3);
    assert_eq!(ran.codes(), ["LF-LAMBDA-IMAGE"; 2]);
    assert_eq!(world.running(), running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_gone_or_under_way() {
    let world = World::deployable().await;
    world.sandbox.lambda.settle_after("OrderServiceFunction", Duration::from_secs(3600));
    world.run(&["deploy-lambda", "--settle-timeout", "1s"]).await.expect(8);
    let running = world.running();
    let ran = refused(&world, &["rollback-lambda"], 5).await;
    page!(ran.page(&world), @r#"
    error[LF-LAMBDA-BUSY] exit 5
      function OrderServiceFunction is busy with another update
      next: run again when the other update is over

    nothing was changed
    exit 5
    "#);
    assert_eq!(world.running(), running);

    let world = World::deployable().await;
    world.run(&["deploy-lambda"]).await.expect(0);
    let report = world.read("deploy-report.json").replace("OrderServiceFunction", "NoSuchFunction");
    world.write("deploy-report.json", &report);
    let ran = refused(&world, &["rollback-lambda"], 3).await;
    assert_eq!(ran.codes(), ["LF-LAMBDA-MISSING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_ledger_and_to_a_release() {
    let world = World::deployable().await;
    let first = world.running();
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let second = world.running();
    world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0);
    assert_eq!(world.running(), first, "the first deployment on record knows what it found");
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;

    plan_second(&world);
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    assert_eq!(world.running(), first);
    world.remove("deploy-report.json");
    world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0);
    assert_eq!(world.running(), second);
    let recorded = events(&world, EventKind::Rollback);
    let newest = recorded.last().expect("a rollback");
    assert_eq!(newest.release.as_ref().map(ToString::to_string).as_deref(), Some("r-0123456789ab"));
    assert!(newest.items.iter().all(|item| item.project.is_some() && item.version.is_some()), "{newest:#?}");
    assert_eq!(world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0).outcome(), "nothing-to-do");

    world.run(&["rollback-lambda", "--to", "r-2"]).await.expect(0);
    assert_eq!(world.running(), first);
    assert_eq!(world.run(&["rollback-lambda", "--to", "r-2"]).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_release_brought_does_not_come_back_without_a_word() {
    let world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let dead = world.running();
    let failing = ["smoke-test", "--release", "r-0123456789ab", "--command", "exit 1", "--within", "1s"];
    world.run(&failing).await.expect(3);
    plan_second(&world);
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    for words in [&["rollback-lambda", "--dry-run"][..], &["rollback-lambda"]] {
        let ran = world.run(words).await.expect(0);
        let warnings = ran.report()["warnings"].to_string();
        let is_told =
            ["release r-0123456789ab failed a test", "--from-ledger"].map(|text| warnings.contains(text));
        assert_eq!(is_told, [true; 2], "{words:?}: {warnings}");
    }
    assert_eq!(world.running(), dead);
}

/// A deployment that nobody recorded is known by its intents.
#[tokio::test(flavor = "multi_thread")]
async fn by_the_ledger_of_a_deployment_that_was_not_recorded() {
    let world = World::deployable().await;
    let first = world.running();
    world.sandbox.lambda.fail_next("PaymentGatewayFunction", "InternalError", "An internal error occurred.");
    world.run(&["deploy-lambda", "--on-failure", "stop", "--jobs", "1"]).await.expect(6);
    assert_ne!(world.running(), first);
    world.remove("deploy-report.json");
    world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0);
    assert_eq!(world.running(), first);
    assert_eq!(world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0).outcome(), "nothing-to-do");
}

/// A second run that fails in a mixed system says so, and takes all of it back.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_try_changed_counts() {
    let world = World::deployable().await;
    let first = world.running();
    let fails = || {
        world.sandbox.lambda.fail_next(
            "PaymentGatewayFunction",
            "InternalError",
            "An internal error occurred.",
        );
    };
    fails();
    let words = ["deploy-lambda", "--on-failure", "stop", "--jobs", "1"];
    world.run(&words).await.expect(6);
    fails();
    let ran = world.run(&words).await.expect(6);
    assert!(ran.stderr.contains("OrderServiceFunction: unchanged"), "half of a mixed state: {}", ran.stderr);
    fails();
    world.run(&["deploy-lambda", "--on-failure", "rollback"]).await;
    assert_eq!(world.running(), first);
}

/// The ledger knows no versions: an alias is pointed to a new version of what ran before.
#[tokio::test(flavor = "multi_thread")]
async fn by_the_ledger_with_an_alias() {
    let world = World::deployable().await;
    let first = world.running();
    world.run_all(&[&["deploy-lambda", "--alias", "live"], &["update-version-dashboard"]]).await;
    let words = ["rollback-lambda", "--from-ledger", "--alias", "live"];
    world.run(&words).await.expect(0);
    assert_eq!((alias(&world).as_deref(), world.running()), (Some("2"), first));
    assert_eq!(world.run(&words).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_guard_a_deployment() {
    let world = World::deployable().await;
    let before = world.running();
    let settings = world.read("landfall.toml");
    let check = |name: &str, command: &str| {
        format!("{settings}\n[[smoke]]\nname = \"{name}\"\ncommand = \"{command}\"\nretry = false\n")
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
