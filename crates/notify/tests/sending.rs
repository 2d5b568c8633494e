//! One notification to one server: what arrives, what every answer means, and that the address is told nobody.

use std::time::Duration;

use landfall_artifacts::{Actor, Explain as _, Notification, NotifyTarget, Problem, Settings, TargetName};
use landfall_notify::{Error, Secrets, Sender, test_notification};
use landfall_run::{Clock, Run};
use landfall_secret::Redactor;
use landfall_transport::{Http, HttpConfig};
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PATH: &str = "/services/T0CANARY/B0CANARY/sEcReTcAnArY";

fn target(kind: &str) -> (TargetName, NotifyTarget) {
    let further =
        if kind == "webhook" { "token_variable = \"TOKEN\"\nsignature_variable = \"KEY\"\n" } else { "" };
    let text = format!("[notify.channel]\nkind = \"{kind}\"\nurl_variable = \"URL\"\n{further}");
    let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
    settings.notify.into_iter().next().expect("one")
}

fn variable<'a>(url: &'a str) -> impl Fn(&str) -> Option<&'a str> {
    move |name| match name {
        "URL" => Some(url),
        "TOKEN" => Some("tokencanary"),
        "KEY" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        _ => None,
    }
}

fn sender(kind: &str, url: &str) -> Result<Sender, Error> {
    let (name, target) = target(kind);
    let secrets = Secrets::of(&name, &target, variable(url))?;
    assert!(!format!("{secrets:?}").contains("CANARY"));
    Sender::new(&Http::new(HttpConfig::default()).expect("a client"), &name, &target, &secrets)
}

fn notification() -> Notification {
    let (name, _) = target("slack");
    let actor = Actor { name: "ada".into(), source: "USER".into() };
    test_notification(&name, time::OffsetDateTime::UNIX_EPOCH, actor, "0".repeat(32))
}

fn run(url: &str) -> Run {
    let (name, target) = target("webhook");
    let redactor = Redactor::new();
    Secrets::of(&name, &target, variable(url)).expect("set").teach(&redactor);
    Run::builder().clock(Clock::fixed(time::OffsetDateTime::UNIX_EPOCH)).redactor(redactor).build()
}

async fn send(kind: &str, url: &str) -> Result<(), Error> {
    sender(kind, url)?.send(&notification(), Duration::from_secs(5), &run(url)).await
}

/// Everything that an error shows. The address is in none of it.
fn shown(error: &Error) -> String {
    let told = format!("{error:?} {error} {:?}", Problem::of(error));
    assert!(!told.to_lowercase().contains("canary"), "{told}");
    format!("{} {error}; {}", error.code(), error.remedy().unwrap_or_default())
}

#[tokio::test]
async fn slack_gets_a_text_and_nothing_else() {
    let server = MockServer::start().await;
    let url = format!("{}{PATH}", server.uri());
    Mock::given(method("POST"))
        .and(path(PATH))
        .and(header("content-type", "application/json"))
        .and(body_json(serde_json::json!({ "text": notification().text })))
        .respond_with(ResponseTemplate::new(200).set_body_raw("ok", "text/html"))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(send("slack", &url).await, Ok(()));
    let requests = server.received_requests().await.expect("recorded");
    assert!(
        !requests[0].headers.contains_key("authorization") && !requests[0].headers.contains_key("webhook-id")
    );
}

