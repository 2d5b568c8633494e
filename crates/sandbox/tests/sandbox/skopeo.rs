//! Skopeo as a peer: what a real client sends is understood, and what it reads is right.

use std::process::Output;

use landfall_sandbox::images::{Format, Image, ImageIndex, base_layers, function_image};
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

async fn copy(sandbox: &Sandbox, source: &str, target: &str, more: &[&str]) -> Output {
    let access = sandbox.artifactory_access();
    let artifactory = format!("{}:{}", access.user, access.password);
    let ecr = format!("AWS:{}", sandbox.ecr_password());
    let login = |address: &str| {
        let host = sandbox.host(Service::EcrRegistry);
        if address.contains(&host) { ecr.clone() } else { artifactory.clone() }
    };
    let (from, to) = (login(source), login(target));
    let mut arguments = vec![
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--src-creds",
        &from,
        "--dest-creds",
        &to,
    ];
    arguments.extend_from_slice(more);
    arguments.extend_from_slice(&[source, target]);
    skopeo(&arguments).await
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
        let output = copy(&sandbox, &source, &target, &[]).await;
        assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
        assert_eq!(sandbox.ecr_registry.digest_of("app", &format!("cart-{tag}")), Some(digest.clone()));

        let back = address(&sandbox, Service::Artifactory, &format!("docker-rc/shop/cart:{tag}"));
        let output = copy(&sandbox, &target, &back, &[]).await;
        assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
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
    let output = copy(&sandbox, &source, &target, &["--all"]).await;
    assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
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
