//! Answers without end, cut ones, silence: what is made again, what is not, and what is then known.

use std::net::TcpListener;
use std::time::Duration;

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, Explain as _};
use landfall_run::{RateLimiter, Share, Signal};
use landfall_secret::Secret;
use landfall_transport::{Cap, Error, Method};

use crate::raw_server::{Reply, Server};
use crate::{http, impatient, run, site_of};

#[tokio::test]
async fn a_body_without_end_is_cut_off_by_name() {
    let home = Server::home(|_| Reply::Endless(200)).await;
    let site = site_of(&http(), &home);
    let error = site.get("/v2/app/manifests/1").send(&run(), Cap::MANIFEST).await.expect_err("too large");
    assert!(matches!(error, Error::TooLarge { what: "manifest", limit: 4_194_304, .. }), "{error:?}");
    assert_eq!(error.class(), Class::Integrity);
    assert_eq!(home.seen().len(), 1, "asking again would bring the same");

    let says_no = Server::home(|_| Reply::Endless(403)).await;
    let answer = site_of(&http(), &says_no).get("/").send(&run(), Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().len()), (403, 8192));
}

#[tokio::test]
async fn an_encoded_body_is_refused() {
    for encodings in [&["gzip"][..], &["identity", "gzip"], &["identity, gzip"], &[""]] {
        let encoded = encodings.iter().fold(Reply::body("\u{1f}\u{8b}"), |reply, encoding| {
            reply.with_header("content-encoding", encoding)
        });
        let home = Server::home(move |_| encoded.clone()).await;
        let error = site_of(&http(), &home).get("/").send(&run(), Cap::JSON).await.expect_err("encoded");
        assert!(matches!(error, Error::NotAsAsked { .. }), "{encodings:?}: {error:?}");
        assert_eq!(home.seen()[0].header("accept-encoding"), Some("identity"));
    }
    let plain = Server::home(|_| Reply::body("{}").with_header("content-encoding", "identity")).await;
    assert!(site_of(&http(), &plain).get("/").send(&run(), Cap::JSON).await.is_ok());
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_again() {
    let home = Server::home(|_| Reply::json(r#"{"whole":true}"#)).await;
    home.then(Reply::Cut("{\"whole\"".to_owned()));
    home.then(Reply::Nothing);
    let (site, run) = (site_of(&http(), &home), run());
    let answer = site.get("/").send(&run, Cap::JSON).await.expect("the third answer");
    assert_eq!(answer.body(), &br#"{"whole":true}"#[..]);
    assert_eq!((home.seen().len(), run.counters().retries()), (3, 2));
}

#[tokio::test]
async fn a_server_that_always_cuts_is_given_up() {
    let home = Server::home(|_| Reply::Cut("half".to_owned())).await;
    let error = site_of(&http(), &home).get("/").send(&run(), Cap::JSON).await.expect_err("cut");
    assert!(matches!(error, Error::Unanswered { changes: false, .. }), "{error:?}");
    assert_eq!((error.class(), home.seen().len()), (Class::Transient, 3));
    assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
}

#[tokio::test]
async fn silence_ends_a_read() {
    let home = Server::home(|_| Reply::Silence).await;
    let error = site_of(&impatient(), &home).get("/").send(&run(), Cap::JSON).await.expect_err("silence");
    assert!(matches!(error, Error::Unanswered { changes: false, .. }), "{error:?}");
    assert_eq!(error.class(), Class::Transient);

    let falls_silent = Server::home(|_| Reply::HalfThenSilence("half".to_owned())).await;
    let site = site_of(&impatient(), &falls_silent);
    let mut body = site.get("/").send_streaming(&run()).await.expect("a head").into_body();
    assert_eq!(body.next().await.expect("a chunk").expect("bytes"), "half");
    let error = body.next().await.expect("an end").expect_err("silence");
    assert!(matches!(error, Error::Stalled { .. }), "{error:?}");
    assert!(body.next().await.is_none(), "the stream is over after its error");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown_and_made_once() {
    // The last one's time is longer than the silence that is borne, so that it ends in the middle of the body.
    let fates = [
        (Reply::Nothing, None),
        (Reply::Cut("{".to_owned()), None),
        (Reply::Silence, None),
        (Reply::HalfThenSilence("{".to_owned()), Some(Duration::from_secs(600))),
    ];
    for (number, (fate, limit)) in fates.into_iter().enumerate() {
        let home = Server::home(move |_| fate.clone()).await;
        let mut request = site_of(&impatient(), &home).post_json("/rest/api/3/issue", &serde_json::json!({}));
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let error = request.send(&run(), Cap::JSON).await.expect_err("no answer");
        assert!(
            matches!(&error, Error::Unanswered { changes: true, method, .. } if method == "POST"),
            "{error:?}"
        );
        assert_eq!((error.class(), error.is_retryable()), (Class::Unknown, false));
        assert_eq!(home.seen().len(), 1, "case {number}");
    }
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_is_unknown() {
    for fate in [Reply::Nothing, Reply::Cut("{".to_owned())] {
        let home = Server::home(move |_| fate.clone()).await;
        let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"layer"))]);
        let request = site_of(&http(), &home).request(Method::PUT, "/upload");
        let error = request.send_body(&run(), 5, Box::pin(body), Cap::JSON).await.expect_err("no answer");
        assert!(
            matches!(&error, Error::Unanswered { changes: true, method, .. } if method == "PUT"),
            "{error:?}"
        );
        assert_eq!(error.class(), Class::Unknown);
        assert_eq!(home.seen().len(), 1, "a stream is not sent twice");
        assert!(home.seen()[0].everything.ends_with("layer"));
    }
}

#[tokio::test]
async fn only_what_was_surely_not_taken_is_posted_again() {
    let (run, nothing) = (run(), serde_json::json!({}));
    let busy = Server::home(|_| Reply::json("{}")).await;
    busy.then(Reply::status(429).with_header("retry-after", "0"));
    let answer = site_of(&http(), &busy).post_json("/", &nothing).send(&run, Cap::JSON).await;
    assert_eq!((answer.expect("an answer").status().as_u16(), busy.seen().len()), (200, 2));

    let broken = Server::home(|_| Reply::status(500)).await;
    let site = site_of(&http(), &broken);
    let answer = site.post_json("/", &nothing).send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), broken.seen().len()), (500, 1));
    let answer = site.post_json("/", &nothing).idempotent().send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), broken.seen().len()),
        (500, 4),
        "a search is a POST that only reads"
    );
}

