//! Doing what was planned: what the schedule says next, until nothing is left.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use landfall_artifacts::{Class, Digest, Explain as _};
use landfall_run::{Event, Run};
use tokio::time::Instant;

use super::blob::{Arrived, Job};
use super::elsewhere::Elsewhere;
use super::image::{ImageJob, Sent};
use super::intents::Intents;
use super::plan::{CopyPlan, PlannedCopy, TargetState};
use super::registries::Registries;
use super::report::{Before, CopyOutcome, CopyReport, CopyResult, Moved};
use super::schedule::{BlobJob, Schedule, Task};
use crate::{Error, Flavour, Registry};

/// Copies what the plan says, many blobs at a time: each distinct blob goes over the wire once, from source to target without a
/// stop on the disk, verified on its way; a tag is written when all its blobs are there, and read back.
///
/// A stop of the run abandons the blobs in flight, which no tag names, and leaves the rest untried. Applying the same plan again,
/// or a new one, does what is left.
pub async fn apply(plan: &CopyPlan, registries: &Registries, run: &Run) -> CopyReport {
    apply_each(plan, registries, run, |_| {}).await
}

/// As [`apply`], and tells of each image when it has ended, in the order in which they end.
pub async fn apply_each(
    plan: &CopyPlan,
    registries: &Registries,
    run: &Run,
    mut each: impl FnMut(&CopyResult),
) -> CopyReport {
    let before = Before::of(run);
    let totals = plan.totals();
    run.progress().event(Event::Total { bytes: totals.send_bytes, items: Some(totals.send_blobs) });
    let mut engine = Engine::new(plan, registries, run);
    for result in &engine.results {
        if result.outcome == CopyOutcome::Unchanged {
            each(result);
        }
    }
    engine.work(&mut each).await;
    let mut images = engine.results;
    for (result, copy) in images.iter_mut().zip(&plan.copies) {
        result.moved.saved_bytes = saved_bytes(copy, result);
    }
    CopyReport { totals: before.totals(&images, run), images }
}

/// What ended, and how.
enum Ended {
    Blob(usize, Result<Arrived, Error>),
    Image(usize, Result<CopyOutcome, Error>, Moved),
}

type Begun<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;
type Running<'a> = FuturesUnordered<Begun<'a>>;

struct Engine<'a> {
    plan: &'a CopyPlan,
    registries: &'a Registries,
    run: &'a Run,
    schedule: Schedule,
    intents: Arc<Intents<'a>>,
    results: Vec<CopyResult>,
    begun: Vec<Option<Instant>>,
    sent: Sent,
    /// Where each blob can be had.
    sources: BTreeMap<Digest, Vec<(&'a Registry, &'a str)>>,
    mending: Arc<tokio::sync::Mutex<()>>,
    elsewhere: Arc<Elsewhere>,
}

impl<'a> Engine<'a> {
    fn new(plan: &'a CopyPlan, registries: &'a Registries, run: &'a Run) -> Self {
        let flavour = |host: &str| registries.get(host).map(Registry::flavour).unwrap_or_default();
        let schedule = Schedule::new(plan, plan.options.limits, |host| flavour(host) == Flavour::Ecr);
        let results = plan.copies.iter().map(|copy| CopyResult {
            target: copy.request.target.clone(),
            digest: copy.digest(),
            outcome: match copy.target_state {
                TargetState::Same => CopyOutcome::Unchanged,
                TargetState::Absent | TargetState::Other(_) => CopyOutcome::NotTried,
            },
            moved: Moved::default(),
            took: Duration::ZERO,
            error: None,
        });
        let mut sources: BTreeMap<Digest, Vec<(&Registry, &str)>> = BTreeMap::new();
        for copy in &plan.copies {
            let repository = copy.source.repository();
            let Ok(registry) = registries.get(repository.host()) else { continue };
            for blob in &copy.blobs {
                let known = sources.entry(blob.descriptor.digest).or_default();
                let is_new =
                    |one: &(&Registry, &str)| one.0.host() != registry.host() || one.1 != repository.path();
                if known.iter().all(is_new) {
                    known.push((registry, repository.path()));
                }
            }
        }
        Self {
            plan,
            registries,
            run,
            schedule,
            intents: Arc::new(Intents::new(plan, run)),
            results: results.collect(),
            begun: vec![None; plan.copies.len()],
            sent: Sent::default(),
            sources,
            mending: Arc::default(),
            elsewhere: Arc::default(),
        }
    }

