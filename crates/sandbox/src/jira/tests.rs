use std::time::Duration;

use axum::Router;
use serde_json::json;

use super::*;
use crate::test_call::{Answer, call};

pub(super) async fn send(router: &Router, method: &str, path: &str, body: &Value) -> Answer {
    let basic = format!("Basic {}", STANDARD.encode("release-bot@sandbox.test:sandbox-jira-token"));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    call(router, method, &format!("/rest/api/3{path}"), &headers, &body).await
}

pub(super) async fn get_json(router: &Router, path: &str) -> Value {
    let answer = send(router, "GET", path, &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

pub(super) fn doc(text: &str) -> Value {
    json!({"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":text}]}]})
}

fn ticket(label: &str) -> Value {
    json!({"fields":{"project":{"key":"REL"},"issuetype":{"name":"Release"},"summary":"api 1.4.2","labels":[label],"description":doc("Deploys")},
        "properties":[{"key":"delivery.release","value":{"schema":1}}]})
}

pub(super) async fn create(router: &Router, label: &str) -> String {
    let answer = send(router, "POST", "/issue", &ticket(label)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()["key"].as_str().unwrap().to_owned()
}

async fn find(router: &Router, body: Value) -> Value {
    let answer = send(router, "POST", "/search/jql", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn only_the_right_credentials_and_json_are_let_in() {
    let router = Jira::new(JiraConfig::default()).router();
    let wrong = format!("Basic {}", STANDARD.encode("release-bot@sandbox.test:other"));
    for authorization in [wrong.as_str(), "Bearer other", "Basic !"] {
        let answer =
            call(&router, "GET", "/rest/api/3/myself", &[("authorization", authorization)], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let bearer = [("authorization", "Bearer sandbox-jira-token")];
    assert_eq!(call(&router, "GET", "/rest/api/3/myself", &bearer, "").await.status, StatusCode::OK);
    assert_eq!(
        call(&router, "POST", "/rest/api/3/issue", &bearer, "{}").await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(send(&router, "GET", "/nothing", &Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_ticket_is_created_and_read() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    let key = create(&router, "rel-1").await;
    assert_eq!(key, "REL-1");
    let bean = get_json(&router, "/issue/REL-1?properties=delivery.release").await;
    assert_eq!(bean["fields"]["status"]["name"], "To Do");
    assert_eq!(bean["fields"]["labels"], json!(["rel-1"]));
    assert_eq!(bean["properties"]["delivery.release"]["schema"], 1);
    assert_eq!(
        get_json(&router, "/issue/10000?fields=summary").await["fields"],
        json!({"summary": "api 1.4.2"})
    );
    assert_eq!(send(&router, "GET", "/issue/REL-2", &Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(jira.issues().len(), 1);
}

#[tokio::test]
async fn a_wrong_create_names_every_field_and_makes_nothing() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    let fields = json!({"project":{"key":"NO"},"issuetype":{"name":"Epic"},"summary":"a\nb","labels":["a b"],"description":"plain","customfield_1":"x"});
    let answer = send(&router, "POST", "/issue", &json!({"fields": fields})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors["labels"], "The label 'a b' contains spaces which is invalid.");
    assert_eq!(errors["issuetype"], "The issue type selected is invalid.");
    for name in ["project", "summary", "description", "customfield_1"] {
        assert!(errors[name].is_string(), "{name}: {errors}");
    }
    let both = json!({"fields":{"labels":[]},"update":{"labels":[{"add":"x"}]}});
    assert!(send(&router, "POST", "/issue", &both).await.json()["errors"]["labels"].is_string());
    assert_eq!(
        send(&router, "POST", "/issue", &json!({"fields":{},"extra":1})).await.status,
        StatusCode::BAD_REQUEST
    );
    assert!(jira.issues().is_empty());
}

#[tokio::test]
async fn a_create_stands_although_its_transition_failed() {
    let jira = Jira::new(JiraConfig::default());
    let mut body = ticket("rel-1");
    body["transition"] = json!({"id": "51"});
    let answer = send(&jira.router(), "POST", "/issue", &body).await;
    assert_eq!((answer.status, &answer.json()["transition"]["status"]), (StatusCode::CREATED, &json!(400)));
    assert_eq!(jira.issues()[0].status, "To Do");
}

#[tokio::test]
async fn transitions_are_those_of_the_current_status() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    let key = create(&router, "rel-1").await;
    let path = format!("/issue/{key}/transitions");
    for (id, to) in [
        ("11", "Deployed to Pre-Prod"),
        ("21", "Pre-Prod Testing"),
        ("31", "Deploying"),
        ("41", "Resolved"),
        ("51", "Closed"),
    ] {
        let listed = get_json(&router, &path).await;
        assert_eq!(listed["transitions"].as_array().unwrap().len(), 1);
        assert_eq!(
            (&listed["transitions"][0]["id"], &listed["transitions"][0]["to"]["name"]),
            (&json!(id), &json!(to))
        );
        let answer = send(&router, "POST", &path, &json!({"transition":{"id":id}})).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
        assert_eq!(jira.issue(&key).unwrap().status, to);
        let again = send(&router, "POST", &path, &json!({"transition":{"id":id}})).await;
        assert_eq!(
            again.json()["errorMessages"][0],
            format!("Transition id '{id}' is not valid for this issue.")
        );
    }
    assert!(jira.move_by_hand(&key, "Deploying") && !jira.move_by_hand(&key, "Nowhere"));
    for body in [json!({"transition":{"id":41}}), json!({"transition":{"name":"Resolve Issue"}}), json!({})] {
        assert_eq!(send(&router, "POST", &path, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let with_screen = json!({"transition":{"id":"41"},"fields":{"resolution":{"name":"Done"}},"update":{"comment":[{"add":{"body":doc("ok")}}]}});
    assert_eq!(send(&router, "POST", &path, &with_screen).await.status, StatusCode::NO_CONTENT);
    assert_eq!(jira.issue(&key).unwrap().comments.len(), 1);
    let without_screen = json!({"transition":{"id":"51"},"fields":{"resolution":{"name":"Done"}}});
    let refused = send(&router, "POST", &path, &without_screen).await;
    assert!(
        refused.json()["errors"]["resolution"].as_str().unwrap().contains("not on the appropriate screen")
    );
}

#[tokio::test]
async fn an_edit_changes_fields_and_never_the_status() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    let path = format!("/issue/{}", create(&router, "rel-1").await);
    let body = json!({"fields":{"customfield_10100":doc("Step 1")},"update":{"labels":[{"add":"b"},{"remove":"rel-1"}]}});
    assert_eq!(send(&router, "PUT", &path, &body).await.status, StatusCode::NO_CONTENT);
    assert_eq!(jira.issues()[0].labels, ["b"]);
    assert_eq!(jira.issues()[0].fields["customfield_10100"], doc("Step 1"));
    let with_transition = json!({"fields":{"summary":"x"},"transition":{"id":"11"}});
    assert_eq!(send(&router, "PUT", &path, &with_transition).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send(&router, "PUT", &path, &json!({})).await.status, StatusCode::BAD_REQUEST);
    let returned = send(
        &router,
        "PUT",
        &format!("{path}?returnIssue=true&notifyUsers=false"),
        &json!({"fields":{"summary":"new"}}),
    )
    .await;
    assert_eq!(returned.json()["fields"]["summary"], "new");
}

#[tokio::test]
async fn comments_properties_and_links_are_kept_once() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    let path = format!("/issue/{}", create(&router, "rel-1").await);
    let comments = format!("{path}/comment");
    let made = send(
        &router,
        "POST",
        &comments,
        &json!({"body":doc("Deployed"),"properties":[{"key":"k","value":1}]}),
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for bad in [json!({"body":"plain"}), json!({}), json!({"body":doc("x"),"text":"y"})] {
        assert_eq!(send(&router, "POST", &comments, &bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let page = get_json(&router, &format!("{comments}?orderBy=-created&maxResults=1")).await;
    assert_eq!((&page["total"], &page["comments"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(
        send(&router, "PUT", &format!("{comments}/{id}"), &json!({"body":doc("Again")})).await.status,
        StatusCode::OK
    );

    for home in [path.clone(), format!("/comment/{id}")] {
        let property = format!("{home}/properties/seen");
        assert_eq!(send(&router, "GET", &property, &Value::Null).await.status, StatusCode::NOT_FOUND);
        assert_eq!(send(&router, "PUT", &property, &json!({"a":1})).await.status, StatusCode::CREATED);
        assert_eq!(send(&router, "PUT", &property, &json!({"a":2})).await.status, StatusCode::OK);
        assert_eq!(get_json(&router, &property).await, json!({"key":"seen","value":{"a":2}}));
        assert_eq!(send(&router, "DELETE", &property, &Value::Null).await.status, StatusCode::NO_CONTENT);
    }
    let links = format!("{path}/remotelink");
    let link =
        |title: &str| json!({"globalId":"pipeline=1","object":{"url":"https://ci.example/1","title":title}});
    let first = send(&router, "POST", &links, &link("one")).await;
    let second = send(&router, "POST", &links, &link("two")).await;
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(get_json(&router, &links).await[0]["object"]["title"], "two");
    assert_eq!(
        send(&router, "POST", &links, &json!({"object":{"title":"x"}})).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn the_index_is_behind_unless_an_issue_is_reconciled() {
    let jira = Jira::new(JiraConfig { search_lag: SearchLag::Searches(2), ..JiraConfig::default() });
    let router = jira.router();
    create(&router, "rel-1").await;
    let jql = "project = REL AND labels = \"rel-1\" ORDER BY created DESC";
    assert_eq!(find(&router, json!({"jql":jql})).await["issues"], json!([]));
    let reconciled = find(&router, json!({"jql":jql,"reconcileIssues":[10000]})).await;
    assert_eq!(reconciled["issues"], json!([{"id":"10000"}]));
    let seen = find(
        &router,
        json!({"jql":jql,"fields":["status"],"properties":["delivery.release"],"maxResults":2}),
    )
    .await;
    assert_eq!((&seen["issues"][0]["key"], &seen["isLast"]), (&json!("REL-1"), &json!(true)));
    assert_eq!(seen["issues"][0]["fields"].as_object().unwrap().len(), 1);
    assert_eq!(jira.searches(), 3);

    let never = Jira::new(JiraConfig {
        search_lag: SearchLag::Time(Duration::from_secs(3600)),
        ..JiraConfig::default()
    });
    create(&never.router(), "rel-1").await;
    assert_eq!(find(&never.router(), json!({"jql":jql})).await["issues"], json!([]));
}

#[tokio::test]
async fn searches_are_bounded_and_paged() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    for _ in 0..3 {
        create(&router, "rel-1").await;
    }
    let jql = "project = REL order by key";
    let first = find(&router, json!({"jql":jql,"maxResults":2})).await;
    assert_eq!(
        (&first["issues"], &first["isLast"]),
        (&json!([{"id":"10000"},{"id":"10001"}]), &json!(false))
    );
    let token = first["nextPageToken"].as_str().unwrap();
    let last = find(&router, json!({"jql":jql,"maxResults":2,"nextPageToken":token})).await;
    assert_eq!((&last["issues"], last.get("nextPageToken")), (&json!([{"id":"10002"}]), None));
    for bad in [
        json!({}),
        json!({"jql":""}),
        json!({"jql":"order by key"}),
        json!({"jql":"project = NO"}),
        json!({"jql":"colour = red"}),
        json!({"jql":jql,"maxResults":0}),
        json!({"jql":jql,"startAt":1}),
        json!({"jql":jql,"fields":"status"}),
        json!({"jql":"project = REL","nextPageToken":token}),
    ] {
        assert_eq!(send(&router, "POST", "/search/jql", &bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let by_get = get_json(
        &router,
        "/search/jql?jql=project%20%3D%20REL%20AND%20labels%20%3D%20%22rel-1%22&fields=key",
    )
    .await;
    assert_eq!(by_get["issues"][0]["key"], "REL-3");
    let gone = send(&router, "POST", "/search", &json!({"jql":jql})).await;
    assert_eq!(gone.status, StatusCode::GONE);
    assert!(gone.text.contains("CHANGE-2046"));
}

#[tokio::test]
async fn too_many_writes_on_one_issue_are_put_off() {
    let limit = WriteLimit { count: 2, window: Duration::from_secs(3600) };
    let jira = Jira::new(JiraConfig { write_limits: vec![limit], ..JiraConfig::default() });
    let router = jira.router();
    let (one, other) = (create(&router, "a").await, create(&router, "b").await);
    let body = json!({"body":doc("x")});
    for _ in 0..2 {
        assert_eq!(
            send(&router, "POST", &format!("/issue/{one}/comment"), &body).await.status,
            StatusCode::CREATED
        );
    }
    let refused = send(&router, "POST", &format!("/issue/{one}/comment"), &body).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("ratelimit-reason"), "jira-per-issue-on-write");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(
        send(&router, "POST", &format!("/issue/{other}/comment"), &body).await.status,
        StatusCode::CREATED
    );
    assert_eq!(jira.issue(&one).unwrap().comments.len(), 2);
}

#[tokio::test]
async fn the_site_describes_itself() {
    let router = Jira::new(JiraConfig::default()).router();
    assert_eq!(get_json(&router, "/serverInfo").await["deploymentType"], "Cloud");
    assert_eq!(get_json(&router, "/project/REL").await["issueTypes"][0]["name"], "Release");
    assert_eq!(send(&router, "GET", "/project/NO", &Value::Null).await.status, StatusCode::NOT_FOUND);
    let types = get_json(&router, "/issue/createmeta/REL/issuetypes").await;
    let id = types["issueTypes"][0]["id"].as_str().unwrap().to_owned();
    let fields = get_json(&router, &format!("/issue/createmeta/REL/issuetypes/{id}")).await;
    assert_eq!(fields["fields"][2]["fieldId"], "summary");
    let all = get_json(&router, "/field").await;
    assert!(all.as_array().unwrap().iter().any(|field| field["name"] == "Update instructions"));
}
