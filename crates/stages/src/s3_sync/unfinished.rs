//! A publication that was not completed: its record, which the next one carries on.

use landfall_artifacts::{Class, Problem};
use landfall_run::{Event, Run};
use landfall_s3_sync::tree::{Keep, Outline, Plan, RecordCopy, SyncRecord, Tree};

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
/// A record that cannot be read; a publication to another place, or with other old bytes, that would be lost by `plan`.
pub(super) async fn find(
    config: &Config,
    tree: &Tree,
    plan: &Plan,
    at_hand: Option<Outline>,
    run: &Run,
) -> Result<Before, Refusal> {
    let kept_in = config.keep.kept_in();
    if let Some(record) = &at_hand
        && !plan.is_empty()
        && !record.may_give_way_to(tree.address(), kept_in.as_ref())
    {
        return Err(Refusal::one(would_be_lost(record, config)));
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
    let at_hand =
        at_hand.filter(|record| !record.is_complete && record.address == address && !is_older(record));
    let open = match at_hand {
        // Of one that was completed nothing is carried on: its changes need not be in memory.
        Some(_) => Some(read_record(&config.record)?),
        None => beside.filter(|record: &SyncRecord| !record.is_complete && record.address == address),
    };
    let Some(open) = open else { return Ok(Before { open: None, copy }) };
    let text = format!("carrying on the publication of {}, which was not completed", open.time);
    run.progress().event(Event::Note(text));
    let open = tree.standing(open, plan, run).await.map_err(one)?;
    Ok(Before { open: Some(open), copy })
}

/// An incomplete record of another publication stands where this one's would: what it alone knows of would be lost.
fn would_be_lost(earlier: &Outline, config: &Config) -> Problem {
    let path = landfall_secret::escape(&config.record.to_string_lossy(), 200);
    let what = format!("{path} is the record of a publication to {} that was not completed", earlier.address);
    Problem::new("LF-SYNC-UNFINISHED", Class::Refused, what).with_remedy(
        "publish there again with the same --keep-old, which completes it; or take it back by --undo; or give another file by --record",
    )
}
