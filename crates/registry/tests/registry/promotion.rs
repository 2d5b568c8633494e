//! Artifactory's promotion, one documented exchange at a time.

mod hosts;
mod keys;
mod late;

use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Class, Digest, Explain as _};
use landfall_registry::{Artifactory, DockerAccess, Error, PromoteRequest, Promoted, PromotedHow};
use landfall_run::{EffectOutcome, MemoryJournal, RetryPolicy, Run};
use landfall_secret::{Redactor, Secret};
use serde_json::json;
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::server::{BASIC, http, login, run, run_with};

const SOURCE: &str = "/artifactory/api/docker/docker-build/v2/ns/orderService/manifests/1.4.2";
const TARGET: &str = "/artifactory/api/docker/docker-rc/v2/ns/orderService/manifests/1.4.2";
const PROMOTE: &str = "/artifactory/api/docker/docker-build/v2/promote";

fn request() -> PromoteRequest {
    PromoteRequest {
        project: "orderService".parse().expect("a name"),
        source_key: "docker-build".to_owned(),
        target_key: "docker-rc".to_owned(),
        docker_repository: "ns/orderService".to_owned(),
        tag: "1.4.2".parse().expect("a tag"),
        target_tag: "1.4.2".parse().expect("a tag"),
        expected: None,
        overwrite: false,
        environment: None,
        release: None,
    }
}

fn digest() -> Digest {
    Digest::of(b"released")
}

async fn shows(server: &MockServer, at: &str, digest: Option<Digest>, times: Option<u64>) {
    let answer = match digest {
        Some(digest) => {
            ResponseTemplate::new(200).insert_header("docker-content-digest", digest.to_string().as_str())
        }
        None => ResponseTemplate::new(404),
    };
    let mock = Mock::given(method("HEAD")).and(path(at)).respond_with(answer);
    match times {
        Some(times) => mock.up_to_n_times(times).mount(server).await,
        None => mock.mount(server).await,
    }
}

async fn answers(server: &MockServer, answer: ResponseTemplate, times: u64, expected: u64) {
    Mock::given(method("POST"))
        .and(path(PROMOTE))
        .and(header("authorization", BASIC))
        .and(body_json(json!({
            "targetRepo": "docker-rc",
            "dockerRepository": "ns/orderService",
            "tag": "1.4.2",
            "targetTag": "1.4.2",
            "copy": true,
            "overwrite": true
        })))
        .respond_with(answer)
        .up_to_n_times(times)
        .expect(expected)
        .mount(server)
        .await;
}

fn artifactory(server: &MockServer) -> Artifactory {
    let url = format!("{}/artifactory/", server.uri());
    Artifactory::new(&http(), &url, Some(login()), DockerAccess::Api).expect("a server")
}

/// A run that knows the password, as one of a binary does.
fn knowing_run() -> Run {
    let redactor = Redactor::new();
    redactor.learn(&Secret::new("canary-password"));
    let quick = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).redactor(redactor).build()
}

async fn promote(server: &MockServer, request: &PromoteRequest) -> Result<Promoted, Error> {
    artifactory(server).promote(request, &knowing_run()).await
}

#[tokio::test]
async fn a_promotion_sends_the_documented_body_and_is_read_back() {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(digest()), None).await;
    // Strangers are told 404, then the login is: two absences, then what was promoted.
    shows(&server, TARGET, None, Some(2)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, ResponseTemplate::new(200).set_body_string("Promotion ended successfully"), 1, 1).await;
    let journal = Arc::<MemoryJournal>::default();
    let run = run_with(Arc::clone(&journal));
    let done = artifactory(&server).promote(&request(), &run).await.expect("promoted");
    assert_eq!((done.how, done.status, done.digest), (PromotedHow::Promoted, Some(200), digest()));
    assert_eq!(done.text, "Promotion ended successfully");
    let records = journal.records();
    assert_eq!((records.len(), &records[0].1), (1, &Some(EffectOutcome::Done)));
    assert_eq!(records[0].0.items[0].digest, Some(digest()));
}

#[tokio::test]
async fn nothing_is_asked_for_where_the_target_has_it_or_something_else() {
    for (held, overwrite) in [(digest(), false), (Digest::of(b"theirs"), false)] {
        let server = MockServer::start().await;
        shows(&server, SOURCE, Some(digest()), None).await;
        shows(&server, TARGET, Some(held), None).await;
        answers(&server, ResponseTemplate::new(200), 1, 0).await;
        match promote(&server, &PromoteRequest { overwrite, ..request() }).await {
            Ok(done) => assert_eq!((done.how, held), (PromotedHow::Already, digest())),
            Err(error) => {
                assert!(matches!(error, Error::TagTaken { .. }), "{error:?}");
                assert_eq!(error.class(), Class::Refused);
            }
        }
    }
}

