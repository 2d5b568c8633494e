//! A ledger in S3 that jobs share: a run that is killed at any of its records, and the next one.

use futures_util::StreamExt as _;
use http::Method;
use landfall_artifacts::{Actor, EventKind, LedgerEvent};
use landfall_sandbox::{Fault, Service, What};
use serde_json::Value;

use crate::world::World;

const LEDGER: &str = "acme-ledger";

/// Worlds side by side.
const AT_ONCE: usize = 4;

impl World {
    /// Makes a ledger in a bucket the one of all runs to come.
    pub(crate) fn has_shared_ledger(&mut self) {
        self.sandbox.s3.create_bucket(LEDGER);
        let region = self.sandbox.options().region.clone();
        self.set("AWS_REGION", &region);
        self.set("LANDFALL_LEDGER", &format!("s3://{LEDGER}/app"));
    }

    /// What a build elsewhere recorded of a release, first of all: who made it.
    pub(crate) fn was_built_by(&self, maker: &str, release: &str) {
        let event = LedgerEvent {
            sequence: 1,
            previous: None,
            time: time::OffsetDateTime::now_utc(),
            kind: EventKind::Intent,
            release: release.parse().ok(),
            environment: None,
            stage: Some("publish-artifacts".to_owned()),
            action: Some("PutObject".to_owned()),
            target: None,
            intent: None,
            outcome: None,
            items: Vec::new(),
            actor: Actor { name: maker.to_owned(), source: "GITLAB_USER_LOGIN".to_owned() },
            run: None,
            reason: None,
            tool_version: "0.1.0".to_owned(),
            details: std::collections::BTreeMap::new(),
        };
        let text = String::from_utf8(event.canonical_bytes()).expect("JSON");
        self.sandbox.s3.put(LEDGER, &record(1), text);
    }

    /// How many records the shared ledger has.
    pub(crate) fn shared_records(&self) -> u64 {
        let is_there = |sequence: &u64| self.sandbox.s3.object(LEDGER, &record(*sequence)).is_some();
        (1..1000).take_while(is_there).count() as u64
    }

    /// Takes the newest record of the shared ledger away, as no job of ours can.
    pub(crate) fn loses_newest_record(&self) {
        self.sandbox.s3.remove(LEDGER, &record(self.shared_records()));
    }

    async fn deploys_by_a_shared_ledger() -> Self {
        let mut world = Self::deployable().await;
        world.has_shared_ledger();
        world
    }
}

fn record(sequence: u64) -> String {
    format!("app/{}", LedgerEvent::file_name(sequence))
}

/// Kills a deployment at a record of it, takes its lock away where it left one, and deploys again.
async fn killed_at(number: u64, what: What) -> bool {
    let at = format!("{what:?} at record {number}");
    let world = World::deploys_by_a_shared_ledger().await;
    world.sandbox.faults().add(Fault::new(what).on(Service::S3).method(Method::PUT).nth(number));
    let first = world.run(&["deploy-lambda"]).await;
    let killed = first.signal == Some(9);
    assert!(killed || first.code == Some(0), "{at}: {:?}\n{}", first.code, first.stderr);
    world.sandbox.faults().clear();

    let ran = world.run(&["ledger", "verify"]).await;
    // Before the first record there is no ledger yet.
    assert!(ran.code == Some(0) || world.shared_records() == 0, "{at}: {}", ran.stderr);
    if world.shared_records() > 0 {
        let ran = world.run(&["ledger", "locks", "--output", "json"]).await.expect(0);
        let locks: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        if locks["result"]["held"].as_array().is_some_and(|held| !held.is_empty()) {
            // The run is gone and its lock is not: nobody else may come in until somebody says so, or its time is over.
            let held = world.run(&["deploy-lambda"]).await;
            assert_eq!(held.codes(), ["LF-LEDGER-HELD"], "{at}");
            let unlock = ["ledger", "unlock", "stg_eu00", "--reason", "its runner was killed", "--yes"];
            world.run(&unlock).await.expect(0);
        }
    }
    world.run(&["deploy-lambda"]).await.expect(0);
    for project in world.projects() {
        assert_eq!(world.running()[project.lambda], project.image().digest(), "{at}");
    }
    world.run(&["ledger", "verify"]).await.expect(0);
    let again = world.run(&["ledger", "unlock", "stg_eu00", "--reason", "x", "--yes"]).await.expect(2);
    assert_eq!(again.codes(), ["LF-LEDGER-NOT-HELD"], "{at}: nothing stays held");
    world.sandbox.stop().await;
    killed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_record_leaves_a_whole_chain_and_the_next_one_goes_on() {
    let clean = World::deploys_by_a_shared_ledger().await;
    clean.run(&["deploy-lambda"]).await.expect(0);
    let records = clean.shared_records();
    clean.sandbox.stop().await;
    assert!(records >= 6, "lock, an intent and an outcome for each function, unlock: {records}");
    let moments = (1..=records).flat_map(|number| [(number, What::KillBefore), (number, What::KillAfter)]);
    let killed: Vec<bool> = futures_util::stream::iter(moments)
        .map(|(number, what)| killed_at(number, what))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(killed.iter().all(|killed| *killed), "{killed:?}");
}