#[tokio::test]
async fn a_webhook_gets_everything_signed() {
    let server = MockServer::start().await;
    let url = format!("{}{PATH}?key=a%20b", server.uri());
    Mock::given(method("POST"))
        .and(path(PATH))
        .and(query_param("key", "a b"))
        .and(header("authorization", "Bearer tokencanary"))
        .and(header("webhook-id", "0".repeat(32).as_str()))
        .and(header("webhook-timestamp", "0"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let sent = send("webhook", &url).await;
    let requests = server.received_requests().await.expect("recorded");
    let read = Notification::parse(&requests[0].body, "body").expect("the format");
    assert_eq!(read, notification());
    assert_eq!(sent, Ok(()));
    // As Python's hmac has it over these bytes.
    let signed = requests[0].headers.get("webhook-signature").expect("signed");
    assert_eq!(signed.to_str().expect("text"), "v1,0Xsb3FsEj63vpzqXqyUNRdykQ4yrKNvoUfqEQKAPItY=");
}

#[tokio::test]
async fn every_answer_is_told_and_asked_for_once() {
    let mut told = String::new();
    for status in [301, 400, 403, 404, 410, 408, 429, 500, 503] {
        let server = MockServer::start().await;
        let url = format!("{}{PATH}", server.uri());
        let answer = ResponseTemplate::new(status)
            .insert_header("location", format!("{}/elsewhere", server.uri()).as_str())
            .insert_header("retry-after", "1")
            .set_body_string(format!("no_service {url}"));
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let error = send("slack", &url).await.expect_err("refused");
        assert_eq!(error.is_retryable(), matches!(status, 408 | 429 | 500 | 503), "{error}");
        told.push_str(&format!("{}\n", shown(&error)));
        assert_eq!(server.received_requests().await.map(|all| all.len()), Some(1), "{status}");
    }
    insta::assert_snapshot!(told, @r"
    LF-NOTIFY-STATUS channel answered 301: no_service <redacted>; set the variable to the address that it leads to; redirects are not followed
    LF-NOTIFY-STATUS channel answered 400: no_service <redacted>; try it by landfall notify test; drop what waits by landfall notify drop
    LF-NOTIFY-STATUS channel answered 403: no_service <redacted>; make a new webhook or token, and set the variable to it
    LF-NOTIFY-STATUS channel answered 404: no_service <redacted>; the webhook is gone: make a new one, set the variable to it, and drop what waits by landfall notify drop
    LF-NOTIFY-STATUS channel answered 410: no_service <redacted>; the webhook is gone: make a new one, set the variable to it, and drop what waits by landfall notify drop
    LF-NOTIFY-STATUS channel answered 408: no_service <redacted>; wait for the next run that notifies, or run landfall notify send
    LF-NOTIFY-STATUS channel answered 429: no_service <redacted>; wait for the next run that notifies, or run landfall notify send
    LF-NOTIFY-STATUS channel answered 500: no_service <redacted>; wait for the next run that notifies, or run landfall notify send
    LF-NOTIFY-STATUS channel answered 503: no_service <redacted>; wait for the next run that notifies, or run landfall notify send
    ");
}

#[tokio::test]
async fn a_server_that_is_silent_or_not_there_is_told_without_its_address() {
    let server = MockServer::start().await;
    let url = format!("{}{PATH}", server.uri());
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(method("POST")).respond_with(slow).mount(&server).await;
    let sender = sender("slack", &url).expect("usable");
    let limit = Duration::from_millis(50);
    let silent = sender.send(&notification(), limit, &run(&url)).await.expect_err("no answer");
    assert!(silent.is_retryable());
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let nobody = send("slack", &format!("http://{port}{PATH}")).await.expect_err("nobody is there");
    assert!(nobody.is_retryable());
    // On a busy machine the request itself may not have been sent whole in that time.
    let silent = shown(&silent).replace("no complete answer", "no answer");
    insta::assert_snapshot!(format!("{silent}\n{}", shown(&nobody)), @r"
    LF-NOTIFY-UNANSWERED channel did not answer: no answer came in 50ms; wait for the next run that notifies, or run landfall notify send
    LF-NOTIFY-CONNECT channel cannot be reached: Connection refused (os error 111); wait for the next run that notifies, or run landfall notify send
    ");
}

#[test]
fn addresses_that_may_not_be_spoken_to_are_refused_by_their_variable() {
    let mut told = String::new();
    for url in [
        "canary",
        "ftp://example.com/canary",
        "https://user:canary@example.com/x",
        "http://example.com/services/canary",
        "http://169.254.169.254/canary",
        " ",
    ] {
        told.push_str(&format!("{}\n", shown(&sender("slack", url).expect_err("refused"))));
    }
    insta::assert_snapshot!(told, @r"
    LF-NOTIFY-VARIABLE the variable URL of channel cannot be used: it is no http(s) address without user and password; set URL to what its owner shows, with nothing before or behind
    LF-NOTIFY-VARIABLE the variable URL of channel cannot be used: it is no http(s) address without user and password; set URL to what its owner shows, with nothing before or behind
    LF-NOTIFY-VARIABLE the variable URL of channel cannot be used: it is no http(s) address without user and password; set URL to what its owner shows, with nothing before or behind
    LF-NOTIFY-VARIABLE the variable URL of channel cannot be used: plain http is spoken to this machine alone; it must be https; set URL to what its owner shows, with nothing before or behind
    LF-NOTIFY-VARIABLE the variable URL of channel cannot be used: it is a link-local address; set URL to what its owner shows, with nothing before or behind
    LF-NOTIFY-VARIABLE the variable URL of channel is not set; let this job have URL, masked and protected
    ");
}
