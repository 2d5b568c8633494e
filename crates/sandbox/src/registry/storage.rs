//! The host that registries redirect blob downloads to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::blobs::ranged;

/// An address that was given out.
struct Signed {
    path: String,
    bytes: Bytes,
    /// Downloads that it is still good for; `None` means any number.
    uses: Option<u64>,
    /// `None` is beyond what a clock can tell.
    until: Option<Instant>,
}

struct Inner {
    signed: BTreeMap<String, Signed>,
    uses: Option<u64>,
    lifetime: Duration,
}

/// Serves bytes to whoever has a presigned address, and refuses every `Authorization` header, as S3 does.
pub struct Storage {
    origin: String,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Storage").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Storage {
    /// A storage host reached at this origin (`http://127.0.0.1:1234`). Its addresses are good for an hour and any number of downloads.
    pub fn new(origin: &str) -> Arc<Self> {
        let inner = Inner { signed: BTreeMap::new(), uses: None, lifetime: Duration::from_secs(3600) };
        Arc::new(Self { origin: origin.to_owned(), inner: Mutex::new(inner) })
    }

    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(serve).with_state(Arc::clone(self))
    }

    /// Addresses that are given out from now on are good for so many downloads, then 403. A request that asks for a range counts as one.
    pub fn set_uses(&self, uses: Option<u64>) {
        self.lock().uses = uses;
    }

    /// Addresses that are given out from now on are good for so long, then 403. The address says whole seconds.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.lock().lifetime = lifetime;
    }

    /// Makes every address that was given out worthless.
    pub fn expire_all(&self) {
        self.lock().signed.clear();
    }

    /// An address for these bytes. `origin` replaces the storage's own.
    pub(super) fn presign(&self, digest: &str, bytes: &Bytes, origin: Option<&str>) -> String {
        let mut inner = self.lock();
        let nonce = format!("{:032x}", fastrand::u128(..));
        let path = format!("/layers/{digest}");
        let (uses, lifetime) = (inner.uses, inner.lifetime);
        let signed = Signed {
            path: path.clone(),
            bytes: bytes.clone(),
            uses,
            until: Instant::now().checked_add(lifetime),
        };
        inner.signed.insert(nonce.clone(), signed);
        let (origin, seconds) = (origin.unwrap_or(&self.origin), lifetime.as_secs());
        format!(
            "{origin}{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires={seconds}&X-Amz-Signature={nonce}"
        )
    }

    /// The bytes behind an address, if it is still good; this uses it once.
    fn take(&self, path: &str, nonce: &str) -> Option<Bytes> {
        let mut inner = self.lock();
        let signed = inner.signed.get_mut(nonce)?;
        if signed.path != path || signed.until.is_some_and(|until| until <= Instant::now()) {
            return None;
        }
        if let Some(uses) = &mut signed.uses {
            *uses = uses.checked_sub(1)?;
        }
        Some(signed.bytes.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
        // The method is part of what was signed.
        let text = "The request signature we calculated does not match the signature you provided";
        return error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", text);
    }
    let query = uri.query().unwrap_or_default();
    let nonce = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Signature=")).unwrap_or_default();
    match storage.take(uri.path(), nonce) {
        Some(bytes) => ranged(bytes, &headers),
        None => error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"),
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
