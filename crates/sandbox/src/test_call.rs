//! Calls into a router without a socket, for the unit tests of the services.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::issued::IssuedKeys;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON; `Null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header as text, empty when missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends one request.
pub(crate) async fn call(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("the test makes a valid request");
    let response = router.clone().oneshot(request).await.expect("a router never fails");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1024 * 1024).await.expect("the answer fits");
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Headers in the shape of a SigV4 signature by these temporary keys.
pub(crate) fn signed(keys: &IssuedKeys, region: &str, service: &str) -> Vec<(&'static str, String)> {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = time::OffsetDateTime::now_utc().format(format).expect("a time can be written");
    let (day, key) = (&date[..8], &keys.access_key_id);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={key}/{day}/{region}/{service}/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={}",
        "0".repeat(64)
    );
    vec![
        ("authorization", authorization),
        ("x-amz-date", date.clone()),
        ("x-amz-security-token", keys.session_token.clone().unwrap_or_default()),
    ]
}
