//! Answers in the shapes of Jira Cloud: JSON beans and `ErrorCollection`.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::strict_body;

/// A refused request: `ErrorCollection` with its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    messages: Vec<String>,
    fields: BTreeMap<String, String>,
    retry_after_seconds: Option<u64>,
}

/// What every handler gives.
pub(super) type Answer = Result<Response, Refusal>;

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, messages: vec![message.into()], fields: BTreeMap::new(), retry_after_seconds: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn fields(fields: BTreeMap<String, String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, messages: Vec::new(), fields, retry_after_seconds: None }
    }

    pub(super) fn no_issue() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Issue does not exist or you do not have permission to see it.")
    }

    /// Too many writes on one issue (developer.atlassian.com, "Rate limiting": `RateLimit-Reason: jira-per-issue-on-write`).
    pub(super) fn too_many_writes(retry_after_seconds: u64) -> Self {
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded.");
        refusal.retry_after_seconds = Some(retry_after_seconds);
        refusal
    }

    /// The same refusal as a nested result (`NestedResponse` of a create).
    pub(super) fn nested(&self) -> Value {
        json!({"status": self.status.as_u16(), "errorCollection": {"errorMessages": self.messages, "errors": self.fields}})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response =
            json_reply(self.status, &json!({"errorMessages": self.messages, "errors": self.fields}));
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
                .headers_mut()
                .insert("ratelimit-reason", http::HeaderValue::from_static("jira-per-issue-on-write"));
        }
        response
    }
}

/// A JSON body with its status.
pub(super) fn json_reply(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json;charset=UTF-8")], body.to_string()).into_response()
}

/// 204 without a body.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Parses a JSON object body.
pub(super) fn object(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    strict_body::parse_object(bytes, known)
        .map_err(|problem| Refusal::bad(format!("Invalid request payload: {problem}")))
}

/// Parses the query string; a parameter that the operation does not have is refused.
pub(super) fn query(raw: Option<&str>, known: &[&str]) -> Result<Vec<(String, String)>, Refusal> {
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
    match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(Refusal::bad(format!("unknown query parameter '{name}'"))),
        None => Ok(pairs),
    }
}

/// The values of one parameter, split at commas.
pub(super) fn listed(pairs: &[(String, String)], name: &str) -> Vec<String> {
    pairs
        .iter()
        .filter(|(key, _)| key == name)
        .flat_map(|(_, value)| {
            value
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The first value of one parameter.
pub(super) fn single<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// `startAt` and `maxResults`.
pub(super) fn page(pairs: &[(String, String)], default_size: usize) -> Result<(usize, usize), Refusal> {
    let number = |name: &str, default: usize| match single(pairs, name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Refusal::bad(format!("'{name}' must be a whole number"))),
    };
    Ok((number("startAt", 0)?, number("maxResults", default_size)?.min(100)))
}

/// The address that `self` links start with, taken from the request.
pub(super) fn base(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("jira.invalid");
    format!("http://{host}")
}
