//! The JSON API of Amazon ECR (2015-09-21), over the contents of the ECR registry.
//!
//! Protocol: AWS JSON 1.1, `POST /` with `X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.<Operation>`. Shapes and limits follow the ECR API
//! reference and its service model. Stricter than the real thing: unknown and duplicate keys of a body are refused, and batch answers come in another
//! order than was asked. Signatures are looked at as told in [`crate::issued`].

mod images;
mod input;
mod layers;
mod operations;
mod repositories;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::issued::{AuthRefusal, Identity, Issued};
use crate::registry::{EcrTokens, Registry};

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const MAX_BODY: usize = 8 * 1024 * 1024;

/// How the service is set up.
#[derive(Clone, Debug)]
pub struct EcrConfig {
    /// Requests must be signed for it.
    pub region: String,
    /// Owner of the repositories.
    pub account: String,
    /// Life of a registry password. At AWS: twelve hours.
    pub token_lifetime: Duration,
}

/// The service.
#[derive(Debug)]
pub struct Ecr {
    config: EcrConfig,
    issued: Arc<Issued>,
    tokens: Arc<EcrTokens>,
    registry: Arc<Registry>,
}

/// A refused call.
#[derive(Debug)]
struct Refusal {
    code: &'static str,
    message: String,
}

type Answer = Result<Value, Refusal>;

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }
}

impl From<AuthRefusal> for Refusal {
    fn from(refusal: AuthRefusal) -> Self {
        Self { code: refusal.code(), message: refusal.message() }
    }
}

impl Ecr {
    /// The API of this registry.
    pub fn new(
        config: EcrConfig,
        issued: Arc<Issued>,
        tokens: Arc<EcrTokens>,
        registry: Arc<Registry>,
    ) -> Arc<Self> {
        Arc::new(Self { config, issued, tokens, registry })
    }

    /// `POST /`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(entry).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(Arc::clone(self))
    }

    fn call(&self, method: &Method, headers: &HeaderMap, body: &Bytes) -> Answer {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let operation =
            text(HeaderName::from_static("x-amz-target")).and_then(|target| target.strip_prefix(TARGET));
        let operation = operation.filter(|_| method == Method::POST);
        let operation =
            operation.ok_or_else(|| Refusal::new("UnknownOperationException", "no such operation"))?;
        if text(header::CONTENT_TYPE) != Some(CONTENT_TYPE) {
            return Err(Refusal::new(
                "SerializationException",
                format!("Content-Type must be {CONTENT_TYPE}"),
            ));
        }
        let identity: Identity = self.issued.authorize(headers, &self.config.region, "ecr", operation)?;
        self.operate(operation, &identity, body)
    }
}

async fn entry(State(ecr): State<Arc<Ecr>>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let (status, document, kind) = match ecr.call(&method, &headers, &body) {
        Ok(document) => (StatusCode::OK, document, None),
        // All of this service's exceptions are 400 but for its own failures.
        Err(refusal) => (
            StatusCode::BAD_REQUEST,
            json!({"__type": refusal.code, "message": refusal.message}),
            Some(refusal.code),
        ),
    };
    let id = format!("{:032x}", fastrand::u128(..));
    let headers =
        [(header::CONTENT_TYPE, CONTENT_TYPE.to_owned()), (HeaderName::from_static("x-amzn-requestid"), id)];
    let mut response = (status, headers, document.to_string()).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert("x-amzn-errortype", http::HeaderValue::from_static(kind));
    }
    response
}
