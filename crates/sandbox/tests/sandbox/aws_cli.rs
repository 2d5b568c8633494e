//! The AWS CLI as a peer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_sandbox::images::function_image;
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Sandbox, Service};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::{ecr_call, send, start};

async fn aws(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let keys = sandbox.static_keys();
    let output = Command::new(std::env::var_os("LANDFALL_AWS_CLI").unwrap_or_else(|| "aws".into()))
        .args(arguments)
        .envs(sandbox.env())
        .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .args(["--output", "json"])
        .output()
        .await
        .expect("the AWS CLI is installed");
    assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the AWS CLI; `cargo xtask test` runs it"]
async fn the_aws_cli_reads_ecr_sts_and_lambda() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    let digest = sandbox.ecr_registry.put_image("app", "cart", &image);
    let address = format!("{}/app:cart", sandbox.host(Service::EcrRegistry));
    sandbox.lambda.create_function("CartFunction", "x86_64", &address);

    let seen = aws(&sandbox, &["sts", "get-caller-identity"]).await;
    assert_eq!(seen["Account"].as_str(), Some(sandbox.options().account.as_str()));
    let seen = aws(&sandbox, &["ecr", "get-authorization-token"]).await;
    let token = seen["authorizationData"][0]["authorizationToken"].as_str().unwrap().to_owned();
    assert!(STANDARD.decode(&token).unwrap().starts_with(b"AWS:"));
    let url = format!("{}/v2/", sandbox.url(Service::EcrRegistry));
    assert_eq!(
        send("GET", &url, &[("authorization", &format!("Basic {token}"))], "").await.unwrap().status,
        200
    );

    let seen = aws(&sandbox, &["ecr", "describe-repositories"]).await;
    assert_eq!(seen["repositories"][0]["repositoryName"], "app");
    let seen = aws(&sandbox, &["ecr", "describe-images", "--repository-name", "app"]).await;
    assert_eq!(seen["imageDetails"][0]["imageDigest"], digest.as_str());
    let seen = aws(
        &sandbox,
        &["ecr", "batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=cart"],
    )
    .await;
    assert_eq!(seen["images"][0]["imageId"]["imageDigest"], digest.as_str());
    let layer = digest_of(&image.config);
    let call =
        ["ecr", "batch-check-layer-availability", "--repository-name", "app", "--layer-digests", &layer];
    assert_eq!(aws(&sandbox, &call).await["layers"][0]["layerAvailability"], "AVAILABLE");

    let seen = aws(&sandbox, &["lambda", "get-function", "--function-name", "CartFunction"]).await;
    assert_eq!(seen["Code"]["ImageUri"], address.as_str());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the AWS CLI; `cargo xtask test` runs it"]
async fn what_ecr_answers_is_wholly_in_the_model_of_the_aws_cli() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    let digest = sandbox.ecr_registry.put_image("app", "cart", &image);
    let archived = sandbox.ecr_registry.put_blob("app", b"archived".as_slice().into());
    sandbox.ecr_registry.archive_blob("app", &archived);
    let (held, absent) = (digest_of(&image.config), digest_of(b"none"));
    let ids =
        json!([{"imageTag": "cart"}, {"imageDigest": digest}, {"imageTag": "none"}, {"imageDigest": "x"}]);
    let cases = [
        (
            "batch-check-layer-availability",
            "BatchCheckLayerAvailability",
            json!({"repositoryName": "app", "layerDigests": [held, absent, archived, "x"]}),
        ),
        ("batch-get-image", "BatchGetImage", json!({"repositoryName": "app", "imageIds": ids})),
        ("list-images", "ListImages", json!({"repositoryName": "app"})),
    ];
    for (command, operation, body) in cases {
        let raw = ecr_call(&sandbox, sandbox.static_keys(), "eu-west-1", operation, body.clone()).await;
        let parsed = aws(&sandbox, &["ecr", command, "--cli-input-json", &body.to_string()]).await;
        // The CLI drops what its model does not know, so nothing may be missing.
        assert_eq!(parsed, raw.json(), "{operation}");
    }
}
