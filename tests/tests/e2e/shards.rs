//! Copies and deployments in four parts at once: one end state, nothing done twice, and a whole ledger, in a folder and in S3.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::Method;
use landfall_artifacts::EventKind;
use landfall_sandbox::{Fault, Service, What};
use serde_json::Value;

use crate::harness::{Ran, Running};
use crate::recorded;
use crate::world::World;

const PARTS: usize = 4;

/// A world of six functions, with the ledger in a folder or in a bucket.
async fn world(is_shared: bool) -> World {
    let mut world = World::new().await;
    world.has_versions();
    world.has_logins();
    world.has_aws_keys();
    if is_shared {
        world.has_shared_ledger();
    }
    world
}

/// The words of one part of a stage, as a CI system calls it.
fn part(stage: &str, part: usize) -> Vec<String> {
    let mut words = vec![stage.to_owned()];
    words.extend(["--shard".to_owned(), format!("{part}/{PARTS}")]);
    words.extend(["--rate-share".to_owned(), format!("1/{PARTS}")]);
    words
}

/// A part of a deployment, of one run of a pipeline.
fn of_run(run: &str, number: usize) -> Vec<String> {
    [part("deploy-lambda", number), vec!["--run-id".to_owned(), run.to_owned()]].concat()
}

async fn start<'a>(world: &'a World, words: &[String]) -> Running<'a> {
    world.start(&words.iter().map(String::as_str).collect::<Vec<_>>(), None).await
}

async fn run(world: &World, words: &[String]) -> Ran {
    start(world, words).await.end().await
}

/// All parts of a stage at once, each a process.
async fn in_parts(world: &World, stage: &str) -> Vec<Ran> {
    let mut running = Vec::new();
    for number in 1..=PARTS {
        running.push(start(world, &part(stage, number)).await);
    }
    join_all(running.into_iter().map(Running::end)).await
}

/// What was brought to ECR and to Lambda, each request that did: blobs by their digests, manifests by their tags, functions by name.
fn brought(world: &World) -> Vec<String> {
    let of = |service: Service| world.writes().into_iter().filter(move |entry| entry.service == service);
    let of_registry = of(Service::EcrRegistry).map(|entry| {
        let digest = entry.target.split_once("digest=").map(|(_, digest)| digest.to_owned());
        match digest {
            Some(digest) => format!("{} blob {digest}", entry.method),
            None if entry.path().contains("/blobs/uploads/") => format!("{} upload", entry.method),
            None => format!("{} {}", entry.method, entry.path()),
        }
    });
    let of_lambda = of(Service::Lambda).map(|entry| format!("{} {}", entry.method, entry.path()));
    let mut brought: Vec<String> = of_registry.chain(of_lambda).collect();
    brought.sort();
    brought
}

