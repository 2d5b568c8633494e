//! Tokens of GitHub, and keys from AWS itself, on the sandbox's STS and on servers that answer as documented.

use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_aws::{Endpoints, KeySource as _};
use landfall_run::{RetryPolicy, Run};
use landfall_sandbox::issued::Issued;
use landfall_sandbox::sts::{Sts, TrustedRole};
use landfall_sandbox::vault::id_token;
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{
    AwsLogin, Error, Fetched, GitHubOidc, IdToken, Renewal, Revocation, VaultConfig, VaultLogin,
    WebIdentityConfig,
};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ROLE: &str = "arn:aws:iam::111122223333:role/ci/Deployer";
const ISSUER: &str = "https://gitlab.example.com";
const SUBJECT: &str = "project_path:acme/shop";

fn run() -> Run {
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).build()
}

fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

async fn serve(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn sts() -> (Arc<Sts>, Endpoints) {
    let sts = Sts::new("eu-west-1", Arc::new(Issued::default()));
    sts.trust(TrustedRole {
        arn: ROLE.to_owned(),
        issuer: ISSUER.to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        subject: SUBJECT.to_owned(),
        longest_session: Duration::from_secs(7200),
    });
    let endpoints = Endpoints { sts: Some(serve(sts.router()).await), ..Endpoints::default() };
    (sts, endpoints)
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "sts.amazonaws.com", "sub": SUBJECT})
}

fn with(name: &str, value: Value) -> IdToken {
    let mut claims = claims();
    claims[name] = value;
    IdToken::Given(Secret::new(id_token(&claims)))
}

async fn fetch(config: WebIdentityConfig, run: &Run) -> Result<Fetched, Error> {
    AwsLogin::WebIdentity(config).fetch(&http(), run).await
}

#[tokio::test]
async fn a_token_of_the_ci_gives_keys_of_the_role() {
    let (sts, endpoints) = sts().await;
    let config = WebIdentityConfig {
        endpoints,
        session_name: Some("gl 574/302".to_owned()),
        ttl: Duration::from_secs(900),
        ..WebIdentityConfig::new("eu-west-1", ROLE, with("aud", json!(["other", "sts.amazonaws.com"])))
    };
    let run = run();
    let fetched = fetch(config.clone(), &run).await.expect("keys");
    assert_eq!(fetched.arn.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/Deployer/gl_574_302"));
    assert_eq!(fetched.revocation, Revocation::NoToken);
    assert!((880..=900).contains(&fetched.granted_ttl.as_secs()), "{:?}", fetched.granted_ttl);
    assert_eq!(sts.calls(), ["AssumeRoleWithWebIdentity"]);
    let long = WebIdentityConfig { least_ttl: Duration::from_secs(1000), ..config.clone() };
    assert_eq!(fetch(long, &run).await.expect_err("too short").code(), "LF-VAULT-TOO-SHORT");
    let shown = format!("{config:?}");
    assert!(!shown.contains(&id_token(&claims())) && shown.contains("<redacted>"), "{shown}");
}

#[tokio::test]
async fn a_token_in_a_file_is_read_at_every_renewal() {
    let (_sts, endpoints) = sts().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let config = WebIdentityConfig {
        endpoints,
        ttl: Duration::from_secs(900),
        ..WebIdentityConfig::new("eu-west-1", ROLE, IdToken::File(file.clone()))
    };
    let login = AwsLogin::WebIdentity(config);
    let problems = login.problems();
    assert!(matches!(&problems[..], [Error::TokenFile { .. }]), "{problems:?}");
    assert_eq!(problems[0].class(), Class::Input);
    std::fs::write(&file, "no token").expect("written");
    assert!(matches!(&login.problems()[..], [Error::IdToken]));

    let put = |claims: &Value| std::fs::write(&file, format!("{}\n", id_token(claims))).expect("written");
    put(&claims());
    assert!(login.problems().is_empty());
    login.fetch(&http(), &run()).await.expect("keys");
    let renewal = Renewal::new(login, &http(), &run());
    let mut over = claims();
    over["exp"] = json!(1);
    put(&over);
    let refused = renewal.renew().await.expect_err("over");
    assert!(refused.is_passing && refused.problem.code == "LF-AWS-WEB-IDENTITY", "{refused:?}");
    std::fs::remove_file(&file).expect("removed");
    let refused = renewal.renew().await.expect_err("not there");
    assert!(refused.is_passing, "whoever keeps the file is about to write it: {refused:?}");
    put(&claims());
    renewal.renew().await.expect("the new token is read");
    let mut others = claims();
    others["sub"] = json!("project_path:acme/other");
    put(&others);
    assert!(!renewal.renew().await.expect_err("refused").is_passing, "asking again does not help");
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let (sts, endpoints) = sts().await;
    let good = || IdToken::Given(Secret::new(id_token(&claims())));
    let config = |token, ttl| WebIdentityConfig {
        endpoints: endpoints.clone(),
        ttl: Duration::from_secs(ttl),
        ..WebIdentityConfig::new("eu-west-1", ROLE, token)
    };
    for (config, code, remedy) in [
        (config(with("exp", json!(1)), 900), "ExpiredTokenException", "take a new one"),
        (
            config(with("iss", json!("https://evil.example")), 900),
            "InvalidIdentityToken",
            "iss https://evil.example",
        ),
        (
            config(with("aud", json!("https://vault.test")), 900),
            "InvalidIdentityToken",
            "aud https://vault.test",
        ),
        (config(with("sub", json!("project_path:acme/other")), 900), "AccessDenied", "trust policy"),
        (config(good(), 10_800), "ValidationError", "MaxSessionDuration"),
    ] {
        let asked = sts.calls().len();
        let error = fetch(config, &run()).await.expect_err(code);
        assert_eq!((error.code(), error.class()), ("LF-AWS-WEB-IDENTITY", Class::Refused), "{error}");
        let told = error.remedy().expect("a remedy");
        assert!(error.to_string().contains(code) && told.contains(remedy), "{error}: {told}");
        assert_eq!(sts.calls().len(), asked + 1, "a refused token is not sent again");
    }
    let bad = WebIdentityConfig {
        ttl: Duration::from_secs(60),
        ..WebIdentityConfig::new("eu-west-1", "Deployer", IdToken::Given(Secret::new("a.b")))
    };
    assert_eq!(bad.problems().len(), 3, "all at once");
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let server = MockServer::start().await;
    let error = "<ErrorResponse><Error><Code>IDPCommunicationError</Code><Message>m</Message></Error></ErrorResponse>";
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).set_body_raw(error, "text/xml"))
        .expect(3)
        .mount(&server)
        .await;
    let endpoints = Endpoints { sts: Some(server.uri()), ..Endpoints::default() };
    let config = WebIdentityConfig {
        endpoints,
        ..WebIdentityConfig::new("eu-west-1", ROLE, IdToken::Given(Secret::new(id_token(&claims()))))
    };
    let error = fetch(config, &run()).await.expect_err("it stays");
    assert_eq!(error.class(), Class::Transient, "{error}");
}

