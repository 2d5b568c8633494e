//! ECR: API, logins, tags that stay, manifests that are checked.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_sandbox::image_facts::ImageFacts;
use landfall_sandbox::images::{Format, Image, ImageIndex, Layer, function_image};
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Sandbox, Service};
use serde_json::{Value, json};

use crate::client::{Answer, basic, ecr_call, ecr_login, send, start};

const REGION: &str = "eu-west-1";

async fn put(sandbox: &Sandbox, reference: &str, image: &Image, content_type: &str) -> Answer {
    let url = format!("{}/v2/app/manifests/{reference}", sandbox.url(Service::EcrRegistry));
    let login = ecr_login(sandbox);
    let headers = [("authorization", login.as_str()), ("content-type", content_type)];
    send("PUT", &url, &headers, image.manifest.clone()).await.unwrap()
}

#[tokio::test]
async fn the_token_that_the_api_gives_opens_the_registry() {
    let sandbox = start().await;
    let keys = sandbox.issued.temporary(
        "111122223333",
        "arn:aws:sts::111122223333:assumed-role/D/s",
        Duration::from_secs(900),
    );
    let answer = ecr_call(&sandbox, &keys, REGION, "GetAuthorizationToken", Value::Null).await;
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
    let data = answer.json()["authorizationData"][0].clone();
    assert!(data["expiresAt"].as_f64().unwrap() > 1_700_000_000.0);
    assert_eq!(data["proxyEndpoint"], sandbox.url(Service::EcrRegistry));
    let token = data["authorizationToken"].as_str().unwrap();
    assert!(STANDARD.decode(token).unwrap().starts_with(b"AWS:"));
    let url = format!("{}/v2/", sandbox.url(Service::EcrRegistry));
    assert_eq!(
        send("GET", &url, &[("authorization", &format!("Basic {token}"))], "").await.unwrap().status,
        200
    );
    let answer = send("GET", &url, &[("authorization", &basic("AWS", "guess"))], "").await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").ends_with("service=\"ecr.amazonaws.com\""));
    sandbox.ecr_tokens.expire_all();
    let answer = send("GET", &url, &[("authorization", &format!("Basic {token}"))], "").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "DENIED"));
    assert!(answer.text().contains("expired"));
}

#[tokio::test]
async fn keys_are_checked_by_the_api_and_denied_actions_by_the_registry() {
    let sandbox = start().await;
    let keys = sandbox.issued.temporary("111122223333", "arn:x", Duration::from_secs(900));
    let kind =
        |answer: &Answer| (answer.status.as_u16(), answer.json()["__type"].as_str().unwrap().to_owned());
    let call = async |region: &'static str| {
        ecr_call(&sandbox, &keys, region, "GetAuthorizationToken", Value::Null).await
    };
    assert_eq!(kind(&call("us-east-1").await), (400, "InvalidSignatureException".to_owned()));
    sandbox.issued.deny_all("ecr:GetAuthorizationToken");
    assert_eq!(kind(&call(REGION).await), (400, "AccessDeniedException".to_owned()));
    sandbox.issued.expire_all();
    assert_eq!(kind(&call(REGION).await), (400, "ExpiredTokenException".to_owned()));
    sandbox.issued.revoke(&keys.access_key_id);
    assert_eq!(kind(&call(REGION).await), (400, "UnrecognizedClientException".to_owned()));

    sandbox.issued.deny(&sandbox.static_keys().access_key_id, "ecr:PutImage");
    let image = function_image("cart", "1", "amd64", 10);
    let answer = put(&sandbox, "1", &image, &image.media_type).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "DENIED"));
}

