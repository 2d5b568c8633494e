//! The second place of checkpoints, by options: a folder, a bucket, or git notes.

use std::path::Path;

use landfall_artifacts::{AccountId, Class, Problem};
use landfall_cli::{Opt, Values};
use landfall_ledger::{Checkpoints, Kept, Place};
use landfall_stages::Refusal;
use landfall_stages::checkpoint::{Notes, Second, To, apart};

use crate::{Context, aws, git};

/// How a place is written.
pub(super) const SHOWN: &str = "PLACE";

/// The account of a bucket of checkpoints.
pub(super) const OWNER: Opt =
    Opt::value("bucket-owner", "ID", "the AWS account that the checkpoints' bucket must belong to");

/// Options of notes that are pushed.
pub(super) const PUSHED: [Opt; 6] =
    [git::OPTIONS[1], git::OPTIONS[2], git::OPTIONS[3], git::OPTIONS[4], git::OPTIONS[5], git::OPTIONS[7]];

/// A place as it is written; what is odd about it is noted as a problem.
pub(super) fn place(values: &mut Values<'_>, option: &str, text: &str) -> Option<To> {
    match text.parse() {
        Ok(to) => Some(to),
        Err(cause) => {
            let cause: landfall_ledger::PlaceError = cause;
            let remedy = "give a folder, s3://bucket/prefix, or git-notes:";
            values.problem("LF-CONFIG", &format!("--{option}: {cause}"), Some(remedy.to_owned()));
            None
        }
    }
}

/// Opens a place for adding to it, after seeing that it is apart from the ledger.
///
/// # Errors
/// A place that is the ledger's own, keys that are missing, a repo that cannot be used.
pub(super) async fn for_writing(context: &Context, to: &To) -> Result<Second, Refusal> {
    apart(to, context.ledger.place())?;
    match to {
        To::Stored(place) => stored(context, place).await,
        To::Notes { commit } => {
            let values = context.values();
            let remote = values.text("remote").filter(|_| !values.is_on("no-push"));
            let deps = git::deps(&values, context.environment());
            let committer = git::committer(&values);
            let here = Path::new(".");
            let notes =
                Notes::for_writing(here, commit, remote.as_deref(), &committer, &deps, context.run()).await?;
            Ok(Second::Notes(Box::new(notes)))
        }
    }
}

/// All that is kept in places.
///
/// # Errors
/// As [`for_writing`]; a place that keeps nothing, which shows nothing.
pub(super) async fn kept(context: &Context, places: &[To]) -> Result<Vec<Kept>, Refusal> {
    let mut all = Vec::new();
    for to in places {
        apart(to, context.ledger.place())?;
        let second = match to {
            To::Stored(place) => stored(context, place).await?,
            To::Notes { .. } => {
                let variables = git::variables(context.environment());
                let notes = Notes::for_reading(Path::new("."), variables, context.run()).await?;
                Second::Notes(Box::new(notes))
            }
        };
        let kept = second.read(context.run()).await?;
        if kept.is_empty() {
            let remedy = match to {
                To::Stored(_) => "name the place that `landfall ledger checkpoint --to` was given",
                To::Notes { .. } => {
                    "fetch them: git fetch origin refs/notes/landfall:refs/notes/landfall, since a clone has none"
                }
            };
            return Err(Refusal::one(
                Problem::new(
                    "LF-LEDGER-NO-CHECKPOINT",
                    Class::Input,
                    format!("no checkpoint is kept in {}", second.place()),
                )
                .with_remedy(remedy),
            ));
        }
        all.extend(kept);
    }
    Ok(all)
}

async fn stored(context: &Context, place: &Place) -> Result<Second, Refusal> {
    let checkpoints = match place {
        Place::Folder(folder) => Checkpoints::in_folder(folder),
        Place::S3 { .. } => {
            let mut values = context.values();
            let owner: Option<AccountId> = values.parsed("bucket-owner");
            values.finish().map_err(Refusal)?;
            let config = aws::config(context, &context.http()?).await?;
            Checkpoints::at(place, &config, owner, context.run().clone())?
        }
    };
    Ok(Second::Stored(checkpoints, place.clone()))
}
