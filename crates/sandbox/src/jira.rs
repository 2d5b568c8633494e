//! Jira Cloud, REST API v3, as far as release tickets need it.
//!
//! Bodies and statuses follow Atlassian's OpenAPI document (Jira Cloud platform REST API v3, September 2025) and the pages it links; texts of
//! errors are those seen on the real service where they are known. Stricter than the real thing: unknown body keys and query parameters, duplicate
//! keys, a transition inside an edit, and ADF nodes that a release tool has no use for are refused. State lives in memory.

mod adf;
mod comments;
mod fields;
mod issues;
mod jql;
mod meta;
mod properties;
mod record;
mod reply;
mod search;
mod site;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_screens;
mod workflow;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, header};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use adf::check_adf;
pub use meta::{CustomField, CustomFieldKind};
pub use record::{Comment, RemoteLink, SearchLag, WriteLimit};
pub use workflow::{Status, StatusCategory, Transition, Workflow};

use crate::strict_body::{BodyKind, body_kind};
use record::{Issue, State};
use reply::Refusal;

const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Number as text.
    pub id: String,
    /// Key, such as `REL`.
    pub key: String,
    /// Name as people see it.
    pub name: String,
}

/// How the site is set up.
#[derive(Clone)]
pub struct JiraConfig {
    /// E-mail address of the one account.
    pub user: String,
    /// Its API token; taken as Basic password, or as Bearer.
    pub token: String,
    /// Default: `REL`, "Releases".
    pub projects: Vec<Project>,
    /// Names; default `Release` and `Task`.
    pub issue_types: Vec<String>,
    /// Default: `customfield_10100`, "Update instructions", a text area.
    pub custom_fields: Vec<CustomField>,
    /// Names that `fixVersions` may use; default none.
    pub versions: Vec<String>,
    /// Default: the release workflow.
    pub workflow: Workflow,
    /// Default: none.
    pub search_lag: SearchLag,
    /// Bounds of writes on one issue, all of which hold. Default: none.
    pub write_limits: Vec<WriteLimit>,
    /// Names that `components` may use; default none.
    pub components: Vec<String>,
    /// Ids of further fields of the system that a create must have, such as `fixVersions`. Default: none.
    pub required: Vec<String>,
    /// Ids of fields of the system that are not on the create screen. Default: none.
    pub off_screen: Vec<String>,
    /// What the account may do. Default: everything.
    pub permissions: Permissions,
}

/// What the account may do. Jira answers 404 where it may not see, and lists no transitions where it may take none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// *Browse Projects*.
    pub browse: bool,
    /// *Create Issues*.
    pub create: bool,
    /// *Transition Issues*.
    pub transition: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { browse: true, create: true, transition: true }
    }
}

impl std::fmt::Debug for JiraConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("JiraConfig")
            .field("user", &self.user)
            .field("projects", &self.projects)
            .finish_non_exhaustive()
    }
}

impl Default for JiraConfig {
    fn default() -> Self {
        Self {
            user: "release-bot@sandbox.test".to_owned(),
            token: "sandbox-jira-token".to_owned(),
            projects: vec![Project {
                id: "10000".to_owned(),
                key: "REL".to_owned(),
                name: "Releases".to_owned(),
            }],
            issue_types: vec!["Release".to_owned(), "Task".to_owned()],
            custom_fields: vec![CustomField::new(
                "customfield_10100",
                "Update instructions",
                CustomFieldKind::TextArea,
            )],
            versions: Vec::new(),
            workflow: Workflow::release(),
            search_lag: SearchLag::None,
            write_limits: Vec::new(),
            components: Vec::new(),
            required: Vec::new(),
            off_screen: Vec::new(),
            permissions: Permissions::default(),
        }
    }
}

/// An issue as tests see it.
#[derive(Clone, Debug)]
pub struct IssueView {
    /// Number as text.
    pub id: String,
    /// Key, such as `REL-1`.
    pub key: String,
    /// Name of the current status.
    pub status: String,
    /// Labels, sorted.
    pub labels: Vec<String>,
    /// All fields as stored, without status.
    pub fields: Map<String, Value>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Entity properties.
    pub properties: BTreeMap<String, Value>,
    /// Remote links.
    pub links: Vec<RemoteLink>,
}

/// The server.
pub struct Jira {
    config: Mutex<Arc<JiraConfig>>,
    state: Mutex<State>,
}

impl Jira {
    /// A site without issues.
    pub fn new(config: JiraConfig) -> Arc<Self> {
        Arc::new(Self { config: Mutex::new(Arc::new(config)), state: Mutex::new(State::default()) })
    }

