//! Several writers at once: no event is lost, none is there twice.

use landfall_ledger::Ledger;
use tokio::runtime::Handle;

use crate::{Place, noted, told};

/// How often 2 to 8 writers start at once: in a folder 1,000 times; over HTTP, which takes minutes, as often where the variable
/// `LANDFALL_TRIALS` asks for it.
const TRIALS: usize = 1_000;
const TRIALS_BY_HTTP: usize = 100;

/// Events of each writer.
const EACH: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_in_a_folder() {
    races(&Place::folder(), TRIALS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_in_s3() {
    let asked = std::env::var("LANDFALL_TRIALS").ok().and_then(|text| text.parse().ok());
    races(&Place::s3().await, asked.unwrap_or(TRIALS_BY_HTTP)).await;
}

async fn races(place: &Place, trials: usize) {
    for trial in 0..trials {
        let writers = 2 + trial % 7;
        let name = format!("trial-{trial}");
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let (place, name) = (place.clone(), name.clone());
                tokio::spawn(async move {
                    // Each opens for itself, as processes do: nothing is shared but the place. The same second and the same
                    // person: what they tell differs by its text alone.
                    let clock = landfall_run::Clock::fixed(time::OffsetDateTime::UNIX_EPOCH);
                    let ledger: Ledger = place.try_open("ada", &name, clock).await.expect("a ledger");
                    for number in 0..EACH {
                        ledger.append(noted(&format!("{writer}.{number}"))).await.expect("appended");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        let clock = landfall_run::Clock::system();
        let mut told = told(&place.try_open("bob", &name, clock).await.expect("a ledger")).await;
        assert_eq!(told.len(), writers * EACH, "trial {trial}");
        told.sort();
        told.dedup();
        assert_eq!(told.len(), writers * EACH, "trial {trial}: each event once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_comes_between_is_read_before_it_is_decided_again() {
    for place in Place::both().await {
        let (ada, bob) = (place.open("ada").await, place.open("bob").await);
        ada.append(noted("one")).await.expect("appended");
        let mut seen = Vec::new();
        let appended = ada.append_if(|events| {
            seen.push(events.len());
            if seen.len() < 3 {
                // Somebody is faster, twice.
                let between = || Handle::current().block_on(bob.append(noted("between")));
                tokio::task::block_in_place(between).expect("appended");
            }
            Some(noted(&format!("after {}", events.len())))
        });
        let head = appended.await.expect("appended").expect("it was wanted");
        assert_eq!((head.sequence, seen.as_slice()), (4, [1, 2, 3].as_slice()));
        assert_eq!(told(&bob).await, ["one", "between", "between", "after 3"]);

        bob.append(noted("late")).await.expect("appended");
        let none = ada.append_if(|events| (events.len() < 5).then(|| noted("too late"))).await;
        assert_eq!(none.expect("decided"), None);
        assert_eq!(ada.verify(None).await.expect("whole").records, 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_decide_at_once_each_knows_what_stands_before() {
    for place in Place::both().await {
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let place = place.clone();
                tokio::spawn(async move {
                    let ledger = place.open("ada").await;
                    for _ in 0..4 {
                        let counted = ledger.append_if(|events| Some(noted(&events.len().to_string())));
                        counted.await.expect("appended").expect("it was wanted");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        let counted: Vec<String> = (0..24).map(|number: usize| number.to_string()).collect();
        assert_eq!(told(&place.open("bob").await).await, counted);
    }
}
