//! AWS S3, REST API 2006-03-01, path style: ListBuckets, PutObject, CopyObject, GetObject, HeadObject, HeadBucket, ListObjectsV2, DeleteObject,
//! DeleteObjects; of versioned buckets what these operations tell of versions.
//!
//! Shapes follow the S3 API reference (the pages of these operations, "Error responses") and the S3 User Guide ("Checking object
//! integrity", "Conditional requests"). Stricter than the real thing: query parameters that an operation does not have are refused, the hash
//! of the body must be given as it is signed, and every checksum is computed, Content-MD5 too. Conditional writes are atomic. What an ETag says of the
//! bytes each bucket decides for itself ([`Etags`]).

mod body;
mod call;
mod list;
mod reply;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Method;

use crate::issued::Issued;
pub use body::Algorithm;
use reply::Refusal;
use store::Bucket;
pub use store::{BucketPolicy, Etags, ObjectView};

/// The largest object of a single PUT that is kept here; the real service takes 5 GB.
const MAX_BODY_BYTES: usize = 1024 * 1024 * 1024;

/// The service in one region.
pub struct S3 {
    region: String,
    account: String,
    issued: Arc<Issued>,
    state: Mutex<State>,
}

struct State {
    buckets: BTreeMap<String, Bucket>,
    conflicts: u32,
    page_keys: usize,
    calls: BTreeMap<&'static str, u64>,
    waiting: Vec<Waiting>,
}

type Act = Box<dyn FnOnce(&S3) + Send>;

/// What somebody else does when a call arrives.
struct Waiting {
    operation: &'static str,
    left: u64,
    act: Act,
}

impl S3 {
    /// A service without buckets. Requests must be signed for its region.
    pub fn new(region: &str, account: &str, issued: Arc<Issued>) -> Arc<Self> {
        let state = Mutex::new(State {
            buckets: BTreeMap::new(),
            conflicts: 0,
            page_keys: list::MOST_KEYS,
            calls: BTreeMap::new(),
            waiting: Vec::new(),
        });
        Arc::new(Self { region: region.to_owned(), account: account.to_owned(), issued, state })
    }

    /// All paths: `/<bucket>` and `/<bucket>/<key>`.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        axum::Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Arc::clone(self))
    }

    /// Makes a bucket; one that is there stays as it is.
    pub fn create_bucket(&self, name: &str) {
        self.lock().buckets.entry(name.to_owned()).or_default();
    }

    /// Makes a bucket that belongs to another account: nobody else's requests are answered there.
    pub fn create_bucket_of(&self, account: &str, name: &str) {
        self.lock().buckets.entry(name.to_owned()).or_default().owner = Some(account.to_owned());
    }

    /// What the ETags of a bucket say from now on; objects that are there keep theirs.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn set_etags(&self, bucket: &str, etags: Etags) {
        let mut state = self.lock();
        state.buckets.get_mut(bucket).expect("the test sets up a bucket that it made").etags = etags;
    }

    /// From now on a bucket keeps what is written over or deleted.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn keep_versions(&self, bucket: &str) {
        let mut state = self.lock();
        state.buckets.get_mut(bucket).expect("the test sets up a bucket that it made").is_versioned = true;
    }

    /// Pages of listings have so many keys at most, of which those beyond a thousand must be asked for. The default is the real service's
    /// thousand, which never gives more; some other stores do.
    pub fn set_page_keys(&self, keys: usize) {
        self.lock().page_keys = keys.max(1);
    }

    /// The next so many times that DeleteObjects is to delete a key, it answers 200 with this error for it.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn refuse_deletes(&self, bucket: &str, key: &str, code: &'static str, times: u64) {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(bucket).expect("the test sets up a bucket that it made");
        bucket.undeletable.insert(key.to_owned(), (code, times));
    }

    /// Does something when the n-th call of an operation from now on arrives, before it is answered: what another writer does meanwhile.
    pub fn before_call(&self, operation: &'static str, nth: u64, act: impl FnOnce(&Self) + Send + 'static) {
        let waiting = Waiting { operation, left: nth.max(1), act: Box::new(act) };
        self.lock().waiting.push(waiting);
    }

    /// Counts a call, and gives what is to be done before it is answered.
    fn arrived(&self, operation: &'static str) -> Vec<Act> {
        let mut state = self.lock();
        *state.calls.entry(operation).or_default() += 1;
        let mut due = Vec::new();
        for mut waiting in std::mem::take(&mut state.waiting) {
            waiting.left -= u64::from(waiting.operation == operation);
            if waiting.left == 0 {
                due.push(waiting.act);
            } else {
                state.waiting.push(waiting);
            }
        }
        due
    }

    /// What writes to a bucket are allowed from now on.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn set_policy(&self, bucket: &str, policy: BucketPolicy) {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(bucket);
        bucket.expect("the test sets a policy on a bucket that it made").policy = policy;
    }

    /// The next so many conditional writes are answered by 409 ConditionalRequestConflict, as where two writers meet.
    pub fn answer_conflicts(&self, times: u32) {
        self.lock().conflicts = times;
    }

    /// Puts an object there, without a request and without a checksum of the writer's.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(bucket).expect("the test puts into a bucket that it made");
        bucket.put(key, store::Object::new(bytes.into(), None, BTreeMap::new()));
    }

    /// The same with headers, such as `content-type`.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn put_with(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(bucket).expect("the test puts into a bucket that it made");
        bucket.put(key, store::Object::new(bytes.into(), None, headers));
    }

    /// Takes an object away, as somebody does who may delete; there need not be one.
    pub fn remove(&self, bucket: &str, key: &str) {
        if let Some(bucket) = self.lock().buckets.get_mut(bucket) {
            bucket.remove(key);
        }
    }

    /// An object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<ObjectView> {
        self.lock().buckets.get(bucket)?.object(key).map(store::Object::view)
    }

    /// The keys of a bucket in the order of their bytes.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.lock().buckets.get(bucket).map(Bucket::keys).unwrap_or_default()
    }

    /// Every object with its bucket and key, for tests that look for leaks.
    pub fn objects(&self) -> Vec<(String, String, ObjectView)> {
        let state = self.lock();
        let of = |(name, bucket): (&String, &Bucket)| {
            let keys = bucket.keys().into_iter();
            let views = keys.filter_map(|key| Some((bucket.object(&key)?.view(), key)));
            views.map(|(view, key)| (name.clone(), key, view)).collect::<Vec<_>>()
        };
        state.buckets.iter().flat_map(of).collect()
    }

    /// How often an object of a key was written, over whatever stood there.
    pub fn writes(&self, bucket: &str, key: &str) -> u64 {
        self.lock().buckets.get(bucket).map(|bucket| bucket.writes(key)).unwrap_or_default()
    }

    /// How many calls of an operation arrived, such as `PutObject`, refused ones included.
    pub fn calls(&self, operation: &str) -> u64 {
        self.lock().calls.get(operation).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn handle(Shared(s3): Shared<Arc<S3>>, request: Request) -> Response {
    let is_head = *request.method() == Method::HEAD;
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return Refusal::too_large().into_response();
    };
    let answer = call::answer(&s3, &parts, &bytes);
    let refused = match answer {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    // HEAD has no body, so the error has no code either (HeadObject, "Errors").
    if is_head { refused.without_body() } else { refused.into_response() }
}
