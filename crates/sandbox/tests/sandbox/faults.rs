//! Every fault that damages a request or its answer: what the caller sees, and whether the service acted.

use std::pin::pin;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use landfall_sandbox::Content::{Blob, Manifest, Nothing, Other};
use landfall_sandbox::images::function_image;
use landfall_sandbox::{Fault, Sandbox, Service, What};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, artifactory_login, ecr_login, send, start};

const REPOSITORY: &str = "docker-build/shop/cart";
const BLOB: &[u8] = b"0123456789";

/// A sandbox with one blob at Artifactory, its address there, and a login for it.
async fn with_blob() -> (Sandbox, String, String) {
    let sandbox = start().await;
    let digest = sandbox.artifactory.put_blob(REPOSITORY, BLOB.into());
    let login = artifactory_login(&sandbox, REPOSITORY, "pull,push").await;
    let url = format!("{}/v2/{REPOSITORY}/blobs/{digest}", sandbox.url(Service::Artifactory));
    (sandbox, url, login)
}

/// Sends a request by hand on a connection that stays.
async fn by_hand(url: &str, method: &str, login: &str, more: &str) -> TcpStream {
    let uri: http::Uri = url.parse().unwrap();
    let host = uri.authority().unwrap().to_string();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let target = uri.path_and_query().unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: {login}\r\n{more}");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Reads until the text stands in what came.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).unwrap()
}

/// Nothing more comes, and the connection stays, however often the server gets its turn.
async fn assert_silent(stream: &mut TcpStream) {
    let mut buffer = [0; 1];
    let mut read = pin!(stream.read(&mut buffer));
    for _ in 0..500 {
        assert!(read.as_mut().now_or_never().is_none(), "more came, or the end");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stalled_answer_keeps_the_connection_at_every_byte() {
    let (sandbox, url, login) = with_blob().await;
    for count in 0..BLOB.len() {
        sandbox.faults().add(Fault::new(What::StallAfterBytes(count as u64)));
        let mut stream = by_hand(&url, "GET", &login, "\r\n").await;
        let sent = std::str::from_utf8(&BLOB[..count]).unwrap();
        let head = read_until(&mut stream, &format!("\r\n\r\n{sent}")).await;
        assert!(head.contains("content-length: 10\r\n"), "{head}");
        assert_silent(&mut stream).await;
        let entry = sandbox.journal().entries().pop().unwrap();
        assert_eq!((entry.status, entry.answer_len, entry.effect), (Some(200), count as u64, true));
    }
    sandbox.faults().add(Fault::new(What::StallAfterBytes(BLOB.len() as u64)));
    let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert_eq!((answer.whole, &answer.body[..]), (true, BLOB), "there was nothing to stall");
}

#[tokio::test]
async fn an_answer_that_stalls_before_its_head_leaves_the_effect() {
    let sandbox = start().await;
    let strikes = sandbox.faults().add(Fault::new(What::StallAnswer));
    let url = format!("{}/v2/app/blobs/uploads/", sandbox.url(Service::EcrRegistry));
    let login = ecr_login(&sandbox);
    let mut stream = by_hand(&url, "POST", &login, "content-length: 0\r\n\r\n").await;
    while sandbox.ecr_registry.open_uploads() == 0 {
        tokio::task::yield_now().await;
    }
    assert_silent(&mut stream).await;
    let entry = sandbox.journal().entries().pop().unwrap();
    assert_eq!((entry.status, entry.effect, strikes.count()), (None, true, 1));
}

#[tokio::test]
async fn a_stalled_request_is_read_so_far_and_asks_nobody() {
    let sandbox = start().await;
    let url = format!("{}/v2/app/blobs/uploads/", sandbox.url(Service::EcrRegistry));
    for count in [0, 4] {
        let strikes = sandbox.faults().add(Fault::new(What::StallRequestAfter(count)));
        let login = ecr_login(&sandbox);
        let mut stream = by_hand(&url, "POST", &login, "content-length: 9\r\n\r\nsome body").await;
        while strikes.count() == 0 {
            tokio::task::yield_now().await;
        }
        assert_silent(&mut stream).await;
        let entry = sandbox.journal().entries().pop().unwrap();
        assert_eq!((entry.body_len, entry.status, entry.effect), (count, None, false));
    }
    assert_eq!(sandbox.ecr_registry.open_uploads(), 0);
}

#[tokio::test]
async fn a_changed_byte_a_shorter_and_a_longer_body_have_a_length_that_fits() {
    let (sandbox, url, login) = with_blob().await;
    let cases: [(What, &[u8]); 8] = [
        (What::FlipBit(0), b"1123456789"),
        (What::FlipBit(3), b"0122456789"),
        (What::FlipBit(9), b"0123456788"),
        (What::FlipBit(u64::MAX), b"0123456788"),
        (What::Shorten(1), b"012345678"),
        (What::Shorten(u64::MAX), b""),
        (What::Lengthen(1), b"0123456789\0"),
        (What::Lengthen(3), b"0123456789\0\0\0"),
    ];
    for (what, body) in cases {
        sandbox.faults().add(Fault::new(what.clone()));
        let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.whole), (200, true), "{what:?}");
        assert_eq!((&answer.body[..], answer.header("content-length")), (body, &*body.len().to_string()));
        assert_eq!(sandbox.journal().entries().pop().unwrap().answer_len, body.len() as u64);
    }
}