/// The environments that are held, as `ledger locks` tells them.
async fn held(world: &World) -> Vec<Value> {
    let ran = world.run(&["ledger", "locks", "--output", "json"]).await.expect(0);
    let locks: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    locks["result"]["held"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_parts_at_once_do_what_one_run_does_and_nothing_twice() {
    let one = world(false).await;
    one.run_all(&[&["retag-push-ecr"], &["deploy-lambda"]]).await;
    let expected = brought(&one);
    let blobs: Vec<&String> = expected.iter().filter(|what| what.contains(" blob ")).collect();
    let distinct: BTreeSet<&String> = blobs.iter().copied().collect();
    assert!(
        blobs.len() == distinct.len() && blobs.len() > 6,
        "shared layers, and each image's own: {expected:#?}"
    );

    for is_shared in [false, true] {
        let world = world(is_shared).await;
        let before = world.running();
        for stage in ["retag-push-ecr", "deploy-lambda"] {
            for ran in in_parts(&world, stage).await {
                ran.expect(0);
            }
        }
        assert_eq!(brought(&world), expected, "in S3: {is_shared}");
        assert_eq!((world.ecr_tags(), world.running()), (one.ecr_tags(), one.running()));
        assert_eq!(world.json("lambda-ecr-mappings.json"), one.json("lambda-ecr-mappings.json"));
        assert_eq!(world.json("image-lock.json")["images"].as_array().map(Vec::len), Some(6));
        assert!(held(&world).await.is_empty(), "all was given back");

        // The whole is recorded once, as one deployment of six functions.
        let ran = world.run(&["update-version-dashboard"]).await.expect(0);
        assert!(ran.stdout.contains("6 functions"), "{}", ran.stdout);
        assert_eq!(
            ran.items().iter().filter(|(_, outcome)| outcome == "recorded").count(),
            1,
            "{:?}",
            ran.items()
        );
        world.run(&["ledger", "verify"]).await.expect(0);

        world.run(&["rollback-lambda"]).await.expect(0);
        assert_eq!(world.running(), before, "back goes all of it");
        assert_eq!(world.json("rollback-report.json")["functions"].as_array().map(Vec::len), Some(6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_fails_is_run_again_alone_and_a_rollback_goes_back_whole() {
    let world = world(true).await;
    let before = world.running();
    world.run(&["retag-push-ecr"]).await.expect(0);
    // The third of the functions, which the third part does.
    world.sandbox.lambda.fail_next("OrderServiceFunction", "InternalError", "An internal error occurred.");
    let codes: Vec<_> = in_parts(&world, "deploy-lambda").await.iter().map(|ran| ran.code).collect();
    assert_eq!(codes, [Some(0), Some(0), Some(3), Some(0)]);
    let running = world.running();
    let changed: Vec<&String> = running.keys().filter(|name| running[*name] != before[*name]).collect();
    assert_eq!(changed.len(), 5, "{changed:?}");

    world.sandbox.journal().clear();
    run(&world, &part("deploy-lambda", 3)).await.expect(0);
    let touched: Vec<String> =
        brought(&world).into_iter().filter(|what| !what.contains("OrderServiceFunction")).collect();
    assert_eq!(touched, [""; 0], "the functions of the other parts are left alone");
    let all: Vec<_> = world.projects().iter().map(|project| project.image().digest()).collect();
    assert_eq!(world.running().into_values().collect::<Vec<_>>(), all);

    world.run(&["update-version-dashboard"]).await.expect(0);
    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(world.running(), before);
    let ran = world.run(&["ledger", "show", "environment", "stg_eu00", "--output", "json"]).await.expect(0);
    assert!(ran.stdout.contains("\"rolledBack\": true"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_killed_keeps_others_out_and_is_unlocked_alone() {
    let world = world(true).await;
    world.run(&["retag-push-ecr"]).await.expect(0);
    let kill = Fault::new(What::KillBefore).on(Service::Lambda).method(Method::PUT).nth(1);
    world.sandbox.faults().add(kill);
    assert_eq!(run(&world, &part("deploy-lambda", 3)).await.signal, Some(9));
    world.sandbox.faults().clear();

    run(&world, &part("deploy-lambda", 1)).await.expect(0);
    for words in [vec!["deploy-lambda".to_owned()], part("deploy-lambda", 3), part("retag-push-ecr", 1)] {
        let ran = run(&world, &words).await.expect(i32::from(landfall_cli::exit::LOCKED));
        assert_eq!(ran.codes(), ["LF-LEDGER-HELD"], "{words:?}");
        assert!(ran.stderr.contains("part 3/4"), "{}", ran.stderr);
    }
    let standing = held(&world).await;
    assert_eq!(standing.iter().map(|one| &one["part"]).collect::<Vec<_>>(), ["3/4"]);
    let ran = world.run(&["ledger", "locks"]).await.expect(0);
    assert!(ran.stdout.contains("part 3/4"), "{}", ran.stdout);

    // To another part it is no stranger, to itself it is in the way.
    for (shard, verdict) in [("1/4", "good"), ("3/4", "failed")] {
        let ran = world.run(&["doctor", "deploy-lambda", "--output", "json", "--", "--shard", shard]).await;
        let answer: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let checks = answer["examined"][0]["checks"].as_array().expect("checks");
        let free = checks.iter().find(|check| check["id"] == "environment-free").expect("the check");
        assert_eq!(free["verdict"], verdict, "{shard}: {free}");
        assert!(free.to_string().contains("part 3/4"), "{free}");
    }

    let unlock = |part: &str| {
        ["ledger", "unlock", "stg_eu00", "--part", part, "--reason", "its runner was killed", "--yes"]
            .map(str::to_owned)
    };
    let ran = run(&world, &unlock("2/4")).await.expect(2);
    assert_eq!(ran.codes(), ["LF-LEDGER-NOT-HELD"]);
    run(&world, &unlock("3/4")).await.expect(0);
    for number in [3, 2, 4] {
        run(&world, &part("deploy-lambda", number)).await.expect(0);
    }
    let all: Vec<_> = world.projects().iter().map(|project| project.image().digest()).collect();
    assert_eq!(world.running().into_values().collect::<Vec<_>>(), all);
    world.run(&["ledger", "verify"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_comes_after_a_rollback_is_refused_and_a_new_run_is_not() {
    let world = world(false).await;
    let before = world.running();
    world.run(&["retag-push-ecr"]).await.expect(0);
    for number in 1..PARTS {
        run(&world, &of_run("7", number)).await.expect(0);
    }
    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(world.running(), before);
    let late = run(&world, &of_run("7", PARTS)).await.expect(3);
    assert_eq!(late.codes(), ["LF-DEPLOY-ROLLED-BACK"]);
    assert!(late.stderr.contains("part 4/4 would bring its share of it back alone"), "{}", late.stderr);
    assert_eq!(world.running(), before);

    // A new run, of which one part came so far: the reports of the others are from before the rollback.
    run(&world, &of_run("8", PARTS)).await.expect(0);
    let ran = world.run(&["update-version-dashboard"]).await.expect(0);
    assert!(ran.stderr.contains("were rolled back or changed again since"), "{}", ran.stderr);
    let of_newest = || {
        let events = recorded::events(world.path(".landfall/ledger"));
        let newest = events.into_iter().rfind(|event| event.kind == EventKind::Deployment);
        newest.expect("a deployment").items.into_iter().map(|item| item.name).collect::<Vec<_>>()
    };
    let changed: Vec<String> = world
        .running()
        .into_iter()
        .filter(|(name, now)| before[name] != *now)
        .map(|(name, _)| name)
        .collect();
    assert_eq!((of_newest(), changed.len()), (changed, 1), "function by function");

    for number in 1..PARTS {
        run(&world, &of_run("8", number)).await.expect(0);
    }
    world.run(&["update-version-dashboard"]).await.expect(0);
    assert_eq!(of_newest().len(), 6);
}
