//! What must stay: what runs in any environment, and what a rollback goes back to.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{
    Digest, EffectResult, EnvironmentName, EventKind, ImageLock, LambdaName, LedgerEvent,
};

use crate::recorded::{environments, told};

/// Digests by where they run or could be gone back to: of each function in each environment the newest that was confirmed, what
/// it ran before, and `back` distinct ones before those; all that the lock names; and what a change names that is not settled: one
/// that was done, or may have been, and that no deployment or rollback of this function in this environment was recorded after.
pub(super) fn held(
    events: &[LedgerEvent],
    lock: Option<&ImageLock>,
    back: usize,
) -> BTreeMap<Digest, String> {
    let mut held = BTreeMap::new();
    let mut hold = |digest: Digest, words: String| {
        held.entry(digest).or_insert(words);
    };
    for environment in environments(events) {
        for (function, digests) in history(events, environment) {
            for (at, digest) in digests.iter().rev().take(back.saturating_add(2)).enumerate() {
                let words = if at == 0 { "runs in" } else { "can be gone back to in" };
                hold(*digest, format!("{words} {environment} ({function})"));
            }
        }
    }
    for image in lock.map(|lock| lock.images.as_slice()).unwrap_or_default() {
        hold(image.digest, format!("is in the lock of {}", image.lambda));
    }
    for change in unsettled(events) {
        for item in &change.event.items {
            let digests = [item.digest.filter(|_| !change.has_failed), item.before];
            for digest in digests.into_iter().flatten() {
                hold(
                    digest,
                    format!("was being deployed ({})", change.event.target.as_deref().unwrap_or_default()),
                );
            }
        }
    }
    held
}

/// A change of a function that no record says the end of.
struct Unsettled<'e> {
    event: &'e LedgerEvent,
    /// Whether it surely was not made: then what was there before runs on.
    has_failed: bool,
}

/// Deployments that were cut off, are going on, or are not on record yet.
fn unsettled(events: &[LedgerEvent]) -> Vec<Unsettled<'_>> {
    let mut outcomes: BTreeMap<u64, EffectResult> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == EventKind::Outcome) {
        outcomes.extend(event.intent.zip(event.outcome));
    }
    // The newest record of each function in each environment.
    let mut settled: BTreeMap<(&EnvironmentName, LambdaName), u64> = BTreeMap::new();
    for environment in environments(events) {
        for told in told(events, environment) {
            settled.insert((environment, told.function), told.event.sequence);
        }
    }
    let is_change = |event: &&LedgerEvent| {
        event.kind == EventKind::Intent
            && matches!(event.stage.as_deref(), Some("deploy-lambda" | "rollback-lambda"))
    };
    let is_settled = |event: &LedgerEvent| {
        let function: Option<LambdaName> = event.target.as_deref().and_then(|target| target.parse().ok());
        let Some(key) = event.environment.as_ref().zip(function) else { return false };
        settled.get(&key).is_some_and(|record| *record > event.sequence)
    };
    events
        .iter()
        .filter(is_change)
        .filter(|event| !is_settled(event))
        .map(|event| Unsettled {
            event,
            has_failed: outcomes.get(&event.sequence) == Some(&EffectResult::Failed),
        })
        .collect()
}

/// Distinct digests of each function, the newest last.
fn history(events: &[LedgerEvent], environment: &EnvironmentName) -> BTreeMap<LambdaName, Vec<Digest>> {
    let mut history: BTreeMap<LambdaName, Vec<Digest>> = BTreeMap::new();
    for told in told(events, environment) {
        let digests = history.entry(told.function.clone()).or_default();
        for digest in [told.item.before, told.item.digest].into_iter().flatten() {
            digests.retain(|known| *known != digest);
            digests.push(digest);
        }
    }
    history
}

/// Functions that the ledger knows of, each once.
pub(super) fn functions(events: &[LedgerEvent]) -> BTreeSet<LambdaName> {
    let of = |environment| told(events, environment).into_iter().map(|told| told.function);
    environments(events).into_iter().flat_map(of).collect()
}
