//! Looking at sources and targets of a whole batch, reading only.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::FutureExt as _;
use landfall_artifacts::{Digest, Platform, Reference};
use landfall_run::Run;

use super::at_once::at_once;
use super::choose::{self, Chosen, Held, Inspected};
use super::plan::{CopyPlan, PlanProblem, PlannedBlob, PlannedCopy, TargetState};
use super::presence::{self, Present, Wish};
use super::registries::Registries;
use super::request::{Choose, CopyOptions, CopyRequest};
use super::targets::{self, Target};
use super::ways::BlobState;
use crate::{Error, Manifest, Registry};

/// Configurations up to this size are kept from the plan on, so that they need not be fetched again.
const KEPT_CONFIG_BYTES: usize = 64 << 10;
/// All kept configurations together.
const KEPT_BYTES: usize = 4 << 20;

/// A request with its two registries.
struct Checked {
    at: usize,
    request: CopyRequest,
    source: Registry,
    target: Target,
}

/// A request of which it is known what is to be copied.
struct Observed {
    checked: Checked,
    chosen: Chosen,
    state: TargetState,
}

/// What a batch came to so far.
#[derive(Default)]
struct Batch {
    problems: Vec<PlanProblem>,
}

impl Batch {
    fn problem(&mut self, checked: &Checked, error: Error) {
        let target = checked.request.target.clone();
        self.problems.push(PlanProblem { request: checked.at, target, error });
    }
}

/// Looks at all sources and targets, reading only, and plans the copies. Every problem of every image is found, save that an
/// image that is not there cannot be looked into.
pub async fn plan_copies(
    requests: Vec<CopyRequest>,
    registries: &Registries,
    options: CopyOptions,
    run: &Run,
) -> CopyPlan {
    let mut batch = Batch::default();
    let checked = check_all(requests, registries, &mut batch);
    let observed = observe_all(checked, registries, options, &mut batch, run).await;
    // Side by side: neither needs what the other one finds.
    let (inspected, present) =
        tokio::join!(inspect(&observed, options, run), present(&observed, registries, options, run));
    let mut copies: Vec<PlannedCopy> = Vec::new();
    let mut first_at = None;
    let mut kept = Kept::default();
    for (one, inspected) in observed.into_iter().zip(inspected) {
        match inspected {
            Ok(inspected) => {
                if let Some((digest, bytes)) = &inspected.config {
                    kept.keep(*digest, bytes);
                }
                first_at.get_or_insert(one.checked.at);
                copies.push(planned(one, inspected.platform));
            }
            Err(error) => batch.problem(&one.checked, error),
        }
    }
    if let Err(error) = find_platform(&mut copies, options, registries, run).await
        && let (Some(request), Some(first)) = (first_at, copies.first())
    {
        batch.problems.push(PlanProblem { request, target: first.request.target.clone(), error });
        copies.remove(0);
    }
    batch.problems.sort_by_key(|problem| problem.request);
    let mut plan = CopyPlan {
        copies,
        problems: batch.problems,
        options,
        kept: kept.blobs,
        present,
        elsewhere: Present::new(),
    };
    plan.find_ways();
    if options.look_for_attached {
        plan.note_attached(registries, run).await;
    }
    plan
}

fn check_all(requests: Vec<CopyRequest>, registries: &Registries, batch: &mut Batch) -> Vec<Checked> {
    let mut sources: BTreeMap<Reference, Reference> = BTreeMap::new();
    let mut checked = Vec::new();
    for (at, request) in requests.into_iter().enumerate() {
        let target = request.target.clone();
        match check(at, request, registries, &mut sources) {
            Ok(Some(one)) => checked.push(one),
            Ok(None) => {}
            Err(error) => batch.problems.push(PlanProblem { request: at, target, error }),
        }
    }
    checked
}

/// `None` where the very same was asked for before.
fn check(
    at: usize,
    request: CopyRequest,
    registries: &Registries,
    sources: &mut BTreeMap<Reference, Reference>,
) -> Result<Option<Checked>, Error> {
    let not_tag = || Error::TargetNotTag { target: request.target.to_string() };
    let tag = request.target.tag().cloned().ok_or_else(not_tag)?;
    let source = registries.get(request.source.repository().host())?.clone();
    let registry = registries.get(request.target.repository().host())?.clone();
    match sources.get(&request.target) {
        Some(first) if *first == request.source => return Ok(None),
        Some(first) => {
            return Err(Error::TargetTwice {
                target: request.target.to_string(),
                first: first.to_string(),
                second: request.source.to_string(),
            });
        }
        None => sources.insert(request.target.clone(), request.source.clone()),
    };
    let target = Target { registry, reference: request.target.clone(), tag };
    Ok(Some(Checked { at, request, source, target }))
}

async fn observe_all(
    checked: Vec<Checked>,
    registries: &Registries,
    options: CopyOptions,
    batch: &mut Batch,
    run: &Run,
) -> Vec<Observed> {
    let limit = options.limits.lookups;
    let tags: Vec<Target> = checked.iter().map(|one| one.target.clone()).collect();
    let reading = checked.iter().map(|one| read_source(one, run).boxed()).collect();
    let (manifests, mut found) =
        tokio::join!(at_once(limit, reading), targets::tags(&tags, registries, limit, run));
    let mut readable = Vec::new();
    for (one, manifest) in checked.into_iter().zip(manifests) {
        match manifest {
            Ok(manifest) => readable.push((one, manifest)),
            Err(error) => batch.problem(&one, error),
        }
    }
    readable.retain(|(one, _)| {
        if let Some(error) = found.failed.remove(&one.request.target) {
            batch.problem(one, error);
            return false;
        }
        let repository = one.request.target.repository().to_string();
        let Some(lacking) = found.lacking.get_mut(&repository) else { return true };
        if let Some(error) = lacking.take() {
            batch.problem(one, error);
        }
        false
    });
    let held = &found.held;
    let look = |(one, manifest): (Checked, Manifest)| {
        async move {
            let held = held.get(&one.request.target);
            let result = observe(&one, manifest, held, options, run).await;
            (one, result)
        }
        .boxed()
    };
    let looking = readable.into_iter().map(look).collect();
    let mut observed = Vec::new();
    for (checked, result) in at_once(limit, looking).await {
        match result {
            Ok((chosen, state)) => observed.push(Observed { checked, chosen, state }),
            Err(error) => batch.problem(&checked, error),
        }
    }
    observed
}

