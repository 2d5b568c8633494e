//! A small registry on loopback that can misbehave, and images for it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{Digest, Reference};
use landfall_registry::{CopyRequest, Login, Registries, Registry, RegistryOptions};
use landfall_run::{MemoryJournal, RetryPolicy, Run};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use serde_json::{Value, json};

pub(crate) const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
}

/// What the server holds and how it misbehaves.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) blobs: BTreeMap<(String, Digest), Bytes>,
    pub(crate) manifests: BTreeMap<(String, String), (String, Bytes)>,
    pub(crate) uploads: u64,
    pub(crate) seen: Vec<Seen>,
    /// The challenge, and the `Authorization` values that are taken instead.
    pub(crate) challenge: Option<String>,
    pub(crate) accepted: Vec<String>,
    /// Tokens given so far.
    pub(crate) tokens: u64,
    /// A blob that breaks off half-way so many times.
    pub(crate) cuts: BTreeMap<Digest, u32>,
    pub(crate) flipped: BTreeSet<Digest>,
    pub(crate) no_ranges: bool,
    pub(crate) redirect_to: Option<String>,
    pub(crate) upload_at: Option<String>,
    pub(crate) digest_header: Option<String>,
    pub(crate) refuse_put: Option<StatusCode>,
    /// The next so many manifests are stored, and the answers are lost.
    pub(crate) lost_answers: u32,
    pub(crate) immutable: bool,
    pub(crate) head_lies: bool,
    pub(crate) mounts: bool,
    /// Mounting is answered with this instead.
    pub(crate) refuse_mount: Option<StatusCode>,
    /// Blobs are thrown away and their upload is not answered.
    pub(crate) lose_uploads: bool,
    /// The next so many looks at a blob give damaged bytes.
    pub(crate) damages: BTreeMap<Digest, u32>,
    /// What is read of a blob's upload, in bytes, until the server reads no more.
    pub(crate) takes: Option<usize>,
    /// What the PUT of a manifest is answered with after it was stored.
    pub(crate) odd_answer: Option<(StatusCode, String)>,
    pub(crate) strict_repositories: Option<BTreeSet<String>>,
    /// Every answer of this server, whatever is asked.
    pub(crate) always: Option<StatusCode>,
    /// A pause between the first and the second half of every blob.
    pub(crate) slow: Option<Duration>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    contents: Arc<Mutex<Contents>>,
}

type Shared = Arc<Mutex<Contents>>;

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    pub(crate) async fn start_at(ip: &str) -> Self {
        let listener = tokio::net::TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let contents = Shared::default();
        let router = axum::Router::new().fallback(handle).with_state(Arc::clone(&contents));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, contents }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("no test panics while it holds the lock")
    }

    pub(crate) fn registry(&self) -> Registry {
        self.registry_with(None, RegistryOptions::default())
    }

    pub(crate) fn registry_with(&self, login: Option<Login>, options: RegistryOptions) -> Registry {
        Registry::new(&http(), &self.host(), login, options).expect("a registry")
    }

    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        let seen = &self.contents().seen;
        seen.iter().filter(|one| one.method == method && one.path.contains(part)).count()
    }

    pub(crate) fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        let contents = self.contents();
        contents.manifests.get(&(repository.to_owned(), tag.to_owned())).map(|found| Digest::of(&found.1))
    }

    /// Stores an image and tags it.
    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) -> Digest {
        let mut contents = self.contents();
        for blob in &image.blobs {
            contents.blobs.insert((repository.to_owned(), Digest::of(blob)), blob.clone());
        }
        store(&mut contents, repository, tag, &image.media_type, &image.manifest)
    }
}

pub(crate) struct Image {
    pub(crate) blobs: Vec<Bytes>,
    pub(crate) media_type: String,
    pub(crate) manifest: Bytes,
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()})
}

impl Image {
    pub(crate) fn new(layers: &[Bytes]) -> Self {
        Self::of("amd64", GZIP, layers)
    }

