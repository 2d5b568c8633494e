//! From a request to an operation.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use super::body::{own_checksum, received};
use super::reply::{Answer, Refusal, document, escape, ids};
use super::store::{Bucket, BucketPolicy, Object};
use super::{S3, State, list};

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) bucket: &'a str,
    key: &'a str,
    query: &'a [(String, String)],
    headers: &'a HeaderMap,
}

impl Asked<'_> {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether anything but the SDK's own mark is asked for.
    pub(super) fn has_query(&self) -> bool {
        self.query.iter().any(|(name, _)| name != "x-id")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Headers that are kept with an object.
    fn kept(&self) -> BTreeMap<String, String> {
        const KEPT: [&str; 7] = [
            "content-type",
            "cache-control",
            "content-disposition",
            "content-encoding",
            "content-language",
            "expires",
            "x-amz-storage-class",
        ];
        self.headers
            .iter()
            .filter(|(name, _)| KEPT.contains(&name.as_str()) || name.as_str().starts_with("x-amz-meta-"))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            // How the body came over is no property of the object.
            .filter(|(name, value)| name != "content-encoding" || value != "aws-chunked")
            .collect()
    }
}

/// The operations, with the permission that each needs (Service Authorization Reference, "Actions defined by Amazon S3") and
/// the query parameters that it has.
const OPERATIONS: [(&str, &str, &[&str]); 9] = [
    (
        "ListBuckets",
        "ListAllMyBuckets",
        &["max-buckets", "continuation-token", "prefix", "bucket-region", "x-id"],
    ),
    ("PutObject", "PutObject", &["x-id"]),
    ("CopyObject", "PutObject", &["x-id"]),
    ("GetObject", "GetObject", &["versionId", "x-id"]),
    ("HeadObject", "GetObject", &["versionId"]),
    ("HeadBucket", "ListBucket", &[]),
    (
        "ListObjectsV2",
        "ListBucket",
        &[
            "list-type",
            "prefix",
            "delimiter",
            "max-keys",
            "continuation-token",
            "start-after",
            "encoding-type",
            "x-id",
        ],
    ),
    ("DeleteObject", "DeleteObject", &["x-id"]),
    ("DeleteObjects", "DeleteObject", &["delete", "x-id"]),
];

pub(super) fn answer(s3: &S3, parts: &Parts, sent: &Bytes) -> Answer {
    let path = parts.uri.path().trim_start_matches('/');
    let path =
        decoded(path).ok_or_else(|| Refusal::new(400, "InvalidURI", "Couldn't parse the specified URI."))?;
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked { bucket, key, query: &query, headers: &parts.headers };
    let is_copy = parts.headers.contains_key("x-amz-copy-source");
    let operation = match (&parts.method, key.is_empty()) {
        (&Method::PUT, false) if is_copy => "CopyObject",
        (&Method::PUT, false) => "PutObject",
        (&Method::GET, false) => "GetObject",
        (&Method::HEAD, false) => "HeadObject",
        (&Method::GET, true) if bucket.is_empty() => "ListBuckets",
        (&Method::HEAD, true) => "HeadBucket",
        (&Method::GET, true) if asked.query("list-type") == Some("2") => "ListObjectsV2",
        (&Method::DELETE, false) => "DeleteObject",
        (&Method::POST, true) if asked.query("delete").is_some() => "DeleteObjects",
        _ => {
            return Err(Refusal::new(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            ));
        }
    };
    let Some((_, action, known)) = OPERATIONS.into_iter().find(|(name, ..)| *name == operation) else {
        return Err(Refusal::not_implemented(operation));
    };
    for act in s3.arrived(operation) {
        act(s3);
    }
    let caller = s3.issued.authorize(asked.headers, &s3.region, "s3", action)?;
    if let Some((name, _)) = query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(Refusal::not_implemented(name));
    }
    let owner = s3.lock().buckets.get(bucket).and_then(|bucket| bucket.owner.clone());
    let owner = owner.unwrap_or_else(|| s3.account.clone());
    if caller.account != owner
        || asked.header("x-amz-expected-bucket-owner").is_some_and(|expected| expected != owner)
    {
        return Err(Refusal::denied());
    }
    if operation == "ListBuckets" {
        return list::buckets(s3, &asked);
    }
    let body = received(asked.headers, sent)?;
    let mut state = s3.lock();
    if !state.buckets.contains_key(bucket) {
        return Err(Refusal::no_bucket());
    }
    match operation {
        "PutObject" => {
            let checksum = body.checksum.unwrap_or_else(|| own_checksum(&body.bytes));
            put(&mut state, &asked, Object::new(body.bytes, Some(checksum), asked.kept())).map(|object| {
                let mut response =
                    (StatusCode::OK, [ids(), (header::ETAG, object.etag.clone())]).into_response();
                add_checksum(&mut response, &object);
                let encryption = object.headers.get("x-amz-server-side-encryption");
                add(&mut response, "x-amz-server-side-encryption", encryption);
                add(&mut response, "x-amz-version-id", object.version.as_ref());
                response
            })
        }
        "CopyObject" => copy(&mut state, &asked),
        "GetObject" | "HeadObject" => {
            let bucket = bucket_of(&state, &asked)?;
            let object = match asked.query("versionId") {
                Some(version) => bucket.version(key, version),
                None => bucket.object(key).cloned(),
            };
            // Who may not list a bucket is not told what is not in it (GetObject, "Permissions").
            let may_know = s3.issued.allows(&caller.access_key_id, "s3", "ListBucket");
            let object =
                object.ok_or_else(|| if may_know { Refusal::no_key() } else { Refusal::denied() })?;
            get(&object, &asked, operation == "HeadObject")
        }
        "HeadBucket" => Ok((StatusCode::OK, [ids()]).into_response()),
        "ListObjectsV2" => list::page(bucket_of(&state, &asked)?, state.page_keys, &asked),
        "DeleteObject" => delete(&mut state, &asked),
        _ => {
            drop(state);
            let has_checksum = body.checksum.is_some() || asked.header("content-md5").is_some();
            if !has_checksum {
                return Err(Refusal::request(
                    "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
                ));
            }
            list::delete(s3, &asked, &String::from_utf8_lossy(&body.bytes))
        }
    }
}

