//! A client that follows nothing, retries nothing and hides nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use landfall_sandbox::issued::IssuedKeys;
use landfall_sandbox::{Sandbox, SandboxOptions, Service};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// An answer. `body` is what arrived of it; `whole` says whether that was all.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// First error code of a registry's error body.
    pub(crate) fn code(&self) -> String {
        self.json().pointer("/errors/0/code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

pub(crate) async fn start() -> Sandbox {
    Sandbox::start(SandboxOptions::default()).await.unwrap()
}

/// Sends one request on a connection of its own. `None` when no answer came.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Option<Answer> {
    let uri: http::Uri = url.parse().unwrap();
    let host = uri.authority().unwrap().to_string();
    let stream = TcpStream::connect(&host).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let target = uri.path_and_query().unwrap().as_str();
    let mut request = Request::builder().method(method).uri(target).header("host", &host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.ok()?;
    let (parts, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    let mut whole = true;
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            whole = false;
            break;
        };
        body.extend_from_slice(frame.data_ref().unwrap());
    }
    connection.abort();
    Some(Answer { status: parts.status, headers: parts.headers, body: body.into(), whole })
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// `Authorization` for the ECR registry.
pub(crate) fn ecr_login(sandbox: &Sandbox) -> String {
    basic("AWS", &sandbox.ecr_password())
}

/// `Authorization` for a repository at Artifactory.
pub(crate) async fn artifactory_login(sandbox: &Sandbox, repository: &str, actions: &str) -> String {
    artifactory_login_for(sandbox, &[repository.to_owned()], actions).await
}

/// `Authorization` for repositories of one key at Artifactory.
pub(crate) async fn artifactory_login_for(
    sandbox: &Sandbox,
    repositories: &[String],
    actions: &str,
) -> String {
    let key = repositories[0].split('/').next().unwrap();
    let base = sandbox.url(Service::Artifactory);
    let mut url = format!("{base}/artifactory/api/docker/{key}/v2/token?service=artifactory");
    for name in repositories {
        url.push_str(&format!("&scope=repository:{name}:{actions}"));
    }
    let access = sandbox.artifactory_access();
    let login = basic(&access.user, &access.password);
    let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    format!("Bearer {}", answer.json()["token"].as_str().unwrap())
}

/// A call of ECR's API.
pub(crate) async fn ecr_call(
    sandbox: &Sandbox,
    keys: &IssuedKeys,
    region: &str,
    operation: &str,
    body: Value,
) -> Answer {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    let signature = "a".repeat(64);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261121/{region}/ecr/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={signature}",
        keys.access_key_id
    );
    let mut headers = vec![
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-date", "20261121T000000Z"),
        ("authorization", authorization.as_str()),
    ];
    if let Some(token) = &keys.session_token {
        headers.push(("x-amz-security-token", token));
    }
    let body = if body.is_null() { json!({}) } else { body };
    send("POST", &format!("{}/", sandbox.url(Service::EcrApi)), &headers, body.to_string()).await.unwrap()
}
