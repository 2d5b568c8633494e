//! A host that nobody should talk to.

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};

/// Answers everything with 200 and a body without meaning; the journal shows who came and what they brought.
pub(crate) fn router() -> Router {
    Router::new().fallback(|_: Request<Body>| async {
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], "{\"foreign\":true}")
    })
}
