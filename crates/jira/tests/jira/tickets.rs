//! One ticket for a release and region, whatever happens to answers.

use std::time::Duration;

use landfall_artifacts::{Class, Explain as _, ReleaseId};
use landfall_jira::{Earlier, Error, JiraConfig, Known, Look, Made, TicketOrigin, TicketRef, Wanted, label};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, create_meta, created, no_issue, shared, ticket, ticket_label, wanted};

/// A site that keeps tickets. Its index shows them after some searches; creates may end badly before or after the effect.
#[derive(Default)]
struct Kept {
    labels: Vec<Value>,
    lag: usize,
    bad_creates: Vec<(bool, ResponseTemplate)>,
    /// Labels of a ticket that another pipeline makes just before ours is.
    before_ours: Option<Value>,
    /// Tickets with their projects that a search for those of the region shows.
    region: Vec<(usize, Value)>,
    /// Fields of the create screen besides the usual ones.
    more: Value,
}

impl Kept {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        match (method, path) {
            ("GET", path) if path.contains("/createmeta/") => create_meta(request, &self.more),
            ("POST", "/search/jql") if request.body.windows(11).any(|part| part == b"landfall-eu") => {
                let of = |(number, projects): &(usize, Value)| {
                    json!({ "id": (10_000 + number).to_string(), "key": format!("REL-{number}"), "properties": {
                        "landfall.release": { "schema": 1, "release": "v1.4.0", "projects": projects } } })
                };
                let issues: Vec<Value> = self.region.iter().map(of).collect();
                ResponseTemplate::new(200).set_body_json(json!({ "issues": issues, "isLast": true }))
            }
            ("PUT", path) => {
                let at = path.trim_start_matches("/issue/REL-").parse::<usize>().expect("a key") - 1;
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                for change in body["update"]["labels"].as_array().expect("changes of labels") {
                    let labels = self.labels[at].as_array_mut().expect("labels");
                    labels.retain(|label| *label != change["remove"]);
                    labels.extend(change.get("add").cloned());
                }
                ResponseTemplate::new(204)
            }
            ("POST", "/issue") => {
                self.labels.extend(self.before_ours.take());
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

async fn make(site: &Site) -> Result<Made, Error> {
    site.jira.create_or_find(&site.run, &ticket(), Earlier::Unlikely).await
}

async fn site(kept: Kept) -> Site {
    let kept = shared(kept);
    Site::new(move |method, path, request| kept.lock().expect("kept").answer(method, path, request)).await
}

#[tokio::test]
async fn a_ticket_is_made_once_and_found_again() {
    let site = site(Kept::default()).await;
    let Made { ticket: made, origin, .. } = make(&site).await.expect("made");
    assert_eq!((made.key.as_str(), made.id.as_str(), origin), ("REL-1", "10001", TicketOrigin::Created));
    assert_eq!(made.url, format!("{}/browse/REL-1", site.server.uri()));
    let Made { ticket: found, origin, .. } = make(&site).await.expect("found");
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
        let Made { ticket: made, origin, .. } = make(&site).await.expect("found");
        assert_eq!((made.key.as_str(), origin), ("REL-1", TicketOrigin::Created));
        assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
        assert_eq!(site.journal().len(), 1);
    }
}

#[tokio::test]
async fn a_create_that_was_not_taken_is_made_once_more_after_searching() {
    let site = site(Kept { bad_creates: vec![(false, ResponseTemplate::new(503))], ..Kept::default() }).await;
    let made = make(&site).await.expect("made");
    assert_eq!(made.ticket.key.as_str(), "REL-1");
    assert_eq!(site.bodies("POST", "/issue").await.len(), 2);
    // Twice before, four times after the first, and once for what others made.
    assert_eq!(site.bodies("POST", "/search/jql").await.len(), 2 + 4 + 1);
    site.check_requests().await;
}

#[tokio::test]
async fn a_create_that_stays_without_answer_is_unknown() {
    let bad = || (false, ResponseTemplate::new(504));
    let site = site(Kept { bad_creates: vec![bad(), bad(), bad()], ..Kept::default() }).await;
    let error = make(&site).await.expect_err("unknown");
    assert_eq!(
        (error.code(), error.class()),
        ("LF-JIRA-LOST-CREATE", Class::Transient),
        "running again finds out"
    );
    assert!(error.may_have_written());
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
    let site = Site::new(|method, path, request| {
        let issue = |number: u32, projects: Value| {
            json!({ "id": (10_000 + number).to_string(), "key": format!("REL-{number}"),
                "properties": { "landfall.release": { "schema": 1, "release": "v1.4.0", "projects": projects } } })
        };
        if let ("GET", Some(id)) = (method, path.strip_prefix("/issue/")) {
            // REL-71 is gone, although the index shows it.
            return match id {
                "10071" => no_issue(),
                id => ResponseTemplate::new(200).set_body_json(json!({
                    "id": id, "key": format!("REL-{}", &id[3..]), "fields": { "labels": ["landfall-eu"] } })),
            };
        }
        assert_eq!((method, path), ("POST", "/search/jql"));
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        // Two full pages of others come first.
        let page = match body["nextPageToken"].as_str() {
            None => json!({ "issues": (0..50).map(|n| issue(190 - n, json!(["a@1.0.0"]))).collect::<Vec<_>>(),
                "nextPageToken": "two", "isLast": false }),
            Some("two") => json!({ "issues": [{ "id": "10090", "key": "REL-90" }], "nextPageToken": "three" }),
            Some("three") => json!({ "isLast": true, "issues": [
                issue(71, json!(["a@1.0.0", "b@2.0.0"])), issue(70, json!(["a@1.0.0", "b@2.0.0", "c@1.0.0"])),
                issue(60, json!(["a@1.0.0", "b@2.0.0"])) ] }),
            other => panic!("{other:?}"),
        };
        ResponseTemplate::new(200).set_body_json(page)
    })
    .await;
    let region = "eu".parse().expect("a region");
    let wanted = ["a@1.0.0", "b@2.0.0"].map(|text| text.parse().expect("a project"));
    let found = site.jira.find_covering(&site.run, &region, &wanted).await.expect("searched").expect("found");
    assert_eq!(found.ticket.key.as_str(), "REL-70");
    assert_eq!(found.release.as_ref().map(ReleaseId::as_str), Some("v1.4.0"));
    let other = ["d@1.0.0".parse().expect("a project")];
    assert_eq!(site.jira.find_covering(&site.run, &region, &other).await.expect("searched"), None);
    assert_eq!(site.jira.find_covering(&site.run, &region, &[]).await.expect("searched"), None);
    site.check_requests().await;
}

#[tokio::test]
async fn of_two_pipelines_at_once_the_later_gives_way() {
    let labels = || json!([ticket_label(), "landfall-eu"]);
    // The other's ticket is older; the index shows nothing to the searches before.
    let site = site(Kept { before_ours: Some(labels()), lag: 2, ..Kept::default() }).await;
    let made = make(&site).await.expect("found");
    assert_eq!((made.ticket.key.as_str(), made.origin), ("REL-1", TicketOrigin::Found));
    assert_eq!(made.duplicates, []);
    assert!(made.warnings[0].starts_with("REL-2 was made at the same time as REL-1"), "{:?}", made.warnings);
    let withdrawn = site.bodies("PUT", "/REL-2").await;
    assert_eq!(
        withdrawn,
        [json!({ "fields": { "summary": "Duplicate of REL-1" }, "update": { "labels": [
            { "remove": ticket_label() }, { "remove": "landfall-eu" }, { "add": "landfall-duplicate" }] } })]
    );
    // From now on there is one for everybody.
    let again = make(&site).await.expect("found");
    assert_eq!((again.ticket.key.as_str(), again.duplicates.len()), ("REL-1", 0));
    site.check_requests().await;
}

#[tokio::test]
async fn what_the_screen_asks_for_is_known_before_anything_is_made() {
    let more = json!([
        { "fieldId": "customfield_1", "key": "customfield_1", "name": "Risk", "required": true, "operations": ["set"],
            "schema": { "type": "option" }, "allowedValues": [{ "value": "Low" }, { "value": "High" }] },
        { "fieldId": "customfield_2", "key": "customfield_2", "name": "Plan", "required": true, "operations": ["set"],
            "schema": { "type": "string" } } ]);
    let strict = site(Kept { more, ..Kept::default() }).await;
    let error = make(&strict).await.expect_err("fields are missing");
    assert_eq!((error.code(), error.class()), ("LF-JIRA-FIELDS", Class::Input));
    assert_eq!(error.to_string(), "a Release of REL cannot be made: it needs Risk, Plan");
    assert_eq!(
        error.remedy().expect("a remedy"),
        "set them under [jira.fields] of landfall.toml: \"Risk\" = \"Low\" (one of Low, High); \"Plan\" = \"...\""
    );
    assert!(strict.bodies("POST", "/issue").await.is_empty() && strict.journal().is_empty());
    assert!(strict.jira.check_create(&strict.run, &ticket()).await.is_err(), "a dry run sees the same");

    let kept = shared(Kept::default());
    let config = JiraConfig::new("REL", "Epic");
    let other = Site::with(config, move |method, path, request| {
        kept.lock().expect("kept").answer(method, path, request)
    });
    let error = make(&other.await).await.expect_err("no such type");
    assert_eq!(error.to_string(), "REL has no issue type `Epic`; it has Task, Release");
}

#[tokio::test]
async fn a_first_transition_that_was_refused_is_told() {
    let nested = ResponseTemplate::new(201).set_body_json(json!({
        "id": "10001", "key": "REL-1", "self": "https://your-domain.atlassian.net/rest/api/3/issue/10001",
        "transition": { "status": 400, "errorCollection": { "errorMessages": ["Transition id '77' is not valid for this issue."], "errors": {} } }
    }));
    let kept = shared(Kept { bad_creates: vec![(true, nested)], ..Kept::default() });
    let mut config = JiraConfig::new("REL", "Release");
    config.initial_transition = Some("77".to_owned());
    let site = Site::with(config, move |method, path, request| {
        kept.lock().expect("kept").answer(method, path, request)
    })
    .await;
    let made = make(&site).await.expect("made");
    assert_eq!(made.origin, TicketOrigin::Created);
    assert_eq!(
        made.warnings,
        [
            "REL-1 was made, and its first transition was refused (400): Transition id '77' is not valid for this issue."
        ]
    );
    assert_eq!(site.bodies("POST", "/issue").await[0]["transition"], json!({ "id": "77" }));
    site.check_requests().await;
}

#[tokio::test]
async fn what_jira_refuses_names_the_fields() {
    let refusal = ResponseTemplate::new(400).set_body_json(json!({
        "errorMessages": ["Field 'x' is required\u{1b}[2J"], "errors": { "issuetype": "The issue type selected is invalid." }
    }));
    let site = site(Kept { bad_creates: vec![(false, refusal)], ..Kept::default() }).await;
    let error = make(&site).await.expect_err("refused");
    assert!(matches!(error, Error::Refused { status: 400, .. }));
    assert_eq!(
        error.to_string(),
        "Jira refuses to create a ticket (400): Field 'x' is required\\u{1b}[2J; issuetype: The issue type selected is invalid."
    );
    assert_eq!(site.bodies("POST", "/issue").await.len(), 1);
}

/// The ticket of another release that covers it shows at once, its own only later: its own is taken.
#[tokio::test]
async fn the_release_s_own_ticket_is_waited_for_before_another_s() {
    let (ticket, projects) = (ticket(), ["orderService@1.4.2".parse().expect("a project")]);
    let kept = || Kept {
        labels: vec![json!(["landfall-eu", "rel-other"]), json!([ticket_label(), "landfall-eu"])],
        region: vec![(1, json!(["orderService@1.4.2"]))],
        ..Kept::default()
    };
    let late = site(Kept { lag: 3, ..kept() }).await;
    let found = late.jira.find_release(&late.run, &wanted(&ticket, &projects), Look::Patiently).await;
    assert_eq!(found.expect("searched").expect("found").ticket.key.as_str(), "REL-2");
    assert_eq!(late.bodies("POST", "/search/jql").await.len(), 4, "no search for others meanwhile");

    // It does not show up at all: the other's, after the last look.
    let never = site(Kept { lag: 9, ..kept() }).await;
    let found = never.jira.find_release(&never.run, &wanted(&ticket, &projects), Look::Patiently).await;
    let found = found.expect("searched").expect("found");
    assert_eq!((found.ticket.key.as_str(), found.release.is_some()), ("REL-1", true));
    assert_eq!(never.bodies("POST", "/search/jql").await.len(), 4 + 1);

    // It was made: another's is no answer.
    let own = site(Kept { lag: 9, ..kept() }).await;
    let made = Wanted { known: Known::Own, ..wanted(&ticket, &projects) };
    assert_eq!(own.jira.find_release(&own.run, &made, Look::Patiently).await.expect("searched"), None);

    // The other's is known to be there: it is taken without waiting.
    let other: landfall_artifacts::ReleaseId = "v1.4.0".parse().expect("a release");
    let of_other = json!(["landfall-eu", label(&other, &ticket.region)]);
    let known = site(Kept { labels: vec![of_other], ..Kept::default() }).await;
    let covered = Wanted { known: Known::Other(other.clone()), ..wanted(&ticket, &projects) };
    let found = known.jira.find_release(&known.run, &covered, Look::Patiently).await;
    assert_eq!(found.expect("searched").expect("found").release, Some(other));
    assert_eq!(known.bodies("POST", "/search/jql").await.len(), 2);
}

#[tokio::test]
async fn a_dry_run_looks_once() {
    let (ticket, projects) = (ticket(), ["orderService@1.4.2".parse().expect("a project")]);
    let site = site(Kept::default()).await;
    let found = site.jira.find_release(&site.run, &wanted(&ticket, &projects), Look::Once).await;
    assert_eq!(found.expect("searched"), None);
    assert_eq!(site.bodies("POST", "/search/jql").await.len(), 2, "for its own, and for one that covers it");
}

/// Whoever makes a ticket, or knows its number, says what else has its label.
#[tokio::test]
async fn duplicates_beside_our_own_ticket_are_told() {
    let labels = || json!([ticket_label(), "landfall-eu"]);
    let keys = |made: &Made| made.duplicates.iter().map(|one| one.key.to_string()).collect::<Vec<_>>();
    // The answer to the create is lost; a newer one of somebody else's is there, too.
    let lost = Kept { bad_creates: vec![(true, ResponseTemplate::new(502))], lag: 2, ..Kept::default() };
    let kept = shared(lost);
    let state = kept.clone();
    let lost = Site::new(move |method, path, request| {
        let mut kept = kept.lock().expect("kept");
        let answer = kept.answer(method, path, request);
        if (method, path) == ("POST", "/issue") {
            kept.labels.push(labels());
        }
        answer
    })
    .await;
    let made = make(&lost).await.expect("found");
    assert_eq!((made.ticket.key.as_str(), keys(&made)), ("REL-1", vec!["REL-2".to_owned()]));
    assert_eq!(state.lock().expect("kept").labels.len(), 2);

    // A ticket that an earlier job noted: an older one that has shown up since counts.
    let noted = site(Kept { labels: vec![labels(), labels(), labels()], ..Kept::default() }).await;
    let second = TicketRef {
        id: "10002".to_owned(),
        key: "REL-2".parse().expect("a key"),
        url: format!("{}/browse/REL-2", noted.server.uri()),
    };
    let found = noted.jira.noted(&noted.run, &ticket_label(), second).await;
    let others: Vec<&str> = found.duplicates.iter().map(|one| one.key.as_str()).collect();
    assert_eq!((found.ticket.key.as_str(), others), ("REL-1", vec!["REL-2", "REL-3"]));
}
