//! From a manifest or an index to the one image that AWS Lambda runs.

use bytes::Bytes;
use landfall_artifacts::{Digest, Limits, Platform, Version, strict_value};
use landfall_run::Run;
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE,
    IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE,
};
use serde_json::Value;

use crate::manifest::LONGEST_MANIFEST;
use crate::{Descriptor, Error, ImageManifest, IndexManifest, Manifest, ManifestKind, Misfit, Registry};

/// AWS advises to keep a manifest below this many bytes (Lambda developer guide, "Requirements for container images").
const ADVISED_MANIFEST_BYTES: u64 = 25_400;
/// The most that an image may have, uncompressed (Lambda quotas, "Container image code package size"). Layers as they are stored
/// are hardly larger than what they hold, so that a larger sum is certainly too large.
const LARGEST_IMAGE_BYTES: u64 = 10 << 30;
/// Indexes that may stand in each other.
pub(crate) const DEEPEST: u8 = 2;

/// An image that AWS Lambda can run, as far as that can be seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaImage {
    /// The image's manifest.
    pub manifest: Manifest,
    /// What the manifest says.
    pub image: ImageManifest,
    /// The digest of the index that it was chosen from.
    pub source_index: Option<Digest>,
    /// The platform that it is for.
    pub platform: Platform,
    /// Its configuration, as it was read.
    pub config: Bytes,
    /// Manifest, configuration and layers together, each once, in bytes.
    pub size_bytes: u64,
    /// What works and may not work well.
    pub warnings: Vec<String>,
}

/// Finds the image for a platform, reads its configuration, and looks whether AWS Lambda can run it. Without a platform it is
/// the only image of an index, and the platform is what its configuration says. Attestations (`unknown/unknown`) are never
/// chosen.
///
/// # Errors
/// [`Error::NotForLambda`] with all reasons; [`Error::ImageMissing`] where a child of the index is not there; and what a
/// registry may answer.
pub async fn resolve_for_lambda(
    registry: &Registry,
    path: &str,
    manifest: Manifest,
    platform: Option<Platform>,
    run: &Run,
) -> Result<LambdaImage, Error> {
    let shown = registry.named(path, &Version::Digest(manifest.digest));
    let misfit = |misfits| Error::NotForLambda { reference: shown.clone(), misfits };
    let source_index = matches!(manifest.kind, ManifestKind::Index(_)).then_some(manifest.digest);
    let (manifest, image) = descend(registry, path, manifest, platform, |_| None, run).await?;
    let misfits = manifest_misfits(&image);
    if !is_image_config(&image.config) {
        return Err(misfit(misfits));
    }
    let config = registry.get_blob(path, &image.config, run).await?;
    let platform = check_config(&config, &shown, platform, misfits)?;
    let size_bytes = size_of(&manifest, &image);
    let warnings = warnings(&manifest);
    Ok(LambdaImage { manifest, image, source_index, platform, config, size_bytes, warnings })
}

/// From an index to the image that Lambda would run; an image is its own. `known` gives manifests that need not be read.
///
/// # Errors
/// As for [`resolve_for_lambda`].
pub(crate) async fn descend(
    registry: &Registry,
    path: &str,
    manifest: Manifest,
    platform: Option<Platform>,
    known: impl Fn(Digest) -> Option<Manifest>,
    run: &Run,
) -> Result<(Manifest, ImageManifest), Error> {
    let shown = registry.named(path, &Version::Digest(manifest.digest));
    let misfit = |misfit| Error::NotForLambda { reference: shown.clone(), misfits: vec![misfit] };
    let mut manifest = manifest;
    let mut depth = 0;
    loop {
        let index = match &manifest.kind {
            ManifestKind::Image(image) => {
                let image = image.clone();
                return Ok((manifest, image));
            }
            ManifestKind::Index(index) => index,
        };
        depth += 1;
        if depth > DEEPEST {
            return Err(misfit(Misfit::NestedIndex));
        }
        let child = child(index, platform).map_err(misfit)?;
        manifest = registry.get_listed(path, &child, known(child.digest), run).await?;
    }
}

/// What the manifest alone says against running the image.
pub(crate) fn manifest_misfits(image: &ImageManifest) -> Vec<Misfit> {
    let mut misfits: Vec<Misfit> = image.layers.iter().filter_map(layer_misfit).collect();
    if image.layers.is_empty() {
        misfits.push(Misfit::NoLayers);
    }
    let layers_bytes = image.layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size_bytes));
    if layers_bytes > LARGEST_IMAGE_BYTES {
        misfits.push(Misfit::TooLarge { layers_bytes });
    }
    if !is_image_config(&image.config) {
        let media_type = landfall_secret::escape(&image.config.media_type, 120);
        misfits.push(Misfit::NotAnImage { media_type });
    }
    misfits
}

