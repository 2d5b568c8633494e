use axum::Router;
use serde_json::json;

use super::*;
use crate::test_call::{Answer, call};

const ARN: &str = "arn:aws:iam::111122223333:role/Deployer";

fn server(config: VaultConfig) -> Arc<Vault> {
    let vault = Vault::new(config, Arc::new(Issued::default()));
    vault.add_app_role(AppRole {
        role_id: "role-1".to_owned(),
        name: "ci".to_owned(),
        policies: vec!["deploy".to_owned()],
        aws_roles: vec!["deployer".to_owned(), "gone".to_owned()],
        token_ttl: Duration::from_secs(1200),
        token_kind: TokenKind::Service,
    });
    vault.add_secret_id("role-1", "secret-1", SecretUses::Unlimited);
    vault.add_aws_role(AwsRole {
        name: "deployer".to_owned(),
        role_arns: vec![ARN.to_owned()],
        max_ttl: Duration::from_secs(3600),
        chained: false,
    });
    vault
}

async fn send(router: &Router, method: &str, path: &str, token: Option<&str>, body: &str) -> Answer {
    let mut headers = vec![("x-vault-request", "true"), ("content-type", "application/json")];
    headers.extend(token.map(|token| ("x-vault-token", token)));
    call(router, method, path, &headers, body).await
}

