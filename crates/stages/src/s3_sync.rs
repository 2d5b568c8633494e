//! `s3-sync`: makes the prefix of a bucket hold what a folder holds, and goes back again.

mod diff;
mod going_back;
mod ledger;
mod places;
mod shown;
#[cfg(test)]
mod tests;
mod unfinished;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, FileError, Mode, Problem, WrittenFile, write_atomic_by};
use landfall_ledger::Ledger;
use landfall_run::Run;
use landfall_s3_sync::tree::{
    Applied, Change, Guards, Keep, Labels, Outline, Plan, PlanOptions, RecordCopy, Rules, Source, SyncRecord,
    Tree, TreeError,
};

use self::ledger::Publication;
use crate::{Finished, Outcome, Output, Refusal, Target};
pub use going_back::{read_record, run_undo};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// The folder.
    pub folder: PathBuf,
    /// What of it is published, and with which headers.
    pub rules: Rules,
    /// How the plan is made.
    pub options: PlanOptions,
    /// What limits deletions.
    pub guards: Guards,
    /// Where old bytes are kept.
    pub keep: Keep,
    /// The record of what is changed, which an undo needs.
    pub record: PathBuf,
    /// Whether differences of texts are shown.
    pub diff: bool,
}

impl Config {
    fn labels(&self) -> Labels {
        Labels {
            environment: self.target.environment_text(),
            release: self.target.release.as_ref().map(ToString::to_string),
        }
    }
}

/// Input: a folder. Acts on: the prefix. Plans by one listing, asks the guards, keeps old bytes, writes the record, and then uploads, deletes and
/// writes the manifest, in this order; what fails keeps what comes after it from being begun. Repeating it does what is left.
///
/// Source: Amazon S3 API 2006-03-01, ListObjectsV2, PutObject, DeleteObjects.
///
/// # Errors
/// A source that cannot be published whole, a listing that cannot be relied on, deletions that the guards forbid, old bytes that
/// cannot be kept: before anything is changed.
pub async fn run(config: &Config, tree: &Tree, ledger: &Ledger, output: &Output, run: &Run) -> Outcome {
    let problems =
        places::problems((&config.folder, tree.address()), &config.record, &config.keep, ledger.place());
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    let source = read_source(config, tree).await?;
    let plan = tree.plan(&source, &config.rules, config.options, run).await.map_err(refusal)?;
    let forbidden = config.guards.check(&plan, &source, &config.rules, tree.address());
    let mut finished = Finished { release: config.target.release.clone(), ..Finished::default() };
    shown::warn(&plan, &source, &mut finished);
    if config.diff {
        diff::show(&plan, &source, tree, &mut finished, run).await?;
    }
    if output.is_dry_run() {
        // What is forbidden is shown with what it forbids.
        shown::foretell(&plan, config, tree, &mut finished);
        let Refusal(problems) = refusal(forbidden);
        finished.problems = problems;
        return Ok(finished);
    }
    if !forbidden.is_empty() {
        return Err(refusal(forbidden));
    }
    let (record, copy) = keep(config, tree, &source, &plan, ledger, run).await?;
    let applied = tree.apply(&plan, &source, &config.rules, &config.labels(), run).await;
    let mut written = None;
    if let Some(record) = record {
        // The ledger is told before the record is closed: a run that finds it open tells what this one could not.
        let told = tell(config, tree, &plan, record.publication(), &applied, ledger).await;
        match told {
            Ok(()) if applied.is_complete() => match close_record(&config.record) {
                Ok(file) => {
                    written = Some(file);
                    if let Some(mut copy) = copy
                        && let Err(error) = copy.put(&config.record, &config.labels(), run).await
                    {
                        finished.problems.push(Problem::of(&error));
                    }
                }
                Err(error) => finished.problems.push(Problem::of(&error)),
            },
            Ok(()) => written = record.written,
            Err(problem) => {
                finished.problems.push(problem);
                written = record.written;
            }
        }
    }
    finished.files.extend(written);
    shown::report(plan, applied, tree, run, &mut finished);
    Ok(finished)
}