    pub(crate) fn of(architecture: &str, layer_type: &str, layers: &[Bytes]) -> Self {
        let config =
            Bytes::from(json!({"os": "linux", "architecture": architecture, "n": layers.len()}).to_string());
        let parts: Vec<Value> = layers.iter().map(|layer| descriptor(layer_type, layer)).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI, "config": descriptor(CONFIG, &config), "layers": parts});
        let mut blobs = layers.to_vec();
        blobs.push(config);
        Self { blobs, media_type: OCI.to_owned(), manifest: Bytes::from(manifest.to_string()) }
    }
}

/// Bytes that differ from those of another seed.
pub(crate) fn layer(seed: u64, size: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(size).collect()
}

pub(crate) fn http() -> Http {
    let config = HttpConfig { idle_timeout: Duration::from_secs(20), ..HttpConfig::default() };
    Http::new(config).expect("a client")
}

pub(crate) fn run() -> Run {
    run_with(Arc::default())
}

pub(crate) fn run_with(journal: Arc<MemoryJournal>) -> Run {
    let quick = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    Run::builder().retry_policy(quick).journal(journal).build()
}

pub(crate) fn login() -> Login {
    Login::basic("bot", Secret::new("canary-password"))
}

/// `Authorization` as the login makes it.
pub(crate) const BASIC: &str = "Basic Ym90OmNhbmFyeS1wYXNzd29yZA==";

pub(crate) fn request(source: &Server, from: &str, target: &Server, to: &str) -> CopyRequest {
    let reference = |server: &Server, rest: &str| -> Reference {
        format!("{}/{rest}", server.host()).parse().expect("a reference")
    };
    CopyRequest {
        project: Some("orderService".parse().expect("a name")),
        version: Some("1.4.2".to_owned()),
        environment: Some("stg_eu00".parse().expect("a name")),
        ..CopyRequest::new(reference(source, from), reference(target, to))
    }
}

pub(crate) fn registries(servers: &[&Server]) -> Registries {
    servers.iter().map(|server| server.registry()).collect()
}

