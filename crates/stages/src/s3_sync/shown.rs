//! What people and reports are told of a publication.

use landfall_artifacts::{Class, Explain as _, Problem};
use landfall_run::{Run, human_bytes};
use landfall_s3_sync::tree::{
    Applied, Change, ChangeResult, Etag, Extra, Plan, Put, Source, Tree, TreeError, Why,
};

use super::Config;
use crate::{Finished, Item};

/// Changes that are shown to people one by one.
const MOST_LINES: usize = 200;

/// Changes that stand in the report one by one; the record has all of them.
const MOST_ITEMS: usize = 10_000;

/// Things the reader should look at although all is well.
pub(super) fn warn(plan: &Plan, source: &Source, finished: &mut Finished) {
    if source.is_empty() && !plan.is_deleting {
        finished.warnings.push(format!("{} holds no file to be published", source.path().display()));
    }
    let bare = plan.deletes.iter().filter(|extra| extra.listed.etag == Etag::Missing).count()
        + plan
            .puts
            .iter()
            .filter(|put| put.before.as_ref().is_some_and(|before| before.etag == Etag::Missing))
            .count();
    if bare > 0 {
        finished.warnings.push(format!(
            "this store gives no ETags: what somebody else changes there meanwhile is not noticed ({bare} objects)"
        ));
    }
}

fn put_line(put: &Put) -> String {
    let name = landfall_secret::escape(&put.name, 300);
    let size = human_bytes(put.size_bytes);
    match (put.why, &put.before) {
        (Why::New, _) => format!("+ {name}  {size}"),
        (Why::Headers, _) => format!("~ {name}  headers"),
        (Why::Content, Some(before)) if before.size_bytes != put.size_bytes => {
            format!("~ {name}  {} -> {size}", human_bytes(before.size_bytes))
        }
        (Why::Content, _) => format!("~ {name}  {size}, other bytes"),
    }
}

fn delete_line(extra: &Extra) -> String {
    format!("- {}  {}", landfall_secret::escape(&extra.name, 300), human_bytes(extra.listed.size_bytes))
}

fn add_lines(plan: &Plan, finished: &mut Finished) {
    // Deletions are shown first where not all is shown: they are what is looked for.
    let deletes = plan.deletes.iter().map(delete_line);
    let puts = plan.puts.iter().map(put_line);
    finished.lines.extend(deletes.chain(puts).take(MOST_LINES));
    let more = (plan.puts.len() + plan.deletes.len()).saturating_sub(MOST_LINES);
    if more > 0 {
        finished.lines.push(format!("and {more} more changes"));
    }
}

fn rest(plan: &Plan) -> String {
    let mut rest = format!("{} unchanged", plan.unchanged);
    for (number, what) in [(plan.extras, "without a file stay"), (plan.left_out, "left out by rules")] {
        if number > 0 {
            rest.push_str(&format!(", {number} {what}"));
        }
    }
    rest
}

/// The plan of a dry run.
pub(super) fn foretell(plan: &Plan, config: &Config, tree: &Tree, finished: &mut Finished) {
    add_lines(plan, finished);
    finished.summary = format!(
        "{} would be uploaded ({}), {} deleted, {}; {}",
        plan.puts.len(),
        human_bytes(plan.size_bytes()),
        plan.deletes.len(),
        rest(plan),
        tree.address()
    );
    if plan.writes_manifest() {
        finished.lines.push(format!("and the manifest {}", landfall_s3_sync::tree::MANIFEST_NAME));
    }
    let puts = plan.puts.iter().map(|put| {
        let why = why(put.why);
        Item::new(&*put.name, "planned")
            .with("action", "upload")
            .with("why", why)
            .with("sizeBytes", put.size_bytes)
    });
    let deletes = plan.deletes.iter().map(|extra| {
        let size = extra.listed.size_bytes;
        Item::new(&*extra.name, "planned").with("action", "delete").with("sizeBytes", size)
    });
    finished.items.extend(deletes.chain(puts).take(MOST_ITEMS));
    finished.items.push(counts(plan, "planned").with("limit", config.guards.max_deletes.of(plan.objects)));
}