async fn read_source(config: &Config, tree: &Tree) -> Result<Source, Refusal> {
    let (folder, rules) = (config.folder.clone(), config.rules.clone());
    let address = tree.address().clone();
    let read = tokio::task::spawn_blocking(move || Source::read(&folder, &rules, &address)).await;
    let read = read.map_err(|_| {
        Refusal::one(Problem::new("LF-DEFECT", Class::Defect, "the folder could not be read"))
    })?;
    read.map_err(refusal)
}

/// Tells the ledger of a publication: of what was tried, or where nothing was left to do and the ledger does not know how it ended, of that.
/// A run that was killed, or could not record, had made it.
///
/// # Errors
/// A ledger that cannot be read, or not be written.
async fn tell(
    config: &Config,
    tree: &Tree,
    plan: &Plan,
    publication: Publication<'_>,
    applied: &Applied,
    ledger: &Ledger,
) -> Result<(), Problem> {
    let is_news = if plan.is_empty() {
        let newest = ledger::newest(tree, ledger).await?;
        let result = Some(ledger::result_of(applied));
        !newest.is_some_and(|event| ledger::is_of(&event, publication.time) && event.outcome == result)
    } else {
        applied.puts.iter().chain(&applied.deletes).any(|one| one.change != Change::NotTried)
    };
    if is_news { ledger::record(config, tree, plan, publication, applied, ledger).await } else { Ok(()) }
}

/// Keeps old bytes and writes the record, where there is anything to change; where they are kept below a prefix, a copy of it too. The record
/// is not kept in memory while the plan is made so: it may be of a hundred thousand changes.
async fn keep(
    config: &Config,
    tree: &Tree,
    source: &Source,
    plan: &Plan,
    ledger: &Ledger,
    run: &Run,
) -> Result<(Option<Record>, Option<RecordCopy>), Refusal> {
    let (earlier, unreadable): (Option<Outline>, _) = match read_record(&config.record) {
        Ok(record) => (Some(record), None),
        Err(FileError::Missing { .. }) => (None, None),
        Err(error) if plan.is_empty() => (None, Some(error)),
        Err(error) => return Err(error.into()),
    };
    let unfinished::Before { open, mut copy } =
        unfinished::find(config, tree, plan, earlier, ledger, run).await?;
    if plan.is_empty() {
        // A publication that was killed after its last change is complete: the next one does not carry it on.
        let Some(open) = open else { return Ok((None, None)) };
        // Nobody knows what stands in a file that cannot be read: it is not written over.
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        write_atomic_by(&config.record, Mode::Shared, |to| open.write(to))?;
        return Ok((Some(Record { time: open.time, carries: None, written: None }), copy));
    }
    let (rules, labels) = (&config.rules, config.labels());
    let kept = tree.keep(plan, source, rules, &config.keep, &labels, run).await.map_err(refusal)?;
    let carries = open.as_ref().map(|open| open.time.clone());
    let record = kept.carrying_on(open);
    let written = write_atomic_by(&config.record, Mode::Shared, |to| record.write(to))?;
    if let Some(copy) = &mut copy {
        copy.put(&config.record, &labels, run).await.map_err(|error| refusal(vec![error]))?;
    }
    Ok((Some(Record { time: record.time, carries, written: Some(written) }), copy))
}

/// The record of what is under way.
struct Record {
    /// Its time, which names the publication.
    time: String,
    /// That of the one before, which was not completed and whose changes are in the record too.
    carries: Option<String>,
    /// The file, where it was just written; `None` where it is that of an earlier run, which had made everything and could not say so.
    written: Option<WrittenFile>,
}

impl Record {
    fn publication(&self) -> Publication<'_> {
        Publication { time: &self.time, carries: self.carries.as_deref() }
    }
}

/// Notes in the record's file that everything was made so.
fn close_record(path: &Path) -> Result<WrittenFile, FileError> {
    write_atomic_by(path, Mode::Shared, |to| SyncRecord::complete(&mut BufReader::new(File::open(path)?), to))
}

fn refusal(errors: Vec<TreeError>) -> Refusal {
    Refusal(errors.iter().map(|error| Problem::of(error)).collect())
}