#[tokio::test]
async fn a_length_that_promises_too_much_ends_with_the_connection() {
    let (sandbox, url, login) = with_blob().await;
    sandbox.faults().add(Fault::new(What::PromiseMore(5)));
    let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert_eq!((answer.header("content-length"), &answer.body[..], answer.whole), ("15", BLOB, false));
    for (what, length) in [(What::PromiseMore(5), "15"), (What::PromiseFewer(3), "7")] {
        sandbox.faults().add(Fault::new(what));
        let answer = send("HEAD", &url, &[("authorization", &login)], "").await.unwrap();
        assert_eq!((answer.header("content-length"), answer.whole), (length, true), "HEAD has no body");
    }
}

#[tokio::test]
async fn a_length_that_promises_too_little_leaves_bytes_on_the_connection() {
    let (sandbox, url, login) = with_blob().await;
    for (count, kept) in [(3, 7), (10, 0), (99, 0)] {
        sandbox.faults().add(Fault::new(What::PromiseFewer(count)));
        let mut stream = by_hand(&url, "GET", &login, "\r\n").await;
        let all = read_until(&mut stream, "\r\n\r\n0123456789").await;
        assert!(all.contains(&format!("content-length: {kept}\r\n")), "{all}");
        assert_silent(&mut stream).await;
        assert_eq!(sandbox.journal().entries().pop().unwrap().answer_len, 10);
    }
    sandbox.faults().add(Fault::new(What::PromiseFewer(3)));
    let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert_eq!((&answer.body[..], answer.whole), (&BLOB[..7], true), "what a client makes of it");
}

#[tokio::test]
async fn a_redirect_to_itself_names_the_same_address_each_time() {
    let (sandbox, url, login) = with_blob().await;
    let strikes = sandbox.faults().add(Fault::new(What::RedirectToItself).matching("/blobs/").every());
    for _ in 0..3 {
        let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.header("location")), (307, url.as_str()));
    }
    assert_eq!(strikes.count(), 3);
    assert!(!sandbox.journal().entries().pop().unwrap().effect);
}

