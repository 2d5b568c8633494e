//! ListObjectsV2 and DeleteObjects.

use axum::response::Response;
use time::format_description::well_known::Rfc3339;

use super::S3;
use super::call::Asked;
use super::reply::{Answer, Refusal, document, escape, unescape};
use super::store::{Bucket, BucketPolicy, Object};

/// Keys of a page and of a deletion at most.
const MOST_KEYS: usize = 1000;

/// The wanted stretch of a bucket's keys in the order of their bytes. Checksums are named there and never given.
pub(super) fn page(bucket: &Bucket, asked: &Asked<'_>) -> Answer {
    let size = match asked.query("max-keys") {
        None => MOST_KEYS,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::argument("Provided max-keys not an integer or within integer range"))?
            .min(MOST_KEYS),
    };
    let prefix = asked.query("prefix").unwrap_or_default();
    let start = match asked.query("continuation-token") {
        None => asked.query("start-after").unwrap_or_default().to_owned(),
        Some(token) => token
            .strip_prefix("t-")
            .ok_or_else(|| Refusal::argument("The continuation token provided is incorrect"))?
            .to_owned(),
    };
    let delimiter = asked.query("delimiter").filter(|delimiter| !delimiter.is_empty());
    // A key, or a common prefix; each with the last key that it stands for.
    let mut found: Vec<(&str, &str, Option<&Object>)> = Vec::new();
    for (key, object) in bucket.after(&start, prefix) {
        let folder = delimiter.and_then(|delimiter| {
            let behind = key.get(prefix.len()..)?;
            key.get(..prefix.len() + behind.find(delimiter)? + delimiter.len())
        });
        if let Some(last) = found.last_mut().filter(|last| Some(last.0) == folder) {
            last.1 = key;
            continue;
        }
        if found.len() > size {
            break;
        }
        found.push(match folder {
            Some(folder) => (folder, key, None),
            None => (key, key, Some(object)),
        });
    }
    let is_truncated = found.len() > size;
    found.truncate(size);
    let mut members = format!(
        "<Name>{}</Name><Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{size}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>",
        escape(asked.bucket),
        escape(prefix),
        found.len()
    );
    if let Some((_, key, _)) = found.last().filter(|_| is_truncated) {
        members.push_str(&format!(
            "<NextContinuationToken>{}</NextContinuationToken>",
            escape(&format!("t-{key}"))
        ));
    }
    for (key, _, object) in found {
        let Some(object) = object else {
            members.push_str(&format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(key)));
            continue;
        };
        members.push_str(&format!(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            escape(key),
            object.modified.format(&Rfc3339).unwrap_or_default(),
            escape(&object.etag),
            object.bytes.len()
        ));
    }
    Ok(document("ListBucketResult", &members))
}

/// Deletes up to a thousand keys; each that has an ETag only where it is that object.
pub(super) fn delete(s3: &S3, asked: &Asked<'_>, xml: &str) -> Result<Response, Refusal> {
    let malformed = || {
        Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    };
    let objects: Vec<(String, Option<String>)> = elements(xml, "Object")
        .map(|object| {
            let key = elements(object, "Key").next().ok_or_else(malformed)?;
            Ok((unescape(key), elements(object, "ETag").next().map(unescape)))
        })
        .collect::<Result<_, Refusal>>()?;
    if objects.is_empty() || objects.len() > MOST_KEYS {
        return Err(malformed());
    }
    let quiet = elements(xml, "Quiet").next() == Some("true");
    let mut state = s3.lock();
    let bucket = state.buckets.get_mut(asked.bucket).ok_or_else(Refusal::no_bucket)?;
    let mut members = String::new();
    for (key, etag) in objects {
        let denied = bucket.policy == BucketPolicy::CreateOnly;
        let other = etag.is_some_and(|etag| {
            bucket.object(&key).is_none_or(|object| object.etag.trim_matches('"') != etag.trim_matches('"'))
        });
        let key_text = escape(&key);
        if denied || other {
            let code = if denied { "AccessDenied" } else { "PreconditionFailed" };
            members.push_str(&format!(
                "<Error><Key>{key_text}</Key><Code>{code}</Code><Message>{code}</Message></Error>"
            ));
            continue;
        }
        bucket.remove(&key);
        if !quiet {
            members.push_str(&format!("<Deleted><Key>{key_text}</Key></Deleted>"));
        }
    }
    Ok(document("DeleteResult", &members))
}

/// The contents of all elements of a name, in their order. Enough for documents without attributes below their root.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&open)?;
        let (inner, after) = behind.split_once(&close)?;
        rest = after;
        Some(inner)
    })
}
