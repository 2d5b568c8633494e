//! From what a source's tag names to what is copied of it.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::FutureExt as _;
use landfall_artifacts::{Digest, Platform, Version};
use landfall_run::Run;

use super::at_once::at_once;
use super::request::Choose;
use crate::lambda::{self, DEEPEST};
use crate::manifest::MOST_CHILDREN;
use crate::{Descriptor, Error, ImageManifest, Manifest, ManifestFault, ManifestKind, Misfit, Registry};

/// Children of an index that are read at a time.
const CHILDREN_AT_ONCE: usize = 8;

/// What a target tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) digest: Digest,
    /// Its manifest, where the look at the target brought it too.
    pub(super) manifest: Option<Manifest>,
}

/// What is copied of one source.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// What the target tag is to name.
    pub(super) manifest: Manifest,
    /// What it lists, each after what it lists itself.
    pub(super) children: Vec<Manifest>,
    /// The index that the image was chosen from.
    pub(super) source_index: Option<Digest>,
    /// Each once.
    pub(super) blobs: Vec<Descriptor>,
    pub(super) size_bytes: u64,
    pub(super) warnings: Vec<String>,
    /// What the manifest says against running the image, where it is to be run.
    misfits: Vec<Misfit>,
}

/// What the configuration of an image said.
#[derive(Clone, Debug, Default)]
pub(super) struct Inspected {
    /// `None` where an index is copied as it is, and where nobody had to look.
    pub(super) platform: Option<Platform>,
    /// The configuration, where it was read.
    pub(super) config: Option<(Digest, Bytes)>,
}

/// Chooses what is copied of `manifest`, by manifests alone. What the target holds already is not looked into further.
///
/// # Errors
/// As for [`crate::resolve_for_lambda`]; [`Error::Manifest`] for an index that is too deep or too wide.
pub(super) async fn choose(
    source: &Registry,
    path: &str,
    manifest: Manifest,
    held: Option<&Held>,
    what: Choose,
    run: &Run,
) -> Result<Chosen, Error> {
    match what {
        Choose::Lambda(platform) => for_lambda(source, path, manifest, held, platform, run).await,
        Choose::AsIs => as_is(source, path, manifest, held, run).await,
    }
}

async fn for_lambda(
    source: &Registry,
    path: &str,
    manifest: Manifest,
    held: Option<&Held>,
    platform: Option<Platform>,
    run: &Run,
) -> Result<Chosen, Error> {
    let source_index = matches!(manifest.kind, ManifestKind::Index(_)).then_some(manifest.digest);
    let known = |digest| held.filter(|held| held.digest == digest).and_then(|held| held.manifest.clone());
    let (manifest, image) = lambda::descend(source, path, manifest, platform, known, run).await?;
    Ok(Chosen {
        children: Vec::new(),
        source_index,
        blobs: image.blobs().into_iter().cloned().collect(),
        size_bytes: lambda::size_of(&manifest, &image),
        warnings: lambda::warnings(&manifest),
        misfits: lambda::manifest_misfits(&image),
        manifest,
    })
}

/// Looks whether Lambda can run what was chosen. The configuration is read unless the image is at its target already.
///
/// # Errors
/// As for [`crate::resolve_for_lambda`].
pub(super) async fn inspect(
    source: &Registry,
    path: &str,
    chosen: &Chosen,
    is_held: bool,
    what: Choose,
    run: &Run,
) -> Result<Inspected, Error> {
    let (Choose::Lambda(platform), Some(image)) = (what, chosen.manifest.kind.image()) else {
        return Ok(Inspected::default());
    };
    let digest = chosen.source_index.unwrap_or(chosen.manifest.digest);
    let reference = source.named(path, &Version::Digest(digest));
    let misfits = chosen.misfits.clone();
    let not_an_image = misfits.iter().any(|misfit| matches!(misfit, Misfit::NotAnImage { .. }));
    if not_an_image || (is_held && !misfits.is_empty()) {
        return Err(Error::NotForLambda { reference, misfits });
    }
    if is_held {
        return Ok(Inspected { platform, config: None });
    }
    let config = source.get_blob(path, &image.config, run).await?;
    let found = lambda::check_config(&config, &reference, platform, misfits)?;
    Ok(Inspected { platform: Some(found), config: Some((image.config.digest, config)) })
}

