//! Entity properties of issues and comments, and remote links.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::Jira;
use super::comments::no_comment;
use super::record::{Issue, RemoteLink, State};
use super::reply::{Answer, Refusal, base, json_reply, no_content, object};
use crate::strict_body;

const MAX_KEY: usize = 255;
const MAX_VALUE: usize = 32_768;

/// `[{"key": …, "value": …}]` of a create or an edit.
pub(super) fn property_list(value: Option<&Value>) -> Result<BTreeMap<String, Value>, Refusal> {
    let wrong = || Refusal::bad("'properties' must be a list of objects with 'key' and 'value'");
    let mut found = BTreeMap::new();
    let Some(value) = value else { return Ok(found) };
    for entry in value.as_array().ok_or_else(wrong)? {
        let map = entry.as_object().filter(|map| map.len() == 2).ok_or_else(wrong)?;
        let (Some(key), Some(value)) = (map.get("key").and_then(Value::as_str), map.get("value")) else {
            return Err(wrong());
        };
        check(key, &value.to_string())?;
        found.insert(key.to_owned(), value.clone());
    }
    Ok(found)
}

fn check(key: &str, text: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.chars().count() > MAX_KEY {
        return Err(Refusal::bad(format!("The property key must be 1 to {MAX_KEY} characters long.")));
    }
    if text.chars().count() > MAX_VALUE {
        return Err(Refusal::bad(format!(
            "The property value must not be longer than {MAX_VALUE} characters."
        )));
    }
    Ok(())
}

fn put(properties: &mut BTreeMap<String, Value>, key: String, bytes: &[u8]) -> Answer {
    check(&key, &String::from_utf8_lossy(bytes))?;
    let value = strict_body::parse(bytes).map_err(|problem| {
        Refusal::bad(format!("The value of the property has to be a valid, non-empty JSON: {problem}"))
    })?;
    let status = if properties.insert(key, value).is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(json_reply(status, &json!({})))
}

fn get(properties: &BTreeMap<String, Value>, key: &str) -> Answer {
    let value = properties.get(key).ok_or_else(|| no_property(key))?;
    Ok(json_reply(StatusCode::OK, &json!({"key": key, "value": value})))
}

fn remove(properties: &mut BTreeMap<String, Value>, key: &str) -> Answer {
    properties.remove(key).map(|_| no_content()).ok_or_else(|| no_property(key))
}

fn keys(properties: &BTreeMap<String, Value>, home: &str) -> Response {
    let keys: Vec<Value> = properties
        .keys()
        .map(|key| json!({"self": format!("{home}/properties/{key}"), "key": key}))
        .collect();
    json_reply(StatusCode::OK, &json!({"keys": keys}))
}

fn no_property(key: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("The property with key '{key}' does not exist."))
}

fn issue_of_comment<'a>(state: &'a State, id: &str) -> Result<&'a Issue, Refusal> {
    let owns = |issue: &&Issue| issue.comments.iter().any(|comment| comment.id.to_string() == id);
    state.issues.iter().find(owns).ok_or_else(|| no_comment(id))
}

