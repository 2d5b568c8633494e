//! Where tokens come from: Artifactory's realms and hosts, identity tokens, and who is spoken to without TLS.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use landfall_artifacts::{Digest, Explain as _, Version};
use landfall_registry::{
    CopyOptions, CopyOutcome, Error, Login, Registries, Registry, RegistryOptions, Scheme, apply, plan_copies,
};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig, PlainHttp, Proxy};
use tokio::io::AsyncReadExt as _;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request as Asked, Respond, ResponseTemplate};

use crate::server::{BASIC, Image, OCI, Server, http, layer, login, request, run};

fn version() -> Version {
    Version::Tag("1".parse().expect("a tag"))
}

/// One request to a token server.
#[derive(Clone, Debug, Default)]
struct TokenRequest {
    method: String,
    address: String,
    authorization: Option<String>,
    body: String,
}

/// A token server: what it was asked, and what it answers.
#[derive(Debug)]
struct TokenServer {
    host: String,
    asked: Arc<Mutex<Vec<TokenRequest>>>,
}

#[derive(Clone)]
struct Answers {
    asked: Arc<Mutex<Vec<TokenRequest>>>,
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl TokenServer {
    async fn start(status: u16, body: &str) -> Self {
        Self::with(status, None, body).await
    }

    async fn with(status: u16, location: Option<String>, body: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let asked = Arc::default();
        let status = StatusCode::from_u16(status).expect("a status");
        let answers = Answers { asked: Arc::clone(&asked), status, location, body: body.to_owned() };
        let router = axum::Router::new().fallback(answer).with_state(answers);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, asked }
    }

    fn asked(&self) -> Vec<TokenRequest> {
        self.asked.lock().expect("no test panics while it holds the lock").clone()
    }
}

async fn answer(State(answers): State<Answers>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    answers.asked.lock().expect("unpoisoned").push(TokenRequest {
        method: head.method.to_string(),
        address: head.uri.to_string(),
        authorization: head
            .headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().expect("text").to_owned()),
        body: String::from_utf8(body.to_vec()).expect("text"),
    });
    let mut response = (answers.status, answers.body).into_response();
    if let Some(location) = answers.location {
        response.headers_mut().insert(header::LOCATION, location.parse().expect("a value"));
    }
    response
}

/// A registry that takes `canary-token` and names a realm elsewhere, with one image.
async fn registry_of(realm: &str) -> Server {
    let server = Server::start().await;
    server.push("build/a", "1", &Image::new(&[layer(1, 10)]));
    server.contents().challenge = Some(format!("Bearer realm=\"{realm}\",service=\"artifactory\""));
    server.contents().accepted.push("Bearer canary-token".to_owned());
    server
}

fn options(auth_host: &str) -> RegistryOptions {
    RegistryOptions { auth_host: Some(auth_host.to_owned()), ..RegistryOptions::default() }
}

const TOKEN: &str = r#"{"token":"canary-token","expires_in":300}"#;

/// Artifactory by repository path: each key has a realm of its own, and no challenge has a scope.
struct ByPath {
    host: String,
}

impl Respond for ByPath {
    fn respond(&self, asked: &Asked) -> ResponseTemplate {
        let path = asked.url.path();
        let authorization = asked.headers.get("authorization").and_then(|value| value.to_str().ok());
        if let Some(key) =
            path.strip_prefix("/artifactory/api/docker/").and_then(|rest| rest.strip_suffix("/v2/token"))
        {
            let scope = asked.url.query_pairs().find(|(name, _)| name == "scope").map(|(_, scope)| scope);
            let is_its = scope.is_some_and(|scope| scope.starts_with(&format!("repository:{key}/")));
            let body = serde_json::json!({"token": if is_its { key } else { "nothing" }, "expires_in": 300});
            let status = if authorization == Some(BASIC) { 200 } else { 401 };
            return ResponseTemplate::new(status).set_body_json(body);
        }
        let key = path.strip_prefix("/v2/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if authorization == Some(&format!("Bearer {key}")) {
            let digest = Digest::of(b"{}").to_string();
            return ResponseTemplate::new(200)
                .set_body_raw("{}", OCI)
                .insert_header("docker-content-digest", digest);
        }
        let realm = format!("http://{}/artifactory/api/docker/{key}/v2/token", self.host);
        let challenge = format!("Bearer realm=\"{realm}\",service=\"{}\"", self.host);
        ResponseTemplate::new(401).insert_header("www-authenticate", challenge)
    }
}

