//! Fields, screens, permissions and limits.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::tests::{create, doc, get_json, send};
use super::{CustomField, CustomFieldKind, Jira, JiraConfig, Permissions, Workflow, WriteLimit};

fn strict() -> JiraConfig {
    JiraConfig {
        custom_fields: vec![
            CustomField::new("customfield_1", "Risk", CustomFieldKind::Select)
                .with_options(&["Low", "High"])
                .required(),
            CustomField::new("customfield_2", "Teams", CustomFieldKind::MultiSelect)
                .with_options(&["a", "b"]),
            CustomField::new("customfield_3", "Hours", CustomFieldKind::Number),
            CustomField::new("customfield_4", "Day", CustomFieldKind::Date),
            CustomField::new("customfield_5", "Words", CustomFieldKind::Labels),
        ],
        versions: vec!["1.0".to_owned()],
        components: vec!["Shop".to_owned()],
        required: vec!["fixVersions".to_owned()],
        off_screen: vec!["environment".to_owned()],
        ..JiraConfig::default()
    }
}

#[tokio::test]
async fn a_create_has_what_its_screen_requires_and_nothing_else() {
    let router = Jira::new(strict()).router();
    let good = json!({"project":{"key":"REL"},"issuetype":{"name":"Release"},"summary":"x",
        "fixVersions":[{"name":"1.0"}],"components":[{"name":"Shop"}],"customfield_1":{"value":"Low"},
        "customfield_2":[{"value":"a"}],"customfield_3":3.5,"customfield_4":"2026-01-31","customfield_5":["x"]});
    assert_eq!(send(&router, "POST", "/issue", &json!({"fields": good})).await.status, StatusCode::CREATED);
    for (field, bad) in [
        ("customfield_1", json!({"value":"Medium"})),
        ("customfield_1", json!("Low")),
        ("customfield_1", Value::Null),
        ("customfield_2", json!({"value":"a"})),
        ("customfield_3", json!("3")),
        ("customfield_4", json!("tomorrow")),
        ("customfield_5", json!(["a b"])),
        ("fixVersions", json!([{"name":"2.0"}])),
        ("fixVersions", json!([])),
        ("components", json!([{"name":"Elsewhere"}])),
        ("environment", doc("x")),
    ] {
        let mut fields = good.clone();
        fields[field] = bad.clone();
        let refused = send(&router, "POST", "/issue", &json!({"fields": fields})).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{field}: {bad}");
        assert!(refused.json()["errors"][field].is_string(), "{field}: {}", refused.text);
    }
    let page = get_json(&router, "/issue/createmeta/REL/issuetypes/10001?maxResults=100").await;
    let fields = page["fields"].as_array().unwrap();
    let of = |id: &str| fields.iter().find(|field| field["fieldId"] == id);
    assert!(of("environment").is_none());
    assert_eq!(of("customfield_1").unwrap()["allowedValues"][1]["value"], "High");
    assert_eq!(of("fixVersions").unwrap()["required"], true);
}

