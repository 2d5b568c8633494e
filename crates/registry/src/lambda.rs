//! From a manifest or an index to the one image that AWS Lambda runs.

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
/// Indexes that may stand in each other.
const DEEPEST: u8 = 2;

/// An image that AWS Lambda can run, as far as that can be seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaImage {
    /// The image's manifest.
    pub manifest: Manifest,
    /// What the manifest says.
    pub image: ImageManifest,
    /// The digest of the index that it was chosen from.
    pub source_index: Option<Digest>,
    /// Manifest, configuration and layers together, each once, in bytes.
    pub size_bytes: u64,
    /// What works and may not work well.
    pub warnings: Vec<String>,
}

/// Finds the image for a platform, reads its configuration, and looks whether AWS Lambda can run it. Attestations
/// (`unknown/unknown`) are never chosen.
///
/// # Errors
/// [`Error::NotForLambda`] with all reasons; [`Error::ImageMissing`] where a child of the index is not there; and what a
/// registry may answer.
pub async fn resolve_for_lambda(
    registry: &Registry,
    path: &str,
    manifest: Manifest,
    platform: Platform,
    run: &Run,
) -> Result<LambdaImage, Error> {
    let shown = registry.named(path, &Version::Digest(manifest.digest));
    let misfit = |misfits| Error::NotForLambda { reference: shown.clone(), misfits };
    let source_index = matches!(manifest.kind, ManifestKind::Index(_)).then_some(manifest.digest);
    let mut manifest = manifest;
    let mut depth = 0;
    let image = loop {
        let index = match &manifest.kind {
            ManifestKind::Image(image) => break image.clone(),
            ManifestKind::Index(index) => index,
        };
        depth += 1;
        if depth > DEEPEST {
            return Err(misfit(vec![Misfit::NestedIndex]));
        }
        let child = child(index, platform).map_err(|reason| misfit(vec![reason]))?;
        let version = Version::Digest(child.digest);
        let missing = || Error::ImageMissing { reference: registry.named(path, &version) };
        manifest = registry.get_manifest(path, &version, run).await?.ok_or_else(missing)?;
    };
    let mut misfits = layer_misfits(&image);
    if is_image_config(&image.config) {
        let bytes = registry.get_blob(path, &image.config, run).await?;
        let limits = Limits::bytes(LONGEST_MANIFEST);
        let config = strict_value(&bytes, "the image's configuration", limits)
            .map_err(|cause| Error::ImageConfig { reference: shown.clone(), cause })?;
        misfits.extend(config_misfits(&config, platform));
    } else {
        let media_type = landfall_secret::escape(&image.config.media_type, 120);
        misfits.push(Misfit::NotAnImage { media_type });
    }
    if !misfits.is_empty() {
        return Err(misfit(misfits));
    }
    let parts: u64 = image.blobs().iter().fold(0, |sum, blob| blob.size_bytes.saturating_add(sum));
    let size_bytes = manifest.size_bytes().saturating_add(parts);
    let warnings = warnings(&manifest);
    Ok(LambdaImage { manifest, image, source_index, size_bytes, warnings })
}

fn child(index: &IndexManifest, platform: Platform) -> Result<Descriptor, Misfit> {
    let (os, architecture) = platform.parts();
    let images: Vec<_> = index.entries.iter().filter(|entry| !entry.is_attestation).collect();
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
        ([], _) => {
            let mut offered: Vec<String> = images
                .iter()
                .filter_map(|entry| entry.platform.as_ref())
                .map(|(os, architecture, _)| format!("{os}/{architecture}"))
                .collect();
            offered.dedup();
            Err(Misfit::NoChild { wanted: platform, offered })
        }
        (many, _) => Err(Misfit::ManyChildren { wanted: platform, found: many.len() }),
    }
}

fn is_image_config(config: &Descriptor) -> bool {
    [IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE].contains(&config.media_type.as_str())
}

fn layer_misfits(image: &ImageManifest) -> Vec<Misfit> {
    let mut misfits: Vec<Misfit> = image.layers.iter().filter_map(layer_misfit).collect();
    if image.layers.is_empty() {
        misfits.push(Misfit::NoLayers);
    }
    misfits
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

fn config_misfits(config: &Value, platform: Platform) -> Vec<Misfit> {
    let (os, architecture) = platform.parts();
    let field = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    let shown = |text: &str| landfall_secret::escape(text, 40);
    let mut misfits = Vec::new();
    if field("os") != os {
        misfits.push(Misfit::OperatingSystem { found: shown(field("os")) });
    }
    if field("architecture") != architecture {
        misfits.push(Misfit::Architecture { wanted: platform, found: shown(field("architecture")) });
    }
    misfits
}

fn warnings(manifest: &Manifest) -> Vec<String> {
    if manifest.size_bytes() < ADVISED_MANIFEST_BYTES {
        return Vec::new();
    }
    vec![format!(
        "the manifest has {} bytes, and AWS advises fewer than {ADVISED_MANIFEST_BYTES}: use fewer layers or annotations",
        manifest.size_bytes()
    )]
}