fn why(why: Why) -> &'static str {
    match why {
        Why::New => "new",
        Why::Content => "content",
        Why::Headers => "headers",
    }
}

/// The numbers of the whole, and the digest that names the plan.
fn counts(plan: &Plan, word: &'static str) -> Item {
    Item::new("plan", word)
        .with("plan", plan.digest().to_string())
        .with("uploads", plan.puts.len())
        .with("deletes", plan.deletes.len())
        .with("unchanged", plan.unchanged)
        .with("withoutFile", plan.extras)
        .with("leftOut", plan.left_out)
        .with("objects", plan.objects)
}

/// What became of a plan.
pub(super) fn report(plan: Plan, applied: Applied, tree: &Tree, run: &Run, finished: &mut Finished) {
    add_lines(&plan, finished);
    let count = |results: &[ChangeResult], change: Change| {
        results.iter().filter(|result| result.change == change).count()
    };
    let all = |change| count(&applied.puts, change) + count(&applied.deletes, change);
    let planned = plan.puts.len() + plan.deletes.len();
    let untried = planned - all(Change::Made) - all(Change::Failed) - all(Change::Unknown);
    finished.note_stop(run, untried);
    let mut summary = format!(
        "{} uploaded, {} deleted, {}",
        count(&applied.puts, Change::Made),
        count(&applied.deletes, Change::Made),
        rest(&plan)
    );
    for (number, what) in
        [(all(Change::Failed), "failed"), (all(Change::Unknown), "unknown"), (untried, "not tried")]
    {
        if number > 0 {
            summary.push_str(&format!(", {number} {what}"));
        }
    }
    finished.summary = format!("{summary}; {}", tree.address());
    finished.items.push(counts(&plan, if plan.is_empty() { "unchanged" } else { "compared" }));
    let is_all_ok = applied.is_complete();
    let puts = plan.puts.iter().zip(applied.puts).map(|(put, result)| {
        let mut item =
            item(&put.name, result, "uploaded").with("why", why(put.why)).with("sizeBytes", put.size_bytes);
        item.bytes = if item.changed { put.size_bytes } else { 0 };
        item
    });
    let deletes =
        plan.deletes.iter().zip(applied.deletes).map(|(extra, result)| item(&extra.name, result, "deleted"));
    // Deletions are what is looked for where not all is shown.
    let most_puts = if is_all_ok { MOST_ITEMS.saturating_sub(plan.deletes.len()) } else { usize::MAX };
    let items = puts.take(most_puts).chain(deletes);
    if is_all_ok {
        finished.items.extend(items.take(MOST_ITEMS));
    } else {
        // What failed must not be lost among what did not.
        let (failed, well): (Vec<Item>, Vec<Item>) = items.partition(|item| item.problem.is_some());
        finished.items.extend(failed.into_iter().chain(well).take(MOST_ITEMS));
    }
    if let Some(manifest) = applied.manifest {
        finished.items.push(item(landfall_s3_sync::tree::MANIFEST_NAME, manifest, "uploaded"));
    }
    add_errors(applied.errors, finished);
}

/// What kept deletions from being begun: that the run was stopped is said once for all.
pub(super) fn add_errors(errors: Vec<TreeError>, finished: &mut Finished) {
    let told = errors.iter().filter(|error| error.class() != Class::Interrupted);
    finished.problems.extend(told.map(|error| Problem::of(error)));
}

/// One change, in the report.
pub(super) fn item(name: &str, result: ChangeResult, made: &'static str) -> Item {
    let word = match result.change {
        Change::Made => made,
        Change::Failed => "failed",
        Change::Unknown => "unknown",
        Change::NotTried => "not-tried",
    };
    let mut item = Item::new(landfall_secret::escape(name, 300), word);
    item.changed = result.change == Change::Made;
    if let Some(sha256) = result.sha256 {
        item = item.with("sha256", sha256.hex());
    }
    let error = result.error.filter(|error| error.class() != Class::Interrupted);
    item.problem = error.map(|error| Problem::of(&*error));
    item
}
