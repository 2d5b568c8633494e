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

#[tokio::test]
async fn too_many_uploads_in_a_second_are_the_same_429() {
    let sandbox = start().await;
    let url = format!("{}/v2/app/blobs/uploads/", sandbox.url(Service::EcrRegistry));
    let login = ecr_login(&sandbox);
    let begin = async || send("POST", &url, &[("authorization", &login)], "").await.unwrap();
    sandbox.ecr_registry.configure(|quirks| {
        quirks.ecr_quotas();
        assert_eq!((quirks.manifests_per_second, quirks.uploads_per_second), (Some(10), Some(100)));
    });
    assert_eq!(begin().await.status, 202);
    sandbox.ecr_registry.configure(|quirks| quirks.uploads_per_second = Some(0));
    let answer = begin().await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "TOOMANYREQUESTS"));
    assert!(!answer.headers.contains_key("retry-after"));
    assert_eq!(sandbox.ecr_registry.open_uploads(), 1);
}

#[tokio::test]
async fn a_presigned_address_is_good_for_as_many_downloads_and_as_long_as_told() {
    let sandbox = start().await;
    let digest = sandbox.ecr_registry.put_blob("app", b"0123456789".as_slice().into());
    let url = format!("{}/v2/app/blobs/{digest}", sandbox.url(Service::EcrRegistry));
    let login = ecr_login(&sandbox);
    let address = async || {
        let hop = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
        assert_eq!(hop.status, 307);
        hop.header("location").to_owned()
    };
    sandbox.storage.set_uses(Some(2));
    let location = address().await;
    for (range, expected) in [("bytes=0-4", 206), ("bytes=5-", 206), ("bytes=5-", 403)] {
        assert_eq!(send("GET", &location, &[("range", range)], "").await.unwrap().status, expected);
    }
    assert_eq!(send("GET", &address().await, &[], "").await.unwrap().status, 200, "a new one works again");
    sandbox.storage.set_uses(None);
    sandbox.storage.set_lifetime(std::time::Duration::ZERO);
    let location = address().await;
    assert!(location.contains("X-Amz-Expires=0&"), "{location}");
    let expired = send("GET", &location, &[], "").await.unwrap();
    assert!(expired.status == 403 && expired.text().contains("Request has expired"));
    sandbox.storage.set_lifetime(std::time::Duration::MAX);
    let location = address().await;
    assert_eq!(send("HEAD", &location, &[], "").await.unwrap().status, 403, "signed for GET only");
    assert_eq!(send("GET", &location, &[], "").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_plain_registry_announces_its_smallest_part() {
    let sandbox = start().await;
    let base = sandbox.url(Service::PlainRegistry);
    sandbox.plain_registry.configure(|quirks| quirks.min_part = Some(3));
    let begun = send("POST", &format!("{base}/v2/a/blobs/uploads/"), &[], "").await.unwrap();
    assert_eq!((begun.status.as_u16(), begun.header("oci-chunk-min-length")), (202, "3"));
    let mut location = format!("{base}{}", begun.header("location"));
    for (part, status) in [("abc", 202), ("d", 202), ("e", 400)] {
        let answer = send("PATCH", &location, &[], part).await.unwrap();
        assert_eq!(answer.status, status, "{part}: {}", answer.text());
        location = format!("{base}{}", answer.header("location"));
    }
}