#[tokio::test]
async fn each_repository_of_artifactory_has_a_realm_and_a_token_of_its_own() {
    let server = MockServer::start().await;
    let host = server.address().to_string();
    Mock::given(any()).respond_with(ByPath { host: host.clone() }).mount(&server).await;
    let registry =
        Registry::new(&http(), &host, Some(login()), RegistryOptions::default()).expect("a registry");
    for path in ["docker-build/shop/app", "docker-rc/shop/app", "docker-build/shop/app"] {
        assert!(registry.head_manifest(path, &version(), &run()).await.expect("allowed").is_some(), "{path}");
    }
    let asked: Vec<_> = server.received_requests().await.expect("recorded");
    let tokens: Vec<_> = asked.iter().filter(|one| one.url.path().ends_with("/token")).collect();
    let asked_for = |one: &&Asked| one.url[url::Position::BeforePath..].to_owned();
    let service = host.replace(':', "%3A");
    let wanted = ["docker-build", "docker-rc"].map(|key| {
        format!("/artifactory/api/docker/{key}/v2/token?service={service}&scope=repository%3A{key}%2Fshop%2Fapp%3Apull")
    });
    assert_eq!(tokens.iter().map(asked_for).collect::<Vec<_>>(), wanted);
}

#[tokio::test]
async fn the_scope_is_ours_whatever_the_challenge_says() {
    let realm = TokenServer::start(200, TOKEN).await;
    let server = registry_of(&format!("http://{}/token", realm.host)).await;
    for scope in ["", ",scope=\"repository:other:pull,push\"", ",scope=\"registry:catalog:*\"", ",scope=\"\""]
    {
        let challenge = format!("Bearer realm=\"http://{}/token\",service=\"s\"{scope}", realm.host);
        server.contents().challenge = Some(challenge);
        let registry = server.registry_with(Some(login()), options(&realm.host));
        assert!(registry.head_manifest("build/a", &version(), &run()).await.expect("allowed").is_some());
    }
    let asked = realm.asked();
    assert_eq!(asked.len(), 4);
    for one in asked {
        assert_eq!(one.address, "/token?service=s&scope=repository%3Abuild%2Fa%3Apull");
    }
}

/// Artifactory by port and by subdomain: images are at hosts of their own, tokens at the main one.
#[tokio::test]
async fn images_at_ports_and_subdomains_are_copied_with_the_login_of_that_very_host() {
    let main = TokenServer::start(200, TOKEN).await;
    let realm = format!("http://{}/artifactory/api/docker/docker-build/v2/token", main.host);
    let by_port = registry_of(&realm).await;
    let by_name = Server::start_at("127.0.0.3").await;
    by_name.contents().challenge = Some(format!("Bearer realm=\"{realm}\""));
    by_name.contents().accepted.push("Bearer canary-token".to_owned());

    let registry = |server: &Server, user: &str, options| {
        let login = Login::basic(user, Secret::new("canary-password"));
        Registry::new(&http(), &server.host(), Some(login), options).expect("a registry")
    };
    let all: Registries =
        [registry(&by_port, "port", options(&main.host)), registry(&by_name, "name", options(&main.host))]
            .into_iter()
            .collect();
    let run = run();
    let requests = vec![request(&by_port, "build/a:1", &by_name, "rc/a:1")];
    let plan = plan_copies(requests.clone(), &all, CopyOptions::default(), &run).await;
    assert!(plan.is_clear(), "{:?}", plan.problems);
    let results = apply(&plan, &all, &run).await.images;
    assert_eq!(results[0].outcome, CopyOutcome::Copied, "{results:?}");
    assert_eq!(by_name.tag("rc/a", "1"), by_port.tag("build/a", "1"));

    // `port:` and `name:` in base64: each host's login went to the token server, for its own repository, and nowhere else.
    let asked = main.asked();
    for (user, path) in [("Basic cG9ydDpj", "build%2Fa"), ("Basic bmFtZTpj", "rc%2Fa")] {
        let its: Vec<_> = asked.iter().filter(|one| one.address.contains(path)).collect();
        assert!(!its.is_empty());
        let is_its =
            |one: &&TokenRequest| one.authorization.as_ref().is_some_and(|given| given.starts_with(user));
        assert!(its.iter().all(is_its), "{its:?}");
    }
    for server in [&by_port, &by_name] {
        let seen = server.contents().seen.clone();
        assert!(
            seen.iter()
                .all(|one| one.authorization.as_deref().is_none_or(|text| text.starts_with("Bearer ")))
        );
    }

    // Where the main host is not named as the token host of the other, nothing goes there.
    let before = main.asked().len();
    let all: Registries = [
        registry(&by_port, "port", RegistryOptions::default()),
        registry(&by_name, "name", options("127.0.0.1")),
    ]
    .into_iter()
    .collect();
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    assert_eq!(plan.problems[0].error.code(), "LF-HTTP-FOREIGN", "{:?}", plan.problems);
    let error = all
        .get(&by_name.host())
        .expect("a registry")
        .head_manifest("rc/a", &version(), &run)
        .await
        .expect_err("refused");
    assert_eq!(error.code(), "LF-HTTP-FOREIGN", "the port is part of the name");
    assert_eq!(main.asked().len(), before);
}

