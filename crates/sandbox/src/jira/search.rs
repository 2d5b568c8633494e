//! `search/jql`: bounded queries over an index that is behind the issues.

use std::sync::Arc;

use axum::extract::{RawQuery, State as Shared};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::issues::issue_json;
use super::jql::{self, Clause};
use super::record::{Issue, Revision};
use super::reply::{Answer, Refusal, base, json_reply, listed, object, query, single};
use super::{Jira, JiraConfig};

const MAX_RESULTS: u64 = 5_000;
/// More than ids were asked for: Jira then sends smaller pages than asked.
const MAX_FULL_RESULTS: u64 = 100;
const MAX_RECONCILED: usize = 50;
const MAX_PROPERTIES: usize = 5;

const KNOWN: &[&str] = &[
    "jql",
    "nextPageToken",
    "maxResults",
    "fields",
    "expand",
    "properties",
    "fieldsByKeys",
    "failFast",
    "reconcileIssues",
];

#[derive(Debug, Default)]
struct Search {
    jql: String,
    token: Option<String>,
    max_results: Option<u64>,
    fields: Vec<String>,
    properties: Vec<String>,
    reconciled: Vec<u64>,
}

/// `GET /rest/api/3/search/jql`.
pub(super) async fn get(
    Shared(jira): Shared<Arc<Jira>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let pairs = query(raw.as_deref(), KNOWN)?;
    let number =
        |text: &str| text.parse::<u64>().map_err(|_| Refusal::bad(format!("'{text}' is not a whole number")));
    let search = Search {
        jql: single(&pairs, "jql").unwrap_or_default().to_owned(),
        token: single(&pairs, "nextPageToken").filter(|token| !token.is_empty()).map(str::to_owned),
        max_results: single(&pairs, "maxResults").map(number).transpose()?,
        fields: listed(&pairs, "fields"),
        properties: listed(&pairs, "properties"),
        reconciled: listed(&pairs, "reconcileIssues")
            .iter()
            .map(|text| number(text))
            .collect::<Result<_, _>>()?,
    };
    run(&jira, &search, &base(&headers))
}

/// `POST /rest/api/3/search/jql` (`SearchAndReconcileRequestBean`).
pub(super) async fn post(
    Shared(jira): Shared<Arc<Jira>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    query(raw.as_deref(), &[])?;
    // `failFast` is a parameter of the GET form only.
    let known: Vec<&str> = KNOWN.iter().copied().filter(|name| *name != "failFast").collect();
    let map = object(&bytes, &known)?;
    let search = Search {
        jql: text(&map, "jql")?.unwrap_or_default(),
        token: text(&map, "nextPageToken")?,
        max_results: map
            .get("maxResults")
            .map(|value| value.as_u64().ok_or_else(|| wrong("maxResults")))
            .transpose()?,
        fields: texts(&map, "fields")?,
        properties: texts(&map, "properties")?,
        reconciled: items(&map, "reconcileIssues")?
            .iter()
            .map(|id| id.as_u64().ok_or_else(|| wrong("reconcileIssues")))
            .collect::<Result<_, _>>()?,
    };
    run(&jira, &search, &base(&headers))
}

fn wrong(name: &str) -> Refusal {
    Refusal::bad(format!("Invalid request payload: '{name}' has the wrong type"))
}

fn text(map: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name)),
    }
}

fn items<'a>(map: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Refusal> {
    match map.get(name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(name)),
    }
}

fn texts(map: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    items(map, name)?
        .iter()
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(name)))
        .collect()
}

