//! `--dry-run` reads and foretells; it changes nothing anywhere.

use std::collections::BTreeSet;

use crate::harness::Ran;
use crate::snapshot::page;
use crate::world::World;

/// Runs a stage dry: no file is made, no request changes anything.
async fn dry(world: &World, words: &[&str], code: i32) -> Ran {
    let (files, writes) = (world.files(), world.writes().len());
    let words: Vec<&str> = words.iter().copied().chain(["--dry-run"]).collect();
    let ran = world.run(&words).await.expect(code);
    assert_eq!(world.changed_since(&files), BTreeSet::new(), "`{}` left files", ran.words);
    let asked: Vec<String> = world.writes().iter().skip(writes).map(ToString::to_string).collect();
    assert!(asked.is_empty(), "`{}` changed something: {asked:#?}", ran.words);
    assert_eq!(ran.report()["dryRun"], true);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_that_only_write_files() {
    let world = World::small().await;
    dry(&world, &["generate-versions"], 0).await;
    world.has_versions();
    dry(&world, &["generate-mappings"], 0).await;
    dry(&world, &["aws-credentials"], 0).await;
    assert!(world.sandbox.journal().entries().is_empty(), "a login may use up a secret id");
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_lambda() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_images_and_plan();
    let running = world.running();
    let ran = dry(&world, &["deploy-lambda"], 0).await;
    assert_eq!(ran.items().iter().filter(|(_, outcome)| outcome == "planned").count(), 2);
    assert_eq!(world.running(), running);
    world.run(&["deploy-lambda"]).await.expect(0);
    let ran = dry(&world, &["deploy-lambda"], 0).await;
    assert_eq!(ran.items().iter().filter(|(_, outcome)| outcome == "unchanged").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_lambda() {
    let world = World::deployable().await;
    world.run(&["deploy-lambda", "--alias", "live"]).await.expect(0);
    let running = world.running();
    let ran = dry(&world, &["rollback-lambda"], 0).await;
    page!(world.tidy(&ran.stdout), @r#"
    function                runs now             would run            alias
    OrderServiceFunction    [digest]  [digest]  live: 1 to none
    PaymentGatewayFunction  [digest]  [digest]  live: 1 to none
    clean-up must keep ecr-registry.test/app@[digest]
    clean-up must keep ecr-registry.test/app@[digest]
    2 of 2 functions would be rolled back
    "#);
    assert_eq!(world.running(), running);
    world.run(&["rollback-lambda"]).await.expect(0);
    let ran = dry(&world, &["rollback-lambda"], 0).await;
    assert_eq!(ran.items().iter().filter(|(_, outcome)| outcome == "unchanged").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jira_stages() {
    let world = World::small().await;
    world.has_versions();
    dry(&world, &["create-jira-tickets"], 0).await;
    world.run(&["create-jira-tickets"]).await.expect(0);
    dry(&world, &["create-jira-tickets"], 0).await;
    dry(&world, &["transition-jira-tickets", "resolved"], 0).await;
    dry(&world, &["comment-jira-tickets", "staging"], 0).await;
    dry(&world, &["update-jira-instructions"], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foretold_files_are_marked_and_elsewhere() {
    let world = World::small().await;
    let plan = world.home.path().join("plan");
    let folder = plan.to_str().expect("a path of letters");
    dry(&world, &["generate-versions", "--foretell", folder], 0).await;
    let mark = std::fs::read_to_string(plan.join("foretold.txt")).expect("the mark");
    assert!(mark.contains("versions.json"), "{mark}");
    let foretold = std::fs::read(plan.join("versions.json")).expect("the foretold file");
    let versions = plan.join("versions.json");
    let words = ["generate-mappings", "--foretell", folder, "--versions", versions.to_str().expect("a path")];
    dry(&world, &words, 0).await;
    assert!(plan.join("lambda-ecr-mappings.json").exists());

    world.run(&["generate-versions"]).await.expect(0);
    assert_eq!(foretold, world.read("versions.json").into_bytes(), "what was foretold came true");
    let ran = world.run(&["generate-versions", "--foretell", folder]).await.expect(2);
    assert!(ran.stderr.contains("--dry-run"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_promotions() {
    let world = World::copyable().await;
    let ran = dry(&world, &["retag-push-ecr"], 0).await;
    assert_eq!(
        ran.items().iter().filter(|(_, outcome)| outcome == "planned").count(),
        2,
        "{:?}",
        ran.items()
    );
    let ran = dry(&world, &["promote-artifacts", "--preset", "to-rc"], 0).await;
    assert_eq!(
        ran.items().iter().filter(|(_, outcome)| outcome == "planned").count(),
        2,
        "{:?}",
        ran.items()
    );
    dry(&world, &["prepare-docker-config"], 0).await;
    world.run(&["retag-push-ecr"]).await.expect(0);
    world.run(&["promote-artifacts", "--preset", "to-rc"]).await.expect(0);
    for words in [&["retag-push-ecr"][..], &["promote-artifacts", "--preset", "to-rc"]] {
        let ran = dry(&world, words, 0).await;
        assert!(ran.items().iter().all(|(_, outcome)| outcome == "unchanged"), "{:?}", ran.items());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_told_too() {
    let mut world = World::missing(&["orderService"]).await;
    world.has_versions();
    world.has_logins();
    world.has_aws_keys();
    assert_eq!(dry(&world, &["retag-push-ecr"], 3).await.codes(), ["LF-REG-IMAGE-MISSING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard() {
    let mut world = World::small().await;
    world.has_versions();
    world.has_aws_keys();
    world.has_images_and_plan();
    world.run(&["deploy-lambda"]).await.expect(0);
    dry(&world, &["update-version-dashboard"], 0).await;
}

/// The whole pipeline on foretold files: each stage plans on what the one before would have written.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_only_foretold() {
    let mut world = World::small().await;
    world.has_logins();
    world.has_aws_keys();
    let plan = world.home.path().join("plan");
    let at = |name: &str| plan.join(name).to_string_lossy().into_owned();
    let (folder, versions) = (plan.to_string_lossy().into_owned(), at("versions.json"));
    let (mappings, lock) = (at("lambda-ecr-mappings.json"), at("image-lock.json"));
    dry(&world, &["generate-versions", "--foretell", &folder], 0).await;
    dry(&world, &["retag-push-ecr", "--versions", &versions, "--foretell", &folder], 0).await;
    // A foretold tag is not at ECR yet.
    let words = ["deploy-lambda", "--mappings", &mappings, "--lock", &lock, "--foretell", &folder];
    let ran = dry(&world, &words, 0).await;
    assert_eq!(
        ran.items().iter().filter(|(_, outcome)| outcome == "planned").count(),
        2,
        "{:?}",
        ran.items()
    );
    let mark = std::fs::read_to_string(plan.join("foretold.txt")).expect("the mark");
    for name in ["versions.json", "lambda-ecr-mappings.json", "image-lock.json", "deploy-report.json"] {
        assert!(mark.lines().any(|line| line == name), "{mark}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_their_store_and_checks() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_built();
    let package = ["package-artifacts", "--release", "v1.0.0"];
    let ran = dry(&world, &package, 0).await;
    assert!(ran.items().iter().all(|(_, outcome)| outcome == "planned"), "{:?}", ran.items());
    world.run(&package).await.expect(0);
    let publish = ["publish-artifacts", "--bucket", landfall_sandbox::RELEASE_BUCKET];
    let ran = dry(&world, &publish, 0).await;
    assert_eq!(ran.items().iter().filter(|(_, outcome)| outcome == "planned").count(), 3);
    world.run(&publish).await.expect(0);
    let ran = dry(&world, &publish, 0).await;
    assert!(ran.items().iter().all(|(_, outcome)| outcome == "unchanged"), "{:?}", ran.items());
    let ran = dry(&world, &["smoke-test", "--command", "touch made"], 0).await;
    assert!(ran.items().iter().all(|(_, outcome)| outcome == "planned"), "{:?}", ran.items());
}
