//! Looking at sources and targets of a whole batch, and what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::FutureExt as _;
use landfall_artifacts::{Digest, PinnedReference, Platform, Reference, Version};
use landfall_run::Run;

use super::at_once::at_once;
use super::choose::{self, Chosen, Held, Inspected};
use super::registries::Registries;
use super::request::{Choose, CopyOptions, CopyRequest};
use super::targets::{self, Target};
use super::ways::{self, BlobState};
use crate::{Descriptor, Error, Manifest, Registry};

/// Configurations up to this size are kept from the plan on, so that they need not be fetched again.
const KEPT_CONFIG_BYTES: usize = 64 << 10;
/// All kept configurations together.
const KEPT_BYTES: usize = 4 << 20;

/// What is to be done, and all that stands in the way.
#[derive(Debug)]
pub struct CopyPlan {
    /// The copies without a problem, in the order of the requests.
    pub copies: Vec<PlannedCopy>,
    /// The problems of the others. Nothing should be applied while there is one.
    pub problems: Vec<PlanProblem>,
    /// What the plan was made with.
    pub options: CopyOptions,
    /// Small blobs that were read while the plan was made.
    pub(super) kept: BTreeMap<Digest, Bytes>,
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
    /// The platform of the image, where it was looked at or set.
    pub platform: Option<Platform>,
    /// The manifest that is copied, byte for byte.
    pub manifest: Manifest,
    /// What the manifest lists, where it is an index that is copied as it is; each stands after what it lists itself.
    pub children: Vec<Manifest>,
    /// Manifests, configurations and layers together, each once, in bytes.
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
    /// Where it is, and how it gets to its target.
    pub state: BlobState,
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

    /// The same plan with those copies alone for which `keep` says yes, as one job of several does its part.
    pub fn part(&self, keep: impl Fn(&PlannedCopy) -> bool) -> Self {
        Self {
            copies: self.copies.iter().filter(|copy| keep(copy)).cloned().collect(),
            problems: Vec::new(),
            options: self.options,
            kept: self.kept.clone(),
        }
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
    let (inspected, there) =
        tokio::join!(inspect(&observed, options, run), whereabouts(&observed, registries, options, run));
    let mut copies: Vec<PlannedCopy> = Vec::new();
    let mut first_at = None;
    let mut kept = Kept::default();
    let mut ways = ways::Ways::new(&there.wanted, there.present);
    for (one, inspected) in observed.into_iter().zip(inspected) {
        match inspected {
            Ok(inspected) => {
                if let Some((digest, bytes)) = &inspected.config {
                    kept.keep(*digest, bytes);
                }
                first_at.get_or_insert(one.checked.at);
                copies.push(planned(one, inspected.platform, &there.images, &mut ways));
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
    let mut plan = CopyPlan { copies, problems: batch.problems, options, kept: kept.blobs };
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

/// What target repositories have.
struct Whereabouts {
    /// Images that are there under another tag or none, by repository and digest: all their blobs are there too.
    images: BTreeSet<(String, Digest)>,
    wanted: Vec<targets::Wanted>,
    present: BTreeSet<(String, Digest)>,
}

async fn whereabouts(
    observed: &[Observed],
    registries: &Registries,
    options: CopyOptions,
    run: &Run,
) -> Whereabouts {
    let changed = || observed.iter().filter(|one| one.state != TargetState::Same);
    let key =
        |one: &Observed| (one.checked.request.target.repository().to_string(), one.chosen.manifest.digest);
    // Where blobs are asked for a hundred at a time, that is as cheap as asking for the image.
    let singly = changed()
        .filter(|one| !registries.is_ecr_api(one.checked.request.target.repository().host()))
        .map(|one| (key(one), one.checked.target.clone()))
        .collect::<BTreeMap<_, _>>();
    let look = |(key, target): ((String, Digest), Target)| {
        async move {
            let there = target.registry.head_manifest(target.path(), &Version::Digest(key.1), run).await;
            there.is_ok_and(|digest| digest.is_some()).then_some(key)
        }
        .boxed()
    };
    let found = at_once(options.limits.lookups, singly.into_iter().map(look).collect()).await;
    let images: BTreeSet<(String, Digest)> = found.into_iter().flatten().collect();
    let wanted = ways::wanted(changed().filter(|one| !images.contains(&key(one))).map(|one| {
        (&one.checked.target.registry, one.checked.target.reference.repository(), &one.chosen.blobs[..])
    }));
    let present = targets::blobs(&wanted, registries, options.limits.lookups, run).await;
    Whereabouts { images, wanted, present }
}

fn planned(
    one: Observed,
    platform: Option<Platform>,
    there: &BTreeSet<(String, Digest)>,
    ways: &mut ways::Ways,
) -> PlannedCopy {
    let Observed { checked, chosen, state } = one;
    let repository = checked.request.target.repository();
    let is_there =
        state == TargetState::Same || there.contains(&(repository.to_string(), chosen.manifest.digest));
    let blobs = chosen
        .blobs
        .into_iter()
        .map(|descriptor| {
            let state = if is_there {
                BlobState::Present
            } else {
                ways.of(checked.request.source.repository(), repository, descriptor.digest)
            };
            PlannedBlob { descriptor, state }
        })
        .collect();
    PlannedCopy {
        source: checked.request.source.repository().pinned(chosen.manifest.digest),
        request: checked.request,
        source_index: chosen.source_index,
        platform,
        manifest: chosen.manifest,
        children: chosen.children,
        size_bytes: chosen.size_bytes,
        target_state: state,
        blobs,
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
