//! Bad days of registries.

use landfall_sandbox::images::function_image;
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Sandbox, Service};

use crate::client::{Answer, artifactory_login, ecr_login, send, start};

const REPOSITORY: &str = "docker-build/shop/cart";

async fn ask(sandbox: &Sandbox, method: &str, place: &str) -> Answer {
    let login = artifactory_login(sandbox, REPOSITORY, "pull,push").await;
    let url = format!("{}/v2/{REPOSITORY}/{place}", sandbox.url(Service::Artifactory));
    let headers =
        [("authorization", login.as_str()), ("content-type", "application/vnd.oci.image.manifest.v1+json")];
    let body =
        if method == "PUT" { function_image("cart", "2", "amd64", 10).manifest } else { Vec::new().into() };
    send(method, &url, &headers, body).await.unwrap()
}

#[tokio::test]
async fn a_head_that_lies_ends_in_an_invalid_manifest() {
    let sandbox = start().await;
    sandbox.artifactory.configure(|quirks| quirks.head_lies = true);
    let place = format!("blobs/{}", digest_of(b"none"));
    assert_eq!(ask(&sandbox, "HEAD", &place).await.status, 200);
    assert_eq!(ask(&sandbox, "GET", &place).await.status, 404);
    let answer = ask(&sandbox, "PUT", "manifests/2").await;
    assert!(answer.code() == "MANIFEST_INVALID" && answer.text().contains("Failed to copy blob"));
}

#[tokio::test]
async fn what_is_missing_or_refused_may_both_be_403() {
    let sandbox = start().await;
    sandbox.artifactory.put_image(REPOSITORY, "1", &function_image("cart", "1", "amd64", 10));
    sandbox.artifactory.configure(|quirks| quirks.forbidden_if_missing = true);
    assert_eq!(ask(&sandbox, "GET", "manifests/1").await.status, 200);
    assert_eq!(ask(&sandbox, "GET", "manifests/2").await.code(), "DENIED");
    sandbox.artifactory.deny("docker-build/shop");
    assert_eq!(ask(&sandbox, "GET", "manifests/1").await.code(), "DENIED");
}

#[tokio::test]
async fn corrupt_bytes_have_the_right_length_and_name() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    let digest = sandbox.artifactory.put_image(REPOSITORY, "1", &image);
    let layer = digest_of(&image.layers[0].bytes);
    sandbox.artifactory.configure(|quirks| {
        quirks.corrupt_blob = Some(layer.clone());
        quirks.corrupt_manifest = Some(digest.clone());
    });
    let answer = ask(&sandbox, "GET", &format!("blobs/{layer}")).await;
    assert_eq!(
        (answer.body.len(), answer.header("docker-content-digest")),
        (image.layers[0].bytes.len(), layer.as_str())
    );
    assert_ne!(digest_of(&answer.body), layer);
    let answer = ask(&sandbox, "GET", "manifests/1").await;
    assert_eq!(answer.header("docker-content-digest"), digest);
    assert_ne!(digest_of(&answer.body), digest);
}

#[tokio::test]
async fn hostile_addresses_stand_where_they_are_told_to() {
    let sandbox = start().await;
    let foreign = sandbox.url(Service::Foreign);
    sandbox.ecr_registry.configure(|quirks| {
        quirks.realm = Some(format!("{foreign}/token"));
        quirks.upload_origin = Some(foreign.clone());
    });
    let base = sandbox.url(Service::EcrRegistry);
    let answer = send("GET", &format!("{base}/v2/"), &[], "").await.unwrap();
    assert!(answer.header("www-authenticate").contains(&format!("realm=\"{foreign}/token\"")));
    let login = ecr_login(&sandbox);
    let answer = send("POST", &format!("{base}/v2/app/blobs/uploads/"), &[("authorization", &login)], "")
        .await
        .unwrap();
    assert!(answer.header("location").starts_with(&foreign));
}

#[tokio::test]
async fn too_many_manifests_in_a_second_are_429_without_a_word_when_to_come_again() {
    let sandbox = start().await;
    sandbox.artifactory.configure(|quirks| quirks.manifests_per_second = Some(0));
    let answer = ask(&sandbox, "PUT", "manifests/2").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "TOOMANYREQUESTS"));
    assert!(!answer.headers.contains_key("retry-after"));
}
