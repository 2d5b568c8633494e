//! Batches over several repositories, indexes as they are, pins, and registries that throttle.

use std::sync::Arc;

use axum::body::Bytes;
use landfall_artifacts::{Digest, Explain as _};
use landfall_registry::{
    BlobState, Choose, CopyOptions, CopyOutcome, Error, Flavour, RegistryOptions, apply, apply_each,
    copy_image, plan_copies,
};
use serde_json::json;

use crate::server::{INDEX, Image, OCI, Server, descriptor, layer, registries, request, run};

fn ecr() -> RegistryOptions {
    RegistryOptions { flavour: Flavour::Ecr, ..RegistryOptions::default() }
}

#[tokio::test]
async fn at_ecr_a_blob_is_mounted_after_a_manifest_names_it_and_sent_once() {
    let (source, target) = (Server::start().await, Server::start().await);
    target.contents().mounts = true;
    let base = layer(1, 50_000);
    source.push("build/a", "1", &Image::new(&[base.clone(), layer(2, 10)]));
    let second = source.push("build/b", "1", &Image::new(&[base.clone(), layer(3, 10)]));
    let all = [source.registry(), target.registry_with(None, ecr())].into_iter().collect();
    let requests = vec![
        request(&source, "build/a:1", &target, "one:a-1"),
        request(&source, "build/b:1", &target, "two:b-1"),
    ];
    let run = run();
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    assert!(plan.is_clear(), "{:?}", plan.problems);
    let mounts = |copy: usize| {
        plan.copies[copy].blobs.iter().filter(|blob| matches!(blob.state, BlobState::Mount { .. })).count()
    };
    assert!(mounts(0) == 0 && mounts(1) >= 1, "{:?}", plan.copies[1].blobs);
    let report = apply(&plan, &all, &run).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.totals.moved.mounted_blobs, mounts(1));
    assert_eq!(target.tag("two", "b-1"), Some(second));
    assert_eq!(source.count("GET", &Digest::of(&base).to_string()), 1, "the shared layer is fetched once");
    let seen: Vec<String> =
        target.contents().seen.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let at = |method: &str, part: &str| {
        seen.iter().position(|one| one.starts_with(method) && one.contains(part)).expect(part)
    };
    assert!(at("PUT", "/one/manifests/a-1") < at("POST", "mount="), "{seen:#?}");
}

/// What a plan asked a registry, without the host's own part of a path.
fn heads(server: &Server) -> Vec<String> {
    let seen = &mut server.contents().seen;
    let heads = seen.drain(..).filter(|one| one.method == "HEAD").map(|one| one.path);
    let mut heads: Vec<String> = heads.collect();
    heads.sort();
    heads
}

#[tokio::test]
async fn what_is_there_is_found_by_few_questions() {
    let (source, target) = (Server::start().await, Server::start().await);
    let base = layer(1, 50_000);
    let (one, two) = (Image::new(&[base.clone(), layer(2, 10)]), Image::new(&[base.clone(), layer(3, 10)]));
    let digest = source.push("build/a", "1", &one);
    source.push("build/b", "1", &two);
    let all = registries(&[&source, &target]);
    let run = run();
    let options = CopyOptions { look_for_attached: false, ..CopyOptions::default() };
    let requests = vec![
        request(&source, "build/a:1", &target, "app:a-1"),
        request(&source, "build/b:1", &target, "app:b-1"),
    ];
    let plan = plan_copies(requests.clone(), &all, options, &run).await;
    assert!(plan.is_clear(), "{:?}", plan.problems);
    let blobs: std::collections::BTreeSet<Digest> =
        plan.copies.iter().flat_map(|copy| &copy.blobs).map(|blob| blob.descriptor.digest).collect();
    let mut expected: Vec<String> = blobs.iter().map(|digest| format!("/v2/app/blobs/{digest}")).collect();
    expected.extend(["a", "b"].map(|tag| format!("/v2/app/manifests/{tag}-1")));
    expected.sort();
    assert_eq!(heads(&target), expected, "each tag and each blob once, and no image by its digest");

    assert!(apply(&plan, &all, &run).await.is_complete());
    heads(&target);
    let again = vec![request(&source, "build/a:1", &target, "app:again")];
    let plan = plan_copies(again, &all, options, &run).await;
    let config = Digest::of(one.blobs.last().expect("a configuration"));
    let there = plan.copies[0].blobs.iter().all(|blob| blob.state == BlobState::Present);
    assert!(there, "{:?}", plan.copies[0].blobs);
    let mut expected = [
        format!("/v2/app/blobs/{config}"),
        "/v2/app/manifests/again".to_owned(),
        format!("/v2/app/manifests/{digest}"),
    ];
    expected.sort();
    assert_eq!(heads(&target), expected, "the image has another tag: its layers are not asked for");

    let elsewhere = vec![requests[0].clone(), request(&source, "build/b:1", &target, "other:b-1")];
    let plan = plan_copies(elsewhere, &all, options, &run).await;
    let base = Digest::of(&base);
    let state =
        plan.copies[1].blobs.iter().find(|blob| blob.descriptor.digest == base).map(|blob| &blob.state);
    assert_eq!(state, Some(&BlobState::Mount { from: "app".to_owned() }), "it is in the other repository");
}

