//! Looking at sources and targets of a whole batch, and what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{Digest, PinnedReference, Reference, Tag};
use landfall_run::Run;

use super::request::{CopyOptions, CopyRequest, Registries};
use crate::{Descriptor, Error, Flavour, LambdaImage, Manifest, Registry, resolve_for_lambda};

/// Images that are looked at at once.
const IMAGES_AT_ONCE: usize = 4;
/// Blobs that are looked for at once.
const BLOBS_AT_ONCE: usize = 8;

/// What is to be done, and all that stands in the way.
#[derive(Debug)]
pub struct CopyPlan {
    /// The copies without a problem, in the order of the requests.
    pub copies: Vec<PlannedCopy>,
    /// The problems of the others. Nothing should be applied while there is one.
    pub problems: Vec<PlanProblem>,
}

/// A request that cannot be done, and why.
#[derive(Debug)]
pub struct PlanProblem {
    /// The place of the request in the batch, from zero.
    pub request: usize,
    /// Its target.
    pub target: Reference,
    /// Why not.
    pub error: Error,
}

/// One copy.
#[derive(Clone, Debug)]
pub struct PlannedCopy {
    /// What was asked for.
    pub request: CopyRequest,
    /// The image at its source, by digest.
    pub source: PinnedReference,
    /// The digest of the index that it was chosen from, where the source is one.
    pub source_index: Option<Digest>,
    /// The manifest that is copied, byte for byte.
    pub manifest: Manifest,
    /// Manifest, configuration and layers together, each once, in bytes.
    pub size_bytes: u64,
    /// What the target tag names now.
    pub target_state: TargetState,
    /// The blobs of the image, each once.
    pub blobs: Vec<PlannedBlob>,
    /// What works and may not work well.
    pub warnings: Vec<String>,
}

/// What a target tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// Nothing.
    Absent,
    /// The image already: there is nothing to do.
    Same,
    /// Other content, which may be replaced.
    Other(Digest),
}

/// A blob of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBlob {
    /// The blob.
    pub descriptor: Descriptor,
    /// Where it is.
    pub state: BlobState,
}

/// Where a blob is, seen from the target repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// There already.
    Present,
    /// An earlier image of the plan brings it.
    Earlier,
    /// It has to be sent.
    Needed,
}

