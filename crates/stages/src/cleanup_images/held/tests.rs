//! What the ledger makes stay.

use std::collections::BTreeMap;

use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem};
use time::OffsetDateTime;

use super::held;

fn digest(content: &str) -> Digest {
    Digest::of(content.as_bytes())
}

/// A ledger that is written event by event.
#[derive(Default)]
struct Ledger(Vec<LedgerEvent>);

impl Ledger {
    fn add(&mut self, kind: EventKind, environment: &str, items: Vec<LedgerItem>) -> &mut LedgerEvent {
        self.0.push(LedgerEvent {
            sequence: self.0.len() as u64 + 1,
            previous: None,
            time: OffsetDateTime::UNIX_EPOCH,
            kind,
            release: None,
            environment: environment.parse().ok(),
            stage: Some("deploy-lambda".to_owned()),
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items,
            actor: Actor { name: "ada".to_owned(), source: "test".to_owned() },
            run: None,
            reason: None,
            tool_version: "0.1.0".to_owned(),
            details: BTreeMap::new(),
        });
        self.0.last_mut().expect("an event")
    }

    /// The intent of an update, as `deploy-lambda` writes it.
    fn intends(&mut self, environment: &str, before: &str, content: &str) -> u64 {
        let item = LedgerItem {
            digest: Some(digest(content)),
            before: Some(digest(before)),
            ..LedgerItem::new("order")
        };
        let event = self.add(EventKind::Intent, environment, vec![item]);
        event.target = Some("OrderFunction".to_owned());
        event.sequence
    }

    fn ends(&mut self, intent: u64, outcome: EffectResult) {
        let event = self.add(EventKind::Outcome, "stg", Vec::new());
        (event.intent, event.outcome) = (Some(intent), Some(outcome));
    }

    /// The record that `update-version-dashboard` writes.
    fn records(&mut self, environment: &str, content: &str) {
        let item = LedgerItem {
            lambda: "OrderFunction".parse().ok(),
            digest: Some(digest(content)),
            ..LedgerItem::new("order")
        };
        self.add(EventKind::Deployment, environment, vec![item]).stage =
            Some("update-version-dashboard".to_owned());
    }

    fn holds(&self, content: &str) -> bool {
        held(&self.0, None, 3).contains_key(&digest(content))
    }
}

#[test]
fn what_was_deployed_long_ago_is_free() {
    let mut ledger = Ledger::default();
    let deployed: Vec<String> = (0..8).map(|at| format!("content {at}")).collect();
    for (at, content) in deployed.iter().enumerate() {
        let before = at.checked_sub(1).map_or("nothing", |before| deployed[before].as_str());
        let intent = ledger.intends("stg", before, content);
        ledger.ends(intent, EffectResult::Done);
        ledger.records("stg", content);
    }
    let free: Vec<bool> = deployed.iter().map(|content| !ledger.holds(content)).collect();
    // The one that runs, the one before, and three further back.
    assert_eq!(free, [true, true, true, false, false, false, false, false]);
}

#[test]
fn a_change_whose_end_is_not_on_record_is_held() {
    let mut ledger = Ledger::default();
    ledger.records("stg", "runs");
    // Killed before its outcome, unknown, and done but not recorded yet.
    ledger.intends("stg", "by hand", "cut off");
    let unknown = ledger.intends("stg", "runs", "unknown");
    ledger.ends(unknown, EffectResult::Unknown);
    let done = ledger.intends("stg", "runs", "done");
    ledger.ends(done, EffectResult::Done);
    let failed = ledger.intends("stg", "what runs on", "failed");
    ledger.ends(failed, EffectResult::Failed);
    for content in ["by hand", "cut off", "unknown", "done", "what runs on", "runs"] {
        assert!(ledger.holds(content), "{content}");
    }
    assert!(!ledger.holds("failed"), "it surely was not deployed");
    ledger.records("prod", "unknown elsewhere");
    assert!(ledger.holds("cut off"), "a record of another environment settles nothing");
    ledger.records("stg", "newest");
    for content in ["cut off", "unknown", "done", "what runs on"] {
        assert!(!ledger.holds(content), "{content}: what was recorded after it says what runs");
    }
    assert!(ledger.holds("runs") && ledger.holds("newest"));
}
