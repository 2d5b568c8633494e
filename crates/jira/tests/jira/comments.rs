//! Comments that are added once.

use landfall_artifacts::TicketKey;
use landfall_jira::{CommentFacts, Commented, Error, comment_marker, deployed_comment};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, services, shared};

fn key() -> TicketKey {
    "REL-24".parse().expect("a key")
}

fn facts() -> CommentFacts {
    CommentFacts {
        environment: "stg_eu00".parse().expect("an environment"),
        release: "r-6b1f0c2d9e77".parse().expect("a release"),
        services: services(),
        pipeline: Some("https://gitlab.example.com/-/pipelines/1".into()),
        ledger_head: Some((12, landfall_artifacts::Digest::of(b"head"))),
    }
}

#[derive(Default)]
struct Talk {
    bodies: Vec<Value>,
    /// Whether nobody may list them once one was sent.
    hidden: bool,
    sent: bool,
    bad: Vec<(bool, ResponseTemplate)>,
}

impl Talk {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        assert_eq!(path, "/issue/REL-24/comment");
        if method == "GET" && self.hidden && self.sent {
            return ResponseTemplate::new(403);
        }
        if method == "GET" {
            let number = |name: &str| {
                request
                    .url
                    .query_pairs()
                    .find(|(key, _)| key == name)
                    .and_then(|(_, value)| value.parse::<usize>().ok())
            };
            let (start, size) = (number("startAt").expect("a start"), number("maxResults").expect("a size"));
            let newest_first = self.bodies.iter().enumerate().rev();
            let page: Vec<Value> = newest_first
                .skip(start)
                .take(size)
                .map(|(at, body)| json!({ "id": at.to_string(), "body": body }))
                .collect();
            return ResponseTemplate::new(200).set_body_json(
                json!({ "comments": page, "startAt": start, "maxResults": size, "total": self.bodies.len() }),
            );
        }
        self.sent = true;
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let bad = (!self.bad.is_empty()).then(|| self.bad.remove(0));
        if bad.as_ref().is_none_or(|(taken, _)| *taken) {
            self.bodies.push(body["body"].clone());
        }
        let id = self.bodies.len().saturating_sub(1).to_string();
        bad.map_or_else(
            || ResponseTemplate::new(201).set_body_json(json!({ "id": id })),
            |(_, answer)| answer,
        )
    }
}

async fn site(talk: Talk) -> Site {
    let talk = shared(talk);
    Site::new(move |method, path, request| talk.lock().expect("kept").answer(method, path, request)).await
}

async fn comment(site: &Site) -> Commented {
    let marker = comment_marker(&facts());
    site.jira.comment_once(&site.run, &key(), &marker, &deployed_comment(&facts())).await.expect("commented")
}

#[tokio::test]
async fn the_same_comment_is_added_once() {
    let said = json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "about landfall-0000" }] }] });
    // Two pages of other talk before it.
    let site = site(Talk { bodies: vec![said; 60], ..Talk::default() }).await;
    assert_eq!(comment(&site).await, Commented::Added("60".into()));
    assert_eq!(comment(&site).await, Commented::AlreadyThere("60".into()));
    let posted = site.bodies("POST", "/comment").await;
    assert_eq!(posted.len(), 1);
    let text = posted[0].to_string();
    assert!(text.contains("Deployed to stg_eu00") && text.contains("Reference: landfall-"), "{text}");
    assert_eq!(site.journal().len(), 1);
    site.check_requests().await;
}

#[tokio::test]
async fn a_comment_without_answer_is_looked_for_first() {
    for (taken, posts) in [(true, 1), (false, 2)] {
        let site = site(Talk { bad: vec![(taken, ResponseTemplate::new(502))], ..Talk::default() }).await;
        assert_eq!(comment(&site).await, Commented::Added("0".into()));
        assert_eq!(site.bodies("POST", "/comment").await.len(), posts);
        assert!(site.journal()[0].ends_with(": done"));
    }
}

#[tokio::test]
async fn another_environment_is_another_comment() {
    let site = site(Talk::default()).await;
    comment(&site).await;
    let prod = CommentFacts { environment: "prod_eu00".parse().expect("an environment"), ..facts() };
    let added =
        site.jira.comment_once(&site.run, &key(), &comment_marker(&prod), &deployed_comment(&prod)).await;
    assert_eq!(added.expect("commented"), Commented::Added("1".into()));
}

#[tokio::test]
async fn a_lost_comment_that_cannot_be_looked_for_stays_unknown() {
    let bad = vec![(true, ResponseTemplate::new(502))];
    let site = site(Talk { bad, hidden: true, ..Talk::default() }).await;
    let marker = comment_marker(&facts());
    let doc = deployed_comment(&facts());
    let error = site.jira.comment_once(&site.run, &key(), &marker, &doc).await.expect_err("lost");
    assert!(matches!(error, Error::Down { status: 502, .. }), "{error:?}");
    assert!(site.journal()[0].ends_with(": unknown"), "{:?}", site.journal());
    assert_eq!(site.bodies("POST", "/comment").await.len(), 1);
}

#[tokio::test]
async fn after_a_stop_no_comment_is_begun() {
    let site = site(Talk::default()).await;
    let marker = comment_marker(&facts());
    site.run.stop().request(landfall_run::Signal::Terminate);
    let ended = site.jira.comment_once(&site.run, &key(), &marker, &deployed_comment(&facts())).await;
    assert!(ended.is_err() && site.journal().is_empty());
    assert_eq!(site.bodies("POST", "/comment").await.len(), 0);
}

#[tokio::test]
async fn what_jira_says_is_shown_without_secrets() {
    let long = "x".repeat(290);
    let said = json!({ "errorMessages": [format!("{long}canary\u{1b}secret")], "errors": { "canary\u{1b}secret": "no" } });
    let bad = vec![(false, ResponseTemplate::new(400).set_body_json(said))];
    let site = site(Talk { bad, ..Talk::default() }).await;
    site.run.redactor().learn(&landfall_secret::Secret::new("canary\u{1b}secret"));
    let marker = comment_marker(&facts());
    let error = site.jira.comment_once(&site.run, &key(), &marker, &deployed_comment(&facts())).await;
    let shown = error.expect_err("refused").to_string();
    assert!(shown.contains("xxx") && !shown.contains("canary"), "{shown}");
}
