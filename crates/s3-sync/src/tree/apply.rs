//! A plan made so: uploads, which S3 confirms, round by round, then deletions, then the manifest. What fails keeps what comes after it from being
//! begun.

use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_artifacts::{Class, Digest, Explain as _, Problem};
use landfall_aws::FailureKind;
use landfall_run::{EffectOutcome, Event, Run};

use super::etag::Etag;
use super::in_turn::in_turn;
use super::plan::Put;
use super::put::Written;
use super::{Plan, Rules, Source, Tree, TreeError};

/// Uploads that are on their way at a time; the limit of S3's rates slows them where S3 says so.
const AT_ONCE: usize = 32;

/// Failures after which no further upload is begun.
const ENOUGH_FAILURES: usize = 20;

/// Uploads that are shown one by one; of more only the bars move.
const MOST_SHOWN: usize = 200;

/// What a publication is for, as records name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The environment.
    pub environment: Option<String>,
    /// The release.
    pub release: Option<String>,
}

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is so, and S3 confirmed it.
    Made,
    /// It is not so.
    Failed,
    /// It may be so: no answer came, and it could not be read back.
    Unknown,
    /// It was not tried.
    NotTried,
}

/// One change of a plan, and what became of it.
#[derive(Debug)]
pub struct ChangeResult {
    /// What became of it.
    pub change: Change,
    /// The object's ETag after an upload.
    pub etag: Option<Etag>,
    /// SHA-256 of what was uploaded.
    pub sha256: Option<Digest>,
    /// Whether the ETag is no MD5, since the object is encrypted with a key of KMS or of its writer's.
    pub is_etag_opaque: bool,
    /// Why it is not so.
    pub error: Option<Box<TreeError>>,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Of each upload, in the plan's order.
    pub puts: Vec<ChangeResult>,
    /// Of each deletion, in the plan's order.
    pub deletes: Vec<ChangeResult>,
    /// Of the manifest; `None` where none is kept or it needs no change.
    pub manifest: Option<ChangeResult>,
    /// What kept deletions or the manifest from being begun.
    pub errors: Vec<TreeError>,
}

impl Applied {
    /// Whether everything that was planned is so.
    pub fn is_complete(&self) -> bool {
        let all = self.puts.iter().chain(&self.deletes).chain(&self.manifest);
        self.errors.is_empty() && all.into_iter().all(|one| one.change == Change::Made)
    }
}

impl ChangeResult {
    /// Nothing was done yet.
    fn not_tried() -> Self {
        Self { change: Change::NotTried, etag: None, sha256: None, is_etag_opaque: false, error: None }
    }

    pub(super) fn of(result: Result<Option<Written>, TreeError>) -> Self {
        let (written, error) = match result {
            Ok(written) => (written, None),
            Err(error) => (None, Some(error)),
        };
        let change = match error.as_ref() {
            None => Change::Made,
            Some(TreeError::Stopped { .. }) => Change::NotTried,
            Some(error) if error.class() == Class::Unknown => Change::Unknown,
            Some(_) => Change::Failed,
        };
        let is_etag_opaque = written.as_ref().is_some_and(|written| written.is_etag_opaque);
        let (etag, sha256) = written.map(|written| (written.etag, written.sha256)).unzip();
        Self { change, etag, sha256, is_etag_opaque, error: error.map(Box::new) }
    }
}

impl Tree {
    /// Makes a plan so. Uploads come first, several at a time, each only where its key is as it was seen, and what the rules let come last
    /// only when all before it was confirmed; deletions only when every upload was, each only where the object is the one that was listed; the
    /// manifest last. Repeating plan and apply does what is left.
    ///
    /// The guards must have been asked: nothing here counts deletions.
    pub async fn apply(
        &self,
        plan: &Plan,
        source: &Source,
        rules: &Rules,
        labels: &Labels,
        run: &Run,
    ) -> Applied {
        let mut applied = Applied::default();
        if let Err(error) = self.upload(plan, source, rules, labels, run, &mut applied).await {
            applied.errors.push(error);
            return applied;
        }
        let left = not_made(&applied.puts);
        if left > 0 {
            if !plan.deletes.is_empty() {
                applied.errors.push(TreeError::Withheld { what: "nothing was deleted", left });
            }
            return applied;
        }
        if let Err(error) = self.take_away(plan, labels, run, &mut applied).await {
            applied.errors.push(error);
            return applied;
        }
        let left = not_made(&applied.deletes);
        if left == 0 {
            applied.manifest = self.keep_manifest((plan, &applied.puts), source, rules, labels, run).await;
        } else if plan.manifest.is_some() {
            applied.errors.push(TreeError::Withheld { what: "the manifest was not written", left });
        }
        applied
    }