async fn log_in(router: &Router) -> String {
    let answer = send(
        router,
        "POST",
        "/v1/auth/approle/login",
        None,
        r#"{"role_id":"role-1","secret_id":"secret-1"}"#,
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["errors"][0].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_run_logs_in_reads_once_and_leaves_no_token() {
    let vault = server(VaultConfig::default());
    let router = vault.router();
    let token = log_in(&router).await;
    let seen = send(&router, "GET", "/v1/auth/token/lookup-self", Some(&token), "").await.json();
    assert_eq!((&seen["data"]["path"], &seen["data"]["ttl"].is_u64()), (&json!("auth/approle/login"), &true));
    let body = json!({"name":"deployer","role_arn":ARN,"role_session_name":"gl 1/2","ttl":7200}).to_string();
    let read = send(&router, "PUT", "/v1/aws/sts/deployer", Some(&token), &body).await.json();
    // The wish of two hours is cut to one, without a warning.
    assert_eq!((&read["lease_duration"], &read["warnings"]), (&json!(3600), &Value::Null));
    assert_eq!(read["data"]["arn"], "arn:aws:sts::111122223333:assumed-role/Deployer/gl_1_2");
    assert_eq!(read["data"]["security_token"], read["data"]["session_token"]);
    assert!(read["lease_id"].as_str().unwrap().starts_with("aws/sts/deployer/"));
    assert_eq!(vault.live_tokens(), std::slice::from_ref(&token));
    let revoked = send(&router, "POST", "/v1/auth/token/revoke-self", Some(&token), "").await;
    assert_eq!((revoked.status, revoked.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert!(vault.live_tokens().is_empty());
    let after = send(&router, "GET", "/v1/auth/token/lookup-self", Some(&token), "").await;
    assert_eq!(error(&after), (403, "permission denied".to_owned()));
}

#[tokio::test]
async fn wrong_logins_get_the_documented_texts() {
    let vault = server(VaultConfig::default());
    let router = vault.router();
    vault.add_secret_id("role-1", "once", SecretUses::Times(1));
    for (body, status, text) in [
        (r#"{"role_id":"role-1","secret_id":"no"}"#, 400, "invalid role or secret ID"),
        (r#"{"role_id":"no","secret_id":"secret-1"}"#, 400, "invalid role or secret ID"),
        (r#"{"secret_id":"secret-1"}"#, 500, "missing role_id"),
        (r#"{"role_id":"role-1"}"#, 400, "missing secret_id"),
        (r#"{"role_id":"role-1","role_id":"x"}"#, 400, "duplicate field"),
        (r#"{"role_id":"role-1","secret_id":"once","ttl":1}"#, 400, "unknown field"),
        ("{", 400, "failed to parse JSON input"),
    ] {
        let got = error(&send(&router, "POST", "/v1/auth/approle/login", None, body).await);
        assert!(got.0 == status && got.1.contains(text), "{body}: {got:?}");
    }
    let once = r#"{"role_id":"role-1","secret_id":"once"}"#;
    assert_eq!(send(&router, "PUT", "/v1/auth/approle/login", None, once).await.status, StatusCode::OK);
    assert_eq!(
        send(&router, "PUT", "/v1/auth/approle/login", None, once).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        send(&router, "GET", "/v1/auth/approle/login", None, "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let bare = call(&router, "POST", "/v1/auth/approle/login", &[], once).await;
    assert_eq!(error(&bare), (403, "missing 'X-Vault-Request' header".to_owned()));
}

#[tokio::test]
async fn a_sealed_server_says_so_and_still_shows_its_health() {
    let vault = server(VaultConfig::default());
    let router = vault.router();
    assert_eq!(send(&router, "GET", "/v1/sys/health", None, "").await.status, StatusCode::OK);
    vault.configure(|config| config.sealed = true);
    assert_eq!(
        error(&send(&router, "POST", "/v1/auth/approle/login", None, "{}").await),
        (503, "Vault is sealed".to_owned())
    );
    assert_eq!(
        send(&router, "GET", "/v1/sys/health", None, "").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(send(&router, "GET", "/v1/sys/seal-status", None, "").await.json()["sealed"], true);
}

#[tokio::test]
async fn the_aws_engine_refuses_with_the_documented_texts() {
    let vault = server(VaultConfig::default());
    vault.add_aws_role(AwsRole {
        name: "gone".to_owned(),
        role_arns: vec![ARN.to_owned(), "arn:aws:iam::111122223333:role/Other".to_owned()],
        max_ttl: Duration::from_secs(43_200),
        chained: true,
    });
    let router = vault.router();
    let token = log_in(&router).await;
    for (path, body, status, text) in [
        (
            "deployer",
            r#"{"role_arn":"arn:aws:iam::1:role/x"}"#,
            400,
            "role_arn \"arn:aws:iam::1:role/x\" not in allowed role arns for Vault role \"deployer\"",
        ),
        ("deployer", r#"{"ttl":"60s"}"#, 400, "Error assuming role: ValidationError"),
        ("deployer", r#"{"ttl":true}"#, 400, "\"ttl\""),
        ("deployer", r#"{"duration":900}"#, 400, "unknown field"),
        ("deployer", r#"{"name":"other"}"#, 400, "differs from the role"),
        ("gone", "{}", 400, "did not supply a role_arn parameter and unable to determine one"),
        ("gone", &format!(r#"{{"role_arn":"{ARN}","ttl":7200}}"#), 400, "role chaining"),
        ("secret", "{}", 403, "1 error occurred:\n\t* permission denied\n\n"),
    ] {
        let got = error(&send(&router, "POST", &format!("/v1/aws/sts/{path}"), Some(&token), body).await);
        assert!(got.0 == status && got.1.contains(text), "{path} {body}: {got:?}");
    }
    assert_eq!(error(&send(&router, "GET", "/v1/aws/sts/deployer", None, "").await).0, 403);
    assert_eq!(error(&send(&router, "GET", "/v1/kv/x", Some(&token), "").await).0, 404);
    let by_query = send(&router, "GET", "/v1/aws/creds/deployer?ttl=900", Some(&token), "").await;
    assert_eq!(by_query.json()["lease_duration"], 900);
    let missing = server(VaultConfig::default());
    let token = log_in(&missing.router()).await;
    let answer = send(&missing.router(), "GET", "/v1/aws/sts/gone", Some(&token), "").await;
    assert_eq!(error(&answer), (400, "Role \"gone\" not found".to_owned()));
}

#[tokio::test]
async fn old_and_new_reply_shapes_can_be_had() {
    for (names, old, new) in
        [(TokenNames::Old, true, false), (TokenNames::Both, true, true), (TokenNames::New, false, true)]
    {
        let router =
            server(VaultConfig { token_names: names, lease: LeaseShape::DataTtl, ..VaultConfig::default() })
                .router();
        let token = log_in(&router).await;
        let read = send(&router, "GET", "/v1/aws/sts/deployer", Some(&token), "").await.json();
        assert_eq!(
            (read["data"]["security_token"].is_string(), read["data"]["session_token"].is_string()),
            (old, new)
        );
        assert_eq!((&read["lease_duration"], &read["data"]["ttl"]), (&json!(0), &json!(3600)));
    }
}

#[tokio::test]
async fn mounts_namespaces_and_redirects_are_looked_at() {
    let config = VaultConfig {
        approle_mount: "team/approle".to_owned(),
        namespace: Some("a/b".to_owned()),
        ..VaultConfig::default()
    };
    let vault = server(config);
    let router = vault.router();
    let body = r#"{"role_id":"role-1","secret_id":"secret-1"}"#;
    let with = |namespace: &'static str| [("x-vault-request", "true"), ("x-vault-namespace", namespace)];
    let path = "/v1/auth/team/approle/login";
    assert_eq!(call(&router, "POST", path, &with("a/b/"), body).await.status, StatusCode::OK);
    assert_eq!(
        call(&router, "POST", "/v1/b/auth/team/approle/login", &with("a"), body).await.status,
        StatusCode::OK
    );
    assert_eq!(
        send(&router, "POST", "/v1/a/b/auth/team/approle/login", None, body).await.status,
        StatusCode::OK
    );
    let unknown = call(&router, "POST", path, &with("c"), body).await;
    assert_eq!(error(&unknown), (404, "namespace not found".to_owned()));
    assert_eq!(send(&router, "POST", path, None, body).await.status, StatusCode::NOT_FOUND);

    vault.configure(|config| config.redirect_to = Some("http://127.0.0.2:9".to_owned()));
    let moved = call(&router, "POST", path, &with("a/b"), body).await;
    assert_eq!(
        (moved.status.as_u16(), moved.header("location")),
        (307, "http://127.0.0.2:9/v1/auth/team/approle/login")
    );
}

#[tokio::test]
async fn a_wrapped_secret_can_be_unwrapped_once() {
    let vault = server(VaultConfig::default());
    let router = vault.router();
    let wrapping = vault.wrap_secret_id("role-1");
    let first = send(&router, "POST", "/v1/sys/wrapping/unwrap", Some(&wrapping), "").await;
    let secret = first.json()["data"]["secret_id"].as_str().unwrap().to_owned();
    let second = send(&router, "POST", "/v1/sys/wrapping/unwrap", Some(&wrapping), "").await;
    assert_eq!(error(&second), (400, "wrapping token is not valid or does not exist".to_owned()));
    let body = json!({"role_id":"role-1","secret_id":secret}).to_string();
    assert_eq!(send(&router, "POST", "/v1/auth/approle/login", None, &body).await.status, StatusCode::OK);
}