    /// Sets it up otherwise from now on, as when somebody changes the workflow under a ticket.
    pub fn configure(&self, change: impl FnOnce(&mut JiraConfig)) {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut config));
    }

    /// How it is set up now.
    fn config(&self) -> Arc<JiraConfig> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All routes under `/rest/api/3`.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        let api = axum::Router::new()
            .route("/issue", post(issues::create))
            .route("/issue/{key}", get(issues::read).put(issues::edit))
            .route("/issue/{key}/transitions", get(issues::transitions).post(issues::transition))
            .route("/issue/{key}/comment", get(comments::list).post(comments::create))
            .route("/issue/{key}/comment/{id}", get(comments::read).put(comments::edit))
            .route("/issue/{key}/properties", get(properties::issue_keys))
            .route(
                "/issue/{key}/properties/{name}",
                get(properties::issue_get).put(properties::issue_put).delete(properties::issue_delete),
            )
            .route("/issue/{key}/remotelink", get(properties::links).post(properties::put_link))
            .route("/issue/createmeta/{project}/issuetypes", get(site::create_types))
            .route("/issue/createmeta/{project}/issuetypes/{id}", get(site::create_fields))
            .route("/comment/list", post(comments::by_ids))
            .route("/comment/{id}/properties", get(properties::comment_keys))
            .route(
                "/comment/{id}/properties/{name}",
                get(properties::comment_get).put(properties::comment_put).delete(properties::comment_delete),
            )
            .route("/search/jql", get(search::get).post(search::post))
            .route("/search", get(issues::old_search).post(issues::old_search))
            .route("/myself", get(site::myself))
            .route("/serverInfo", get(site::server_info))
            .route("/project/{key}", get(site::project))
            .route("/field", get(site::fields))
            .with_state(Arc::clone(self));
        axum::Router::new()
            .nest("/rest/api/3", api)
            .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "null for uri") })
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(from_fn_with_state(Arc::clone(self), guard))
    }

    /// All issues, oldest first.
    pub fn issues(&self) -> Vec<IssueView> {
        self.lock().issues.iter().map(view).collect()
    }

    /// One issue by key.
    pub fn issue(&self, key: &str) -> Option<IssueView> {
        self.lock().find(key).map(view)
    }

    /// Puts an issue into a status as if somebody had clicked, whatever the workflow says. False when issue or status is unknown.
    pub fn move_by_hand(&self, key: &str, status: &str) -> bool {
        let mut state = self.lock();
        let searches = state.searches;
        let config = self.config();
        match (state.find_mut(key), config.workflow.status(status)) {
            (Some(issue), Some(status)) => {
                let fields = issue.current().fields.clone();
                issue.write(searches, fields, status.name.clone());
                true
            }
            _ => false,
        }
    }

    /// How many searches were answered.
    pub fn searches(&self) -> u64 {
        self.lock().searches
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds an issue to write to and counts the write.
    fn writable<'a>(&self, state: &'a mut State, key: &str) -> Result<&'a mut Issue, Refusal> {
        let issue = self.seen(state.find_mut(key))?;
        issue.admit_write(&self.config().write_limits, Instant::now()).map_err(Refusal::too_many_writes)?;
        Ok(issue)
    }

    /// The issue, where the account may see it.
    fn seen<T>(&self, issue: Option<T>) -> Result<T, Refusal> {
        issue.filter(|_| self.config().permissions.browse).ok_or_else(Refusal::no_issue)
    }

    fn knows(&self, authorization: Option<&str>) -> bool {
        let config = self.config();
        match authorization.and_then(|text| text.split_once(' ')) {
            Some(("Basic", encoded)) => STANDARD
                .decode(encoded)
                .is_ok_and(|bytes| bytes == format!("{}:{}", config.user, config.token).as_bytes()),
            Some(("Bearer", token)) => token == config.token,
            _ => false,
        }
    }
}

impl WriteLimit {
    /// Atlassian's two bounds: 20 writes in 2 s, and 100 in 30 s.
    pub fn documented() -> Vec<Self> {
        let limit = |count, seconds| Self { count, window: Duration::from_secs(seconds) };
        vec![limit(20, 2), limit(100, 30)]
    }
}

fn view(issue: &Issue) -> IssueView {
    let current = issue.current();
    let labels =
        current.fields.get("labels").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    IssueView {
        id: issue.id.to_string(),
        key: issue.key.clone(),
        status: current.status.clone(),
        labels: labels.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        fields: current.fields.clone(),
        comments: issue.comments.clone(),
        properties: issue.properties.clone(),
        links: issue.links.clone(),
    }
}

/// Credentials first, then the type of the body: 401 and 415 as the API's pages say.
async fn guard(Shared(jira): Shared<Arc<Jira>>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !jira.knows(authorization) {
        let refusal =
            Refusal::new(StatusCode::UNAUTHORIZED, "Client must be authenticated to access this resource.");
        return ([(header::WWW_AUTHENTICATE, "OAuth realm=\"http%3A%2F%2Fsandbox\"")], refusal)
            .into_response();
    }
    let writes = matches!(*request.method(), Method::POST | Method::PUT);
    if writes && body_kind(request.headers()) != BodyKind::Json {
        return Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
            .into_response();
    }
    next.run(request).await
}
