//! Promotion by Artifactory: what it warns of, what it explains, where it reads, and many at a time.

use std::time::Duration;

use http::Method;
use landfall_sandbox::images::function_image;
use landfall_sandbox::{BUILD_KEY, Fault, RC_KEY, Service, VIRTUAL_KEY, What};
use serde_json::{Map, Value, json};

use crate::harness::Ran;
use crate::recorded;
use crate::snapshot::page;
use crate::world::World;

const TO_RC: [&str; 3] = ["promote-artifacts", "--preset", "to-rc"];

async fn promotable() -> World {
    let world = World::small().await;
    world.has_versions();
    world
}

fn words<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&TO_RC[..], rest].concat()
}

/// Other content at the target, for the first so many projects.
fn taken(world: &World, count: usize) {
    for project in world.projects().into_iter().take(count) {
        let repository = world.sandbox.source_repository(RC_KEY, project.project);
        world.sandbox.artifactory.put_image(&repository, project.version, &project.running_image());
    }
}

fn warnings(ran: &Ran) -> Vec<String> {
    let warnings = ran.report()["warnings"].as_array().cloned().unwrap_or_default();
    let texts = warnings.iter().filter_map(Value::as_str).map(str::to_owned);
    texts.filter(|text| !text.starts_with("image-lock.json")).collect()
}

fn versions_asked(world: &World) -> usize {
    world.sandbox.journal().matching(&Method::GET, "/api/system/version").len()
}

