//! Checking the fields of a create, an edit or a transition.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::adf::check_adf;
use super::meta::document;
use super::reply::Refusal;
use super::{JiraConfig, Transition};

const MAX_LABEL: usize = 255;
/// Resolutions of the site.
pub(super) const RESOLUTIONS: [&str; 2] = ["Won't Do", "Done"];
const NOT_ON_SCREEN: &str = "cannot be set. It is not on the appropriate screen, or unknown.";

/// Which operation sets the fields.
#[derive(Clone, Copy)]
pub(super) enum Screen<'a> {
    Create,
    Edit,
    /// A transition, with its screen where it has one.
    Transition(&'a Transition),
}

/// Checks `fields` and `update` and lays them over `target`. Gives the comments that `update` adds.
///
/// All problems are reported together, as Jira does (`errors`: field -> text).
pub(super) fn lay_over(
    config: &JiraConfig,
    screen: Screen<'_>,
    body: &Map<String, Value>,
    target: &mut Map<String, Value>,
) -> Result<Vec<Value>, Refusal> {
    let empty = Map::new();
    let part = |name: &str| match body.get(name) {
        None => Ok(&empty),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(Refusal::bad(format!("'{name}' must be an object"))),
    };
    let (fields, update) = (part("fields")?, part("update")?);
    let mut problems = BTreeMap::new();
    let mut comments = Vec::new();
    for (name, value) in fields {
        if update.contains_key(name) {
            problems.insert(
                name.clone(),
                format!("Field '{name}' may be given in 'fields' or in 'update', not in both."),
            );
            continue;
        }
        match field_value(config, screen, name, value) {
            Ok(value) => drop(target.insert(name.clone(), value)),
            Err(problem) => drop(problems.insert(name.clone(), problem)),
        }
    }
    for (name, operations) in update {
        let result = match (name.as_str(), screen) {
            ("labels", Screen::Create | Screen::Edit) => update_labels(operations, target),
            ("comment", Screen::Create | Screen::Edit) => added_comments(operations, &mut comments),
            ("comment", Screen::Transition(transition)) if transition.has_screen => {
                added_comments(operations, &mut comments)
            }
            _ => Err(format!("Field '{name}' {NOT_ON_SCREEN}")),
        };
        if let Err(problem) = result {
            problems.insert(name.clone(), problem);
        }
    }
    let set = |name: &str| fields.get(name).is_some_and(|value| !value.is_null() && *value != json!([]));
    let missing: Vec<(&str, &str)> = match screen {
        Screen::Create => config.required_fields().filter(|(id, _)| !set(id)).collect(),
        Screen::Edit => Vec::new(),
        Screen::Transition(transition) => transition
            .required
            .iter()
            .map(|id| (id.as_str(), id.as_str()))
            .filter(|(id, _)| !set(id))
            .collect(),
    };
    for (id, name) in missing {
        problems.entry(id.to_owned()).or_insert_with(|| format!("{name} is required."));
    }
    if matches!(screen, Screen::Create) {
        for (name, text) in [
            ("project", "valid project is required"),
            ("issuetype", "Specify an issue type"),
            ("summary", "You must specify a summary of the issue."),
        ] {
            if !fields.contains_key(name) {
                problems.insert(name.to_owned(), text.to_owned());
            }
        }
    }
    if problems.is_empty() { Ok(comments) } else { Err(Refusal::fields(problems)) }
}

