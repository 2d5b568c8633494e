//! Archives as manifests name them: where they are found, and whether they are there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use landfall_artifacts::{
    CodeSha256, Digest, EnvironmentName, Explain as _, ReleaseArtifact, ReleaseManifest,
};
use landfall_run::{Event, Progress, Run};
use landfall_s3_sync::Error;
use landfall_sandbox::{Fault, RELEASE_BUCKET, Service, What};

use super::{World, quick, run};

/// Keeps what is told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<Event>>);

impl Progress for Told {
    fn event(&self, event: Event) {
        self.0.lock().expect("nobody panics").push(event);
    }
}

impl Told {
    fn warnings(&self) -> Vec<String> {
        let told = self.0.lock().expect("nobody panics");
        let text = |event: &Event| match event {
            Event::Warning(text) => Some(text.clone()),
            _ => None,
        };
        told.iter().filter_map(text).collect()
    }
}

/// A manifest of one archive in a folder of the bucket.
fn has_manifest(world: &World, folder: &str, service: &str, bytes: &[u8]) {
    let release = folder.split('/').next().expect("a release");
    let manifest = ReleaseManifest {
        release: release.parse().expect("a release"),
        commit: None,
        artifacts: vec![ReleaseArtifact {
            service: service.parse().expect("a service"),
            key: format!("{folder}/{service}.zip").parse().expect("a key"),
            sha256: CodeSha256::from(Digest::of(bytes)),
            size_bytes: bytes.len() as u64,
        }],
    };
    world.sandbox.s3.put(RELEASE_BUCKET, &manifest.key(), manifest.to_bytes());
}

fn digests(contents: &[&[u8]]) -> BTreeSet<Digest> {
    contents.iter().map(|bytes| Digest::of(bytes)).collect()
}

async fn found(world: &World, environment: Option<&str>, contents: &[&[u8]], run: &Run) -> Vec<String> {
    let environment: Option<EnvironmentName> = environment.map(|name| name.parse().expect("a name"));
    let found = world
        .store()
        .find(&digests(contents), &environment.iter().collect::<Vec<_>>(), run)
        .await
        .expect("looked");
    let mut keys: Vec<String> = found.into_values().map(|artifact| artifact.key.to_string()).collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_found_in_the_newest_release_that_has_them() {
    let world = World::new().await;
    for release in ["v1.9.0", "v1.10.0", "v1.10.0-rc.1", "v1.2.0"] {
        has_manifest(&world, release, "a", b"the same");
    }
    for release in 0..30 {
        has_manifest(&world, &format!("v0.{release}.0"), "a", format!("{release}").as_bytes());
    }
    assert_eq!(found(&world, None, &[b"the same"], &run()).await, ["v1.10.0/a.zip"]);
    let reads = world.sandbox.s3.calls("GetObject");
    assert!(reads <= 8, "{reads} manifests were read for one that is in the newest release");
    assert_eq!(
        found(&world, None, &[b"3", b"nowhere", b"17"], &run()).await,
        ["v0.17.0/a.zip", "v0.3.0/a.zip"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_an_environment_are_found_for_it_alone() {
    let world = World::new().await;
    has_manifest(&world, "v1.0.0/stg_eu00", "a", b"staging");
    has_manifest(&world, "v1.0.0/prod_eu00", "a", b"production");
    has_manifest(&world, "v1.1.0", "a", b"all");
    let contents: [&[u8]; 3] = [b"staging", b"production", b"all"];
    assert_eq!(
        found(&world, Some("stg_eu00"), &contents, &run()).await,
        ["v1.0.0/stg_eu00/a.zip", "v1.1.0/a.zip"]
    );
    assert_eq!(found(&world, None, &contents, &run()).await, ["v1.1.0/a.zip"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_used_does_not_hide_the_others() {
    let world = World::new().await;
    has_manifest(&world, "v1.0.0", "a", b"one");
    let denied = What::status(403)
        .header("content-type", "application/xml")
        .body("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    has_manifest(&world, "v3.0.0", "a", b"three");
    world.sandbox.faults().add(Fault::new(denied).on(Service::S3).matching("v3.0.0").every());
    world.sandbox.s3.put(RELEASE_BUCKET, "v2.0.0/manifest.json", "{}");
    world.sandbox.s3.put(RELEASE_BUCKET, "v2.1.0/manifest.json", vec![b' '; ReleaseManifest::MAX_BYTES + 1]);
    // A folder of somebody else's is no release.
    has_manifest(&world, "vendor", "a", b"one");
    world.sandbox.s3.put(RELEASE_BUCKET, "web/manifest.json", "{\"name\": \"a site\"}");
    let told = Arc::new(Told::default());
    let run_ = Run::builder().retry_policy(quick()).progress(Arc::<Told>::clone(&told)).build();
    assert_eq!(found(&world, None, &[b"one"], &run_).await, ["v1.0.0/a.zip"]);
    let warnings = told.warnings();
    let about = |release: &str| warnings.iter().filter(|text| text.contains(release)).count();
    assert_eq!(["v3.0.0", "v2.1.0", "v2.0.0"].map(about), [1, 1, 1], "{warnings:#?}");
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    world.sandbox.faults().clear();

    // Keys that are over do not open the next manifest either.
    let expired = What::status(400)
        .header("content-type", "application/xml")
        .body("<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>");
    world
        .sandbox
        .faults()
        .add(Fault::new(expired).on(Service::S3).matching("v1.0.0/manifest.json?x-id=GetObject").every());
    let error = world.store().find(&digests(&[b"one"]), &[], &run()).await.expect_err("over");
    assert_eq!(error.code(), "LF-AWS-EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_held_against_what_stands_at_their_keys() {
    let world = World::new().await;
    let manifest = world.release(&[("a", b"one"), ("b", b"two"), ("c", b"three")]);
    assert!(world.publish(&manifest).await.is_complete());
    let sound = world.store().verify(&manifest.artifacts, &run()).await;
    assert!(sound.iter().all(Result::is_ok));
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/b.zip", "of another size");
    world.sandbox.s3.remove(RELEASE_BUCKET, "v1.0.0/c.zip");
    let seen = world.store().verify(&manifest.artifacts, &run()).await;
    let told: Vec<String> = seen
        .iter()
        .map(|one| one.as_ref().err().map_or_else(|| "sound".to_owned(), ToString::to_string))
        .collect();
    let (two, other) =
        (CodeSha256::from(Digest::of(b"two")), CodeSha256::from(Digest::of(b"of another size")));
    let differs = format!(
        "s3://acme-releases/v1.0.0/b.zip holds sha256 {other} (15 bytes), and the release has sha256 {two} (3 bytes)"
    );
    assert_eq!(told, ["sound", &differs, "s3://acme-releases/v1.0.0/c.zip is not there"]);
    let codes: Vec<&str> = seen.iter().filter_map(|one| one.as_ref().err()).map(Error::code).collect();
    assert_eq!(codes, ["LF-S3-DIFFERS", "LF-S3-MISSING"]);
}
