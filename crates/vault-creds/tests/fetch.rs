//! The whole fetch against a server that answers as the Vault API documentation says.

use std::time::Duration;

use landfall_artifacts::{Class, Explain};
use landfall_run::{Clock, RetryPolicy, Run};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Error, Revocation, VaultConfig, VaultLogin, fetch};
use serde_json::{Value, json};
use time::macros::datetime;
use wiremock::matchers::{body_json, header, header_exists, method, path};
use wiremock::{Match, Mock, MockServer, Request, ResponseTemplate};

const AT: time::OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);

fn http() -> Http {
    Http::new(HttpConfig::default()).expect("a client")
}

fn run() -> Run {
    let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).clock(Clock::fixed(AT)).build()
}

fn config(address: &str) -> VaultConfig {
    VaultConfig::new(
        address,
        VaultLogin::app_role("role-id-value", Secret::new("secret-id-value")),
        "aws/sts/deployer",
    )
}

/// AppRole login, as in Vault's "AppRole auth method (API)".
fn token(token_type: &str) -> Value {
    json!({"request_id": "5f", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null, "wrap_info": null,
        "warnings": null, "auth": {"client_token": "hvs.token-value", "accessor": "a", "policies": ["default"],
        "token_policies": ["default"], "metadata": {"role_name": "ci"}, "lease_duration": 1200, "renewable": true,
        "entity_id": "e", "token_type": token_type, "orphan": true}})
}

/// Keys of an assumed role, as in "AWS secrets engine (API)", Vault 1.16 and later.
fn sts(lease: u64) -> Value {
    json!({"request_id": "3c", "lease_id": "aws/sts/deployer/31", "renewable": false, "lease_duration": lease,
        "data": {"access_key": "ASIAEXAMPLE", "secret_key": "secret-key-value", "security_token": "old-token-value",
        "session_token": "new-token-value", "arn": "arn:aws:sts::111122223333:assumed-role/Deployer/gl-574"},
        "wrap_info": null, "warnings": ["TTL of \"1h\" exceeded"], "auth": null})
}

struct Without(&'static str);

impl Match for Without {
    fn matches(&self, request: &Request) -> bool {
        !request.headers.contains_key(self.0)
    }
}

async fn login(server: &MockServer, answer: ResponseTemplate, times: u64) {
    Mock::given(method("POST"))
        .and(path("/v1/auth/approle/login"))
        .and(header("x-vault-request", "true"))
        .and(Without("x-vault-token"))
        .and(body_json(json!({"role_id": "role-id-value", "secret_id": "secret-id-value"})))
        .respond_with(answer)
        .expect(times)
        .mount(server)
        .await;
}

async fn keys(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/v1/aws/sts/deployer"))
        .and(header("x-vault-token", "hvs.token-value"))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn revocation(server: &MockServer, status: u16, times: u64) {
    Mock::given(method("POST"))
        .and(path("/v1/auth/token/revoke-self"))
        .and(header("x-vault-token", "hvs.token-value"))
        .respond_with(ResponseTemplate::new(status))
        .expect(times)
        .mount(server)
        .await;
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn no(status: u16, error: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"errors": [error]}))
}

#[tokio::test]
async fn keys_come_from_one_answer_and_the_token_is_given_back() {
    let server = MockServer::start().await;
    login(&server, ok(token("service")), 1).await;
    Mock::given(path("/v1/aws/sts/deployer"))
        .and(header_exists("x-vault-token"))
        .and(header("x-vault-namespace", "team/delivery"))
        .and(body_json(json!({"name": "deployer", "role_arn": "arn:aws:iam::111122223333:role/Deployer", "role_session_name": "gl_1", "ttl": "3600s"})))
        .respond_with(ok(sts(899)))
        .expect(1)
        .mount(&server)
        .await;
    revocation(&server, 204, 1).await;
    let run = run();
    let config = VaultConfig {
        namespace: Some("team/delivery".into()),
        role_arn: Some("arn:aws:iam::111122223333:role/Deployer".into()),
        session_name: Some("gl 1".into()),
        ..config(&server.uri())
    };
    let fetched = fetch(&config, &http(), &run).await.expect("keys");
    assert_eq!(fetched.keys.access_key_id, "ASIAEXAMPLE");
    assert_eq!(fetched.keys.session_token, Some(Secret::new("new-token-value")));
    assert_eq!(fetched.keys.expires_at, Some(AT + Duration::from_secs(899)));
    assert_eq!((fetched.requested_ttl.as_secs(), fetched.granted_ttl.as_secs()), (3600, 899));
    assert_eq!(
        fetched.warnings.len(),
        2,
        "Vault's own, and that the time to live was cut: {:?}",
        fetched.warnings
    );
    assert_eq!(fetched.revocation, Revocation::Revoked);
    for secret in ["secret-id-value", "hvs.token-value", "secret-key-value", "new-token-value"] {
        assert!(!run.redactor().redact(&format!("x {secret} y")).contains(secret));
        assert!(!format!("{fetched:?} {config:?}").contains(secret));
    }
}

