//! The ledger's word for what was promoted.

use landfall_artifacts::{
    EffectResult, EventKind, ImageLock, LedgerEvent, LedgerItem, LockedImage, Problem, ReleaseId,
};
use landfall_ledger::{Draft, Ledger};

use super::record::There;
use super::{Config, Way};

/// Items in one event at most.
const MOST_ITEMS: usize = 100;

/// Records what is at the target, unless the ledger says so already: so also what an earlier run promoted and could not record.
///
/// # Errors
/// What could not be recorded.
pub(super) async fn record(
    config: &Config,
    way: &Way,
    ledger: &Ledger,
    release: &ReleaseId,
    there: Vec<There>,
    lock: Option<&ImageLock>,
) -> Result<(), Vec<Problem>> {
    if there.is_empty() {
        return Ok(());
    }
    let events = ledger.events().await.map_err(|error| vec![Problem::of(&error)])?;
    let news: Vec<LedgerItem> = there
        .into_iter()
        .map(|one| item(one, lock))
        .filter(|item| !is_recorded(&events, release, item))
        .collect();
    if news.is_empty() {
        return Ok(());
    }
    let draft = Draft {
        release: Some(release.clone()),
        environment: config.target.environment.clone(),
        items: news,
        reason: Some(format!("{}: {} to {}", config.promotion_type, way.source(), way.target())),
        ..Draft::new(EventKind::Promotion)
    };
    let mut problems = Vec::new();
    for part in draft.in_parts(MOST_ITEMS) {
        if let Err(error) = ledger.append(part).await {
            problems.push(Problem::of(&error));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The content is recorded as deployments record it: by the digest of the image, also where the tag names an index that it was
/// chosen from, whose digest then stands behind the target.
fn item(there: There, lock: Option<&ImageLock>) -> LedgerItem {
    let There { asked, target, digest } = there;
    let chosen = lock.and_then(|lock| {
        let is_it = |image: &&LockedImage| {
            image.project == asked.project && image.source_index == Some(digest) && image.digest != digest
        };
        lock.images.iter().find(is_it)
    });
    LedgerItem {
        name: asked.project.to_string(),
        version: Some(asked.version),
        project: Some(asked.project),
        lambda: None,
        target: Some(match chosen {
            Some(_) => format!("{target}@{digest}"),
            None => target,
        }),
        digest: Some(chosen.map_or(digest, |image| image.digest)),
        before: None,
    }
}

/// Whether a promotion of this release that put this content there is on record.
fn is_recorded(events: &[LedgerEvent], release: &ReleaseId, item: &LedgerItem) -> bool {
    let told = |event: &&LedgerEvent| {
        event.kind == EventKind::Promotion
            && event.outcome.is_none_or(|outcome| outcome == EffectResult::Done)
            && event.release.as_ref() == Some(release)
    };
    let same = |known: &LedgerItem| {
        (&known.name, &known.target, known.digest) == (&item.name, &item.target, item.digest)
    };
    events.iter().filter(told).any(|event| event.items.iter().any(same))
}
