//! What came through although its answer says no, or says it late, or came through by somebody else.

use std::sync::Arc;

use landfall_artifacts::{Class, Digest, Explain as _};
use landfall_registry::{Error, PromoteRequest, PromotedHow};
use landfall_run::{EffectOutcome, MemoryJournal};
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{SOURCE, TARGET, answers, artifactory, digest, promote, request, shows};
use crate::server::run_with;

/// What is looked at before the first request: twice, since strangers are told 404 and then the login is.
const BEFORE: u64 = 2;

fn said(status: u16, text: &str) -> ResponseTemplate {
    let body = json!({"errors": [{"status": status, "message": text}]});
    ResponseTemplate::new(status).set_body_json(body)
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    shows(&server, SOURCE, Some(digest()), None).await;
    server
}

#[tokio::test]
async fn a_server_error_after_the_promotion_is_a_success_that_was_seen() {
    let server = server().await;
    shows(&server, TARGET, None, Some(BEFORE)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, ResponseTemplate::new(500), 1, 1).await;
    let done = promote(&server, &request()).await.expect("seen at the target");
    assert_eq!((done.how, done.status, done.replaced), (PromotedHow::Promoted, Some(500), None));
}

#[tokio::test]
async fn a_server_error_before_the_promotion_leads_to_another_request() {
    let server = server().await;
    // Once after the error, and once more before the second request.
    shows(&server, TARGET, None, Some(BEFORE + 2)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, ResponseTemplate::new(500), 1, 1).await;
    answers(&server, ResponseTemplate::new(200), 1, 1).await;
    let done = promote(&server, &request()).await.expect("promoted");
    assert_eq!((done.how, done.status), (PromotedHow::Promoted, Some(200)));
}

#[tokio::test]
async fn a_server_that_goes_on_behind_a_proxy_that_gave_up_is_not_asked_again() {
    let server = server().await;
    shows(&server, TARGET, None, Some(BEFORE + 1)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, ResponseTemplate::new(504), 1, 1).await;
    let done = promote(&server, &request()).await.expect("seen before the second request");
    assert_eq!((done.how, done.status), (PromotedHow::Promoted, Some(504)));
}

#[tokio::test]
async fn a_tag_that_another_run_promotes_meanwhile_is_there_and_not_ours() {
    let lock =
        "Failed to acquire lock for promotion of 'ns/orderService' from 'docker-build' to 'docker-rc'.";
    for answer in [said(409, "exists"), said(400, lock), said(404, "Unable to find docker image")] {
        let server = server().await;
        shows(&server, TARGET, None, Some(BEFORE)).await;
        shows(&server, TARGET, Some(digest()), None).await;
        answers(&server, answer, 1, 1).await;
        let done = promote(&server, &request()).await.expect("seen at the target");
        assert_eq!(done.how, PromotedHow::Already);
    }
}

#[tokio::test]
async fn a_lock_that_another_promotion_holds_is_waited_for() {
    let server = server().await;
    shows(&server, TARGET, None, Some(BEFORE + 2)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, said(400, "Failed to acquire lock for promotion of 'ns/orderService'"), 1, 1).await;
    answers(&server, ResponseTemplate::new(200), 1, 1).await;
    assert_eq!(promote(&server, &request()).await.expect("promoted").status, Some(200));
}

#[tokio::test]
async fn other_content_that_comes_meanwhile_is_taken_where_ours_was_refused_and_odd_where_it_was_not() {
    let other = Digest::of(b"theirs");
    for (answer, code, class) in [
        (said(409, "exists"), "LF-REG-TAG-TAKEN", Class::Refused),
        (ResponseTemplate::new(500), "LF-REG-TAG-DIFFERS", Class::Integrity),
        (ResponseTemplate::new(200), "LF-REG-TAG-DIFFERS", Class::Integrity),
    ] {
        let server = server().await;
        shows(&server, TARGET, None, Some(BEFORE)).await;
        shows(&server, TARGET, Some(other), None).await;
        answers(&server, answer, 1, 1).await;
        let error = promote(&server, &request()).await.expect_err("other content");
        assert_eq!((error.code(), error.class()), (code, class), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_before_the_next_request_stays_unknown() {
    let server = server().await;
    shows(&server, TARGET, None, Some(BEFORE + 1)).await;
    Mock::given(method("HEAD"))
        .and(path(TARGET))
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    answers(&server, ResponseTemplate::new(500), 1, 1).await;
    let journal = Arc::<MemoryJournal>::default();
    let ended = artifactory(&server).promote(&request(), &run_with(Arc::clone(&journal))).await;
    let error = ended.expect_err("unknown");
    assert_eq!((error.code(), error.class()), ("LF-REG-UNCONFIRMED", Class::Unknown), "{error}");
    let records = journal.records();
    assert!(matches!(records[0].1, Some(EffectOutcome::Unknown(_))), "{:?}", records[0].1);
}

#[tokio::test]
async fn a_tag_that_was_replaced_is_named() {
    let server = server().await;
    let before = Digest::of(b"before");
    shows(&server, TARGET, Some(before), Some(1)).await;
    shows(&server, TARGET, Some(digest()), None).await;
    answers(&server, ResponseTemplate::new(200), 1, 1).await;
    let wish = PromoteRequest { overwrite: true, ..request() };
    let done = promote(&server, &wish).await.expect("promoted");
    assert_eq!((done.how, done.replaced), (PromotedHow::Promoted, Some(before)));
}

#[tokio::test]
async fn a_server_error_to_the_last_leaves_what_was_there() {
    let server = server().await;
    shows(&server, TARGET, None, None).await;
    answers(&server, ResponseTemplate::new(503), 100, 6).await;
    let error = promote(&server, &request()).await.expect_err("six times no");
    assert!(matches!(error, Error::PromotionRefused { status: 503, .. }), "{error:?}");
    assert_eq!((error.class(), error.is_retryable()), (Class::Transient, true));
}
