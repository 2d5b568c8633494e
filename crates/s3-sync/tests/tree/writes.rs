//! Uploads and deletions that fail, are lost, or are answered by something else.

use landfall_s3_sync::tree::{Change, RuleTexts};
use landfall_sandbox::s3::Etags;
use landfall_sandbox::{Fault, Service, What};

use crate::{BUCKET, Ended, World, changes, codes, document, error, rules, texts};

/// Ten files that stay, three that are new, two objects that go.
async fn world() -> World {
    let world = World::new().await;
    world.ten();
    for name in ["new1", "new2", "new3"] {
        world.write(name, name);
    }
    world.there("old1", "old");
    world.there("old2", "old");
    world
}

fn at_put(what: What) -> Fault {
    Fault::new(what).on(Service::S3).method(http::Method::PUT)
}

fn at_delete(what: What) -> Fault {
    Fault::new(what).on(Service::S3).matching("?delete")
}

async fn then_again(world: &World) {
    world.sandbox.faults().clear();
    world.published().await;
    assert_eq!(world.holds(), world.files());
    let (plan, _) = world.published().await;
    assert!(plan.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upload_that_is_denied_keeps_everything_from_being_deleted() {
    let world = world().await;
    world.sandbox.faults().add(at_put(error(403, "AccessDenied")).matching("web/new2"));
    assert_eq!(world.fails().await, ["LF-AWS-DENIED", "LF-SYNC-WITHHELD"]);
    assert_eq!(
        (world.text("new1").is_some(), world.text("new3").is_some()),
        (true, true),
        "the others are there"
    );
    assert_eq!((world.text("old1").is_some(), world.calls("DeleteObjects")), (true, 0));
    then_again(&world).await;
}

/// A site whose index and lists lead to its pages.
async fn site() -> World {
    let mut world = World::new().await;
    world.rules = rules(&RuleTexts { last: texts(&["lists/", "/index.html"]), ..RuleTexts::default() });
    for name in ["index.html", "lists/a", "pages/index.html", "pages/z", "z"] {
        world.write(name, name);
    }
    world.there("index.html", "old");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_last_is_uploaded_when_all_else_is_there() {
    let world = site().await;
    // The others overtake it where it is sent again.
    world.sandbox.faults().add(at_put(error(503, "SlowDown")).matching("web/pages/z").times(2));
    let (plan, _) = world.published().await;
    let names: Vec<&str> = plan.puts.iter().map(|put| &*put.name).collect();
    assert_eq!(names, ["index.html", "lists/a", "pages/index.html", "pages/z", "z"], "in the usual order");
    let requests = world.sandbox.journal().of(Service::S3);
    let sent: Vec<&str> = requests
        .iter()
        .filter(|entry| entry.method == http::Method::PUT && entry.status == Some(200))
        .filter_map(|entry| entry.target.split_once("/web/")?.1.split('?').next())
        .collect();
    assert_eq!(sent.len(), 5, "{sent:?}");
    assert_eq!(sent[3..], ["lists/a", "index.html"], "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_last_stays_as_it_was_where_something_before_it_fails() {
    let world = site().await;
    world.sandbox.faults().add(at_put(error(403, "AccessDenied")).matching("web/pages/z"));
    let Ended::Applied(ended) = world.publish().await else { panic!("refused") };
    let applied = &ended.1;
    assert_eq!(codes(applied), ["LF-AWS-DENIED", "LF-SYNC-WITHHELD"]);
    let wanted = [Change::NotTried, Change::NotTried, Change::Made, Change::Failed, Change::Made];
    assert_eq!(changes(&applied.puts), wanted);
    assert_eq!((world.text("index.html").as_deref(), world.text("lists/a")), (Some("old"), None));
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upload_denied() {
    let world = world().await;
    world.sandbox.faults().add(at_put(error(403, "AccessDenied")).every());
    assert_eq!(world.fails().await, ["LF-AWS-DENIED", "LF-SYNC-WITHHELD"]);
    assert_eq!(world.calls("DeleteObjects"), 0);
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_expire_halfway_end_it_there() {
    let world = world().await;
    for number in 0..200 {
        world.write(&format!("many/{number}"), "x");
    }
    world.sandbox.faults().add(at_put(error(400, "ExpiredToken")).nth(50).every());
    assert_eq!(world.fails().await.first(), Some(&"LF-AWS-EXPIRED"));
    let sent = world.calls("PutObject");
    assert!(sent < 50, "the service itself was asked {sent} times");
    let entries = world.sandbox.journal().of(Service::S3).len();
    assert!(entries < 150, "no further uploads are begun: {entries}");
    assert_eq!((world.calls("DeleteObjects"), world.text("old1").is_some()), (0, true));
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_failures_end_it() {
    let world = world().await;
    for number in 0..500 {
        world.write(&format!("many/{number}"), "x");
    }
    world.sandbox.faults().add(at_put(error(403, "AccessDenied")).every());
    let Ended::Applied(ended) = world.publish().await else { panic!("refused") };
    let applied = &ended.1;
    let tried = applied.puts.iter().filter(|put| put.change == Change::Failed).count();
    assert!((20..80).contains(&tried), "{tried} were tried");
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_throttled_is_made_later() {
    let world = world().await;
    world.sandbox.faults().add(at_put(error(503, "SlowDown")).times(2));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_answer_is_lost_is_read_back() {
    let world = world().await;
    world.sandbox.faults().add(at_put(What::LoseAnswer));
    let (_, applied) = world.published().await;
    assert!(applied.is_complete());
    assert_eq!(world.calls("PutObject"), 3, "it is not sent again");
    assert_eq!(world.calls("HeadObject"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_never_arrived_is_sent_again() {
    let world = world().await;
    world.sandbox.faults().add(at_put(What::CutBefore));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_answer_is_lost_at_a_key_that_was_taken() {
    let world = world().await;
    world.write("f1.json", "CONTENT 1");
    world.sandbox.faults().add(at_put(What::LoseAnswer).matching("f1.json"));
    world.published().await;
    assert_eq!(world.text("f1.json").as_deref(), Some("CONTENT 1"));
    assert_eq!(world.sandbox.s3.writes(BUCKET, "web/f1.json"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_can_say_anything_of() {
    let world = world().await;
    world.sandbox.faults().add(at_put(What::LoseAnswer).matching("new2").every());
    let head = Fault::new(What::CutBefore).on(Service::S3).method(http::Method::HEAD).every();
    world.sandbox.faults().add(head);
    let Ended::Applied(ended) = world.publish().await else { panic!("refused") };
    let applied = &ended.1;
    assert_eq!(changes(&applied.puts), [Change::Made, Change::Unknown, Change::Made]);
    assert_eq!(
        (codes(applied), world.calls("DeleteObjects")),
        (vec!["LF-S3-UNCONFIRMED", "LF-SYNC-WITHHELD"], 0)
    );
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_after_it_wrote() {
    let world = world().await;
    world.sandbox.faults().add(at_put(What::FailAfter(http::StatusCode::INTERNAL_SERVER_ERROR)));
    world.published().await;
    assert_eq!(world.calls("PutObject"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_tells_other_bytes() {
    let world = world().await;
    let lie = What::replace_header("x-amz-checksum-sha256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    world.sandbox.faults().add(at_put(lie).matching("new1").every());
    // Another look tells that the bytes are right and the answer was wrong.
    world.published().await;
    assert_eq!(world.calls("HeadObject"), 1);
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_checksum_counts_by_its_etag() {
    let world = world().await;
    world.sandbox.faults().add(at_put(What::remove_header("x-amz-checksum-sha256")).every());
    world.published().await;
    assert_eq!(world.calls("HeadObject"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_another_etag_and_no_checksum() {
    let world = world().await;
    let lie = What::replace_header("etag", "\"0cc175b9c0f1b6a831c399e269772661\"");
    world.sandbox.faults().add(at_put(What::remove_header("x-amz-checksum-sha256")).matching("new1").every());
    world.sandbox.faults().add(at_put(lie).matching("new2").every());
    // The one has its ETag, the other its checksum.
    world.published().await;
}

/// A proxy says 200 and sends nothing on; what another tool put there has the same size.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_never_reached_the_bucket_is_none() {
    for etags in [Etags::Md5, Etags::Kms, Etags::Parts] {
        let world = World::new().await;
        world.sandbox.s3.set_etags(BUCKET, etags);
        world.ten();
        world.there("old1", "old");
        world.write("f1.json", "CONTENT 1");
        world.sandbox.faults().add(at_put(What::status(200)).matching("f1.json").every());
        assert_eq!(world.fails().await, ["LF-S3-DAMAGED", "LF-SYNC-WITHHELD"], "{etags:?}");
        assert_eq!(world.text("f1.json").as_deref(), Some("content 1"));
        assert!(world.text("old1").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_reached_the_bucket_are_not_there() {
    let mut world = World::new().await;
    world.ten();
    world.options.check_headers = true;
    world.rules =
        rules(&RuleTexts { headers: texts(&["f1.json=Cache-Control: no-cache"]), ..RuleTexts::default() });
    world.sandbox.faults().add(at_put(What::status(200)).matching("f1.json").every());
    assert_eq!(world.fails().await, ["LF-S3-DAMAGED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nothing_is_told_of_counts_where_another_object_stands_there() {
    let world = World::new().await;
    world.sandbox.s3.set_etags(BUCKET, Etags::Kms);
    world.ten();
    world.write("f1.json", "CONTENT 1");
    world.write("new1", "new1");
    for method in [http::Method::PUT, http::Method::HEAD] {
        let blind = What::remove_header("x-amz-checksum-sha256");
        world.sandbox.faults().add(Fault::new(blind).on(Service::S3).method(method).every());
    }
    world.published().await;
    assert_eq!(world.text("f1.json").as_deref(), Some("CONTENT 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_arrive_damaged_are_sent_again() {
    let world = world().await;
    world.sandbox.faults().add(at_put(error(400, "BadDigest")));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_denied() {
    let world = world().await;
    world.sandbox.faults().add(at_delete(error(403, "AccessDenied")).every());
    assert_eq!(world.fails().await.first(), Some(&"LF-AWS-DENIED"));
    assert!(world.text("old1").is_some() && world.text("new1").is_some());
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_answers_200_with_an_error_inside() {
    let world = world().await;
    world.sandbox.s3.refuse_deletes(BUCKET, "web/old1", "AccessDenied", 1);
    assert_eq!(world.fails().await, ["LF-SYNC-DELETE"]);
    assert_eq!((world.text("old1").is_some(), world.text("old2")), (true, None));
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_error_passes_is_tried_again_alone() {
    let world = world().await;
    world.sandbox.s3.refuse_deletes(BUCKET, "web/old1", "InternalError", 2);
    world.published().await;
    assert_eq!(world.calls("DeleteObjects"), 3);
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_error_does_not_pass_stays() {
    let world = world().await;
    world.sandbox.s3.refuse_deletes(BUCKET, "web/old1", "InternalError", 100);
    assert_eq!(world.fails().await, ["LF-SYNC-DELETE"]);
    assert!(world.text("old1").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_nothing_of_a_key_is_looked_into() {
    let world = world().await;
    world.sandbox.faults().add(at_delete(document("DeleteResult", "")));
    world.published().await;
    assert_eq!(world.holds(), world.files(), "what was not deleted is deleted by another request");
    assert_eq!(world.calls("HeadObject"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_keys_that_nobody_asked_for() {
    let world = world().await;
    let members = "<Deleted><Key>web/f1.json</Key></Deleted><Error><Key>web/f2.json</Key><Code>AccessDenied</Code></Error>";
    world.sandbox.faults().add(at_delete(document("DeleteResult", members)));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_whose_answer_is_lost_are_looked_into() {
    let world = world().await;
    world.sandbox.faults().add(at_delete(What::LoseAnswer));
    world.published().await;
    assert_eq!(world.calls("DeleteObjects"), 1, "all are gone: nothing is sent again");
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_never_arrived_are_sent_again() {
    let world = world().await;
    world.sandbox.faults().add(at_delete(What::CutBefore));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_somebody_who_wrote_there_again() {
    let world = world().await;
    world.sandbox.faults().add(at_delete(What::LoseAnswer));
    world
        .sandbox
        .s3
        .before_call("HeadObject", 1, |s3| s3.put(BUCKET, "web/old1", "theirs, after ours was deleted"));
    assert_eq!(world.fails().await, ["LF-SYNC-CHANGED"]);
    assert_eq!(world.text("old1").as_deref(), Some("theirs, after ours was deleted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_throttled() {
    let world = world().await;
    world.sandbox.faults().add(at_delete(error(503, "SlowDown")).times(2));
    world.published().await;
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_thousand_fails_and_the_third_is_not_begun() {
    let mut world = World::new().await;
    world.write("a", "1");
    for number in 0..2500 {
        world.there(&format!("old/{number:04}"), "old");
    }
    world.guards.expected = Some(2500);
    world.options.manifest = true;
    world.sandbox.faults().add(at_delete(error(403, "AccessDenied")).nth(2));
    let codes = world.fails().await;
    assert!(codes.contains(&"LF-AWS-DENIED") && codes.contains(&"LF-SYNC-WITHHELD"), "{codes:?}");
    assert_eq!(world.holds().len(), 1501, "the first thousand is gone");
    assert_eq!(world.text(".landfall-manifest.json"), None, "no manifest is written over half a state");
    world.sandbox.faults().clear();
    world.guards.expected = Some(1500);
    world.published().await;
    assert_eq!(world.holds().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_cannot_be_written() {
    let mut world = world().await;
    world.options.manifest = true;
    world.sandbox.faults().add(at_put(error(403, "AccessDenied")).matching("landfall-manifest"));
    assert_eq!(world.fails().await, ["LF-AWS-DENIED"]);
    world.sandbox.faults().clear();
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_some(), "the next run writes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_it_between_uploads_and_deletions() {
    let world = world().await;
    let (source, plan) = world.plan().await.expect("a plan");
    let stop = landfall_run::Stop::new();
    let run = landfall_run::Run::builder().stop(stop.clone()).build();
    world.sandbox.s3.before_call("PutObject", 3, move |_| {
        stop.request(landfall_run::Signal::Terminate);
    });
    let before = world.holds();
    let labels = landfall_s3_sync::tree::Labels::default();
    let applied = world.tree().apply(&plan, &source, &world.rules, &labels, &run).await;
    assert_eq!(codes(&applied), ["LF-STOPPED"]);
    assert_eq!(changes(&applied.puts), [Change::Made; 3], "what was begun is seen to its end");
    world.gone_was_planned(&before, &plan);
    assert!(world.text("old1").is_some());
    then_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_written_keeps_everything_as_it_is() {
    #[derive(Debug)]
    struct Full;
    impl landfall_run::Journal for Full {
        fn intend(
            &self,
            effect: landfall_run::Effect,
        ) -> landfall_run::JournalFuture<'_, landfall_run::Intent> {
            let cause = std::io::Error::other("no space");
            let error =
                landfall_run::JournalError::Write { action: effect.action, place: "here".to_owned(), cause };
            Box::pin(async { Err(error) })
        }
        fn outcome(
            &self,
            _: landfall_run::Intent,
            _: landfall_run::EffectOutcome,
        ) -> landfall_run::JournalFuture<'_, ()> {
            Box::pin(async { Ok(()) })
        }
    }
    let world = world().await;
    let (source, plan) = world.plan().await.expect("a plan");
    let before = world.holds();
    let run = landfall_run::Run::builder().journal(std::sync::Arc::new(Full)).build();
    let labels = landfall_s3_sync::tree::Labels::default();
    let applied = world.tree().apply(&plan, &source, &world.rules, &labels, &run).await;
    assert_eq!((codes(&applied), world.holds()), (vec!["LF-LEDGER-WRITE"], before));
}
