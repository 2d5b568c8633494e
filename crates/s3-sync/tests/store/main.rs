//! The store against the sandbox's S3.

mod archives;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use landfall_artifacts::{
    Class, CodeSha256, Digest, Explain as _, Problem, ReleaseArtifact, ReleaseManifest,
};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_run::{EffectOutcome, MemoryJournal, RetryPolicy, Run, Signal, Stop};
use landfall_s3_sync::{ObjectOutcome, Presence, Published, ReleaseStore, verify_local};
use landfall_sandbox::s3::BucketPolicy;
use landfall_sandbox::{Fault, RELEASE_BUCKET, Sandbox, SandboxOptions, Service, What};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;

struct World {
    sandbox: Sandbox,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::of(SandboxOptions::default()).await
    }

    async fn of(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        Self { sandbox, folder: TempDir::new().expect("a folder") }
    }

    fn store(&self) -> ReleaseStore {
        let keys = self.sandbox.static_keys();
        let keys = AwsKeys::new(&keys.access_key_id, Secret::new(&keys.secret_access_key), None);
        let endpoints = Endpoints { s3: Some(self.sandbox.url(Service::S3)), ..Endpoints::default() };
        let http = Http::new(HttpConfig::default()).expect("a client");
        let config =
            AwsConfig::new(&self.sandbox.options().region, keys, endpoints, http).expect("a configuration");
        let owner = self.sandbox.options().account.parse().ok();
        ReleaseStore::new(&config, RELEASE_BUCKET.parse().expect("a bucket"), owner).expect("a store")
    }

    /// A release of these services, whose archives are in the folder.
    fn release(&self, services: &[(&str, &[u8])]) -> ReleaseManifest {
        let artifact = |(service, bytes): &(&str, &[u8])| {
            std::fs::write(self.folder.path().join(format!("{service}.zip")), bytes).expect("written");
            ReleaseArtifact {
                service: service.parse().expect("a service"),
                key: format!("v1.0.0/{service}.zip").parse().expect("a key"),
                sha256: CodeSha256::from(Digest::of(bytes)),
                size_bytes: bytes.len() as u64,
            }
        };
        let artifacts = services.iter().map(artifact).collect();
        ReleaseManifest { release: "v1.0.0".parse().expect("a release"), commit: None, artifacts }
    }

    fn small(&self) -> ReleaseManifest {
        self.release(&[("price-fetcher", b"price"), ("config-service", b"config")])
    }

    fn bytes(&self, key: &str) -> Option<Bytes> {
        self.sandbox.s3.object(RELEASE_BUCKET, key).map(|object| object.bytes)
    }

    async fn publish(&self, manifest: &ReleaseManifest) -> Published {
        self.store().publish(manifest, self.folder.path(), &run()).await
    }
}

/// Retries without pauses.
fn run() -> Run {
    Run::builder().retry_policy(quick()).build()
}

fn quick() -> RetryPolicy {
    RetryPolicy { base: std::time::Duration::from_millis(1), ..RetryPolicy::default() }
}

fn outcomes(published: &Published) -> Vec<ObjectOutcome> {
    published.objects.iter().map(|object| object.outcome).collect()
}

fn problems(published: &Published) -> Vec<Problem> {
    published
        .objects
        .iter()
        .filter_map(|object| object.error.as_ref().map(|error| Problem::of(error)))
        .collect()
}

