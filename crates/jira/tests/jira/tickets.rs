//! One ticket for a release and region, whatever happens to answers.

use std::time::Duration;

use landfall_artifacts::{Class, Explain as _};
use landfall_jira::{Error, ReleaseTicket, TicketOrigin, label};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, created, no_issue, services, shared};

fn ticket() -> ReleaseTicket {
    ReleaseTicket {
        release: "r-6b1f0c2d9e77".parse().expect("a release"),
        region: "eu".parse().expect("a region"),
        environment: "stg_eu00".parse().expect("an environment"),
        services: services(),
        pipeline: Some("https://gitlab.example.com/g/p/-/pipelines/574".into()),
        commits: Some("1a2b3c4..5d6e7f8".into()),
    }
}

fn ticket_label() -> String {
    label(&ticket().release, &ticket().region)
}

/// A site that keeps tickets. Its index shows them after some searches; creates may end badly before or after the effect.
#[derive(Default)]
struct Kept {
    labels: Vec<Value>,
    lag: usize,
    bad_creates: Vec<(bool, ResponseTemplate)>,
}

impl Kept {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        match (method, path) {
            ("POST", "/issue") => {
                let bad = (!self.bad_creates.is_empty()).then(|| self.bad_creates.remove(0));
                if bad.as_ref().is_none_or(|(taken, _)| *taken) {
                    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                    self.labels.push(body["fields"]["labels"].clone());
                }
                bad.map_or_else(
                    || created(u32::try_from(self.labels.len()).expect("few")),
                    |(_, answer)| answer,
                )
            }
            ("POST", "/search/jql") => {
                let shown = if self.lag > 0 { &[] } else { self.labels.as_slice() };
                self.lag = self.lag.saturating_sub(1);
                let issue =
                    |at: usize| json!({ "id": (10_001 + at).to_string(), "key": format!("REL-{}", at + 1) });
                // Newest first, although asked otherwise.
                let issues: Vec<Value> = (0..shown.len()).rev().map(issue).collect();
                ResponseTemplate::new(200).set_body_json(json!({ "issues": issues, "isLast": true }))
            }
            ("GET", path) => {
                let id = path.trim_start_matches("/issue/").parse::<usize>().expect("an id");
                match self.labels.get(id - 10_001) {
                    Some(labels) if !labels.is_null() => ResponseTemplate::new(200).set_body_json(json!({
                        "id": id.to_string(), "key": format!("REL-{}", id - 10_000), "fields": { "labels": labels }
                    })),
                    _ => no_issue(),
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn site(kept: Kept) -> Site {
    let kept = shared(kept);
    Site::new(move |method, path, request| kept.lock().expect("kept").answer(method, path, request)).await
}

#[tokio::test]
async fn a_ticket_is_made_once_and_found_again() {
    let site = site(Kept::default()).await;
    let (made, origin) = site.jira.create_or_find(&site.run, &ticket()).await.expect("made");
    assert_eq!((made.key.as_str(), made.id.as_str(), origin), ("REL-1", "10001", TicketOrigin::Created));
    assert_eq!(made.url, format!("{}/browse/REL-1", site.server.uri()));
    let (found, origin) = site.jira.create_or_find(&site.run, &ticket()).await.expect("found");
    assert_eq!((found, origin), (made, TicketOrigin::Found));

    let bodies = site.bodies("POST", "/issue").await;
    let [body] = bodies.as_slice() else { panic!("one create, not {}", bodies.len()) };
    assert_eq!(body["fields"]["project"], json!({ "key": "REL" }));
    assert_eq!(body["fields"]["issuetype"], json!({ "name": "Release" }));
    assert_eq!(body["fields"]["labels"], json!([ticket_label(), "landfall-eu"]));
    assert_eq!(
        body["properties"][0]["value"]["projects"],
        json!(["orderService@1.4.2", "paymentGateway@1.4.2"])
    );
    assert!(body.get("transition").is_none());
    let search = &site.bodies("POST", "/search/jql").await[0];
    let jql = format!("project = \"REL\" AND labels = \"{}\" ORDER BY created ASC", ticket_label());
    assert_eq!(search["jql"], jql.as_str());
    assert_eq!(site.journal(), [format!("create ticket REL {}: done", ticket_label())]);
    site.check_requests().await;
}

#[tokio::test]
async fn a_create_without_answer_is_looked_for_and_not_repeated() {
    let late = created(1).set_delay(Duration::from_secs(5));
    let html = ResponseTemplate::new(201).set_body_string("<html>login</html>");
    for answer in [ResponseTemplate::new(502), ResponseTemplate::new(500).set_body_string(""), late, html] {
        // The index shows nothing to the two searches before and the first two after.
        let site = site(Kept { lag: 4, bad_creates: vec![(true, answer)], ..Kept::default() }).await;
        let (made, origin) = site.jira.create_or_find(&site.run, &ticket()).await.expect("found");
        assert_eq!((made.key.as_str(), origin), ("REL-1", TicketOrigin::Created));
        assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
        assert_eq!(site.journal().len(), 1);
    }
}

#[tokio::test]
async fn a_create_that_was_not_taken_is_made_once_more_after_searching() {
    let site = site(Kept { bad_creates: vec![(false, ResponseTemplate::new(503))], ..Kept::default() }).await;
    let (made, _) = site.jira.create_or_find(&site.run, &ticket()).await.expect("made");
    assert_eq!(made.key.as_str(), "REL-1");
    assert_eq!(site.bodies("POST", "/issue").await.len(), 2);
    assert_eq!(site.bodies("POST", "/search/jql").await.len(), 2 + 4);
    site.check_requests().await;
}

#[tokio::test]
async fn a_create_that_stays_without_answer_is_unknown() {
    let bad = || (false, ResponseTemplate::new(504));
    let site = site(Kept { bad_creates: vec![bad(), bad(), bad()], ..Kept::default() }).await;
    let error = site.jira.create_or_find(&site.run, &ticket()).await.expect_err("unknown");
    assert_eq!((error.code(), error.class()), ("LF-JIRA-LOST-CREATE", Class::Unknown));
    assert!(error.remedy().expect("a remedy").contains(&ticket_label()));
    assert_eq!(site.bodies("POST", "/issue").await.len(), 2);
    assert_eq!(site.journal(), [format!("create ticket REL {}: unknown", ticket_label())]);
}

#[tokio::test]
async fn of_duplicates_the_oldest_is_used_and_what_is_gone_is_not() {
    let labels = json!([ticket_label()]);
    let kept =
        Kept { labels: vec![Value::Null, json!(["other"]), labels.clone(), labels], ..Kept::default() };
    let site = site(kept).await;
    let found = site.jira.find(&site.run, &ticket_label(), &[]).await.expect("searched").expect("found");
    assert_eq!(found.ticket.key.as_str(), "REL-3");
    assert_eq!(found.duplicates.iter().map(|other| other.key.as_str()).collect::<Vec<_>>(), ["REL-4"]);
}

#[tokio::test]
async fn a_part_of_a_release_finds_the_ticket_that_covers_it() {
    let site = Site::new(|method, path, _| {
        assert_eq!((method, path), ("POST", "/search/jql"));
        let issue = |number: u32, projects: Value| {
            json!({ "id": (10_000 + number).to_string(), "key": format!("REL-{number}"),
                "properties": { "landfall.release": { "schema": 1, "projects": projects } } })
        };
        ResponseTemplate::new(200).set_body_json(json!({ "issues": [
            { "id": "10009", "key": "REL-9" }, issue(8, json!(["a@1.0.0"])), issue(7, json!(["a@1.0.0", "b@2.0.0"])),
            issue(6, json!(["a@1.0.0", "b@2.0.0"])) ] }))
    })
    .await;
    let region = "eu".parse().expect("a region");
    let wanted = ["a@1.0.0", "b@2.0.0"].map(|text| text.parse().expect("a project"));
    let found = site.jira.find_covering(&site.run, &region, &wanted).await.expect("searched");
    assert_eq!(found.expect("found").key.as_str(), "REL-7");
    let other = ["c@1.0.0".parse().expect("a project")];
    assert_eq!(site.jira.find_covering(&site.run, &region, &other).await.expect("searched"), None);
    assert_eq!(site.jira.find_covering(&site.run, &region, &[]).await.expect("searched"), None);
    site.check_requests().await;
}

#[tokio::test]
async fn what_jira_refuses_names_the_fields() {
    let refusal = ResponseTemplate::new(400).set_body_json(json!({
        "errorMessages": ["Field 'x' is required\u{1b}[2J"], "errors": { "issuetype": "The issue type selected is invalid." }
    }));
    let site = site(Kept { bad_creates: vec![(false, refusal)], ..Kept::default() }).await;
    let error = site.jira.create_or_find(&site.run, &ticket()).await.expect_err("refused");
    assert!(matches!(error, Error::Refused { status: 400, .. }));
    assert_eq!(
        error.to_string(),
        "Jira refuses to create a ticket (400): Field 'x' is required\\u{1b}[2J; issuetype: The issue type selected is invalid."
    );
    assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
}