fn oidc(server: &MockServer, audience: &str) -> GitHubOidc {
    GitHubOidc {
        url: format!("{}/abc/_apis/pipelines/1/idtoken?api-version=2.0", server.uri()),
        bearer: Secret::new("request-token-value"),
        audience: audience.to_owned(),
    }
}

#[tokio::test]
async fn github_is_asked_for_a_token_for_its_audience() {
    let (_, endpoints) = sts().await;
    let github = MockServer::start().await;
    let token = id_token(&claims());
    Mock::given(method("GET"))
        .and(path("/abc/_apis/pipelines/1/idtoken"))
        .and(query_param("api-version", "2.0"))
        .and(query_param("audience", "sts.amazonaws.com"))
        .and(header("authorization", "Bearer request-token-value"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"count": 1, "value": token})))
        .expect(1)
        .mount(&github)
        .await;
    let token = IdToken::GitHub(oidc(&github, "sts.amazonaws.com"));
    let config = WebIdentityConfig { endpoints, ..WebIdentityConfig::new("eu-west-1", ROLE, token) };
    let run = run();
    fetch(config, &run).await.expect("keys");
    for secret in ["request-token-value", &id_token(&claims())] {
        assert!(run.redactor().finds_secret_in(secret), "{secret}");
    }
}

#[tokio::test]
async fn githubs_token_logs_in_at_vault_as_well() {
    let github = MockServer::start().await;
    let token = id_token(&json!({"iss": "https://token.actions.githubusercontent.com"}));
    Mock::given(method("GET"))
        .and(query_param("audience", "https://vault.example.com"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": token})))
        .expect(1)
        .mount(&github)
        .await;
    let vault = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/auth/jwt/login"))
        .and(body_partial_json(json!({"role": "ci", "jwt": token})))
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({"errors": ["no"]})))
        .expect(1)
        .mount(&vault)
        .await;
    let login =
        VaultLogin::GitHub { role: Some("ci".to_owned()), oidc: oidc(&github, "https://vault.example.com") };
    let config = VaultConfig::new(&vault.uri(), login, "aws/sts/deployer");
    let error = AwsLogin::Vault(config).fetch(&http(), &run()).await.expect_err("refused");
    assert_eq!(error.code(), "LF-VAULT-ID-TOKEN");
}

#[tokio::test]
async fn the_request_token_goes_to_its_origin_alone() {
    let elsewhere = MockServer::start().await;
    let github = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", format!("{}/x", elsewhere.uri())))
        .expect(1)
        .mount(&github)
        .await;
    let token = IdToken::GitHub(oidc(&github, "sts.amazonaws.com"));
    let error =
        fetch(WebIdentityConfig::new("eu-west-1", ROLE, token), &run()).await.expect_err("a redirect");
    assert_eq!((error.code(), error.class()), ("LF-GITHUB-ID-TOKEN", Class::Refused), "{error}");
    assert!(elsewhere.received_requests().await.expect("they are kept").is_empty());
}

#[tokio::test]
async fn a_job_without_the_permission_is_told_so() {
    for (answer, class) in [
        (ResponseTemplate::new(403).set_body_string("{\"message\":\"not <allowed>\"}"), Class::Refused),
        (ResponseTemplate::new(500), Class::Transient),
        (ResponseTemplate::new(200).set_body_json(json!({"value": null})), Class::Refused),
        (ResponseTemplate::new(200).set_body_string("<html>"), Class::Refused),
    ] {
        let github = MockServer::start().await;
        Mock::given(method("GET")).respond_with(answer).mount(&github).await;
        let token = IdToken::GitHub(oidc(&github, "sts.amazonaws.com"));
        let error = fetch(WebIdentityConfig::new("eu-west-1", ROLE, token), &run()).await.expect_err("none");
        assert_eq!((error.code(), error.class()), ("LF-GITHUB-ID-TOKEN", class), "{error}");
        assert!(error.remedy().is_some_and(|text| text.contains("id-token: write")));
    }
}