fn all_promoted(world: &World) -> bool {
    let there = world.artifactory(RC_KEY);
    world.projects().iter().all(|project| there.get(project.project) == Some(&project.image().digest()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_is_warned_of_where_tags_are_overwritten() {
    let world = promotable().await;
    taken(&world, 2);
    world.sandbox.artifactory.configure(|quirks| quirks.artifactory_version = "7.98.9".to_owned());
    let ran = world.run(&words(&["--overwrite", "--dry-run"])).await.expect(0);
    assert!(warnings(&ran)[0].contains("would be overwritten: docker-rc/shop/orderService:1.4.2, "));
    let asked = versions_asked(&world);
    let ran = world.run(&words(&["--overwrite", "--quiet"])).await.expect(0);
    page!(ran.page(&world), @r"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    warning: Artifactory 7.98.9, as all before 7.117.1, may delete layers that an overwritten tag shares with other tags of its image; were to be overwritten: docker-rc/shop/orderService:1.4.2, docker-rc/shop/paymentGateway:2.0.0. Look whether the other tags of these images can still be pulled
    exit 0
    ");
    assert_eq!(versions_asked(&world) - asked, 1, "once a run, however many tags are overwritten");
    assert!(all_promoted(&world));
    for item in ran.report()["items"].as_array().expect("items") {
        let details = &item["details"];
        assert_eq!(details["digest"], details["sourceDigest"], "{item}");
        assert!(details["replaced"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{item}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_warned_of_a_version_that_does_not_matter() {
    let world = promotable().await;
    world.sandbox.artifactory.configure(|quirks| quirks.artifactory_version = "7.98.9".to_owned());
    let ran = world.run(&words(&["--overwrite"])).await.expect(0);
    assert_eq!((versions_asked(&world), warnings(&ran)), (0, Vec::new()), "no tag was overwritten");
    world.run(&words(&["--overwrite"])).await.expect(0);
    assert_eq!(versions_asked(&world), 0, "what is there already is not overwritten");

    let world = promotable().await;
    taken(&world, 1);
    let ran = world.run(&words(&["--overwrite"])).await.expect(0);
    assert_eq!((versions_asked(&world), warnings(&ran)), (1, Vec::new()), "7.117.1 keeps shared layers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_told_is_warned_of_as_an_old_one_and_is_no_error() {
    for unknown in [What::status(403), What::status(200).body("<html>please log in</html>")] {
        let world = promotable().await;
        taken(&world, 1);
        world
            .sandbox
            .faults()
            .add(Fault::new(unknown).on(Service::Artifactory).matching("/system/version").every());
        let ran = world.run(&words(&["--overwrite"])).await.expect(0);
        assert!(ran.stderr.contains("the version of Artifactory is not known: "), "{}", ran.stderr);
        let told = warnings(&ran);
        assert!(told[0].contains("this one's version is not known") && told.len() == 1, "{told:?}");
        assert!(all_promoted(&world));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_key_as_the_target() {
    let mut world = promotable().await;
    world.set("ARTIFACTORY_RC_BUCKET", "docker-candidates");
    world.sandbox.artifactory.create_virtual_key("docker-candidates", &[RC_KEY], Some(RC_KEY));
    let ran = world.run(&words(&["--strict", "--quiet", "--jobs", "1"])).await.expect(3);
    page!(ran.page(&world), @r"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    error[LF-ART-KEY] exit 3
      Artifactory promotes from one local Docker repository to another, and `docker-candidates` is a virtual repository, which shows docker-rc
      caused by: Artifactory answered 400 to the promotion of docker-build/shop/orderService:1.4.2 to docker-candidates/shop/orderService:1.4.2: Repository 'docker-candidates' is not a local repository
      next: give `docker-rc` in place of `docker-candidates`: that is where pushes to `docker-candidates` go

    nothing was changed
    exit 3
    ");
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!((&log["promotions"][0]["httpStatus"], &log["summary"]["total"]), (&json!("400"), &json!(1)));
    assert_eq!(ran.items()[1].1, "not-tried", "the others would be refused for it too");
    let asked = world.sandbox.journal().matching(&Method::GET, "/api/repositories/docker-candidates");
    assert_eq!(asked.len(), 1, "once a run");

    let ran = world.run(&words(&["--dry-run"])).await.expect(3);
    assert_eq!(ran.codes(), ["LF-ART-KEY"], "a dry run finds it without asking for a promotion");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_key_as_the_source_seen_by_an_account_that_is_told_little() {
    let mut world = promotable().await;
    world.set("ARTIFACTORY_BUILD_BUCKET", VIRTUAL_KEY);
    world.sandbox.artifactory.hide_configurations(true);
    let only = world.json("versions.json")["orderService"].clone();
    world.write("versions.json", &json!({"orderService": only}).to_string());
    let ran = world.run(&words(&["--quiet"])).await.expect(3);
    page!(ran.page(&world), @r"
    warning: image-lock.json is not there: what is promoted is what the tags name now
    error[LF-ART-KEY] exit 3
      Artifactory promotes from one local Docker repository to another, and `docker` is a virtual repository
      caused by: Artifactory answered 400 to the promotion of docker/shop/orderService:1.4.2 to docker-rc/shop/orderService:1.4.2: Repository 'docker' is not a local repository
      next: give the key of the local repository behind `docker` in its place

    nothing was changed
    exit 3
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_be_promoted_refused_and_unchanged() {
    let world = World::missing(&["shippingLabels"]).await;
    world.has_versions();
    taken(&world, 1);
    let done = world.projects()[1];
    let repository = world.sandbox.source_repository(RC_KEY, done.project);
    world.sandbox.artifactory.put_image(&repository, done.version, &done.image());
    let ran = world.run(&words(&["--dry-run", "--quiet"])).await.expect(3);
    page!(ran.stdout, @r"
    image                   promotion      at the source        at the target
    basketPricing:3.1.0     refused        [digest]  LF-REG-TAG-TAKEN
    customerNotice:0.9.4    there already  [digest]  same
    orderService:1.4.2      to promote     [digest]  new
    paymentGateway:2.0.0    to promote     [digest]  new
    shippingLabels:1.0.1    refused        -                    LF-ART-SOURCE
    stockLevels:5.2.0-rc.1  to promote     [digest]  new
    3 of 6 images would be promoted from docker-build to docker-rc; 1 there already, 2 refused
    ");
    assert_eq!(ran.codes(), ["LF-REG-TAG-TAKEN", "LF-ART-SOURCE"]);
    assert!(world.writes().is_empty());
    let ran = world.run(&words(&["--overwrite", "--quiet"])).await.expect(0);
    page!(ran.stdout, @r"
    image                   promotion      at the source        at the target
    basketPricing:3.1.0     promoted       [digest]  replaced [digest]
    customerNotice:0.9.4    there already  [digest]  same
    orderService:1.4.2      promoted       [digest]  new
    paymentGateway:2.0.0    promoted       [digest]  new
    shippingLabels:1.0.1    failed         -                    LF-ART-SOURCE
    stockLevels:5.2.0-rc.1  promoted       [digest]  new
    4 promoted, 1 already there, 1 failed, 0 unknown, 0 not tried; from docker-build to docker-rc
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_read_by_the_api_where_that_is_wanted() {
    let world = promotable().await;
    world.run(&words(&["--docker-access", "api"])).await.expect(0);
    assert!(all_promoted(&world));
    let heads = world.sandbox.journal().matching(&Method::HEAD, "/manifests/");
    assert!(
        heads.iter().all(|entry| entry.path().starts_with("/artifactory/api/docker/docker-")),
        "{heads:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_read_at_the_hosts_of_the_keys() {
    let world = promotable().await;
    let (build, rc) = (world.sandbox.docker_host(BUILD_KEY).await, world.sandbox.docker_host(RC_KEY).await);
    let (build, rc) = (build.expect("a port"), rc.expect("a port"));
    let settings = format!("[registries.docker_hosts]\n{BUILD_KEY} = \"{build}\"\n{RC_KEY} = \"{rc}\"\n");
    world.write("landfall.toml", &settings);
    let ran = world.run(&TO_RC).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(all_promoted(&world));
    let heads = world.sandbox.journal().matching(&Method::HEAD, "/manifests/");
    assert!(heads.iter().all(|entry| entry.path().starts_with("/v2/shop/")), "{heads:#?}");

    world.write("landfall.toml", &settings.replace(&rc, &build));
    let ran = world.run(&TO_RC).await.expect(2);
    assert!(ran.stderr.contains("another host for each repository key"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_to_where_it_comes_from_is_refused() {
    let mut world = promotable().await;
    world.set("ARTIFACTORY_RC_BUCKET", BUILD_KEY);
    let ran = world.run(&words(&["--quiet"])).await.expect(2);
    page!(ran.page(&world), @r"
    error[LF-CONFIG] exit 2
      source and target are both `docker-build`
      next: name two different places

    nothing was changed
    exit 2
    ");
    assert!(world.sandbox.journal().entries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_come_to_the_same() {
    let world = promotable().await;
    let late = What::DelayAnswer(Duration::from_millis(300));
    world.sandbox.faults().add(Fault::new(late).on(Service::Artifactory).matching("/promote").every());
    let other_name = ["--type", "again", "--source-key", BUILD_KEY, "--target-key", RC_KEY];
    let other_name: Vec<&str> = TO_RC[..1].iter().chain(&other_name).copied().collect();
    let (one, other) = (world.start(&TO_RC, None).await, world.start(&other_name, None).await);
    let (one, other) = tokio::join!(one.end(), other.end());
    one.expect(0);
    other.expect(0);
    assert!(all_promoted(&world));
    for log in ["promotion-log-to-rc.json", "promotion-log-again.json"] {
        assert_eq!(world.json(log)["summary"]["successful"], 2, "{log}");
    }
    recorded::verified(world.path(".landfall/ledger"));
    world.sandbox.faults().clear();
    assert_eq!(world.run(&TO_RC).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_is_not_tried_for_every_image() {
    let mut world = World::new().await;
    world.has_versions();
    world.set("ARTIFACTORY_PASS", "stale");
    let ran = world.run(&words(&["--jobs", "1"])).await.expect(3);
    assert_eq!(ran.codes(), ["LF-REG-AUTH"]);
    let outcomes = ran.items();
    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome == "not-tried").count(), outcomes.len() - 1);
    let logins = world.sandbox.journal().matching(&Method::GET, "/v2/token");
    assert_eq!(logins.len(), 1, "a login that is refused again and again locks its account");
}

/// A repo of many packages, all of one image.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_packages_go_a_few_at_a_time() {
    const PACKAGES: usize = 300;
    const JOBS: u64 = 5;
    let world = World::new().await;
    let mut versions = Map::new();
    let image = function_image("shared", "1.0.0", "amd64", 64);
    for number in 0..PACKAGES {
        let project = format!("package{number:03}");
        let repository = world.sandbox.source_repository(BUILD_KEY, &project);
        world.sandbox.artifactory.put_image(&repository, "1.0.0", &image);
        versions.insert(project.clone(), json!({"version": "1.0.0", "folder": project}));
    }
    world.write("versions.json", &Value::Object(versions).to_string());
    // Each answer is held back a little, so that as many are under way as may be.
    let late = What::DelayAnswer(Duration::from_millis(20));
    world.sandbox.faults().add(Fault::new(late).on(Service::Artifactory).matching("/promote").every());
    let jobs = JOBS.to_string();
    let ran = world.run(&words(&["--jobs", &jobs, "--quiet"])).await.expect(0);
    assert_eq!(world.sandbox.journal().most_at_once(Service::Artifactory), JOBS);
    let promotions = world.sandbox.journal().matching(&Method::POST, "/promote");
    assert_eq!(promotions.len(), PACKAGES, "one request a package");
    let log = world.json("promotion-log-to-rc.json");
    assert_eq!(
        (&log["summary"]["total"], &log["summary"]["successful"]),
        (&json!(PACKAGES), &json!(PACKAGES))
    );
    assert_eq!(ran.items().len(), PACKAGES);
    assert!(ran.stdout.ends_with("not tried; from docker-build to docker-rc\n"), "{}", ran.stdout);
}
