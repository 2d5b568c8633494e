//! `s3-sync --undo`: the state before a publication, by its record.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use landfall_artifacts::{EventKind, FileError, FileErrors, FileProblem, LedgerEvent, LedgerItem, Problem};
use landfall_ledger::{Draft, Ledger};
use landfall_run::Run;
use landfall_s3_sync::tree::{Applied, Change, ChangeResult, Labels, ReadChanges, SyncRecord, Tree, Undo};

use super::ledger::{UNDOES, is_of, newest, result_of, takes_back};
use super::{refusal, shown};
use crate::{Finished, Item, Outcome, Output, Target};

/// Reads a record, whole or in outline.
///
/// # Errors
/// A file that is not there, cannot be read, or breaks its format.
pub fn read_record<C: ReadChanges>(path: &Path) -> Result<SyncRecord<C>, FileError> {
    let shown_path = landfall_secret::escape(&path.to_string_lossy(), 300);
    let broken = |found: String, expected: &str| {
        FileError::Invalid(FileErrors::one(FileProblem {
            file: shown_path.clone(),
            pointer: String::new(),
            place: None,
            found,
            expected: expected.to_owned(),
        }))
    };
    let read = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => FileError::Missing { path: path.to_owned() },
        _ => FileError::Read { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(read)?;
    let size = file.metadata().map_err(read)?.len();
    if size > SyncRecord::MAX_BYTES {
        return Err(broken(format!("{size} bytes"), "the record of a publication"));
    }
    let record = SyncRecord::read(BufReader::new(file)).map_err(read)?;
    record.map_err(|why| broken(why, "the record of a publication, as s3-sync writes it"))
}

/// Puts everything back that a publication replaced or deleted, and deletes what it created; refused as a whole where somebody else changed any
/// of it since. Repeating it changes nothing.
///
/// # Errors
/// Objects that are not as the publication left them, and old bytes that were not kept: before anything is changed.
pub async fn run_undo(
    target: &Target,
    (record, path): (&SyncRecord, &Path),
    tree: &Tree,
    ledger: &Ledger,
    output: &Output,
    run: &Run,
) -> Outcome {
    let undo = tree.undo_plan(record, run).await.map_err(refusal)?;
    let mut finished = Finished { release: target.release.clone(), ..Finished::default() };
    for restore in &undo.restores {
        finished.lines.push(format!("< {}", landfall_secret::escape(&restore.name, 300)));
    }
    for extra in &undo.removes {
        finished.lines.push(format!("- {}", landfall_secret::escape(&extra.name, 300)));
    }
    if output.is_dry_run() {
        let restores =
            undo.restores.iter().map(|one| Item::new(one.name.as_str(), "planned").with("action", "restore"));
        let removes =
            undo.removes.iter().map(|one| Item::new(&*one.name, "planned").with("action", "delete"));
        finished.items.extend(restores.chain(removes));
        finished.summary = format!(
            "{} would be put back, {} deleted, {} are as before; {}",
            undo.restores.len(),
            undo.removes.len(),
            undo.unchanged,
            tree.address()
        );
        return Ok(finished);
    }
    let labels = Labels {
        environment: target.environment_text(),
        release: target.release.as_ref().map(ToString::to_string),
    };
    let applied = tree.undo(&undo, &labels, run).await;
    let told = match is_news(record, tree, &undo, &applied, ledger).await {
        Ok(true) => note(target, record, tree, &undo, &applied, ledger).await,
        Ok(false) => Ok(()),
        Err(problem) => Err(problem),
    };
    finished.problems.extend(told.err());
    if applied.is_complete() && !record.is_complete {
        // Taken back, it is not carried on by the next publication.
        match super::close_record(path) {
            Ok(file) => finished.files.push(file),
            Err(error) => finished.problems.push(Problem::of(&error)),
        }
    }
    let made = |results: &[landfall_s3_sync::tree::ChangeResult]| {
        results.iter().filter(|one| one.error.is_none()).count()
    };
    finished.summary = format!(
        "{} put back, {} deleted, {} are as before; {}",
        made(&applied.puts),
        made(&applied.deletes),
        undo.unchanged,
        tree.address()
    );
    let left = undo.restores.len() + undo.removes.len() - made(&applied.puts) - made(&applied.deletes);
    finished.note_stop(run, left);
    let restores = undo.restores.iter().zip(applied.puts);
    finished.items.extend(restores.map(|(one, result)| shown::item(&one.name, result, "restored")));
    let removes = undo.removes.iter().zip(applied.deletes);
    finished.items.extend(removes.map(|(one, result)| shown::item(&one.name, result, "deleted")));
    if let Some(manifest) = applied.manifest {
        finished.items.push(shown::item(landfall_s3_sync::tree::MANIFEST_NAME, manifest, "corrected"));
    }
    shown::add_errors(applied.errors, &mut finished);
    Ok(finished)
}

/// Whether the ledger has to be told: of what was tried, and where all is as before, if its newest word is that the publication stands, or
/// that taking it back failed. A run that was killed, or could not record, had taken it back.
async fn is_news(
    record: &SyncRecord,
    tree: &Tree,
    undo: &Undo,
    applied: &Applied,
    ledger: &Ledger,
) -> Result<bool, Problem> {
    if !undo.is_empty() {
        return Ok(true);
    }
    let newest = newest(tree, ledger).await?;
    let is_untold = |event: LedgerEvent| {
        is_of(&event, &record.time)
            || (takes_back(&event, &record.time) && event.outcome != Some(result_of(applied)))
    };
    Ok(newest.is_some_and(is_untold))
}

/// An undo is a publication too: that of the state before.
async fn note(
    target: &Target,
    record: &SyncRecord,
    tree: &Tree,
    undo: &Undo,
    applied: &Applied,
    ledger: &Ledger,
) -> Result<(), Problem> {
    let item = |name: &str, word: &str, digest| LedgerItem {
        target: Some(word.to_owned()),
        digest,
        ..LedgerItem::new(landfall_secret::escape(name, 200))
    };
    let is_made = |result: &ChangeResult| result.change == Change::Made;
    let restores = undo.restores.iter().zip(&applied.puts).filter(|(_, result)| is_made(result));
    let restores = restores.map(|(one, _)| item(&one.name, "put back", one.before.sha256));
    let removes = undo.removes.iter().zip(&applied.deletes).filter(|(_, result)| is_made(result));
    let removes = removes.map(|(one, _)| item(&one.name, "deleted", None));
    let draft = Draft {
        release: target.release.clone(),
        environment: target.environment.clone(),
        target: Some(tree.address().to_string()),
        outcome: Some(result_of(applied)),
        items: restores.chain(removes).take(100).collect(),
        reason: Some(format!("undo of the publication of {}", record.time)),
        details: [(UNDOES.to_owned(), record.time.as_str().into())].into(),
        ..Draft::new(EventKind::Sync)
    };
    ledger.append(draft).await.map(drop).map_err(|error| Problem::of(&error))
}