#[tokio::test]
async fn older_and_leaseless_answers_are_understood() {
    let mut older = sts(0);
    older["data"]["session_token"] = Value::Null;
    older["data"]["ttl"] = json!(1800);
    older["warnings"] = Value::Null;
    let server = MockServer::start().await;
    login(&server, ok(token("batch")), 1).await;
    keys(&server, ok(older)).await;
    revocation(&server, 204, 0).await;
    // A path stands before /v1 and is kept; here there is none but /v1 itself.
    let fetched = fetch(&config(&format!("{}/v1/", server.uri())), &http(), &run()).await.expect("keys");
    assert_eq!(fetched.keys.session_token, Some(Secret::new("old-token-value")));
    assert_eq!(fetched.granted_ttl.as_secs(), 1800);
    assert_eq!(fetched.revocation, Revocation::Batch);
}

#[tokio::test]
async fn keys_of_a_user_are_given_back_with_the_token_that_they_hang_on() {
    let server = MockServer::start().await;
    login(&server, ok(token("service")), 1).await;
    let user = json!({"lease_duration": 3600, "data": {"access_key": "AKIAEXAMPLE", "secret_key": "secret-key-value", "security_token": null}});
    Mock::given(method("POST"))
        .and(path("/v1/aws/creds/ci"))
        .respond_with(ok(user))
        .expect(1)
        .mount(&server)
        .await;
    revocation(&server, 204, 1).await;
    let config = VaultConfig { aws_path: "aws/creds/ci".into(), ..config(&server.uri()) };
    let refused = fetch(&config, &http(), &run()).await.expect_err("a user's");
    assert_eq!((refused.code(), refused.class()), ("LF-VAULT-USER-KEYS", Class::Refused));
}

#[tokio::test]
async fn a_refused_login_is_not_repeated() {
    let server = MockServer::start().await;
    login(&server, no(400, "invalid role or secret ID"), 1).await;
    let refused = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("refused");
    assert_eq!((refused.code(), refused.class()), ("LF-VAULT-LOGIN", Class::Refused));
    assert!(refused.remedy().is_some_and(|text| text.contains("auth/approle/role/<role>/secret-id")));
}

#[tokio::test]
async fn a_login_of_unknown_fate_is_not_repeated() {
    let server = MockServer::start().await;
    login(&server, no(502, "upstream"), 1).await;
    let unknown = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("unknown");
    assert_eq!((unknown.code(), unknown.class()), ("LF-VAULT-LOGIN-UNKNOWN", Class::Unknown));
    assert!(unknown.to_string().contains("auth/approle"), "{unknown}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let cutting = tokio::spawn(async move {
        use tokio::io::AsyncReadExt as _;
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let _ = connection.read(&mut [0; 8192]).await;
        drop(connection);
        tokio::time::timeout(Duration::from_millis(200), listener.accept()).await.is_err()
    });
    let cut = fetch(&config(&address), &http(), &run()).await.expect_err("cut");
    assert_eq!((cut.code(), cut.class()), ("LF-VAULT-LOGIN-UNKNOWN", Class::Unknown));
    assert!(cutting.await.expect("ended"), "no second login");
}

#[tokio::test]
async fn a_login_whose_answer_cannot_be_taken_is_of_unknown_fate() {
    for answer in [
        ResponseTemplate::new(200).set_body_string("x".repeat(2 << 20)),
        ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_json(token("service")),
        ResponseTemplate::new(200).set_body_string("<html>please log in</html>"),
    ] {
        let server = MockServer::start().await;
        login(&server, answer, 1).await;
        let unknown = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("unknown");
        assert_eq!((unknown.code(), unknown.class()), ("LF-VAULT-LOGIN-UNKNOWN", Class::Unknown));
        assert!(unknown.to_string().contains("auth/approle"), "{unknown}");
    }
}

