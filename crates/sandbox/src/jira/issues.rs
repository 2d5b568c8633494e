//! Creating, reading, editing and moving issues.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::comments::add_comment;
use super::fields::{Screen, lay_over};
use super::properties::property_list;
use super::record::{Issue, Revision, State, timestamp};
use super::reply::{Answer, Refusal, base, json_reply, listed, no_content, object, query, single};
use super::{Jira, JiraConfig};

/// Keys of `IssueUpdateDetails`.
const DETAILS: &[&str] = &["fields", "update", "transition", "properties", "historyMetadata"];
const HISTORY: &[&str] = &[
    "type",
    "description",
    "descriptionKey",
    "activityDescription",
    "activityDescriptionKey",
    "emailDescription",
    "emailDescriptionKey",
    "actor",
    "cause",
    "generator",
    "extraData",
];

fn details(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let body = object(bytes, DETAILS)?;
    match body.get("historyMetadata") {
        None => Ok(body),
        Some(Value::Object(map)) if map.keys().all(|key| HISTORY.contains(&key.as_str())) => Ok(body),
        Some(_) => Err(Refusal::bad("'historyMetadata' is not valid")),
    }
}

/// `POST /rest/api/3/issue`.
pub(super) async fn create(
    Shared(jira): Shared<Arc<Jira>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    query(raw.as_deref(), &["updateHistory"])?;
    let body = details(&bytes)?;
    let config = jira.config();
    if !config.permissions.create {
        let problem = ("project".to_owned(), "valid project is required".to_owned());
        return Err(Refusal::fields(BTreeMap::from([problem])));
    }
    let mut fields = Map::new();
    fields.insert("labels".to_owned(), json!([]));
    let comments = lay_over(&config, Screen::Create, &body, &mut fields)?;
    let properties = property_list(body.get("properties"))?;
    let project = fields
        .get("project")
        .and_then(|project| project.get("key"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();

    let mut state = jira.lock();
    let number = state.issues.iter().filter(|issue| issue.project == project).count() + 1;
    let id = 10_000 + state.issues.len() as u64;
    let revision = Revision {
        at: Instant::now(),
        at_search: state.searches,
        fields,
        status: config.workflow.initial().to_owned(),
        updated: timestamp(),
    };
    let mut issue = Issue::new(id, format!("{project}-{number}"), project, revision);
    issue.properties = properties;
    let key = issue.key.clone();
    state.issues.push(issue);
    for comment in comments {
        add_comment(&mut state, &key, comment, None, BTreeMap::new());
    }
    let mut created = json!({"id": id.to_string(), "key": key, "self": format!("{}/rest/api/3/issue/{id}", base(&headers))});
    // The create stands even when its transition fails; the caller has to look (`NestedResponse`).
    if let Some(transition) = body.get("transition") {
        let nested = match take_transition(&config, &mut state, &key, Some(transition), &Map::new()) {
            Ok(()) => json!({"status": 204, "errorCollection": {"errorMessages": [], "errors": {}}}),
            Err(refusal) => refusal.nested(),
        };
        if let Some(map) = created.as_object_mut() {
            map.insert("transition".to_owned(), nested);
        }
    }
    Ok(json_reply(StatusCode::CREATED, &created))
}

/// `GET /rest/api/3/issue/{issueIdOrKey}`.
pub(super) async fn read(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let pairs = query(
        raw.as_deref(),
        &["fields", "fieldsByKeys", "expand", "properties", "updateHistory", "failFast"],
    )?;
    let mut wanted = listed(&pairs, "fields");
    if wanted.is_empty() {
        wanted.push("*all".to_owned());
    }
    let state = jira.lock();
    let issue = jira.seen(state.find(&key))?;
    let bean = issue_json(
        &jira.config(),
        issue,
        issue.current(),
        &wanted,
        &listed(&pairs, "properties"),
        &base(&headers),
    );
    Ok(json_reply(StatusCode::OK, &bean))
}

/// `PUT /rest/api/3/issue/{issueIdOrKey}`.
pub(super) async fn edit(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let pairs = query(
        raw.as_deref(),
        &["notifyUsers", "overrideScreenSecurity", "overrideEditableFlag", "returnIssue", "expand"],
    )?;
    let body = details(&bytes)?;
    // Jira ignores a transition here, so a caller who sends one believes in a move that never happens.
    if body.contains_key("transition") {
        return Err(Refusal::bad("'transition' has no effect on an edit; use the transitions resource"));
    }
    if !body.contains_key("fields") && !body.contains_key("update") {
        return Err(Refusal::bad("one of 'fields' or 'update' required"));
    }
    let properties = property_list(body.get("properties"))?;
    let mut state = jira.lock();
    let searches = state.searches;
    let issue = jira.writable(&mut state, &key)?;
    let mut fields = issue.current().fields.clone();
    let comments = lay_over(&jira.config(), Screen::Edit, &body, &mut fields)?;
    let status = issue.current().status.clone();
    issue.write(searches, fields, status);
    issue.properties.extend(properties);
    for comment in comments {
        add_comment(&mut state, &key, comment, None, BTreeMap::new());
    }
    if single(&pairs, "returnIssue") == Some("true") {
        let issue = state.find(&key).ok_or_else(Refusal::no_issue)?;
        let bean =
            issue_json(&jira.config(), issue, issue.current(), &["*all".to_owned()], &[], &base(&headers));
        return Ok(json_reply(StatusCode::OK, &bean));
    }
    Ok(no_content())
}

/// `GET /rest/api/3/issue/{issueIdOrKey}/transitions`: those from the current status only.
pub(super) async fn transitions(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let known = [
        "expand",
        "transitionId",
        "skipRemoteOnlyCondition",
        "includeUnavailableTransitions",
        "sortByOpsBarAndStatus",
    ];
    let pairs = query(raw.as_deref(), &known)?;
    let with_fields = listed(&pairs, "expand").iter().any(|expand| expand == "transitions.fields");
    let state = jira.lock();
    let issue = jira.seen(state.find(&key))?;
    let config = jira.config();
    let workflow = &config.workflow;
    let transitions: Vec<Value> = workflow
        .from_status(&issue.current().status)
        .filter(|_| config.permissions.transition)
        .filter(|transition| single(&pairs, "transitionId").is_none_or(|id| id == transition.id))
        .map(|transition| config.transition_json(transition, &base(&headers), with_fields))
        .collect();
    Ok(json_reply(StatusCode::OK, &json!({"expand": "transitions", "transitions": transitions})))
}

/// `POST /rest/api/3/issue/{issueIdOrKey}/transitions`.
pub(super) async fn transition(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    query(raw.as_deref(), &[])?;
    let body = details(&bytes)?;
    let mut state = jira.lock();
    jira.writable(&mut state, &key)?;
    take_transition(&jira.config(), &mut state, &key, body.get("transition"), &body)?;
    Ok(no_content())
}

fn take_transition(
    config: &JiraConfig,
    state: &mut State,
    key: &str,
    transition: Option<&Value>,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    // The two texts about the identifier are Jira's own; a number in place of text is refused here although Jira may convert it.
    let id = transition
        .and_then(|transition| transition.get("id"))
        .ok_or_else(|| Refusal::bad("Missing 'transition' identifier"))?;
    let id = id
        .as_str()
        .ok_or_else(|| Refusal::bad("'transition' identifier must be an integer, sent as a string."))?;
    if transition.and_then(Value::as_object).is_some_and(|map| map.len() > 1) {
        return Err(Refusal::bad("'transition' takes an 'id' and nothing else"));
    }
    let searches = state.searches;
    let issue = state.find_mut(key).ok_or_else(Refusal::no_issue)?;
    let current = issue.current();
    let chosen = config
        .workflow
        .from_status(&current.status)
        .filter(|_| config.permissions.transition)
        .find(|transition| transition.id == id)
        .ok_or_else(|| Refusal::bad(format!("Transition id '{id}' is not valid for this issue.")))?;
    let mut fields = current.fields.clone();
    let comments = lay_over(config, Screen::Transition(chosen), body, &mut fields)?;
    let properties = property_list(body.get("properties"))?;
    issue.write(searches, fields, chosen.to.clone());
    issue.properties.extend(properties);
    for comment in comments {
        add_comment(state, key, comment, None, BTreeMap::new());
    }
    Ok(())
}

/// `IssueBean` with the wanted fields: names, `*all`, `*navigable`, and names to leave out with a dash.
pub(super) fn issue_json(
    config: &JiraConfig,
    issue: &Issue,
    revision: &Revision,
    wanted: &[String],
    properties: &[String],
    base: &str,
) -> Value {
    let mut fields = revision.fields.clone();
    fields.insert("status".to_owned(), config.workflow.status_json(&revision.status, base));
    fields.insert("created".to_owned(), json!(issue.created));
    fields.insert("updated".to_owned(), json!(revision.updated));
    let comments: Vec<Value> = issue
        .comments
        .iter()
        .map(|comment| super::comments::comment_json(comment, issue, config, base))
        .collect();
    let total = comments.len();
    fields.insert(
        "comment".to_owned(),
        json!({"comments": comments, "maxResults": total, "total": total, "startAt": 0}),
    );
    let every = wanted.iter().any(|name| name == "*all" || name == "*navigable");
    fields.retain(|name, _| {
        (every || wanted.contains(name)) && !wanted.iter().any(|out| out.strip_prefix('-') == Some(name))
    });
    let mut bean = json!({
        "id": issue.id.to_string(), "key": issue.key, "self": format!("{base}/rest/api/3/issue/{}", issue.id), "fields": fields
    });
    if !properties.is_empty()
        && let Some(map) = bean.as_object_mut()
    {
        let found: BTreeMap<&String, &Value> = issue
            .properties
            .iter()
            .filter(|(key, _)| properties.iter().any(|name| name == "*all" || name == *key))
            .collect();
        map.insert("properties".to_owned(), json!(found));
    }
    bean
}

/// `GET /rest/api/3/search`: removed by Atlassian (change notice CHANGE-2046).
pub(super) async fn old_search() -> Result<Response, Refusal> {
    Err(Refusal::new(
        StatusCode::GONE,
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046",
    ))
}
