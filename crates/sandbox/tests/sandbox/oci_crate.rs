//! The crate `oci-client` as a peer: a client in Rust that others have written, with habits of its own (parts of 4 MiB, a PATCH for each piece of a
//! stream, exactly 202 for each of them, tokens by the scope that it makes up itself).

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::HeaderValue;
use landfall_sandbox::images::{Image, function_image};
use landfall_sandbox::registry::{Mounts, Registry, digest_of};
use landfall_sandbox::{Content, Fault, Sandbox, Service, What};
use oci_client::client::{BlobResponse, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use crate::client::start;

/// Allowed everywhere: the first part is Artifactory's key.
const REPOSITORY: &str = "docker-build/shop/cart";
const OTHER: &str = "docker-build/shop/base";
const MOODS: [Service; 3] = [Service::PlainRegistry, Service::EcrRegistry, Service::Artifactory];

fn image() -> Image {
    function_image("cart", "1", "amd64", 10_000)
}

fn registry(sandbox: &Sandbox, service: Service) -> &Registry {
    match service {
        Service::EcrRegistry => &sandbox.ecr_registry,
        Service::Artifactory => &sandbox.artifactory,
        _ => &sandbox.plain_registry,
    }
}

fn auth(sandbox: &Sandbox, service: Service) -> RegistryAuth {
    let access = sandbox.artifactory_access();
    match service {
        Service::EcrRegistry => RegistryAuth::Basic("AWS".to_owned(), sandbox.ecr_password()),
        Service::Artifactory => RegistryAuth::Basic(access.user.clone(), access.password.clone()),
        _ => RegistryAuth::Anonymous,
    }
}

async fn sandbox() -> Sandbox {
    let sandbox = start().await;
    for name in [REPOSITORY, OTHER] {
        sandbox.ecr_registry.create_repository(name, false);
    }
    sandbox
}

/// A client that is logged in.
async fn client(sandbox: &Sandbox, service: Service, is_monolithic: bool) -> Client {
    // Where the whole workspace is built together, the client's TLS wants a provider, also for plain HTTP. A second test finds it there.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = ClientConfig {
        protocol: ClientProtocol::Http,
        use_monolithic_push: is_monolithic,
        ..ClientConfig::default()
    };
    let client = Client::new(config);
    client.store_auth_if_needed(&sandbox.host(service), &auth(sandbox, service)).await;
    client
}

fn reference(sandbox: &Sandbox, service: Service, repository: &str, tag: &str) -> Reference {
    format!("{}/{repository}:{tag}", sandbox.host(service)).parse().unwrap()
}

/// Pushes blobs and manifest as they are, so that the digest stays.
async fn push(client: &Client, image: &Image, to: &Reference) {
    for blob in image.blobs() {
        client.push_blob(to, blob.clone(), &digest_of(blob)).await.unwrap();
    }
    let media_type = HeaderValue::from_str(&image.media_type).unwrap();
    client.push_manifest_raw(to, image.manifest.clone(), media_type).await.unwrap();
}