use ObjectOutcome::{Failed, NotTried, Published as Put, Unchanged, Unknown};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_put_there_once_and_read_back() {
    let world = World::new().await;
    let manifest = world.small();
    let journal = Arc::new(MemoryJournal::default());
    let run_ = Run::builder().journal(Arc::<MemoryJournal>::clone(&journal)).build();
    let published = world.store().publish(&manifest, world.folder.path(), &run_).await;
    assert_eq!(outcomes(&published), [Put, Put, Put], "{:?}", problems(&published));
    assert_eq!(
        world.sandbox.s3.keys(RELEASE_BUCKET),
        ["v1.0.0/config-service.zip", "v1.0.0/manifest.json", "v1.0.0/price-fetcher.zip"]
    );
    let object = world.sandbox.s3.object(RELEASE_BUCKET, "v1.0.0/price-fetcher.zip").expect("the object");
    assert_eq!(object.sha256, Some(manifest.artifacts[0].sha256.to_string()));
    assert_eq!(object.headers["content-type"], "application/zip");
    let records = journal.records();
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|(effect, outcome)| {
        effect.action == "PutObject"
            && *outcome == Some(EffectOutcome::Done)
            && effect.items[0].digest.is_some()
    }));
    assert!(records[2].0.target.ends_with("/v1.0.0/manifest.json"), "the manifest is the last");
    // Streamed and signed for what it is: S3 was told the hash.
    let entries = world.sandbox.journal().of(Service::S3);
    assert!(entries.iter().all(|entry| entry.raw_headers().contains_key("x-amz-expected-bucket-owner")));

    let again = world.publish(&manifest).await;
    assert_eq!(outcomes(&again), [Unchanged, Unchanged, Unchanged]);
    assert_eq!(world.sandbox.s3.writes(RELEASE_BUCKET, "v1.0.0/price-fetcher.zip"), 1);
    let read = world.store().read_manifest(&manifest.release, None, &run()).await.expect("the manifest");
    assert_eq!(read, manifest);
    assert_eq!(world.store().head(&manifest.artifacts[0], &run()).await.expect("seen"), Presence::Same);
    let seen = world.store().observe(&manifest, &run()).await;
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|(_, seen)| matches!(seen, Ok(Presence::Same))));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_at_a_key_are_an_integrity_error_that_names_both() {
    let world = World::new().await;
    let manifest = world.small();
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/price-fetcher.zip", "other");
    let published = world.publish(&manifest).await;
    assert_eq!(outcomes(&published), [Failed, Put, NotTried]);
    let found = problems(&published);
    assert_eq!((found[0].code.as_str(), found[0].class), ("LF-S3-DIFFERS", Class::Integrity));
    let (own, other) = (CodeSha256::from(Digest::of(b"price")), CodeSha256::from(Digest::of(b"other")));
    assert!(
        found[0].what.contains(&own.to_string()) && found[0].what.contains(&other.to_string()),
        "{}",
        found[0].what
    );
    assert_eq!(found[1].code, "LF-S3-INCOMPLETE");
    assert_eq!(world.bytes("v1.0.0/manifest.json"), None, "without all archives there is no release");
    // The same bytes without a checksum, as other tools leave them, are the same bytes.
    let world = World::new().await;
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/price-fetcher.zip", "price");
    assert_eq!(outcomes(&world.publish(&world.small()).await), [Unchanged, Put, Put]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_manifest_is_an_integrity_error() {
    let world = World::new().await;
    let manifest = world.small();
    assert!(world.publish(&manifest).await.is_complete());
    let commit = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12".parse().ok();
    let other = ReleaseManifest { commit, ..manifest };
    let published = world.publish(&other).await;
    assert_eq!(outcomes(&published), [Unchanged, Unchanged, Failed]);
    assert_eq!(problems(&published)[0].class, Class::Integrity);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_publishers_with_other_bytes_exactly_one_wins() {
    for round in 0..8 {
        let world = World::new().await;
        let other = TempDir::new().expect("a folder");
        let one = world.release(&[("a", b"one")]);
        std::fs::write(other.path().join("a.zip"), b"two").expect("written");
        let mut two = one.clone();
        two.artifacts[0].sha256 = CodeSha256::from(Digest::of(b"two"));
        let (store, again, run_) = (world.store(), world.store(), run());
        let (first, second) = tokio::join!(
            store.publish(&one, world.folder.path(), &run_),
            again.publish(&two, other.path(), &run_)
        );
        let won = [&first, &second].iter().filter(|published| published.is_complete()).count();
        assert_eq!(won, 1, "round {round}: {:?} {:?}", outcomes(&first), outcomes(&second));
        let lost = if first.is_complete() { &second } else { &first };
        assert_eq!(problems(lost)[0].code, "LF-S3-DIFFERS");
        let read = world.store().read_manifest(&one.release, None, &run()).await.expect("the manifest");
        assert_eq!(read, if first.is_complete() { one } else { two });
        assert_eq!(world.sandbox.s3.writes(RELEASE_BUCKET, "v1.0.0/a.zip"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_read_back() {
    for what in [What::LoseAnswer, What::CutBefore, What::status(500), What::status(503)] {
        let world = World::new().await;
        let manifest = world.small();
        let fault = Fault::new(what.clone()).on(Service::S3).matching("price-fetcher");
        world.sandbox.faults().add(fault);
        let published = world.publish(&manifest).await;
        assert!(published.is_complete(), "{what:?}: {:?}", problems(&published));
        assert_eq!(world.sandbox.s3.writes(RELEASE_BUCKET, "v1.0.0/price-fetcher.zip"), 1);
        assert_eq!(world.bytes("v1.0.0/price-fetcher.zip"), Some("price".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_back_is_unknown() {
    let world = World::new().await;
    let manifest = world.release(&[("a", b"one")]);
    world.sandbox.faults().add(Fault::new(What::CutBefore).on(Service::S3).every());
    let published = world.publish(&manifest).await;
    assert_eq!(outcomes(&published), [Unknown, NotTried]);
    assert_eq!(problems(&published)[0].class, Class::Unknown);
    world.sandbox.faults().clear();
    assert!(world.publish(&manifest).await.is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_and_throttling_pass() {
    let world = World::new().await;
    world.sandbox.s3.answer_conflicts(3);
    let slow = What::status(503)
        .header("content-type", "application/xml")
        .body("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
    world.sandbox.faults().add(Fault::new(slow).on(Service::S3));
    let manifest = world.small();
    let published = world.publish(&manifest).await;
    assert!(published.is_complete(), "{:?}", problems(&published));
    assert!(world.sandbox.s3.calls("PutObject") >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_not_what_the_manifest_says_does_not_get_there() {
    let world = World::new().await;
    let manifest = world.small();
    std::fs::write(world.folder.path().join("price-fetcher.zip"), b"PRICE").expect("written");
    let error = verify_local(world.folder.path(), &manifest.artifacts[0]).expect_err("another one");
    assert_eq!((error.code(), error.class()), ("LF-S3-CONTENT", Class::Integrity));
    let published = world.publish(&manifest).await;
    assert_eq!(outcomes(&published), [Failed, Put, NotTried]);
    assert_eq!(problems(&published)[0].code, "LF-S3-DAMAGED");
    assert_eq!(world.bytes("v1.0.0/price-fetcher.zip"), None);
    std::fs::remove_file(world.folder.path().join("price-fetcher.zip")).expect("removed");
    assert_eq!(problems(&world.publish(&manifest).await)[0].code, "LF-S3-FILE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_forces_create_only_writes_is_enough() {
    let world = World::new().await;
    world.sandbox.s3.set_policy(RELEASE_BUCKET, BucketPolicy::CreateOnly);
    let manifest = world.small();
    assert!(world.publish(&manifest).await.is_complete());
    world.sandbox.issued.deny_all("s3:PutObject");
    let other = world.release(&[("new", b"new")]);
    let published = world.publish(&other).await;
    let denied = &problems(&published)[0];
    assert_eq!((denied.code.as_str(), denied.class), ("LF-AWS-DENIED", Class::Refused));
    assert!(denied.remedy.as_deref().is_some_and(|remedy| remedy.contains("s3:PutObject")), "{denied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_places_are_named() {
    let world = World::new().await;
    let manifest = world.small();
    let missing = world.store().read_manifest(&manifest.release, None, &run()).await.expect_err("not there");
    assert_eq!((missing.code(), missing.class()), ("LF-S3-RELEASE", Class::Refused));
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/manifest.json", "{}");
    let broken = world.store().read_manifest(&manifest.release, None, &run()).await.expect_err("broken");
    assert_eq!((broken.code(), broken.class()), ("LF-S3-MANIFEST", Class::Integrity));
    let moved = String::from_utf8(manifest.to_bytes()).expect("text");
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.1/manifest.json", moved);
    let other = world.store().read_manifest(&"v1.0.1".parse().expect("a release"), None, &run()).await;
    assert_eq!(other.expect_err("of another release").code(), "LF-S3-MANIFEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_sends_nothing_more() {
    let world = World::new().await;
    let stop = Stop::new();
    stop.request(Signal::Terminate);
    let stopped = Run::builder().stop(stop).build();
    let published = world.store().publish(&world.small(), world.folder.path(), &stopped).await;
    assert_eq!(outcomes(&published), [NotTried, NotTried, NotTried]);
    assert!(world.sandbox.journal().of(Service::S3).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_brought_to_another_region() {
    let world = World::new().await;
    let there =
        World::of(SandboxOptions { region: "us-east-1".to_owned(), ..SandboxOptions::default() }).await;
    // Larger than one piece of a download.
    let large: Vec<u8> = (0..9_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let manifest = world.release(&[("large", &large), ("small", b"small")]);
    assert!(world.publish(&manifest).await.is_complete());
    let fault = Fault::new(What::CutAfterBytes(1000)).on(Service::S3).matching("large.zip");
    world.sandbox.faults().add(fault);
    let (from, to) = (world.store(), there.store());
    let copied = from.copy_to(&to, &manifest, &run()).await;
    assert_eq!(outcomes(&copied), [Put, Put, Put], "{:?}", problems(&copied));
    assert_eq!(there.bytes("v1.0.0/large.zip"), Some(large.into()));
    assert_eq!(to.read_manifest(&manifest.release, None, &run()).await.ok().as_ref(), Some(&manifest));
    assert_eq!(outcomes(&from.copy_to(&to, &manifest, &run()).await), [Unchanged, Unchanged, Unchanged]);

    // What is not what the manifest says is not brought anywhere.
    let third =
        World::of(SandboxOptions { region: "us-west-2".to_owned(), ..SandboxOptions::default() }).await;
    world.sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/small.zip", "SMALL");
    let copied = from.copy_to(&third.store(), &manifest, &run()).await;
    assert_eq!(outcomes(&copied), [Put, Failed, NotTried]);
    assert_eq!(problems(&copied)[0].code, "LF-S3-CONTENT");
}

#[test]
fn an_archive_that_is_missing_is_named() {
    assert!(
        verify_local(
            Path::new("/nonexistent"),
            &ReleaseArtifact {
                service: "a".parse().expect("a service"),
                key: "v1.0.0/a.zip".parse().expect("a key"),
                sha256: CodeSha256::from(Digest::of(b"")),
                size_bytes: 0,
            }
        )
        .is_err_and(|error| error.code() == "LF-S3-FILE")
    );
}
