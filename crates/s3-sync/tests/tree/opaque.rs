//! Buckets whose ETags tell nothing of the bytes.

use landfall_sandbox::s3::Etags;

use crate::{BUCKET, World, told};

async fn world(etags: Etags) -> World {
    let world = World::new().await;
    world.sandbox.s3.set_etags(BUCKET, etags);
    for number in 0..20 {
        world.write(&format!("{number}.json"), format!("content {number:02}"));
    }
    world
}

const MANIFEST: &str = ".landfall-manifest.json";

fn without_manifest(world: &World) -> std::collections::BTreeMap<String, String> {
    let mut holds = world.holds();
    holds.remove(MANIFEST);
    holds
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_by_kms_the_content_is_known_by_its_sha256() {
    let world = world(Etags::Kms).await;
    let (_, applied) = world.published().await;
    assert!(applied.manifest.is_some(), "the answers to the uploads say what ETags are here");
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_none(), "{:?}", told(&plan));
    assert_eq!((world.calls("HeadObject"), world.calls("GetObject")), (0, 1));
    world.write("3.json", "CONTENT 03");
    world.there("7.json", "theirs 007");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ 3.json", "~ 7.json"], "also what somebody else wrote over");
    assert_eq!(without_manifest(&world), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_manifest_from_the_start_nothing_is_looked_at() {
    let mut world = world(Etags::Kms).await;
    world.options.manifest = true;
    world.published().await;
    let (plan, _) = world.published().await;
    assert!(plan.is_empty());
    assert_eq!(world.calls("HeadObject"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_in_parts_the_content_is_known_by_the_manifest() {
    let world = world(Etags::Parts).await;
    world.published().await;
    let (plan, _) = world.published().await;
    assert!(plan.is_empty());
    let heads = world.calls("HeadObject");
    let (plan, _) = world.published().await;
    assert!(plan.is_empty() && world.calls("HeadObject") == heads);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_put_in_parts_is_looked_at_alone() {
    let world = world(Etags::Md5).await;
    world.published().await;
    world.sandbox.s3.set_etags(BUCKET, Etags::Parts);
    world.write("7.json", "CONTENT 07");
    world.published().await;
    for round in 1..3 {
        let (plan, applied) = world.published().await;
        assert!(plan.is_empty() && applied.manifest.is_none(), "{:?}", told(&plan));
        assert_eq!((world.calls("HeadObject"), world.calls("GetObject")), (round, 0));
    }
    assert_eq!(world.holds(), world.files(), "nobody asked for a manifest");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_listed_etags_the_content_is_known_all_the_same() {
    let world = world(Etags::Unlisted).await;
    world.published().await;
    let (plan, _) = world.published().await;
    assert!(plan.is_empty(), "{:?}", told(&plan));
    world.write("3.json", "CONTENT 03");
    world.there("old.json", "old");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ 3.json", "- old.json"]);
    assert_eq!(without_manifest(&world), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_not_written_again_since_a_listing_says_less_than_it() {
    let mut world = world(Etags::Unlisted).await;
    world.options.manifest = true;
    world.published().await;
    // Of what was written in the same moment as the manifest nobody could say which came first.
    world.there(MANIFEST, &world.text(MANIFEST).expect("a manifest"));
    let writes = world.sandbox.s3.writes(BUCKET, &format!("web/{MANIFEST}"));
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_none(), "{:?}", told(&plan));
    assert_eq!(world.sandbox.s3.writes(BUCKET, &format!("web/{MANIFEST}")), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixture_of_old_and_new_encryption() {
    let world = World::new().await;
    for number in 0..10 {
        world.write(&format!("{number}"), format!("content {number}"));
        world.there(&format!("{number}"), &format!("content {number}"));
    }
    world.sandbox.s3.set_etags(BUCKET, Etags::Kms);
    world.there("3", "content 3");
    world.write("4", "CONTENT 4");
    // Its ETag looks like an MD5 and others here are: it is put once more, which does no harm, and known from then on.
    let (plan, applied) = world.published().await;
    assert_eq!(told(&plan), ["~ 3", "~ 4"]);
    assert!(applied.manifest.is_some());
    let (plan, _) = world.published().await;
    assert!(plan.is_empty(), "{:?}", told(&plan));
    assert_eq!(without_manifest(&world), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_lies_about_another_object_counts_for_nothing() {
    let mut world = world(Etags::Md5).await;
    world.options.manifest = true;
    world.published().await;
    world.there("5.json", "theirs 005");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ 5.json"], "its ETag is another one than the manifest's");
    for garbage in ["", "{", "[]", "{\"formatVersion\":9,\"headers\":[],\"objects\":{}}", "\u{0}"] {
        world.there(MANIFEST, garbage);
        let (plan, applied) = world.published().await;
        assert!(plan.is_empty() && applied.manifest.is_some(), "{garbage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_is_never_deleted_nor_counted() {
    let mut world = world(Etags::Md5).await;
    world.options.manifest = true;
    world.published().await;
    world.options.manifest = false;
    let (plan, _) = world.published().await;
    assert_eq!((plan.objects, plan.left_out, plan.deletes.len()), (20, 0, 0));
    assert!(world.text(MANIFEST).is_some());
    // It is kept up to date where it is, whether asked for or not.
    world.write("0.json", "another");
    world.published().await;
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_none());
}
