//! The host that registries redirect blob downloads to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::blobs::ranged;

/// Serves bytes to whoever has a presigned address, and refuses every `Authorization` header, as S3 does.
pub struct Storage {
    origin: String,
    signed: Mutex<BTreeMap<String, (String, Bytes)>>,
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Storage").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Storage {
    /// A storage host reached at this origin (`http://127.0.0.1:1234`).
    pub fn new(origin: &str) -> Arc<Self> {
        Arc::new(Self { origin: origin.to_owned(), signed: Mutex::new(BTreeMap::new()) })
    }

    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(serve).with_state(Arc::clone(self))
    }

    /// Makes every address that was given out worthless.
    pub fn expire_all(&self) {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// An address for these bytes. `origin` replaces the storage's own.
    pub(super) fn presign(&self, digest: &str, bytes: &Bytes, origin: Option<&str>) -> String {
        let nonce = format!("{:032x}", fastrand::u128(..));
        let path = format!("/layers/{digest}");
        self.signed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(nonce.clone(), (path.clone(), bytes.clone()));
        let origin = origin.unwrap_or(&self.origin);
        format!("{origin}{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&X-Amz-Signature={nonce}")
    }
}

async fn serve(
    State(storage): State<Arc<Storage>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        let text = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should be specified";
        return error(StatusCode::BAD_REQUEST, "InvalidArgument", text);
    }
    if method != Method::GET {
        return error(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed",
        );
    }
    let query = uri.query().unwrap_or_default();
    let nonce = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Signature=")).unwrap_or_default();
    let signed = storage.signed.lock().unwrap_or_else(PoisonError::into_inner);
    match signed.get(nonce).filter(|(path, _)| path == uri.path()) {
        Some((_, bytes)) => ranged(bytes.clone(), &headers),
        None => error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"),
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
