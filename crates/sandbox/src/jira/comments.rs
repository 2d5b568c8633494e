//! Comments of an issue.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::adf::check_adf;
use super::properties::property_list;
use super::record::{Comment, Issue, State, timestamp};
use super::reply::{Answer, Refusal, base, json_reply, listed, object, page, query, single};
use super::{Jira, JiraConfig};

/// Most ids of one question for comments (API page of `comment/list`).
const MAX_IDS: usize = 1_000;

pub(super) fn add_comment(
    state: &mut State,
    key: &str,
    body: Value,
    visibility: Option<Value>,
    properties: BTreeMap<String, Value>,
) -> Option<u64> {
    let id = state.next_id();
    let now = timestamp();
    let issue = state.find_mut(key)?;
    issue.comments.push(Comment { id, body, properties, visibility, created: now.clone(), updated: now });
    Some(id)
}

/// `Comment` bean.
pub(super) fn comment_json(comment: &Comment, issue: &Issue, config: &JiraConfig, base: &str) -> Value {
    let author = config.user_json(base);
    let mut bean = json!({
        "self": format!("{base}/rest/api/3/issue/{}/comment/{}", issue.id, comment.id), "id": comment.id.to_string(),
        "author": author, "updateAuthor": author, "body": comment.body, "created": comment.created, "updated": comment.updated,
        "jsdPublic": true
    });
    if let (Some(map), Some(visibility)) = (bean.as_object_mut(), &comment.visibility) {
        map.insert("visibility".to_owned(), visibility.clone());
    }
    bean
}

/// The parts of a comment that a caller may send.
struct Sent {
    body: Value,
    visibility: Option<Value>,
    properties: BTreeMap<String, Value>,
}

fn sent(bytes: &[u8]) -> Result<Sent, Refusal> {
    let mut map: Map<String, Value> = object(bytes, &["body", "visibility", "properties"])?;
    let body = map.remove("body").ok_or_else(|| Refusal::bad("Comment body can not be empty!"))?;
    // Jira answers INVALID_INPUT without a place; the place is added here.
    check_adf(&body).map_err(|problem| Refusal::bad(format!("INVALID_INPUT: {problem}")))?;
    if let Some(visibility) = map.get("visibility") {
        let known = visibility
            .as_object()
            .is_some_and(|map| map.keys().all(|key| ["type", "value", "identifier"].contains(&key.as_str())));
        let kind = visibility.get("type").and_then(Value::as_str);
        if !known || !matches!(kind, Some("role" | "group")) {
            return Err(Refusal::bad("'visibility' needs a type of \"role\" or \"group\""));
        }
    }
    let properties = property_list(map.get("properties"))?;
    Ok(Sent { body, visibility: map.remove("visibility"), properties })
}

/// `POST /rest/api/3/issue/{issueIdOrKey}/comment`.
pub(super) async fn create(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    query(raw.as_deref(), &["expand"])?;
    let Sent { body, visibility, properties } = sent(&bytes)?;
    let mut state = jira.lock();
    jira.writable(&mut state, &key)?;
    let id = add_comment(&mut state, &key, body, visibility, properties);
    reply(&jira, &state, &key, id, StatusCode::CREATED, &base(&headers))
}

/// `GET /rest/api/3/issue/{issueIdOrKey}/comment`.
pub(super) async fn list(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let pairs = query(raw.as_deref(), &["startAt", "maxResults", "orderBy", "expand"])?;
    let (start, size) = page(&pairs, 50)?;
    let state = jira.lock();
    let issue = jira.seen(state.find(&key))?;
    let mut comments: Vec<&Comment> = issue.comments.iter().collect();
    match single(&pairs, "orderBy") {
        None | Some("created" | "+created") => {}
        Some("-created") => comments.reverse(),
        Some(other) => return Err(Refusal::bad(format!("cannot order comments by '{other}'"))),
    }
    let beans: Vec<Value> = comments
        .iter()
        .skip(start)
        .take(size)
        .map(|comment| comment_json(comment, issue, &jira.config(), &base(&headers)))
        .collect();
    let body =
        json!({"comments": beans, "maxResults": size, "startAt": start, "total": issue.comments.len()});
    Ok(json_reply(StatusCode::OK, &body))
}