fn bucket_of<'a>(state: &'a State, asked: &Asked<'_>) -> Result<&'a Bucket, Refusal> {
    state.buckets.get(asked.bucket).ok_or_else(Refusal::no_bucket)
}

/// Writes an object where its conditions hold: looked at and written under one lock.
fn put(state: &mut State, asked: &Asked<'_>, object: Object) -> Result<Object, Refusal> {
    let (none, some) = (asked.header("if-none-match"), asked.header("if-match"));
    if none.is_some_and(|value| value != "*") {
        return Err(Refusal::not_implemented("If-None-Match"));
    }
    if asked.key.len() > 1024 {
        return Err(Refusal::new(400, "KeyTooLongError", "Your key is too long"));
    }
    if (none.is_some() || some.is_some()) && state.conflicts > 0 {
        state.conflicts -= 1;
        return Err(Refusal::conflict());
    }
    let bucket = state.buckets.get_mut(asked.bucket).ok_or_else(Refusal::no_bucket)?;
    if bucket.policy == BucketPolicy::CreateOnly && none.is_none() {
        return Err(Refusal::denied());
    }
    let there = bucket.object(asked.key).map(|object| object.etag.clone());
    match (none, some, there) {
        (Some(_), _, Some(_)) => return Err(Refusal::precondition()),
        (_, Some(_), None) => return Err(Refusal::no_key()),
        (_, Some(wanted), Some(etag)) if wanted.trim_matches('"') != etag.trim_matches('"') => {
            return Err(Refusal::precondition());
        }
        _ => {}
    }
    Ok(bucket.put(asked.key, object))
}

fn copy(state: &mut State, asked: &Asked<'_>) -> Answer {
    let source = asked.header("x-amz-copy-source").unwrap_or_default();
    let (source, version) = match source.split_once("?versionId=") {
        Some((source, version)) => (source, Some(version)),
        None => (source, None),
    };
    let source = decoded(source.trim_start_matches('/')).unwrap_or_default();
    let (bucket, key) = source
        .split_once('/')
        .ok_or_else(|| Refusal::argument("Copy Source must mention the source bucket and key"))?;
    let from = state.buckets.get(bucket).ok_or_else(Refusal::no_bucket)?;
    let from = match version {
        Some(version) => from.version(key, version),
        None => from.object(key).cloned(),
    };
    let from = from.ok_or_else(Refusal::no_key)?;
    if asked
        .header("x-amz-copy-source-if-match")
        .is_some_and(|wanted| wanted.trim_matches('"') != from.etag.trim_matches('"'))
    {
        return Err(Refusal::precondition());
    }
    let headers = match asked.header("x-amz-metadata-directive") {
        Some("REPLACE") => asked.kept(),
        _ => from.headers.clone(),
    };
    let object = put(state, asked, Object::new(from.bytes, from.checksum, headers))?;
    Ok(document("CopyObjectResult", &format!("<ETag>{}</ETag>", escape(&object.etag))))
}

