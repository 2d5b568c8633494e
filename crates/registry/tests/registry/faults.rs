//! What a copy does when the network or a registry fails.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use landfall_artifacts::{Class, Digest, Explain, Version};
use landfall_registry::{CopyOptions, CopyOutcome, CopyResult, Error, Manifest, Put, apply, plan_copies};
use landfall_run::{EffectOutcome, MemoryJournal, Run, Signal};

use crate::server::{Image, OCI, Server, layer, registries, request, run, run_with};

const SIZE: usize = 400_000;

struct Case {
    source: Server,
    target: Server,
    image: Image,
    layer: Digest,
}

impl Case {
    async fn new() -> Self {
        let (source, target) = (Server::start().await, Server::start().await);
        let bytes = layer(1, SIZE);
        let image = Image::new(std::slice::from_ref(&bytes));
        source.push("build/a", "1", &image);
        Self { source, target, image, layer: Digest::of(&bytes) }
    }

    async fn copy(&self, run: &Run) -> CopyResult {
        let all = registries(&[&self.source, &self.target]);
        let requests = vec![request(&self.source, "build/a:1", &self.target, "app:a-1")];
        let plan = plan_copies(requests, &all, CopyOptions::default(), run).await;
        assert!(plan.is_clear(), "{:?}", plan.problems);
        apply(&plan, &all, run).await.images.remove(0)
    }

    fn manifest(&self) -> Manifest {
        Manifest::read(self.image.manifest.clone(), Some(OCI)).expect("a manifest")
    }
}

#[tokio::test]
async fn a_blob_that_breaks_off_goes_on_where_it_broke() {
    for no_ranges in [false, true] {
        let case = Case::new().await;
        case.source.contents().cuts.insert(case.layer, 2);
        case.source.contents().no_ranges = no_ranges;
        let result = case.copy(&run()).await;
        assert_eq!(result.outcome, CopyOutcome::Copied, "{result:?}");
        assert_eq!(case.target.tag("app", "a-1"), Some(result.digest));
        assert_eq!(
            case.target.count("PUT", "/blobs/uploads/"),
            2,
            "one upload a blob, however often the source breaks"
        );
        let asked = case.source.contents().seen.iter().filter(|one| one.range.is_some()).count();
        assert_eq!(asked, 2);
    }
}

#[tokio::test]
async fn a_blob_that_breaks_off_for_ever_ends_the_copy() {
    let case = Case::new().await;
    case.source.contents().no_ranges = true;
    case.source.contents().cuts.insert(case.layer, u32::MAX);
    let result = case.copy(&run()).await;
    let error = result.error.expect("an error");
    assert!(matches!(*error, Error::Cut { .. }), "{error:?}");
    assert_eq!((error.class(), result.outcome), (Class::Transient, CopyOutcome::Failed));
    assert_eq!(case.target.tag("app", "a-1"), None);
    assert!(!case.target.contents().blobs.contains_key(&("app".to_owned(), case.layer)));
}

#[tokio::test]
async fn a_flipped_bit_never_completes_a_blob() {
    let case = Case::new().await;
    case.source.contents().flipped.insert(case.layer);
    let journal = Arc::<MemoryJournal>::default();
    let result = case.copy(&run_with(Arc::clone(&journal))).await;
    let error = result.error.expect("an error");
    assert!(matches!(&*error, Error::DigestDiffers { expected, .. } if *expected == case.layer), "{error:?}");
    assert_eq!(error.class(), Class::Integrity);
    assert_eq!(case.target.tag("app", "a-1"), None);
    assert_eq!(case.target.count("PUT", "/manifests/"), 0);
    assert!(!case.target.contents().blobs.contains_key(&("app".to_owned(), case.layer)));
    assert!(matches!(journal.records()[0].1, Some(EffectOutcome::Failed(_))));
    assert_eq!(case.source.count("GET", &case.layer.to_string()), 2, "fetched once more, and no more");
}

