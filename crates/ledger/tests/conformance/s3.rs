//! What only a service can do to a ledger: lose answers, fail, lie.

use landfall_artifacts::{Class, Explain as _, LedgerEvent};
use landfall_ledger::Error;
use landfall_run::Clock;
use landfall_sandbox::{Fault, Service, What};

use crate::{BUCKET, Place, noted, told};

fn key(sequence: u64) -> String {
    format!("app/{}", LedgerEvent::file_name(sequence))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_an_answer_an_event_is_there_once() {
    let faults: Vec<(&str, What)> = vec![
        ("answered by nothing", What::CutBefore),
        ("lost after the effect", What::LoseAnswer),
        ("500", What::status(500)),
        ("500 after the effect", What::FailAfter(http::StatusCode::INTERNAL_SERVER_ERROR)),
        ("503", What::status(503)),
        ("429", What::status(429)),
        ("408", What::status(408)),
    ];
    for (name, what) in faults {
        for method in ["PUT", "GET"] {
            for nth in 1..=4 {
                let place = Place::s3().await;
                let fault = Fault::new(what.clone())
                    .on(Service::S3)
                    .method(method.parse().expect("a method"))
                    .nth(nth);
                place.sandbox().faults().add(fault);
                let mut expected = Vec::new();
                for number in 0..3 {
                    let at = format!("{name} for {method} {nth}, event {number}");
                    match place.try_open("ada", "app", Clock::system()).await {
                        Ok(ledger) => match ledger.append(noted(&number.to_string())).await {
                            Ok(_) => expected.push(number.to_string()),
                            Err(error) => assert!(
                                !matches!(error.class(), Class::Integrity | Class::Defect),
                                "{at}: {error}"
                            ),
                        },
                        Err(error) => assert!(error.is_retryable(), "{at}: {error}"),
                    }
                }
                place.sandbox().faults().clear();
                let told = told(&place.open("bob").await).await;
                assert!(expected.len() >= 2, "{name} for {method} {nth}");
                assert_eq!(told, expected, "{name} for {method} {nth}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_say_the_same_in_the_same_second_are_two() {
    let place = Place::s3().await;
    let time = time::OffsetDateTime::UNIX_EPOCH;
    let (one, other) = (place.at("ada", time).await, place.at("ada", time).await);
    one.append(noted("same")).await.expect("appended");
    // The answer to the other's first try, which is refused, is lost: the record that stands there is not its own.
    place
        .sandbox()
        .faults()
        .add(Fault::new(What::LoseAnswer).on(Service::S3).method("PUT".parse().expect("a method")));
    assert_eq!(other.append(noted("same")).await.expect("appended").sequence, 2);
    assert_eq!(told(&one).await, ["same", "same"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_one_key_in_the_same_moment_try_again() {
    let place = Place::s3().await;
    place.sandbox().s3.answer_conflicts(3);
    assert_eq!(place.open("ada").await.append(noted("one")).await.expect("appended").sequence, 1);
    assert_eq!(told(&place.open("bob").await).await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_removed_or_added_in_the_bucket_is_named() {
    let place = Place::s3().await;
    let ledger = place.open("ada").await;
    let mut head = None;
    for number in 0..5 {
        head = ledger.append(noted(&number.to_string())).await.ok();
    }
    let s3 = &place.sandbox().s3;
    let original = |sequence| s3.object(BUCKET, &key(sequence)).expect("a record").bytes;
    let (second, third) = (original(2), original(3));

    s3.put(BUCKET, &key(2), String::from_utf8_lossy(&second).replace("\"1\"", "\"9\""));
    assert!(matches!(ledger.verify(head).await, Err(Error::Damaged { sequence: 2, .. })));
    s3.put(BUCKET, &key(2), second.clone());
    s3.remove(BUCKET, &key(3));
    assert!(matches!(ledger.verify(head).await, Err(Error::Damaged { sequence: 3, .. })));
    s3.put(BUCKET, &key(3), third);
    assert!(ledger.verify(head).await.is_ok());
    s3.remove(BUCKET, &key(5));
    assert_eq!(ledger.verify(None).await.expect("by itself whole").records, 4);
    assert!(matches!(ledger.verify(head).await, Err(Error::Damaged { sequence: 5, .. })));

    s3.put(BUCKET, &key(5), "");
    assert!(matches!(ledger.verify(None).await, Err(Error::Damaged { sequence: 5, .. })), "an empty object");
    s3.put(BUCKET, &key(5), "x".repeat(70_000));
    assert!(matches!(ledger.verify(None).await, Err(Error::Damaged { sequence: 5, .. })), "a large object");
    s3.remove(BUCKET, &key(5));
    for beside in ["app/README", "app/00000000000000000003.json.bak", "app/heads/1", "app/!"] {
        s3.put(BUCKET, beside, "not a record");
    }
    let again = place.open("bob").await;
    assert_eq!(again.append(noted("after")).await.expect("what is no record is passed over").sequence, 5);
    assert_eq!(again.verify(None).await.expect("whole").records, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_used_is_told() {
    let place = Place::s3().await;
    place.sandbox().faults().add(Fault::new(What::status(403)).on(Service::S3).every());
    let refused = place.try_open("ada", "app", Clock::system()).await.expect_err("denied");
    assert_eq!(refused.class(), Class::Refused, "{refused}");
}