#[tokio::test]
async fn an_image_goes_in_whole_and_in_parts_and_comes_out_the_same() {
    // Two layers of a little more than one part of the crate's.
    let (sandbox, image) = (sandbox().await, function_image("cart", "1", "amd64", 4 * 1024 * 1024 + 100_000));
    for service in MOODS {
        for (is_monolithic, tag) in [(true, "whole"), (false, "parts")] {
            let client = client(&sandbox, service, is_monolithic).await;
            let target = reference(&sandbox, service, REPOSITORY, tag);
            sandbox.journal().clear();
            push(&client, &image, &target).await;
            assert_eq!(registry(&sandbox, service).digest_of(REPOSITORY, tag), Some(image.digest()));
            let patches: Vec<_> = sandbox
                .journal()
                .of(service)
                .into_iter()
                .filter(|entry| entry.method == "PATCH")
                .map(|entry| (entry.request_content(), entry.status))
                .collect();
            // ECR answers 201 to the first part, which the crate takes for no registry of the specification: it starts anew with one PUT.
            let expected = match (is_monolithic, service) {
                (true, _) => Vec::new(),
                (false, Service::EcrRegistry) => vec![(Content::Blob, Some(201)); 4],
                (false, _) => vec![(Content::Blob, Some(202)); 6],
            };
            assert_eq!(patches, expected, "{service:?}: two large layers in two parts each, two small blobs");

            let (auth, types) = (auth(&sandbox, service), [image.media_type.as_str()]);
            let (bytes, digest) = client.pull_manifest_raw(&target, &auth, &types).await.unwrap();
            assert_eq!((&bytes, &digest), (&image.manifest, &image.digest()));
            let layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";
            let pulled = client.pull(&target, &auth, vec![layer_type]).await.unwrap();
            let mut layers: Vec<_> = pulled.layers.into_iter().map(|layer| layer.data).collect();
            let mut expected: Vec<_> = image.layers.iter().map(|layer| layer.bytes.clone()).collect();
            layers.sort();
            expected.sort();
            assert!(layers == expected && pulled.config.data == image.config);
            assert_eq!(client.fetch_manifest_digest(&target, &auth).await.unwrap(), image.digest());
        }
    }
    assert!(sandbox.journal().of(Service::Storage).iter().all(|entry| entry.authorization().is_none()));
}

#[tokio::test]
async fn a_stream_in_pieces_goes_to_registries_of_the_specification_only() {
    let sandbox = sandbox().await;
    let pieces =
        || stream::iter([b"one".as_slice(), b"two", b"three"].map(|piece| Ok(bytes::Bytes::from(piece))));
    let digest = digest_of(b"onetwothree");
    for service in MOODS {
        let client = client(&sandbox, service, false).await;
        let target = reference(&sandbox, service, REPOSITORY, "1");
        let pushed = client.push_blob_stream(&target, pieces(), &digest, None).await;
        let is_there = registry(&sandbox, service).has_blob(REPOSITORY, &digest);
        if service == Service::EcrRegistry {
            assert!(matches!(pushed, Err(OciDistributionError::SpecViolationError(_))), "{pushed:?}");
            assert!(!is_there);
        } else {
            pushed.unwrap();
            assert!(is_there);
        }
    }
}

#[tokio::test]
async fn what_is_there_is_told_and_read_from_the_middle() {
    let (sandbox, image) = (sandbox().await, image());
    let layer = &image.layers[0].bytes;
    for service in MOODS {
        let target = reference(&sandbox, service, REPOSITORY, "b");
        for tag in ["a", "b", "c"] {
            registry(&sandbox, service).put_image(REPOSITORY, tag, &image);
        }
        let (client, auth) = (client(&sandbox, service, true).await, auth(&sandbox, service));
        let listed = client.list_tags(&target, &auth, Some(2), None).await.unwrap();
        assert_eq!(listed.tags, ["a", "b"]);
        let listed = client.list_tags(&target, &auth, Some(2), Some("b")).await.unwrap();
        assert_eq!(listed.tags, ["c"]);
        assert!(client.blob_exists(&target, &digest_of(layer)).await.unwrap());
        assert!(!client.blob_exists(&target, &digest_of(b"none")).await.unwrap());
        let digest = digest_of(layer);
        let part = client.pull_blob_stream_partial(&target, digest.as_str(), 1000, Some(50)).await.unwrap();
        let BlobResponse::Partial(part) = part else { panic!("{service:?}: all came") };
        let bytes = part.stream.try_fold(Vec::new(), async |all, one| Ok([all, one.to_vec()].concat())).await;
        assert_eq!(bytes.unwrap(), layer[1000..1050]);
    }
}

