//! Where GitHub Actions gives jobs their id tokens (GitHub docs, "OpenID Connect reference"): `GET` with a query `audience` and the
//! bearer token of the job.
//!
//! Stricter than the real thing: the audience must be named, and another query parameter than the two known ones is refused.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{RawQuery, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::vault::id_token;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(crate) const SUBJECT: &str = "repo:acme/shop:ref:refs/heads/main";

/// The service.
#[derive(Debug)]
pub struct ActionsOidc {
    bearer: String,
    given: Mutex<Vec<String>>,
}

impl ActionsOidc {
    /// One that takes this bearer token.
    pub fn new(bearer: &str) -> Arc<Self> {
        Arc::new(Self { bearer: bearer.to_owned(), given: Mutex::default() })
    }

    /// Issuer and subject of the tokens that it signs.
    pub fn identity(&self) -> (&'static str, &'static str) {
        (ISSUER, SUBJECT)
    }

    /// The tokens that it gave out.
    pub fn tokens(&self) -> Vec<String> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All routes.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        axum::Router::new().route("/_apis/pipelines/1/idtoken", get(answer)).with_state(Arc::clone(self))
    }
}

async fn answer(
    Shared(oidc): Shared<Arc<ActionsOidc>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let refused =
        |status: StatusCode, said: &str| (status, axum::Json(json!({"message": said}))).into_response();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given != format!("Bearer {}", oidc.bearer) {
        return refused(StatusCode::UNAUTHORIZED, "The caller is not authorized.");
    }
    let query = query.unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let known = pairs.iter().all(|(name, _)| ["api-version", "audience"].contains(&name.as_str()));
    let (Some("2.0"), Some(audience), true, 2) =
        (value("api-version"), value("audience"), known, pairs.len())
    else {
        return refused(
            StatusCode::BAD_REQUEST,
            "api-version=2.0 and an audience are wanted, and nothing else",
        );
    };
    let ends = time::OffsetDateTime::now_utc().unix_timestamp() + 300;
    let nonce = fastrand::u64(..);
    let token = id_token(&json!({"iss": ISSUER, "sub": SUBJECT, "aud": audience, "exp": ends, "jti": nonce}));
    oidc.given.lock().unwrap_or_else(PoisonError::into_inner).push(token.clone());
    axum::Json(json!({"count": token.len(), "value": token})).into_response()
}
