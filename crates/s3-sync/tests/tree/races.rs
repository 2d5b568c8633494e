//! Somebody else writes to the same prefix, or the files change: between plan and apply, and while it is applied.

use landfall_s3_sync::tree::Change;

use crate::{BUCKET, World, changes, codes};

fn key(name: &str) -> String {
    format!("web/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_written_over_after_it_was_listed() {
    let world = World::new().await;
    world.ten();
    world.write("f1.json", "CONTENT 1");
    world.there("old", "old");
    world.sandbox.s3.before_call("PutObject", 1, |s3| s3.put(BUCKET, &key("f1.json"), "theirs"));
    assert_eq!(world.fails().await, ["LF-SYNC-CHANGED", "LF-SYNC-WITHHELD"]);
    assert_eq!(world.text("f1.json").as_deref(), Some("theirs"), "it is not written over");
    assert_eq!(world.text("old").as_deref(), Some("old"), "and nothing is deleted");
    // The next run plans by what is there now.
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_taken_meanwhile() {
    let world = World::new().await;
    world.ten();
    world.write("new", "mine");
    world.there("old", "old");
    world.sandbox.s3.before_call("PutObject", 1, |s3| s3.put(BUCKET, &key("new"), "theirs"));
    assert_eq!(world.fails().await, ["LF-SYNC-CHANGED", "LF-SYNC-WITHHELD"]);
    assert_eq!((world.text("new").as_deref(), world.text("old").as_deref()), (Some("theirs"), Some("old")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_taken_by_the_same_bytes() {
    let world = World::new().await;
    world.write("new.json", "mine");
    world.sandbox.s3.before_call("PutObject", 1, |s3| {
        s3.put_with(BUCKET, &key("new.json"), "mine", &[("content-type", "application/json")]);
    });
    world.published().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_deleted_after_it_was_listed() {
    let world = World::new().await;
    world.ten();
    world.write("f1.json", "CONTENT 1");
    world.there("old", "old");
    let (source, plan) = world.plan().await.expect("a plan");
    world.sandbox.s3.remove(BUCKET, &key("f1.json"));
    let before = world.holds();
    let applied = world.apply(&source, &plan).await;
    assert_eq!(codes(&applied), ["LF-SYNC-CHANGED", "LF-SYNC-WITHHELD"]);
    assert_eq!(world.holds(), before);
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_deleted_is_written_over_first() {
    let world = World::new().await;
    world.ten();
    world.there("old1", "old");
    world.there("old2", "old");
    world.sandbox.s3.before_call("DeleteObjects", 1, |s3| s3.put(BUCKET, &key("old1"), "theirs, and needed"));
    assert_eq!(world.fails().await, ["LF-SYNC-CHANGED"]);
    assert_eq!(world.text("old1").as_deref(), Some("theirs, and needed"));
    assert_eq!(world.text("old2"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_deleted_is_gone_already() {
    let world = World::new().await;
    world.ten();
    world.there("old1", "old");
    world.there("old2", "old");
    world.sandbox.s3.before_call("DeleteObjects", 1, |s3| s3.remove(BUCKET, &key("old1")));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_delete_is_as_careful() {
    let world = World::new().await;
    world.ten();
    world.there("old\n1", "old");
    world.there("old\n2", "old");
    world.sandbox.s3.before_call("DeleteObject", 1, |s3| {
        s3.put(BUCKET, &key("old\n2"), "theirs");
        s3.remove(BUCKET, &key("old\n1"));
    });
    assert_eq!(world.fails().await, ["LF-SYNC-CHANGED"]);
    assert_eq!(world.text("old\n2").as_deref(), Some("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_came_after_the_listing_stays() {
    let world = World::new().await;
    world.ten();
    world.there("old", "old");
    world.sandbox.s3.before_call("DeleteObjects", 1, |s3| s3.put(BUCKET, &key("young"), "theirs"));
    world.published().await;
    assert_eq!(world.text("young").as_deref(), Some("theirs"));
    assert_eq!(world.text("old"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_comes_between_two_pages() {
    let world = World::new().await;
    world.sandbox.s3.set_page_keys(4);
    world.ten();
    world.sandbox.s3.before_call("ListObjectsV2", 2, |s3| {
        s3.put(BUCKET, &key("a-before"), "theirs");
        s3.put(BUCKET, &key("z-after"), "theirs");
    });
    let (_, plan) = world.plan().await.expect("a plan");
    assert_eq!(crate::told(&plan), ["- z-after"], "only what was listed can be deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_writes_the_manifest() {
    let mut world = World::new().await;
    world.options.manifest = true;
    world.write("a", "1");
    world.published().await;
    world.write("b", "2");
    world.sandbox.s3.before_call("PutObject", 2, |s3| s3.put(BUCKET, &key(".landfall-manifest.json"), "{}"));
    assert_eq!(world.fails().await, ["LF-SYNC-CHANGED"]);
    assert_eq!(world.text(".landfall-manifest.json").as_deref(), Some("{}"));
    // One that cannot be read counts for nothing, and is written anew.
    world.published().await;
    assert!(world.text(".landfall-manifest.json").expect("a manifest").contains("\"b\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_meet_at_one_key() {
    let world = World::new().await;
    world.write("a", "1");
    world.sandbox.s3.answer_conflicts(2);
    world.published().await;
    assert_eq!(world.calls("PutObject"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_changes_between_plan_and_upload() {
    let world = World::new().await;
    world.ten();
    world.write("new", "as planned");
    world.there("old", "old");
    let before = world.holds();
    let (source, plan) = world.plan().await.expect("a plan");
    world.write("new", "another text");
    let applied = world.apply(&source, &plan).await;
    assert_eq!(codes(&applied), ["LF-SYNC-MOVED", "LF-SYNC-WITHHELD"]);
    assert_eq!((changes(&applied.puts), world.holds()), (vec![Change::Failed], before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_away_or_becomes_a_link_between_plan_and_upload() {
    let world = World::new().await;
    world.ten();
    for name in ["gone", "link", "in/link"] {
        world.write(name, "as planned");
    }
    world.there("old", "old");
    let before = world.holds();
    let (source, plan) = world.plan().await.expect("a plan");
    world.unlink("gone");
    world.unlink("link");
    std::os::unix::fs::symlink("/etc/hostname", world.folder.path().join("link")).expect("linked");
    std::fs::remove_dir_all(world.folder.path().join("in")).expect("removed");
    std::os::unix::fs::symlink("/etc", world.folder.path().join("in")).expect("linked");
    let applied = world.apply(&source, &plan).await;
    assert_eq!(changes(&applied.puts), [Change::Failed; 3]);
    assert_eq!(world.holds(), before, "nothing was uploaded, nothing deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_that_changes_is_never_half_old() {
    let world = World::new().await;
    world.write("large", vec![b'a'; 400_000]);
    let (source, plan) = world.plan().await.expect("a plan");
    let path = world.folder.path().join("large");
    let contents = vec![b'b'; 400_000];
    // After it was hashed and before it is sent.
    world.sandbox.s3.before_call("PutObject", 1, move |_| std::fs::write(path, contents).expect("written"));
    let applied = world.apply(&source, &plan).await;
    let text = world.text("large");
    let is_whole = text.as_ref().is_none_or(|text| text.bytes().all(|b| b == b'a'));
    assert!(is_whole, "half of each");
    assert!(applied.is_complete() == text.is_some(), "{applied:?}");
}