fn delete(state: &mut State, asked: &Asked<'_>) -> Answer {
    let bucket = state.buckets.get_mut(asked.bucket).ok_or_else(Refusal::no_bucket)?;
    if bucket.policy == BucketPolicy::CreateOnly {
        return Err(Refusal::denied());
    }
    if let Some(wanted) = asked.header("if-match") {
        match bucket.object(asked.key) {
            None => return Err(Refusal::no_key()),
            Some(object) if wanted != "*" && wanted.trim_matches('"') != object.etag.trim_matches('"') => {
                return Err(Refusal::precondition());
            }
            Some(_) => {}
        }
    }
    let marker = bucket.remove(asked.key);
    let mut response = (StatusCode::NO_CONTENT, [ids()]).into_response();
    add(&mut response, "x-amz-version-id", marker.as_ref());
    Ok(response)
}

fn get(object: &Object, asked: &Asked<'_>, is_head: bool) -> Answer {
    if asked
        .header("if-match")
        .is_some_and(|wanted| wanted.trim_matches('"') != object.etag.trim_matches('"'))
    {
        return Err(Refusal::precondition());
    }
    let size = object.bytes.len();
    let range = asked.header("range").map(|text| range(text, size)).transpose()?;
    let (status, from, to) = match range {
        Some((from, to)) => (StatusCode::PARTIAL_CONTENT, from, to),
        None => (StatusCode::OK, 0, size),
    };
    let body = if is_head { Bytes::new() } else { object.bytes.slice(from..to) };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut insert = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::from_str(value))
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    };
    for (name, value) in &object.headers {
        insert(name, value);
    }
    insert(ids().0.as_str(), &ids().1);
    insert("etag", &object.etag);
    insert("x-amz-version-id", object.version.as_deref().unwrap_or_default());
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    insert("last-modified", &object.modified.format(format).unwrap_or_default());
    insert("accept-ranges", "bytes");
    insert("content-length", &(to - from).to_string());
    if range.is_some() {
        insert("content-range", &format!("bytes {from}-{}/{size}", to.saturating_sub(1)));
    }
    // The checksum is of the whole object, so it does not come with a part of it.
    if asked.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"))
        && range.is_none()
    {
        add_checksum(&mut response, object);
    }
    Ok(response)
}

/// `bytes=a-b`, `bytes=a-`, or `bytes=-n`: from and to, the latter not included.
fn range(text: &str, size: usize) -> Result<(usize, usize), Refusal> {
    let refused = || Refusal::new(416, "InvalidRange", "The requested range is not satisfiable");
    let (from, to) =
        text.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(refused)?;
    let number = |text: &str| text.parse::<usize>().map_err(|_| refused());
    let (from, to) = match (from, to) {
        ("", last) => (size.saturating_sub(number(last)?), size),
        (from, "") => (number(from)?, size),
        (from, to) => (number(from)?, number(to)?.saturating_add(1).min(size)),
    };
    if from < to && from < size { Ok((from, to)) } else { Err(refused()) }
}

fn add(response: &mut Response, name: &'static str, value: Option<&String>) {
    if let Some(value) = value.and_then(|value| http::HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(http::HeaderName::from_static(name), value);
    }
}

fn add_checksum(response: &mut Response, object: &Object) {
    let Some(checksum) = &object.checksum else { return };
    let headers = response.headers_mut();
    if let Ok(value) = http::HeaderValue::from_str(&checksum.value) {
        headers.insert(http::HeaderName::from_static(checksum.algorithm.header()), value);
    }
    headers.insert(
        http::HeaderName::from_static("x-amz-checksum-type"),
        http::HeaderValue::from_static("FULL_OBJECT"),
    );
}

/// The text behind percent signs; `None` where it is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if let (b'%', [high, low, after @ ..]) = (first, behind) {
            let digits = [*high, *low];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}