/// `POST /rest/api/3/comment/list`: the only list that shows the properties of comments.
pub(super) async fn by_ids(
    Shared(jira): Shared<Arc<Jira>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let pairs = query(raw.as_deref(), &["expand"])?;
    let body = object(&bytes, &["ids"])?;
    let wrong = || Refusal::bad("'ids' must be a list of 1 to 1000 different numbers");
    let ids = body.get("ids").and_then(Value::as_array).ok_or_else(wrong)?;
    let mut wanted: Vec<u64> = ids.iter().map(Value::as_u64).collect::<Option<_>>().ok_or_else(wrong)?;
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() || wanted.len() != ids.len() || wanted.len() > MAX_IDS {
        return Err(wrong());
    }
    let with_properties = listed(&pairs, "expand").iter().any(|part| part == "properties");
    let (state, config) = (jira.lock(), jira.config());
    let beans: Vec<Value> = state
        .issues
        .iter()
        .filter(|_| config.permissions.browse)
        .flat_map(|issue| issue.comments.iter().map(move |comment| (issue, comment)))
        .filter(|(_, comment)| wanted.contains(&comment.id))
        .map(|(issue, comment)| {
            let mut bean = comment_json(comment, issue, &config, &base(&headers));
            if let Some(map) = bean.as_object_mut().filter(|_| with_properties) {
                let properties: Vec<Value> = comment
                    .properties
                    .iter()
                    .map(|(key, value)| json!({"key": key, "value": value}))
                    .collect();
                map.insert("properties".to_owned(), json!(properties));
            }
            bean
        })
        .collect();
    let total = beans.len();
    let page = json!({"values": beans, "maxResults": MAX_IDS, "startAt": 0, "total": total, "isLast": true});
    Ok(json_reply(StatusCode::OK, &page))
}

/// `GET /rest/api/3/issue/{issueIdOrKey}/comment/{id}`.
pub(super) async fn read(
    Shared(jira): Shared<Arc<Jira>>,
    Path((key, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let state = jira.lock();
    reply(&jira, &state, &key, id.parse().ok(), StatusCode::OK, &base(&headers))
}

/// `PUT /rest/api/3/issue/{issueIdOrKey}/comment/{id}`.
pub(super) async fn edit(
    Shared(jira): Shared<Arc<Jira>>,
    Path((key, id)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    query(raw.as_deref(), &["notifyUsers", "overrideEditableFlag", "expand"])?;
    let Sent { body, visibility, properties } = sent(&bytes)?;
    let mut state = jira.lock();
    let issue = jira.writable(&mut state, &key)?;
    let comment = issue
        .comments
        .iter_mut()
        .find(|comment| comment.id.to_string() == id)
        .ok_or_else(|| no_comment(&id))?;
    comment.body = body;
    comment.visibility = visibility;
    comment.properties.extend(properties);
    comment.updated = timestamp();
    reply(&jira, &state, &key, id.parse().ok(), StatusCode::OK, &base(&headers))
}

fn reply(jira: &Jira, state: &State, key: &str, id: Option<u64>, status: StatusCode, base: &str) -> Answer {
    let issue = state.find(key).ok_or_else(Refusal::no_issue)?;
    let comment = issue.comments.iter().find(|comment| Some(comment.id) == id);
    let comment = comment.ok_or_else(|| no_comment(&id.unwrap_or_default().to_string()))?;
    Ok(json_reply(status, &comment_json(comment, issue, &jira.config(), base)))
}

pub(super) fn no_comment(id: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("Can not find a comment for the id: {id}."))
}