/// The platform that the configuration says.
///
/// # Errors
/// [`Error::ImageConfig`]; [`Error::NotForLambda`] with what it and the manifest (`misfits`) say against running the image.
pub(crate) fn check_config(
    config: &[u8],
    reference: &str,
    wanted: Option<Platform>,
    mut misfits: Vec<Misfit>,
) -> Result<Platform, Error> {
    let config = strict_value(config, "the image's configuration", Limits::bytes(LONGEST_MANIFEST))
        .map_err(|cause| Error::ImageConfig { reference: reference.to_owned(), cause })?;
    let found = config_misfits(&config, wanted, &mut misfits);
    match found {
        Some(platform) if misfits.is_empty() => Ok(platform),
        Some(_) | None => Err(Error::NotForLambda { reference: reference.to_owned(), misfits }),
    }
}

/// Manifest, configuration and layers, each once.
pub(crate) fn size_of(manifest: &Manifest, image: &ImageManifest) -> u64 {
    image.blobs().iter().fold(manifest.size_bytes(), |sum, blob| sum.saturating_add(blob.size_bytes))
}

/// The entry of an index that Lambda would run; without a platform, the only image there is.
fn child(index: &IndexManifest, platform: Option<Platform>) -> Result<Descriptor, Misfit> {
    let images: Vec<_> = index.entries.iter().filter(|entry| !entry.is_attestation).collect();
    let offered = || {
        let mut offered: Vec<String> = images
            .iter()
            .filter_map(|entry| entry.platform.as_ref())
            .map(|(os, architecture, _)| format!("{os}/{architecture}"))
            .collect();
        offered.dedup();
        offered
    };
    let Some(platform) = platform else {
        return match images.as_slice() {
            [only] => Ok(only.descriptor.clone()),
            _ => Err(Misfit::PlatformOpen { offered: offered() }),
        };
    };
    let (os, architecture) = platform.parts();
    let mut fitting: Vec<_> = images
        .iter()
        .filter(|entry| entry.platform.as_ref().is_some_and(|found| found.0 == os && found.1 == architecture))
        .collect();
    if fitting.len() > 1 {
        // Lambda's processors are of the plain variant; another one is taken only where it is the only one.
        let plain = |variant: Option<&str>| matches!(variant, None | Some("v8" | "v1"));
        let of = |entry: &crate::IndexEntry| entry.platform.as_ref().and_then(|found| found.2.clone());
        fitting.retain(|entry| plain(of(entry).as_deref()));
        fitting.dedup_by_key(|entry| entry.descriptor.digest);
    }
    match (fitting.as_slice(), images.as_slice()) {
        ([only], _) => Ok(only.descriptor.clone()),
        ([], [only]) if only.platform.is_none() => Ok(only.descriptor.clone()),
        ([], _) => Err(Misfit::NoChild { wanted: platform, offered: offered() }),
        (many, _) => Err(Misfit::ManyChildren { wanted: platform, found: many.len() }),
    }
}

fn is_image_config(config: &Descriptor) -> bool {
    [IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE].contains(&config.media_type.as_str())
}

fn layer_misfit(layer: &Descriptor) -> Option<Misfit> {
    let (digest, media_type) = (layer.digest, layer.media_type.as_str());
    if layer.is_foreign || media_type.contains("nondistributable") || media_type.contains(".foreign.") {
        return Some(Misfit::ForeignLayer { layer: digest });
    }
    match media_type {
        IMAGE_LAYER_MEDIA_TYPE | IMAGE_LAYER_GZIP_MEDIA_TYPE | IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE => None,
        IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE => Some(Misfit::UncompressedDockerLayer { layer: digest }),
        _ if media_type.ends_with("zstd") => Some(Misfit::ZstdLayer { layer: digest }),
        _ => {
            let media_type = landfall_secret::escape(media_type, 120);
            Some(Misfit::UnknownLayer { layer: digest, media_type })
        }
    }
}

fn config_misfits(config: &Value, wanted: Option<Platform>, misfits: &mut Vec<Misfit>) -> Option<Platform> {
    let field = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    let shown = |text: &str| landfall_secret::escape(text, 40);
    let (os, architecture) = (field("os"), field("architecture"));
    let found =
        [Platform::LinuxAmd64, Platform::LinuxArm64].into_iter().find(|one| one.parts().1 == architecture);
    if os != "linux" {
        misfits.push(Misfit::OperatingSystem { found: shown(os) });
    }
    match (found, wanted) {
        (Some(found), None) => Some(found),
        (Some(found), Some(wanted)) if found == wanted => Some(found),
        (_, wanted) => {
            misfits.push(Misfit::Architecture { wanted, found: shown(architecture) });
            None
        }
    }
}

pub(crate) fn warnings(manifest: &Manifest) -> Vec<String> {
    if manifest.size_bytes() < ADVISED_MANIFEST_BYTES {
        return Vec::new();
    }
    vec![format!(
        "the manifest has {} bytes, and AWS advises fewer than {ADVISED_MANIFEST_BYTES}: use fewer layers or annotations",
        manifest.size_bytes()
    )]
}
