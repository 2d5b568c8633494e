//! Promotion by copying, between registries that are no Artifactory.

use http::Method;
use landfall_artifacts::EventKind;
use landfall_sandbox::images::ImageIndex;
use landfall_sandbox::{BUILD_KEY, Fault, RC_KEY, Service, What};
use serde_json::json;

use crate::recorded;
use crate::snapshot::page;
use crate::world::World;

/// A world whose candidates go to ECR, and no variable of Artifactory's promotion is set.
async fn promotable() -> (World, Vec<String>) {
    let mut world = World::small().await;
    world.has_versions();
    world.has_logins();
    let mine: Vec<String> =
        world.variables.keys().filter(|name| name.starts_with("ARTIFACTORY_")).cloned().collect();
    for name in &mine {
        world.unset(name);
    }
    for project in world.projects() {
        world.sandbox.ecr_registry.create_repository(&format!("rc/shop/{}", project.project), false);
    }
    let words = [
        "promote-artifacts",
        "--type",
        "to-rc",
        "--source",
        &format!("{}/{BUILD_KEY}", world.sandbox.host(Service::Artifactory)),
        "--target",
        &format!("{}/rc", world.sandbox.host(Service::EcrRegistry)),
    ];
    let words = words.map(str::to_owned).to_vec();
    (world, words)
}

