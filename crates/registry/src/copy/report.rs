//! How a batch ended: image by image, and in total.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Digest, Reference};
use landfall_run::Run;

use crate::Error;

/// How a batch ended.
#[derive(Debug)]
pub struct CopyReport {
    /// Image by image, in the order of the plan.
    pub images: Vec<CopyResult>,
    /// All of it together.
    pub totals: CopyTotals,
}

/// How one copy ended.
#[derive(Clone, Debug)]
pub struct CopyResult {
    /// The target.
    pub target: Reference,
    /// The image's digest.
    pub digest: Digest,
    /// How it ended.
    pub outcome: CopyOutcome,
    /// What happened to its blobs. A blob that several images share is counted at the first of them.
    pub moved: Moved,
    /// From the first request for it to the last answer; zero where none was needed.
    pub took: Duration,
    /// Why it failed. Images that share a blob share its error.
    pub error: Option<Arc<Error>>,
}

/// What happened to blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes of blobs that were sent.
    pub sent_bytes: u64,
    /// Blobs that were sent.
    pub sent_blobs: usize,
    /// Bytes of blobs that did not have to be sent: they were there, came with another image, or were mounted.
    pub saved_bytes: u64,
    /// Blobs that the target took over from another repository of its own.
    pub mounted_blobs: usize,
}

/// A whole batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyTotals {
    /// What happened to blobs.
    pub moved: Moved,
    /// Requests by kind, such as `registry.blob.GET`, while the plan was applied.
    pub requests: BTreeMap<String, u64>,
    /// Requests that were made again.
    pub retries: u64,
    /// Answers by which a registry said that it was asked too much.
    pub throttled: u64,
    /// Bytes that broken downloads did not have to fetch again.
    pub resumed_bytes: u64,
    /// From beginning to end.
    pub took: Duration,
}

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyOutcome {
    /// The target names the image now, and was read back.
    Copied,
    /// It named it already.
    Unchanged,
    /// It does not name it.
    Failed,
    /// What the target names could not be found out.
    Unknown,
    /// The run ended before it was tried.
    NotTried,
}

impl CopyReport {
    /// Whether every image is at its target.
    pub fn is_complete(&self) -> bool {
        self.images.iter().all(|image| matches!(image.outcome, CopyOutcome::Copied | CopyOutcome::Unchanged))
    }
}

impl std::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Self) {
        self.sent_bytes = self.sent_bytes.saturating_add(other.sent_bytes);
        self.sent_blobs += other.sent_blobs;
        self.saved_bytes = self.saved_bytes.saturating_add(other.saved_bytes);
        self.mounted_blobs += other.mounted_blobs;
    }
}

/// The counters of a run at one moment.
pub(super) struct Before {
    requests: BTreeMap<String, u64>,
    retries: u64,
    throttled: u64,
    resumed: u64,
    at: tokio::time::Instant,
}

impl Before {
    pub(super) fn of(run: &Run) -> Self {
        let counters = run.counters();
        Self {
            requests: counters.requests(),
            retries: counters.retries(),
            throttled: counters.throttled(),
            resumed: counters.resumed(),
            at: tokio::time::Instant::now(),
        }
    }

    /// What came since.
    pub(super) fn totals(&self, images: &[CopyResult], run: &Run) -> CopyTotals {
        let counters = run.counters();
        let mut requests = counters.requests();
        for (kind, count) in &self.requests {
            if let Some(now) = requests.get_mut(kind) {
                *now = now.saturating_sub(*count);
            }
        }
        requests.retain(|_, count| *count > 0);
        let mut moved = Moved::default();
        for image in images {
            moved += image.moved;
        }
        CopyTotals {
            moved,
            requests,
            retries: counters.retries().saturating_sub(self.retries),
            throttled: counters.throttled().saturating_sub(self.throttled),
            resumed_bytes: counters.resumed().saturating_sub(self.resumed),
            took: self.at.elapsed(),
        }
    }
}
