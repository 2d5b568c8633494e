//! Instructions beside what people write.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Explain as _, TicketKey, Versions};
use landfall_jira::adf::Doc;
use landfall_jira::{Commands, Instructed, InstructionFacts, Instructions, JiraConfig, instructions};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{Site, shared};

fn key() -> TicketKey {
    "REL-24".parse().expect("a key")
}

fn doc(version: &str) -> Doc {
    let text = format!(r#"{{"orderService":{{"version":"{version}","folder":"order-service"}}}}"#);
    let facts = InstructionFacts {
        release: "r-6b1f0c2d9e77".parse().expect("a release"),
        environments: vec!["prod_eu00".parse().expect("a name")],
        versions: Versions::parse(text.as_bytes(), "versions.json").expect("versions"),
        previous: BTreeMap::new(),
        commands: Commands::default(),
        start_at: Some("https://gitlab.example.com/-/pipelines/new".into()),
    };
    instructions(&facts, Instructions::Section.room())
}

struct Ticket {
    field: &'static str,
    value: Value,
    bad: Vec<(bool, ResponseTemplate)>,
}

impl Ticket {
    fn answer(&mut self, method: &str, path: &str, request: &Request) -> ResponseTemplate {
        match (method, path) {
            ("GET", "/field") => ResponseTemplate::new(200).set_body_json(json!([
                { "id": "summary", "name": "Summary", "custom": false, "schema": { "type": "string", "system": "summary" } },
                { "id": "customfield_10100", "name": "Update instructions", "custom": true, "schema": { "type": "string",
                    "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textarea", "customId": 10_100 } },
                { "id": "customfield_10101", "name": "Line", "custom": true, "schema": { "type": "string",
                    "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield", "customId": 10_101 } },
                { "id": "customfield_1", "name": "Twice" }, { "id": "customfield_2", "name": "twice" },
            ])),
            ("GET", "/issue/REL-24") => {
                let query = format!("fields={}", self.field);
                assert_eq!(request.url.query(), Some(query.as_str()));
                let fields = json!({ self.field: self.value });
                ResponseTemplate::new(200).set_body_json(json!({ "id": "10024", "key": "REL-24", "fields": fields }))
            }
            ("PUT", "/issue/REL-24") => {
                let bad = (!self.bad.is_empty()).then(|| self.bad.remove(0));
                if bad.as_ref().is_none_or(|(taken, _)| *taken) {
                    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                    self.value = body["fields"][self.field].clone();
                }
                bad.map_or_else(|| ResponseTemplate::new(204), |(_, answer)| answer)
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn site(config: Option<&str>, value: Value, bad: Vec<(bool, ResponseTemplate)>) -> Site {
    let mut jira = JiraConfig::new("REL", "Release");
    if let Some(field) = config {
        jira.instructions = Instructions::Field(field.to_owned());
    }
    let field = if config.is_some() { "customfield_10100" } else { "description" };
    let ticket = shared(Ticket { field, value, bad });
    Site::with(jira, move |method, path, request| ticket.lock().expect("kept").answer(method, path, request))
        .await
}

fn by_hand() -> Value {
    json!({ "type": "panel", "attrs": { "panelType": "note" }, "content": [
        { "type": "paragraph", "attrs": { "localId": "x1" }, "content": [
            { "type": "text", "text": "ask Mia first", "marks": [{ "type": "strong" }] }] }] })
}

#[tokio::test]
async fn the_section_is_added_kept_and_changed_beside_what_people_wrote() {
    let site = site(None, json!({ "type": "doc", "version": 1, "content": [by_hand()] }), vec![]).await;
    let update =
        async |doc: Doc| site.jira.update_instructions(&site.run, &key(), &doc).await.expect("written");
    assert_eq!(update(doc("1.4.2")).await, Instructed::Updated);
    assert_eq!(update(doc("1.4.2")).await, Instructed::Unchanged);
    assert_eq!(update(doc("1.5.0")).await, Instructed::Updated);
    let written = site.bodies("PUT", "/REL-24").await;
    assert_eq!(written.len(), 2);
    for body in &written {
        assert_eq!(body["fields"]["description"]["content"][0], by_hand());
    }
    let shown = written[1].to_string();
    assert!(shown.contains("1.5.0") && !shown.contains("1.4.2"), "{shown}");
    assert_eq!(site.journal(), ["edit ticket REL-24 description: done"; 2]);
    site.check_requests().await;
}

#[tokio::test]
async fn an_empty_field_is_found_by_name_or_id() {
    for named in ["update INSTRUCTIONS", "customfield_10100"] {
        let site = site(Some(named), Value::Null, vec![]).await;
        let done = site.jira.update_instructions(&site.run, &key(), &doc("1.4.2")).await.expect("written");
        assert_eq!(done, Instructed::Updated);
        assert!(site.bodies("PUT", "/REL-24").await[0]["fields"]["customfield_10100"]["content"].is_array());
        site.check_requests().await;
    }
    for (named, what) in [
        ("Line", "its type is com.atlassian.jira.plugin.system.customfieldtypes:textfield"),
        ("Nowhere", "the site has no field of that id or name"),
        ("Twice", "several fields have that name, such as customfield_1 and customfield_2"),
    ] {
        let site = site(Some(named), Value::Null, vec![]).await;
        let error =
            site.jira.update_instructions(&site.run, &key(), &doc("1.4.2")).await.expect_err("refused");
        assert_eq!(error.to_string(), format!("the field `{named}` cannot take instructions: {what}"));
        assert_eq!(error.class(), Class::Input);
        assert!(site.journal().is_empty());
    }
}

#[tokio::test]
async fn a_lost_answer_is_read_back() {
    for (taken, puts) in [(true, 1), (false, 2)] {
        for answer in [ResponseTemplate::new(502), ResponseTemplate::new(409)] {
            let site = site(None, Value::Null, vec![(taken, answer)]).await;
            site.jira.update_instructions(&site.run, &key(), &doc("1.4.2")).await.expect("written");
            assert_eq!(site.bodies("PUT", "/REL-24").await.len(), puts);
        }
    }
    let never = || (false, ResponseTemplate::new(204));
    let site = site(None, Value::Null, vec![never(), never(), never()]).await;
    let error = site.jira.update_instructions(&site.run, &key(), &doc("1.4.2")).await.expect_err("not shown");
    assert_eq!((error.code(), error.class()), ("LF-JIRA-NOT-SHOWN", Class::Unknown));
}

#[tokio::test]
async fn damaged_marks_and_foreign_values_change_nothing() {
    let broken = json!({ "type": "doc", "version": 1, "content": [
        { "type": "heading", "attrs": { "level": 2 }, "content": [
            { "type": "text", "text": "Deploy, verify, roll back (kept by Landfall)" }] }, by_hand()] });
    for value in [broken, json!("plain text"), json!(7)] {
        let site = site(None, value, vec![]).await;
        let error =
            site.jira.update_instructions(&site.run, &key(), &doc("1.4.2")).await.expect_err("refused");
        assert_eq!((error.code(), error.class()), ("LF-JIRA-MARKS", Class::Refused));
        assert!(site.bodies("PUT", "/REL-24").await.is_empty());
    }
}
