//! ListObjectsV2 and DeleteObjects.

use axum::response::Response;
use time::format_description::well_known::Rfc3339;

use super::S3;
use super::call::Asked;
use super::reply::{Answer, Refusal, document, escape, unescape, url_encoded};
use super::store::{Bucket, BucketPolicy, Etags, Object};

/// Keys of a page and of a deletion at most.
pub(super) const MOST_KEYS: usize = 1000;

/// The wanted stretch of a bucket's keys in the order of their bytes. Checksums are named there and never given.
pub(super) fn page(bucket: &Bucket, page_keys: usize, asked: &Asked<'_>) -> Answer {
    let is_encoded = match asked.query("encoding-type") {
        None => false,
        Some("url") => true,
        Some(_) => return Err(Refusal::argument("Invalid Encoding Method specified in Request")),
    };
    let named = |text: &str| if is_encoded { url_encoded(text) } else { escape(text) };
    let size = match asked.query("max-keys") {
        None => page_keys.min(MOST_KEYS),
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Refusal::argument("Provided max-keys not an integer or within integer range"))?
            .min(page_keys),
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
        named(prefix),
        found.len()
    );
    if is_encoded {
        members.push_str("<EncodingType>url</EncodingType>");
    }
    if let Some((_, key, _)) = found.last().filter(|_| is_truncated) {
        members.push_str(&format!(
            "<NextContinuationToken>{}</NextContinuationToken>",
            escape(&format!("t-{key}"))
        ));
    }
    for (key, _, object) in found {
        let Some(object) = object else {
            members.push_str(&format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", named(key)));
            continue;
        };
        let etag = match bucket.etags {
            Etags::Unlisted => String::new(),
            Etags::Md5 | Etags::Kms | Etags::Parts => format!("<ETag>{}</ETag>", escape(&object.etag)),
        };
        members.push_str(&format!(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified>{etag}<Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            named(key),
            // A listing knows whole seconds.
            object.modified.replace_nanosecond(0).unwrap_or(object.modified).format(&Rfc3339).unwrap_or_default(),
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
    // XML 1.0 has no way to write them, not even by their numbers.
    if xml.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(malformed());
    }
    let text = |text: &str| {
        let plain = unescape(text).ok_or_else(malformed)?;
        let is_writable = plain.chars().all(|c| c >= ' ' || matches!(c, '\t' | '\n' | '\r'));
        if is_writable { Ok(plain) } else { Err(malformed()) }
    };
    let objects: Vec<(String, Option<String>)> = elements(xml, "Object")
        .map(|object| {
            // A line break that is not written by its number is read as a newline (XML 1.0, 2.11).
            let object = object.replace("\r\n", "\n").replace('\r', "\n");
            let key = elements(&object, "Key").next().ok_or_else(malformed)?;
            Ok((text(key)?, elements(&object, "ETag").next().map(text).transpose()?))
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
        let there = bucket.object(&key).map(|object| object.etag.clone());
        let refused = match (bucket.undeletable.get_mut(&key), etag, there) {
            (Some((code, left)), ..) if *left > 0 => {
                *left -= 1;
                Some(*code)
            }
            _ if bucket.policy == BucketPolicy::CreateOnly => Some("AccessDenied"),
            // The condition is one that nothing can fulfil (S3 User Guide, "How to perform conditional deletes").
            (_, Some(_), None) => Some("NoSuchKey"),
            (_, Some(etag), Some(there)) if there.trim_matches('"') != etag.trim_matches('"') => {
                Some("PreconditionFailed")
            }
            _ => None,
        };
        let key_text = escape(&key);
        if let Some(code) = refused {
            members.push_str(&format!(
                "<Error><Key>{key_text}</Key><Code>{code}</Code><Message>{code}</Message></Error>"
            ));
            continue;
        }
        let marker = bucket.remove(&key).map_or_else(String::new, |version| {
            format!(
                "<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{version}</DeleteMarkerVersionId>"
            )
        });
        if !quiet {
            members.push_str(&format!("<Deleted><Key>{key_text}</Key>{marker}</Deleted>"));
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

/// The buckets of an account in the order of their names. Their region is told where anything was asked for (ListBuckets, BucketRegion).
pub(super) fn buckets(s3: &S3, asked: &Asked<'_>) -> Answer {
    let size = match asked.query("max-buckets") {
        None => 10_000,
        Some(text) => {
            text.parse::<usize>().ok().filter(|size| (1..=10_000).contains(size)).ok_or_else(|| {
                Refusal::argument("Argument max-buckets must be an integer between 1 and 10000")
            })?
        }
    };
    let after = asked.query("continuation-token").unwrap_or_default();
    let prefix = asked.query("prefix").unwrap_or_default();
    let state = s3.lock();
    let own = state
        .buckets
        .iter()
        .filter(|(name, bucket)| bucket.owner.is_none() && name.as_str() > after && name.starts_with(prefix));
    let mut names: Vec<&String> = own.map(|(name, _)| name).collect();
    let is_truncated = names.len() > size;
    names.truncate(size);
    let region =
        if asked.has_query() { format!("<BucketRegion>{}</BucketRegion>", s3.region) } else { String::new() };
    let mut members = format!("<Owner><ID>{}</ID></Owner><Buckets>", "0".repeat(64));
    for name in &names {
        members.push_str(&format!(
            "<Bucket><Name>{name}</Name><CreationDate>2025-01-01T00:00:00.000Z</CreationDate>{region}</Bucket>"
        ));
    }
    members.push_str("</Buckets>");
    if let Some(last) = names.last().filter(|_| is_truncated) {
        members.push_str(&format!("<ContinuationToken>{last}</ContinuationToken>"));
    }
    Ok(document("ListAllMyBucketsResult", &members))
}
