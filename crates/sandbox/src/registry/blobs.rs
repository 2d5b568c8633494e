//! Reading blobs.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::Registry;
use super::call::Call;
use super::reply::{Answer, Refusal};

impl Registry {
    pub(super) fn read_blob(&self, call: &Call, repository: &str, digest: &str) -> Answer {
        let head = call.method == Method::HEAD;
        let action = if head { "BatchCheckLayerAvailability" } else { "GetDownloadUrlForLayer" };
        self.authorize(call, repository, "pull", action)?;
        let inner = self.lock();
        let repository = inner.behind(repository, |found| found.blobs.contains(digest));
        let found = match inner.store.blob(&repository, digest) {
            Some(bytes) => bytes.clone(),
            None if head && inner.quirks.head_lies => {
                inner.store.blobs.get(digest).cloned().unwrap_or_default()
            }
            None => return Err(Refusal::blob_unknown(digest)),
        };
        if head {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
                (header::CONTENT_LENGTH, HeaderValue::from(found.len())),
                (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            ];
            return Ok(with_digest(
                (headers, Body::empty()).into_response(),
                digest,
                inner.quirks.omit_digest_header,
            ));
        }
        let bytes =
            if inner.quirks.corrupt_blob.as_deref() == Some(digest) { flipped(&found) } else { found };
        if inner.quirks.redirect_blobs {
            let location = self.storage.presign(digest, &bytes, inner.quirks.redirect_to.as_deref());
            // Artifactory's cloud says 302, ECR 307.
            let status = if self.is_ecr() { StatusCode::TEMPORARY_REDIRECT } else { StatusCode::FOUND };
            return Ok((status, [(header::LOCATION, location)]).into_response());
        }
        Ok(with_digest(ranged(bytes, &call.headers), digest, inner.quirks.omit_digest_header))
    }
}

pub(super) fn with_digest(mut response: Response, digest: &str, omit: bool) -> Response {
    if let (false, Ok(value)) = (omit, HeaderValue::from_str(digest)) {
        response.headers_mut().insert("docker-content-digest", value);
    }
    response
}

/// The same length, one bit different.
pub(super) fn flipped(bytes: &Bytes) -> Bytes {
    let mut changed = bytes.to_vec();
    let middle = changed.len() / 2;
    if let Some(byte) = changed.get_mut(middle) {
        *byte ^= 1;
    }
    changed.into()
}

/// 200 with all, or 206 with the one range that was asked for (RFC 9110, section 14), or 416. Several ranges are answered with all.
pub(super) fn ranged(bytes: Bytes, headers: &HeaderMap) -> Response {
    let length = bytes.len();
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let accepts = (header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    match asked.and_then(|text| range(text, length)) {
        None => ([content_type, accepts], bytes).into_response(),
        Some(Span::Nothing) => {
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{length}"))])
                .into_response()
        }
        Some(Span::Bytes(start, end)) => {
            let content_range = HeaderValue::from_str(&format!("bytes {start}-{end}/{length}"));
            let mut response =
                (StatusCode::PARTIAL_CONTENT, [content_type, accepts], bytes.slice(start..=end))
                    .into_response();
            if let Ok(value) = content_range {
                response.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            response
        }
    }
}

/// What a `Range` header comes to.
#[derive(Debug, PartialEq, Eq)]
enum Span {
    /// First and last byte.
    Bytes(usize, usize),
    /// Not one byte of it is there.
    Nothing,
}

/// `None` when the header means nothing and all is to be sent.
fn range(text: &str, length: usize) -> Option<Span> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = length.checked_sub(1);
    let span = match (start, end) {
        ("", suffix) => {
            let count: usize = suffix.parse().ok()?;
            last.filter(|_| count > 0).map(|last| (length.saturating_sub(count), last))
        }
        (start, "") => {
            let start = start.parse().ok()?;
            last.filter(|last| start <= *last).map(|last| (start, last))
        }
        (start, end) => {
            let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
            if end < start {
                return None;
            }
            last.filter(|last| start <= *last).map(|last| (start, end.min(last)))
        }
    };
    Some(span.map_or(Span::Nothing, |(start, end)| Span::Bytes(start, end)))
}

#[cfg(test)]
mod tests {
    use super::{Span, range};

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        assert_eq!(range("bytes=0-3", 10), Some(Span::Bytes(0, 3)));
        assert_eq!(range("bytes=4-", 10), Some(Span::Bytes(4, 9)));
        assert_eq!(range("bytes=-4", 10), Some(Span::Bytes(6, 9)));
        assert_eq!(range("bytes=8-99", 10), Some(Span::Bytes(8, 9)));
        assert_eq!(range("bytes=10-", 10), Some(Span::Nothing));
        assert_eq!(range("bytes=0-", 0), Some(Span::Nothing));
        assert_eq!(range("bytes=5-3", 10), None);
        assert_eq!(range("bytes=0-1,3-4", 10), None);
    }
}
