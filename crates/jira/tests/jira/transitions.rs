//! Moving tickets through workflows that are not ours.

use landfall_artifacts::{Class, Explain as _, TicketKey};
use landfall_jira::{Error, Facts, JiraConfig, Listed, Standing, Step, Ways};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, shared};

fn key() -> TicketKey {
    "REL-24".parse().expect("a key")
}

fn way(id: &str, name: &str, from: &str, to: &str) -> Value {
    json!({ "from": from, "bean": {
        "id": id, "name": name, "to": { "id": "1", "name": to }, "hasScreen": false, "isAvailable": true, "fields": {} } })
}

/// A ticket in a workflow. Some moves may end badly, before or after their effect.
struct Moving {
    status: String,
    /// The category of that status.
    category: &'static str,
    ways: Vec<Value>,
    bad: Vec<(bool, ResponseTemplate)>,
}

impl Moving {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        match (method, path) {
            ("GET", "/issue/REL-24") => ResponseTemplate::new(200).set_body_json(json!({
                "id": "10024", "key": "REL-24", "fields": { "status": { "name": self.status, "id": "3", "statusCategory": { "key": self.category } } }
            })),
            ("GET", "/issue/REL-24/transitions") => {
                assert!(request.url.query().is_some_and(|query| query == "expand=transitions.fields"));
                let beans: Vec<&Value> = self
                    .ways
                    .iter()
                    .filter(|way| way["from"] == self.status.as_str())
                    .map(|way| &way["bean"])
                    .collect();
                ResponseTemplate::new(200)
                    .set_body_json(json!({ "expand": "transitions", "transitions": beans }))
            }
            ("POST", "/issue/REL-24/transitions") => {
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                let chosen = self
                    .ways
                    .iter()
                    .find(|way| way["bean"]["id"] == body["transition"]["id"])
                    .expect("known")
                    .clone();
                let bad = (!self.bad.is_empty()).then(|| self.bad.remove(0));
                if bad.as_ref().is_none_or(|(taken, _)| *taken) {
                    // Where somebody else moves it on at once, it is seen there.
                    let lands = chosen.get("lands").unwrap_or(&chosen["bean"]["to"]["name"]);
                    lands.as_str().expect("a name").clone_into(&mut self.status);
                }
                bad.map_or_else(|| ResponseTemplate::new(204), |(_, answer)| answer)
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn site(status: &str, ways: Vec<Value>, bad: Vec<(bool, ResponseTemplate)>) -> Site {
    let moving = shared(Moving { status: status.to_owned(), category: "new", ways, bad });
    Site::new(move |method, path, request| moving.lock().expect("kept").answer(method, path, request)).await
}

async fn with(config: JiraConfig, status: &str, category: &'static str, ways: Vec<Value>) -> Site {
    let moving = shared(Moving { status: status.to_owned(), category, ways, bad: vec![] });
    let answer = move |method: &str, path: &str, request: &Request| {
        moving.lock().expect("kept").answer(method, path, request)
    };
    Site::with(config, answer).await
}

fn release_workflow() -> Vec<Value> {
    vec![
        way("11", "Deploy PP", "To Do", "DEPLOYED TO PRE-PROD"),
        way("21", "Start PP Testing", "DEPLOYED TO PRE-PROD", "Pre-Prod Testing"),
        way("31", "Start Deployment", "Pre-Prod Testing", "Deploying"),
        way("41", "Resolve", "Deploying", "Resolved"),
        way("51", "Close", "Resolved", "Closed"),
    ]
}

#[tokio::test]
async fn one_step_by_the_name_of_its_target() {
    let site = site("To Do", release_workflow(), vec![]).await;
    let moved =
        site.jira.transition(&site.run, &key(), Step::DeployPp, &Facts::default()).await.expect("moved");
    assert_eq!((moved.from.as_str(), moved.to.as_str()), ("To Do", "DEPLOYED TO PRE-PROD"));
    assert_eq!(site.bodies("POST", "/transitions").await, [json!({ "transition": { "id": "11" } })]);
    let again =
        site.jira.transition(&site.run, &key(), Step::DeployPp, &Facts::default()).await.expect("there");
    assert!(again.taken.is_empty());
    assert_eq!(site.bodies("POST", "/transitions").await.len(), 1);
    assert_eq!(site.journal(), ["transition ticket REL-24: To Do -> DEPLOYED TO PRE-PROD: done"]);
    site.check_requests().await;
}

#[tokio::test]
async fn several_steps_where_the_workflow_asks_for_them() {
    let site = site("To Do", release_workflow(), vec![]).await;
    let moved =
        site.jira.transition(&site.run, &key(), Step::Closed, &Facts::default()).await.expect("moved");
    assert_eq!(moved.taken, ["Deploy PP", "Start PP Testing", "Start Deployment", "Resolve", "Close"]);
    assert_eq!(moved.to, "Closed");
    assert_eq!(site.journal().len(), 5);
}

#[tokio::test]
async fn the_direct_way_wins_and_the_target_is_never_passed() {
    let mut ways = release_workflow();
    ways.push(way("90", "Skip to resolved", "To Do", "Resolved"));
    ways.push(way("91", "Skip to closed", "To Do", "Closed"));
    let site = site("To Do", ways, vec![]).await;
    let moved =
        site.jira.transition(&site.run, &key(), Step::Resolved, &Facts::default()).await.expect("moved");
    assert_eq!(moved.taken, ["Skip to resolved"]);
    // Backwards none is taken: it is beyond.
    let left = site.jira.transition(&site.run, &key(), Step::PpTesting, &Facts::default()).await;
    let left = left.expect("left there");
    assert_eq!((left.to.as_str(), left.standing), ("Resolved", Standing::Beyond));
    assert_eq!(site.bodies("POST", "/transitions").await.len(), 1);
}

/// A status of the project's own that comes after the step is not left for it, although the workflow leads back.
#[tokio::test]
async fn a_status_of_the_project_s_own_beyond_the_step_is_not_left() {
    let back = || vec![way("92", "Rework", "QA", "DEPLOYED TO PRE-PROD")];
    let table = [
        ("Deployed to Pre-Prod".to_owned(), vec!["QA".to_owned()]),
        ("QA".to_owned(), vec!["Pre-Prod Testing".to_owned(), "To Do".to_owned()]),
        ("To Do".to_owned(), vec!["Deployed to Pre-Prod".to_owned()]),
    ];
    let mut config = JiraConfig::new("REL", "Release");
    config.ways = Ways::new(table);
    let by_table = with(config, "QA", "indeterminate", back()).await;
    let finished = with(JiraConfig::new("REL", "Release"), "QA", "done", back()).await;
    for site in [by_table, finished] {
        let step = Step::DeployPp;
        let left = site.jira.transition(&site.run, &key(), step, &Facts::default()).await.expect("left");
        assert_eq!((left.to.as_str(), left.standing), ("QA", Standing::Beyond));
        assert_eq!(site.jira.standing(&site.run, &key(), step).await.expect("read").1, Standing::Beyond);
        assert!(site.bodies("POST", "/transitions").await.is_empty());
    }
    // Where nothing says that it comes after, it is left.
    let unknown = with(JiraConfig::new("REL", "Release"), "QA", "indeterminate", back()).await;
    let moved = unknown.jira.transition(&unknown.run, &key(), Step::DeployPp, &Facts::default()).await;
    assert_eq!(moved.expect("moved").taken, ["Rework"]);
}

#[tokio::test]
async fn no_way_lists_what_there_is() {
    let ways =
        vec![way("5", "Back\u{1b}[2J", "Blocked", "To Do"), way("6", "Escalate", "Blocked", "Escalated")];
    let stuck = site("Blocked", ways, vec![]).await;
    match stuck.jira.transition(&stuck.run, &key(), Step::Deploying, &Facts::default()).await {
        Err(Error::NoWay { transitions, .. }) => {
            let listed = |name: &str, to: &str| Listed { name: name.into(), to: to.into() };
            assert_eq!(transitions, [listed("Back\\u{1b}[2J", "To Do"), listed("Escalate", "Escalated")]);
        }
        other => panic!("{other:?}"),
    }
    assert!(stuck.bodies("POST", "/transitions").await.is_empty());
    let none = site("Blocked", vec![], vec![]).await;
    let error = none
        .jira
        .transition(&none.run, &key(), Step::Deploying, &Facts::default())
        .await
        .expect_err("no way");
    assert!(error.to_string().ends_with("its transitions are none that this account may take"), "{error}");
}

#[tokio::test]
async fn of_two_ways_the_one_without_a_screen_is_taken() {
    let mut screen = way("40", "Resolve with screen", "Deploying", "Resolved");
    screen["bean"]["hasScreen"] = true.into();
    let mut gone = way("42", "Resolve quietly", "Deploying", "Resolved");
    gone["bean"]["isAvailable"] = false.into();
    let site =
        site("Deploying", vec![screen, gone, way("41", "Resolve", "Deploying", "Resolved")], vec![]).await;
    let moved =
        site.jira.transition(&site.run, &key(), Step::Resolved, &Facts::default()).await.expect("moved");
    assert_eq!(moved.taken, ["Resolve"]);
}

#[tokio::test]
async fn a_screen_gets_its_resolution_and_nothing_else() {
    let mut screen = way("40", "Resolve", "Deploying", "Resolved");
    screen["bean"]["hasScreen"] = true.into();
    screen["bean"]["fields"] = json!({ "resolution": { "required": true, "hasDefaultValue": false, "name": "Resolution",
        "allowedValues": [{ "name": "Won't do" }, { "name": "Done" }] } });
    let one = site("Deploying", vec![screen.clone()], vec![]).await;
    one.jira.transition(&one.run, &key(), Step::Resolved, &Facts::default()).await.expect("moved");
    let expected = json!({ "transition": { "id": "40" }, "fields": { "resolution": { "name": "Done" } } });
    assert_eq!(one.bodies("POST", "/transitions").await, [expected]);
    one.check_requests().await;

    screen["bean"]["fields"]["customfield_1"] =
        json!({ "required": true, "hasDefaultValue": false, "name": "Root cause" });
    let other = site("Deploying", vec![screen], vec![]).await;
    let error = other
        .jira
        .transition(&other.run, &key(), Step::Resolved, &Facts::default())
        .await
        .expect_err("a person is needed");
    assert_eq!(error.to_string(), "the transition Resolve of REL-24 requires Root cause");
    assert!(other.journal().is_empty());
}

#[tokio::test]
async fn what_the_ticket_shows_decides_when_an_answer_is_lost_or_refused() {
    let invalid = || {
        ResponseTemplate::new(400).set_body_json(
            json!({ "errorMessages": ["Transition id '11' is not valid for this issue."], "errors": {} }),
        )
    };
    // Taken although it looks otherwise: no second request.
    for answer in [ResponseTemplate::new(502), invalid(), ResponseTemplate::new(409)] {
        let site = site("To Do", release_workflow(), vec![(true, answer)]).await;
        site.jira.transition(&site.run, &key(), Step::DeployPp, &Facts::default()).await.expect("moved");
        assert_eq!(site.bodies("POST", "/transitions").await.len(), 1);
    }
    // Not taken: once more.
    for answer in [ResponseTemplate::new(502), ResponseTemplate::new(409)] {
        let site = site("To Do", release_workflow(), vec![(false, answer)]).await;
        site.jira.transition(&site.run, &key(), Step::DeployPp, &Facts::default()).await.expect("moved");
        assert_eq!(site.bodies("POST", "/transitions").await.len(), 2);
    }
    // Never taken: what Jira said.
    let site =
        site("To Do", release_workflow(), vec![(false, invalid()), (false, invalid()), (false, invalid())])
            .await;
    let error = site
        .jira
        .transition(&site.run, &key(), Step::DeployPp, &Facts::default())
        .await
        .expect_err("refused");
    assert!(error.to_string().ends_with("(400): Transition id '11' is not valid for this issue."), "{error}");
    assert_eq!(site.bodies("POST", "/transitions").await.len(), 2);
}

/// Another job moved it on meanwhile: it is left there, also where the workflow would lead back.
#[tokio::test]
async fn what_is_moved_on_meanwhile_is_not_pulled_back() {
    for answer in [204, 409] {
        let mut ways = release_workflow();
        ways.push(way("92", "Rework", "Pre-Prod Testing", "DEPLOYED TO PRE-PROD"));
        ways[0]["lands"] = json!("Pre-Prod Testing");
        let site = site("To Do", ways, vec![(true, ResponseTemplate::new(answer))]).await;
        let step = Step::DeployPp;
        let moved = site.jira.transition(&site.run, &key(), step, &Facts::default()).await.expect("there");
        assert_eq!(moved.to, "Pre-Prod Testing");
        assert_eq!(site.bodies("POST", "/transitions").await.len(), 1, "{answer}");
    }
}

#[tokio::test]
async fn success_without_effect_is_not_success() {
    let site = site("To Do", release_workflow(), vec![(false, ResponseTemplate::new(204))]).await;
    let error = site
        .jira
        .transition(&site.run, &key(), Step::DeployPp, &Facts::default())
        .await
        .expect_err("unmoved");
    assert_eq!((error.code(), error.class()), ("LF-JIRA-UNMOVED", Class::Unknown));
}