    async fn work(&mut self, each: &mut impl FnMut(&CopyResult)) {
        let mut running: Running<'a> = FuturesUnordered::new();
        loop {
            if self.run.stop().requested().is_some() || self.intents.are_refused() {
                self.schedule.close();
            }
            while let Some(task) = self.schedule.next() {
                match self.begin(task) {
                    Ok(begun) => running.extend(begun),
                    Err(error) => self.ended(not_begun(task, error), each).await,
                }
            }
            let Some(ended) = running.next().await else { return };
            self.ended(ended, each).await;
        }
    }

    /// `None` where the plan has no such place, which the schedule never names.
    fn begin(&mut self, task: Task) -> Result<Option<Begun<'a>>, Error> {
        let now = Instant::now();
        match task {
            Task::Blob(number) => {
                let Some(job) = self.schedule.blobs.get(number).cloned() else { return Ok(None) };
                if let Some(begun) = self.begun.get_mut(job.copy) {
                    begun.get_or_insert(now);
                }
                let target = self.registries.get(job.target.host())?;
                let sources = self.sources.get(&job.blob.digest).cloned().unwrap_or_default();
                let kept = self.plan.kept.get(&job.blob.digest).cloned();
                let (intents, run) = (Arc::clone(&self.intents), self.run);
                let elsewhere = Arc::clone(&self.elsewhere);
                Ok(Some(Box::pin(async move {
                    if job.is_elsewhere && elsewhere.comes(&job, target, run).await {
                        return Ended::Blob(number, Ok(Arrived::There));
                    }
                    Ended::Blob(number, bring(&job, sources, target, kept, &intents, run).await)
                })))
            }
            Task::Image(at) => {
                let Some(copy) = self.plan.copies.get(at) else { return Ok(None) };
                if let Some(begun) = self.begun.get_mut(at) {
                    begun.get_or_insert(now);
                }
                let job = ImageJob {
                    copy,
                    source: self.registries.get(copy.source.repository().host())?,
                    target: self.registries.get(copy.request.target.repository().host())?,
                    sent: self.sent.clone(),
                    mending: Arc::clone(&self.mending),
                };
                let (intents, run) = (Arc::clone(&self.intents), self.run);
                Ok(Some(Box::pin(async move {
                    let mut moved = Moved::default();
                    let ended = match intents.ensure(at).await {
                        Ok(()) => job.run(&mut moved, run).await,
                        Err(error) => Err(error),
                    };
                    intents.outcome(at, ended.as_ref().err()).await;
                    Ended::Image(at, ended, moved)
                })))
            }
        }
    }

    async fn ended(&mut self, ended: Ended, each: &mut impl FnMut(&CopyResult)) {
        match ended {
            Ended::Blob(number, result) => self.blob_ended(number, result, each).await,
            Ended::Image(at, result, moved) => {
                if let Some(one) = self.results.get_mut(at) {
                    one.moved += moved;
                }
                if let Some(copy) = self.plan.copies.get(at) {
                    self.note_throttling(copy.request.target.repository().host());
                }
                self.schedule.image_ended(at, result.is_ok());
                self.image_over(at, result.map_err(Arc::new), each);
            }
        }
    }

    async fn blob_ended(
        &mut self,
        number: usize,
        result: Result<Arrived, Error>,
        each: &mut impl FnMut(&CopyResult),
    ) {
        let Some(job) = self.schedule.blobs.get(number).cloned() else { return };
        self.note_throttling(&job.source_host);
        self.note_throttling(job.target.host());
        let arrived = match result {
            Ok(arrived) => arrived,
            Err(error) => {
                let error = Arc::new(error);
                for at in self.schedule.blob_failed(number) {
                    // An image may want several blobs that fail.
                    if self.results.get(at).is_some_and(|result| result.error.is_none()) {
                        self.intents.outcome(at, Some(&error)).await;
                    }
                    self.image_over(at, Err(Arc::clone(&error)), each);
                }
                return;
            }
        };
        if let Some(one) = self.results.get_mut(job.copy) {
            match arrived {
                Arrived::Sent { bytes, .. } => {
                    one.moved.sent_bytes = one.moved.sent_bytes.saturating_add(bytes);
                    one.moved.sent_blobs += 1;
                    self.sent.note(job.target.to_string(), job.blob.digest);
                }
                Arrived::Mounted => one.moved.mounted_blobs += 1,
                Arrived::There => {}
            }
        }
        if let Arrived::Sent { mount_refused: true, .. } = arrived {
            self.schedule.mounts_refused(job.target.host());
        }
        self.schedule.blob_there(number);
    }

    /// An image is over, and its outcome on record: it is told.
    fn image_over(
        &mut self,
        at: usize,
        ended: Result<CopyOutcome, Arc<Error>>,
        each: &mut impl FnMut(&CopyResult),
    ) {
        let Some(result) = self.results.get_mut(at) else { return };
        // A blob that several images share may fail more than once for the same image.
        if result.error.is_some() {
            return;
        }
        // A stop found nothing done for this image yet.
        if let Err(error) = &ended
            && error.class() == Class::Interrupted
            && !self.intents.is_recorded(at)
        {
            return;
        }
        result.took = self.begun.get(at).copied().flatten().map(|begun| begun.elapsed()).unwrap_or_default();
        match ended {
            Ok(outcome) => result.outcome = outcome,
            Err(error) => {
                result.outcome = match error.class() {
                    Class::Unknown => CopyOutcome::Unknown,
                    _ => CopyOutcome::Failed,
                };
                result.error = Some(error);
            }
        }
        let said = match result.outcome {
            CopyOutcome::Copied => "copied",
            CopyOutcome::Unchanged => "there already",
            CopyOutcome::Failed | CopyOutcome::NotTried => "failed",
            CopyOutcome::Unknown => "unknown",
        };
        let item = result.target.to_string();
        self.run.progress().event(Event::Finished { item, result: said.to_owned() });
        each(result);
    }

    fn note_throttling(&mut self, host: &str) {
        if let Ok(registry) = self.registries.get(host) {
            self.schedule.throttled(host, registry.throttled());
        }
    }
}

