//! Claims on an issue: of several pipelines at once one makes the ticket.

use std::collections::BTreeMap;

use landfall_jira::{Earlier, JiraConfig, Made, ReleaseTicket, TicketOrigin, label};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, create_meta, created, no_issue, services, shared};

fn ticket() -> ReleaseTicket {
    ReleaseTicket {
        release: "r-6b1f0c2d9e77".parse().expect("a release"),
        region: "eu".parse().expect("a region"),
        environment: "stg_eu00".parse().expect("an environment"),
        services: services(),
        pipeline: None,
        dashboard: None,
        commits: None,
        commits_at: None,
        branch: None,
    }
}

/// A site whose index never shows anything.
#[derive(Default)]
struct Blind {
    tickets: u32,
    properties: BTreeMap<String, Value>,
    /// Another pipeline holds the claim, and notes its ticket when it was asked for so often.
    theirs: Option<usize>,
}

impl Blind {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        if let Some(place) = path.strip_prefix("/issue/REL-900/properties/") {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            if method == "PUT" {
                let value = serde_json::from_str(&text).expect("JSON");
                let known = self.properties.insert(place.to_owned(), value).is_some();
                return ResponseTemplate::new(if known { 200 } else { 201 });
            }
            match &mut self.theirs {
                Some(0) => {
                    self.tickets = self.tickets.max(1);
                    self.properties.insert(place.to_owned(), json!({ "schema": 1, "ticket": "10001" }));
                }
                Some(left) => *left -= 1,
                None => {}
            }
            return match self.properties.get(place) {
                Some(value) => {
                    ResponseTemplate::new(200).set_body_json(json!({ "key": place, "value": value }))
                }
                None => no_issue(),
            };
        }
        match (method, path) {
            ("POST", "/search/jql") => ResponseTemplate::new(200).set_body_json(json!({ "issues": [] })),
            ("GET", path) if path.contains("/createmeta/") => create_meta(request, &json!([])),
            ("POST", "/issue") => {
                self.tickets += 1;
                created(self.tickets)
            }
            ("GET", "/issue/REL-900") => {
                ResponseTemplate::new(200).set_body_json(json!({ "id": "9", "key": "REL-900" }))
            }
            ("GET", path) => {
                let number = path.trim_start_matches("/issue/").parse::<u32>().expect("a number") - 10_000;
                if number > self.tickets {
                    return no_issue();
                }
                let labels = [label(&ticket().release, &ticket().region)];
                ResponseTemplate::new(200).set_body_json(json!({ "id": (10_000 + number).to_string(),
                    "key": format!("REL-{number}"), "fields": { "labels": labels } }))
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn site(blind: Blind) -> Site {
    let blind = shared(blind);
    let mut config = JiraConfig::new("REL", "Release");
    config.claims = "REL-900".parse().ok();
    Site::with(config, move |method, path, request| blind.lock().expect("kept").answer(method, path, request))
        .await
}

async fn make(site: &Site) -> Made {
    site.jira.create_or_find(&site.run, &ticket(), Earlier::Unlikely).await.expect("made")
}

#[tokio::test]
async fn a_claim_finds_what_no_search_shows() {
    let site = site(Blind::default()).await;
    assert_eq!(make(&site).await.origin, TicketOrigin::Created);
    let again = make(&site).await;
    assert_eq!((again.ticket.key.as_str(), again.origin), ("REL-1", TicketOrigin::Found));
    let (release, region) = (ticket().release, ticket().region);
    let found =
        site.jira.find_release(&site.run, &release, &region, &[]).await.expect("searched").expect("found");
    assert_eq!(found.ticket, again.ticket);
    assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
    site.check_requests().await;
}

#[tokio::test]
async fn whoever_comes_second_waits_for_the_ticket_of_the_first() {
    let held = [(
        format!("landfall.{}", label(&ticket().release, &ticket().region)),
        json!({ "schema": 1, "ticket": null }),
    )];
    let site = site(Blind { properties: held.into(), theirs: Some(3), ..Blind::default() }).await;
    let made = make(&site).await;
    assert_eq!((made.ticket.key.as_str(), made.origin), ("REL-1", TicketOrigin::Found));
    assert!(site.bodies("POST", "/issue").await.is_empty());
}

#[tokio::test]
async fn a_claim_of_somebody_who_is_gone_is_taken_over() {
    let held = [(
        format!("landfall.{}", label(&ticket().release, &ticket().region)),
        json!({ "schema": 1, "ticket": null }),
    )];
    let site = site(Blind { properties: held.into(), ..Blind::default() }).await;
    assert_eq!(make(&site).await.origin, TicketOrigin::Created);
    assert_eq!(make(&site).await.origin, TicketOrigin::Found);
    assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
}
