//! What a copy does when all is well, and what it leaves alone.

use std::sync::Arc;

use axum::http::StatusCode;
use landfall_artifacts::{Explain as _, Platform};
use landfall_registry::{Choose, CopyOptions, CopyOutcome, Error, TargetState, apply, plan_copies};
use landfall_run::{EffectOutcome, MemoryJournal};

use crate::server::{Image, Server, layer, login, registries, request, run, run_with};

#[tokio::test]
async fn a_batch_is_copied_once_and_a_second_run_finds_nothing_to_do() {
    let (source, target) = (Server::start().await, Server::start().await);
    let base = layer(1, 300_000);
    let first = source.push("build/a", "1", &Image::new(&[base.clone(), layer(2, 5_000)]));
    let second = source.push("build/b", "1", &Image::new(&[base.clone(), layer(3, 0), layer(4, 1)]));
    let all = registries(&[&source, &target]);
    let requests = || {
        vec![
            request(&source, "build/a:1", &target, "app:a-1"),
            request(&source, "build/b:1", &target, "app:b-1"),
        ]
    };
    let journal = Arc::<MemoryJournal>::default();
    let run = run_with(Arc::clone(&journal));

    let plan = plan_copies(requests(), &all, CopyOptions::default(), &run).await;
    assert!(plan.is_clear(), "{:?}", plan.problems);
    assert_eq!(
        (plan.changes(), target.contents().seen.iter().filter(|one| one.method != "HEAD").count()),
        (2, 0)
    );
    let results = apply(&plan, &all, &run).await.images;
    assert!(results.iter().all(|one| one.outcome == CopyOutcome::Copied), "{results:?}");
    assert_eq!((target.tag("app", "a-1"), target.tag("app", "b-1")), (Some(first), Some(second)));
    let sent: u64 = results.iter().map(|one| one.moved.sent_bytes).sum();
    assert_eq!(sent, plan.bytes_to_send());
    assert_eq!(
        source.count("GET", &landfall_artifacts::Digest::of(&base).to_string()),
        1,
        "the shared layer moves once"
    );
    let records: Vec<_> = journal.records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|(effect, outcome)| {
        effect.action == "PUT manifest"
            && effect.environment.as_deref() == Some("stg_eu00")
            && effect.items[0].digest.is_some()
            && *outcome == Some(EffectOutcome::Done)
    }));

    let puts = target.count("PUT", "");
    let plan = plan_copies(requests(), &all, CopyOptions::default(), &run).await;
    assert_eq!((plan.changes(), plan.bytes_to_send()), (0, 0));
    let results = apply(&plan, &all, &run).await.images;
    assert!(results.iter().all(|one| one.outcome == CopyOutcome::Unchanged));
    assert_eq!(target.count("PUT", ""), puts);
    assert_eq!(journal.records().len(), 2, "nothing was intended");
}

#[tokio::test]
async fn all_problems_are_found_together_and_before_any_byte() {
    let (source, target) = (Server::start().await, Server::start().await);
    source.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    source.push(
        "build/b",
        "1",
        &Image::of("arm64", "application/vnd.oci.image.layer.v1.tar+zstd", &[layer(2, 10)]),
    );
    target.push("app", "a-1", &Image::new(&[layer(9, 10)]));
    let all = registries(&[&source, &target]);
    let run = run();
    let mut elsewhere = request(&source, "build/a:1", &target, "app:d-1");
    elsewhere.source = "unknown.example.com/x:1".parse().expect("a reference");
    let requests = vec![
        request(&source, "build/a:1", &target, "app:a-1"),
        request(&source, "build/b:1", &target, "app:b-1"),
        request(&source, "build/missing:1", &target, "app:c-1"),
        elsewhere,
        request(&source, "build/a:1", &target, "app:b-1"),
    ];
    let choose = Choose::Lambda(Some(Platform::LinuxAmd64));
    let plan =
        plan_copies(requests.clone(), &all, CopyOptions { choose, ..CopyOptions::default() }, &run).await;
    let codes: Vec<_> = plan.problems.iter().map(|one| (one.request, one.error.code())).collect();
    assert_eq!(
        codes,
        [
            (0, "LF-REG-TAG-TAKEN"),
            (1, "LF-REG-LAMBDA"),
            (2, "LF-REG-IMAGE-MISSING"),
            (3, "LF-REG-UNKNOWN-HOST"),
            (4, "LF-REG-TARGET-TWICE"),
        ]
    );
    assert!(matches!(&plan.problems[1].error, Error::NotForLambda { misfits, .. } if misfits.len() == 2));
    assert!(plan.problems.iter().all(|one| one.error.remedy().is_some()));
    assert_eq!(target.count("POST", "") + target.count("PUT", ""), 0);

    let overwrite = CopyOptions { overwrite: true, ..CopyOptions::default() };
    let plan = plan_copies(requests[..1].to_vec(), &all, overwrite, &run).await;
    assert!(matches!(plan.copies[0].target_state, TargetState::Other(_)));
    let results = apply(&plan, &all, &run).await.images;
    assert_eq!(results[0].outcome, CopyOutcome::Copied);
}

