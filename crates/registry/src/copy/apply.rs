//! Doing what was planned: blobs first, the tag last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use landfall_artifacts::{Class, Digest, Explain as _, Problem, Reference};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Run};
use tokio::time::Instant;

use super::blob::{Arrived, Job};
use super::plan::{BlobState, CopyPlan, PlannedCopy, TargetState};
use super::request::Registries;
use crate::{Error, Put, Registry};

/// How one copy ended.
#[derive(Debug)]
pub struct CopyResult {
    /// The target.
    pub target: Reference,
    /// The image's digest.
    pub digest: Digest,
    /// How it ended.
    pub outcome: CopyOutcome,
    /// Bytes of blobs that were sent.
    pub sent_bytes: u64,
    /// Blobs that were sent.
    pub sent_blobs: usize,
    /// From the first request for it to the last answer; zero where none was needed.
    pub took: Duration,
    /// Why it failed.
    pub error: Option<Error>,
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

/// What was brought to the target by this run.
#[derive(Default)]
struct Brought {
    /// Target repository and digest.
    blobs: BTreeSet<(String, Digest)>,
    /// Those of them whose bytes were really sent, which is more than the target's word.
    sent: BTreeSet<(String, Digest)>,
    /// Target host and digest, and a repository there whose tagged image has it.
    homes: BTreeMap<(String, Digest), String>,
}

/// Copies what the plan says, image by image: blobs stream from source to target and are verified on their way; the tag is
/// written when all its blobs are there, and read back. The result of every planned copy is returned, in order.
///
/// A stop of the run abandons the blob in flight, which no tag names, and leaves the rest untried. Applying the same plan again,
/// or a new one, does what is left.
pub async fn apply(plan: &CopyPlan, registries: &Registries, run: &Run) -> Vec<CopyResult> {
    let mut brought = Brought::default();
    let mut results = Vec::new();
    let mut closed = false;
    for copy in &plan.copies {
        let mut result = CopyResult {
            target: copy.request.target.clone(),
            digest: copy.digest(),
            outcome: CopyOutcome::NotTried,
            sent_bytes: 0,
            sent_blobs: 0,
            took: Duration::ZERO,
            error: None,
        };
        if copy.target_state == TargetState::Same {
            result.outcome = CopyOutcome::Unchanged;
        } else if !closed && run.stop().requested().is_none() {
            let item = copy.request.target.to_string();
            run.progress()
                .event(Event::Started { item: item.clone(), size_bytes: Some(copy.bytes_to_send()) });
            let begun = Instant::now();
            let ended = copy_recorded(copy, registries, &mut brought, &mut result, run).await;
            result.took = begun.elapsed();
            match ended {
                Ok(outcome) => result.outcome = outcome,
                Err(error) => {
                    // Whoever closed the journal's door closed it for the others too.
                    closed = matches!(error, Error::Journal { .. });
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
            run.progress().event(Event::Finished { item, result: said.to_owned() });
        }
        results.push(result);
    }
    results
}

/// Intent, copy, outcome.
async fn copy_recorded(
    copy: &PlannedCopy,
    registries: &Registries,
    brought: &mut Brought,
    result: &mut CopyResult,
    run: &Run,
) -> Result<CopyOutcome, Error> {
    let target = copy.request.target.to_string();
    let effect = Effect {
        action: "PUT manifest".to_owned(),
        target: target.clone(),
        environment: copy.request.environment.as_ref().map(ToString::to_string),
        release: copy.request.release.as_ref().map(ToString::to_string),
        items: vec![EffectItem {
            name: copy.request.project.to_string(),
            version: Some(copy.request.version.clone()),
            digest: Some(copy.digest()),
        }],
    };
    let intent = run
        .journal()
        .intend(effect)
        .await
        .map_err(|cause| Error::Journal { target: target.clone(), cause })?;
    let ended = copy_image(copy, registries, brought, result, run).await;
    let outcome = match &ended {
        Ok(_) => EffectOutcome::Done,
        Err(error) => {
            let said = run.redactor().redact(&Problem::of(error).told());
            match error.class() {
                Class::Unknown => EffectOutcome::Unknown(said),
                _ => EffectOutcome::Failed(said),
            }
        }
    };
    if let Err(lost) = run.journal().outcome(intent, outcome).await {
        run.progress().event(Event::Warning(format!("the outcome for {target} was not recorded: {lost}")));
    }
    ended
}

async fn copy_image(
    copy: &PlannedCopy,
    registries: &Registries,
    brought: &mut Brought,
    result: &mut CopyResult,
    run: &Run,
) -> Result<CopyOutcome, Error> {
    let source = registries.get(copy.source.repository().host())?;
    let repository = copy.request.target.repository();
    let target = registries.get(repository.host())?;
    let not_tag = || Error::TargetNotTag { target: copy.request.target.to_string() };
    let tag = copy.request.target.tag().ok_or_else(not_tag)?;
    send_blobs(copy, source, target, brought, result, run, false).await?;
    // Somebody else may have written the tag since the plan was made.
    let wanted = copy.digest();
    match (target.observe_tag(repository.path(), tag, run).await?, copy.target_state) {
        (None, _) => {}
        (Some(held), _) if held == wanted => return Ok(CopyOutcome::Unchanged),
        (Some(held), TargetState::Other(planned)) if held == planned => {}
        (Some(held), _) => {
            return Err(Error::TagTaken { target: copy.request.target.to_string(), held, wanted });
        }
    }
    let put = match target.put_manifest(repository.path(), tag, &copy.manifest, run).await {
        // The target said that it had blobs and has them not (Artifactory): they are sent after all, once.
        Err(error) if lacks_blobs(&error) => {
            send_blobs(copy, source, target, brought, result, run, true).await?;
            target.put_manifest(repository.path(), tag, &copy.manifest, run).await?
        }
        other => other?,
    };
    for blob in &copy.blobs {
        let key = (repository.host().to_owned(), blob.descriptor.digest);
        brought.homes.entry(key).or_insert_with(|| repository.path().to_owned());
    }
    Ok(match put {
        Put::Written => CopyOutcome::Copied,
        Put::Already => CopyOutcome::Unchanged,
    })
}

/// Brings the blobs that the target lacks; in distrust, all whose bytes this run has not sent itself.
async fn send_blobs(
    copy: &PlannedCopy,
    source: &Registry,
    target: &Registry,
    brought: &mut Brought,
    result: &mut CopyResult,
    run: &Run,
    distrust: bool,
) -> Result<(), Error> {
    let repository = copy.request.target.repository();
    let from = copy.source.repository();
    for blob in &copy.blobs {
        let key = (repository.to_string(), blob.descriptor.digest);
        let there = if distrust {
            brought.sent.contains(&key)
        } else {
            blob.state == BlobState::Present || brought.blobs.contains(&key)
        };
        if there {
            continue;
        }
        let home = brought.homes.get(&(repository.host().to_owned(), blob.descriptor.digest));
        let own = (from.host() == repository.host()).then(|| from.path());
        let job = Job {
            source,
            source_path: from.path(),
            target,
            target_path: repository.path(),
            blob: &blob.descriptor,
            mount_from: home
                .map(String::as_str)
                .or(own)
                .filter(|home| !distrust && *home != repository.path()),
            distrust,
            label: copy.request.target.to_string(),
        };
        if let Arrived::Sent(bytes) = job.run(run).await? {
            result.sent_bytes = result.sent_bytes.saturating_add(bytes);
            result.sent_blobs += 1;
            brought.sent.insert(key.clone());
        }
        brought.blobs.insert(key);
    }
    Ok(())
}

fn lacks_blobs(error: &Error) -> bool {
    match error {
        Error::Answer { status: 400..=499, code: Some(code), said, .. } => {
            matches!(code.as_str(), "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN")
                || (code == "MANIFEST_INVALID" && said.contains("Failed to copy blob"))
        }
        _ => false,
    }
}
