//! Claims on an issue: of several pipelines at once one makes the ticket.

use std::collections::BTreeMap;

use landfall_jira::{Earlier, Error, JiraConfig, Look, Made, TicketOrigin};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, create_meta, created, no_issue, shared, ticket, ticket_label, wanted};

/// A site whose index never shows anything.
#[derive(Default)]
struct Blind {
    tickets: u32,
    /// Those that were given up for an older one.
    withdrawn: Vec<u32>,
    properties: BTreeMap<String, Value>,
    /// Another pipeline has the turn, and notes its ticket when the number was asked for so often.
    theirs: Option<usize>,
    /// Another pipeline makes a ticket just before ours, and notes it.
    before_ours: bool,
    /// Another pipeline notes a later ticket over ours, once.
    over_ours: bool,
    /// Creates are refused.
    strict: bool,
}

/// The property that holds the number.
fn number() -> String {
    format!("landfall.{}", ticket_label())
}

fn noted(id: &str) -> Value {
    json!({ "schema": 1, "ticket": id })
}

/// A site on which somebody has taken the first turn.
fn taken(value: Value) -> Blind {
    Blind { properties: [(format!("{}.claim.1", number()), value)].into(), ..Blind::default() }
}

impl Blind {
    fn property(&mut self, method: &str, place: &str, body: &[u8]) -> ResponseTemplate {
        let is_number = place == number();
        if method == "PUT" {
            let value: Value = serde_json::from_slice(body).expect("JSON");
            assert!(!is_number || value["ticket"].is_string(), "a number is never taken away: {value}");
            let known = self.properties.insert(place.to_owned(), value).is_some();
            if is_number && std::mem::take(&mut self.over_ours) {
                self.tickets += 1;
                let id = (10_000 + self.tickets).to_string();
                self.properties.insert(place.to_owned(), noted(&id));
            }
            return ResponseTemplate::new(if known { 200 } else { 201 });
        }
        match &mut self.theirs {
            Some(0) if is_number => {
                self.tickets = self.tickets.max(1);
                self.properties.insert(place.to_owned(), noted("10001"));
            }
            Some(left) if is_number => *left = left.saturating_sub(1),
            Some(_) | None => {}
        }
        match self.properties.get(place) {
            Some(value) => ResponseTemplate::new(200).set_body_json(json!({ "key": place, "value": value })),
            None => no_issue(),
        }
    }

    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        if let Some(place) = path.strip_prefix("/issue/REL-900/properties/") {
            return self.property(method, place, &request.body);
        }
        match (method, path) {
            ("POST", "/search/jql") => ResponseTemplate::new(200).set_body_json(json!({ "issues": [] })),
            ("GET", path) if path.contains("/createmeta/") => create_meta(request, &json!([])),
            ("POST", "/issue") if self.strict => {
                ResponseTemplate::new(400).set_body_json(json!({ "errorMessages": ["no"], "errors": {} }))
            }
            ("POST", "/issue") => {
                if std::mem::take(&mut self.before_ours) {
                    self.tickets += 1;
                    self.properties.insert(number(), noted(&(10_000 + self.tickets).to_string()));
                }
                self.tickets += 1;
                created(self.tickets)
            }
            ("GET", "/issue/REL-900") => {
                ResponseTemplate::new(200).set_body_json(json!({ "id": "9", "key": "REL-900" }))
            }
            ("PUT", path) => {
                self.withdrawn.push(path.trim_start_matches("/issue/REL-").parse().expect("a key"));
                ResponseTemplate::new(204)
            }
            ("GET", path) => {
                let number = path.trim_start_matches("/issue/").parse::<u32>().expect("a number") - 10_000;
                if number > self.tickets {
                    return no_issue();
                }
                let given_up = self.withdrawn.contains(&number);
                let labels = [if given_up { "landfall-duplicate".to_owned() } else { ticket_label() }];
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
    let found = site.jira.find_release(&site.run, &wanted(&ticket(), &[]), Look::Once).await;
    assert_eq!(found.expect("searched").expect("found").ticket, again.ticket);
    assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
    site.check_requests().await;
}

#[tokio::test]
async fn whoever_comes_second_waits_for_the_ticket_of_the_first() {
    let site = site(Blind { theirs: Some(3), ..taken(json!({ "schema": 1 })) }).await;
    let made = make(&site).await;
    assert_eq!((made.ticket.key.as_str(), made.origin), ("REL-1", TicketOrigin::Found));
    assert!(site.bodies("POST", "/issue").await.is_empty());
}

/// A stage that looks for the ticket reads the claim each time, not only at first.
#[tokio::test]
async fn a_number_that_is_noted_meanwhile_is_found() {
    let site = site(Blind { theirs: Some(2), ..Blind::default() }).await;
    let found = site.jira.find_release(&site.run, &wanted(&ticket(), &[]), Look::Patiently).await;
    assert_eq!(found.expect("searched").expect("found").ticket.key.as_str(), "REL-1");
}

#[tokio::test]
async fn a_claim_of_somebody_who_is_gone_is_taken_over_by_one() {
    let of_long_ago = json!({ "schema": 1, "at": 1_700_000_000 });
    let gave_up = json!({ "schema": 1, "gone": true });
    for value in [json!({ "schema": 1 }), of_long_ago, gave_up] {
        // Two wait for it.
        let site = site(taken(value)).await;
        let (one, other) = tokio::join!(make(&site), make(&site));
        let made = [&one, &other].into_iter().filter(|made| made.origin == TicketOrigin::Created).count();
        assert_eq!((made, &one.ticket), (1, &other.ticket));
        assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
        assert_eq!(make(&site).await.origin, TicketOrigin::Found);
        site.check_requests().await;
    }
}

/// Where two have made one all the same, the lower number counts, whoever writes it last.
#[tokio::test]
async fn of_two_numbers_the_lower_stands() {
    let later = site(Blind { before_ours: true, ..Blind::default() }).await;
    let made = make(&later).await;
    assert_eq!((made.ticket.key.as_str(), made.origin), ("REL-1", TicketOrigin::Found));
    assert!(made.warnings[0].starts_with("REL-2 was made at the same time as REL-1"), "{:?}", made.warnings);
    assert_eq!(later.bodies("PUT", "/issue/REL-2").await.len(), 1);
    assert_eq!(make(&later).await.ticket.key.as_str(), "REL-1");

    let earlier = site(Blind { over_ours: true, ..Blind::default() }).await;
    let made = make(&earlier).await;
    assert_eq!((made.ticket.key.as_str(), made.origin), ("REL-1", TicketOrigin::Created));
    let notes = earlier.bodies("PUT", &number()).await;
    assert_eq!(notes, [noted("10001"), noted("10001")], "written over a higher one");
    assert_eq!(make(&earlier).await.ticket.key.as_str(), "REL-1");
}

/// A create that was refused leaves the turn to the next at once.
#[tokio::test]
async fn whoever_is_refused_gives_up_its_turn() {
    let site = site(Blind { strict: true, ..Blind::default() }).await;
    let ended = site.jira.create_or_find(&site.run, &ticket(), Earlier::Unlikely).await;
    assert!(matches!(ended, Err(Error::Refused { status: 400, .. })), "{ended:?}");
    let turns = site.bodies("PUT", ".claim.1").await;
    assert_eq!(turns.last().map(|value| &value["gone"]), Some(&json!(true)), "{turns:?}");
}
