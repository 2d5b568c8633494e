//! Skopeo as a peer: what a real client sends is understood, and what it reads is right.

use std::collections::BTreeSet;
use std::process::Output;

use landfall_sandbox::images::{Format, Image, ImageIndex, base_layers, function_image};
use landfall_sandbox::registry::{Mounts, Registry, digest_of};
use landfall_sandbox::{Sandbox, Service};
use serde_json::Value;
use tokio::process::Command;

use crate::client::start;

async fn skopeo(arguments: &[&str]) -> Output {
    Command::new(std::env::var_os("LANDFALL_SKOPEO").unwrap_or_else(|| "skopeo".into()))
        .args(arguments)
        .output()
        .await
        .expect("skopeo is installed")
}

/// User and password of the registry that an address is at; none for the plain one.
fn login(sandbox: &Sandbox, address: &str) -> Option<String> {
    let access = sandbox.artifactory_access();
    let is_at = |service| address.contains(&sandbox.host(service));
    if is_at(Service::EcrRegistry) {
        Some(format!("AWS:{}", sandbox.ecr_password()))
    } else {
        is_at(Service::Artifactory).then(|| format!("{}:{}", access.user, access.password))
    }
}

async fn copy(sandbox: &Sandbox, source: &str, target: &str, more: &[&str]) -> Output {
    let (from, to) = (login(sandbox, source), login(sandbox, target));
    let mut arguments = vec!["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    for (option, login) in [("--src-creds", &from), ("--dest-creds", &to)] {
        arguments.extend(login.iter().flat_map(|login| [option, login]));
    }
    arguments.extend_from_slice(more);
    arguments.extend_from_slice(&[source, target]);
    skopeo(&arguments).await
}

/// Copies, and says what the registries saw where it fails.
async fn copied(sandbox: &Sandbox, source: &str, target: &str, more: &[&str]) {
    let output = copy(sandbox, source, target, more).await;
    assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
}

/// The bytes of a manifest.
async fn raw(sandbox: &Sandbox, address: &str) -> Vec<u8> {
    let login = login(sandbox, address);
    let mut arguments = vec!["inspect", "--raw", "--tls-verify=false"];
    arguments.extend(login.iter().flat_map(|login| ["--creds", login]));
    arguments.push(address);
    let output = skopeo(&arguments).await;
    assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
    output.stdout
}

