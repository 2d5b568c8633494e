//! `landfall ledger checkpoint`: the ledger's newest number and digest in a second place, and what is kept there.

mod notes;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use landfall_artifacts::{Class, EventKind, LedgerCheckpoint, Problem};
use landfall_ledger::{Checkpoints, Draft, Head, Kept, Ledger, Place, PlaceError, ToKeep};
use landfall_run::{Event, Run};

pub use notes::Notes;

use crate::{Finished, Item, Outcome, Output, Refusal};

/// What a place of git notes begins with.
const NOTES: &str = "git-notes:";

/// A second place, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A folder, or `s3://bucket/prefix`.
    Stored(Place),
    /// `git-notes:` or `git-notes:COMMIT`: notes of this repo, new ones at that commit, else at `HEAD`.
    Notes {
        /// What names the commit; empty for `HEAD`.
        commit: String,
    },
}

impl FromStr for To {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match text.strip_prefix(NOTES) {
            Some(commit) => Ok(Self::Notes { commit: commit.to_owned() }),
            None => text.parse().map(Self::Stored),
        }
    }
}

/// A second place that can be read and added to.
#[derive(Debug)]
pub enum Second {
    /// A folder or a bucket.
    Stored(Checkpoints, Place),
    /// Notes of a repo.
    Notes(Box<Notes>),
}

impl Second {
    /// For people.
    pub fn place(&self) -> String {
        match self {
            Self::Stored(_, place) => place.to_string(),
            Self::Notes(notes) => notes.place(),
        }
    }

    /// All that is kept there.
    ///
    /// # Errors
    /// A place that cannot be read, a checkpoint that is none.
    pub async fn read(&self, run: &Run) -> Result<Vec<Kept>, Refusal> {
        match self {
            Self::Stored(checkpoints, _) => Ok(checkpoints.read().await?),
            Self::Notes(notes) => notes.read(run).await,
        }
    }

    async fn put(&self, checkpoint: &LedgerCheckpoint, run: &Run) -> Result<String, Refusal> {
        match self {
            Self::Stored(checkpoints, _) => Ok(checkpoints.put(checkpoint).await?),
            Self::Notes(notes) => notes.put(checkpoint, run).await,
        }
    }
}

/// Whether checkpoints there are apart from the ledger.
///
/// # Errors
/// `LF-LEDGER-SAME-PLACE`: who can change the one could change the other.
pub fn apart(to: &To, ledger: &Place) -> Result<(), Refusal> {
    match to {
        To::Stored(place) if place.overlaps(ledger) => Err(Refusal::of(&landfall_ledger::Error::SamePlace {
            place: place.to_string(),
            ledger: ledger.to_string(),
        })),
        To::Stored(_) | To::Notes { .. } => Ok(()),
    }
}

/// Holds the ledger against what a place keeps, keeps its newest record there too, and records that it did.
///
/// Idempotent: what was kept already, or tells of checkpoints alone, is not kept again. A run that ends between the keeping and the
/// record leaves a checkpoint that the ledger does not tell of, which is as good.
///
/// # Errors
/// A ledger that is damaged, has no record, or does not fit what is kept there; a place that cannot be read or written.
pub async fn run(second: &Second, ledger: &Ledger, output: &Output, run: &Run) -> Outcome {
    run.progress().event(Event::Phase { name: "verify".into(), items: None });
    let kept = second.read(run).await?;
    let (place, own) = (second.place(), ledger.place().to_string());
    let head = match ledger.to_keep(&kept).await? {
        ToKeep::Empty => {
            let what = format!("nothing is recorded in {own}");
            return Err(Refusal::one(Problem::new("LF-LEDGER-EMPTY", Class::Input, what).with_remedy(
                "name the product's ledger by --ledger, LANDFALL_LEDGER, or ledger.store in landfall.toml",
            )));
        }
        ToKeep::Nothing(head) => {
            if let (Second::Notes(notes), false) = (second, output.is_dry_run()) {
                // A run whose push failed has left its note in this clone alone.
                notes.push(run).await?;
            }
            let summary = format!("{place} keeps all of it already, up to record {}", head.sequence);
            return Ok(Finished { items: vec![item(&head, "unchanged")], summary, ..Finished::default() });
        }
        ToKeep::Newest(head) => head,
    };
    if output.is_dry_run() {
        let summary = format!("record {} would be kept in {place}", head.sequence);
        return Ok(Finished { items: vec![item(&head, "planned")], summary, ..Finished::default() });
    }
    let time = run.clock().now();
    let checkpoint =
        LedgerCheckpoint { sequence: head.sequence, digest: head.digest, ledger: own.clone(), time };
    let address = second.put(&checkpoint, run).await?;
    let mut finished = Finished {
        items: vec![item(&head, "kept").changed().with("address", address.as_str())],
        summary: format!("record {} is kept in {address}", head.sequence),
        ..Finished::default()
    };
    if let Err(error) = ledger.append(draft(&head, &address)).await {
        // The checkpoint stands, and is what counts.
        finished.problems.push(Problem::of(&error));
    }
    Ok(finished)
}

fn item(head: &Head, outcome: &'static str) -> Item {
    Item::new(format!("record {}", head.sequence), outcome).with("digest", head.digest.to_string())
}

fn draft(head: &Head, address: &str) -> Draft {
    let mut draft = Draft { target: Some(address.to_owned()), ..Draft::new(EventKind::Checkpoint) };
    draft.details.insert("sequence".to_owned(), head.sequence.into());
    draft.details.insert("digest".to_owned(), head.digest.to_string().into());
    draft
}
