//! Reading blobs (OCI distribution-spec 1.1, "Pulling blobs").

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use landfall_artifacts::Digest;
use landfall_run::{Hint, Run};
use landfall_transport::{BodyStream, Cap, Hop, Method, Site, StatusCode, Streaming};

use crate::registry::{Access, Need};
use crate::{Descriptor, Error, Registry};

/// Redirects of one blob that are followed.
const MOST_REDIRECTS: u8 = 3;

/// How long the reading of a small blob may take, each time.
const SMALL_BLOB: Duration = Duration::from_secs(120);

/// The bytes of a blob as they come. They are not checked yet.
pub struct BlobStream {
    /// The bytes.
    pub body: BodyStream,
    /// The offset of the first byte that comes: what was asked for, or 0 where the server knows no ranges.
    pub starts_at: u64,
    /// The size of the whole blob, where the server says it.
    pub total_bytes: Option<u64>,
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobStream")
            .field("starts_at", &self.starts_at)
            .field("total_bytes", &self.total_bytes)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Whether a repository says that it has a blob. Artifactory may say so wrongly (gardener/cc-utils#1752).
    ///
    /// # Errors
    /// What a registry may answer.
    pub async fn has_blob(&self, path: &str, digest: Digest, run: &Run) -> Result<bool, Error> {
        let need = Need { path, access: Access::Pull, doing: self.doing("HEAD", path, digest) };
        let answer = self
            .ask(&need, Cap::ERROR, run, |site| blob_request(site, Method::HEAD, path, digest, 0))
            .await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            // A redirect to the storage is only given for what is there.
            status if status.is_redirection() => Ok(true),
            _ => Err(self.refused(&need, &answer, run)),
        }
    }

    /// The bytes of a blob from an offset on. Up to three redirects are followed, to other hosts without any credential.
    ///
    /// # Errors
    /// [`Error::BlobMissing`], [`Error::Storage`], [`Error::Redirects`], and what else a registry may answer.
    pub async fn get_blob_stream(
        &self,
        path: &str,
        digest: Digest,
        from: u64,
        run: &Run,
    ) -> Result<BlobStream, Error> {
        let need = Need { path, access: Access::Pull, doing: self.doing("GET", path, digest) };
        let failed = |cause| Self::failed(&need.doing, cause);
        let mut answer = self
            .ask_streaming(&need, run, |site| blob_request(site, Method::GET, path, digest, from))
            .await?;
        let mut left = MOST_REDIRECTS;
        while is_redirect(answer.status()) {
            let Some(given) = answer.header("location") else {
                return Err(self.incomplete(&need, "Location"));
            };
            let Some(fewer) = left.checked_sub(1) else {
                return Err(Error::Redirects {
                    host: self.host().to_owned(),
                    doing: need.doing,
                    limit: MOST_REDIRECTS,
                });
            };
            left = fewer;
            let site = self.entered(&need, run).await?;
            match site.hop(answer.url(), given).map_err(failed)? {
                Hop::Same(location) => {
                    let request = site.request_at(Method::GET, &location).counted_as("blob");
                    let request = if from > 0 { request.header("range", &range(from)) } else { request };
                    answer = request.send_streaming(run).await.map_err(failed)?;
                }
                Hop::Foreign(anonymous) => {
                    let anonymous = if from > 0 { anonymous.from_byte(from) } else { anonymous };
                    let hint = |error: &Error| if error.is_stale() { Hint::Stop } else { error.hint() };
                    let answer = run
                        .retry(&need.doing, hint, || async {
                            let answer = anonymous.send(run).await.map_err(failed)?;
                            if answer.status().is_success() {
                                return Ok(answer);
                            }
                            // Whatever it asks for: there is nothing to be had from here.
                            let status = answer.status().as_u16();
                            let retry_after =
                                landfall_transport::retry_after(answer.headers(), run.clock().now());
                            let host = self.host().to_owned();
                            Err(Error::Storage { host, digest, status, retry_after })
                        })
                        .await?;
                    return self.opened(&need, answer, from);
                }
            }
        }
        match answer.status() {
            status if status.is_success() => self.opened(&need, answer, from),
            StatusCode::NOT_FOUND => {
                Err(Error::BlobMissing { digest, repository: format!("{}/{path}", self.host()) })
            }
            status => Err(Error::Answer {
                host: self.host().to_owned(),
                doing: need.doing,
                status: status.as_u16(),
                code: None,
                said: status.canonical_reason().unwrap_or_default().to_owned(),
                retry_after: landfall_transport::retry_after(answer.headers(), run.clock().now()),
            }),
        }
    }

