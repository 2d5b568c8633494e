//! Jira asks to wait.

use landfall_artifacts::{Class, Explain as _, TicketKey};
use landfall_jira::Commented;
use landfall_jira::adf::Doc;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::{Site, no_issue, shared};

fn key() -> TicketKey {
    "REL-24".parse().expect("a key")
}

/// A ticket without comments, whose first comments are answered so.
async fn site(first: Vec<ResponseTemplate>) -> Site {
    let first = shared(first);
    Site::new(move |method, path, _| {
        let mut first = first.lock().expect("answers");
        match method {
            "POST" if !first.is_empty() => first.remove(0),
            "POST" => ResponseTemplate::new(201).set_body_json(json!({ "id": "10100" })),
            "PUT" => ResponseTemplate::new(201),
            "GET" if path.contains("/properties/") => no_issue(),
            _ => ResponseTemplate::new(200).set_body_json(json!({ "comments": [], "total": 0 })),
        }
    })
    .await
}

#[tokio::test]
async fn a_refusal_by_limits_was_no_write_and_is_sent_again() {
    let per_issue =
        || ResponseTemplate::new(429).insert_header("ratelimit-reason", "jira-per-issue-on-write");
    for answer in [
        per_issue().insert_header("retry-after", "0"),
        // As a gateway answered in 2026: only the time of the reset.
        per_issue().insert_header("x-ratelimit-reset", "2026-01-01T00:00Z"),
        per_issue(),
    ] {
        let site = site(vec![answer]).await;
        let ended = site.jira.comment_once(&site.run, &key(), "m", &Doc::default()).await.expect("added");
        assert_eq!(ended, Commented::Added("10100".to_owned()));
        assert_eq!(site.bodies("POST", "/comment").await.len(), 2);
        assert_eq!(site.journal(), ["add comment REL-24 m: done"]);
    }
    let answers = (0..2).map(|_| per_issue().insert_header("retry-after", "0")).collect();
    let site = site(answers).await;
    let error = site.jira.comment_once(&site.run, &key(), "m", &Doc::default()).await.expect_err("too many");
    assert_eq!((error.code(), error.class()), ("LF-JIRA-THROTTLED", Class::Transient));
    assert_eq!(
        error.to_string(),
        "Jira has had too many requests (429) to comment on REL-24, because of jira-per-issue-on-write"
    );
    assert_eq!(site.journal(), ["add comment REL-24 m: failed"], "it is known not to be there");
}