    async fn upload(
        &self,
        plan: &Plan,
        source: &Source,
        rules: &Rules,
        labels: &Labels,
        run: &Run,
        applied: &mut Applied,
    ) -> Result<(), TreeError> {
        if plan.puts.is_empty() {
            return Ok(());
        }
        if run.stop().requested().is_some() {
            return Err(TreeError::Stopped { address: self.address().to_string() });
        }
        let names = plan.puts.iter().map(|put| &*put.name);
        let intent = self.intend("PutObject", plan.digest(), names, labels, run).await?;
        let items = Some(plan.puts.len() as u64);
        run.progress().event(Event::Phase { name: "upload".into(), items });
        run.progress().event(Event::Total { bytes: plan.size_bytes(), items });
        let failures = AtomicUsize::new(0);
        applied.puts.reserve_exact(plan.puts.len());
        applied.puts.resize_with(plan.puts.len(), ChangeResult::not_tried);
        let mut before = 0;
        for round in 0..rules.rounds() {
            let of_round = || plan.puts.iter().enumerate().filter(|(_, put)| rules.round(&put.name) == round);
            let made = applied.puts.iter().filter(|result| result.change == Change::Made).count();
            if made < before && of_round().next().is_some() {
                let left = before - made;
                applied.errors.push(TreeError::Withheld { what: "what comes last was not uploaded", left });
                break;
            }
            before += of_round().count();
            let mut puts = of_round();
            let one = |(number, put)| {
                let upload = self.upload_one(put, plan, source, rules, &failures, run);
                async move { (number, upload.await) }
            };
            in_turn(
                AT_ONCE,
                || puts.next().map(one),
                |(number, result): (usize, _)| {
                    if let Some(slot) = applied.puts.get_mut(number) {
                        *slot = ChangeResult::of(result.map(Some));
                    }
                },
            )
            .await;
        }
        self.ended(intent, outcome(&applied.puts, run), run).await;
        Ok(())
    }

    async fn upload_one(
        &self,
        put: &Put,
        plan: &Plan,
        source: &Source,
        rules: &Rules,
        failures: &AtomicUsize,
        run: &Run,
    ) -> Result<Written, TreeError> {
        if failures.load(Ordering::Relaxed) >= ENOUGH_FAILURES {
            return Err(TreeError::Stopped { address: self.address().shown(&put.name) });
        }
        let item = put.name.to_string();
        let size_bytes = Some(put.size_bytes);
        run.progress().event(Event::Started { item: item.clone(), size_bytes });
        let written = self.put_file(source, put, rules, run).await;
        if let Err(error) = &written {
            // With keys that are over no other upload can do better.
            let weight = if ends_all(error) { ENOUGH_FAILURES } else { 1 };
            failures.fetch_add(weight, Ordering::Relaxed);
        }
        run.progress().event(if plan.puts.len() > MOST_SHOWN && written.is_ok() {
            Event::Closed { item }
        } else {
            let result = if written.is_ok() { "uploaded" } else { "was not uploaded" };
            Event::Finished { item, result: result.to_owned() }
        });
        written
    }

    async fn take_away(
        &self,
        plan: &Plan,
        labels: &Labels,
        run: &Run,
        applied: &mut Applied,
    ) -> Result<(), TreeError> {
        if plan.deletes.is_empty() {
            return Ok(());
        }
        if run.stop().requested().is_some() {
            return Err(TreeError::Stopped { address: self.address().to_string() });
        }
        let names = plan.deletes.iter().map(|extra| &*extra.name);
        let intent = self.intend("DeleteObjects", plan.digest(), names, labels, run).await?;
        run.progress().event(Event::Phase { name: "delete".into(), items: Some(plan.deletes.len() as u64) });
        let results = self.delete(&plan.deletes, run).await;
        applied.deletes = results.into_iter().map(|result| ChangeResult::of(result.map(|()| None))).collect();
        self.ended(intent, outcome(&applied.deletes, run), run).await;
        Ok(())
    }
}

pub(super) fn not_made(results: &[ChangeResult]) -> usize {
    results.iter().filter(|result| result.change != Change::Made).count()
}

/// How a batch ended, for the journal.
pub(super) fn outcome(results: &[ChangeResult], run: &Run) -> EffectOutcome {
    let left = not_made(results);
    if left == 0 {
        return EffectOutcome::Done;
    }
    let first = results.iter().find_map(|result| result.error.as_deref());
    let first = first.map(|error| run.redactor().redact(&Problem::of(error).told())).unwrap_or_default();
    let text = format!("{left} of {} were not made; {first}", results.len());
    if results.iter().any(|result| result.change == Change::Unknown) {
        EffectOutcome::Unknown(text)
    } else {
        EffectOutcome::Failed(text)
    }
}

/// Whether no other request can do better.
fn ends_all(error: &TreeError) -> bool {
    let kind = error.failure().map(|failure| failure.kind);
    matches!(
        kind,
        Some(FailureKind::Expired | FailureKind::Keys | FailureKind::Stopped | FailureKind::Untrusted)
    )
}
