//! What Jira is sent, held against Atlassian's published specifications.
//!
//! `LANDFALL_SPECS` names the folder that has `jira-swagger-v3.json` (OpenAPI 3.0) and `adf-schema.full.json` (draft 4).

use std::path::{Path, PathBuf};

use jsonschema::{Draft, Validator};
use landfall_sandbox::{Entry, Service};
use serde_json::{Value, json};

use crate::world::World;

/// The folder of the specifications; in CI there must be one.
fn specs() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("LANDFALL_SPECS") {
        return Some(folder.into());
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "LANDFALL_SPECS is not set: in CI nothing is skipped"
    );
    println!("skipped: LANDFALL_SPECS not set");
    None
}

fn read(folder: &Path, name: &str) -> Value {
    let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The operation of a request: that of the path with most fixed segments.
fn operation<'a>(api: &'a Value, entry: &Entry) -> Option<&'a Value> {
    let asked: Vec<&str> = entry.path().split('/').collect();
    let fits = |template: &str| {
        let segments: Vec<&str> = template.split('/').collect();
        let same = |(one, other): (&&str, &&str)| one == other || (one.starts_with('{') && !other.is_empty());
        (segments.len() == asked.len() && segments.iter().zip(&asked).all(same))
            .then(|| segments.iter().filter(|segment| !segment.starts_with('{')).count())
    };
    let paths = api["paths"].as_object()?;
    let best =
        paths.iter().filter_map(|(path, item)| Some((fits(path)?, item))).max_by_key(|(fixed, _)| *fixed)?;
    best.1.get(entry.method.as_str().to_lowercase())
}

/// A validator of the operation's request body. References are within the document, so its components go along.
fn body_validator(api: &Value, operation: &Value) -> Option<Validator> {
    let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
    let document = json!({"allOf": [schema], "components": api["components"]});
    Some(
        jsonschema::options()
            .with_draft(Draft::Draft4)
            .build(&document)
            .expect("the specification is a schema"),
    )
}

/// Every Atlassian document inside a value.
fn documents<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    if value["type"] == "doc" && value.get("content").is_some() {
        found.push(value);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| documents(item, found)),
        Value::Object(members) => members.values().for_each(|member| documents(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn objections(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Query parameters of a request that its operation does not have.
fn unknown_parameters<'a>(operation: &Value, entry: &'a Entry) -> Vec<&'a str> {
    let known: Vec<&str> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["name"].as_str())
        .collect();
    let query = entry.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let names = query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
    names.filter(|name| !known.contains(name)).collect()
}

/// Holds every request that a world's Jira was sent against the specifications, where there are some. Gives how many bodies and
/// documents were looked at.
pub(crate) fn hold(world: &World) -> Option<(usize, usize)> {
    let folder = specs()?;
    let api = read(&folder, "jira-swagger-v3.json");
    let adf = jsonschema::options()
        .with_draft(Draft::Draft4)
        .build(&read(&folder, "adf-schema.full.json"))
        .expect("the specification is a schema");
    let (mut bodies, mut texts) = (0, 0);
    for entry in world.sandbox.journal().of(Service::Jira) {
        let operation =
            operation(&api, &entry).unwrap_or_else(|| panic!("{entry} is no operation of the API"));
        assert_ne!(operation["deprecated"], true, "{entry} is going to be removed");
        assert!(!entry.path().ends_with("/search"), "{entry} was removed");
        assert_eq!(unknown_parameters(operation, &entry), Vec::<&str>::new(), "{entry}");
        if entry.body().is_empty() {
            continue;
        }
        let body: Value = serde_json::from_slice(entry.body()).expect("bodies are JSON");
        let validator = body_validator(&api, operation).unwrap_or_else(|| panic!("{entry} takes no body"));
        assert_eq!(objections(&validator, &body), Vec::<String>::new(), "{entry}: {body:#}");
        bodies += 1;
        let mut found = Vec::new();
        documents(&body, &mut found);
        for document in found {
            assert_eq!(objections(&adf, document), Vec::<String>::new(), "{entry}: {document:#}");
            texts += 1;
        }
    }
    Some((bodies, texts))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_and_document_is_as_published() {
    let mut world = World::new().await;
    world.has_versions();
    world.has_images_and_plan();
    world.set("CI_PIPELINE_URL", "https://gitlab.example.com/shop/services/-/pipelines/17");
    world.set("CI_COMMIT_SHA", "5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80");
    world
        .run_all(&[
            &["create-jira-tickets"],
            &["transition-jira-tickets", "deploy-pp"],
            &["update-jira-instructions", "--targets", "prod_eu00"],
            &["transition-jira-tickets", "pp-testing"],
            &["comment-jira-tickets", "staging"],
            &["comment-jira-tickets", "staging"],
            &["update-jira-instructions"],
            &["transition-jira-tickets", "closed"],
        ])
        .await;

    let Some((bodies, texts)) = hold(&world) else { return };
    assert!(bodies >= 8 && texts >= 3, "{bodies} bodies, {texts} documents");
}

#[test]
fn a_request_of_another_shape_is_seen() {
    let Some(folder) = specs() else { return };
    let api = read(&folder, "jira-swagger-v3.json");
    let create = &api["paths"]["/rest/api/3/issue"]["post"];
    let validator = body_validator(&api, create).expect("it takes a body");
    assert!(objections(&validator, &json!({"fields": {"summary": "x"}})).is_empty());
    assert!(!objections(&validator, &json!({"fields": "x"})).is_empty());
}