async fn handle(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let text =
        |name: header::HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        authorization: text(header::AUTHORIZATION),
        range: text(header::RANGE),
    };
    shared.lock().expect("unpoisoned").seen.push(seen.clone());
    let takes = shared.lock().expect("unpoisoned").takes.filter(|_| seen.method == "PUT");
    if let Some(takes) = takes.filter(|_| seen.path.contains("/blobs/uploads/")) {
        let mut arrived = body.into_data_stream();
        let mut read = 0;
        while read < takes {
            read += arrived.next().await.and_then(Result::ok).map_or(takes, |bytes| bytes.len());
        }
        shared.lock().expect("unpoisoned").takes = Some(0);
        return std::future::pending().await;
    }
    // An upload that breaks off stores nothing.
    let Ok(body) = axum::body::to_bytes(body, 64 << 20).await else {
        return refusal(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID");
    };
    let mut contents = shared.lock().expect("unpoisoned");
    if let Some(status) = contents.always {
        let challenge = (header::WWW_AUTHENTICATE, "Basic realm=\"give me your login\"".to_owned());
        return (status, [challenge]).into_response();
    }
    if head.uri.path() == "/token" {
        contents.tokens += 1;
        let token = format!("canary-token-{}", contents.tokens);
        contents.accepted.push(format!("Bearer {token}"));
        return axum::Json(json!({"token": token, "expires_in": 300})).into_response();
    }
    let allowed = seen.authorization.as_ref().is_some_and(|given| contents.accepted.contains(given));
    if let (Some(challenge), false) = (contents.challenge.clone(), allowed) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    let query: BTreeMap<String, String> = head
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/")))
        .collect();
    let path = head.uri.path().to_owned();
    let rest = path.strip_prefix("/v2/").unwrap_or(&path);
    if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
        let known = contents.strict_repositories.as_ref().is_none_or(|all| all.contains(repository));
        if !known {
            return refusal(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
        }
        return manifests(
            &mut contents,
            &head.method,
            repository,
            reference,
            text(header::CONTENT_TYPE),
            body,
        );
    }
    if let Some((repository, session)) = rest.split_once("/blobs/uploads/") {
        return uploads(&mut contents, &head.method, repository, session, &query, body);
    }
    match rest.split_once("/blobs/") {
        Some((repository, digest)) => {
            blobs(&mut contents, &head.method, repository, digest, seen.range.as_deref())
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn refusal(status: StatusCode, code: &str) -> Response {
    (status, axum::Json(json!({"errors": [{"code": code, "message": code.to_lowercase()}]}))).into_response()
}

fn manifests(
    contents: &mut Contents,
    method: &Method,
    repository: &str,
    reference: &str,
    media_type: Option<String>,
    body: Bytes,
) -> Response {
    let key = (repository.to_owned(), reference.to_owned());
    if method == Method::PUT {
        if contents.immutable && contents.manifests.contains_key(&key) {
            return refusal(StatusCode::BAD_REQUEST, "TAG_INVALID");
        }
        let document: Value = serde_json::from_slice(&body).expect("a manifest");
        let layers = document["layers"].as_array().cloned().unwrap_or_default();
        for child in document["manifests"].as_array().into_iter().flatten() {
            let digest = child["digest"].as_str().expect("a digest").to_owned();
            if !contents.manifests.contains_key(&(repository.to_owned(), digest)) {
                return refusal(StatusCode::BAD_REQUEST, "MANIFEST_UNKNOWN");
            }
        }
        for part in layers.iter().chain(document.get("config")) {
            let digest = part["digest"].as_str().expect("a digest").parse().expect("a digest");
            if !contents.blobs.contains_key(&(repository.to_owned(), digest)) {
                return refusal(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN");
            }
        }
        let digest = store(contents, repository, reference, &media_type.unwrap_or_default(), &body);
        if contents.lost_answers > 0 {
            contents.lost_answers -= 1;
            return cut(StatusCode::CREATED, 0, 100, Bytes::new(), None);
        }
        if let Some(odd) = contents.odd_answer.clone() {
            return odd.into_response();
        }
        return (StatusCode::CREATED, [("docker-content-digest", digest.to_string())]).into_response();
    }
    let Some((media_type, bytes)) = contents.manifests.get(&key).cloned() else {
        return refusal(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
    };
    let digest = contents.digest_header.clone().unwrap_or_else(|| Digest::of(&bytes).to_string());
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::HeaderName::from_static("docker-content-digest"), digest),
    ];
    (headers, bytes).into_response()
}

fn store(
    contents: &mut Contents,
    repository: &str,
    reference: &str,
    media_type: &str,
    bytes: &Bytes,
) -> Digest {
    let digest = Digest::of(bytes);
    for name in [reference.to_owned(), digest.to_string()] {
        contents.manifests.insert((repository.to_owned(), name), (media_type.to_owned(), bytes.clone()));
    }
    digest
}

fn uploads(
    contents: &mut Contents,
    method: &Method,
    repository: &str,
    session: &str,
    query: &BTreeMap<String, String>,
    body: Bytes,
) -> Response {
    let parsed = |name: &str| query.get(name).and_then(|text| text.parse::<Digest>().ok());
    if method == Method::POST {
        if let (Some(status), true) = (contents.refuse_mount, query.contains_key("mount")) {
            let challenge = (header::WWW_AUTHENTICATE, contents.challenge.clone().unwrap_or_default());
            return (status, [challenge]).into_response();
        }
        if let (Some(digest), Some(from), true) = (parsed("mount"), query.get("from"), contents.mounts)
            && let Some(blob) = contents.blobs.get(&(from.clone(), digest)).cloned()
        {
            contents.blobs.insert((repository.to_owned(), digest), blob);
            return StatusCode::CREATED.into_response();
        }
        contents.uploads += 1;
        let path = format!("/v2/{repository}/blobs/uploads/{}?_state=x", contents.uploads);
        let location = format!("{}{path}", contents.upload_at.clone().unwrap_or_default());
        return (StatusCode::ACCEPTED, [(header::LOCATION, location)]).into_response();
    }
    let begun = (format!("{repository} {session}"), Digest::of(session.as_bytes()));
    if method == Method::PATCH {
        contents.blobs.insert(begun, body);
        return StatusCode::CREATED.into_response();
    }
    let whole = match (contents.refuse_put, body.is_empty()) {
        (Some(_), true) => contents.blobs.remove(&begun).unwrap_or_default(),
        (Some(status), false) => return refusal(status, "UNSUPPORTED"),
        (None, _) => body,
    };
    if contents.lose_uploads {
        return cut(StatusCode::CREATED, 0, 100, Bytes::new(), None);
    }
    let digest = parsed("digest").expect("a digest");
    if Digest::of(&whole) != digest {
        return refusal(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
    }
    contents.blobs.insert((repository.to_owned(), digest), whole);
    StatusCode::CREATED.into_response()
}

fn blobs(
    contents: &mut Contents,
    method: &Method,
    repository: &str,
    digest: &str,
    range: Option<&str>,
) -> Response {
    let digest: Digest = digest.parse().expect("a digest");
    let found = contents.blobs.get(&(repository.to_owned(), digest)).cloned();
    if method == Method::HEAD && contents.head_lies {
        return StatusCode::OK.into_response();
    }
    if let (Some(to), true) = (&contents.redirect_to, method == Method::GET) {
        let location = format!("{to}/v2/{repository}/blobs/{digest}?signature=canary");
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response();
    }
    let Some(mut bytes) = found else { return refusal(StatusCode::NOT_FOUND, "BLOB_UNKNOWN") };
    let damaged = method == Method::GET
        && contents.damages.get_mut(&digest).is_some_and(|left| {
            left.checked_sub(1).is_some_and(|less| {
                *left = less;
                true
            })
        });
    if damaged || contents.flipped.contains(&digest) {
        let mut other = bytes.to_vec();
        let middle = other.len() / 2;
        other[middle] ^= 1;
        bytes = other.into();
    }
    let from = range
        .filter(|_| !contents.no_ranges)
        .and_then(|text| text.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let total = bytes.len();
    let (status, bytes) = match from {
        Some(from) => (StatusCode::PARTIAL_CONTENT, bytes.slice(from..)),
        None => (StatusCode::OK, bytes),
    };
    let start = from.unwrap_or(0);
    if let Some(left) = contents.cuts.get_mut(&digest).filter(|left| **left > 0) {
        *left -= 1;
        let half = bytes.slice(..bytes.len() / 2);
        return ranged(cut(status, start, bytes.len(), half, None), status, start, total);
    }
    match contents.slow {
        Some(pause) => cut(status, start, bytes.len(), bytes, Some(pause)),
        None => ranged((status, bytes).into_response(), status, start, total),
    }
}

fn ranged(mut response: Response, status: StatusCode, from: usize, total: usize) -> Response {
    if status == StatusCode::PARTIAL_CONTENT {
        let value = format!("bytes {from}-{}/{total}", total - 1).parse().expect("a value");
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// An answer that promises so many bytes and breaks off, or, with a pause, sends half of them and then hangs.
fn cut(status: StatusCode, _from: usize, promised: usize, bytes: Bytes, pause: Option<Duration>) -> Response {
    let body = match pause {
        // The pause lets the bytes before it leave: what breaks at once takes them along.
        None => Body::from_stream(stream::unfold(Some(bytes), |state| async move {
            let bytes = state?;
            if bytes.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                return Some((Err(std::io::Error::other("cut")), None));
            }
            Some((Ok(bytes), Some(Bytes::new())))
        })),
        Some(pause) => Body::from_stream(stream::unfold(bytes, move |mut left| async move {
            if left.is_empty() {
                return None;
            }
            let half = left.split_to(left.len().div_ceil(2));
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(half), left))
        })),
    };
    (status, [(header::CONTENT_LENGTH, promised.to_string())], body).into_response()
}