fn run(jira: &Jira, search: &Search, base: &str) -> Answer {
    let config = jira.config();
    let parsed = jql::parse(&search.jql).map_err(Refusal::bad)?;
    for clause in &parsed.clauses {
        check_clause(&config, clause)?;
    }
    if search.properties.len() > MAX_PROPERTIES || search.reconciled.len() > MAX_RECONCILED {
        return Err(Refusal::bad(format!(
            "at most {MAX_PROPERTIES} properties and {MAX_RECONCILED} issues to reconcile"
        )));
    }
    let ids_only = search.fields.iter().all(|name| name == "id" || name == "key");
    let size = match search.max_results.unwrap_or(50) {
        size @ 1..=MAX_RESULTS => (if ids_only { size } else { size.min(MAX_FULL_RESULTS) }) as usize,
        _ => {
            return Err(Refusal::bad(format!(
                "The value of maxResults must be between 1 and {MAX_RESULTS}."
            )));
        }
    };
    let start = search.token.as_deref().map_or(Ok(0), |token| page_start(token, &search.jql))?;

    let mut state = jira.lock();
    state.searches += 1;
    let now = Instant::now();
    let mut found: Vec<(&Issue, &Revision)> = state
        .issues
        .iter()
        .filter(|_| config.permissions.browse)
        .filter_map(|issue| {
            let fresh = search.reconciled.contains(&issue.id);
            let revision = if fresh {
                issue.current()
            } else {
                issue.indexed(config.search_lag, state.searches, now)?
            };
            parsed.clauses.iter().all(|clause| matches(clause, issue, revision)).then_some((issue, revision))
        })
        .collect();
    // Without ORDER BY the newest comes first, so that nobody relies on the oldest.
    found.sort_by_key(|(issue, _)| std::cmp::Reverse(issue.id));
    for (field, descends) in parsed.order.iter().rev() {
        match field.as_str() {
            "created" | "key" | "issuekey" | "id" => found.sort_by_key(|(issue, _)| issue.id),
            "updated" => found.sort_by_key(|(_, revision)| revision.at),
            "status" => found.sort_by(|(_, one), (_, other)| one.status.cmp(&other.status)),
            other => return Err(no_field(other)),
        }
        if *descends {
            found.reverse();
        }
    }
    let total = found.len();
    let issues: Vec<Value> = found
        .into_iter()
        .skip(start)
        .take(size)
        .map(|(issue, revision)| {
            if search.fields.iter().all(|name| name == "id") && search.properties.is_empty() {
                return json!({"id": issue.id.to_string()});
            }
            issue_json(&config, issue, revision, &search.fields, &search.properties, base)
        })
        .collect();
    let end = start.saturating_add(size);
    let mut body = json!({"issues": issues, "isLast": end >= total});
    if end < total
        && let Some(map) = body.as_object_mut()
    {
        map.insert("nextPageToken".to_owned(), json!(page_token(end, &search.jql)));
    }
    Ok(json_reply(StatusCode::OK, &body))
}

fn check_clause(config: &JiraConfig, clause: &Clause) -> Result<(), Refusal> {
    let known = |value: &String| match clause.field.as_str() {
        "project" => {
            config.projects.iter().any(|project| [&project.key, &project.id, &project.name].contains(&value))
        }
        "status" => config.workflow.status(value).is_some(),
        "issuetype" | "type" => config.issue_type(value).is_some(),
        _ => true,
    };
    match clause.field.as_str() {
        "project" | "status" | "issuetype" | "type" | "labels" | "key" | "issuekey" | "id" => {
            match clause.values.iter().find(|value| !known(value)) {
                Some(value) => Err(Refusal::bad(format!(
                    "The value '{value}' does not exist for the field '{}'.",
                    clause.field
                ))),
                None => Ok(()),
            }
        }
        other => Err(no_field(other)),
    }
}

fn no_field(name: &str) -> Refusal {
    Refusal::bad(format!("Field '{name}' does not exist or you do not have permission to view it."))
}

fn matches(clause: &Clause, issue: &Issue, revision: &Revision) -> bool {
    let inner = |field: &str, keys: &[&str], value: &String| {
        keys.iter().any(|key| {
            revision.fields.get(field).and_then(|field| field.get(key)).and_then(Value::as_str) == Some(value)
        })
    };
    clause.values.iter().any(|value| match clause.field.as_str() {
        "project" => inner("project", &["key", "id", "name"], value),
        "issuetype" | "type" => inner("issuetype", &["name", "id"], value),
        "status" => revision.status == *value,
        "key" | "issuekey" | "id" => issue.key == *value || issue.id.to_string() == *value,
        "labels" => revision
            .fields
            .get("labels")
            .and_then(Value::as_array)
            .is_some_and(|labels| labels.contains(&Value::from(value.as_str()))),
        _ => false,
    })
}

fn page_token(start: usize, jql: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{start}\n{jql}"))
}

/// A token belongs to its query; with another one it is refused.
fn page_start(token: &str, jql: &str) -> Result<usize, Refusal> {
    let invalid = || Refusal::bad("The provided next page token is invalid or expired.");
    let decoded = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(invalid)?;
    let (start, of) = decoded.split_once('\n').ok_or_else(invalid)?;
    if of == jql { start.parse().map_err(|_| invalid()) } else { Err(invalid()) }
}
