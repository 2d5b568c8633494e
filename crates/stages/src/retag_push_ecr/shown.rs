//! The plan and the result, for people and for the report.

use landfall_artifacts::Problem;
use landfall_registry::{CopyOutcome, CopyPlan, CopyReport, CopyTotals, TargetState};
use landfall_run::{Run, human_bytes};

use crate::table::table;
use crate::{Finished, Item};

/// The plan as a table, and what it comes to.
pub(super) fn foretell(plan: &CopyPlan, finished: &mut Finished) {
    let mut rows =
        vec![["image".to_owned(), "at the target".to_owned(), "to send".to_owned(), "of".to_owned()]];
    for copy in &plan.copies {
        let (outcome, state) = match copy.target_state {
            TargetState::Same => ("unchanged", "there already".to_owned()),
            TargetState::Absent => ("planned", "new".to_owned()),
            TargetState::Other(held) => ("planned", format!("replaces {}", held.short())),
        };
        let target = copy.request.target.to_string();
        rows.push([target.clone(), state, human_bytes(copy.bytes_to_send()), human_bytes(copy.size_bytes)]);
        let mut item = Item::new(target.clone(), outcome)
            .with("target", target)
            .with("source", copy.source.to_string())
            .with("digest", copy.digest().to_string())
            .with("bytesToSend", copy.bytes_to_send());
        if let Some(platform) = copy.platform {
            item = item.with("platform", platform.to_string());
        }
        finished.items.push(item);
    }
    finished.lines = table(&rows, 2);
    let totals = plan.totals();
    let requests: Vec<String> = plan
        .expected_requests()
        .into_iter()
        .map(|(kind, count)| format!("{count} {}", kind.trim_start_matches("registry.")))
        .collect();
    if !requests.is_empty() {
        finished.lines.push(format!("requests: {}", requests.join(", ")));
    }
    let mounts = match totals.mounts {
        0 => String::new(),
        count => format!(", {count} mounted"),
    };
    finished.summary = format!(
        "{} of {} images would be copied: {} in {} blobs{mounts}; {} need not be sent",
        totals.changes,
        totals.images,
        human_bytes(totals.send_bytes),
        totals.send_blobs,
        human_bytes(totals.saved_bytes)
    );
}

/// What was done.
pub(super) fn report(ended: &CopyReport, finished: &mut Finished, run: &Run) {
    let count = |outcome: CopyOutcome| ended.images.iter().filter(|result| result.outcome == outcome).count();
    for result in &ended.images {
        let moved = result.moved;
        let (word, text) = match result.outcome {
            CopyOutcome::Copied => (
                "copied",
                format!(
                    "copied, {} in {} blobs; {} were there",
                    human_bytes(moved.sent_bytes),
                    moved.sent_blobs,
                    human_bytes(moved.saved_bytes)
                ),
            ),
            CopyOutcome::Unchanged => ("unchanged", "was there already".to_owned()),
            CopyOutcome::Failed => ("failed", "was not copied".to_owned()),
            CopyOutcome::Unknown => ("unknown", "may have been copied".to_owned()),
            CopyOutcome::NotTried => ("not-tried", "was not tried".to_owned()),
        };
        let mut item = Item::new(result.target.to_string(), word)
            .with("digest", result.digest.to_string())
            .with("blobsSent", moved.sent_blobs)
            .with("blobsMounted", moved.mounted_blobs)
            .with("bytesSaved", moved.saved_bytes);
        item.changed = result.outcome == CopyOutcome::Copied;
        item.bytes = moved.sent_bytes;
        item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
        item.problem = result.error.as_deref().map(|error| Problem::of(error));
        finished.items.push(item);
        finished.lines.push(format!("{} {text}", result.target));
    }
    let left = count(CopyOutcome::NotTried);
    finished.note_stop(run, left);
    let totals = &ended.totals;
    if totals.moved.sent_blobs + totals.moved.mounted_blobs > 0 {
        finished.lines.push(moved(totals));
    }
    finished.summary = format!(
        "{} copied, {} unchanged, {} failed, {} unknown, {left} not tried; {} sent, {} saved",
        count(CopyOutcome::Copied),
        count(CopyOutcome::Unchanged),
        count(CopyOutcome::Failed),
        count(CopyOutcome::Unknown),
        human_bytes(totals.moved.sent_bytes),
        human_bytes(totals.moved.saved_bytes)
    );
}

/// What moved, how fast, and what it took.
fn moved(totals: &CopyTotals) -> String {
    let seconds = totals.took.as_secs_f64();
    let speed = human_bytes((totals.moved.sent_bytes as f64 / seconds.max(0.001)) as u64);
    let requests: u64 = totals.requests.values().sum();
    let mut parts = vec![
        format!("{} in {} blobs", human_bytes(totals.moved.sent_bytes), totals.moved.sent_blobs),
        format!("{seconds:.1} s, {speed}/s"),
        format!("{requests} requests"),
    ];
    let counted = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    parts.extend(counted(totals.moved.mounted_blobs as u64, "blobs mounted"));
    parts.extend(counted(totals.retries, "of them again"));
    parts.extend(counted(totals.throttled, "times throttled"));
    if totals.resumed_bytes > 0 {
        parts.push(format!("{} not fetched again after a break", human_bytes(totals.resumed_bytes)));
    }
    parts.join("; ")
}
