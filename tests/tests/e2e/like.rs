//! `deploy-lambda --like`: what one environment runs, deployed to the second region.

use landfall_artifacts::{Digest, EventKind};
use landfall_cli::exit;
use landfall_sandbox::{RELEASE_BUCKET, Service};
use serde_json::json;

use crate::bad_input::refused;
use crate::recorded;
use crate::snapshot::page;
use crate::world::World;

/// The repository of the second region, and its bucket.
pub(crate) const HERE: &str = "app-us";
const BUCKET: &str = "acme-releases-us";

pub(crate) const LIKE: [&str; 5] = ["deploy-lambda", "--like", "stg_eu00", "--environment", "dr_us00"];

/// Something was deployed to `stg_eu00` and recorded; there is a second region.
async fn two_environments() -> World {
    let mut world = World::deployable().await;
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    for name in ["deploy-report.json", "image-lock.json", "lambda-ecr-mappings.json", "versions.json"] {
        world.remove(name);
    }
    has_second_region(&mut world);
    world
}

/// In `dr_us00` are the same functions under other names, which run older images of a repository of their own.
pub(crate) fn has_second_region(world: &mut World) {
    let host = world.sandbox.host(Service::EcrRegistry);
    world.unset("ECR_REGISTRY_URI");
    let settings = world.read("landfall.toml")
        + &format!(
            "\n[environment.dr_us00]\nkind = \"production\"\necr = \"{host}/{HERE}\"\nfunction_name = \"{{name}}-us\"\n\
             [environment.dr_us00.releases]\nbucket = \"{BUCKET}\"\n\n[releases]\nbucket = \"{RELEASE_BUCKET}\"\n"
        );
    world.write("landfall.toml", &settings);
    world.sandbox.ecr_registry.create_repository(HERE, true);
    world.sandbox.s3.create_bucket(BUCKET);
    for project in world.projects() {
        let image = project.running_image();
        world.sandbox.ecr_registry.put_image(HERE, "old", &image);
        world.sandbox.lambda.create_function(&here(project.lambda), "x86_64", &format!("{host}/{HERE}:old"));
    }
}

/// The name of a function there.
pub(crate) fn here(function: &str) -> String {
    format!("{function}-us")
}