/// Brings a blob, after the intent to put the image that it is counted for was recorded.
async fn bring(
    job: &BlobJob,
    sources: Vec<(&Registry, &str)>,
    target: &Registry,
    kept: Option<bytes::Bytes>,
    intents: &Intents<'_>,
    run: &Run,
) -> Result<Arrived, Error> {
    intents.ensure(job.copy).await?;
    let blob = Job {
        sources,
        target,
        target_path: job.target.path(),
        blob: &job.blob,
        kept,
        mount_from: job.mount_from.as_deref(),
        distrust: false,
    };
    blob.run(run).await
}

fn not_begun(task: Task, error: Error) -> Ended {
    match task {
        Task::Blob(number) => Ended::Blob(number, Err(error)),
        Task::Image(at) => Ended::Image(at, Err(error), Moved::default()),
    }
}

/// What an image that is at its target has of blobs that were not sent for it.
fn saved_bytes(copy: &PlannedCopy, result: &CopyResult) -> u64 {
    if !matches!(result.outcome, CopyOutcome::Copied | CopyOutcome::Unchanged) {
        return 0;
    }
    let all = copy.blobs.iter().fold(0u64, |sum, blob| sum.saturating_add(blob.descriptor.size_bytes));
    all.saturating_sub(result.moved.sent_bytes)
}