fn and<'a>(words: &'a [String], rest: &[&'a str]) -> Vec<&'a str> {
    words.iter().map(String::as_str).chain(rest.iter().copied()).collect()
}

fn at_target(world: &World, project: &str, version: &str) -> Option<String> {
    world.sandbox.ecr_registry.digest_of(&format!("rc/shop/{project}"), version)
}

/// Hosts differ in length, and with them the columns.
fn one_space(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn images_and_indexes_keep_the_digest_that_their_tag_names() {
    let (world, words) = promotable().await;
    let (plain, listed) = (world.projects()[0], world.projects()[1]);
    let index = ImageIndex::new(vec![listed.image(), listed.running_image()], true);
    let source = world.sandbox.source_repository(BUILD_KEY, listed.project);
    let digest = world.sandbox.artifactory.put_index(&source, listed.version, &index);
    let ran = world.run(&and(&words, &["--dry-run", "--quiet"])).await.expect(0);
    page!(one_space(&world.tidy(&ran.stdout)), @r"
    image promotion at the source at the target
    orderService:1.4.2 to promote [digest] new
    paymentGateway:2.0.0 to promote [digest] new
    2 of 2 images would be promoted from artifactory.test/docker-build/shop to ecr-registry.test/rc/shop; 0 there already, 0 refused
    ");
    assert!(world.writes().is_empty());

    let ran = world.run(&and(&words, &["--quiet"])).await.expect(0);
    page!(one_space(&world.tidy(&ran.stdout)), @r"
    image promotion at the source at the target
    orderService:1.4.2 promoted [digest] new
    paymentGateway:2.0.0 promoted [digest] new
    2 promoted, 0 already there, 0 failed, 0 unknown, 0 not tried; from artifactory.test/docker-build/shop to ecr-registry.test/rc/shop
    ");
    assert_eq!(at_target(&world, plain.project, plain.version), Some(plain.image().digest()));
    assert_eq!(at_target(&world, listed.project, listed.version), Some(digest.clone()), "the whole index");
    let item = &ran.report()["items"][1];
    assert_eq!(
        (&item["details"]["digest"], &item["details"]["sourceDigest"]),
        (&json!(digest), &json!(digest))
    );
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!(
        (&log["promotions"][0]["httpStatus"], &log["summary"]["successful"]),
        (&json!("200"), &json!(2))
    );
    assert!(world.sandbox.journal().matching(&Method::POST, "/promote").is_empty());
    let again = world.run(&and(&words, &[])).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do");
    let events = recorded::events(world.path(".landfall/ledger"));
    let promotions: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Promotion).collect();
    assert_eq!(promotions.iter().map(|event| event.items.len()).collect::<Vec<_>>(), [2], "recorded once");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_image_that_cannot_be_promoted_does_not_keep_the_others() {
    let (world, words) = promotable().await;
    let project = world.projects()[0];
    let target = format!("rc/shop/{}", project.project);
    world.sandbox.ecr_registry.put_image(&target, project.version, &project.running_image());
    let ran = world.run(&and(&words, &["--quiet"])).await.expect(0);
    page!(ran.page(&world), @r"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    warning: LF-REG-TAG-TAKEN orderService: ecr-registry.test/rc/shop/orderService:1.4.2 exists with other content: [digest] is there, [digest] was to be; next: release a new version; with --overwrite the tag is moved and what it named before loses its name
    warning: 1 of 2 promotions failed; the stage succeeds all the same, since the release already runs (--strict fails)
    exit 0
    ");
    assert_eq!(at_target(&world, project.project, project.version), Some(project.running_image().digest()));
    let other = world.projects()[1];
    assert_eq!(at_target(&world, other.project, other.version), Some(other.image().digest()));
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!((&log["summary"]["successful"], &log["summary"]["failed"]), (&json!(1), &json!(1)));
    world.run(&and(&words, &["--strict"])).await.expect(6);
    let ran = world.run(&and(&words, &["--strict", "--overwrite"])).await.expect(0);
    let replaced = ran.report()["items"][0]["details"]["replaced"].clone();
    assert_eq!(replaced, json!(project.running_image().digest()));
    assert_eq!(at_target(&world, project.project, project.version), Some(project.image().digest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_what_was_released_is_said_in_the_words_of_a_promotion() {
    let (world, words) = promotable().await;
    world.has_images_and_plan();
    let (moved, gone) = (world.projects()[0], world.projects()[1]);
    let source = |project: &str| world.sandbox.source_repository(BUILD_KEY, project);
    world.sandbox.artifactory.put_image(&source(moved.project), moved.version, &moved.running_image());
    world.sandbox.artifactory.remove_tag(&source(gone.project), gone.version);
    let ran = world.run(&and(&words, &["--quiet"])).await.expect(7);
    page!(ran.page(&world), @r"
    error[LF-ART-CONTENT] exit 7
      orderService:1.4.2 is [digest] in artifactory.test/docker-build/shop, and [digest] was released
      next: do not promote: the tag was written again after the release; release a new version

    error[LF-ART-SOURCE] exit 7
      paymentGateway:2.0.0 is not in artifactory.test/docker-build/shop
      next: push or promote the image to artifactory.test/docker-build/shop first, or name another source

    nothing was changed
    exit 7
    ");
    let ran = world.run(&and(&words, &["--dry-run"])).await.expect(3);
    assert_eq!(ran.codes(), ["LF-ART-CONTENT", "LF-ART-SOURCE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_come_from_the_settings_too() {
    let (mut world, _) = promotable().await;
    let host = world.sandbox.host(Service::Artifactory);
    world.unset("CI_ENVIRONMENT_NAME");
    world.write(
        "landfall.toml",
        &format!("[registries]\ndocker_host = \"{host}\"\nbuild = \"{BUILD_KEY}\"\nrc = \"{RC_KEY}\"\n"),
    );
    world.run(&["promote-artifacts", "--preset", "to-rc"]).await.expect(0);
    let there = world.artifactory(RC_KEY);
    assert!(world.projects().iter().all(|one| there.get(one.project) == Some(&one.image().digest())));
    assert!(world.sandbox.journal().matching(&Method::POST, "/promote").is_empty(), "copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_together_is_said_at_once() {
    let (mut world, words) = promotable().await;
    let ran = world.run(&["promote-artifacts", "--preset", "to-rc", "--quiet"]).await.expect(2);
    page!(ran.page(&world), @r"
    error[LF-CONFIG-MISSING] exit 2
      source is missing: HOST/PATH above the namespace of the images
      next: give it by --source; or by the repository key (--build-key) and registries.docker_host in landfall.toml

    error[LF-CONFIG-MISSING] exit 2
      target is missing: HOST/PATH above the namespace of the images
      next: give it by --target; or by the repository key (--rc-key) and registries.docker_host in landfall.toml

    nothing was changed
    exit 2
    ");
    world.set("ARTIFACTORY_URL", &world.sandbox.url(Service::Artifactory));
    let ran = world.run(&and(&words, &["--quiet"])).await.expect(2);
    assert!(ran.stderr.contains("add --via copy"), "{}", ran.stderr);
    world.run(&and(&words, &["--via", "copy"])).await.expect(0);
    let same = and(&words[..5], &["--target", &words[4], "--via", "copy"]);
    let ran = world.run(&same).await.expect(2);
    assert!(ran.stderr.contains("source and target are both"), "{}", ran.stderr);
    let ran = world.run(&and(&words, &["--via", "moving"])).await.expect(2);
    assert!(ran.stderr.contains("`moving` is neither api nor copy"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_whose_answer_was_lost_is_read_back() {
    let (world, words) = promotable().await;
    let lost =
        Fault::new(What::LoseAnswer).on(Service::EcrRegistry).method(Method::PUT).matching("/manifests/");
    world.sandbox.faults().add(lost);
    world.run(&and(&words, &["--strict"])).await.expect(0);
    assert_eq!(world.sandbox.faults().pending(), 0);
    assert_eq!(world.run(&and(&words, &[])).await.expect(0).outcome(), "nothing-to-do");
}
