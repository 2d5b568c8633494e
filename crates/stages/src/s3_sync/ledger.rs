//! The ledger's word for a publication.

use landfall_artifacts::{EffectResult, EventKind, LedgerEvent, LedgerItem, Problem};
use landfall_ledger::{Draft, Ledger};
use landfall_s3_sync::tree::{Applied, Change, ChangeResult, Plan, Tree};
use serde_json::json;

use super::Config;

/// Changes that one event tells one by one; of more only the number is told, and the plan's digest stands for them.
const MOST_ITEMS: usize = 100;

/// Most characters of a name there: a record takes 64 KiB.
const MOST_NAME: usize = 200;

/// Key of the publication that an event is of: the time of its record.
const PUBLICATION: &str = "publication";

/// The same of one that an undo took back.
pub(super) const UNDOES: &str = "undoes";

/// Key of the publication that was not completed before, and whose changes are part of this one: the time of its record.
const CARRIES_ON: &str = "carriesOn";

/// The newest word of the ledger on a prefix; `None` where it has none.
///
/// # Errors
/// As [`told`].
pub(super) async fn newest(tree: &Tree, ledger: &Ledger) -> Result<Option<LedgerEvent>, Problem> {
    Ok(told(tree, ledger).await?.pop())
}

/// All that the ledger says of publications to a prefix, oldest first.
///
/// # Errors
/// A ledger that cannot be read.
pub(super) async fn told(tree: &Tree, ledger: &Ledger) -> Result<Vec<LedgerEvent>, Problem> {
    let events = ledger.events().await.map_err(|error| Problem::of(&error))?;
    // As the ledger writes it.
    let address = landfall_secret::escape(&tree.address().to_string(), 2_000);
    let is_of_it =
        |event: &LedgerEvent| event.kind == EventKind::Sync && event.target.as_deref() == Some(&*address);
    Ok(events.into_iter().filter(is_of_it).collect())
}

/// A publication as its records name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publication<'a> {
    /// The time of its record.
    pub(super) time: &'a str,
    /// That of the one that it carries on.
    pub(super) carries: Option<&'a str>,
}

/// Whether an event is of the publication whose record has this time.
pub(super) fn is_of(event: &LedgerEvent, time: &str) -> bool {
    event.details.get(PUBLICATION).is_some_and(|told| told == time)
}

/// Whether an event is of the taking back of that publication.
pub(super) fn takes_back(event: &LedgerEvent, time: &str) -> bool {
    event.details.get(UNDOES).is_some_and(|told| told == time)
}

/// Records what was published, by the publication whose record has this `time`, with the one that it `carries` on.
///
/// # Errors
/// What stands in the way of the record.
pub(super) async fn record(
    config: &Config,
    tree: &Tree,
    plan: &Plan,
    Publication { time, carries }: Publication<'_>,
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
        (PUBLICATION, json!(time)),
        ("plan", json!(plan.digest().to_string())),
        ("uploaded", json!(made(&applied.puts))),
        ("deleted", json!(made(&applied.deletes))),
        ("unchanged", json!(plan.unchanged)),
        ("region", json!(tree.region())),
    ] {
        draft.details.insert(key.to_owned(), value);
    }
    draft.details.extend(carries.map(|carries| (CARRIES_ON.to_owned(), json!(carries))));
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