#[tokio::test]
async fn two_parts_of_a_plan_send_a_blob_that_both_want_once() {
    let (source, target) = (Server::start().await, Server::start().await);
    let base = layer(1, 50_000);
    source.push("build/a", "1", &Image::new(&[base.clone(), layer(2, 10)]));
    let second = source.push("build/b", "1", &Image::new(&[base.clone(), layer(3, 10)]));
    let all = registries(&[&source, &target]);
    let requests = vec![
        request(&source, "build/a:1", &target, "app:a-1"),
        request(&source, "build/b:1", &target, "app:b-1"),
    ];
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run()).await;
    let part = |tag: &str| plan.part(|copy| copy.request.target.to_string().ends_with(tag));
    let (parts, run) = ((part(":a-1"), part(":b-1")), run());
    assert!(parts.1.bytes_to_send() < 50_000, "the shared layer is the other's: {}", parts.1.bytes_to_send());
    // The second begins first, and waits.
    let (two, one) = tokio::join!(apply(&parts.1, &all, &run), async {
        let base = Digest::of(&base).to_string();
        while target.count("HEAD", &base) < 2 {
            tokio::task::yield_now().await;
        }
        apply(&parts.0, &all, &run).await
    });
    assert!(one.is_complete() && two.is_complete(), "{one:?} {two:?}");
    assert_eq!(target.tag("app", "b-1"), Some(second));
    assert_eq!(source.count("GET", &Digest::of(&base).to_string()), 1, "it is fetched once");
    assert_eq!(one.totals.moved.sent_bytes + two.totals.moved.sent_bytes, plan.bytes_to_send());
}

#[tokio::test]
async fn a_part_whose_others_never_come_sends_what_it_needs_itself() {
    let (source, target) = (Server::start().await, Server::start().await);
    let base = layer(1, 50_000);
    source.push("build/a", "1", &Image::new(&[base.clone(), layer(2, 10)]));
    let second = source.push("build/b", "1", &Image::new(&[base.clone(), layer(3, 10)]));
    let all = registries(&[&source, &target]);
    let requests = vec![
        request(&source, "build/a:1", &target, "app:a-1"),
        request(&source, "build/b:1", &target, "app:b-1"),
    ];
    let run = run();
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    let alone = plan.part(|copy| copy.request.target.to_string().ends_with(":b-1"));
    // What it would wait for goes by at once: nobody brings anything.
    let (report, ()) = tokio::join!(apply(&alone, &all, &run), async {
        while target.count("HEAD", &Digest::of(&base).to_string()) < 2 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(20)).await;
        tokio::time::resume();
    });
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.tag("app", "b-1"), Some(second));
    let blobs = plan.copies[1].blobs.iter().map(|blob| blob.descriptor.size_bytes).sum::<u64>();
    assert_eq!(report.totals.moved.sent_bytes, blobs);
}