#[tokio::test]
async fn a_dropped_login_brings_the_services_own_challenge_once() {
    let (sandbox, url, login) = with_blob().await;
    sandbox.faults().add(Fault::new(What::DropAuthorization));
    let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").contains("/artifactory/api/docker/docker-build/v2/token"));
    let entry = sandbox.journal().entries().pop().unwrap();
    assert_eq!(entry.authorization(), Some(login.as_str()), "the journal keeps what was sent");
    assert_eq!(send("GET", &url, &[("authorization", &login)], "").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_header_of_a_real_answer_is_replaced_or_missing() {
    let (sandbox, url, login) = with_blob().await;
    let foreign = sandbox.url(Service::Foreign);
    let uploads = format!("{}/v2/{REPOSITORY}/blobs/uploads/", sandbox.url(Service::Artifactory));
    let ask = async |what: What, method: &'static str, url: &str, login: &str| -> Answer {
        sandbox.faults().add(Fault::new(what));
        send(method, url, &[("authorization", login)], "").await.unwrap()
    };
    let elsewhere = format!("{foreign}/v2/x/blobs/uploads/1");
    let answer = ask(What::replace_header("location", &elsewhere), "POST", &uploads, &login).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (202, elsewhere.as_str()));
    assert_eq!(sandbox.artifactory.open_uploads(), 1, "the service acted");
    let realm = format!("Bearer realm=\"{foreign}/token\"");
    let answer = ask(What::replace_header("www-authenticate", &realm), "GET", &url, "Bearer x").await;
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, realm.as_str()));
    let answer = ask(What::remove_header("docker-content-digest"), "GET", &url, &login).await;
    assert!(answer.status == 200 && !answer.headers.contains_key("docker-content-digest"));
    assert_eq!(&answer.body[..], BLOB);
    let answer = ask(What::remove_header("location"), "POST", &uploads, &login).await;
    assert!(answer.status == 202 && !answer.headers.contains_key("location"));
}

#[tokio::test]
async fn a_429_comes_with_any_retry_after_or_none() {
    let (sandbox, url, login) = with_blob().await;
    let values = [
        Some("7"),
        Some("0"),
        Some("-1"),
        Some("99999999999999999999"),
        Some("1.5"),
        Some("soon"),
        Some("Wed, 21 Oct 2099 07:28:00 GMT"),
        Some("Wed, 21 Oct 2015 07:28:00 GMT"),
        None,
    ];
    for value in values {
        let what = What::status(429).body(r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#);
        sandbox.faults().add(Fault::new(match value {
            Some(value) => what.header("retry-after", value),
            None => what,
        }));
        let answer = send("GET", &url, &[("authorization", &login)], "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "TOOMANYREQUESTS"));
        assert_eq!(answer.headers.get("retry-after").map(|value| value.to_str().unwrap()), value);
    }
}

#[tokio::test]
async fn an_effect_may_be_answered_with_a_failure() {
    let (sandbox, _, login) = with_blob().await;
    let login = [("authorization", login.as_str())];
    let uploads = format!("{}/v2/{REPOSITORY}/blobs/uploads/", sandbox.url(Service::Artifactory));
    let begun = send("POST", &uploads, &login, "").await.unwrap();
    let digest = landfall_sandbox::registry::digest_of(b"abc");
    let whole = format!("{}{}&digest={digest}", sandbox.url(Service::Artifactory), begun.header("location"));
    sandbox.faults().add(Fault::new(What::FailAfter(StatusCode::INTERNAL_SERVER_ERROR)));
    let answer = send("PUT", &whole, &login, "abc").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("location"), answer.body.len()), (500, "", 0));
    assert_eq!(sandbox.artifactory.blob(REPOSITORY, &digest).as_deref(), Some(&b"abc"[..]));
    let entry = sandbox.journal().entries().pop().unwrap();
    assert!(entry.effect && entry.status == Some(500), "{entry}");
}