#[tokio::test]
async fn a_missing_repository_is_one_problem_where_repositories_are_made_beforehand() {
    let (source, target) = (Server::start().await, Server::start().await);
    source.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    target.contents().strict_repositories = Some(["other".to_owned()].into());
    let options = landfall_registry::RegistryOptions {
        flavour: landfall_registry::Flavour::Ecr,
        ..landfall_registry::RegistryOptions::default()
    };
    let all = [source.registry(), target.registry_with(None, options)].into_iter().collect();
    let requests = vec![
        request(&source, "build/a:1", &target, "app:a-1"),
        request(&source, "build/a:1", &target, "app:b-1"),
    ];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run()).await;
    let codes: Vec<_> = plan.problems.iter().map(|one| one.error.code()).collect();
    assert_eq!(codes, ["LF-REG-REPOSITORY-MISSING"]);
    assert!(plan.copies.is_empty());
}

#[tokio::test]
async fn a_tag_that_moved_after_the_plan_is_not_written() {
    let (source, target) = (Server::start().await, Server::start().await);
    source.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    let all = registries(&[&source, &target]);
    let run = run();
    let plan = plan_copies(
        vec![request(&source, "build/a:1", &target, "app:a-1")],
        &all,
        CopyOptions::default(),
        &run,
    )
    .await;
    let theirs = target.push("app", "a-1", &Image::new(&[layer(7, 10)]));
    let results = apply(&plan, &all, &run).await.images;
    assert!(
        matches!(results[0].error.as_deref(), Some(Error::TagTaken { held, .. }) if *held == theirs),
        "{results:?}"
    );
    assert_eq!(target.tag("app", "a-1"), Some(theirs));
}

#[tokio::test]
async fn blobs_are_mounted_within_a_registry() {
    let server = Server::start().await;
    server.contents().mounts = true;
    server.push("build/a", "1", &Image::new(&[layer(1, 1_000)]));
    let all = registries(&[&server]);
    let run = run();
    let requests = vec![request(&server, "build/a:1", &server, "app:a-1")];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    let results = apply(&plan, &all, &run).await.images;
    assert_eq!(results[0].outcome, CopyOutcome::Copied);
    assert_eq!((results[0].moved.sent_bytes, server.count("PUT", "/blobs/")), (0, 0));

    server.contents().mounts = false;
    let requests = vec![request(&server, "build/a:1", &server, "other:a-1")];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    let posts = server.count("POST", "");
    let results = apply(&plan, &all, &run).await.images;
    assert_eq!(results[0].outcome, CopyOutcome::Copied);
    assert_eq!(server.count("POST", "") - posts, 2, "the session of a refused mount is used");
}

#[tokio::test]
async fn a_refused_mount_is_no_reason_not_to_send() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND] {
        let server = Server::start().await;
        let realm = format!("Bearer realm=\"http://{}/token\",service=\"registry\"", server.host());
        server.contents().challenge = Some(realm);
        server.contents().refuse_mount = Some(status);
        let digest = server.push("build/a", "1", &Image::new(&[layer(1, 1_000)]));
        let registry = server.registry_with(Some(login()), landfall_registry::RegistryOptions::default());
        let all = [registry].into_iter().collect();
        let run = run();
        let requests = vec![request(&server, "build/a:1", &server, "app:a-1")];
        let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
        assert!(plan.is_clear(), "{:?}", plan.problems);
        let results = apply(&plan, &all, &run).await.images;
        assert_eq!(results[0].outcome, CopyOutcome::Copied, "{status}: {results:?}");
        assert_eq!((results[0].moved.sent_blobs, server.tag("app", "a-1")), (2, Some(digest)));
    }
}

#[tokio::test]
async fn what_a_target_mounts_and_has_not_is_sent() {
    let (source, target) = (Server::start().await, Server::start().await);
    let base = layer(1, 1_000);
    source.push("build/a", "1", &Image::new(std::slice::from_ref(&base)));
    source.push("build/b", "1", &Image::new(&[base.clone(), layer(2, 10)]));
    let all = registries(&[&source, &target]);
    let run = run();
    let requests = vec![
        request(&source, "build/a:1", &target, "one:a-1"),
        request(&source, "build/b:1", &target, "two:b-1"),
    ];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    // It says 201 to every mount.
    target.contents().refuse_mount = Some(StatusCode::CREATED);
    let results = apply(&plan, &all, &run).await.images;
    assert!(results.iter().all(|one| one.outcome == CopyOutcome::Copied), "{results:?}");
    assert_eq!(results[1].moved.sent_blobs, 3, "also the blob that was said to be mounted");
    let mounts = target.count("POST", "mount=");
    assert_eq!(mounts, 1, "and it was not asked to mount it again");
}