#[tokio::test]
async fn a_passing_fault_is_put_again_and_its_last_answer_is_returned() {
    let (run, nothing) = (run(), serde_json::json!({}));
    let home = Server::home(|_| Reply::status(201)).await;
    home.then(Reply::status(500));
    home.then(Reply::status(503).with_header("retry-after", "0"));
    let answer = site_of(&http(), &home).put_json("/", &nothing).send(&run, Cap::JSON).await;
    assert_eq!((answer.expect("an answer").status().as_u16(), home.seen().len()), (201, 3));

    let stays = Server::home(|_| Reply::status(503)).await;
    let site = site_of(&http(), &stays);
    let answer = site.put_json("/", &nothing).send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), stays.seen().len()), (503, 3));
    let long = Server::home(|_| Reply::status(503).with_header("retry-after", "86400")).await;
    let answer = site_of(&http(), &long).get("/").send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), long.seen().len()), (503, 1), "a day is not waited for");
    let lasting = Server::home(|_| Reply::status(404)).await;
    site_of(&http(), &lasting).get("/").send(&run, Cap::JSON).await.expect("an answer");
    assert_eq!(lasting.seen().len(), 1);
}

#[tokio::test]
async fn waiting_for_a_turn_is_not_silence_of_the_server() {
    let home = Server::home(|_| Reply::json("{}")).await;
    let limiter = landfall_run::RateLimiter::new(0.8, 1, landfall_run::Share::default());
    let site = site_of(&impatient(), &home).with_limiter(limiter);
    for _ in 0..2 {
        let answer = site.post_json("/", &serde_json::json!({})).send(&run(), Cap::JSON).await;
        assert_eq!(answer.expect("waiting is within the limiter's rights").status(), 200);
    }
}

