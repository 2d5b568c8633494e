//! ECR's API, one documented exchange at a time.

use landfall_artifacts::{Digest, Explain as _, Tag};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_registry::{EcrClient, Login};
use landfall_secret::Secret;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::server::{http, run};

fn client(server: &MockServer) -> EcrClient {
    let keys = AwsKeys::new("AKIDEXAMPLE", Secret::new("canary-secret-key"), None);
    let endpoints = Endpoints { ecr: Some(server.uri()), ..Endpoints::default() };
    let config = AwsConfig::new("eu-west-2", keys, endpoints, http()).expect("a configuration");
    EcrClient::new(&config).expect("a client")
}

async fn answers(server: &MockServer, operation: &str, asked: Value, status: u16, body: Value) {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    let template = ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.1");
    Mock::given(method("POST"))
        .and(header("x-amz-target", target.as_str()))
        .and(body_partial_json(asked))
        .respond_with(template)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_login_is_read_and_kept_secret() {
    let server = MockServer::start().await;
    let data = json!({
        "authorizationToken": "QVdTOmNhbmFyeS1lY3ItcGFzc3dvcmQ=",
        "expiresAt": 1_700_000_000.5,
        "proxyEndpoint": "https://123456789012.dkr.ecr.eu-west-2.amazonaws.com"
    });
    answers(&server, "GetAuthorizationToken", json!({}), 200, json!({"authorizationData": [data]})).await;
    let run = run();
    let login = client(&server).authorization_token(&run).await.expect("a login");
    assert_eq!((login.user.as_str(), login.password.expose()), ("AWS", "canary-ecr-password"));
    assert_eq!(login.host, "123456789012.dkr.ecr.eu-west-2.amazonaws.com");
    assert_eq!(login.expires_at.unix_timestamp(), 1_700_000_000);
    assert!(matches!(login.login(), Login::Basic { .. }));
    assert!(!format!("{login:?}").contains("canary"));
    assert!(!run.redactor().redact("canary-ecr-password").contains("canary"));
}

#[tokio::test]
async fn a_denial_and_an_odd_answer_are_errors_with_remedies() {
    let server = MockServer::start().await;
    let denied = json!({"__type": "AccessDeniedException", "message": "User is not authorized to perform: ecr:GetAuthorizationToken"});
    answers(&server, "GetAuthorizationToken", json!({}), 400, denied).await;
    let error = client(&server).authorization_token(&run()).await.expect_err("denied");
    assert_eq!(error.code(), "LF-ECR-AUTH");
    assert!(error.remedy().is_some());

    let server = MockServer::start().await;
    let data = json!({"authorizationToken": "bm8tY29sb24=", "expiresAt": 1.0, "proxyEndpoint": "https://x"});
    answers(&server, "GetAuthorizationToken", json!({}), 200, json!({"authorizationData": [data]})).await;
    let error = client(&server).authorization_token(&run()).await.expect_err("odd");
    assert_eq!(error.code(), "LF-ECR-TOKEN");
}

#[tokio::test]
async fn digests_of_tags_and_repositories_are_asked_for_in_batches() {
    let server = MockServer::start().await;
    let digest = Digest::of(b"m");
    let body = json!({
        "images": [{"imageId": {"imageTag": "a-1", "imageDigest": digest}, "imageManifest": "{}"}],
        "failures": [{"imageId": {"imageTag": "b-1"}, "failureCode": "ImageNotFound", "failureReason": "no"}]
    });
    answers(&server, "BatchGetImage", json!({"repositoryName": "app"}), 200, body).await;
    let tags: Vec<Tag> = ["a-1", "b-1"].map(|tag| tag.parse().expect("a tag")).to_vec();
    let found = client(&server).digests_by_tag("app", &tags, &run()).await.expect("an answer");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(tags[0].clone(), digest)]);
    let digests = [digest, Digest::of(b"gone")];
    let found = client(&server).digests_there("app", &digests, &run()).await.expect("an answer");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [digest]);

    let repository =
        json!({"repositoryName": "app", "repositoryUri": "h/app", "imageTagMutability": "IMMUTABLE"});
    let missing = json!({"__type": "RepositoryNotFoundException", "message": "no"});
    let asked = |names: &[&str]| json!({"repositoryNames": names});
    answers(&server, "DescribeRepositories", asked(&["app", "other"]), 400, missing.clone()).await;
    answers(&server, "DescribeRepositories", asked(&["other"]), 400, missing).await;
    answers(&server, "DescribeRepositories", asked(&["app"]), 200, json!({"repositories": [repository]}))
        .await;
    let names = ["app".to_owned(), "other".to_owned()];
    let found = client(&server).describe_repositories(&names, &run()).await.expect("an answer");
    assert_eq!(found.missing, ["other"]);
    assert!(found.found.len() == 1 && found.found[0].is_immutable);
}