    /// A blob of at most 4 MiB, such as an image's configuration, whole and verified. Reading it may take two minutes and ends
    /// at a stop of the run; content that differs from its digest is read once more.
    ///
    /// # Errors
    /// [`Error::SizeDiffers`], [`Error::DigestDiffers`], [`Error::Cut`], [`Error::Stopped`], and as for [`Self::get_blob_stream`].
    pub async fn get_blob(&self, path: &str, blob: &Descriptor, run: &Run) -> Result<Bytes, Error> {
        let what = format!("blob {} of {}/{path}", blob.digest.short(), self.host());
        let doing = self.doing("GET", path, blob.digest);
        let limit = crate::manifest::LONGEST_MANIFEST as u64;
        if blob.size_bytes > limit {
            return Err(Error::SizeDiffers { what, expected: limit, actual: blob.size_bytes });
        }
        let differed = AtomicBool::new(false);
        let hint = |error: &Error| match error {
            Error::DigestDiffers { .. } if !differed.swap(true, Ordering::SeqCst) => Hint::Again,
            other => other.hint_of_reading(),
        };
        run.retry(&doing, hint, || async {
            let mut bytes = BytesMut::new();
            let reading = async {
                let mut stream = self.get_blob_stream(path, blob.digest, 0, run).await?;
                while let Some(chunk) = stream.body.next().await {
                    let chunk = chunk.map_err(|cause| Self::failed(&doing, cause))?;
                    bytes.extend_from_slice(&chunk);
                    if bytes.len() as u64 > blob.size_bytes {
                        let (expected, actual) = (blob.size_bytes, bytes.len() as u64);
                        return Err(Error::SizeDiffers { what: what.clone(), expected, actual });
                    }
                }
                Ok(())
            };
            // The request heeds the stop too; in this order it does not depend on chance which of both tells of it.
            let ended = tokio::select! {
                biased;
                () = run.stop().wait() => {
                    return Err(Error::Stopped { doing: format!("{what} was read") });
                }
                ended = tokio::time::timeout(SMALL_BLOB, reading) => ended,
            };
            // What did not come in time is missing, and says so below.
            ended.unwrap_or(Ok(()))?;
            let received = bytes.len() as u64;
            if received < blob.size_bytes {
                return Err(Error::Cut { what: what.clone(), received, size: blob.size_bytes });
            }
            let actual = Digest::of(&bytes);
            if actual != blob.digest {
                return Err(Error::DigestDiffers { what: what.clone(), expected: blob.digest, actual });
            }
            Ok(bytes.freeze())
        })
        .await
    }

    fn opened(&self, need: &Need<'_>, answer: Streaming, from: u64) -> Result<BlobStream, Error> {
        let length = answer.header("content-length").and_then(|text| text.trim().parse::<u64>().ok());
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Ok(BlobStream { starts_at: 0, total_bytes: length, body: answer.into_body() });
        }
        let part = answer.header("content-range").and_then(content_range);
        match part {
            Some((starts_at, total_bytes)) if starts_at == from => {
                Ok(BlobStream { starts_at, total_bytes, body: answer.into_body() })
            }
            Some(_) | None => Err(self.incomplete(need, "Content-Range")),
        }
    }

    pub(crate) fn incomplete(&self, need: &Need<'_>, missing: &'static str) -> Error {
        Error::Incomplete { host: self.host().to_owned(), doing: need.doing.clone(), missing }
    }

    pub(crate) fn doing(&self, method: &str, path: &str, digest: Digest) -> String {
        format!("{method} blob {} of {}/{path}", digest.short(), self.host())
    }
}

impl Error {
    /// Whether an address that was signed for a time is over: the registry signs a new one.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self, Self::Storage { status: 403, .. })
    }

    /// What a broken body says about reading anew. Faults before the body were repeated already.
    fn hint_of_reading(&self) -> Hint {
        match self {
            Self::Cut { .. } => Hint::Again,
            _ if self.is_unanswered() || self.is_stale() => Hint::Again,
            _ => Hint::Stop,
        }
    }
}

fn blob_request(
    site: &Site,
    method: Method,
    path: &str,
    digest: Digest,
    from: u64,
) -> landfall_transport::Request {
    let request = site.request(method, &format!("/v2/{path}/blobs/{digest}")).counted_as("blob");
    if from > 0 { request.header("range", &range(from)) } else { request }
}

fn range(from: u64) -> String {
    format!("bytes={from}-")
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// `bytes 5-9/10` or `bytes 5-9/*` (RFC 9110, 14.4): the first byte, and the size of the whole where it is said.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (span, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, total))
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn ranges_are_read_or_refused() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in
            ["", "bytes 5-9", "bytes 9-5/10", "bytes 5-10/10", "items 5-9/10", "bytes -1-9/10", "bytes */10"]
        {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