#[tokio::test]
async fn an_immutable_tag_refuses_even_the_same_image() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    for blob in image.blobs() {
        sandbox.ecr_registry.put_blob("app", blob.clone());
    }
    assert_eq!(put(&sandbox, "1", &image, &image.media_type).await.status, 201);
    let answer = put(&sandbox, "1", &image, &image.media_type).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "TAG_INVALID"));
    assert!(answer.text().contains("cannot be overwritten because the tag is immutable"));
    assert_eq!(
        put(&sandbox, &image.digest(), &image, &image.media_type).await.status,
        201,
        "by digest it may come again"
    );
}

#[tokio::test]
async fn a_manifest_is_taken_only_when_it_is_complete_and_what_it_says() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    let answer = put(&sandbox, "1", &image, &image.media_type).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "MANIFEST_BLOB_UNKNOWN"));
    for blob in image.blobs() {
        sandbox.ecr_registry.put_blob("app", blob.clone());
    }
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(put(&sandbox, "1", &image, docker).await.code(), "MANIFEST_INVALID");
    assert_eq!(put(&sandbox, &digest_of(b"x"), &image, &image.media_type).await.code(), "DIGEST_INVALID");
    assert_eq!(put(&sandbox, "-1", &image, &image.media_type).await.code(), "TAG_INVALID");
    let mut wrong = image.clone();
    let size = image.config.len();
    wrong.manifest = String::from_utf8(image.manifest.to_vec())
        .unwrap()
        .replace(&format!("\"size\":{size}"), "\"size\":1")
        .into();
    assert_eq!(put(&sandbox, "1", &wrong, &image.media_type).await.code(), "MANIFEST_INVALID");
    assert!(sandbox.ecr_registry.tags("app").is_empty());

    let url = format!("{}/v2/none/manifests/1", sandbox.url(Service::EcrRegistry));
    let answer = send("GET", &url, &[("authorization", &ecr_login(&sandbox))], "").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "NAME_UNKNOWN"));
}

#[tokio::test]
async fn accept_is_obeyed_and_tags_are_listed_in_pages() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    for tag in ["c", "a", "b"] {
        sandbox.ecr_registry.put_image("app", tag, &image);
    }
    let base = format!("{}/v2/app", sandbox.url(Service::EcrRegistry));
    let login = ecr_login(&sandbox);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let answer =
        send("GET", &format!("{base}/manifests/a"), &[("authorization", &login), ("accept", docker)], "")
            .await
            .unwrap();
    assert_eq!(answer.status, 404);
    let answer =
        send("GET", &format!("{base}/tags/list?n=2"), &[("authorization", &login)], "").await.unwrap();
    assert_eq!(answer.json()["tags"], json!(["a", "b"]));
    assert_eq!(answer.header("link"), "</v2/app/tags/list?n=2&last=b>; rel=\"next\"");
    let answer =
        send("GET", &format!("{base}/tags/list?n=2&last=b"), &[("authorization", &login)], "").await.unwrap();
    assert_eq!((answer.json()["tags"].clone(), answer.header("link")), (json!(["c"]), ""));
}

#[tokio::test]
async fn lambda_learns_whether_it_is_an_image_and_for_what() {
    let sandbox = start().await;
    let registry = &sandbox.ecr_registry;
    let image = Image::new(Format::Docker, "arm64", vec![Layer::new(&[("var/task/a.js", b"1")])], &[]);
    let digest = registry.put_image("app", "one", &image);
    registry.put_index("app", "all", &ImageIndex::new(vec![image], true));
    let host = sandbox.host(Service::EcrRegistry);
    let facts = ImageFacts::Image { digest: digest.clone(), architecture: "arm64".to_owned() };
    assert_eq!(registry.image(&format!("{host}/app:one")), facts);
    assert_eq!(registry.image(&format!("{host}/app@{digest}")), facts);
    assert_eq!(registry.image(&format!("{host}/app:all")), ImageFacts::Index);
    for address in
        [format!("{host}/app:none"), format!("{host}/none:one"), "elsewhere/app:one".to_owned(), host]
    {
        assert_eq!(registry.image(&address), ImageFacts::Missing);
    }
}