#[tokio::test]
async fn a_screen_takes_its_fields_and_asks_for_what_it_requires() {
    let workflow =
        Workflow::release().with_screen("11", &["customfield_3"], &["resolution", "customfield_3"]);
    let mut config = strict();
    config.workflow = workflow;
    config.required.clear();
    config.custom_fields[0].required = false;
    let router = Jira::new(config).router();
    let path = format!("/issue/{}/transitions", create(&router, "rel-1").await);
    let offered = get_json(&router, &format!("{path}?expand=transitions.fields")).await;
    let fields = &offered["transitions"][0]["fields"];
    assert_eq!(
        (&fields["resolution"]["required"], &fields["customfield_3"]["name"]),
        (&json!(true), &json!("Hours"))
    );
    let take = |fields: Value| json!({"transition":{"id":"11"},"fields":fields});
    for (bad, named) in [
        (json!({"resolution":{"name":"Done"}}), "customfield_3"),
        (json!({"customfield_3":1}), "resolution"),
        (json!({"resolution":{"name":"Gone"},"customfield_3":1}), "resolution"),
        (json!({"resolution":{"name":"Done"},"customfield_3":1,"summary":"x"}), "summary"),
    ] {
        let refused = send(&router, "POST", &path, &take(bad)).await;
        assert!(refused.json()["errors"][named].is_string(), "{named}: {}", refused.text);
    }
    let good = take(json!({"resolution":{"name":"Done"},"customfield_3":1}));
    assert_eq!(send(&router, "POST", &path, &good).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_may_not_be_seen_is_not_there() {
    let jira = Jira::new(JiraConfig::default());
    let router = jira.router();
    let path = format!("/issue/{}", create(&router, "rel-1").await);
    jira.configure(|config| config.permissions = Permissions { transition: false, ..Permissions::default() });
    assert_eq!(get_json(&router, &format!("{path}/transitions")).await["transitions"], json!([]));
    let move_it = json!({"transition":{"id":"11"}});
    assert_eq!(
        send(&router, "POST", &format!("{path}/transitions"), &move_it).await.status,
        StatusCode::BAD_REQUEST
    );
    jira.configure(|config| {
        config.permissions = Permissions { browse: false, create: false, ..Permissions::default() }
    });
    for (method, path, body) in [
        ("GET", path.clone(), Value::Null),
        ("GET", format!("{path}/comment"), Value::Null),
        ("POST", format!("{path}/comment"), json!({"body":doc("x")})),
        ("PUT", path.clone(), json!({"fields":{"summary":"x"}})),
        ("GET", "/issue/createmeta/REL/issuetypes".to_owned(), Value::Null),
    ] {
        assert_eq!(
            send(&router, method, &path, &body).await.status,
            StatusCode::NOT_FOUND,
            "{method} {path}"
        );
    }
    let found = send(&router, "POST", "/search/jql", &json!({"jql":"project = REL"})).await;
    assert_eq!(found.json()["issues"], json!([]));
}

#[tokio::test]
async fn only_the_list_by_ids_shows_properties_of_comments() {
    let router = Jira::new(JiraConfig::default()).router();
    let path = format!("/issue/{}/comment", create(&router, "rel-1").await);
    let body = json!({"body":doc("x"),"properties":[{"key":"k","value":{"a":1}}]});
    let made = send(&router, "POST", &path, &body).await.json();
    let id: u64 = made["id"].as_str().unwrap().parse().unwrap();
    assert!(get_json(&router, &path).await["comments"][0].get("properties").is_none());
    let list =
        send(&router, "POST", "/comment/list?expand=properties", &json!({"ids":[id, 77]})).await.json();
    assert_eq!(list["values"][0]["properties"], json!([{"key":"k","value":{"a":1}}]));
    for bad in [json!({}), json!({"ids":[]}), json!({"ids":[id, id]}), json!({"ids":["1"]})] {
        assert_eq!(
            send(&router, "POST", "/comment/list", &bad).await.status,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn both_bounds_of_writes_hold() {
    let config = JiraConfig { write_limits: WriteLimit::documented(), ..JiraConfig::default() };
    let router = Jira::new(config).router();
    let path = format!("/issue/{}/comment", create(&router, "rel-1").await);
    let begun = Instant::now();
    let mut written = 0;
    while written < 100 {
        match send(&router, "POST", &path, &json!({"body":doc("x")})).await.status {
            StatusCode::CREATED => written += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert_eq!(written % 20, 0, "only a full window refuses");
                sleep(Duration::from_secs(2)).await;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(begun.elapsed().as_secs(), 8);
    let refused = send(&router, "POST", &path, &json!({"body":doc("x")})).await;
    assert_eq!(refused.header("retry-after"), "22", "the window of thirty seconds is full");
}
