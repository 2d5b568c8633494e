//! What is uploaded, kept and deleted, and by how many requests.

use landfall_s3_sync::tree::{HIDDEN, PRODUCTION, RuleTexts, Why};

use crate::{BUCKET, World, rules, texts, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_published_and_then_left_alone() {
    let world = World::new().await;
    world.write("a.json", "{}");
    world.write("x/b.toml", "b = 1");
    world.write("empty", "");
    let (plan, applied) = world.published().await;
    assert_eq!(told(&plan), ["+ a.json", "+ empty", "+ x/b.toml"]);
    assert_eq!(world.holds(), world.files());
    assert_eq!(world.all_calls(), [1, 0, 0, 3, 0, 0]);
    assert!(applied.puts.iter().all(|put| put.sha256.is_some() && put.etag.is_some()));
    let object = world.sandbox.s3.object(BUCKET, "web/a.json").expect("the object");
    assert_eq!(object.headers["content-type"], "application/json");
    assert!(object.sha256.is_some(), "S3 was told the hash");

    let (plan, _) = world.published().await;
    assert!(plan.is_empty() && plan.unchanged == 3, "{plan:?}");
    assert_eq!(world.all_calls(), [2, 0, 0, 3, 0, 0], "one list and nothing else");
    assert_eq!(world.journal.records().len(), 1, "what changes nothing is not intended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_uploaded_what_has_no_file_is_deleted() {
    let world = World::new().await;
    world.ten();
    world.write("f1.json", "content X");
    world.write("f2.json", "longer content");
    world.write("new.json", "new");
    world.there("old.json", "old");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ f1.json", "~ f2.json", "+ new.json", "- old.json"]);
    assert_eq!((plan.unchanged, plan.objects, plan.extras), (8, 11, 0));
    assert_eq!(world.holds(), world.files());
    // Others' MD5s fit their ETags, so that nobody need ask whether ETags are MD5s here.
    assert_eq!(world.all_calls(), [1, 0, 0, 3, 1, 0]);
    let records = world.journal.records();
    let actions: Vec<&str> = records.iter().map(|(effect, _)| effect.action.as_str()).collect();
    assert_eq!(actions, ["PutObject", "DeleteObjects"]);
    assert!(records.iter().all(|(effect, outcome)| {
        outcome.is_some()
            && effect.items[0].digest == Some(plan.digest())
            && effect.target == "s3://acme-native-config/web/"
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_delete_nothing_is_deleted() {
    let mut world = World::new().await;
    world.options.delete = false;
    world.write("a", "1");
    world.there("old", "x");
    let (plan, _) = world.published().await;
    assert_eq!((told(&plan), plan.extras), (vec!["+ a".to_owned()], 1));
    assert_eq!(world.text("old").as_deref(), Some("x"));
    assert_eq!(world.calls("DeleteObjects"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_size_with_an_older_time_is_uploaded() {
    let world = World::new().await;
    world.ten();
    world.write("f3.json", "CONTENT 3");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let file =
        std::fs::File::options().write(true).open(world.folder.path().join("f3.json")).expect("opened");
    file.set_modified(old).expect("set");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ f3.json"]);
    assert_eq!(world.text("f3.json").as_deref(), Some("CONTENT 3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn touched_files_are_left_alone() {
    let world = World::new().await;
    world.ten();
    for number in 0..10 {
        world.write(&format!("f{number}.json"), format!("content {number}"));
    }
    let (plan, _) = world.published().await;
    assert!(plan.is_empty());
    assert_eq!(world.all_calls(), [1, 0, 0, 0, 0, 0]);
}

/// Where no file is as it was, one look tells whether ETags are MD5s.
#[tokio::test(flavor = "multi_thread")]
async fn one_look_is_enough_to_trust_etags() {
    let world = World::new().await;
    for number in 0..30 {
        world.write(&format!("{number}"), "new");
        world.there(&format!("{number}"), "old");
    }
    let (plan, _) = world.published().await;
    assert_eq!(plan.puts.len(), 30);
    assert_eq!(world.all_calls(), [1, 1, 0, 30, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_as_few_as_can_be() {
    let mut world = World::new().await;
    for number in 0..2500 {
        let (name, text) = (format!("keep/{number}"), format!("{number}"));
        world.write(&name, &text);
        world.there(&name, &text);
        world.there(&format!("old/{number}"), "old");
    }
    for number in 0..7 {
        world.write(&format!("new/{number}"), "new");
    }
    world.guards.expected = Some(2500);
    let (plan, _) = world.published().await;
    assert_eq!((plan.puts.len(), plan.deletes.len(), plan.unchanged), (7, 2500, 2500));
    assert_eq!(
        world.all_calls(),
        [5, 0, 0, 7, 3, 0],
        "ceil(5000/1000) lists, 7 puts, ceil(2500/1000) deletes"
    );
    assert_eq!(world.holds().len(), 2507);
    world.guards.expected = None;
    // The manifest costs one write, and one read from then on.
    world.options.manifest = true;
    let before = world.all_calls();
    world.options.check_headers = false;
    world.write("new/7", "new");
    let (_, applied) = world.published().await;
    assert!(applied.manifest.is_some());
    let headers_once = world.calls("HeadObject");
    assert_eq!(headers_once, 2507, "headers of what others put there are looked at once");
    assert_eq!(world.calls("PutObject") - before[3], 2);
    world.write("new/8", "new");
    let before = world.all_calls();
    world.published().await;
    let after = world.all_calls();
    let spent: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(spent, [3, 0, 1, 2, 0, 0], "and two for the manifest");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_leave_out_is_neither_uploaded_nor_deleted() {
    let mut world = World::new().await;
    world.rules = rules(&RuleTexts {
        exclude: texts(&[HIDDEN, PRODUCTION, "*.bak"]),
        include: texts(&[".well-known/"]),
        ..RuleTexts::default()
    });
    for name in ["a.json", ".env", "x/prod/a", "prod/b", "b.bak", ".well-known/c", "x/.git/config"] {
        world.write(name, "mine");
    }
    for name in [".hidden", "y/prod/z", "prod/a", "q.bak", ".well-known/old", "old"] {
        world.there(name, "theirs");
    }
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["+ .well-known/c", "+ a.json", "- .well-known/old", "- old"]);
    assert_eq!((plan.left_out, plan.objects), (4, 2));
    for name in [".hidden", "y/prod/z", "prod/a", "q.bak"] {
        assert_eq!(world.text(name).as_deref(), Some("theirs"), "{name}");
    }
    assert_eq!(world.text("b.bak"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_follow_their_rules_and_changes_of_them_are_seen() {
    let mut world = World::new().await;
    world.write("a.json", "{}");
    world.write("b.css", "b");
    world.options.manifest = true;
    world.published().await;
    let manifest = world.text(".landfall-manifest.json").expect("a manifest");
    assert!(manifest.contains("\"a.json\""), "{manifest}");
    world.rules = rules(&RuleTexts {
        headers: texts(&["*.json=Cache-Control: no-cache", "*.json=x-amz-meta-team: lobby"]),
        ..RuleTexts::default()
    });
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["h a.json"]);
    let object = world.sandbox.s3.object(BUCKET, "web/a.json").expect("the object");
    assert_eq!(
        (object.headers["cache-control"].as_str(), object.headers["x-amz-meta-team"].as_str()),
        ("no-cache", "lobby")
    );
    let writes = world.sandbox.s3.writes(BUCKET, "web/.landfall-manifest.json");
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_none());
    assert_eq!(
        world.sandbox.s3.writes(BUCKET, "web/.landfall-manifest.json"),
        writes,
        "the same manifest is not written again"
    );
    assert_eq!(world.calls("HeadObject"), 0, "the manifest knows the headers");

    // Without a manifest they are compared where that is asked for.
    world.sandbox.s3.remove(BUCKET, "web/.landfall-manifest.json");
    world.options.manifest = false;
    world.rules = rules(&RuleTexts::default());
    let (plan, _) = world.published().await;
    assert!(plan.is_empty(), "a list does not tell headers");
    world.options.check_headers = true;
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["h a.json"]);
    assert!(plan.puts.iter().all(|put| put.why == Why::Headers));
    assert_eq!(world.calls("HeadObject"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wrote_over_is_known_by_its_etag_beside_a_manifest() {
    let mut world = World::new().await;
    world.write("a", "aaa");
    world.write("b", "bbb");
    world.options.manifest = true;
    world.published().await;
    // One holds other bytes, the other the very same, and the manifest knows neither any longer.
    world.there("b", "BBB");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ b"]);
    world.there("b", "BBB");
    world.write("b", "BBB");
    world.options.check_headers = false;
    let (plan, _) = world.published().await;
    assert!(plan.puts.iter().all(|put| put.why == Why::Headers), "{:?}", told(&plan));
    // The ETag of `a`, whose bytes the manifest knows, shows that ETags here are MD5s: only the headers of what somebody wrote are asked.
    assert_eq!(world.calls("HeadObject"), 1);
    assert_eq!(world.holds().get("b"), world.files().get("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_is_the_plan_alone() {
    let world = World::new().await;
    world.ten();
    world.write("new", "new");
    world.there("old", "old");
    let before = world.holds();
    let (_, plan) = world.plan().await.expect("a plan");
    assert_eq!(told(&plan), ["+ new", "- old"]);
    assert_eq!(world.holds(), before);
    assert_eq!(world.all_calls(), [1, 0, 0, 0, 0, 0]);
    assert!(world.journal.records().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_are_streamed_and_verified() {
    let world = World::new().await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    world.write("large.bin", &large);
    world.write("edge.bin", vec![b'x'; 256 * 1024]);
    world.write("beyond.bin", vec![b'y'; 256 * 1024 + 1]);
    world.published().await;
    let object = world.sandbox.s3.object(BUCKET, "web/large.bin").expect("the object");
    assert!(object.bytes == large, "the same bytes");
    assert_eq!(world.holds(), world.files());
    let (plan, _) = world.published().await;
    assert!(plan.is_empty());
}

/// Fifty thousand objects are planned within a few requests and little memory.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_objects() {
    let world = World::new().await;
    for number in 0..50_000_u32 {
        let (name, text) = (format!("d{}/{number}.json", number % 100), format!("{number}"));
        world.there(&name, &text);
        world.write(&name, &text);
    }
    world.write("d0/0.json", "X");
    world.unlink("d1/1.json");
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), ["~ d0/0.json", "- d1/1.json"]);
    assert_eq!((plan.unchanged, plan.objects), (49_998, 50_000));
    assert_eq!(world.all_calls(), [50, 0, 0, 1, 1, 0]);
}
