//! GitLab: variables of projects and groups.
//!
//! Bodies follow the pages "Project-level CI/CD variables API" and "Group-level CI/CD variables API" and the model `Ci::Variable`.
//! Stricter than the real thing: an attribute that the API does not have is refused (GitLab passes over it), and so is a body that is
//! no JSON, and a request for one variable without `filter[environment_scope]`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::strict_body;

/// How the server is set up. May be changed while it runs ([`GitLab::configure`]).
#[derive(Clone, Debug)]
pub struct GitLabConfig {
    /// Whether variables can be hidden (GitLab 17.4). Where not, the attribute is passed over, as the real one does.
    pub hides: bool,
    /// Whether the attribute of hidden variables is refused where it is not known.
    pub refuses_hidden: bool,
    /// Whether variables of groups have a scope (Premium). Where not, it is `*` whatever is asked for.
    pub scoped_groups: bool,
    /// Whether the token may only read.
    pub reads_only: bool,
    /// Attributes that the version does not have, such as `description` before 16.2.
    pub lacks: Vec<&'static str>,
}

impl Default for GitLabConfig {
    fn default() -> Self {
        Self { hides: true, refuses_hidden: false, scoped_groups: true, reads_only: false, lacks: Vec::new() }
    }
}

/// A variable as the server keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// Whether logs do not show it.
    pub masked: bool,
    /// Whether nobody sees it any more.
    pub hidden: bool,
    /// Whether protected refs alone have it.
    pub protected: bool,
    /// Whether `$` in it stays as it is.
    pub raw: bool,
    /// What it is for.
    pub description: Option<String>,
}

/// Owner (`projects/574`), key and scope.
type Place = (String, String, String);

#[derive(Debug, Default)]
struct State {
    config: GitLabConfig,
    variables: BTreeMap<Place, Variable>,
}

/// The service, with the project `574`, which is also `acme/shop`, and the group `acme`.
#[derive(Debug)]
pub struct GitLab {
    token: String,
    state: Mutex<State>,
}

struct Refusal(StatusCode, Value);

type Answer = Result<Response, Refusal>;

fn refused(status: StatusCode, message: Value) -> Refusal {
    Refusal(status, json!({"message": message}))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, axum::Json(self.1)).into_response()
    }
}

impl GitLab {
    /// One that takes this token.
    pub fn new(token: &str) -> Arc<Self> {
        Arc::new(Self { token: token.to_owned(), state: Mutex::default() })
    }

    /// All routes.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        axum::Router::new()
            .route("/api/v4/{kind}/{id}/variables", post(create))
            .route("/api/v4/{kind}/{id}/variables/{key}", get(one).put(one).delete(one))
            .with_state(Arc::clone(self))
    }

    /// Changes the setup.
    pub fn configure(&self, change: impl FnOnce(&mut GitLabConfig)) {
        change(&mut self.lock().config);
    }

    /// Puts a variable there, as a person does.
    pub fn put(&self, owner: &str, key: &str, scope: &str, variable: Variable) {
        self.lock().variables.insert((owner.to_owned(), key.to_owned(), scope.to_owned()), variable);
    }

    /// The variables of an owner (`projects/574`, `groups/acme`) in a scope, by key.
    pub fn variables(&self, owner: &str, scope: &str) -> BTreeMap<String, Variable> {
        let of = |(place, variable): (&Place, &Variable)| {
            (place.0 == owner && place.2 == scope).then(|| (place.1.clone(), variable.clone()))
        };
        self.lock().variables.iter().filter_map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owner(&self, headers: &HeaderMap, kind: &str, id: &str, writes: bool) -> Result<String, Refusal> {
        let given = headers.get("private-token").and_then(|value| value.to_str().ok());
        if given != Some(self.token.as_str()) {
            return Err(refused(StatusCode::UNAUTHORIZED, json!("401 Unauthorized")));
        }
        let owner = match (kind, id) {
            ("projects", "574" | "acme/shop") => "projects/574",
            ("groups", "acme" | "12") => "groups/acme",
            ("projects", _) => return Err(refused(StatusCode::NOT_FOUND, json!("404 Project Not Found"))),
            _ => return Err(refused(StatusCode::NOT_FOUND, json!("404 Group Not Found"))),
        };
        if writes && self.lock().config.reads_only {
            return Err(refused(StatusCode::FORBIDDEN, json!("403 Forbidden")));
        }
        Ok(owner.to_owned())
    }
}

