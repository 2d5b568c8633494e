//! Parts of one work hold an environment together; nobody else comes in beside them.

use std::collections::BTreeSet;
use std::time::Duration;

use landfall_artifacts::{Class, Digest, EventKind, Explain as _};
use landfall_ledger::{Draft, Error, Hold, Ledger, Lock, Part, locks};
use landfall_run::Clock;
use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::{Place, environment};

const NOON: OffsetDateTime = datetime!(2025-11-19 12:00:00 UTC);

fn part(shard: &str) -> Part {
    of("release 1", shard)
}

fn of(work: &str, shard: &str) -> Part {
    Part { shard: shard.parse().expect("a part"), work: Digest::of(work.as_bytes()) }
}

fn deployment() -> Draft {
    Draft { environment: Some(environment("stg_eu00")), ..Draft::new(EventKind::Deployment) }
}

async fn hold(ledger: &Ledger, part: Part) -> Result<Hold, Error> {
    ledger.hold_part(&environment("stg_eu00"), part).await
}

async fn shards(ledger: &Ledger) -> Vec<String> {
    let held = locks(&ledger.events().await.expect("whole"));
    held.iter().filter_map(|lock| Some(lock.part.as_ref()?.shard.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_one_work_hold_an_environment_beside_each_other() {
    for place in Place::both().await {
        let (ada, bob, eve) = (place.open("ada").await, place.open("bob").await, place.open("eve").await);
        let first = hold(&ada, part("1/3")).await.expect("free");
        let second = hold(&bob, part("2/3")).await.expect("beside");
        let third = hold(&eve, part("3/3")).await.expect("beside both");
        assert_eq!(shards(&ada).await, ["1/3", "2/3", "3/3"]);
        let fences: BTreeSet<u64> = [&first, &second, &third].map(Hold::fence).into();
        assert_eq!(fences.len(), 3, "each has a number of its own");
        for ledger in [&ada, &bob, &eve] {
            ledger.append(deployment()).await.expect("nobody lost anything to the others");
        }
        let events = ada.events().await.expect("whole");
        let told: Vec<_> = events
            .iter()
            .filter(|event| event.kind == EventKind::Deployment)
            .map(|e| e.details["fence"].clone())
            .collect();
        assert_eq!(told, [first.fence(), second.fence(), third.fence()]);

        second.release().await.expect("released");
        assert_eq!(shards(&ada).await, ["1/3", "3/3"], "the others stay");
        bob.append(deployment()).await.expect("who gave his part back is as who never had one");
        let again = hold(&bob, part("2/3")).await.expect("its own part is free again");
        for one in [first, again, third] {
            one.release().await.expect("released");
        }
        let all = ada.hold(&environment("stg_eu00")).await.expect("all have ended");
        all.release().await.expect("released");
        assert_eq!(shards(&ada).await, [""; 0]);
        ada.verify(None).await.expect("whole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_knows_when_its_work_began() {
    for place in Place::both().await {
        let (ada, bob) = (place.open("ada").await, place.open("bob").await);
        let other = hold(&ada, of("release 0", "1/2")).await.expect("free");
        assert_eq!(ada.own_lock().await.map(|own| own.fence), Some(other.fence()));
        other.release().await.expect("released");
        assert_eq!(ada.own_lock().await, None, "given back");

        let idle = hold(&ada, part("1/2")).await.expect("free");
        idle.release().await.expect("released");
        let first = hold(&ada, part("1/2")).await.expect("free");
        let began = first.fence();
        let intent = Draft { kind: EventKind::Intent, ..deployment() };
        ada.append(intent).await.expect("written");
        first.release().await.expect("released");
        let second = hold(&bob, part("2/2")).await.expect("free");
        let own = bob.own_lock().await.expect("held");
        assert_eq!((own.part.as_ref(), own.fence), (Some(&part("2/2")), second.fence()));
        let begun = own.begun(&bob.events().await.expect("whole"));
        assert!(begun == began && began < second.fence(), "{begun} {began}");
        ada.unlock(&own, "its runner is gone").await.expect("unlocked");
        bob.append(deployment()).await.expect_err("it was taken away");
        assert_eq!(bob.own_lock().await, None, "lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_something_else_is_refused() {
    for place in Place::both().await {
        let ada = place.open("ada").await;
        let held = hold(&ada, part("2/4")).await.expect("free");
        let bob = place.open("bob").await;
        for other in [part("2/4"), part("1/3"), of("release 2", "1/4")] {
            let refused = hold(&bob, other.clone()).await.expect_err("something else");
            assert_eq!((refused.code(), refused.class()), ("LF-LEDGER-HELD", Class::Locked), "{other:?}");
            assert!(refused.to_string().contains("deploy-lambda of ada, part 2/4"), "{refused}");
        }
        assert!(
            matches!(bob.hold(&environment("stg_eu00")).await, Err(Error::Held { .. })),
            "the whole waits"
        );
        for (release, stage) in [(Some("v2.0.0"), "deploy-lambda"), (None, "retag-push-ecr")] {
            let mut context = Place::context("eve");
            context.release = release.map(|release| release.parse().expect("a release"));
            context.stage = Some(stage.to_owned());
            let eve = place.open_with(context, "app", Clock::system()).await.expect("a ledger");
            let refused = hold(&eve, part("1/4")).await;
            assert!(matches!(refused, Err(Error::Held { .. })), "{release:?} {stage}");
        }
        held.release().await.expect("released");
        let whole = bob.hold(&environment("stg_eu00")).await.expect("free");
        assert!(
            matches!(hold(&ada, part("1/4")).await, Err(Error::Held { .. })),
            "nobody comes in beside the whole"
        );
        whole.release().await.expect("released");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_part_is_taken_over_alone() {
    let place = Place::s3().await;
    let (ada, bob) =
        (place.at("ada", NOON).await, place.at("bob", NOON + Duration::from_secs(20 * 60)).await);
    let dead = hold(&ada, part("1/2")).await.expect("free");
    let lives = hold(&bob, part("2/2")).await.expect("beside");

    let early = place.at("eve", NOON + Duration::from_secs(30 * 60 + 30)).await;
    assert!(
        matches!(hold(&early, part("1/2")).await, Err(Error::Held { .. })),
        "clocks may be a minute apart"
    );
    let late = place.at("eve", NOON + Duration::from_secs(32 * 60)).await;
    let whole = late.hold(&environment("stg_eu00")).await;
    assert!(matches!(whole, Err(Error::Held { .. })), "one part lives");
    let taken = hold(&late, part("1/2")).await.expect("its time is over");

    let refused = ada.append(deployment()).await.expect_err("stale");
    assert_eq!(refused.code(), "LF-LEDGER-LOCK-LOST");
    assert!(refused.to_string().contains("deploy-lambda of eve, part 1/2"), "{refused}");
    bob.append(deployment()).await.expect("the other part is not concerned");
    let events = late.events().await.expect("whole");
    let lock = events.iter().find(|event| event.sequence == taken.fence()).expect("the event");
    assert_eq!((&lock.details["takesOver"], &lock.details["part"]), (&dead.fence().into(), &"1/2".into()));
    dead.release().await.expect("there is nothing to give back");
    assert_eq!(shards(&late).await, ["2/2", "1/2"]);

    let much_later = place.at("zoe", NOON + Duration::from_secs(90 * 60)).await;
    let whole = much_later.hold(&environment("stg_eu00")).await.expect("both are over");
    let events = much_later.events().await.expect("whole");
    let reason = events.last().and_then(|event| event.reason.clone()).expect("why");
    insta::assert_snapshot!(reason, @"the locks of deploy-lambda of bob, part 2/2 and deploy-lambda of eve, part 1/2 were not given back");
    assert_eq!(lives.release().await.map_err(|error| error.to_string()), Ok(()));
    whole.release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder_a_part_whose_process_is_gone_is_taken_over_at_once() {
    let place = Place::folder();
    let (ada, bob) = (place.at("ada", NOON).await, place.at("bob", NOON).await);
    drop(hold(&ada, part("1/2")).await.expect("free"));
    let lives = hold(&bob, part("2/2")).await.expect("beside");
    let eve = place.at("eve", NOON).await;
    let other = hold(&eve, of("release 2", "1/2")).await.expect_err("the other part lives");
    assert!(other.to_string().contains("deploy-lambda of bob, part 2/2"), "{other}");
    let again = hold(&eve, part("1/2")).await.expect("its process is gone");
    drop((lives, again));
    // Both are gone, and left their records: parts of something else come in at once, all of them.
    let zoe = place.at("zoe", NOON).await;
    let others = [hold(&eve, of("release 2", "1/2")).await, hold(&zoe, of("release 2", "2/2")).await];
    for one in others {
        one.expect("both are gone").release().await.expect("released");
    }
    let Place::Folder(folder) = &place else { panic!("a folder") };
    let left = std::fs::read_dir(folder.path().join("app")).expect("a folder");
    let names = left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let files: Vec<String> = names.filter(|name| name.ends_with(".lock")).collect();
    assert!(files.iter().all(|name| !name.contains("-of-")), "parts leave no file: {files:?}");
}

fn renewal(of: u64, shard: &str, minutes: u64) -> Draft {
    let mut draft = Draft { environment: Some(environment("stg_eu00")), ..Draft::new(EventKind::Lock) };
    let expires = landfall_run::rfc3339(NOON + Duration::from_secs((minutes + 30) * 60));
    let part = part(shard);
    draft.details.insert("renews".to_owned(), of.into());
    draft.details.insert("expires".to_owned(), expires.into());
    draft.details.insert("part".to_owned(), part.shard.to_string().into());
    draft.details.insert("work".to_owned(), part.work.to_string().into());
    draft
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_renewed_stand_whoever_came_since() {
    let place = Place::s3().await;
    let ada = place.at("ada", NOON).await;
    let first = hold(&ada, part("1/3")).await.expect("free");
    for minutes in (15..=180).step_by(15) {
        let now = place.at("ada", NOON + Duration::from_secs(minutes * 60)).await;
        now.append(renewal(first.fence(), "1/3", minutes)).await.expect("renewed");
    }
    // The second comes when nothing but renewals of the first is new enough to be read, the third when the second's record tells.
    let three = |minutes: u64| NOON + Duration::from_secs(3 * 3600 + minutes * 60);
    let bob = place.at("bob", three(1)).await;
    assert!(matches!(hold(&bob, part("1/3")).await, Err(Error::Held { .. })), "it is held still");
    let second = hold(&bob, part("2/3")).await.expect("beside");
    let eve = place.at("eve", three(20)).await;
    assert!(matches!(eve.hold(&environment("stg_eu00")).await, Err(Error::Held { .. })));
    assert!(
        matches!(hold(&eve, part("1/3")).await, Err(Error::Held { .. })),
        "renewed before the second came"
    );
    let third = hold(&eve, part("3/3")).await.expect("beside both");
    assert_eq!(shards(&eve).await, ["1/3", "2/3", "3/3"]);
    let zoe = place.at("zoe", three(32)).await;
    let again = hold(&zoe, part("1/3")).await.expect("over, as its last renewal said");
    assert!(
        matches!(hold(&zoe, part("2/3")).await, Err(Error::Held { .. })),
        "three past its half hour, not a minute"
    );
    for one in [first, second, third, again] {
        one.release().await.expect("released");
    }
}

/// Some lock of an environment, as a record tells it.
fn some_lock(fence: u64, shard: Option<(u32, u32)>, work: u8) -> Lock {
    Lock {
        environment: environment("stg_eu00"),
        fence,
        holder: String::new(),
        stage: None,
        release: None,
        part: shard.map(|(index, of)| Part {
            shard: format!("{}/{of}", index % of + 1).parse().expect("a part"),
            work: Digest::of(&[work]),
        }),
        run: None,
        since: NOON,
        expires: NOON,
        took_over: None,
    }
}

proptest! {
    #[test]
    fn who_is_beside_is_so_for_both_and_for_all(
        asked in prop::collection::vec((prop::option::of((0..4_u32, 1..4_u32)), 0..2_u8), 1..12),
    ) {
        let all: Vec<Lock> =
            asked.iter().zip(1..).map(|((shard, work), fence)| some_lock(fence, *shard, *work)).collect();
        let mut standing: Vec<&Lock> = Vec::new();
        for lock in &all {
            prop_assert!(!lock.goes_beside(lock));
            prop_assert!(all.iter().all(|other| other.goes_beside(lock) == lock.goes_beside(other)));
            if standing.iter().all(|held| held.goes_beside(lock)) {
                standing.push(lock);
            }
        }
        // Whoever is in does a part of one work, which nobody else does; or is alone.
        let indexes: BTreeSet<Option<u32>> =
            standing.iter().map(|lock| lock.part.as_ref().map(|part| part.shard.index())).collect();
        prop_assert_eq!(indexes.len(), standing.len());
        prop_assert!(standing.len() == 1 || !indexes.contains(&None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_ask_at_once_each_part_gets_in_once() {
    for place in Place::both().await {
        for round in 0..10 {
            let tasks: Vec<_> = (0..8_u32)
                .map(|number| {
                    let place = place.clone();
                    tokio::spawn(async move {
                        let ledger = place.open(&format!("run {number}")).await;
                        // Two works of two parts, each part asked for twice.
                        let work = if number < 4 { "one" } else { "other" };
                        match hold(&ledger, of(work, &format!("{}/2", number % 2 + 1))).await {
                            Ok(hold) => {
                                ledger.append(deployment()).await.expect("appended");
                                Some((work, number % 2, hold))
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
            let works: BTreeSet<_> = holders.iter().map(|(work, _, _)| *work).collect();
            assert_eq!(works.len(), 1, "round {round}: one work at a time");
            let parts: BTreeSet<_> = holders.iter().map(|(_, part, _)| *part).collect();
            assert_eq!(parts.len(), holders.len(), "round {round}: nobody does what another one does");
            for (_, _, hold) in holders {
                hold.release().await.expect("released");
            }
        }
    }
}