#[tokio::test]
async fn other_content_than_was_released_is_not_promoted() {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(Digest::of(b"written again")), None).await;
    shows(&server, TARGET, None, None).await;
    answers(&server, ResponseTemplate::new(200), 1, 0).await;
    let error =
        promote(&server, &PromoteRequest { expected: Some(digest()), ..request() }).await.expect_err("other");
    assert_eq!((error.code(), error.class()), ("LF-ART-CONTENT", Class::Integrity));

    let server = MockServer::start().await;
    shows(&server, SOURCE, None, None).await;
    shows(&server, TARGET, None, None).await;
    let error = promote(&server, &request()).await.expect_err("missing");
    assert_eq!(error.code(), "LF-ART-SOURCE");
}

#[tokio::test]
async fn a_refusal_is_shown_and_not_repeated() {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(digest()), None).await;
    shows(&server, TARGET, None, None).await;
    let body = json!({"errors": [{"status": 403, "message": "not permitted\u{1b}[2J canary-password"}]});
    answers(&server, ResponseTemplate::new(403).set_body_json(body), 1, 1).await;
    let error = promote(&server, &request()).await.expect_err("refused");
    assert_eq!((error.code(), error.http_status()), ("LF-ART-PROMOTE", Some(403)));
    let shown = error.to_string();
    assert!(shown.ends_with("not permitted\\u{1b}[2J <redacted>"), "{shown}");
}

#[tokio::test]
async fn a_server_error_is_repeated_only_while_the_target_lacks_it() {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(digest()), None).await;
    // Before anything (twice, since strangers are told 404), after the first answer, and before the second request.
    shows(&server, TARGET, None, Some(4)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, ResponseTemplate::new(502), 2, 2).await;
    let done = promote(&server, &request()).await.expect("seen at the target after the second answer");
    assert_eq!((done.how, done.status), (PromotedHow::Promoted, Some(502)));
}

#[tokio::test]
async fn success_that_cannot_be_seen_is_not_success() {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(digest()), None).await;
    shows(&server, TARGET, None, None).await;
    answers(&server, ResponseTemplate::new(200), 1, 1).await;
    let error = promote(&server, &request()).await.expect_err("unconfirmed");
    assert_eq!((error.code(), error.class()), ("LF-REG-UNCONFIRMED", Class::Unknown));
}

#[tokio::test]
async fn the_version_is_read() {
    let server = MockServer::start().await;
    let body = json!({"version": "7.117.1", "revision": "1", "addons": [], "license": "x"});
    Mock::given(method("GET"))
        .and(path("/artifactory/api/system/version"))
        .and(header("authorization", BASIC))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let artifactory =
        Artifactory::new(&http(), &server.uri(), Some(login()), DockerAccess::Path).expect("a server");
    assert_eq!(artifactory.version(&run()).await.expect("a version"), "7.117.1");
}

#[tokio::test]
async fn a_target_that_may_not_be_seen_is_overwritten_only_where_that_is_wanted() {
    for overwrite in [false, true] {
        let server = MockServer::start().await;
        shows(&server, SOURCE, Some(digest()), None).await;
        let hidden = Mock::given(method("HEAD")).and(path(TARGET)).respond_with(ResponseTemplate::new(403));
        hidden.up_to_n_times(2).mount(&server).await;
        shows(&server, TARGET, Some(digest()), None).await;
        answers(&server, ResponseTemplate::new(200), 1, u64::from(overwrite)).await;
        let ended = promote(&server, &PromoteRequest { overwrite, ..request() }).await;
        match ended {
            Ok(done) => assert_eq!((done.how, overwrite), (PromotedHow::Promoted, true)),
            Err(error) => assert_eq!((error.code(), overwrite), ("LF-REG-DENIED", false), "{error}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_leaves_it_open_is_read_back() {
    for answer in [
        ResponseTemplate::new(408),
        ResponseTemplate::new(499),
        ResponseTemplate::new(200).set_body_string("x".repeat(2 << 20)),
        ResponseTemplate::new(200).insert_header("content-encoding", "gzip"),
    ] {
        let server = MockServer::start().await;
        shows(&server, SOURCE, Some(digest()), None).await;
        shows(&server, TARGET, None, Some(2)).await;
        shows(&server, TARGET, Some(digest()), None).await;
        answers(&server, answer, 1, 1).await;
        let done = promote(&server, &request()).await.expect("seen at the target");
        assert_eq!(done.how, PromotedHow::Promoted);
    }
}
