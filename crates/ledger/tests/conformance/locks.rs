//! One writer per environment, and what a stale one may not do.

use std::fs::{self, File};
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Class, EffectResult, EventKind, Explain as _, LedgerEvent};
use landfall_ledger::{Draft, Error, Ledger, locks};
use landfall_run::{Effect, EffectOutcome, Journal as _};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::{Place, environment, noted};

const NOON: OffsetDateTime = datetime!(2025-11-19 12:00:00 UTC);

fn deployment(to: &str) -> Draft {
    Draft { environment: Some(environment(to)), ..Draft::new(EventKind::Deployment) }
}

fn effect(to: &str) -> Effect {
    Effect {
        action: "UpdateFunctionCode".into(),
        target: "OrderServiceFunction".into(),
        environment: Some(to.into()),
        release: None,
        details: Vec::new(),
        items: Vec::new(),
    }
}

async fn fences(ledger: &Ledger) -> Vec<(String, u64)> {
    let events = ledger.events().await.expect("whole");
    locks(&events).into_iter().map(|lock| (lock.environment.to_string(), lock.fence)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_has_one_holder_at_a_time() {
    for place in Place::both().await {
        let (ada, bob) = (place.open("ada").await, place.open("bob").await);
        let stg = environment("stg_eu00");
        let hold = ada.hold(&stg).await.expect("free");
        let refused = bob.hold(&stg).await.expect_err("held");
        assert_eq!((refused.code(), refused.class()), ("LF-LEDGER-HELD", Class::Locked));
        assert!(refused.to_string().contains("deploy-lambda of ada"), "{refused}");
        let other = bob.hold(&environment("stg_na00")).await.expect("another environment is free");
        assert_eq!(
            fences(&ada).await,
            [("stg_eu00".into(), hold.fence()), ("stg_na00".into(), other.fence())]
        );

        let first = hold.fence();
        hold.release().await.expect("released");
        other.release().await.expect("released");
        let next = bob.hold(&stg).await.expect("free again");
        assert!(next.fence() > first, "the number grows with every holder");
        next.release().await.expect("released");
        assert_eq!(fences(&ada).await, []);
        assert_eq!(bob.verify(None).await.expect("whole").records, 6, "each lock and unlock is an event");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_holder_writes_nothing_more_but_how_its_effects_ended() {
    let place = Place::s3().await;
    let ada = place.at("ada", NOON).await;
    let stg = environment("stg_eu00");
    let hold = ada.hold(&stg).await.expect("free");
    ada.append(deployment("stg_eu00")).await.expect("a holder writes");
    let intent = ada.intend(effect("stg_eu00")).await.expect("a holder intends");

    let early = place.at("bob", NOON + Duration::from_secs(30 * 60 + 30)).await;
    assert!(matches!(early.hold(&stg).await, Err(Error::Held { .. })), "clocks may be a minute apart");
    let late = place.at("bob", NOON + Duration::from_secs(32 * 60)).await;
    let taken = late.hold(&stg).await.expect("its time is over");

    let refused = ada.append(deployment("stg_eu00")).await.expect_err("stale");
    assert_eq!((refused.code(), refused.class()), ("LF-LEDGER-LOCK-LOST", Class::Locked));
    assert!(refused.to_string().contains("deploy-lambda of bob"), "{refused}");
    let refused = ada.intend(effect("stg_eu00")).await.expect_err("stale");
    assert_eq!(refused.class(), Class::Locked);
    ada.append(deployment("prod_eu00")).await.expect("another environment was never held");
    ada.outcome(intent, EffectOutcome::Done).await.expect("evidence is not lost");
    hold.release().await.expect("there is nothing to give back");

    let events = late.events().await.expect("whole");
    let lock = events.iter().find(|event| event.sequence == taken.fence()).expect("the event");
    assert_eq!(lock.details["takesOver"], 1);
    assert!(lock.reason.as_deref().is_some_and(|reason| reason.contains("not given back")), "{lock:?}");
    let outcome = events.iter().find(|event| event.outcome == Some(EffectResult::Done)).expect("it is told");
    assert_eq!(outcome.details["fence"], 1, "by whom");
    assert_eq!(fences(&late).await, [("stg_eu00".into(), taken.fence())], "the stale one unlocked nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder_the_lock_of_a_process_that_is_gone_is_taken_over_at_once() {
    let place = Place::folder();
    let stg = environment("stg_eu00");
    let ada = place.at("ada", NOON).await;
    let gone = ada.hold(&stg).await.expect("free");
    let fence = gone.fence();
    drop(gone);
    let bob = place.at("bob", NOON).await;
    let taken = bob.hold(&stg).await.expect("its process is gone");
    let events = bob.events().await.expect("whole");
    assert_eq!(events.last().expect("the lock").details["takesOver"], fence);
    taken.release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_can_be_taken_away() {
    for place in Place::both().await {
        let (ada, eve) = (place.open("ada").await, place.open("eve").await);
        let stg = environment("stg_eu00");
        assert_eq!(eve.locks_of(&stg).await.expect("read"), []);
        let hold = ada.hold(&stg).await.expect("free");
        let lock = eve.locks_of(&stg).await.expect("read").pop().expect("held");
        assert_eq!((lock.fence, lock.holder.as_str()), (hold.fence(), "deploy-lambda of ada"));
        let other = landfall_ledger::Lock { fence: lock.fence + 7, ..lock.clone() };
        let refused = eve.unlock(&other, "it was another's").await.expect_err("not the one that stands");
        assert_eq!(refused.code(), "LF-LEDGER-NOT-HELD");
        eve.unlock(&lock, "its runner burnt down").await.expect("unlocked");
        let refused = eve.unlock(&lock, "twice").await.expect_err("free");
        assert_eq!(refused.code(), "LF-LEDGER-NOT-HELD");
        let refused = ada.append(deployment("stg_eu00")).await.expect_err("taken away");
        assert!(refused.to_string().contains("eve took the lock away (its runner burnt down)"), "{refused}");
        hold.release().await.expect("nothing to give back");
        assert_eq!(fences(&eve).await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_ask_at_once_one_gets_it() {
    for place in Place::both().await {
        let stg = environment("stg_eu00");
        for round in 0..20 {
            let tasks: Vec<_> = (0..6)
                .map(|number| {
                    let (place, stg) = (place.clone(), stg.clone());
                    tokio::spawn(async move {
                        let ledger = place.open(&format!("run {number}")).await;
                        match ledger.hold(&stg).await {
                            Ok(hold) => {
                                ledger.append(noted("mine")).await.expect("appended");
                                Some((ledger, hold))
                            }
                            Err(Error::Held { .. }) => None,
                            Err(other) => panic!("{other}"),
                        }
                    })
                })
                .collect();
            let mut holders = Vec::new();
            for task in tasks {
                holders.extend(task.await.expect("no panic"));
            }
            assert_eq!(holders.len(), 1, "round {round}");
            for (_, hold) in holders {
                hold.release().await.expect("released");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_as_long_as_it_is_held() {
    let place = Place::folder();
    let ada = place.open("ada").await;
    let hold = ada.hold(&environment("stg_eu00")).await.expect("free");
    // Two halves of its life; the writing is on a thread of its own, which paused time does not wait for.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(15 * 60 + 1)).await;
        while ada.verify(None).await.expect("whole").records < 2 {
            tokio::task::yield_now().await;
        }
    }
    let events = ada.events().await.expect("whole");
    let renewals: Vec<_> = events.iter().filter_map(|event| event.details.get("renews")).collect();
    assert!(!renewals.is_empty() && renewals.iter().all(|fence| **fence == hold.fence()), "{renewals:?}");
    assert_eq!(fences(&ada).await, [("stg_eu00".into(), hold.fence())], "the number stays");
    hold.release().await.expect("released");
    assert_eq!(fences(&ada).await, []);
}

fn renewal(of: u64, expires: &str) -> Draft {
    let mut draft = Draft { environment: Some(environment("stg_eu00")), ..Draft::new(EventKind::Lock) };
    draft.details.insert("renews".to_owned(), of.into());
    draft.details.insert("expires".to_owned(), expires.into());
    draft
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_comes_late_locks_for_nobody() {
    let place = Place::s3().await;
    let (ada, stg) = (place.at("ada", NOON).await, environment("stg_eu00"));
    let hold = ada.hold(&stg).await.expect("free");
    let fence = hold.fence();
    hold.release().await.expect("released");
    // Its writing was under way when the lock was given back.
    ada.append(renewal(fence, "2025-11-19T12:30:00Z")).await.expect("written");
    let bob = place.at("bob", NOON).await;
    let next = bob.hold(&stg).await.expect("nobody holds it");
    ada.append(renewal(fence, "2025-11-19T12:30:00Z")).await.expect("written");
    bob.append(deployment("stg_eu00")).await.expect("the holder is who it was");
    next.release().await.expect("released");
    assert_eq!(fences(&bob).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_renewed_for_hours_stands() {
    let place = Place::s3().await;
    let (ada, stg) = (place.at("ada", NOON).await, environment("stg_eu00"));
    let hold = ada.hold(&stg).await.expect("free");
    for minutes in (15..=180).step_by(15) {
        let now = place.at("ada", NOON + Duration::from_secs(minutes * 60)).await;
        let expires = landfall_run::rfc3339(NOON + Duration::from_secs((minutes + 30) * 60));
        now.append(renewal(hold.fence(), &expires)).await.expect("renewed");
    }
    let late = place.at("bob", NOON + Duration::from_secs(3 * 3600)).await;
    assert!(matches!(late.hold(&stg).await, Err(Error::Held { .. })), "it is held still");
    let later = place.at("bob", NOON + Duration::from_secs(3 * 3600 + 32 * 60)).await;
    later.hold(&stg).await.expect("and now it is over").release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_whose_clock_is_hours_behind_hides_no_lock() {
    let place = Place::s3().await;
    let stg = environment("stg_eu00");
    let hold = place.open("ada").await.hold(&stg).await.expect("free");
    let laptop = place.at("bob", OffsetDateTime::now_utc() - Duration::from_secs(3 * 3600)).await;
    // After the first of them, and after more than are read at a time.
    for records in [1, 80] {
        for number in 0..records {
            laptop.append(noted(&number.to_string())).await.expect("appended");
        }
        let refused = place.open("eve").await.hold(&stg).await.expect_err("held");
        assert_eq!(refused.code(), "LF-LEDGER-HELD", "after {records} records");
    }
    hold.release().await.expect("released");
    place.open("eve").await.hold(&stg).await.expect("free").release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_stored_hours_ago_are_not_read_for_a_lock() {
    let place = Place::folder();
    let (ada, stg) = (place.open("ada").await, environment("stg_eu00"));
    // It was taken hours ago, renewed to the end, and not given back.
    let fence = ada.hold(&stg).await.expect("free").fence();
    for number in 0..200 {
        ada.append(noted(&number.to_string())).await.expect("appended");
    }
    let now = OffsetDateTime::now_utc();
    let expires = landfall_run::rfc3339(now + Duration::from_secs(1800));
    ada.append(renewal(fence, &expires)).await.expect("renewed");

    let Place::Folder(folder) = &place else { panic!("a folder") };
    let path = |sequence| folder.path().join("app").join(LedgerEvent::file_name(sequence));
    let taken = fs::read(path(fence)).expect("bytes");
    fs::write(path(fence), "{}").expect("written");
    for sequence in 1..=100 {
        let file = File::options().write(true).open(path(sequence)).expect("a record");
        file.set_modified((now - Duration::from_secs(3 * 3600)).into()).expect("made older");
    }
    let bob = place.open("bob").await;
    let hold = bob.hold(&stg).await.expect("the record that cannot be read is not");
    fs::write(path(fence), taken).expect("written");
    let events = bob.events().await.expect("whole");
    assert_eq!(events[201].details["renews"], fence);
    assert_eq!(events.last().expect("the lock").details["takesOver"], fence, "by its renewal alone");
    hold.release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_read_on() {
    for place in Place::both().await {
        let (ada, bob) = (place.open("ada").await, place.open("bob").await);
        assert_eq!(bob.events().await.expect("empty"), []);
        ada.append(noted("one")).await.expect("written");
        assert_eq!(bob.events().await.expect("whole").len(), 1);
        ada.append(noted("two")).await.expect("written");
        bob.append(noted("three")).await.expect("written");
        let told = bob.events().await.expect("whole");
        assert_eq!(told.len(), 3);
        assert_eq!(told, ada.events().await.expect("whole"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_asks_for_what_is_new_alone() {
    for place in Place::both().await {
        let (ada, bob) = (place.open("ada").await, place.open("bob").await);
        assert_eq!(bob.follow().await.expect("empty").1, bob.verify(None).await.expect("empty"));
        for number in 0..20 {
            ada.append(noted(&number.to_string())).await.expect("written");
        }
        let (events, verified) = bob.follow().await.expect("whole");
        assert_eq!((events.len(), verified), (20, ada.verify(None).await.expect("whole")));
        let (same, _) = bob.follow().await.expect("whole");
        assert!(Arc::ptr_eq(&events, &same), "nothing came, and nothing is copied");
        let gets = |place: &Place| match place {
            Place::S3(sandbox, _) => sandbox.s3.calls("GetObject"),
            Place::Folder(_) => 0,
        };
        ada.append(noted("new")).await.expect("written");
        let before = gets(&place);
        let (more, verified) = bob.follow().await.expect("whole");
        let asked = gets(&place) - before;
        assert!(asked <= 2, "the new one, and whether there is another: {asked}");
        assert_eq!((events.len(), more.len(), verified.records), (20, 21, 21), "what was given out stays");
        assert_eq!(Some(verified), ada.verify(verified.head).await.ok());
    }
}
