//! The pages in a bucket.

use std::path::Path;

use landfall_artifacts::{Class, Mode, Problem};
use landfall_dashboard::{Layout, Site, build};
use landfall_run::{Run, human_bytes};
use landfall_s3_sync::tree::{Change, Labels, PlanOptions, RuleTexts, Rules, Source, Tree, TreeError};

use super::write;
use super::write::LIST;
use crate::{Finished, Item, Outcome, Output, Refusal};

/// What leads to pages of releases that may be new: uploaded when those are there. The index comes after everything else, so that it leads
/// nowhere that is not there, also where a publication is stopped or fails on its way.
const LEADS: &str = "{environment,events,figures,function,graveyard,names,promotions,releases}*";

/// Draws the site and makes a prefix hold it, by the engine of `s3-sync`: what is there already with its bytes is not sent again, nothing is
/// deleted, and the index comes last. Repeating it does what is left. Nothing is recorded in the ledger: the pages are made from it, and would tell of
/// themselves for ever.
///
/// Source: Amazon S3 API 2006-03-01, ListObjectsV2, PutObject.
///
/// # Errors
/// Pages that cannot be written to the disk, a listing that cannot be relied on: before anything is changed.
pub async fn publish(site: &Site, tree: &Tree, output: &Output, run: &Run) -> Outcome {
    let folder = tempfile::tempdir().map_err(|cause| {
        let what = format!("there is no folder for temporary files: {cause}");
        Refusal::one(Problem::new("LF-FILE-WRITE", Class::Defect, what))
    })?;
    let layout = Layout::default();
    let pages = build(site, &layout);
    write(folder.path(), &layout, &pages)?;
    if let Some(index) = pages.first() {
        landfall_artifacts::write_atomic(&folder.path().join(layout.index()), &index.bytes, Mode::Shared)?;
    }
    let rules = rules(&layout)?;
    let source = read(folder.path(), &rules, tree)?;
    let options = PlanOptions::default();
    let plan = tree.plan(&source, &rules, options, run).await.map_err(refusal)?;
    let (count, bytes) = (plan.puts.len(), human_bytes(plan.size_bytes()));
    if output.is_dry_run() {
        let summary = format!(
            "{count} files would be uploaded to {} ({bytes}), {} unchanged",
            tree.address(),
            plan.unchanged
        );
        return Ok(Finished::new(summary));
    }
    let labels = Labels { environment: None, release: None };
    let applied = tree.apply(&plan, &source, &rules, &labels, run).await;
    let mut finished = Finished::default();
    for (put, result) in plan.puts.iter().zip(&applied.puts) {
        let outcome = match result.change {
            Change::Made => "uploaded",
            Change::Failed => "failed",
            Change::Unknown => "unknown",
            Change::NotTried => "not-tried",
        };
        let mut item = Item::new(&*put.name, outcome);
        item.changed = result.change == Change::Made;
        match &result.error {
            Some(error) => finished.items.push(item.failed(Problem::of(error.as_ref()))),
            None => finished.items.push(item),
        }
    }
    finished.problems.extend(applied.errors.iter().map(|error| Problem::of(error)));
    let made = applied.puts.iter().filter(|one| one.change == Change::Made).count();
    finished.summary = format!(
        "{made} of {count} files uploaded to {} ({bytes}), {} unchanged",
        tree.address(),
        plan.unchanged
    );
    Ok(finished)
}

fn rules(layout: &Layout) -> Result<Rules, Refusal> {
    let texts = RuleTexts {
        headers: vec![
            "*.html=content-type: text/html; charset=utf-8".to_owned(),
            "*.css=content-type: text/css; charset=utf-8".to_owned(),
        ],
        // The list of our own is of no use to a reader.
        leave_out: vec![LIST.to_owned()],
        last: vec![format!("{}/{LEADS}", layout.folder()), format!("/{}", layout.index())],
        ..RuleTexts::default()
    };
    Rules::new(&texts).map_err(|errors| {
        let what = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Refusal::one(Problem::new("LF-DEFECT", Class::Defect, what))
    })
}

fn read(folder: &Path, rules: &Rules, tree: &Tree) -> Result<Source, Refusal> {
    Source::read(folder, rules, tree.address()).map_err(refusal)
}

fn refusal(errors: Vec<TreeError>) -> Refusal {
    Refusal(errors.iter().map(|error| Problem::of(error)).collect())
}
