//! Vault's envelopes and error bodies.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

/// A refused request: `{"errors": […]}` with its status (Vault API, "HTTP API": error response).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

pub(super) type Answer = Result<Response, Refusal>;

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// No token, or one that is not known any more.
    pub(super) fn no_token() -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission denied")
    }

    /// A good token whose policies do not reach that far.
    pub(super) fn no_capability() -> Self {
        Self::new(StatusCode::FORBIDDEN, "1 error occurred:\n\t* permission denied\n\n")
    }

    pub(super) fn sealed() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed")
    }

    pub(super) fn no_route(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no handler for route \"{path}\". route entry not found."))
    }

    pub(super) fn unsupported() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "1 error occurred:\n\t* unsupported operation\n\n")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_reply(self.status, &json!({"errors": [self.message]}))
    }
}

pub(super) fn json_reply(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// The envelope of every successful answer with a body.
pub(super) fn envelope(data: Value, auth: Value, lease: Option<(&str, u64)>) -> Response {
    let (lease_id, lease_duration) = lease.unwrap_or_default();
    json_reply(
        StatusCode::OK,
        &json!({
            "request_id": uuid(), "lease_id": lease_id, "renewable": false, "lease_duration": lease_duration, "data": data,
            "wrap_info": null, "warnings": null, "auth": auth
        }),
    )
}

/// A random identifier in the shape of a UUID.
pub(super) fn uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
