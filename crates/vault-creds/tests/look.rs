//! Looks at a server that use nothing up.

use landfall_artifacts::Explain as _;
use landfall_run::{RetryPolicy, Run};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{SecretId, VaultConfig, VaultLogin, health, wrapping};
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn run() -> Run {
    Run::builder().retry_policy(RetryPolicy { attempts: 1, ..RetryPolicy::default() }).build()
}

fn config(address: &str, secret_id: SecretId) -> VaultConfig {
    let login = VaultLogin::AppRole { role_id: "role-id".to_owned(), secret_id };
    VaultConfig::new(address, login, "aws/sts/deployer")
}

/// The code of what a server's health is taken for; `None` where it is well.
async fn taken_for(answer: ResponseTemplate) -> Option<&'static str> {
    let server = MockServer::start().await;
    let asked = Mock::given(method("GET")).and(path("/v1/sys/health")).respond_with(answer);
    asked.expect(1).mount(&server).await;
    let config = config(&server.uri(), SecretId::Plain(Secret::new("secret-id")));
    let http = Http::new(HttpConfig::default()).expect("a client");
    health(&config, &http, &run()).await.err().map(|error| error.code())
}

#[tokio::test]
async fn a_server_says_how_it_is() {
    let body = json!({"initialized": true, "sealed": false, "standby": false, "version": "1.17.2"});
    let vaults = |status| ResponseTemplate::new(status).set_body_json(body.clone());
    assert_eq!(taken_for(vaults(200)).await, None);
    for standby in [429, 472, 473] {
        assert_eq!(taken_for(vaults(standby)).await, None, "{standby}");
    }
    assert_eq!(taken_for(vaults(501)).await, Some("LF-VAULT-NOT-INITIALISED"));
    assert_eq!(taken_for(vaults(503)).await, Some("LF-VAULT-SEALED"));
    assert_eq!(taken_for(vaults(500)).await, Some("LF-VAULT-FAILED"));
    assert_eq!(taken_for(vaults(404)).await, Some("LF-VAULT-REFUSED"));
    let elsewhere = ResponseTemplate::new(307).insert_header("location", "https://other.test/v1/sys/health");
    assert_eq!(taken_for(elsewhere).await, Some("LF-VAULT-REDIRECT"));
    let page = ResponseTemplate::new(200).set_body_raw("<html>please log in</html>", "text/html");
    assert!(taken_for(page).await.is_some(), "a page of somebody else is no Vault");
}

#[tokio::test]
async fn a_wrapping_is_looked_at_and_not_opened() {
    let server = MockServer::start().await;
    let facts = json!({"data": {"creation_path": "auth/approle/role/ci/secret-id"}});
    let lookup = Mock::given(path("/v1/sys/wrapping/lookup"));
    lookup.respond_with(ResponseTemplate::new(200).set_body_json(facts)).expect(1).mount(&server).await;
    let http = Http::new(HttpConfig::default()).expect("a client");
    let wrapped = config(&server.uri(), SecretId::Wrapped(Secret::new("hvs.wrapping")));
    wrapping(&wrapped, &http, &run()).await.expect("it is whole");
    let plain = config(&server.uri(), SecretId::Plain(Secret::new("secret-id")));
    wrapping(&plain, &http, &run()).await.expect("there is none");
    let asked = server.received_requests().await.expect("they are kept");
    assert_eq!(asked.len(), 1, "nothing but the look was asked for");

    let server = MockServer::start().await;
    let gone = ResponseTemplate::new(400).set_body_json(json!({"errors": ["wrapping token is not valid"]}));
    Mock::given(path("/v1/sys/wrapping/lookup")).respond_with(gone).mount(&server).await;
    let wrapped = config(&server.uri(), SecretId::Wrapped(Secret::new("hvs.wrapping")));
    let refused = wrapping(&wrapped, &http, &run()).await.expect_err("it is gone");
    assert_eq!(refused.code(), "LF-VAULT-WRAPPED");
}
