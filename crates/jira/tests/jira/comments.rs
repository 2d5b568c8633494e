//! Comments that are added once.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Explain as _, TicketKey};
use landfall_jira::{CommentFacts, Commented, Error, comment_marker, deployed_comment};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, no_issue, services, shared};

fn key() -> TicketKey {
    "REL-24".parse().expect("a key")
}

fn facts() -> CommentFacts {
    CommentFacts {
        environment: "stg_eu00".parse().expect("an environment"),
        release: "r-6b1f0c2d9e77".parse().expect("a release"),
        at: time::macros::datetime!(2026-11-20 12:00:00 UTC),
        services: services(),
        pipeline: Some("https://gitlab.example.com/-/pipelines/1".into()),
        ledger_head: Some((12, landfall_artifacts::Digest::of(b"head"))),
    }
}

#[derive(Default)]
struct Talk {
    bodies: Vec<Value>,
    /// Properties by the number of their comment.
    properties: BTreeMap<usize, Value>,
    turns: BTreeMap<String, Value>,
    /// What the first turn holds, of a pipeline that has it.
    dead: Option<Value>,
    /// A comment that this pipeline adds when its turn was asked for so often.
    theirs: Option<(usize, Value)>,
    /// Whether nobody may list them once one was sent.
    hidden: bool,
    sent: bool,
    bad: Vec<(bool, ResponseTemplate)>,
}

impl Talk {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        if path == "/comment/list" {
            assert_eq!(request.url.query(), Some("expand=properties"));
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let ids = body["ids"].as_array().expect("numbers").iter().filter_map(Value::as_u64);
            let bean = |id: u64| {
                let at = usize::try_from(id).expect("few");
                let properties = self.properties.get(&at).cloned().unwrap_or(json!([]));
                json!({ "id": id.to_string(), "body": self.bodies[at], "properties": properties })
            };
            let values: Vec<Value> = ids.map(bean).collect();
            return ResponseTemplate::new(200).set_body_json(json!({ "values": values, "isLast": true }));
        }
        if let Some(turn) = path.strip_prefix("/issue/REL-24/properties/landfall.comment.") {
            if method == "PUT" {
                let value = serde_json::from_slice(&request.body).expect("JSON");
                let known = self.turns.insert(turn.to_owned(), value).is_some();
                return ResponseTemplate::new(if known { 200 } else { 201 });
            }
            if let Some((0, body)) = &self.theirs {
                self.bodies.push(body.clone());
                self.theirs = None;
            } else if let Some((left, _)) = &mut self.theirs {
                *left -= 1;
            }
            let gone = self.dead.clone().filter(|_| turn.ends_with(".1"));
            return match self.turns.get(turn).cloned().or(gone) {
                Some(value) => {
                    ResponseTemplate::new(200).set_body_json(json!({ "key": turn, "value": value }))
                }
                None => no_issue(),
            };
        }
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
            self.properties.insert(self.bodies.len(), body["properties"].clone());
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
async fn a_comment_that_a_person_rewrote_is_known_by_its_property() {
    let marker = comment_marker(&facts());
    let said = |text: &str| {
        json!({ "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
    };
    let property =
        |marker: &str| json!([{ "key": "landfall.comment", "value": { "schema": 1, "marker": marker } }]);
    let talk = Talk {
        bodies: vec![said("one"), said("rewritten by hand"), said("three")],
        properties: [(0, property("landfall-0000")), (1, property(&marker))].into(),
        ..Talk::default()
    };
    let site = site(talk).await;
    assert_eq!(comment(&site).await, Commented::AlreadyThere("1".into()));
    assert!(site.bodies("POST", "/comment").await.is_empty());
    site.check_requests().await;
}

#[tokio::test]
async fn of_two_that_comment_at_once_one_does() {
    let first = site(Talk::default()).await;
    comment(&first).await;
    let theirs = first.bodies("POST", "/comment").await[0]["body"].clone();
    // A slow one that lives is waited for longer than the index would be.
    let held = json!({ "schema": 1 });
    let second = site(Talk { dead: Some(held.clone()), theirs: Some((4, theirs)), ..Talk::default() }).await;
    assert_eq!(comment(&second).await, Commented::AlreadyThere("0".into()));
    assert!(second.bodies("POST", "/comment").await.is_empty());
    // The turn of somebody who is gone is passed on, to one alone.
    for gone in [held, json!({ "schema": 1, "at": 1_700_000_000 }), json!({ "gone": true })] {
        let third = site(Talk { dead: Some(gone), ..Talk::default() }).await;
        let (one, other) = tokio::join!(comment(&third), comment(&third));
        let added = [&one, &other].into_iter().filter(|ended| matches!(ended, Commented::Added(_))).count();
        assert_eq!((added, third.bodies("POST", "/comment").await.len()), (1, 1), "{one:?} {other:?}");
        third.check_requests().await;
    }
}

#[tokio::test]
async fn a_comment_says_what_when_and_where() {
    let site = site(Talk::default()).await;
    comment(&site).await;
    let body = site.bodies("POST", "/comment").await[0].clone();
    assert_eq!(body["properties"][0]["value"]["marker"], comment_marker(&facts()).as_str());
    let text = body["body"].to_string();
    for part in
        ["Deployed to stg_eu00", "2026-11-20T12:00:00Z", "orderService", "1.4.1", "1.4.2", "pipelines/1"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let digest = landfall_artifacts::Digest::of(b"orderService");
    assert!(text.contains(&digest.short()) && !text.contains(&digest.hex()), "digests are short: {text}");
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
    assert!(
        matches!(&error, Error::LostWrite { cause, .. } if matches!(**cause, Error::Down { status: 502, .. })),
        "{error:?}"
    );
    assert_eq!((error.class(), error.may_have_written()), (Class::Transient, true));
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