fn address(sandbox: &Sandbox, service: Service, rest: &str) -> String {
    format!("docker://{}/{rest}", sandbox.host(service))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs skopeo; `cargo xtask test` runs it"]
async fn skopeo_copies_from_artifactory_to_ecr_and_back() {
    let sandbox = start().await;
    let oci = function_image("cart", "1.0.0", "amd64", 3_000_000);
    let docker = Image::new(Format::Docker, "amd64", base_layers("amd64", 100_000), &[("a", "b")]);
    for (tag, image) in [("1.0.0", &oci), ("2.0.0", &docker)] {
        let digest = sandbox.artifactory.put_image("docker-build/shop/cart", tag, image);
        let source = address(&sandbox, Service::Artifactory, &format!("docker-build/shop/cart:{tag}"));
        let target = address(&sandbox, Service::EcrRegistry, &format!("app:cart-{tag}"));
        copied(&sandbox, &source, &target, &[]).await;
        assert_eq!(sandbox.ecr_registry.digest_of("app", &format!("cart-{tag}")), Some(digest.clone()));

        let back = address(&sandbox, Service::Artifactory, &format!("docker-rc/shop/cart:{tag}"));
        copied(&sandbox, &target, &back, &[]).await;
        assert_eq!(sandbox.artifactory.digest_of("docker-rc/shop/cart", tag), Some(digest));
    }
    assert!(sandbox.journal().of(Service::Storage).iter().all(|entry| entry.authorization().is_none()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs skopeo; `cargo xtask test` runs it"]
async fn skopeo_inspects_and_copies_a_whole_index() {
    let sandbox = start().await;
    sandbox.artifactory.configure(|quirks| quirks.redirect_blobs = true);
    let images = vec![function_image("cart", "1", "amd64", 1000), function_image("cart", "1", "arm64", 1000)];
    let index = ImageIndex::new(images, false);
    let digest = sandbox.artifactory.put_index("docker-build/shop/cart", "1", &index);
    let source = address(&sandbox, Service::Artifactory, "docker-build/shop/cart:1");
    let target = address(&sandbox, Service::EcrRegistry, "app:cart");
    copied(&sandbox, &source, &target, &["--all"]).await;
    assert_eq!(sandbox.ecr_registry.digest_of("app", "cart"), Some(digest));

    let login = format!("AWS:{}", sandbox.ecr_password());
    let inspect = ["inspect", "--tls-verify=false", "--creds", &login, "--override-arch", "arm64", &target];
    let output = skopeo(&inspect).await;
    assert!(output.status.success(), "{output:?}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((seen["Architecture"].as_str(), seen["RepoTags"][0].as_str()), (Some("arm64"), Some("cart")));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs skopeo; `cargo xtask test` runs it"]
async fn skopeo_is_told_about_an_immutable_tag_and_a_missing_repository() {
    let sandbox = start().await;
    sandbox.artifactory.put_image("docker-build/shop/cart", "1", &function_image("cart", "1", "amd64", 10));
    sandbox.ecr_registry.put_image("app", "cart", &function_image("cart", "0", "amd64", 10));
    let source = address(&sandbox, Service::Artifactory, "docker-build/shop/cart:1");
    let output = copy(&sandbox, &source, &address(&sandbox, Service::EcrRegistry, "app:cart"), &[]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("tag is immutable"), "{output:?}");
    let output = copy(&sandbox, &source, &address(&sandbox, Service::EcrRegistry, "none:cart"), &[]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not exist in the registry"), "{output:?}");
}

/// Where images go; the name is good in every mood.
const TARGETS: [Service; 3] = [Service::PlainRegistry, Service::EcrRegistry, Service::Artifactory];

fn registry(sandbox: &Sandbox, service: Service) -> &Registry {
    match service {
        Service::EcrRegistry => &sandbox.ecr_registry,
        Service::Artifactory => &sandbox.artifactory,
        _ => &sandbox.plain_registry,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs skopeo; `cargo xtask test` runs it"]
async fn skopeo_reads_the_same_bytes_in_every_mood_by_tag_and_by_digest() {
    let sandbox = start().await;
    let docker = Image::new(Format::Docker, "amd64", base_layers("amd64", 1000), &[("a", "b")]);
    let oci = function_image("cart", "1", "amd64", 1000);
    let index = ImageIndex::new(vec![oci.clone()], true);
    for service in TARGETS {
        let registry = registry(&sandbox, service);
        let name = "docker-build/shop/cart";
        registry.put_image(name, "docker", &docker);
        registry.put_image(name, "oci", &oci);
        registry.put_index(name, "index", &index);
        for (tag, bytes) in [("docker", &docker.manifest), ("oci", &oci.manifest), ("index", &index.manifest)]
        {
            let digest = registry.digest_of(name, tag).unwrap();
            for reference in [format!("{name}:{tag}"), format!("{name}@{digest}")] {
                let seen = raw(&sandbox, &address(&sandbox, service, &reference)).await;
                assert_eq!(&seen, bytes, "{service:?} {reference}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs skopeo; `cargo xtask test` runs it"]
async fn a_second_copy_by_skopeo_uploads_nothing() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 100_000);
    sandbox.artifactory.put_image("docker-build/shop/cart", "1", &image);
    sandbox.ecr_registry.create_repository("docker-rc/shop/cart", false);
    let source = address(&sandbox, Service::Artifactory, "docker-build/shop/cart:1");
    for service in TARGETS {
        let target = address(&sandbox, service, "docker-rc/shop/cart:1");
        copied(&sandbox, &source, &target, &[]).await;
        let before = registry(&sandbox, service).uploaded().len();
        assert_eq!(before, image.blobs().count(), "{service:?}");
        sandbox.journal().clear();
        copied(&sandbox, &source, &target, &[]).await;
        let journal = sandbox.journal();
        let uploads: Vec<_> =
            journal.of(service).into_iter().filter(|entry| entry.target.contains("/uploads/")).collect();
        assert!(uploads.is_empty(), "{uploads:?}");
        assert_eq!(registry(&sandbox, service).digest_of("docker-rc/shop/cart", "1"), Some(image.digest()));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs skopeo; `cargo xtask test` runs it"]
async fn skopeo_mounts_what_it_copied_before_where_that_is_allowed() {
    let sandbox = start().await;
    let (one, two) =
        (function_image("one", "1", "amd64", 50_000), function_image("two", "1", "amd64", 50_000));
    sandbox.artifactory.put_image("docker-build/shop/one", "1", &one);
    sandbox.artifactory.put_image("docker-build/shop/two", "1", &two);
    sandbox.ecr_registry.configure(|quirks| quirks.mounts = Mounts::AfterManifest);
    for service in TARGETS {
        for name in ["one", "two"] {
            sandbox.ecr_registry.create_repository(&format!("docker-rc/shop/{name}"), false);
            let source = address(&sandbox, Service::Artifactory, &format!("docker-build/shop/{name}:1"));
            copied(&sandbox, &source, &address(&sandbox, service, &format!("docker-rc/shop/{name}:1")), &[])
                .await;
        }
        let registry = registry(&sandbox, service);
        let shared: BTreeSet<_> = two.layers[..2].iter().map(|layer| digest_of(&layer.bytes)).collect();
        let mounted: BTreeSet<_> = registry.mounted().into_iter().map(|(_, digest)| digest).collect();
        let expected = if service == Service::Artifactory { BTreeSet::new() } else { shared };
        assert_eq!(mounted, expected, "{service:?}");
        assert_eq!(registry.digest_of("docker-rc/shop/two", "1"), Some(two.digest()));
    }
}
