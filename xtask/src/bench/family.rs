//! The images that are copied: Lambda functions of one repo, which share their base layers.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;

use super::contents::{Contents, Identity, digest};

/// The manifest's media type: what docker pushes and Artifactory keeps.
pub(crate) const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The folder of all source repositories.
pub(crate) const NAMESPACE: &str = "personalised-lobby";
/// The one repository that images are copied to.
pub(crate) const TARGET: &str = "personalised-lobby-lambdas";
/// The version of all images.
pub(crate) const VERSION: &str = "1.0.0";

const MIB: u64 = 1024 * 1024;

/// Where a blob's bytes come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// They are made again whenever they are needed: from this seed, with so many bytes inside.
    Made(String, u64),
    /// They are these.
    Here(Bytes),
}

/// One distinct blob.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) source: Source,
}

/// One image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The project's name, `fn-00`.
    pub(crate) project: String,
    /// The function's name, `Fn00`.
    pub(crate) function: String,
    /// Digests of the config and the layers.
    pub(crate) blobs: Vec<String>,
    /// The manifest, byte by byte.
    pub(crate) manifest: Bytes,
}

impl Image {
    /// The repository that the image is copied from.
    pub(crate) fn repository(&self) -> String {
        format!("{NAMESPACE}/{}", self.project)
    }

    /// The tag that it gets in the target.
    pub(crate) fn tag(&self) -> String {
        format!("{}-{VERSION}", self.function)
    }
}

/// The images and their distinct blobs.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) images: Vec<Image>,
    /// By digest.
    pub(crate) blobs: BTreeMap<String, Blob>,
}

impl Family {
    /// `images` images. Each has all of the base layers and layers of its own, in MiB.
    pub(crate) fn new(images: usize, base_mib: &[u64], own_mib: &[u64]) -> Self {
        let mut family = Self { images: Vec::new(), blobs: BTreeMap::new() };
        let base: Vec<Layer> =
            base_mib.iter().enumerate().map(|(at, mib)| Layer::new(format!("base/{at}"), *mib)).collect();
        for number in 0..images {
            let own =
                own_mib.iter().enumerate().map(|(at, mib)| Layer::new(format!("image/{number}/{at}"), *mib));
            let layers: Vec<Layer> = base.iter().cloned().chain(own).collect();
            family.add(number, layers);
        }
        family
    }

    fn add(&mut self, number: usize, layers: Vec<Layer>) {
        let project = format!("fn-{number:02}");
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Cmd": [format!("{project}.handler")]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = Bytes::from(config.to_string());
        let config =
            Blob { digest: digest(&config), size: config.len() as u64, source: Source::Here(config) };
        let descriptor =
            |kind, blob: &Blob| json!({"mediaType": kind, "size": blob.size, "digest": blob.digest});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": layers.iter().map(|layer| descriptor(LAYER, &layer.blob)).collect::<Vec<_>>(),
        });
        let blobs: Vec<Blob> =
            std::iter::once(config).chain(layers.into_iter().map(|layer| layer.blob)).collect();
        self.images.push(Image {
            function: format!("Fn{number:02}"),
            project,
            blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(),
            manifest: manifest.to_string().into(),
        });
        self.blobs.extend(blobs.into_iter().map(|blob| (blob.digest.clone(), blob)));
    }

    /// Bytes of all distinct blobs.
    pub(crate) fn distinct_bytes(&self) -> u64 {
        self.blobs.values().map(|blob| blob.size).sum()
    }

    /// Bytes of all images, each with all of its blobs.
    pub(crate) fn named_bytes(&self) -> u64 {
        let named = self.images.iter().flat_map(|image| &image.blobs);
        named.filter_map(|digest| self.blobs.get(digest)).map(|blob| blob.size).sum()
    }
}

/// A blob that is a layer.
#[derive(Clone)]
struct Layer {
    blob: Blob,
    diff_id: String,
}

impl Layer {
    fn new(seed: String, mib: u64) -> Self {
        let inside = mib * MIB;
        let Identity { digest, size, diff_id } = Contents::new(&seed, inside).identity();
        Self { blob: Blob { digest, size, source: Source::Made(seed, inside) }, diff_id }
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, MIB};

    #[test]
    fn images_share_their_base_and_nothing_else() {
        let family = Family::new(3, &[2, 1], &[1]);
        // Two base layers, and of each image a layer and a config.
        assert_eq!(family.blobs.len(), 2 + 3 * 2);
        assert!(family.distinct_bytes() > 6 * MIB && family.named_bytes() > 12 * MIB);
        let [first, second, third] = family.images.as_slice() else { panic!("three images") };
        assert_eq!(first.blobs[1..3], second.blobs[1..3]);
        assert_ne!(first.blobs[3], second.blobs[3]);
        assert_ne!(second.blobs[0], third.blobs[0]);
        assert_eq!(third.repository(), "personalised-lobby/fn-02");
        assert_eq!(third.tag(), "Fn02-1.0.0");
    }
}
