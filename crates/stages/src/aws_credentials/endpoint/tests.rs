use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_artifacts::{Class, Problem};
use landfall_aws::{AwsKeys, HeldKeys, KeySource, NotRenewed, Renewed, Renewing};
use landfall_run::{Clock, Run};
use landfall_secret::Secret;
use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Endpoint;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);

fn keys(id: &str, left: i64) -> AwsKeys {
    AwsKeys::new(id, Secret::new("secret-key"), Some(Secret::new("session-token")))
        .expiring(Some(NOW + Duration::seconds(left)))
}

#[derive(Debug)]
struct Source(Result<&'static str, NotRenewed>, AtomicUsize);

impl KeySource for Source {
    fn renew(&self) -> Renewed<'_> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let answer = self.0.clone().map(|id| keys(id, 3600));
        Box::pin(async { answer })
    }
}

async fn endpoint(left: i64, answer: Result<&'static str, NotRenewed>) -> (Endpoint, Run) {
    let run = Run::builder().clock(Clock::fixed(NOW)).build();
    let source = Arc::new(Source(answer, AtomicUsize::new(0)));
    let held = HeldKeys::renewed(keys("ASIAONE", left), Renewing::by(source).for_programs(), &run);
    (Endpoint::serve(held, &run).await.expect("it serves"), run)
}

/// Status and body of a GET with these headers.
async fn get(uri: &str, headers: &str) -> (u16, Value) {
    let rest = uri.strip_prefix("http://").expect("plain");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("a connection");
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("read");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

#[tokio::test]
async fn who_knows_the_token_gets_the_keys_and_nobody_else() {
    let (endpoint, run) = endpoint(3600, Ok("ASIATWO")).await;
    assert!(endpoint.uri.starts_with("http://127.0.0.1:"), "{}", endpoint.uri);
    let right = format!("authorization: {}\r\n", endpoint.token.expose());
    let (status, body) = get(&endpoint.uri, &right).await;
    assert_eq!((status, &body["AccessKeyId"]), (200, &"ASIAONE".into()));
    assert_eq!(
        (&body["Token"], &body["Expiration"]),
        (&"session-token".into(), &"2026-11-20T13:00:00Z".into())
    );
    for headers in ["", "authorization: \r\n", "authorization: guessed\r\n"] {
        let (status, body) = get(&endpoint.uri, headers).await;
        assert_eq!(status, 403, "{headers}");
        assert!(!body.to_string().contains("secret-key"), "{body}");
    }
    let elsewhere = endpoint.uri.replace("/credentials", "/");
    assert_eq!(get(&elsewhere, &right).await.0, 404);
    assert!(run.redactor().finds_secret_in(endpoint.token.expose()));
    assert!(!format!("{endpoint:?}").contains(endpoint.token.expose()));
}

#[tokio::test]
async fn keys_that_end_are_renewed_for_who_asks() {
    let (endpoint, _run) = endpoint(0, Ok("ASIATWO")).await;
    let right = format!("authorization: {}\r\n", endpoint.token.expose());
    for _ in 0..2 {
        assert_eq!(get(&endpoint.uri, &right).await.1["AccessKeyId"], "ASIATWO");
    }
}

#[tokio::test]
async fn who_asks_for_keys_that_are_over_is_told_why_there_are_no_others() {
    let problem = |class| Problem::new("LF-VAULT-X", class, "no login");
    let half_written = NotRenewed { problem: problem(Class::Input), is_passing: true };
    for (refused, status) in [
        (problem(Class::Transient).into(), 503),
        (half_written, 503),
        (problem(Class::Refused).into(), 400),
        (problem(Class::Unknown).into(), 400),
    ] {
        let (endpoint, _run) = endpoint(0, Err(refused)).await;
        let right = format!("authorization: {}\r\n", endpoint.token.expose());
        let (answered, body) = get(&endpoint.uri, &right).await;
        assert_eq!(
            (answered, &body["code"], &body["message"]),
            (status, &"LF-VAULT-X".into(), &"no login".into())
        );
    }
}

#[tokio::test]
async fn nobody_is_there_afterwards() {
    let (endpoint, _run) = endpoint(3600, Ok("ASIATWO")).await;
    let host = endpoint.uri.trim_start_matches("http://").trim_end_matches("/credentials").to_owned();
    drop(endpoint);
    let mut left = 100;
    while tokio::net::TcpStream::connect(&host).await.is_ok() {
        left -= 1;
        assert!(left > 0, "the port is still open");
        tokio::task::yield_now().await;
    }
}