/// The platform of an image that the target holds already.
///
/// # Errors
/// As for [`inspect`].
pub(super) async fn platform_of(
    source: &Registry,
    path: &str,
    manifest: &Manifest,
    run: &Run,
) -> Result<Platform, Error> {
    let shown = source.named(path, &Version::Digest(manifest.digest));
    let ManifestKind::Image(image) = &manifest.kind else {
        return Err(Error::NotForLambda { reference: shown, misfits: vec![Misfit::NestedIndex] });
    };
    let config = source.get_blob(path, &image.config, run).await?;
    lambda::check_config(&config, &shown, None, Vec::new())
}

async fn as_is(
    source: &Registry,
    path: &str,
    manifest: Manifest,
    held: Option<&Held>,
    run: &Run,
) -> Result<Chosen, Error> {
    let children = if held.is_some_and(|held| held.digest == manifest.digest) {
        Vec::new()
    } else {
        descendants(source, path, &manifest, run).await?
    };
    let images: Vec<&ImageManifest> =
        children.iter().chain([&manifest]).filter_map(|one| one.kind.image()).collect();
    let mut seen = BTreeSet::new();
    let blobs: Vec<Descriptor> = images
        .iter()
        .flat_map(|image| image.blobs())
        .filter(|blob| seen.insert(blob.digest))
        .cloned()
        .collect();
    let size_bytes = children
        .iter()
        .chain([&manifest])
        .map(Manifest::size_bytes)
        .chain(blobs.iter().map(|blob| blob.size_bytes))
        .fold(0, u64::saturating_add);
    let foreign = blobs.iter().filter(|blob| blob.is_foreign).count();
    let warnings = (foreign > 0).then(|| {
        format!(
            "{foreign} layers of {} name other places for their content; it is copied from this registry",
            source.named(path, &Version::Digest(manifest.digest))
        )
    });
    Ok(Chosen {
        manifest,
        children,
        source_index: None,
        blobs,
        size_bytes,
        warnings: warnings.into_iter().collect(),
        misfits: Vec::new(),
    })
}

/// All that an index lists, deepest first, each once.
async fn descendants(
    source: &Registry,
    path: &str,
    root: &Manifest,
    run: &Run,
) -> Result<Vec<Manifest>, Error> {
    let too_many = |what, found, limit| Error::Manifest {
        reference: source.named(path, &Version::Digest(root.digest)),
        cause: ManifestFault::TooMany { what, found, limit },
    };
    let mut levels: Vec<Vec<Manifest>> = Vec::new();
    let mut known: BTreeSet<Digest> = [root.digest].into();
    let mut parents = vec![root.clone()];
    loop {
        let mut wanted = Vec::new();
        for index in parents.iter().filter_map(|one| one.kind.index()) {
            for entry in &index.entries {
                if known.insert(entry.descriptor.digest) {
                    wanted.push(&entry.descriptor);
                }
            }
        }
        if wanted.is_empty() {
            break;
        }
        if levels.len() >= usize::from(DEEPEST) {
            return Err(too_many("levels of indexes", levels.len() + 1, usize::from(DEEPEST)));
        }
        if known.len() > MOST_CHILDREN + 1 {
            return Err(too_many("manifests", known.len() - 1, MOST_CHILDREN));
        }
        let reading =
            wanted.into_iter().map(|entry| source.get_listed(path, entry, None, run).boxed()).collect();
        let children: Vec<Manifest> =
            at_once(CHILDREN_AT_ONCE, reading).await.into_iter().collect::<Result<_, _>>()?;
        levels.push(children.clone());
        parents = children;
    }
    Ok(levels.into_iter().rev().flatten().collect())
}