fn field_value(config: &JiraConfig, screen: Screen<'_>, name: &str, value: &Value) -> Result<Value, String> {
    let unknown = || Err(format!("Field '{name}' {NOT_ON_SCREEN}"));
    match screen {
        Screen::Transition(transition) if !transition.has_screen => return unknown(),
        Screen::Transition(_) if name == "resolution" => {
            let resolution = value.get("name").and_then(Value::as_str);
            let known = resolution.is_some_and(|resolution| RESOLUTIONS.contains(&resolution));
            return known
                .then(|| json!({"name": resolution}))
                .ok_or_else(|| "Could not find a valid resolution.".to_owned());
        }
        Screen::Transition(transition) if !transition.fields.iter().any(|field| field == name) => {
            return unknown();
        }
        Screen::Create if config.off_screen.iter().any(|field| field == name) => return unknown(),
        Screen::Create | Screen::Edit | Screen::Transition(_) => {}
    }
    let creates = matches!(screen, Screen::Create);
    match name {
        "project" if creates => named(value, &["key", "id"])
            .and_then(|wanted| {
                config.projects.iter().find(|project| project.key == wanted || project.id == wanted)
            })
            .map(|project| json!({"id": project.id, "key": project.key, "name": project.name}))
            .ok_or_else(|| "valid project is required".to_owned()),
        "issuetype" if creates => named(value, &["name", "id"])
            .and_then(|wanted| config.issue_type(wanted))
            .map(|(id, name)| json!({"id": id, "name": name, "subtask": false}))
            // Text of the API page's own example of a bulk create.
            .ok_or_else(|| "The issue type selected is invalid.".to_owned()),
        "summary" => match value.as_str() {
            None => Err("Operation value must be a string".to_owned()),
            Some(text) if text.trim().is_empty() => {
                Err("You must specify a summary of the issue.".to_owned())
            }
            Some(text) if text.contains(['\n', '\r']) => {
                Err("The summary is invalid because it contains newline characters.".to_owned())
            }
            Some(text) if text.chars().count() >= 255 => {
                Err("Summary must be less than 255 characters.".to_owned())
            }
            Some(_) => Ok(value.clone()),
        },
        "description" | "environment" => document(value),
        "labels" => labels(value).map(|labels| json!(labels)),
        "fixVersions" => listed(&config.versions, value, "Version"),
        "components" => listed(&config.components, value, "Component"),
        _ => match config.custom_fields.iter().find(|field| field.id == name) {
            Some(_) if value.is_null() => Ok(Value::Null),
            Some(field) => field.checked(value),
            None => unknown(),
        },
    }
}

/// The one string that identifies an entity: `{"key": …}`, never two ways at once.
fn named<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a str> {
    let map = value.as_object()?;
    let (key, value) = map.iter().next()?;
    if map.len() == 1 && keys.contains(&key.as_str()) { value.as_str() } else { None }
}

/// A list of versions or components, each by its name.
fn listed(known: &[String], value: &Value, kind: &str) -> Result<Value, String> {
    let wanted = value.as_array().ok_or("data was not an array")?;
    let mut found = Vec::new();
    for one in wanted {
        let name = named(one, &["name"]).ok_or_else(|| format!("{kind} name or id is required"))?;
        if !known.iter().any(|known| known == name) {
            return Err(format!("{kind} name '{name}' is not valid"));
        }
        found.push(json!({"name": name}));
    }
    Ok(Value::Array(found))
}

fn label(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("string expected")?;
    if text.is_empty() || text.chars().any(char::is_whitespace) {
        return Err(format!("The label '{text}' contains spaces which is invalid."));
    }
    if text.chars().count() > MAX_LABEL {
        return Err(format!("The label '{text}' exceeds the maximum length for labels ({MAX_LABEL})."));
    }
    Ok(text.to_owned())
}

pub(super) fn labels(value: &Value) -> Result<Vec<String>, String> {
    let mut labels =
        value.as_array().ok_or("data was not an array")?.iter().map(label).collect::<Result<Vec<_>, _>>()?;
    labels.sort();
    labels.dedup();
    Ok(labels)
}

fn operations(value: &Value) -> Result<Vec<(&str, &Value)>, String> {
    let list = value.as_array().ok_or("operations must be a list")?;
    list.iter()
        .map(|operation| {
            match operation.as_object().and_then(|map| map.iter().next().filter(|_| map.len() == 1)) {
                Some((verb, value)) => Ok((verb.as_str(), value)),
                None => Err("each operation must be an object of one verb".to_owned()),
            }
        })
        .collect()
}

fn update_labels(value: &Value, target: &mut Map<String, Value>) -> Result<(), String> {
    let mut now = target.get("labels").map_or_else(|| Ok(Vec::new()), labels)?;
    for (verb, value) in operations(value)? {
        match verb {
            "add" => now.push(label(value)?),
            "remove" => {
                let gone = label(value)?;
                now.retain(|label| *label != gone);
            }
            "set" => now = labels(value)?,
            _ => return Err(format!("operation '{verb}' is not supported for labels")),
        }
    }
    target.insert("labels".to_owned(), json!(labels(&json!(now))?));
    Ok(())
}

fn added_comments(value: &Value, comments: &mut Vec<Value>) -> Result<(), String> {
    for (verb, value) in operations(value)? {
        let body =
            value.as_object().filter(|map| verb == "add" && map.len() == 1).and_then(|map| map.get("body"));
        let body = body.ok_or("only {\"add\": {\"body\": document}} is supported for comments")?;
        check_adf(body)?;
        comments.push(body.clone());
    }
    Ok(())
}