#[tokio::test]
async fn what_was_damaged_on_its_way_is_fetched_once_more() {
    let case = Case::new().await;
    let config = Digest::of(case.image.blobs.last().expect("a configuration"));
    case.source.contents().damages.extend([(case.layer, 1), (config, 1)]);
    let result = case.copy(&run()).await;
    assert_eq!(result.outcome, CopyOutcome::Copied, "{result:?}");
    assert_eq!(case.source.count("GET", &case.layer.to_string()), 2);

    let damaged = Case::new().await;
    damaged.source.contents().damages.insert(config, 2);
    let all = registries(&[&damaged.source, &damaged.target]);
    let requests = vec![request(&damaged.source, "build/a:1", &damaged.target, "app:a-1")];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run()).await;
    let codes: Vec<_> = plan.problems.iter().map(|one| one.error.class()).collect();
    assert_eq!(codes, [Class::Integrity]);
    assert_eq!(damaged.source.count("GET", &config.to_string()), 2);
}

#[tokio::test]
async fn a_lost_upload_leaves_nothing_unknown() {
    let case = Case::new().await;
    case.target.contents().lose_uploads = true;
    let journal = Arc::<MemoryJournal>::default();
    let result = case.copy(&run_with(Arc::clone(&journal))).await;
    let error = result.error.expect("an error");
    assert!(matches!(&*error, Error::Transport { .. }), "{error:?}");
    assert_eq!((error.class(), result.outcome), (Class::Transient, CopyOutcome::Failed));
    let records = journal.records();
    assert!(
        matches!(&records[0].1, Some(EffectOutcome::Failed(why)) if why.contains("got no complete answer: ")),
        "{records:?}"
    );
    assert_eq!(case.target.tag("app", "a-1"), None);
}

#[tokio::test]
async fn an_answer_to_a_manifest_that_cannot_be_taken_is_read_back() {
    let case = Case::new().await;
    case.target.contents().odd_answer = Some((StatusCode::CREATED, "x".repeat(2 << 20)));
    let result = case.copy(&run()).await;
    assert_eq!(result.outcome, CopyOutcome::Copied, "{result:?}");
}

