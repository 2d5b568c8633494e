//! Challenges, tokens and upload addresses that mean harm: what is odd is refused, and only the registry sees a login.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Bytes;
use landfall_artifacts::{Class, Explain as _};
use landfall_registry::{Begun, Error};
use landfall_transport::BodyStream;

use crate::hostile_answers::{Doing, config, manifest, run};
use crate::hostile_server::{Asked, Hostile, IN_FLIGHT, Reply};
use crate::server::{BASIC, OCI, Server, http};

/// A registry that wants a token of its own, which it answers so.
async fn with_token(answer: Reply) -> Hostile {
    Hostile::start(move |asked, host| {
        if asked.line.starts_with("GET /token") {
            return answer.clone();
        }
        if asked.head.contains("authorization: Bearer ") {
            return Reply::with(200, &[&format!("content-type: {OCI}")], &manifest().bytes);
        }
        Reply::with(401, &[&format!("www-authenticate: Bearer realm=\"http://{host}/token\"")], "")
    })
    .await
}

fn token(json: &str) -> Reply {
    Reply::with(200, &["content-type: application/json"], json)
}

fn logins(seen: &[Asked]) -> usize {
    seen.iter().filter(|asked| asked.head.contains("authorization:")).count()
}

/// A proxy's page with status 200: it may be gone a moment later, and is asked past a few times.
#[tokio::test]
async fn a_page_in_place_of_a_token_or_an_upload_passes_or_is_refused() {
    let http = http();
    for (last_page, code) in [(1, None), (2, Some(["LF-REG-TOKEN", "LF-REG-ANSWER"]))] {
        let page = || Reply::with(200, &["content-type: Text/HTML; charset=utf-8"], "<html>log in</html>");
        let pages = AtomicU32::new(0);
        let server = Hostile::start(move |asked, host| {
            if asked.head.contains("authorization: Bearer ") {
                return Reply::with(200, &[&format!("content-type: {OCI}")], &manifest().bytes);
            }
            if asked.line.starts_with("GET /token") {
                let is_page = pages.fetch_add(1, Ordering::SeqCst) < last_page;
                return if is_page { page() } else { token(r#"{"token":"t"}"#) };
            }
            Reply::with(401, &[&format!("www-authenticate: Bearer realm=\"http://{host}/token\"")], "")
        })
        .await;
        let ended = Doing::Get.with(&server.registry(&http)).await;
        assert_eq!(ended.as_ref().err().map(Error::code), code.map(|codes| codes[0]), "{ended:?}");
        if let Err(error) = ended {
            assert_eq!(error.class(), Class::Refused);
        }

        let pages = AtomicU32::new(0);
        let server = Hostile::start(move |_, _| {
            let is_page = pages.fetch_add(1, Ordering::SeqCst) < last_page;
            if is_page { page() } else { Reply::with(202, &["location: /v2/a/blobs/uploads/1"], "") }
        })
        .await;
        let ended = Doing::Begin.with(&server.registry(&http)).await;
        assert_eq!(ended.as_ref().err().map(Error::code), code.map(|codes| codes[1]), "{ended:?}");
        if let Err(error) = ended {
            assert_eq!(error.class(), Class::Refused);
        }
        assert!(server.seen().len() <= 4);
    }
}

#[tokio::test]
async fn what_is_no_token_is_not_carried() {
    let http = http();
    let endless = |status| Reply::head(status, &[]).then_endless("x");
    let mut cases = vec![
        (endless(200), "LF-HTTP-TOO-LARGE"),
        (endless(401), "LF-REG-AUTH"),
        (endless(500), "LF-REG-TOKEN"),
        (Reply::with(200, &["content-encoding: gzip"], [0x1f, 0x8b]), "LF-HTTP-ANSWER"),
        (Reply::with(302, &["location: http://169.254.169.254/latest/meta-data/"], ""), "LF-REG-TOKEN"),
        (Reply::with(200, &["content-type: text/html"], "<html>log in</html>"), "LF-REG-TOKEN"),
    ];
    for json in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"token":""}"#,
        r#"{"token":null}"#,
        r#"{"token":7}"#,
        r#"{"token":["t"]}"#,
        r#"{"token":"a b"}"#,
        r#"{"token":"a\r\nx-injected: y"}"#,
        r#"{"token":"a\u0000b"}"#,
        r#"{"token":"\u202ea"}"#,
        r#"{"token":"a","token":"b"}"#,
        r#"{"token":"a","expires_in":-1}"#,
        r#"{"token":"a","expires_in":"300"}"#,
        r#"{"token":"a","expires_in":1e400}"#,
        r#"{"token":"a"} {"token":"b"}"#,
        "\u{feff}{\"token\":\"a\"}",
    ] {
        cases.push((token(json), "LF-REG-TOKEN"));
    }
    for (number, (answer, code)) in cases.into_iter().enumerate() {
        let server = with_token(answer).await;
        let ended = Doing::Get.with(&server.registry(&http)).await;
        let error = ended.expect_err(&format!("case {number}"));
        assert_eq!(error.code(), code, "case {number}: {error:?}");
        server.closed().await;
        let seen = server.seen();
        let asked: Vec<&str> = seen.iter().map(|asked| asked.line.split('?').next().unwrap_or("")).collect();
        assert_eq!(asked[..2], ["GET /v2/a/manifests/1", "GET /token"], "case {number}");
        assert!(asked[1..].iter().all(|line| *line == "GET /token"), "case {number}: {asked:?}");
        assert!(server.sent_bytes() < 2 * IN_FLIGHT, "case {number}: {} bytes", server.sent_bytes());
    }
}