#[tokio::test]
async fn heads_without_measure_come_before_a_body_that_is_right() {
    let (sandbox, url, login) = with_blob().await;
    let text = String::from_utf8_lossy(BLOB);
    for (what, line, times) in [
        (What::Hints(3), "HTTP/1.1 103 ", 3),
        (What::Hints(10_000), "HTTP/1.1 103 ", 10_000),
        (What::GiantHeader(1 << 20), "x-giant: yyyy", 1),
        (What::ManyHeaders(10_000), "x-many-", 10_000),
    ] {
        sandbox.faults().add(Fault::new(what.clone()));
        let mut stream = by_hand(&url, "GET", &login, "\r\n").await;
        let seen = read_until(&mut stream, &text).await;
        assert_eq!(seen.matches(line).count(), times, "{what:?}");
        assert_eq!(seen.matches("HTTP/1.1 200 OK").count(), 1, "{what:?}");
        assert!(what != What::GiantHeader(1 << 20) || seen.len() > 1 << 20);
        // The connection is good for another request, whose answer is as always.
        let target = url.parse::<http::Uri>().unwrap();
        let again = format!("GET {} HTTP/1.1\r\nhost: x\r\nauthorization: {login}\r\n\r\n", target.path());
        stream.write_all(again.as_bytes()).await.unwrap();
        let seen = read_until(&mut stream, &text).await;
        assert!(seen.starts_with("HTTP/1.1 200 OK") && !seen.contains(line), "{seen}");
    }
}

#[tokio::test]
async fn a_clean_run_can_be_listed_request_by_request() {
    let (sandbox, url, login) = with_blob().await;
    sandbox.journal().clear();
    let image = function_image("cart", "1", "amd64", 10);
    sandbox.artifactory.put_image(REPOSITORY, "1", &image);
    let base = format!("{}/v2/{REPOSITORY}", sandbox.url(Service::Artifactory));
    let login = [("authorization", login.as_str())];
    send("GET", &url, &login, "").await.unwrap();
    send("HEAD", &url, &login, "").await.unwrap();
    send("GET", &format!("{base}/manifests/1"), &login, "").await.unwrap();
    let begun = send("POST", &format!("{base}/blobs/uploads/"), &login, "").await.unwrap();
    let part = format!("{}{}", sandbox.url(Service::Artifactory), begun.header("location"));
    send("PATCH", &part, &login, "abc").await.unwrap();
    let put = [login[0], ("content-type", image.media_type.as_str())];
    send("PUT", &format!("{base}/manifests/2"), &put, image.manifest.clone()).await.unwrap();
    sandbox.artifactory.configure(|quirks| quirks.redirect_blobs = true);
    let hop = send("GET", &url, &login, "").await.unwrap();
    send("GET", hop.header("location"), &[("range", "bytes=2-4")], "").await.unwrap();
    send("GET", &format!("{base}/tags/list"), &login, "").await.unwrap();
    send("GET", &format!("{base}/manifests/none"), &login, "").await.unwrap();

    let manifest = image.manifest.len() as u64;
    let seen: Vec<_> = sandbox
        .journal()
        .entries()
        .iter()
        .map(|entry| (entry.method.clone(), entry.request_content(), entry.answer_content(), entry.status))
        .collect();
    assert_eq!(
        seen,
        [
            (Method::GET, Nothing, Blob, Some(200)),
            (Method::HEAD, Nothing, Nothing, Some(200)),
            (Method::GET, Nothing, Manifest, Some(200)),
            (Method::POST, Nothing, Nothing, Some(202)),
            (Method::PATCH, Blob, Nothing, Some(202)),
            (Method::PUT, Manifest, Nothing, Some(201)),
            (Method::GET, Nothing, Nothing, Some(302)),
            (Method::GET, Nothing, Blob, Some(206)),
            (Method::GET, Nothing, Other, Some(200)),
            (Method::GET, Nothing, Other, Some(404)),
        ]
    );
    let sizes: Vec<_> =
        sandbox.journal().entries().iter().map(|entry| (entry.body_len, entry.answer_len)).collect();
    assert_eq!(sizes[..8], [(0, 10), (0, 0), (0, manifest), (0, 0), (3, 0), (manifest, 0), (0, 0), (0, 3)]);
}
