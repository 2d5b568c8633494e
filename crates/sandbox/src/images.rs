//! Small images as a Lambda repository has them: the same bytes on every machine and every day.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::registry::digest_of;

/// OCI layer, tar and gzip.
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Whose media types an image uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/vnd.oci.…`
    Oci,
    /// `application/vnd.docker.…`, schema 2.
    Docker,
}

/// One layer: a tar archive, compressed with gzip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// As it lies in a registry.
    pub bytes: Bytes,
    /// Digest of the archive before compression.
    pub diff_id: String,
}

impl Layer {
    /// An archive of these files (path without leading `/`, contents), with an entry for every folder above them.
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let mut archive = Vec::new();
        let mut folders = std::collections::BTreeSet::new();
        for (path, contents) in files {
            for (end, _) in path.match_indices('/') {
                let folder = &path[..=end];
                if folders.insert(folder.to_owned()) {
                    archive.extend_from_slice(&tar_header(folder, 0, b'5', 0o755));
                }
            }
            archive.extend_from_slice(&tar_header(path, contents.len(), b'0', 0o644));
            archive.extend_from_slice(contents);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        archive.resize(archive.len() + 1024, 0);
        let diff_id = digest_of(&archive);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let bytes = encoder
            .write_all(&archive)
            .and_then(|()| encoder.finish())
            .expect("writing to memory does not fail");
        Self { bytes: bytes.into(), diff_id }
    }

    /// An archive with one file of `size` bytes that do not compress, the same for the same seed.
    pub fn filler(path: &str, size: usize, seed: u64) -> Self {
        let mut contents = vec![0; size];
        fastrand::Rng::with_seed(seed).fill(&mut contents);
        Self::new(&[(path, &contents)])
    }
}

/// An image: manifest, configuration, layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// The manifest's media type.
    pub media_type: String,
    /// The configuration's bytes.
    pub config: Bytes,
    /// From the bottom up.
    pub layers: Vec<Layer>,
    /// As in the configuration: `amd64`, `arm64`.
    pub architecture: String,
}

impl Image {
    /// An image of these layers; `labels` end up in the configuration, so that images of the same layers differ.
    pub fn new(format: Format, architecture: &str, layers: Vec<Layer>, labels: &[(&str, &str)]) -> Self {
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let history: Vec<_> =
            layers.iter().map(|_| json!({"created": "2025-11-01T00:00:00Z", "created_by": "COPY"})).collect();
        let config = json!({
            "created": "2025-11-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Cmd": ["index.handler"],
                "Entrypoint": ["/lambda-entrypoint.sh"],
                "Env": ["LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime"],
                "WorkingDir": "/var/task",
                "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        });
        let config = Bytes::from(config.to_string());
        let (media_type, config_type, layer_type) = match format {
            Format::Oci => (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER),
            Format::Docker => (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER),
        };
        let descriptors: Vec<_> = layers.iter().map(|layer| descriptor(layer_type, &layer.bytes)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(config_type, &config),
            "layers": descriptors,
        });
        let manifest = Bytes::from(manifest.to_string());
        Self {
            manifest,
            media_type: media_type.to_owned(),
            config,
            layers,
            architecture: architecture.to_owned(),
        }
    }

    /// Configuration and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.config).chain(self.layers.iter().map(|layer| &layer.bytes))
    }

    /// Digest of the manifest.
    pub fn digest(&self) -> String {
        digest_of(&self.manifest)
    }
}

/// A list of images by platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIndex {
    /// The index's bytes.
    pub manifest: Bytes,
    /// The index's media type.
    pub media_type: String,
    /// The images that it names.
    pub images: Vec<Image>,
}

impl ImageIndex {
    /// An OCI index of these images. With `attestation` it has one more entry of platform `unknown/unknown`, as buildx makes by default.
    pub fn new(mut images: Vec<Image>, attestation: bool) -> Self {
        let mut entries: Vec<_> = images
            .iter()
            .map(|image| {
                let mut entry = descriptor(&image.media_type, &image.manifest);
                entry["platform"] = json!({"architecture": image.architecture, "os": "linux"});
                entry
            })
            .collect();
        if attestation {
            let layer = Layer::new(&[("provenance.json", b"{}")]);
            let image = Image::new(Format::Oci, "unknown", vec![layer], &[]);
            let mut entry = descriptor(&image.media_type, &image.manifest);
            entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
            entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
            entries.push(entry);
            images.push(image);
        }
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        Self { manifest: manifest.to_string().into(), media_type: OCI_INDEX.to_owned(), images }
    }

    /// Digest of the index.
    pub fn digest(&self) -> String {
        digest_of(&self.manifest)
    }
}

/// The layers that all functions of one runtime share: a system and a runtime of `size` bytes each.
pub fn base_layers(architecture: &str, size: usize) -> Vec<Layer> {
    let seed =
        architecture.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    vec![Layer::filler("usr/lib/system.so", size, seed), Layer::filler("var/runtime/node", size, seed + 1)]
}

/// An image as one function of a monorepo has it: the base and one layer of its own code.
pub fn function_image(name: &str, version: &str, architecture: &str, base_size: usize) -> Image {
    let code =
        format!("exports.handler = async () => ({{ function: \"{name}\", version: \"{version}\" }});\n");
    let mut layers = base_layers(architecture, base_size);
    layers.push(Layer::new(&[("var/task/index.js", code.as_bytes())]));
    let labels = [("org.opencontainers.image.title", name), ("org.opencontainers.image.version", version)];
    Image::new(Format::Oci, architecture, layers, &labels)
}

fn descriptor(media_type: &str, bytes: &Bytes) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()})
}

/// A header of the ustar format (POSIX.1-1988), without owner and at the beginning of time.
fn tar_header(path: &str, size: usize, kind: u8, mode: u32) -> [u8; 512] {
    let mut header = [0_u8; 512];
    let mut put = |offset: usize, text: &str| {
        let end = offset + text.len();
        header[offset..end].copy_from_slice(text.as_bytes());
    };
    assert!(path.len() < 100, "sample paths are short");
    put(0, path);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(257, "ustar");
    put(263, "00");
    header[156] = kind;
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    header[148..156].copy_from_slice(sum.as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_image_every_time_and_shared_layers_are_equal() {
        let one = function_image("a", "1.0.0", "amd64", 1000);
        assert_eq!(one, function_image("a", "1.0.0", "amd64", 1000));
        let other = function_image("b", "1.0.0", "amd64", 1000);
        assert_eq!(one.layers[..2], other.layers[..2]);
        assert_ne!(one.digest(), other.digest());
        assert_ne!(one.layers[0], function_image("a", "1.0.0", "arm64", 1000).layers[0]);
    }
}
