//! Functions of archives, deployed from releases in a bucket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_artifacts::Digest;
use landfall_cli::exit;
use landfall_sandbox::RELEASE_BUCKET;
use serde_json::json;

use crate::snapshot::page;
use crate::world::World;

const SERVICES: [&str; 2] = ["price-fetcher", "stock-level"];

fn sha256(bytes: &[u8]) -> String {
    STANDARD.encode(Digest::of(bytes).as_bytes())
}

/// The bytes of a service in a release; Lambda's double does not open them.
fn archive(release: &str, service: &str) -> Vec<u8> {
    format!("{service} of {release}").into_bytes()
}

/// A repo whose services have functions, one of them under another name.
async fn world() -> World {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.write("functions/stock-level/.deployment", "StockLevels\n");
    world.sandbox.lambda.create_zip_function("price-fetcher", "x86_64");
    world.sandbox.lambda.create_zip_function("StockLevels", "arm64");
    world.set("LANDFALL_RELEASE_BUCKET", RELEASE_BUCKET);
    world
}

fn has_release(world: &World, release: &str) {
    let artifacts = SERVICES.map(|service| {
        let (bytes, key) = (archive(release, service), format!("{release}/{service}.zip"));
        world.sandbox.s3.put(RELEASE_BUCKET, &key, bytes.clone());
        json!({"service": service, "key": key, "sha256": sha256(&bytes), "sizeBytes": bytes.len()})
    });
    let manifest = json!({"formatVersion": 1, "release": release, "commit": null, "artifacts": artifacts});
    world.sandbox.s3.put(RELEASE_BUCKET, &format!("{release}/manifest.json"), manifest.to_string());
}

fn runs(world: &World) -> [Option<String>; 2] {
    ["price-fetcher", "StockLevels"].map(|name| world.sandbox.lambda.running_archive(name))
}

fn of(release: &str) -> [Option<String>; 2] {
    SERVICES.map(|service| Some(sha256(&archive(release, service))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_deployed_from_its_bucket_and_put_back_from_there() {
    let world = world().await;
    has_release(&world, "v1.0.0");
    has_release(&world, "v1.1.0");
    let ran = world.run(&["deploy-lambda", "--release", "v1.0.0"]).await.expect(0);
    assert_eq!(runs(&world), of("v1.0.0"));
    assert!(
        ran.stderr.contains("it could not be put back"),
        "what ran before is in no release: {}",
        ran.stderr
    );
    let report = world.json("deploy-report.json");
    let after: Vec<_> = report["functions"].as_array().expect("functions").iter().collect();
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|one| one["outcome"] == "updated"), "{report:#}");

    let writes = world.sandbox.lambda.calls("UpdateFunctionCode");
    let again = world.run(&["deploy-lambda", "--release", "v1.0.0"]).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do");
    assert_eq!(world.sandbox.lambda.calls("UpdateFunctionCode"), writes);

    world.sandbox.lambda.fail_next("StockLevels", "InvalidZipFileException", "it is damaged");
    let words = ["deploy-lambda", "--release", "v1.1.0", "--on-failure", "rollback", "--quiet"];
    let ran = world.run(&words).await.expect(i32::from(exit::REFUSED));
    assert_eq!(runs(&world), of("v1.0.0"), "the one that took it went back");
    page!(ran.page(&world), @r#"
    error[LF-LAMBDA-FAILED] exit 3
      the update of StockLevels failed (InvalidZipFileException): it is damaged
      next: the archive is damaged: build it again

    what was changed (1):
      price-fetcher: rolled-back
    exit 3
    "#);

    world.run(&["deploy-lambda", "--release", "v1.1.0"]).await.expect(0);
    assert_eq!(runs(&world), of("v1.1.0"));

    let ran = world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(runs(&world), of("v1.0.0"), "by the archives of the releases: {}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_manifest_does_not_say_does_not_pass() {
    let world = world().await;
    let ran = world.run(&["deploy-lambda", "--release", "v1.0.0", "--quiet"]).await;
    page!(ran.page(&world), @r#"
    error[LF-S3-RELEASE] exit 3
      the release v1.0.0 is not in the store: s3://acme-releases/v1.0.0/manifest.json is not there
      next: check release, environment and bucket, or run publish-artifacts, which writes the manifest last

    nothing was changed
    exit 3
    "#);
    has_release(&world, "v1.0.0");
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/stock-level.zip", "other bytes");
    let ran = world.run(&["deploy-lambda", "--release", "v1.0.0", "--on-failure", "stop"]).await;
    assert_eq!(ran.expect(i32::from(exit::INTEGRITY)).outcome(), "partial");
}

/// A repo may have functions of both kinds, and one setting for all its jobs.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_set_for_all_jobs_does_not_turn_a_mapping_away() {
    let mut world = World::deployable().await;
    world.set("LANDFALL_RELEASE_BUCKET", RELEASE_BUCKET);
    world.sandbox.lambda.create_zip_function("price-fetcher", "x86_64");
    world.sandbox.lambda.create_zip_function("stock-level", "x86_64");
    has_release(&world, "v1.0.0");
    let before = world.running();
    world.run(&["deploy-lambda"]).await.expect(0);
    assert_ne!(world.running(), before, "images, by the mapping");
    let deployed = world.running();
    world.run(&["deploy-lambda", "--bucket", RELEASE_BUCKET, "--release", "v1.0.0"]).await.expect(0);
    assert_eq!(world.running(), deployed, "archives, by the flag");
    assert_eq!(world.sandbox.lambda.running_archive("stock-level"), of("v1.0.0")[1]);
}
