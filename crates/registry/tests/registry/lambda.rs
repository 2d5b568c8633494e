//! From an index to the image that Lambda runs.

use axum::body::Bytes;
use landfall_artifacts::{Digest, Platform, Version};
use landfall_registry::{Error, LambdaImage, Misfit, resolve_for_lambda};
use serde_json::{Value, json};

use crate::server::{GZIP, INDEX, Image, Server, descriptor, layer, run};

const DOCKER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";

fn child(image: &Image, os: &str, architecture: &str, variant: Option<&str>) -> Value {
    let mut entry = descriptor(&image.media_type, &image.manifest);
    entry["platform"] = json!({"os": os, "architecture": architecture});
    if let Some(variant) = variant {
        entry["platform"]["variant"] = variant.into();
    }
    entry
}

async fn resolve(server: &Server, tag: &str, platform: Platform) -> Result<LambdaImage, Error> {
    let (registry, run) = (server.registry(), run());
    let version = Version::Tag(tag.parse().expect("a tag"));
    let manifest = registry.get_manifest("a", &version, &run).await?.expect("there");
    resolve_for_lambda(&registry, "a", manifest, Some(platform), &run).await
}

fn push_index(server: &Server, tag: &str, children: &[Value]) -> Digest {
    let manifest =
        Bytes::from(json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string());
    server.push("a", tag, &Image { blobs: Vec::new(), media_type: INDEX.to_owned(), manifest })
}

fn misfits(result: Result<LambdaImage, Error>) -> Vec<Misfit> {
    match result {
        Err(Error::NotForLambda { misfits, .. }) => misfits,
        other => panic!("expected misfits, got {other:?}"),
    }
}

#[tokio::test]
async fn the_child_for_the_platform_is_chosen_and_never_an_attestation() {
    let server = Server::start().await;
    let (intel, arm) = (Image::new(&[layer(1, 10)]), Image::of("arm64", GZIP, &[layer(2, 10)]));
    let (intel_digest, arm_digest) = (server.push("a", "x", &intel), server.push("a", "y", &arm));
    let attestation = child(&intel, "unknown", "unknown", None);
    let children = [
        attestation.clone(),
        child(&intel, "linux", "amd64", None),
        child(&arm, "linux", "arm64", Some("v8")),
    ];
    let index = push_index(&server, "both", &children);
    for (platform, digest) in [(Platform::LinuxAmd64, intel_digest), (Platform::LinuxArm64, arm_digest)] {
        let found = resolve(&server, "both", platform).await.expect("an image");
        assert_eq!((found.manifest.digest, found.source_index), (digest, Some(index)));
    }
    let found = resolve(&server, "x", Platform::LinuxAmd64).await.expect("an image");
    let parts: usize = intel.blobs.iter().map(Bytes::len).sum();
    assert_eq!((found.source_index, found.size_bytes), (None, (intel.manifest.len() + parts) as u64));

    push_index(&server, "lonely", &[attestation.clone(), child(&arm, "linux", "arm64", None)]);
    let found = misfits(resolve(&server, "lonely", Platform::LinuxAmd64).await);
    assert_eq!(
        found,
        [Misfit::NoChild { wanted: Platform::LinuxAmd64, offered: vec!["linux/arm64".to_owned()] }]
    );
    push_index(&server, "empty", &[attestation]);
    assert!(matches!(
        &misfits(resolve(&server, "empty", Platform::LinuxAmd64).await)[..],
        [Misfit::NoChild { .. }]
    ));
}

#[tokio::test]
async fn all_reasons_are_named_together() {
    let server = Server::start().await;
    let mut image = Image::of("arm64", DOCKER_TAR, &[layer(1, 10), layer(2, 10)]);
    let mut manifest: Value = serde_json::from_slice(&image.manifest).expect("JSON");
    manifest["layers"][1]["urls"] = json!(["http://127.0.0.2/x"]);
    image.manifest = Bytes::from(manifest.to_string());
    server.push("a", "bad", &image);
    let found = misfits(resolve(&server, "bad", Platform::LinuxAmd64).await);
    assert!(
        matches!(
            &found[..],
            [
                Misfit::UncompressedDockerLayer { .. },
                Misfit::ForeignLayer { .. },
                Misfit::Architecture { .. }
            ]
        ),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_index_that_lies_about_its_child_is_found_out() {
    let server = Server::start().await;
    let arm = Image::of("arm64", GZIP, &[layer(2, 10)]);
    server.push("a", "y", &arm);
    push_index(&server, "lie", &[child(&arm, "linux", "amd64", None)]);
    let found = misfits(resolve(&server, "lie", Platform::LinuxAmd64).await);
    assert!(matches!(&found[..], [Misfit::Architecture { found, .. }] if found == "arm64"), "{found:?}");
}

#[tokio::test]
async fn indexes_in_indexes_end() {
    let server = Server::start().await;
    let mut inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    for depth in 0..4 {
        let image =
            Image { blobs: Vec::new(), media_type: INDEX.to_owned(), manifest: Bytes::from(inner.clone()) };
        server.push("a", &format!("d{depth}"), &image);
        let entry = child(&image, "linux", "amd64", None);
        inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    }
    assert_eq!(misfits(resolve(&server, "d3", Platform::LinuxAmd64).await), [Misfit::NestedIndex]);
}