fn identity() -> Login {
    Login::IdentityToken(Secret::new("canary identity&token"))
}

#[tokio::test]
async fn an_identity_token_is_exchanged_once_however_many_wait() {
    let answer = r#"{"access_token":"canary-token","expires_in":300,"refresh_token":"canary-rotated"}"#;
    let realm = TokenServer::start(200, answer).await;
    let server = registry_of(&format!("http://{}/oauth2/token", realm.host)).await;
    let registry = server.registry_with(Some(identity()), options(&realm.host));
    let (run, version) = (run(), version());
    let asked: Vec<_> = (0..8).map(|_| registry.head_manifest("build/a", &version, &run)).collect();
    for found in futures_util::future::join_all(asked).await {
        assert!(found.expect("allowed").is_some());
    }
    let asked = realm.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), asked[0].address.as_str()), ("POST", "/oauth2/token"));
    assert_eq!(asked[0].authorization, None);
    assert_eq!(
        asked[0].body,
        "grant_type=refresh_token&client_id=landfall&service=artifactory&scope=repository%3Abuild%2Fa%3Apull\
         &refresh_token=canary+identity%26token"
    );
    let seen = server.contents().seen.clone();
    assert!(
        seen.iter().all(|one| one.authorization.as_deref().is_none_or(|text| text == "Bearer canary-token"))
    );
    for secret in ["canary identity&token", "canary+identity%26token", "canary-token", "canary-rotated"] {
        assert_eq!(run.redactor().redact(secret), "<redacted>", "{secret}");
    }
    assert!(!format!("{registry:?}").contains("canary"));
}

#[tokio::test]
async fn a_token_server_that_exchanges_none_is_told_from_one_that_refuses() {
    for (status, body, code) in [
        (404, "", "LF-REG-LOGIN-KIND"),
        (405, "", "LF-REG-LOGIN-KIND"),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"canary identity&token is over"}"#,
            "LF-REG-AUTH",
        ),
        (401, "", "LF-REG-AUTH"),
        (403, "", "LF-REG-AUTH"),
        (409, "", "LF-REG-TOKEN"),
        (200, "{}", "LF-REG-TOKEN"),
        (200, "canary-token", "LF-REG-TOKEN"),
    ] {
        let realm = TokenServer::start(status, body).await;
        let server = registry_of(&format!("http://{}/token", realm.host)).await;
        let registry = server.registry_with(Some(identity()), options(&realm.host));
        let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
        assert_eq!((error.code(), realm.asked().len()), (code, 1), "{status} {body}");
        assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
        assert!(error.remedy().is_some());
    }
    // The same statuses mean what they mean where a password was sent.
    let realm = TokenServer::start(404, "").await;
    let server = registry_of(&format!("http://{}/token", realm.host)).await;
    let registry = server.registry_with(Some(login()), options(&realm.host));
    let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
    assert_eq!(error.code(), "LF-REG-TOKEN");
}