#[tokio::test]
async fn tokens_are_borne_up_to_their_caps() {
    let http = http();
    let of_length = |length: usize| format!(r#"{{"token":"{}"}}"#, "t".repeat(length));
    let padded = |length: usize| format!(r#"{{"token":"t"{}}}"#, " ".repeat(length - 13));
    for (answer, code) in [
        (of_length((32 << 10) - 1), None),
        (of_length(32 << 10), None),
        (of_length((32 << 10) + 1), Some("LF-REG-TOKEN")),
        (padded((64 << 10) - 1), None),
        (padded(64 << 10), None),
        (padded((64 << 10) + 1), Some("LF-HTTP-TOO-LARGE")),
        (r#"{"token":"t","expires_in":18446744073709551615}"#.to_owned(), None),
        (r#"{"token":"t","expires_in":0}"#.to_owned(), None),
        // What is not read is passed over without going down into it.
        (format!(r#"{{"x":{}{},"token":"t"}}"#, "[".repeat(30_000), "]".repeat(30_000)), None),
        (format!(r#"{{"token":{}"t"{}}}"#, "[".repeat(30_000), "]".repeat(30_000)), Some("LF-REG-TOKEN")),
    ] {
        let server = with_token(token(&answer)).await;
        let error = Doing::Get.with(&server.registry(&http)).await.err();
        assert_eq!(error.as_ref().map(landfall_artifacts::Explain::code), code, "{} bytes", answer.len());
    }
}

#[tokio::test]
async fn a_challenge_that_is_not_understood_is_not_answered() {
    let http = http();
    let foreign = Server::start_at("127.0.0.2").await;
    let elsewhere = foreign.host();
    for (challenge, code) in [
        ("Bearer", "LF-REG-CHALLENGE"),
        ("Bearer realm=\"\"", "LF-REG-CHALLENGE"),
        ("Bearer realm=\"http://HOST/token", "LF-REG-CHALLENGE"),
        ("Negotiate oYG2MIGz", "LF-REG-CHALLENGE"),
        ("realm=\"http://HOST/token\"", "LF-REG-CHALLENGE"),
        ("Bearer realm=\"token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"//HOST/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"file:///etc/passwd\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"javascript:alert(1)\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"https://HOST/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http://user@HOST/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http://ELSEWHERE/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http://HOST@ELSEWHERE/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http://HOST\t@ELSEWHERE/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http:\\\\\\\\ELSEWHERE/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http://169.254.169.254/token\"", "LF-HTTP-FOREIGN"),
        ("Bearer realm=\"http://ELSEWHERE/t\",realm=\"http://HOST/token\"", "LF-HTTP-FOREIGN"),
    ] {
        let (challenge, elsewhere) = (challenge.to_owned(), elsewhere.clone());
        let case = challenge.clone();
        let server = Hostile::start(move |_, host| {
            let challenge = challenge.replace("HOST", host).replace("ELSEWHERE", &elsewhere);
            Reply::with(401, &[&format!("www-authenticate: {challenge}")], "")
        });
        let server = server.await;
        let error = Doing::Get.with(&server.registry(&http)).await.expect_err(&case);
        assert_eq!(error.code(), code, "{case}: {error:?}");
        assert_eq!((server.seen().len(), logins(&server.seen())), (1, 0), "{case}");
    }
    assert!(foreign.contents().seen.is_empty());
}

#[tokio::test]
async fn a_challenge_is_read_up_to_its_cap() {
    let http = http();
    for (length, is_answered) in [((8 << 10) - 1, true), (8 << 10, true), ((8 << 10) + 1, false)] {
        let challenge = format!("Basic realm=\"{}\"", "x".repeat(length - 14));
        assert_eq!(challenge.len(), length);
        let server = Hostile::start(move |asked, _| {
            if asked.head.contains(BASIC) {
                return Reply::with(200, &[&format!("content-type: {OCI}")], &manifest().bytes);
            }
            Reply::with(401, &[&format!("www-authenticate: {challenge}")], "")
        });
        let server = server.await;
        let ended = Doing::Get.with(&server.registry(&http)).await;
        assert_eq!(ended.is_ok(), is_answered, "{length} bytes: {ended:?}");
        assert_eq!(logins(&server.seen()), usize::from(is_answered), "{length} bytes");
    }
}

fn body() -> BodyStream {
    Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(b"layer"))]))
}

/// Begins an upload at a server that answers the beginning with this `Location`, and the rest so.
async fn upload(server: &Hostile) -> Result<(), Error> {
    let (registry, run) = (server.registry(&http()), run());
    for _ in 0..2 {
        let Begun::Session(session) = registry.begin_upload("a", config().digest, None, &run).await? else {
            panic!("nothing was to be mounted");
        };
        let ended = registry.finish_upload(session, 5, body(), &run).await;
        // A registry that refuses the PUT is asked anew, with PATCH.
        if !matches!(ended, Err(Error::Answer { status: 405, .. })) {
            return ended;
        }
    }
    panic!("405 to the PATCH too");
}

#[tokio::test]
async fn bytes_of_a_blob_go_to_the_registry_or_nowhere() {
    let foreign = Server::start_at("127.0.0.2").await;
    let long = |length: usize| format!("/{}", "x".repeat(length - 1));
    for (given, code) in [
        (None, Some("LF-REG-INCOMPLETE")),
        (Some(long(8 << 10)), None),
        (Some(long((8 << 10) - 1)), None),
        (Some(long((8 << 10) + 1)), Some("LF-REG-INCOMPLETE")),
        (Some("/v2/\u{e4}".to_owned()), Some("LF-REG-INCOMPLETE")),
        (Some("/v2/a\0b".to_owned()), Some("LF-HTTP-UNANSWERED")),
        (Some("/v2/a b?_state=x y".to_owned()), None),
        (Some("/v2/a\r\nlocation: http://ELSEWHERE/x".to_owned()), None),
        (Some("http://ELSEWHERE/x\r\nlocation: /v2/a".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("http://ELSEWHERE/x".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("//ELSEWHERE/x".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("\\\\ELSEWHERE\\x".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("http://HOST@ELSEWHERE/x".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("ht\ttp://ELSEWHERE/x".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("https://HOST/x".to_owned()), Some("LF-HTTP-FOREIGN")),
        (Some("javascript:alert(1)".to_owned()), Some("LF-HTTP-FOREIGN")),
    ] {
        let case = format!("{:?}", given.as_ref().map(|text| text.get(..60).unwrap_or(text)));
        let elsewhere = foreign.host();
        let server = Hostile::start(move |asked, host| {
            if !asked.line.starts_with("POST") {
                return Reply::with(201, &[], "");
            }
            let put_in = |text: &str| text.replace("HOST", host).replace("ELSEWHERE", &elsewhere);
            let line = given.as_ref().map(|given| format!("location: {}", put_in(given)));
            Reply::with(202, &line.iter().map(String::as_str).collect::<Vec<_>>(), "")
        });
        let server = server.await;
        let ended = upload(&server).await;
        assert_eq!(ended.as_ref().err().map(landfall_artifacts::Explain::code), code, "{case}: {ended:?}");
        let sent = server.seen().iter().filter(|asked| asked.line.starts_with("PUT")).count();
        assert_eq!(sent, usize::from(code.is_none()), "{case}");
    }
    assert!(foreign.contents().seen.is_empty());
}

#[tokio::test]
async fn nothing_that_ends_an_upload_leads_elsewhere() {
    let foreign = Server::start_at("127.0.0.2").await;
    let realm = format!("www-authenticate: Bearer realm=\"http://{}/token\"", foreign.host());
    let location = format!("location: http://{}/x", foreign.host());
    let patch = |to: &str| Some(Reply::with(202, &[to], ""));
    for (put, patched, code) in [
        (Reply::with(307, &[&location], ""), None, "LF-REG-ANSWER"),
        (Reply::with(401, &[&realm], ""), None, "LF-REG-AUTH"),
        (Reply::with(403, &[&location], ""), None, "LF-REG-DENIED"),
        (Reply::head(201, &[]).then_endless("x"), None, "LF-HTTP-TOO-LARGE"),
        (Reply::with(201, &["content-encoding: gzip"], "x"), None, "LF-HTTP-ANSWER"),
        (Reply::raw("HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\n"), None, "LF-HTTP-UNANSWERED"),
        (Reply::with(405, &[], ""), patch(&location), "LF-HTTP-FOREIGN"),
        (Reply::with(405, &[], ""), patch("location: //169.254.169.254/x"), "LF-HTTP-FOREIGN"),
    ] {
        let server = Hostile::start(move |asked, _| match (asked.line.split(' ').next(), &patched) {
            (Some("POST"), _) => Reply::with(202, &["location: /v2/a/blobs/uploads/1"], ""),
            (Some("PATCH"), Some(patched)) => patched.clone(),
            _ => put.clone(),
        });
        let server = server.await;
        let error = upload(&server).await.expect_err(code);
        assert_eq!(error.code(), code, "{error:?}");
        server.closed().await;
        assert!(server.sent_bytes() < IN_FLIGHT + (4 << 20), "{code}: {} bytes", server.sent_bytes());
    }
    assert!(foreign.contents().seen.is_empty());
}
