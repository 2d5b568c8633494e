//! Functions of archives, deployed from releases in a bucket.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use landfall_artifacts::Digest;
use landfall_cli::exit;
use landfall_sandbox::{Fault, RELEASE_BUCKET, Service, What};
use serde_json::json;

use crate::bad_input::refused;
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
}

/// An object may be written over or deleted after its manifest was written: no function is changed then.
#[tokio::test(flavor = "multi_thread")]
async fn archives_that_are_not_what_the_manifest_says_change_nothing() {
    let world = world().await;
    has_release(&world, "v1.0.0");
    let before = runs(&world);
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/stock-level.zip", "other bytes");
    let words = ["deploy-lambda", "--release", "v1.0.0"];
    let ran = refused(&world, &words, i32::from(exit::INTEGRITY)).await;
    page!(ran.page(&world), @r"
    warning: what price-fetcher runs now ([digest]) is in no release of acme-releases: it could not be put back
    warning: what StockLevels runs now ([digest]) is in no release of acme-releases: it could not be put back
    error[LF-S3-DIFFERS] exit 7
      s3://acme-releases/v1.0.0/stock-level.zip holds sha256 o+rV7trV34IxjFFoXbwcFHo20f+FhPyC3msI0L9jp5U= (11 bytes), and the release has sha256 IT/ZUU98+XpooFpF9n7GH0sLzkEVm2N7kqyZgUw8VoM= (21 bytes)
      next: a release is never changed: find out who put the other bytes there, and publish these as a new version

    nothing was changed
    exit 7
    ");
    let ran = refused(&world, &[&words[..], &["--dry-run"]].concat(), i32::from(exit::INTEGRITY)).await;
    assert_eq!(ran.codes(), ["LF-S3-DIFFERS"]);
    world.sandbox.s3.remove(RELEASE_BUCKET, "v1.0.0/stock-level.zip");
    let ran = refused(&world, &words, i32::from(exit::REFUSED)).await;
    page!(ran.page(&world), @r"
    warning: what price-fetcher runs now ([digest]) is in no release of acme-releases: it could not be put back
    warning: what StockLevels runs now ([digest]) is in no release of acme-releases: it could not be put back
    error[LF-S3-MISSING] exit 3
      s3://acme-releases/v1.0.0/stock-level.zip is not there
      next: publish the release again: it puts there what is missing

    nothing was changed
    exit 3
    ");
    assert_eq!((runs(&world), world.sandbox.lambda.calls("UpdateFunctionCode")), (before, 0));

    // What nothing stands in the way of is deployed where that is said.
    world.run(&[&words[..], &["--only-ready"]].concat()).await.expect(i32::from(exit::PARTIAL));
    assert_eq!(runs(&world)[0], of("v1.0.0")[0]);
    assert_ne!(runs(&world)[1], of("v1.0.0")[1]);
    has_release(&world, "v1.0.0");
    world.run(&words).await.expect(0);

    // Of what runs already nobody asks.
    let asked = world.sandbox.s3.calls("HeadObject");
    world.sandbox.s3.remove(RELEASE_BUCKET, "v1.0.0/stock-level.zip");
    assert_eq!(world.run(&words).await.expect(0).outcome(), "nothing-to-do");
    assert_eq!(world.sandbox.s3.calls("HeadObject"), asked + 1, "for the manifest alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_before_that_is_gone_stops_the_way_back_before_it_begins() {
    let world = world().await;
    has_release(&world, "v1.0.0");
    has_release(&world, "v1.1.0");
    world.run(&["deploy-lambda", "--release", "v1.0.0"]).await.expect(0);
    world.run(&["deploy-lambda", "--release", "v1.1.0"]).await.expect(0);
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/stock-level.zip", "other bytes");
    let ran = refused(&world, &["rollback-lambda"], i32::from(exit::INTEGRITY)).await;
    assert_eq!(ran.codes(), ["LF-S3-DIFFERS"]);
    world.sandbox.s3.remove(RELEASE_BUCKET, "v1.0.0/stock-level.zip");
    let ran = refused(&world, &["rollback-lambda"], i32::from(exit::REFUSED)).await;
    assert_eq!(ran.codes(), ["LF-S3-MISSING"]);
    assert_eq!(runs(&world), of("v1.1.0"));
    has_release(&world, "v1.0.0");
    world.run(&["rollback-lambda"]).await.expect(0);
    assert_eq!(runs(&world), of("v1.0.0"));

    // A deployment says beforehand what it could not put back.
    world.sandbox.s3.remove(RELEASE_BUCKET, "v1.0.0/stock-level.zip");
    let ran = world.run(&["deploy-lambda", "--release", "v1.1.0", "--dry-run"]).await.expect(0);
    let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("put back")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(
        warnings[0].contains("StockLevels") && warnings[0].contains("v1.0.0/stock-level.zip is not there"),
        "{warnings:#?}"
    );
}

/// Archives with configuration of one environment stand below it, and are found there again.
#[tokio::test(flavor = "multi_thread")]
async fn archives_of_one_environment_are_deployed_and_put_back() {
    let world = world().await;
    world.has_built();
    world.write("settings/stg_eu00/level.json", "{}");
    let mut deployed = Vec::new();
    for release in ["v1.0.0", "v1.1.0"] {
        world.write("built/price-fetcher/index.js", release);
        world.write("built/stock-level/index.js", release);
        let of_environment = ["--release", release, "--environment", "stg_eu00"];
        let package = ["package-artifacts", "--built", "built", "--config-folder", "settings"];
        world.run(&[&package[..], &of_environment].concat()).await.expect(0);
        world.run(&["publish-artifacts", "--bucket", RELEASE_BUCKET]).await.expect(0);
        let words = [&["deploy-lambda", "--per-environment"][..], &of_environment].concat();
        world.run(&words).await.expect(0);
        deployed.push(runs(&world));
    }
    assert_ne!(deployed[0], deployed[1]);
    assert!(world.sandbox.s3.keys(RELEASE_BUCKET).contains(&"v1.0.0/stg_eu00/manifest.json".to_owned()));
    world.run(&["rollback-lambda", "--environment", "stg_eu00"]).await.expect(0);
    assert_eq!(runs(&world), deployed[0]);
}

/// What an earlier try changed goes back too, from the release that has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_takes_back_both_tries() {
    let world = world().await;
    has_release(&world, "v1.0.0");
    has_release(&world, "v1.1.0");
    world.run(&["deploy-lambda", "--release", "v1.0.0"]).await.expect(0);
    world.remove("deploy-report.json");
    let fails = || world.sandbox.lambda.fail_next("StockLevels", "InvalidZipFileException", "it is damaged");
    fails();
    let words = ["deploy-lambda", "--release", "v1.1.0", "--jobs", "1", "--on-failure"];
    world.run(&[&words[..], &["continue"]].concat()).await.expect(i32::from(exit::PARTIAL));
    assert_ne!(runs(&world), of("v1.0.0"));
    fails();
    world.run(&[&words[..], &["rollback"]].concat()).await;
    assert_eq!(runs(&world), of("v1.0.0"));
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

/// HEAD has no body, so that S3 cannot say there that it is the keys.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_over_at_a_head_are_renewed_though_s3_does_not_say_so() {
    let mut world = world().await;
    for gone in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        world.unset(gone);
    }
    has_release(&world, "v1.0.0");
    let slow = Fault::new(What::DelayAnswer(Duration::from_millis(800))).on(Service::Lambda);
    // What comes next is a look at the archives.
    world.sandbox.faults().add(slow.matching("StockLevels").nth(1));
    let words = ["deploy-lambda", "--release", "v1.0.0", "--credentials", "vault", "--jobs", "1"];
    let mut running = world.start(&words, None).await;
    running.until(|entry| entry.path().ends_with("/StockLevels")).await;
    world.sandbox.issued.expire_all();
    running.end().await.expect(0);
    assert_eq!(runs(&world), of("v1.0.0"));
    let requests = world.sandbox.journal().of(Service::S3);
    let bare = requests.iter().filter(|entry| entry.method == Method::HEAD && entry.status == Some(400));
    assert!(bare.count() >= 1, "no HEAD met dead keys: the test shows nothing");
    assert_eq!(world.sandbox.vault.logins(), 2);
}