impl CopyPlan {
    /// Whether nothing stands in the way.
    pub fn is_clear(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many images have to be copied.
    pub fn changes(&self) -> usize {
        self.copies.iter().filter(|copy| copy.target_state != TargetState::Same).count()
    }

    /// Bytes of blobs that have to be sent.
    pub fn bytes_to_send(&self) -> u64 {
        self.copies.iter().map(PlannedCopy::bytes_to_send).fold(0, u64::saturating_add)
    }
}

impl PlannedCopy {
    /// The digest of the image, the same at source and target.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// Bytes of blobs that have to be sent for this image.
    pub fn bytes_to_send(&self) -> u64 {
        let needed = self.blobs.iter().filter(|blob| blob.state == BlobState::Needed);
        needed.map(|blob| blob.descriptor.size_bytes).fold(0, u64::saturating_add)
    }
}

/// A request with its two registries and its tag.
struct Checked {
    at: usize,
    request: CopyRequest,
    source: Registry,
    target: Registry,
    tag: Tag,
}

/// A request of which all is known but its blobs.
struct Observed {
    checked: Checked,
    found: LambdaImage,
    held: Option<Digest>,
}

/// Looks at all sources and targets, reading only, and plans the copies. Every problem of every image is found, save that an
/// image that is not there cannot be looked into.
pub async fn plan_copies(
    requests: Vec<CopyRequest>,
    registries: &Registries,
    options: CopyOptions,
    run: &Run,
) -> CopyPlan {
    let mut problems = Vec::new();
    let mut checked = Vec::new();
    let mut sources: BTreeMap<Reference, Reference> = BTreeMap::new();
    for (at, request) in requests.into_iter().enumerate() {
        let target = request.target.clone();
        match check(at, request, registries, &mut sources) {
            Ok(one) => checked.push(one),
            Err(error) => problems.push(PlanProblem { request: at, target, error }),
        }
    }
    let looking = checked.into_iter().map(|one| observe(one, options, run.clone()));
    let looked: Vec<_> = stream::iter(looking).buffered(IMAGES_AT_ONCE).collect().await;
    let mut observed = Vec::new();
    for (at, target, result) in looked {
        match result {
            Ok(one) => observed.push(one),
            Err(error) => problems.push(PlanProblem { request: at, target, error }),
        }
    }
    let mut lacking = missing_repositories(&observed, run).await;
    observed.retain(|one| {
        let repository = one.checked.request.target.repository().to_string();
        let Some(problem) = lacking.get_mut(&repository) else { return true };
        // One missing repository is one problem, however many images are for it.
        problems.extend(problem.take().map(|error| PlanProblem {
            request: one.checked.at,
            target: one.checked.request.target.clone(),
            error,
        }));
        false
    });
    let present = present_blobs(&observed, run).await;
    let mut planned = BTreeSet::new();
    let mut copies = Vec::new();
    for one in observed {
        let (at, target) = (one.checked.at, one.checked.request.target.clone());
        match plan_one(one, options, &present, &mut planned) {
            Ok(copy) => copies.push(copy),
            Err(error) => problems.push(PlanProblem { request: at, target, error }),
        }
    }
    problems.sort_by_key(|problem| problem.request);
    CopyPlan { copies, problems }
}

fn check(
    at: usize,
    request: CopyRequest,
    registries: &Registries,
    sources: &mut BTreeMap<Reference, Reference>,
) -> Result<Checked, Error> {
    let not_tag = || Error::TargetNotTag { target: request.target.to_string() };
    let tag = request.target.tag().cloned().ok_or_else(not_tag)?;
    let source = registries.get(request.source.repository().host())?.clone();
    let target = registries.get(request.target.repository().host())?.clone();
    let first = sources.entry(request.target.clone()).or_insert_with(|| request.source.clone());
    if *first != request.source {
        return Err(Error::TargetTwice {
            target: request.target.to_string(),
            first: first.to_string(),
            second: request.source.to_string(),
        });
    }
    Ok(Checked { at, request, source, target, tag })
}

async fn observe(
    checked: Checked,
    options: CopyOptions,
    run: Run,
) -> (usize, Reference, Result<Observed, Error>) {
    let (at, target) = (checked.at, checked.request.target.clone());
    let result = observe_one(&checked, options, &run).await;
    (at, target, result.map(|(found, held)| Observed { checked, found, held }))
}

async fn observe_one(
    checked: &Checked,
    options: CopyOptions,
    run: &Run,
) -> Result<(LambdaImage, Option<Digest>), Error> {
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
    let found = resolve_for_lambda(&checked.source, path, manifest, options.platform, run).await?;
    let held =
        checked.target.observe_tag(checked.request.target.repository().path(), &checked.tag, run).await?;
    Ok((found, held))
}

/// Repositories that have to exist beforehand and do not.
async fn missing_repositories(observed: &[Observed], run: &Run) -> BTreeMap<String, Option<Error>> {
    let mut asked = BTreeSet::new();
    let mut missing = BTreeMap::new();
    for one in observed {
        let repository = one.checked.request.target.repository();
        let name = repository.to_string();
        let strict = one.checked.target.flavour() == Flavour::Ecr;
        if !strict || one.held.is_some() || !asked.insert(name.clone()) {
            continue;
        }
        match one.checked.target.lacks_repository(repository.path(), &one.checked.tag, run).await {
            Ok(false) => {}
            Ok(true) => {
                missing.insert(name.clone(), Some(Error::RepositoryMissing { repository: name }));
            }
            Err(error) => {
                missing.insert(name, Some(error));
            }
        }
    }
    missing
}

/// Repository and digest of what is there already. A blob that cannot be looked for counts as missing: sending it shows why.
async fn present_blobs(observed: &[Observed], run: &Run) -> BTreeSet<(String, Digest)> {
    let mut wanted = BTreeMap::new();
    for one in observed.iter().filter(|one| one.held != Some(one.found.manifest.digest)) {
        let repository = one.checked.request.target.repository();
        for blob in one.found.image.blobs() {
            wanted
                .entry((repository.to_string(), blob.digest))
                .or_insert_with(|| (one.checked.target.clone(), repository.path().to_owned()));
        }
    }
    let looking = wanted.into_iter().map(|((repository, digest), (target, path))| {
        let run = run.clone();
        async move {
            let there = target.has_blob(&path, digest, &run).await.unwrap_or(false);
            there.then_some((repository, digest))
        }
    });
    let found: Vec<_> = stream::iter(looking).buffered(BLOBS_AT_ONCE).collect().await;
    found.into_iter().flatten().collect()
}

fn plan_one(
    one: Observed,
    options: CopyOptions,
    present: &BTreeSet<(String, Digest)>,
    planned: &mut BTreeSet<(String, Digest)>,
) -> Result<PlannedCopy, Error> {
    let Observed { checked, found, held } = one;
    let wanted = found.manifest.digest;
    let target_state = match held {
        None => TargetState::Absent,
        Some(held) if held == wanted => TargetState::Same,
        Some(held) if options.overwrite => TargetState::Other(held),
        Some(held) => {
            return Err(Error::TagTaken { target: checked.request.target.to_string(), held, wanted });
        }
    };
    let repository = checked.request.target.repository().to_string();
    let state = |digest: Digest, planned: &mut BTreeSet<(String, Digest)>| {
        let key = (repository.clone(), digest);
        if target_state == TargetState::Same || present.contains(&key) {
            BlobState::Present
        } else if planned.insert(key) {
            BlobState::Needed
        } else {
            BlobState::Earlier
        }
    };
    let blobs = found
        .image
        .blobs()
        .into_iter()
        .map(|blob| PlannedBlob { descriptor: blob.clone(), state: state(blob.digest, planned) })
        .collect();
    Ok(PlannedCopy {
        source: checked.request.source.repository().pinned(wanted),
        request: checked.request,
        source_index: found.source_index,
        manifest: found.manifest,
        size_bytes: found.size_bytes,
        target_state,
        blobs,
        warnings: found.warnings,
    })
}