/// Whether every function of the second region runs what its model in the first does.
fn is_alike(world: &World) -> bool {
    let running = |name: &str| world.sandbox.lambda.running_digest(name);
    world.projects().iter().all(|one| running(one.lambda) == running(&here(one.lambda)))
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_copied_and_functions_follow() {
    let world = two_environments().await;
    assert!(!is_alike(&world));
    let ran = world.run(&[&LIKE[..], &["--dry-run"]].concat()).await.expect(0);
    page!(world.tidy(&ran.stdout), @r"
    function                   from                 to                   state
    OrderServiceFunction-us    [digest]  [digest]  planned
    PaymentGatewayFunction-us  [digest]  [digest]  planned
    ecr-registry.test/app-us:OrderServiceFunction-us-1.4.2 would be copied from ecr-registry.test/app@[digest], 0 B
    ecr-registry.test/app-us:PaymentGatewayFunction-us-2.0.0 would be copied from ecr-registry.test/app@[digest], 0 B
    2 of 2 functions would be updated, release r-0123456789ab
    ");
    assert_eq!(world.sandbox.ecr_registry.tags(HERE).len(), 1, "a dry run copies nothing");

    world.run(&LIKE).await.expect(0);
    assert!(is_alike(&world));
    let tags: Vec<String> = world.sandbox.ecr_registry.tags(HERE).into_keys().collect();
    let project = world.projects()[0];
    assert!(tags.contains(&format!("{}-{}", here(project.lambda), project.version)), "{tags:?}");
    let report = world.json("deploy-report.json");
    assert_eq!((&report["environment"], &report["release"]), (&json!("dr_us00"), &json!("r-0123456789ab")));

    let writes = world.writes().len();
    let again = world.run(&LIKE).await.expect(0);
    assert_eq!((again.outcome(), world.writes().len()), ("nothing-to-do", writes));

    // The ledger learns what runs in the second region, with projects and versions, though no lock is there.
    world.has_versions();
    world.run(&["update-version-dashboard", "--environment", "dr_us00"]).await.expect(0);
    let events = recorded::events(world.path(".landfall/ledger"));
    let newest = events.iter().rfind(|event| event.kind == EventKind::Deployment).expect("a deployment");
    assert_eq!(newest.environment.as_ref().map(landfall_artifacts::EnvironmentName::as_str), Some("dr_us00"));
    assert!(newest.items.iter().all(|item| item.project.is_some() && item.version.is_some()), "{newest:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_copied_while_something_stands_in_the_way() {
    let world = two_environments().await;
    let gone = world.projects()[0].image().digest();
    let repository = &world.sandbox.options().ecr_repository;
    world.sandbox.ecr_registry.remove_image(repository, &gone);
    let settings = world.read("landfall.toml").replace("{name}-us", "{name}-far");
    world.write("landfall.toml", &settings);
    let ran = refused(&world, &LIKE, 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-IMAGE-MISSING] exit 3
      what OrderServiceFunction runs in stg_eu00 cannot be copied: ecr-registry.test/app@[digest] is not there
      next: let clean-up keep what runs in stg_eu00 (docs/access.md), and build and deploy that version anew

    error[LF-LAMBDA-MISSING] exit 3
      function PaymentGatewayFunction-far does not exist in eu-west-1
      next: check the name in .deployment, AWS_REGION (eu-west-1) and the account; a new function is made by whoever keeps the infrastructure

    nothing was changed
    exit 3
    "#);
    assert_eq!(world.sandbox.ecr_registry.tags(HERE).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_held_against_what_runs() {
    let world = two_environments().await;
    let host = world.sandbox.host(Service::EcrRegistry);
    let repository = &world.sandbox.options().ecr_repository;
    let project = world.projects()[0];
    let address = format!("{host}/{repository}:{}-{}", project.lambda, project.running);
    world.sandbox.lambda.create_function(project.lambda, "x86_64", &address);
    let ran = refused(&world, &LIKE, 3).await;
    page!(ran.page(&world), @r#"
    error[LF-LIKE-DRIFT] exit 3
      OrderServiceFunction runs [digest] in stg_eu00, and the ledger says [digest]
      next: record what was deployed there (update-version-dashboard), or deploy there again what the ledger says; --skip-verify goes by the ledger alone

    nothing was changed
    exit 3
    "#);
    world.run(&[&LIKE[..], &["--skip-verify"]].concat()).await.expect(0);
    let deployed = world.sandbox.lambda.running_digest(&here(project.lambda));
    assert_eq!(deployed, Some(project.image().digest()), "the ledger's word");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_bring_the_same_or_nothing() {
    let world = two_environments().await;
    let part = |shard| [&LIKE[..], &["--run-id", "7", "--shard", shard]].concat();
    let ran = refused(&world, &[&LIKE[..], &["--shard", "1/2"]].concat(), 2).await;
    assert!(ran.stderr.contains("--like with --shard needs the name of a run"), "{}", ran.stderr);
    world.run(&part("1/2")).await.expect(0);
    world.run(&["rollback-lambda", "--from-ledger"]).await.expect(0);
    let ran = refused(&world, &part("2/2"), 3).await;
    assert_eq!(ran.codes(), ["LF-LIKE-MOVED"]);
    assert!(ran.stderr.contains("part 2/2 would bring something else than the others"), "{}", ran.stderr);
    world.run(&["rollback-lambda", "--to", "r-0123456789ab"]).await.expect(0);
    world.run(&part("2/2")).await.expect(0);
    assert!(is_alike(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told() {
    let world = two_environments().await;
    let ran = refused(&world, &["deploy-lambda", "--like", "prod_eu00", "--environment", "dr_us00"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-LIKE-NOTHING] exit 3
      the ledger has no deployment to prod_eu00
      next: name one of stg_eu00, or give another ledger by --ledger

    nothing was changed
    exit 3
    "#);
    let ran = refused(&world, &["deploy-lambda", "--like", "stg_eu00"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG] exit 2
      --like stg_eu00 needs another environment to deploy to
      next: name it by --environment, or the variable CI_ENVIRONMENT_NAME

    nothing was changed
    exit 2
    "#);
    let ran = refused(&world, &["deploy-lambda", "--like", "prod_eu01", "--environment", "dr_us00"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-INVALID] exit 2
      landfall.toml: found no environment `prod_eu01`, expected one of dr_us00, prod_eu00, stg_eu00
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_copied_and_functions_follow() {
    let mut world = two_environments().await;
    world.sandbox.lambda.create_zip_function("price-fetcher", "arm64");
    world.sandbox.lambda.create_zip_function("price-fetcher-us", "arm64");
    let bytes = b"price-fetcher of v1.0.0".to_vec();
    let sha256 = landfall_artifacts::CodeSha256::from(Digest::of(&bytes)).to_string();
    let key = "v1.0.0/price-fetcher.zip";
    let artifact =
        json!({"service": "price-fetcher", "key": key, "sha256": sha256, "sizeBytes": bytes.len()});
    let manifest = json!({"formatVersion": 1, "release": "v1.0.0", "commit": null, "artifacts": [artifact]});
    world.sandbox.s3.put(RELEASE_BUCKET, key, bytes.clone());
    let manifest = manifest.to_string();
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/manifest.json", manifest.clone());
    world.run(&["deploy-lambda", "--release", "v1.0.0"]).await.expect(0);
    world.has_versions();
    world.run(&["update-version-dashboard"]).await.expect(0);

    world.unset("LANDFALL_RELEASE_BUCKET");
    // A release that is here by its manifest alone: its archive was deleted.
    world.sandbox.s3.put(BUCKET, "v1.0.0/manifest.json", manifest);
    assert_eq!(refused(&world, &LIKE, i32::from(exit::REFUSED)).await.codes(), ["LF-S3-MISSING"]);
    world.sandbox.s3.remove(BUCKET, "v1.0.0/manifest.json");
    // One whose archive is there no more cannot be copied, which a dry run says as well.
    world.sandbox.s3.put(RELEASE_BUCKET, key, "other bytes");
    let dry = [&LIKE[..], &["--dry-run"]].concat();
    assert_eq!(refused(&world, &dry, i32::from(exit::INTEGRITY)).await.codes(), ["LF-S3-DIFFERS"]);
    world.sandbox.s3.put(RELEASE_BUCKET, key, bytes);
    let ran = world.run(&[&LIKE[..], &["--dry-run", "--quiet"]].concat()).await.expect(0);
    let copies: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("would be copied")).collect();
    assert_eq!(copies.len(), 3, "{copies:#?}");
    world.run(&LIKE).await.expect(0);
    assert!(is_alike(&world));
    let running = |name: &str| world.sandbox.lambda.running_archive(name);
    assert_eq!((running("price-fetcher-us"), running("price-fetcher")), (Some(sha256.clone()), Some(sha256)));
    assert_eq!(world.sandbox.s3.keys(BUCKET), ["v1.0.0/manifest.json", key]);
    assert_eq!(world.run(&LIKE).await.expect(0).outcome(), "nothing-to-do");

    // What ran before was in no release: that is said before anything is changed.
    let ran = world.run(&["rollback-lambda", "--environment", "dr_us00"]).await;
    assert_eq!(ran.expect(i32::from(exit::REFUSED)).codes(), ["LF-LAMBDA-GONE"]);
}