#[tokio::test]
async fn mounts_are_201_where_they_are_allowed() {
    let (sandbox, image) = (sandbox().await, image());
    let digest = digest_of(&image.layers[0].bytes);
    for service in MOODS {
        let registry = registry(&sandbox, service);
        registry.put_blob(OTHER, image.layers[0].bytes.clone());
        let client = client(&sandbox, service, true).await;
        let (from, to) =
            (reference(&sandbox, service, OTHER, "1"), reference(&sandbox, service, REPOSITORY, "1"));
        let mounted = client.mount_blob(&to, &from, &digest).await;
        assert_eq!(mounted.is_ok(), service == Service::PlainRegistry, "{service:?}: {mounted:?}");
        if service == Service::EcrRegistry {
            registry.configure(|quirks| quirks.mounts = Mounts::AfterManifest);
            client.mount_blob(&to, &from, &digest).await.unwrap_err();
            registry.put_image(OTHER, "1", &image);
            client.mount_blob(&to, &from, &digest).await.unwrap();
        }
        assert_eq!(registry.has_blob(REPOSITORY, &digest), service != Service::Artifactory);
    }
}

#[tokio::test]
async fn referrers_come_from_the_api_or_from_the_tag() {
    let (sandbox, image) = (sandbox().await, image());
    let empty = serde_json::json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2});
    let signature = serde_json::json!({
        "schemaVersion": 2, "mediaType": image.media_type, "artifactType": "application/vnd.test.signature",
        "config": empty, "layers": [empty],
        "subject": {"mediaType": image.media_type, "digest": image.digest(), "size": image.manifest.len()},
    });
    let signature = bytes::Bytes::from(signature.to_string());
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": index_type, "manifests": [{
        "mediaType": image.media_type, "digest": digest_of(&signature), "size": signature.len(),
        "artifactType": "application/vnd.test.signature",
    }]});
    for service in MOODS {
        let registry = registry(&sandbox, service);
        registry.put_blob(REPOSITORY, b"{}".as_slice().into());
        registry.put_manifest(REPOSITORY, &digest_of(&signature), &signature, &image.media_type);
        if service == Service::Artifactory {
            let tag = image.digest().replace(':', "-");
            registry.put_manifest(REPOSITORY, &tag, &index.to_string().into(), index_type);
        }
        let client = client(&sandbox, service, true).await;
        let subject = format!("{}/{REPOSITORY}@{}", sandbox.host(service), image.digest()).parse().unwrap();
        for (kind, count) in [(None, 1), (Some("application/vnd.test.signature"), 1), (Some("a/b"), 0)] {
            let found = client.pull_referrers(&subject, kind).await.unwrap();
            assert_eq!(found.manifests.len(), count, "{service:?} {kind:?}");
            assert!(found.manifests.iter().all(|one| one.digest == digest_of(&signature)));
        }
    }
}

#[tokio::test]
async fn damage_is_seen_by_a_client_that_looks() {
    let (sandbox, image) = (sandbox().await, image());
    sandbox.plain_registry.put_image(REPOSITORY, "1", &image);
    let client = client(&sandbox, Service::PlainRegistry, true).await;
    let source = reference(&sandbox, Service::PlainRegistry, REPOSITORY, "1");
    let digest = digest_of(&image.layers[0].bytes);
    for what in [
        What::FlipBit(77),
        What::Shorten(1),
        What::Lengthen(1),
        What::CutAfterBytes(500),
        What::PromiseMore(1),
    ] {
        let strikes = sandbox.faults().add(Fault::new(what.clone()).matching(&digest));
        let read = async {
            let mut stream = client.pull_blob_stream(&source, digest.as_str()).await.ok()?.stream;
            let mut length = 0;
            while let Some(piece) = stream.next().await {
                length += piece.ok()?.len();
            }
            Some(length)
        };
        assert_eq!((read.await, strikes.count()), (None, 1), "{what:?}");
    }
    let mut whole = Vec::new();
    client.pull_blob(&source, digest.as_str(), &mut whole).await.unwrap();
    assert_eq!(whole, image.layers[0].bytes);
}