#[tokio::test]
async fn a_sealed_server_is_asked_once_more_and_then_named() {
    let server = MockServer::start().await;
    login(&server, no(503, "Vault is sealed"), 2).await;
    let sealed = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("sealed");
    assert_eq!((sealed.code(), sealed.class()), ("LF-VAULT-SEALED", Class::Transient));
    assert!(sealed.to_string().contains("Vault is sealed"), "{sealed}");
    let server = MockServer::start().await;
    login(&server, ResponseTemplate::new(503).set_body_string("<html>no server is there</html>"), 1).await;
    let gateway = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("a gateway");
    assert_eq!((gateway.code(), gateway.class()), ("LF-VAULT-LOGIN-UNKNOWN", Class::Unknown));
    let closed = fetch(&config("http://127.0.0.1:1"), &http(), &run()).await.expect_err("nobody there");
    assert_eq!((closed.code(), closed.class()), ("LF-VAULT-UNREACHABLE", Class::Transient));
}

#[tokio::test]
async fn refused_keys_say_why_and_the_token_is_given_back() {
    let cases = [
        (
            403,
            "1 error occurred:\n\t* permission denied\n\n",
            "LF-VAULT-DENIED",
            "capability update on aws/sts/deployer",
        ),
        (400, "Role \"deployer\" not found", "LF-VAULT-NO-ROLE", "name at the end"),
        (
            404,
            "no handler for route \"aws/sts/deployer\". route entry not found.",
            "LF-VAULT-MOUNT",
            "mounted",
        ),
        (
            400,
            "did not supply a role_arn parameter and unable to determine one",
            "LF-VAULT-ROLE-ARN",
            "AWS_ROLE_ARN",
        ),
        (
            400,
            "role_arn \"x\" not in allowed role arns for Vault role \"deployer\"",
            "LF-VAULT-ROLE-ARN",
            "AWS_ROLE_ARN",
        ),
        (
            400,
            "Error assuming role: AccessDenied: User is not authorized to perform: sts:AssumeRole",
            "LF-VAULT-AWS",
            "trust policy",
        ),
        (
            400,
            "Error assuming role: The requested DurationSeconds exceeds the 1 hour session limit",
            "LF-VAULT-AWS",
            "shorter",
        ),
    ];
    for (status, said, code, remedy) in cases {
        let server = MockServer::start().await;
        login(&server, ok(token("service")), 1).await;
        keys(&server, no(status, said)).await;
        revocation(&server, 204, 1).await;
        let refused = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("refused");
        assert_eq!((refused.code(), refused.class()), (code, Class::Refused), "{refused}");
        assert!(refused.remedy().is_some_and(|text| text.contains(remedy)), "{refused:?}");
        assert!(!refused.to_string().contains('\n'));
    }
}

#[tokio::test]
async fn a_lagging_replica_and_a_failing_upstream_are_asked_again() {
    for first in [412, 502] {
        let server = MockServer::start().await;
        login(&server, ok(token("service")), 1).await;
        Mock::given(path("/v1/aws/sts/deployer"))
            .respond_with(no(first, "not yet"))
            .up_to_n_times(1)
            .mount(&server)
            .await;
        keys(&server, ok(sts(3600))).await;
        revocation(&server, 403, 1).await;
        let fetched = fetch(&config(&server.uri()), &http(), &run()).await.expect("keys at the second try");
        assert!(matches!(fetched.revocation, Revocation::Failed(_)), "and a token that stays is no failure");
    }
}

#[tokio::test]
async fn keys_that_end_too_soon_are_refused() {
    let server = MockServer::start().await;
    login(&server, ok(token("service")), 1).await;
    keys(&server, ok(sts(900))).await;
    revocation(&server, 204, 1).await;
    let config = VaultConfig { least_ttl: Duration::from_secs(1800), ..config(&server.uri()) };
    let refused = fetch(&config, &http(), &run()).await.expect_err("too short");
    assert!(matches!(refused, Error::TooShort { .. }));
    assert_eq!(refused.to_string(), "the keys live 900 s and the pipeline needs 1800 s");
}

#[tokio::test]
async fn answers_that_lack_their_purpose_are_refused() {
    for (logged_in, body) in [
        (json!({"auth": null}), json!({})),
        (json!({"auth": {"client_token": ""}}), json!({})),
        (token("service"), json!({"data": null})),
        (token("service"), json!({"data": {"access_key": "A\nB", "secret_key": "s"}})),
        (token("service"), json!("<html>")),
    ] {
        let server = MockServer::start().await;
        login(&server, ok(logged_in), 1).await;
        keys(&server, ok(body)).await;
        Mock::given(path("/v1/auth/token/revoke-self"))
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        let refused = fetch(&config(&server.uri()), &http(), &run()).await.expect_err("refused");
        assert!(matches!(refused, Error::Answer { .. }), "{refused:?}");
    }
}
