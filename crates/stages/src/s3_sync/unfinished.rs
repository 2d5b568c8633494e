//! A publication that was not completed: its record, which the next one carries on.

use landfall_artifacts::{Class, EffectResult, Problem};
use landfall_ledger::Ledger;
use landfall_run::{Event, Run};
use landfall_s3_sync::tree::{Keep, Outline, Plan, RecordCopy, SyncRecord, Tree};

use super::ledger::{is_of, takes_back, told};
use super::{Config, read_record, refusal};
use crate::Refusal;

/// What is known of the publication before this one.
pub(super) struct Before {
    /// Its record, where it was not completed, with what of it still stands.
    pub(super) open: Option<SyncRecord>,
    /// Where a copy of this one's record goes.
    pub(super) copy: Option<RecordCopy>,
}

/// Looks for it beside the old bytes, where those are kept below a prefix, since the last run may have been on another machine; and at hand.
///
/// # Errors
/// A record, or a ledger, that cannot be read; a publication to another place, or with other old bytes, whose record would be lost.
pub(super) async fn find(
    config: &Config,
    tree: &Tree,
    plan: &Plan,
    at_hand: Option<Outline>,
    ledger: &Ledger,
    run: &Run,
) -> Result<Before, Refusal> {
    let kept_in = config.keep.kept_in();
    let is_in_the_way = |record: &&Outline| !record.may_give_way_to(tree.address(), kept_in.as_ref());
    let in_the_way = at_hand.as_ref().filter(is_in_the_way).map(|record| would_be_lost(record, config));
    if let Some(problem) = in_the_way.as_ref().filter(|_| !plan.is_empty()) {
        return Err(Refusal::one(problem.clone()));
    }
    let one = |error| refusal(vec![error]);
    let (copy, beside) = match &config.keep {
        Keep::Prefix(below) => {
            let (copy, record) = tree.record_copy(below, run).await.map_err(one)?;
            (Some(copy), record)
        }
        Keep::Nothing | Keep::Folder(_) | Keep::Versions => (None, None),
    };
    // What stands beside the old bytes is of the last run that kept any there, also where one at hand is older.
    let is_older = |record: &Outline| beside.is_some() && record.kept_in == kept_in;
    let address = tree.address().to_string();
    // The copy is written last: one that is still open there may be closed at hand, by its end or by an undo.
    let closed = at_hand.as_ref().filter(|record| record.is_complete && record.address == address);
    let closed = closed.map(|record| record.time.clone());
    let at_hand =
        at_hand.filter(|record| !record.is_complete && record.address == address && !is_older(record));
    let open = match at_hand {
        // Of one that was completed nothing is carried on: its changes need not be in memory.
        Some(_) => Some(read_record(&config.record)?),
        None => beside.filter(|record: &SyncRecord| {
            !record.is_complete && record.address == address && closed.as_ref() != Some(&record.time)
        }),
    };
    let Some(open) = open else { return Ok(Before { open: None, copy }) };
    if is_settled(&open, tree, plan, ledger).await.map_err(Refusal::one)? {
        return Ok(Before { open: None, copy });
    }
    if let Some(problem) = in_the_way {
        return Err(Refusal::one(problem));
    }
    let text = format!("carrying on the publication of {}, which was not completed", open.time);
    run.progress().event(Event::Note(text));
    let open = tree.standing(open, plan, run).await.map_err(one)?;
    Ok(Before { open: Some(open), copy })
}

/// Whether the ledger knows how it ended for good: that it was taken back, or that it was made whole and what is planned now is another
/// one. Where nothing is planned it is still to be closed.
async fn is_settled(open: &SyncRecord, tree: &Tree, plan: &Plan, ledger: &Ledger) -> Result<bool, Problem> {
    let told = told(tree, ledger).await?;
    Ok(told
        .iter()
        .filter(|event| event.outcome == Some(EffectResult::Done))
        .any(|event| takes_back(event, &open.time) || (!plan.is_empty() && is_of(event, &open.time))))
}

/// An incomplete record of another publication stands where this one's would: what it alone knows of would be lost.
fn would_be_lost(earlier: &Outline, config: &Config) -> Problem {
    let path = landfall_secret::escape(&config.record.to_string_lossy(), 200);
    let what = format!("{path} is the record of a publication to {} that was not completed", earlier.address);
    Problem::new("LF-SYNC-UNFINISHED", Class::Refused, what).with_remedy(
        "publish there again with the same --keep-old, which completes it; or take it back by --undo; or give another file by --record",
    )
}
