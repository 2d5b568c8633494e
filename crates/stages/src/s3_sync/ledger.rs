//! The ledger's word for a publication.

use landfall_artifacts::{EffectResult, EventKind, LedgerItem, Problem};
use landfall_ledger::{Draft, Ledger};
use landfall_s3_sync::tree::{Applied, Change, ChangeResult, Plan, Tree};
use serde_json::json;

use super::Config;

/// Changes that one event tells one by one; of more only the number is told, and the plan's digest stands for them.
const MOST_ITEMS: usize = 100;

/// Most characters of a name there: a record takes 64 KiB.
const MOST_NAME: usize = 200;

/// Records what was published.
///
/// # Errors
/// What stands in the way of the record.
pub(super) async fn record(
    config: &Config,
    tree: &Tree,
    plan: &Plan,
    applied: &Applied,
    ledger: &Ledger,
) -> Result<(), Problem> {
    let names = plan.puts.iter().map(|put| &*put.name).zip(&applied.puts);
    let gone = plan.deletes.iter().map(|extra| &*extra.name).zip(&applied.deletes);
    let made =
        |results: &[ChangeResult]| results.iter().filter(|result| result.change == Change::Made).count();
    let item = |name: &str, result: &ChangeResult, word: &str| LedgerItem {
        target: Some(word.to_owned()),
        digest: result.sha256,
        ..LedgerItem::new(landfall_secret::escape(name, MOST_NAME))
    };
    let puts = names.filter(|(_, result)| result.change == Change::Made);
    let deletes = gone.filter(|(_, result)| result.change == Change::Made);
    let items = puts
        .map(|(name, result)| item(name, result, "uploaded"))
        .chain(deletes.map(|(name, result)| item(name, result, "deleted")));
    let mut draft = Draft {
        release: config.target.release.clone(),
        environment: config.target.environment.clone(),
        target: Some(tree.address().to_string()),
        outcome: Some(result_of(applied)),
        items: items.take(MOST_ITEMS).collect(),
        reason: Some(format!("{} uploaded, {} deleted", made(&applied.puts), made(&applied.deletes))),
        ..Draft::new(EventKind::Sync)
    };
    for (key, value) in [
        ("plan", json!(plan.digest().to_string())),
        ("uploaded", json!(made(&applied.puts))),
        ("deleted", json!(made(&applied.deletes))),
        ("unchanged", json!(plan.unchanged)),
        ("region", json!(tree.region())),
    ] {
        draft.details.insert(key.to_owned(), value);
    }
    ledger.append(draft).await.map(drop).map_err(|error| Problem::of(&error))
}

/// How it ended.
pub(super) fn result_of(applied: &Applied) -> EffectResult {
    let is_unknown =
        applied.puts.iter().chain(&applied.deletes).any(|result| result.change == Change::Unknown);
    match (applied.is_complete(), is_unknown) {
        (true, _) => EffectResult::Done,
        (false, true) => EffectResult::Unknown,
        (false, false) => EffectResult::Failed,
    }
}
