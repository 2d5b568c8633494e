//! What has to hold of every manifest that is accepted, judged by another reader of the same bytes.

use bytes::Bytes;
use landfall_registry::{Descriptor, Manifest, ManifestKind};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::shown;

const IMAGES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/// Lambda's limit for a whole image.
const LARGEST_BLOB: u64 = 10 << 30;
const MOST_BLOBS: usize = 2_000;
const MOST_CHILDREN: usize = 256;
const LONGEST: usize = 4 << 20;

/// Reads a manifest; returns whether it was accepted.
///
/// # Panics
/// Where something was accepted that should not have been, or was understood otherwise than it is written.
pub fn check(bytes: &Bytes, header: Option<&str>) -> bool {
    let manifest = match Manifest::read(bytes.clone(), header) {
        Ok(manifest) => manifest,
        Err(fault) => {
            shown(&fault);
            return false;
        }
    };
    assert!(bytes.len() <= LONGEST);
    assert_eq!(manifest.bytes, bytes, "not one byte is changed");
    assert_eq!(manifest.size_bytes(), bytes.len() as u64);
    assert_eq!(manifest.digest.to_string(), sha256(bytes));
    if let Some(header) = header {
        let plain = header.split(';').next().unwrap_or_default().trim();
        assert_eq!(manifest.media_type, plain, "{header}");
    }

    let document: Value = serde_json::from_slice(bytes).expect("what was accepted is JSON");
    let fields = document.as_object().expect("what was accepted is an object");
    if let Some(media_type) = fields.get("mediaType") {
        assert_eq!(media_type, &manifest.media_type);
    }
    assert_eq!(fields["schemaVersion"], 2);
    // A reader that takes no notice of case (Go's) must find no second list.
    for list in ["layers", "manifests", "config", "mediatype"] {
        let written: Vec<&String> = fields.keys().filter(|key| key.to_lowercase() == list).collect();
        assert!(written.len() <= 1, "{written:?}");
    }
    match &manifest.kind {
        ManifestKind::Image(image) => {
            assert!(IMAGES.contains(&manifest.media_type.as_str()), "{}", manifest.media_type);
            assert!(fields.keys().all(|key| key.to_lowercase() != "manifests"), "an image that is an index");
            same(&image.config, &fields["config"]);
            let layers = fields["layers"].as_array().expect("layers are a list");
            assert_eq!(layers.len(), image.layers.len());
            assert!(layers.len() < MOST_BLOBS, "{} layers", layers.len());
            for (layer, written) in image.layers.iter().zip(layers) {
                same(layer, written);
                let is_elsewhere = written["urls"].as_array().is_some_and(|urls| !urls.is_empty());
                assert_eq!(layer.is_foreign, is_elsewhere);
            }
            let mut blobs: Vec<_> = image.blobs().iter().map(|blob| blob.digest).collect();
            let with_copies = blobs.len();
            blobs.sort();
            blobs.dedup();
            assert_eq!(blobs.len(), with_copies, "each blob once");
            assert!(image.layers.iter().all(|layer| blobs.binary_search(&layer.digest).is_ok()));
        }
        ManifestKind::Index(index) => {
            assert!(INDEXES.contains(&manifest.media_type.as_str()), "{}", manifest.media_type);
            for of_image in ["config", "layers"] {
                assert!(fields.keys().all(|key| key.to_lowercase() != of_image), "an index that is an image");
            }
            let children = fields["manifests"].as_array().expect("manifests are a list");
            assert_eq!(children.len(), index.entries.len());
            assert!(children.len() <= MOST_CHILDREN, "{} children", children.len());
            for (entry, written) in index.entries.iter().zip(children) {
                same(&entry.descriptor, written);
                if let Some((os, architecture, variant)) = &entry.platform {
                    let all = format!("{os}{architecture}{}", variant.as_deref().unwrap_or_default());
                    crate::assert_harmless(&all);
                }
            }
        }
    }
    true
}

/// A descriptor says what is written, and is of the one form that a digest and a size have.
fn same(descriptor: &Descriptor, written: &Value) {
    let digest = written["digest"].as_str().expect("a digest is a text");
    assert_eq!(descriptor.digest.to_string(), digest);
    let hex = digest.strip_prefix("sha256:").expect("sha256 is the one algorithm");
    assert!(hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{digest}");
    assert_eq!(Some(descriptor.size_bytes), written["size"].as_u64());
    assert!(descriptor.size_bytes <= LARGEST_BLOB, "{}", descriptor.size_bytes);
    assert_eq!(written["mediaType"], descriptor.media_type.as_str());
    assert!(!descriptor.media_type.is_empty() && descriptor.media_type.len() <= 255);
    let printable = descriptor.media_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    assert!(printable, "{:?}", descriptor.media_type);
}

fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
