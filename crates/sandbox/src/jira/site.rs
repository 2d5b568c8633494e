//! What the site says of itself: the caller, the server, projects, issue types, fields.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::record::timestamp;
use super::reply::{Answer, Refusal, base, json_reply, page, query};
use super::{Jira, JiraConfig, Project};

impl JiraConfig {
    pub(super) fn user_json(&self, base: &str) -> Value {
        json!({
            "self": format!("{base}/rest/api/3/user?accountId=5b10a2844c20165700ede21g"), "accountId": "5b10a2844c20165700ede21g",
            "accountType": "atlassian", "active": true, "displayName": "Release Bot", "emailAddress": self.user, "timeZone": "UTC"
        })
    }

    /// Id and name of an issue type, by either.
    pub(super) fn issue_type(&self, wanted: &str) -> Option<(String, &str)> {
        let numbered = self
            .issue_types
            .iter()
            .enumerate()
            .map(|(index, name)| ((10_001 + index).to_string(), name.as_str()));
        numbered.into_iter().find(|(id, name)| id == wanted || *name == wanted)
    }

    fn issue_types_json(&self, base: &str) -> Vec<Value> {
        let types = self.issue_types.iter().filter_map(|name| self.issue_type(name));
        types
            .map(|(id, name)| {
                json!({"self": format!("{base}/rest/api/3/issuetype/{id}"), "id": id, "name": name, "description": "", "subtask": false})
            })
            .collect()
    }

    fn project(&self, wanted: &str) -> Result<&Project, Refusal> {
        self.projects.iter().find(|project| project.key == wanted || project.id == wanted).ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, format!("No project could be found with key '{wanted}'."))
        })
    }
}

impl JiraConfig {
    /// The project, for one who may create issues in it: both pages of `createmeta` ask for that permission.
    fn may_create(&self, wanted: &str) -> Result<&Project, Refusal> {
        if self.permissions.create { self.project(wanted) } else { self.project("") }
    }
}

pub(super) async fn myself(Shared(jira): Shared<Arc<Jira>>, headers: HeaderMap) -> Answer {
    Ok(json_reply(StatusCode::OK, &jira.config().user_json(&base(&headers))))
}

pub(super) async fn server_info(headers: HeaderMap) -> Answer {
    let base = base(&headers);
    let body = json!({
        "baseUrl": base, "displayUrl": base, "version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud",
        "buildNumber": 100_290, "buildDate": "2025-09-01T00:00:00.000+0000", "serverTime": timestamp(), "scmInfo": "sandbox",
        "serverTitle": "Jira", "serverTimeZone": "Etc/UTC"
    });
    Ok(json_reply(StatusCode::OK, &body))
}

pub(super) async fn project(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let config = jira.config();
    let project = config.project(&key)?;
    let base = base(&headers);
    let body = json!({
        "self": format!("{base}/rest/api/3/project/{}", project.id), "id": project.id, "key": project.key, "name": project.name,
        "projectTypeKey": "software", "simplified": false, "style": "classic", "isPrivate": false,
        "issueTypes": jira.config().issue_types_json(&base), "versions": [], "components": []
    });
    Ok(json_reply(StatusCode::OK, &body))
}

pub(super) async fn create_types(
    Shared(jira): Shared<Arc<Jira>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let (start, size) = page(&query(raw.as_deref(), &["startAt", "maxResults"])?, 50)?;
    jira.config().may_create(&key)?;
    let all = jira.config().issue_types_json(&base(&headers));
    let total = all.len();
    let types: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    Ok(json_reply(
        StatusCode::OK,
        &json!({"issueTypes": types, "maxResults": size, "startAt": start, "total": total}),
    ))
}

pub(super) async fn create_fields(
    Shared(jira): Shared<Arc<Jira>>,
    Path((key, kind)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let (start, size) = page(&query(raw.as_deref(), &["startAt", "maxResults"])?, 50)?;
    let config = jira.config();
    config.may_create(&key)?;
    if config.issue_type(&kind).is_none_or(|(id, _)| id != kind) {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("Issue type with id '{kind}' does not exist."),
        ));
    }
    let all = jira.config().create_fields_json();
    let total = all.len();
    let fields: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    Ok(json_reply(
        StatusCode::OK,
        &json!({"fields": fields, "maxResults": size, "startAt": start, "total": total}),
    ))
}

pub(super) async fn fields(Shared(jira): Shared<Arc<Jira>>) -> Answer {
    let beans: Vec<Value> = jira
        .config()
        .fields_json()
        .into_iter()
        .map(|field| {
            let custom = field["schema"].get("custom").is_some();
            json!({
                "id": field["id"], "key": field["id"], "name": field["name"], "custom": custom, "orderable": true, "navigable": true,
                "searchable": true, "clauseNames": [field["id"]], "schema": field["schema"]
            })
        })
        .collect();
    Ok(json_reply(StatusCode::OK, &json!(beans)))
}