async fn create(
    Shared(gitlab): Shared<Arc<GitLab>>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    make(&gitlab, &headers, &kind, &id, &bytes).unwrap_or_else(IntoResponse::into_response)
}

fn make(gitlab: &GitLab, headers: &HeaderMap, kind: &str, id: &str, bytes: &[u8]) -> Answer {
    let owner = gitlab.owner(headers, kind, id, true)?;
    let known = [
        "key",
        "value",
        "variable_type",
        "protected",
        "masked",
        "masked_and_hidden",
        "raw",
        "environment_scope",
        "description",
    ];
    let mut state = gitlab.lock();
    let body = attributes(bytes, &known)?;
    let hides = state.config.hides;
    if body.contains_key("masked_and_hidden") && state.config.refuses_hidden {
        return Err(Refusal(StatusCode::BAD_REQUEST, json!({"error": "masked_and_hidden is invalid"})));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let missing =
        |name: &str| Refusal(StatusCode::BAD_REQUEST, json!({"error": format!("{name} is missing")}));
    let key = text("key").ok_or_else(|| missing("key"))?;
    let value = text("value").ok_or_else(|| missing("value"))?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if key.is_empty() || key.len() > 255 || !key.bytes().all(is_name) {
        let said = "can contain only letters, digits and '_'.";
        return Err(refused(StatusCode::BAD_REQUEST, json!({"key": [said]})));
    }
    let is_on = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or_default();
    let variable = Variable {
        value: value.to_owned(),
        hidden: hides && is_on("masked_and_hidden"),
        masked: is_on("masked") || hides && is_on("masked_and_hidden"),
        protected: is_on("protected"),
        raw: is_on("raw"),
        description: text("description").map(str::to_owned),
    };
    maskable(&variable)?;
    let scope = text("environment_scope").unwrap_or("*");
    let scope = if kind == "groups" && !state.config.scoped_groups { "*" } else { scope };
    let place = (owner, key.to_owned(), scope.to_owned());
    if state.variables.contains_key(&place) {
        let said = format!("({key}) has already been taken");
        return Err(refused(StatusCode::BAD_REQUEST, json!({"key": [said]})));
    }
    let shown = shown(&place, &variable, &state.config);
    state.variables.insert(place, variable);
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

async fn one(
    Shared(gitlab): Shared<Arc<GitLab>>,
    Path((kind, id, key)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let found = gitlab.owner(&headers, &kind, &id, method != Method::GET).and_then(|owner| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let scope = match (pairs.next(), pairs.next()) {
            (Some((name, scope)), None) if name == "filter[environment_scope]" => scope.into_owned(),
            _ => {
                let said = "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'";
                return Err(refused(StatusCode::CONFLICT, json!(said)));
            }
        };
        act(&gitlab, (owner, key, scope), &method, &bytes)
    });
    found.unwrap_or_else(IntoResponse::into_response)
}

fn act(gitlab: &GitLab, place: Place, method: &Method, bytes: &[u8]) -> Answer {
    let mut state = gitlab.lock();
    let State { config, variables } = &mut *state;
    let absent = || refused(StatusCode::NOT_FOUND, json!("404 Variable Not Found"));
    let old = variables.get(&place).ok_or_else(absent)?;
    if *method == Method::GET {
        return Ok(axum::Json(shown(&place, old, config)).into_response());
    }
    if *method == Method::DELETE {
        variables.remove(&place);
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let known = ["value", "variable_type", "protected", "masked", "raw", "environment_scope", "description"];
    let body = attributes(bytes, &known)?;
    let is_on = |name: &str, old: bool| body.get(name).and_then(Value::as_bool).unwrap_or(old);
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let new = Variable {
        value: text("value").unwrap_or_else(|| old.value.clone()),
        masked: is_on("masked", old.masked),
        hidden: old.hidden,
        protected: is_on("protected", old.protected),
        raw: is_on("raw", old.raw),
        description: text("description").or_else(|| old.description.clone()),
    };
    if new.hidden && !new.masked {
        let said = "The visibility setting cannot be changed for masked and hidden variables.";
        return Err(refused(StatusCode::BAD_REQUEST, json!({"base": [said]})));
    }
    maskable(&new)?;
    let shown = shown(&place, &new, config);
    variables.insert(place, new);
    Ok(axum::Json(shown).into_response())
}

fn attributes(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    strict_body::parse_object(bytes, known)
        .map_err(|problem| Refusal(StatusCode::BAD_REQUEST, json!({"error": problem})))
}

/// One line of eight characters or more, without spaces (GitLab docs, "Mask a CI/CD variable").
fn maskable(variable: &Variable) -> Result<(), Refusal> {
    let fits = variable.value.len() >= 8 && variable.value.bytes().all(|byte| byte.is_ascii_graphic());
    if variable.masked && !fits {
        return Err(refused(StatusCode::BAD_REQUEST, json!({"value": ["is invalid"]})));
    }
    Ok(())
}

fn shown(place: &Place, variable: &Variable, config: &GitLabConfig) -> Value {
    let value = if variable.hidden { Value::Null } else { json!(variable.value) };
    let mut shown = json!({
        "variable_type": "env_var", "key": place.1, "value": value, "protected": variable.protected,
        "masked": variable.masked, "raw": variable.raw, "environment_scope": place.2,
        "description": variable.description,
    });
    if let Some(members) = shown.as_object_mut() {
        if config.hides {
            members.insert("hidden".to_owned(), json!(variable.hidden));
        }
        for name in &config.lacks {
            members.remove(*name);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::{GitLab, Variable};
    use crate::test_call::{Answer, call};

    const TOKEN: [(&str, &str); 2] = [("private-token", "t"), ("content-type", "application/json")];
    const AT: &str = "/api/v4/projects/574/variables";

    async fn ask(gitlab: &std::sync::Arc<GitLab>, method: &str, path: &str, body: &str) -> Answer {
        call(&gitlab.router(), method, path, &TOKEN, body).await
    }

    #[tokio::test]
    async fn variables_are_made_once_and_found_by_their_scope() {
        let gitlab = GitLab::new("t");
        let body = r#"{"key":"K","value":"12345678","masked":true,"masked_and_hidden":true,"environment_scope":"stg"}"#;
        let made = ask(&gitlab, "POST", AT, body).await;
        assert_eq!((made.status, &made.json()["value"]), (StatusCode::CREATED, &serde_json::Value::Null));
        let again = ask(&gitlab, "POST", AT, body).await;
        assert_eq!(again.text, r#"{"message":{"key":["(K) has already been taken"]}}"#);
        let one = format!("{AT}/K?filter[environment_scope]=stg");
        assert_eq!(ask(&gitlab, "PUT", &one, r#"{"value":"87654321"}"#).await.status, StatusCode::OK);
        let variable = gitlab.variables("projects/574", "stg").remove("K").expect("it is there");
        assert!(variable.hidden && variable.value == "87654321", "{variable:?}");
        for (path, status) in [
            (format!("{AT}/K"), 409),
            (format!("{AT}/K?filter[environment_scope]=prod"), 404),
            ("/api/v4/projects/9/variables/K?filter[environment_scope]=stg".to_owned(), 404),
        ] {
            assert_eq!(ask(&gitlab, "GET", &path, "").await.status.as_u16(), status, "{path}");
        }
        let by_path = "/api/v4/projects/acme%2Fshop/variables/K?filter[environment_scope]=stg";
        assert_eq!(ask(&gitlab, "DELETE", by_path, "").await.status, StatusCode::NO_CONTENT);
        assert!(gitlab.variables("projects/574", "stg").is_empty());
    }

    #[tokio::test]
    async fn bad_requests_get_their_bodies() {
        let gitlab = GitLab::new("t");
        for (body, said) in [
            (r#"{"value":"v"}"#, r#"{"error":"key is missing"}"#),
            (r#"{"key":"K","value":"short","masked":true}"#, r#"{"message":{"value":["is invalid"]}}"#),
        ] {
            let answer = ask(&gitlab, "POST", AT, body).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (400, said));
        }
        assert_eq!(ask(&gitlab, "POST", AT, r#"{"key":"K","value":"v","odd":1}"#).await.status.as_u16(), 400);
        let unknown = call(&gitlab.router(), "POST", AT, &[("private-token", "x")], "{}").await;
        assert_eq!(unknown.text, r#"{"message":"401 Unauthorized"}"#);
        let hidden = Variable {
            value: "12345678".to_owned(),
            masked: true,
            hidden: true,
            protected: false,
            raw: true,
            description: None,
        };
        gitlab.put("projects/574", "K", "*", hidden);
        let one = format!("{AT}/K?filter[environment_scope]=*");
        assert_eq!(ask(&gitlab, "PUT", &one, r#"{"masked":false}"#).await.status.as_u16(), 400);
    }
}