#[tokio::test]
async fn an_identity_token_goes_to_the_named_token_server_alone() {
    let elsewhere = TokenServer::start(200, TOKEN).await;
    let server = registry_of(&format!("http://{}/token", elsewhere.host)).await;
    let registry = server.registry_with(Some(identity()), RegistryOptions::default());
    let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
    assert_eq!(error.code(), "LF-HTTP-FOREIGN");

    // A token server that sends on is not followed.
    let realm = TokenServer::with(307, Some(format!("http://{}/token", elsewhere.host)), "").await;
    let server = registry_of(&format!("http://{}/token", realm.host)).await;
    let registry = server.registry_with(Some(identity()), options(&realm.host));
    let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
    assert!(matches!(error, Error::Token { status: 307, .. }), "{error:?}");
    assert!(elsewhere.asked().is_empty());

    // An answer that is larger than a token is not read to its end.
    let realm = TokenServer::start(200, &format!("{{\"token\":\"{}\"}}", "x".repeat(64 << 10))).await;
    let server = registry_of(&format!("http://{}/token", realm.host)).await;
    let registry = server.registry_with(Some(identity()), options(&realm.host));
    let error = registry.head_manifest("build/a", &version(), &run()).await.expect_err("refused");
    assert_eq!(error.code(), "LF-HTTP-TOO-LARGE");
}

#[tokio::test]
async fn a_registry_that_asks_for_a_password_takes_no_identity_token() {
    let server = Server::start().await;
    for challenge in ["Basic realm=\"x\"", ""] {
        server.contents().challenge = Some(challenge.to_owned());
        let registry = server.registry_with(Some(identity()), RegistryOptions::default());
        let error = registry.head_manifest("a", &version(), &run()).await.expect_err("refused");
        let code = if challenge.is_empty() { "LF-REG-CHALLENGE" } else { "LF-REG-LOGIN-KIND" };
        assert_eq!(error.code(), code);
    }
    server.contents().challenge = None;
    let registry = server.registry_with(Some(identity()), RegistryOptions::default());
    assert!(registry.head_manifest("a", &version(), &run()).await.expect("asked").is_none());
    assert!(server.contents().seen.iter().all(|one| one.authorization.is_none()));
}

/// Takes one connection and gives the first line that comes over it.
async fn first_line(listener: tokio::net::TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8(line).expect("text").trim_end().to_owned()
}

/// The first line of a request to a host that is no loopback one: everything goes through a proxy, so nothing leaves the machine.
async fn spoken_to(host: &str, plain: &[&str]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let proxy = format!("http://{}", listener.local_addr().expect("an address"));
    let config = HttpConfig {
        ca_file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry/ca.pem").into()),
        proxy: Proxy { https: Some(proxy.clone()), http: Some(proxy), bypass: String::new() },
        plain_http: PlainHttp { hosts: plain.iter().map(|&host| host.to_owned()).collect() },
        ..HttpConfig::default()
    };
    let http = Http::new(config).expect("a client");
    let registry = Registry::new(&http, host, None, RegistryOptions::default()).expect("a registry");
    let (version, run) = (version(), run());
    tokio::select! {
        line = first_line(listener) => line,
        asked = registry.head_manifest("a", &version, &run) => panic!("it ended before: {asked:?}"),
    }
}

#[tokio::test]
async fn loopback_speaks_plain_http_and_others_only_where_they_are_named() {
    let host = "registry.example.com:5000";
    assert_eq!(spoken_to(host, &[]).await, "CONNECT registry.example.com:5000 HTTP/1.1");
    assert_eq!(
        spoken_to(host, &["example.com", "other"]).await,
        "CONNECT registry.example.com:5000 HTTP/1.1"
    );
    let plain = spoken_to(host, &["registry.example.com"]).await;
    assert_eq!(plain, "HEAD http://registry.example.com:5000/v2/a/manifests/1 HTTP/1.1");

    let forced = |scheme| RegistryOptions { scheme, ..RegistryOptions::default() };
    let error = Registry::new(&http(), host, None, forced(Scheme::Http)).expect_err("not named");
    assert_eq!(error.code(), "LF-HTTP-PLAIN");
    // Loopback needs no name, and TLS can be asked for there, too.
    let server = Server::start().await;
    let registry = server.registry_with(None, forced(Scheme::Http));
    assert!(registry.head_manifest("a", &version(), &run()).await.expect("spoken to").is_none());
    for host in ["127.0.0.1:1", "localhost:1", "[::1]:1"] {
        assert!(Registry::new(&http(), host, None, forced(Scheme::Http)).is_ok(), "{host}");
    }
    let registry = server.registry_with(None, forced(Scheme::Https));
    assert!(
        registry.head_manifest("a", &version(), &run()).await.is_err(),
        "TLS is spoken to a plain server"
    );
    assert_eq!(server.contents().seen.len(), 1);
}
