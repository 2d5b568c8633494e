//! What must stay: what runs in any environment, and what a rollback goes back to.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Digest, EnvironmentName, ImageLock, LambdaName, LedgerEvent};

use crate::recorded::{environments, told};

/// Digests by where they run or could be gone back to: of each function in each environment the newest that was confirmed, what
/// it ran before, and `back` distinct ones before those; all that the lock names; and what an intent without a record names.
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
    // Deployments that were cut off, or are going on, are not on record yet.
    let changes =
        |event: &&LedgerEvent| matches!(event.stage.as_deref(), Some("deploy-lambda" | "rollback-lambda"));
    for event in events.iter().filter(changes) {
        let digests = event.items.iter().flat_map(|item| [item.digest, item.before]);
        for digest in digests.flatten() {
            hold(digest, format!("was being deployed ({})", event.target.as_deref().unwrap_or_default()));
        }
    }
    held
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