#[tokio::test]
async fn no_connection_means_nothing_was_sent() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let site = http().site("server", &format!("http://127.0.0.1:{port}"), None).expect("a site");
    let run = run();
    let error = site.post_json("/", &serde_json::json!({})).send(&run, Cap::JSON).await.expect_err("nobody");
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert_eq!((error.class(), run.counters().retries()), (Class::Transient, 2));
}

#[tokio::test]
async fn a_stop_ends_waiting_for_a_turn_and_nothing_is_sent() {
    let home = Server::home(|_| Reply::json("{}")).await;
    let limiter = RateLimiter::new(0.001, 1, Share::default());
    limiter.turn().await;
    let site = site_of(&http(), &home).with_limiter(limiter);
    let run = run();
    let stop = async {
        tokio::task::yield_now().await;
        run.stop().request(Signal::Terminate);
    };
    let nothing = serde_json::json!({});
    let (error, ()) = tokio::join!(site.post_json("/", &nothing).send(&run, Cap::JSON), stop);
    assert!(matches!(error, Err(Error::Stopped { .. })), "{error:?}");
    assert_eq!((home.connections(), run.counters().traffic().sent_bytes), (0, 0));
}

#[tokio::test]
async fn after_a_stop_a_write_is_waited_for_a_while_and_a_read_is_not() {
    let home = Server::home(|_| Reply::Silence).await;
    let (site, run) = (site_of(&http(), &home), run());
    let stop = async {
        while home.seen().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.stop().request(Signal::Terminate);
        // From here on no byte moves: time may run ahead to the end of the grace.
        tokio::time::pause();
        tokio::time::Instant::now()
    };
    let nothing = serde_json::json!({});
    let write = async {
        let error = site.post_json("/", &nothing).send(&run, Cap::JSON).await;
        (error, tokio::time::Instant::now())
    };
    let (read, (write, ended), stopped) = tokio::join!(site.get("/").send(&run, Cap::JSON), write, stop);
    assert!(matches!(read, Err(Error::Stopped { .. })), "{read:?}");
    assert!(matches!(write, Err(Error::Unanswered { changes: true, .. })), "{write:?}");
    let waited = ended - stopped;
    assert!(waited >= Duration::from_secs(9) && waited < Duration::from_secs(30), "{waited:?}");
}

#[tokio::test]
async fn what_the_server_asks_to_wait_is_waited_by_all_who_share_the_limit() {
    let home = Server::home(|_| Reply::status(429).with_header("retry-after", "86400")).await;
    let limiter = RateLimiter::new(1000.0, 1, Share::default());
    let site = site_of(&http(), &home).with_limiter(limiter.clone());
    let answer = site.get("/").send(&run(), Cap::JSON).await.expect("an answer");
    assert_eq!(answer.status(), 429);
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    limiter.turn().await;
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(100) && waited <= Duration::from_secs(121), "{waited:?}");
}

#[tokio::test]
async fn foreign_text_is_redacted_before_it_is_cut_or_escaped() {
    let secret = "first-half\u{7}second-half";
    let run = run();
    run.redactor().learn(&Secret::new(secret));
    let body = format!("{}{secret} and more", "x".repeat(70));
    let home = Server::home(move |_| Reply::body(&body)).await;
    let answer = site_of(&http(), &home).get("/").send(&run, Cap::JSON).await.expect("an answer");
    for max in [75, 85, 300] {
        let shown = answer.excerpt(max);
        assert!(!shown.contains("first") && !shown.contains("second"), "{shown}");
    }
    let error = answer.json::<u64>().expect_err("no JSON");
    assert!(!error.to_string().contains("first"), "{error}");

    let quoted = Server::home(|_| Reply::json(r#"{"number":"canary-secret"}"#)).await;
    run.redactor().learn(&Secret::new("canary-secret"));
    let answer = site_of(&http(), &quoted).get("/").send(&run, Cap::JSON).await.expect("an answer");
    let error = answer.json::<std::collections::BTreeMap<String, u64>>().expect_err("no number");
    assert!(!format!("{error:?}").contains("canary-secret"), "{error:?}");
}
