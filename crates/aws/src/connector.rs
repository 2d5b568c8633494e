//! The connector of one service: it speaks to one origin and to no other.

use std::sync::Arc;

use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::BytesMut;
use landfall_secret::Origin;

use crate::AwsConfig;

/// The longest answer that is read: the services that we ask answer with documents.
const LONGEST_ANSWER_BYTES: usize = 8 << 20;

/// Refuses requests to any origin but its own before a connection is made, and bounds what is read.
#[derive(Clone, Debug)]
pub(crate) struct GuardedConnector {
    origin: Origin,
    inner: SharedHttpConnector,
    config: Arc<AwsConfig>,
}

/// Which keys a request was signed with, told with its answer: the keys may have been renewed meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct SignedWith {
    pub(crate) config: Arc<AwsConfig>,
    pub(crate) access_key_id: String,
}

/// A request to an origin that is not the service's endpoint. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("the request is for {asked}, and the service's endpoint is {endpoint}")]
pub(crate) struct ForeignOrigin {
    pub(crate) asked: String,
    pub(crate) endpoint: Origin,
}

/// No connection came about. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {endpoint}")]
pub(crate) struct NotConnected {
    pub(crate) endpoint: Origin,
    #[source]
    pub(crate) cause: Box<dyn std::error::Error + Send + Sync>,
}

/// An answer longer than any that the service gives.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {LONGEST_ANSWER_BYTES} bytes")]
pub(crate) struct LongAnswer;

impl GuardedConnector {
    pub(crate) fn new(origin: Origin, inner: SharedHttpConnector, config: AwsConfig) -> Self {
        Self { origin, inner, config: Arc::new(config) }
    }

    fn signed_with(&self, request: &HttpRequest) -> Option<SignedWith> {
        // AWS4-HMAC-SHA256 Credential=<id>/<date>/<region>/<service>/aws4_request, ... (Signature Version 4).
        let signature = request.headers().get("authorization")?;
        let (_, scope) = signature.split_once("Credential=")?;
        let (id, _) = scope.split_once('/')?;
        Some(SignedWith { config: Arc::clone(&self.config), access_key_id: id.to_owned() })
    }
}

impl HttpClient for GuardedConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for GuardedConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let endpoint = self.origin.clone();
        let asked = Origin::parse(request.uri());
        if asked.as_ref() != Ok(&endpoint) {
            let asked = asked.map_or_else(|odd| odd.to_string(), |origin| origin.to_string());
            return HttpConnectorFuture::ready(Err(ConnectorError::user(Box::new(ForeignOrigin {
                asked,
                endpoint,
            }))));
        }
        let connection = if let Some(capture) = request.extension::<CaptureSmithyConnection>() {
            capture.clone()
        } else {
            let capture = CaptureSmithyConnection::new();
            request.add_extension(capture.clone());
            capture
        };
        let signed_with = self.signed_with(&request);
        let exchange = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            match exchange.await {
                Ok(mut response) => {
                    if let Some(signed_with) = signed_with {
                        response.add_extension(signed_with);
                    }
                    bounded(response).await
                }
                // Without a connection nothing can have been sent, so that even a write may be made again.
                Err(error) if connection.get().is_none() => {
                    Err(ConnectorError::io(Box::new(NotConnected { endpoint, cause: error.into_source() })))
                }
                Err(error) => Err(error),
            }
        })
    }
}

async fn bounded(mut response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let mut source = ByteStream::new(response.take_body());
    // As much as is told, so that a long answer is not copied again and again while it grows.
    let told = response.headers().get("content-length").and_then(|told| told.parse().ok());
    let mut body = BytesMut::with_capacity(told.unwrap_or(0).min(LONGEST_ANSWER_BYTES));
    while let Some(chunk) = source.next().await {
        let chunk = chunk.map_err(|cause| ConnectorError::io(cause.into()))?;
        if body.len() + chunk.len() > LONGEST_ANSWER_BYTES {
            return Err(ConnectorError::other(Box::new(LongAnswer), None));
        }
        body.extend_from_slice(&chunk);
    }
    *response.body_mut() = SdkBody::from(body.freeze());
    Ok(response)
}
