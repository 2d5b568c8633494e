//! Errors and JSON of the Lambda API.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::issued::AuthRefusal;
use crate::strict_body;

/// A refused call: the exception's name, its text, its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
    retry_after: bool,
}

pub(super) type Answer = Result<Response, Refusal>;

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), retry_after: false }
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ResourceConflictException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(super) fn precondition() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        )
    }

    pub(super) fn too_many() -> Self {
        let mut refusal =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate exceeded");
        refusal.retry_after = true;
        refusal
    }
}

impl From<AuthRefusal> for Refusal {
    fn from(refusal: AuthRefusal) -> Self {
        Self::new(StatusCode::FORBIDDEN, refusal.code(), refusal.message())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The service model (2015-03-31) spells the member "Message" for these and "message" for the other exceptions.
        let member = match self.kind {
            "ResourceNotFoundException" | "ServiceException" | "AccessDeniedException" => "Message",
            _ => "message",
        };
        let mut body = Map::new();
        body.insert("Type".to_owned(), json!("User"));
        body.insert(member.to_owned(), json!(self.message));
        if self.retry_after {
            body.insert("Reason".to_owned(), json!("CallerRateLimitExceeded"));
        }
        let mut response = json_reply(self.status, &Value::Object(body));
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(self.kind));
        if self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(super) fn json_reply(status: StatusCode, body: &Value) -> Response {
    let id = format!("{:032x}", fastrand::u128(..));
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (HeaderName::from_static("x-amzn-requestid"), id),
    ];
    (status, headers, body.to_string()).into_response()
}

/// Parses a body; an empty one is an empty object.
pub(super) fn object(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    strict_body::parse_object(bytes, known).map_err(|problem| {
        let message = format!("Could not parse request body into json: {problem}");
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    })
}

/// A text member.
pub(super) fn text(map: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::parameter(format!("{name} must be a string"))),
    }
}

/// A yes-or-no member; absent is no.
pub(super) fn flag(map: &Map<String, Value>, name: &str) -> Result<bool, Refusal> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::parameter(format!("{name} must be true or false"))),
    }
}