async fn read_source(checked: &Checked, run: &Run) -> Result<Manifest, Error> {
    let reference = &checked.request.source;
    let path = reference.repository().path();
    let manifest = match checked.source.get_manifest(path, reference.version(), run).await {
        Ok(Some(manifest)) => manifest,
        // A project that was never pushed has no repository yet: for the reader it is the image that is missing.
        Ok(None) | Err(Error::RepositoryMissing { .. }) => {
            return Err(Error::ImageMissing { reference: reference.to_string() });
        }
        Err(error) => return Err(error),
    };
    match checked.request.pinned {
        Some(planned) if planned != manifest.digest => {
            Err(Error::SourceMoved { reference: reference.to_string(), planned, found: manifest.digest })
        }
        Some(_) | None => Ok(manifest),
    }
}

async fn observe(
    checked: &Checked,
    manifest: Manifest,
    held: Option<&Held>,
    options: CopyOptions,
    run: &Run,
) -> Result<(Chosen, TargetState), Error> {
    let path = checked.request.source.repository().path();
    let chosen = choose::choose(&checked.source, path, manifest, held, options.choose, run).await?;
    let wanted = chosen.manifest.digest;
    let state = match held.map(|held| held.digest) {
        None => TargetState::Absent,
        Some(held) if held == wanted => TargetState::Same,
        Some(held) if options.overwrite => TargetState::Other(held),
        Some(held) => {
            return Err(Error::TagTaken { target: checked.request.target.to_string(), held, wanted });
        }
    };
    Ok((chosen, state))
}

async fn inspect(observed: &[Observed], options: CopyOptions, run: &Run) -> Vec<Result<Inspected, Error>> {
    let look = |one: &Observed| {
        let (source, chosen) = (one.checked.source.clone(), one.chosen.clone());
        let path = one.checked.request.source.repository().path().to_owned();
        let is_held = one.state == TargetState::Same;
        async move { choose::inspect(&source, &path, &chosen, is_held, options.choose, run).await }.boxed()
    };
    at_once(options.limits.lookups, observed.iter().map(look).collect()).await
}

/// The blobs that target repositories have, those of images that are there included.
async fn present(observed: &[Observed], registries: &Registries, options: CopyOptions, run: &Run) -> Present {
    let (same, changed): (Vec<&Observed>, Vec<&Observed>) =
        observed.iter().partition(|one| one.state == TargetState::Same);
    let wishes: Vec<Wish<'_>> =
        changed.iter().map(|one| Wish { target: &one.checked.target, chosen: &one.chosen }).collect();
    let mut present = presence::look(&wishes, registries, options.limits.lookups, run).await;
    present.extend(same.iter().flat_map(|one| {
        let repository = one.checked.request.target.repository();
        one.chosen.blobs.iter().map(|blob| (repository.clone(), blob.digest))
    }));
    present
}

/// How its blobs get to the target is decided for all copies together, when all are known.
fn planned(one: Observed, platform: Option<Platform>) -> PlannedCopy {
    let Observed { checked, chosen, state } = one;
    let blobs = chosen.blobs.into_iter();
    PlannedCopy {
        source: checked.request.source.repository().pinned(chosen.manifest.digest),
        request: checked.request,
        source_index: chosen.source_index,
        platform,
        manifest: chosen.manifest,
        children: chosen.children,
        size_bytes: chosen.size_bytes,
        target_state: state,
        blobs: blobs.map(|descriptor| PlannedBlob { descriptor, state: BlobState::Needed }).collect(),
        warnings: chosen.warnings,
    }
}

/// Where no platform was set and all images are there already, one of them says which it is.
///
/// # Errors
/// Where it cannot be read: whoever records the platform must not guess it.
async fn find_platform(
    copies: &mut [PlannedCopy],
    options: CopyOptions,
    registries: &Registries,
    run: &Run,
) -> Result<(), Error> {
    if options.choose != Choose::Lambda(None) || copies.iter().any(|copy| copy.platform.is_some()) {
        return Ok(());
    }
    let Some(first) = copies.first_mut() else { return Ok(()) };
    let source = first.source.repository();
    let registry = registries.get(source.host())?;
    first.platform = Some(choose::platform_of(registry, source.path(), &first.manifest, run).await?);
    Ok(())
}

/// Configurations that are kept, within bounds.
#[derive(Default)]
struct Kept {
    blobs: BTreeMap<Digest, Bytes>,
    bytes: usize,
}

impl Kept {
    fn keep(&mut self, digest: Digest, bytes: &Bytes) {
        if bytes.len() <= KEPT_CONFIG_BYTES && self.bytes + bytes.len() <= KEPT_BYTES {
            self.bytes += bytes.len();
            self.blobs.insert(digest, bytes.clone());
        }
    }
}
