//! Ways to log in, on the sandbox's Vault, which is as strict as the real one.

use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_run::{RetryPolicy, Run};
use landfall_sandbox::issued::Issued;
use landfall_sandbox::vault::{
    AppRole, AwsRole, JwtRole, SecretUses, TokenKind, Vault, VaultConfig as Setup, id_token,
};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use landfall_vault_creds::{Error, Fetched, Revocation, SecretId, VaultConfig, VaultLogin, fetch};
use serde_json::json;

const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/Deployer";
const AUDIENCE: &str = "https://vault.example.com";
const SUBJECT: &str = "project_path:acme/shop:ref_type:branch:ref:main";

struct World {
    vault: Arc<Vault>,
    address: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn world() -> World {
    let vault = Vault::new(Setup::default(), Arc::new(Issued::default()));
    let tokens = AppRole {
        role_id: "role-1".to_owned(),
        name: "ci".to_owned(),
        policies: vec!["deploy".to_owned()],
        aws_roles: vec!["deployer".to_owned()],
        token_ttl: Duration::from_secs(1200),
        token_kind: TokenKind::Service,
    };
    vault.add_app_role(tokens.clone());
    vault.add_secret_id("role-1", "secret-1", SecretUses::Unlimited);
    vault.add_jwt_role(JwtRole {
        name: "gitlab".to_owned(),
        bound_audiences: vec![AUDIENCE.to_owned()],
        bound_subject: Some(SUBJECT.to_owned()),
        tokens,
    });
    vault.add_aws_role(AwsRole {
        name: "deployer".to_owned(),
        role_arns: vec![ROLE_ARN.to_owned()],
        max_ttl: Duration::from_secs(3600),
        chained: false,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = vault.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    World { vault, address, server }
}

impl World {
    async fn fetch(&self, login: VaultLogin) -> Result<Fetched, Error> {
        let quick = RetryPolicy { base: Duration::from_millis(1), attempts: 3, ..RetryPolicy::default() };
        let run = Run::builder().retry_policy(quick).build();
        let http = Http::new(HttpConfig::default()).expect("a client");
        fetch(&VaultConfig::new(&self.address, login, "aws/sts/deployer"), &http, &run).await
    }
}

fn by_token(claims: &serde_json::Value) -> VaultLogin {
    VaultLogin::Jwt { role: Some("gitlab".to_owned()), token: Secret::new(id_token(claims)) }
}

fn wrapped(token: String) -> VaultLogin {
    VaultLogin::AppRole { role_id: "role-1".to_owned(), secret_id: SecretId::Wrapped(Secret::new(token)) }
}

#[tokio::test]
async fn an_id_token_of_the_ci_logs_in() {
    let world = world().await;
    let good = json!({"iss": "https://gitlab.example.com", "aud": AUDIENCE, "sub": SUBJECT});
    let fetched = world.fetch(by_token(&good)).await.expect("keys");
    assert_eq!((fetched.revocation, world.vault.live_tokens()), (Revocation::Revoked, Vec::<String>::new()));

    let login = VaultLogin::Jwt { role: None, token: Secret::new(id_token(&good)) };
    assert!(world.fetch(login.clone()).await.is_err(), "no role is named and there is no default");
    world.vault.configure(|setup| setup.jwt_default_role = Some("gitlab".to_owned()));
    assert!(world.fetch(login).await.is_ok());
}

#[tokio::test]
async fn an_id_token_that_is_not_taken_says_what_it_claims() {
    let world = world().await;
    let other = json!({"iss": "https://gitlab.example.com", "aud": "sts.amazonaws.com", "sub": SUBJECT});
    let error = world.fetch(by_token(&other)).await.expect_err("refused");
    assert_eq!((error.code(), error.class()), ("LF-VAULT-ID-TOKEN", Class::Refused));
    let told = format!("{error}; {}", error.remedy().expect("a remedy"));
    assert!(told.contains("does not match any bound audience"), "{told}");
    assert!(
        told.contains("iss https://gitlab.example.com, aud sts.amazonaws.com, sub project_path:acme"),
        "{told}"
    );
    let over = json!({"aud": AUDIENCE, "sub": SUBJECT, "exp": 1});
    assert!(world.fetch(by_token(&over)).await.expect_err("over").to_string().contains("token is expired"));
    assert_eq!(world.vault.logins(), 2, "neither was tried twice");
}

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once() {
    let world = world().await;
    let token = world.vault.wrap_secret_id("role-1");
    world.fetch(wrapped(token.clone())).await.expect("keys");
    let error = world.fetch(wrapped(token)).await.expect_err("gone");
    assert_eq!((error.code(), error.class()), ("LF-VAULT-WRAPPED", Class::Refused));
    assert!(error.to_string().contains("possible interception"), "{error}");
    assert_eq!(world.vault.logins(), 1);
}

#[tokio::test]
async fn a_wrapping_of_something_else_is_not_opened() {
    let world = world().await;
    for path in ["sys/wrapping/wrap", "auth/other/role/ci/secret-id", "auth/approle/role/ci/x/secret-id", ""]
    {
        let token = world.vault.wrap_secret_id_at("role-1", path);
        let error = world.fetch(wrapped(token)).await.expect_err(path);
        assert!(matches!(&error, Error::WrappedElsewhere { found, .. } if found == path), "{error}");
    }
    assert_eq!(world.vault.logins(), 0);
}

#[tokio::test]
async fn a_given_token_is_used_and_kept() {
    let world = world().await;
    let given = token_of_somebody(&world.address).await;
    let fetched = world.fetch(VaultLogin::Token(Secret::new(given.clone()))).await.expect("keys");
    assert_eq!((fetched.revocation, world.vault.live_tokens()), (Revocation::Given, vec![given]));
}

/// A token as somebody else would make it.
async fn token_of_somebody(address: &str) -> String {
    let http = Http::new(HttpConfig::default()).expect("a client");
    let site = http.site("vault", address, None).expect("a site");
    let login = site
        .request(http::Method::POST, "/v1/auth/approle/login")
        .header("x-vault-request", "true")
        .body("application/json", r#"{"role_id":"role-1","secret_id":"secret-1"}"#);
    let answer = login.send(&Run::builder().build(), landfall_transport::Cap::JSON).await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
    answer["auth"]["client_token"].as_str().expect("a token").to_owned()
}