/// Runs `act` on the properties of a comment, after counting a write on its issue where `write` says so.
fn with_comment<T>(
    jira: &Jira,
    id: &str,
    write: bool,
    act: impl FnOnce(&mut BTreeMap<String, Value>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut state = jira.lock();
    let key = issue_of_comment(&state, id)?.key.clone();
    let issue = if write {
        jira.writable(&mut state, &key)?
    } else {
        state.find_mut(&key).ok_or_else(Refusal::no_issue)?
    };
    let comment = issue
        .comments
        .iter_mut()
        .find(|comment| comment.id.to_string() == id)
        .ok_or_else(|| no_comment(id))?;
    act(&mut comment.properties)
}

pub(super) async fn issue_keys(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let state = jira.lock();
    let issue = state.find(&key).ok_or_else(Refusal::no_issue)?;
    Ok(keys(&issue.properties, &format!("{}/rest/api/3/issue/{}", base(&headers), issue.id)))
}

pub(super) async fn issue_get(
    Shared(jira): Shared<Arc<Jira>>,
    Path((key, name)): Path<(String, String)>,
) -> Answer {
    get(&jira.seen(jira.lock().find(&key))?.properties, &name)
}

pub(super) async fn issue_put(
    Shared(jira): Shared<Arc<Jira>>,
    Path((key, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Answer {
    put(&mut jira.writable(&mut jira.lock(), &key)?.properties, name, &bytes)
}

pub(super) async fn issue_delete(
    Shared(jira): Shared<Arc<Jira>>,
    Path((key, name)): Path<(String, String)>,
) -> Answer {
    remove(&mut jira.writable(&mut jira.lock(), &key)?.properties, &name)
}

pub(super) async fn comment_keys(
    Shared(jira): Shared<Arc<Jira>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    with_comment(&jira, &id, false, |properties| {
        Ok(keys(properties, &format!("{}/rest/api/3/comment/{id}", base(&headers))))
    })
}

pub(super) async fn comment_get(
    Shared(jira): Shared<Arc<Jira>>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    with_comment(&jira, &id, false, |properties| get(properties, &name))
}

pub(super) async fn comment_put(
    Shared(jira): Shared<Arc<Jira>>,
    Path((id, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Answer {
    with_comment(&jira, &id, true, |properties| put(properties, name, &bytes))
}

pub(super) async fn comment_delete(
    Shared(jira): Shared<Arc<Jira>>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    with_comment(&jira, &id, true, |properties| remove(properties, &name))
}

/// `POST /rest/api/3/issue/{issueIdOrKey}/remotelink`: a known `globalId` is overwritten (200), else created (201).
pub(super) async fn put_link(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let mut body = object(&bytes, &["globalId", "application", "relationship", "object"])?;
    let target =
        body.get("object").and_then(Value::as_object).ok_or_else(|| Refusal::bad("'object' is required"))?;
    if let Some(unknown) = strict_body::unknown_key(target, &["url", "title", "summary", "icon", "status"]) {
        return Err(Refusal::bad(format!("unknown field \"{unknown}\" in 'object'")));
    }
    let text = |name: &str| target.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if text("title").is_none() || text("url").and_then(|address| url::Url::parse(address).ok()).is_none() {
        return Err(Refusal::bad("'object' needs a 'title' and a 'url'"));
    }
    let global_id = match body.remove("globalId") {
        None => None,
        Some(Value::String(id)) if (1..=255).contains(&id.chars().count()) => Some(id),
        Some(_) => return Err(Refusal::bad("'globalId' must be a string of 1 to 255 characters")),
    };
    let mut state = jira.lock();
    let fresh = state.next_id();
    let issue = jira.writable(&mut state, &key)?;
    let known = issue.links.iter_mut().find(|link| global_id.is_some() && link.global_id == global_id);
    let (id, status) = if let Some(link) = known {
        link.body = body;
        (link.id, StatusCode::OK)
    } else {
        issue.links.push(RemoteLink { id: fresh, global_id, body });
        (fresh, StatusCode::CREATED)
    };
    let address = format!("{}/rest/api/3/issue/{}/remotelink/{id}", base(&headers), issue.key);
    Ok(json_reply(status, &json!({"id": id, "self": address})))
}

/// `GET /rest/api/3/issue/{issueIdOrKey}/remotelink`.
pub(super) async fn links(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let state = jira.lock();
    let issue = state.find(&key).ok_or_else(Refusal::no_issue)?;
    let beans: Vec<Value> = issue
        .links
        .iter()
        .map(|link| {
            let mut bean = link.body.clone();
            bean.insert("id".to_owned(), json!(link.id));
            bean.insert(
                "self".to_owned(),
                json!(format!("{}/rest/api/3/issue/{}/remotelink/{}", base(&headers), issue.key, link.id)),
            );
            if let Some(id) = &link.global_id {
                bean.insert("globalId".to_owned(), json!(id));
            }
            Value::Object(bean)
        })
        .collect();
    Ok(json_reply(StatusCode::OK, &json!(beans)))
}
