//! What would be published to S3.

use landfall_artifacts::{PlannedJob, ReportItem};
use landfall_run::{counted, human_bytes};

use super::{Block, folded, safe};

/// The numbers, and deletions before uploads: they are what is looked for.
pub(super) fn blocks(job: &PlannedJob, full: bool) -> Vec<Block> {
    let does = |item: &&ReportItem, word: &str| {
        item.details.get("action").and_then(|action| action.as_str()) == Some(word)
    };
    let size = |item: &ReportItem| {
        item.details.get("sizeBytes").and_then(serde_json::Value::as_u64).unwrap_or_default()
    };
    let uploads: Vec<&ReportItem> = job.items.iter().filter(|item| does(item, "upload")).collect();
    let deletes: Vec<&ReportItem> = job.items.iter().filter(|item| does(item, "delete")).collect();
    let Some(whole) = job.items.iter().find(|item| item.details.contains_key("uploads")) else {
        return Vec::new();
    };
    let number = |key: &str| {
        whole
            .details
            .get(key)
            .and_then(serde_json::Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or_default()
    };
    let bytes = uploads.iter().fold(0_u64, |sum, item| sum.saturating_add(size(item)));
    let fact = format!(
        "{} ({}), {}, {} unchanged",
        counted(number("uploads"), "upload"),
        human_bytes(bytes),
        counted(number("deletes"), "delete"),
        number("unchanged")
    );
    let line = |sign: &str, item: &ReportItem| {
        let why = item.details.get("why").and_then(|why| why.as_str()).unwrap_or_default();
        let sign = if why == "new" { "+" } else { sign };
        format!("{sign} {}  {}", safe(&item.name, 300), human_bytes(size(item)))
    };
    let lines = deletes.iter().map(|item| line("-", item)).chain(uploads.iter().map(|item| line("~", item)));
    vec![Block::Fact("configuration", fact), Block::Lines(folded(lines.collect(), full))]
}
