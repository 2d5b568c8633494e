//! Several writers at once: no event is lost, none is there twice.

use landfall_ledger::Ledger;

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