#[tokio::test]
async fn an_index_is_copied_as_it_is_with_all_that_it_lists() {
    let (source, target) = (Server::start().await, Server::start().await);
    let (intel, arm) =
        (Image::new(&[layer(1, 10)]), Image::of("arm64", crate::server::GZIP, &[layer(2, 10)]));
    source.push("build/a", "x", &intel);
    source.push("build/a", "y", &arm);
    let children = [descriptor(OCI, &intel.manifest), descriptor(OCI, &arm.manifest)];
    let manifest =
        Bytes::from(json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string());
    let index = Image { blobs: Vec::new(), media_type: INDEX.to_owned(), manifest: manifest.clone() };
    let digest = source.push("build/a", "1", &index);
    let all = registries(&[&source, &target]);
    let options = CopyOptions { choose: Choose::AsIs, ..CopyOptions::default() };
    let run = run();
    let requests = vec![request(&source, "build/a:1", &target, "app:a-1")];
    let plan = plan_copies(requests.clone(), &all, options, &run).await;
    assert!(plan.is_clear(), "{:?}", plan.problems);
    assert_eq!((plan.copies[0].children.len(), plan.copies[0].source_index), (2, None));
    let mut told = Vec::new();
    let report = apply_each(&plan, &all, &run, |image| told.push(image.outcome)).await;
    assert_eq!((report.is_complete(), told), (true, vec![CopyOutcome::Copied]));
    assert_eq!(target.tag("app", "a-1"), Some(digest));
    let puts: Vec<String> = target
        .contents()
        .seen
        .iter()
        .filter(|one| one.method == "PUT" && one.path.contains("/manifests/"))
        .map(|one| one.path.clone())
        .collect();
    assert_eq!(puts.len(), 3);
    assert!(puts.last().is_some_and(|path| path.ends_with("/a-1")), "the index last: {puts:?}");
    let plan = plan_copies(requests, &all, options, &run).await;
    assert_eq!(plan.changes(), 0);
}

#[tokio::test]
async fn a_source_that_moved_is_a_problem_and_nothing_is_sent() {
    let (source, target) = (Server::start().await, Server::start().await);
    let planned = source.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    source.push("build/a", "1", &Image::new(&[layer(2, 10)]));
    let all = registries(&[&source, &target]);
    let mut wanted = request(&source, "build/a:1", &target, "app:a-1");
    wanted.pinned = Some(planned);
    let plan = plan_copies(vec![wanted], &all, CopyOptions::default(), &run()).await;
    let codes: Vec<_> = plan.problems.iter().map(|one| one.error.code()).collect();
    assert_eq!(codes, ["LF-REG-SOURCE-MOVED"]);
    assert_eq!(target.count("POST", "") + target.count("PUT", ""), 0);
}

#[tokio::test]
async fn a_platform_that_nobody_set_is_read_of_images_that_are_there_and_never_guessed() {
    let (source, target) = (Server::start().await, Server::start().await);
    let image = Image::of("arm64", crate::server::GZIP, &[layer(1, 10)]);
    source.push("build/a", "1", &image);
    target.push("app", "a-1", &image);
    let all = registries(&[&source, &target]);
    let requests = || vec![request(&source, "build/a:1", &target, "app:a-1")];
    let plan = plan_copies(requests(), &all, CopyOptions::default(), &run()).await;
    assert_eq!(plan.copies[0].platform, Some(landfall_artifacts::Platform::LinuxArm64));
    source.contents().blobs.clear();
    let plan = plan_copies(requests(), &all, CopyOptions::default(), &run()).await;
    let codes: Vec<_> = plan.problems.iter().map(|one| one.error.code()).collect();
    assert_eq!((plan.copies.len(), codes), (0, vec!["LF-REG-BLOB-MISSING"]));
}

#[tokio::test]
async fn one_image_is_copied_without_ado() {
    let (source, target) = (Server::start().await, Server::start().await);
    let digest = source.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    let all = registries(&[&source, &target]);
    let run = run();
    let copy = |tag: &str| {
        let wanted = request(&source, &format!("build/a:{tag}"), &target, "app:a-1");
        copy_image(wanted.source, wanted.target, &all, CopyOptions::default(), &run)
    };
    let copied = copy("1").await.expect("copied");
    assert_eq!((copied.outcome, copied.digest), (CopyOutcome::Copied, digest));
    assert_eq!(copy("1").await.expect("there").outcome, CopyOutcome::Unchanged);
    let missing = copy("2").await.expect_err("missing");
    assert!(matches!(Arc::as_ref(&missing), Error::ImageMissing { .. }), "{missing:?}");
}