#[tokio::test]
async fn a_stop_ends_an_upload_that_the_target_does_not_take() {
    let (source, target) = (Server::start().await, Server::start().await);
    let image = Image::new(&[layer(1, 24 << 20)]);
    source.push("build/a", "1", &image);
    target.contents().takes = Some(64 << 10);
    let all = registries(&[&source, &target]);
    let requests = vec![request(&source, "build/a:1", &target, "app:a-1")];
    let run = run();
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    let poll = async {
        while target.contents().takes != Some(0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.stop().request(Signal::Terminate);
    };
    let (report, ()) = tokio::join!(apply(&plan, &all, &run), poll);
    let results = report.images;
    assert!(matches!(results[0].error.as_deref(), Some(Error::Stopped { .. })), "{results:?}");
    assert_eq!(target.count("PUT", "/manifests/"), 0);
}

#[tokio::test]
async fn a_stop_ends_the_reading_of_a_small_blob() {
    let case = Case::new().await;
    case.source.contents().slow = Some(Duration::from_secs(3600));
    let run = run();
    let config = case.manifest();
    let landfall_registry::ManifestKind::Image(image) = config.kind else { panic!("an image") };
    let poll = async {
        while case.source.count("GET", "/blobs/") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.stop().request(Signal::Terminate);
    };
    let registry = case.source.registry();
    let (read, ()) = tokio::join!(registry.get_blob("build/a", &image.config, &run), poll);
    assert!(matches!(read, Err(Error::Stopped { .. })), "{read:?}");
}

#[tokio::test]
async fn digests_come_from_bytes_and_headers_are_held_against_them() {
    let case = Case::new().await;
    let registry = case.source.registry();
    let tag = Version::Tag("1".parse().expect("a tag"));
    case.source.contents().digest_header = Some(Digest::of(b"other").to_string());
    let error = registry.get_manifest("build/a", &tag, &run()).await.expect_err("a lie");
    assert!(matches!(error, Error::DigestDiffers { .. }), "{error:?}");
    case.source.contents().digest_header = Some("nonsense".to_owned());
    let digest = registry.head_manifest("build/a", &tag, &run()).await.expect("read from the bytes");
    assert_eq!(digest, Some(case.manifest().digest));

    // A manifest stored under a digest that is not its own.
    let wrong = Digest::of(b"wrong");
    let stored = (OCI.to_owned(), case.image.manifest.clone());
    case.source.contents().manifests.insert(("build/a".to_owned(), wrong.to_string()), stored);
    let by_digest = Version::Digest(wrong);
    let error = registry.get_manifest("build/a", &by_digest, &run()).await.expect_err("damaged");
    assert!(matches!(error, Error::DigestDiffers { expected, .. } if expected == wrong), "{error:?}");
}

#[tokio::test]
async fn lost_answers_and_immutable_tags_are_settled_by_reading_back() {
    let case = Case::new().await;
    case.target.contents().lost_answers = 1;
    case.target.contents().immutable = true;
    let result = case.copy(&run()).await;
    assert!(result.error.is_none(), "{result:?}");
    assert_eq!(case.target.tag("app", "a-1"), Some(result.digest));

    let registry = case.target.registry();
    let tag = Version::Tag("a-1".parse().expect("a tag"));
    let put = registry.put_manifest("app", &tag, &case.manifest(), &run()).await;
    assert_eq!(put.expect("the same"), Put::Already);
    let other = Image::new(&[layer(8, 10)]);
    case.target.push("app", "other", &other);
    let other = Manifest::read(other.manifest, Some(OCI)).expect("a manifest");
    let error = registry.put_manifest("app", &tag, &other, &run()).await.expect_err("taken");
    assert!(
        matches!(&error, Error::TagDiffers { held, wanted, .. } if *held == result.digest && *wanted == other.digest),
        "{error:?}"
    );
    assert!(error.to_string().contains(&other.digest.to_string()));
    assert_eq!(error.class(), Class::Integrity);
}

#[tokio::test]
async fn a_refused_put_becomes_a_patch() {
    let case = Case::new().await;
    case.target.contents().refuse_put = Some(StatusCode::METHOD_NOT_ALLOWED);
    let result = case.copy(&run()).await;
    assert_eq!(result.outcome, CopyOutcome::Copied, "{result:?}");
    assert_eq!(case.target.count("PATCH", ""), 2);
}

#[tokio::test]
async fn blobs_that_a_target_only_says_it_has_are_sent_after_all() {
    let case = Case::new().await;
    case.target.contents().head_lies = true;
    let result = case.copy(&run()).await;
    assert_eq!(result.outcome, CopyOutcome::Copied, "{result:?}");
    assert_eq!(result.moved.sent_blobs, 2);
}

#[tokio::test]
async fn a_stop_abandons_the_blob_and_tries_no_more() {
    let case = Case::new().await;
    case.source.contents().slow = Some(Duration::from_millis(50));
    let run = run();
    let all = registries(&[&case.source, &case.target]);
    let requests = vec![
        request(&case.source, "build/a:1", &case.target, "app:a-1"),
        request(&case.source, "build/a:1", &case.target, "app:b-1"),
    ];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    let poll = async {
        while case.target.count("PUT", "/blobs/uploads/") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.stop().request(Signal::Terminate);
    };
    let (report, ()) = tokio::join!(apply(&plan, &all, &run), poll);
    let results = report.images;
    assert_eq!(results[0].error.as_deref().map(Explain::class), Some(Class::Interrupted), "{results:?}");
    assert_eq!(results[1].outcome, CopyOutcome::NotTried);
    assert_eq!(case.target.count("PUT", "/manifests/"), 0);
}
