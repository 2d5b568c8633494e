//! What is refused before anything is changed.

use landfall_s3_sync::tree::{MaxDeletes, RuleTexts};
use landfall_sandbox::SandboxOptions;

use crate::{BUCKET, World, rules, texts};

async fn full() -> World {
    let world = World::new().await;
    for number in 0..100 {
        world.there(&format!("{number}"), "old");
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_source_never_empties_a_prefix() {
    let mut world = full().await;
    assert_eq!(world.refused().await, ["LF-SYNC-EMPTY"]);
    world.guards.expected = Some(100);
    assert_eq!(world.refused().await, ["LF-SYNC-EMPTY"]);
    world.guards.expected = None;
    world.guards.max_deletes = MaxDeletes::Percent(100);
    assert_eq!(world.refused().await, ["LF-SYNC-EMPTY"]);
    assert_eq!(world.holds().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_the_rules_leave_nothing_of_is_empty() {
    let mut world = full().await;
    world.write("a.json", "{}");
    world.rules = rules(&RuleTexts { exclude: texts(&["*.json"]), ..RuleTexts::default() });
    assert_eq!(world.refused().await, ["LF-SYNC-EMPTY"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_source_is_refused() {
    let world = full().await;
    std::fs::remove_dir(world.folder.path()).expect("removed");
    assert_eq!(world.refused().await, ["LF-SYNC-SOURCE"]);
    assert_eq!(world.all_calls(), [0; 6], "nobody is asked");
    std::fs::write(world.folder.path(), "a file").expect("written");
    assert_eq!(world.refused().await, ["LF-SYNC-SOURCE"]);
    std::fs::remove_file(world.folder.path()).expect("removed");
    std::fs::create_dir(world.folder.path()).expect("made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_read_whole_is_refused() {
    let world = full().await;
    world.write("a", "1");
    std::os::unix::fs::symlink("/etc/hostname", world.folder.path().join("link")).expect("linked");
    assert_eq!(world.refused().await, ["LF-SYNC-SOURCE"]);
    assert_eq!(world.all_calls(), [0; 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_folder_deletes_nothing() {
    let world = full().await;
    world.write("package.json", "{}");
    world.write("src/index.ts", "x");
    assert_eq!(world.refused().await, ["LF-SYNC-DELETES"]);
    assert_eq!((world.holds().len(), world.calls("PutObject")), (100, 0), "nothing is uploaded either");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_a_tenth_and_counts_what_the_rules_take() {
    let mut world = full().await;
    world.rules = rules(&RuleTexts { exclude: texts(&["left-out/"]), ..RuleTexts::default() });
    for number in 0..1000 {
        world.there(&format!("left-out/{number}"), "theirs");
    }
    for number in 0..90 {
        world.write(&format!("{number}"), "old");
    }
    world.unlink("0");
    assert_eq!(world.refused().await, ["LF-SYNC-DELETES"], "11 of 100, whatever is left out");
    world.write("0", "old");
    let (plan, _) = world.published().await;
    assert_eq!((plan.deletes.len(), plan.objects, plan.left_out), (10, 100, 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expected_number_must_be_the_very_one() {
    let mut world = full().await;
    world.write("0", "old");
    for expected in [0, 98, 100] {
        world.guards.expected = Some(expected);
        assert_eq!(world.refused().await, ["LF-SYNC-DELETES"], "{expected}");
    }
    world.guards.expected = Some(99);
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_is_not_deleted_by_any_number() {
    let mut world = full().await;
    world.there("keep/a", "needed");
    for number in 0..100 {
        world.write(&format!("{number}"), "old");
    }
    world.rules = rules(&RuleTexts { protect: texts(&["keep/"]), ..RuleTexts::default() });
    assert_eq!(world.refused().await, ["LF-SYNC-PROTECTED"]);
    world.guards.expected = Some(1);
    assert_eq!(world.refused().await, ["LF-SYNC-PROTECTED"]);
    world.write("keep/a", "new");
    world.guards.expected = None;
    world.published().await;
    assert_eq!(world.text("keep/a").as_deref(), Some("new"), "it may be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_forbids_is_told_at_once() {
    let mut world = full().await;
    world.rules = rules(&RuleTexts { protect: texts(&["7*"]), ..RuleTexts::default() });
    world.write("new", "x");
    assert_eq!(world.refused().await, ["LF-SYNC-DELETES", "LF-SYNC-PROTECTED"]);
}

/// The bucket of another account, by its keys and by its owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_another_account_is_not_touched() {
    let world = World::new().await;
    world.write("a", "1");
    world.sandbox.s3.create_bucket_of("999999999999", "their-native-config");
    world.sandbox.s3.put("their-native-config", "web/old", "theirs");
    let account = &world.sandbox.options().account;
    for (bucket, owner) in [("their-native-config", account.as_str()), (BUCKET, "999999999999")] {
        let tree = world.tree_of(bucket, owner);
        let source = world.source().expect("a source");
        let errors =
            tree.plan(&source, &world.rules, world.options, &world.run()).await.expect_err("refused");
        assert_eq!(
            errors.iter().map(landfall_artifacts::Explain::code).collect::<Vec<_>>(),
            ["LF-AWS-DENIED"]
        );
    }
    assert_eq!(world.sandbox.s3.keys("their-native-config"), ["web/old"]);
    let entries = world.sandbox.journal().of(landfall_sandbox::Service::S3);
    assert!(entries.iter().all(|entry| entry.raw_headers().contains_key("x-amz-expected-bucket-owner")));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_publication_below_is_not_deleted() {
    let mut world = World::new().await;
    world.ten();
    for name in ["ios/a.json", "ios/.landfall-manifest.json", "android/a.json"] {
        world.there(name, "theirs");
    }
    assert_eq!(world.refused().await, ["LF-SYNC-PROTECTED"]);
    let (source, plan) = world.plan().await.expect("a plan");
    let errors = world.guards.check(&plan, &source, &world.rules, world.tree().address());
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "2 objects of another publication would be deleted, whose manifest is s3://acme-native-config/web/ios/.landfall-manifest.json"
        ]
    );
    assert_eq!((world.calls("DeleteObjects"), world.holds().len()), (0, 13));
    // What the rules leave alone is no part of it, nor is what is not deleted.
    world.rules = rules(&RuleTexts { exclude: texts(&["ios/"]), ..RuleTexts::default() });
    world.published().await;
    assert_eq!(world.text("ios/a.json").as_deref(), Some("theirs"));
    assert_eq!(world.text("android/a.json"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_names_the_owner() {
    let mut world = World::new().await;
    world.options.manifest = true;
    world.ten();
    world.write("new", "x");
    world.there("old", "old");
    world.there("old\n", "old");
    world.published().await;
    world.published().await;
    let entries = world.sandbox.journal().of(landfall_sandbox::Service::S3);
    assert!(entries.len() > 8);
    assert!(entries.iter().all(|entry| entry.raw_headers().contains_key("x-amz-expected-bucket-owner")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_told() {
    let world = World::new().await;
    world.write("a", "1");
    let tree = world.tree_of("no-such-bucket", &world.sandbox.options().account);
    let source = world.source().expect("a source");
    let errors = tree.plan(&source, &world.rules, world.options, &world.run()).await.expect_err("refused");
    assert_eq!(errors.iter().map(landfall_artifacts::Explain::code).collect::<Vec<_>>(), ["LF-S3-BUCKET"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_over_change_nothing() {
    let world = World::of(SandboxOptions::default()).await;
    world.write("a", "1");
    world.there("old", "old");
    let fault =
        landfall_sandbox::Fault::new(crate::error(400, "ExpiredToken")).on(landfall_sandbox::Service::S3);
    world.sandbox.faults().add(fault.every());
    assert_eq!(world.refused().await, ["LF-AWS-EXPIRED"]);
}
