//! Reading objects piece by piece, so that a break costs one piece and no answer is large.

use std::io::Write as _;
use std::path::Path;

use landfall_artifacts::{CodeSha256, Hasher};
use landfall_aws::{Call, Nature, Service, call};
use landfall_run::Run;

use crate::{Error, ReleaseStore};

/// Bytes of one request: well below what the connector takes as an answer.
const PIECE: u64 = 4 * 1024 * 1024;

impl ReleaseStore {
    /// A small object, whole; `None` where there is none.
    pub(crate) async fn read_small(&self, key: &str, most: u64, run: &Run) -> Result<Option<Vec<u8>>, Error> {
        let Some(head) = self.head_of(key, Nature::Read, run).await? else { return Ok(None) };
        let address = self.address(key);
        let size = head.observed.size_bytes;
        if size > most {
            return Err(Error::TooLarge { address, size_bytes: size, most });
        }
        let mut bytes = Vec::new();
        let found = self
            .read_pieces(key, head.etag.as_deref(), size, run, |piece| {
                bytes.extend_from_slice(piece);
                Ok(())
            })
            .await?;
        match head.observed.sha256 {
            Some(wanted) if wanted != found => Err(Error::Content {
                place: address,
                wanted,
                wanted_bytes: size,
                found,
                found_bytes: bytes.len() as u64,
            }),
            Some(_) | None => Ok(Some(bytes)),
        }
    }

    /// SHA-256 of all bytes of an object.
    pub(crate) async fn digest_of(
        &self,
        key: &str,
        etag: Option<&str>,
        size_bytes: u64,
        run: &Run,
    ) -> Result<CodeSha256, Error> {
        self.read_pieces(key, etag, size_bytes, run, |_| Ok(())).await
    }

    /// Writes an object to a file, and gives the SHA-256 of what was written.
    pub(crate) async fn download(
        &self,
        key: &str,
        size_bytes: u64,
        file: &mut std::fs::File,
        path: &Path,
        run: &Run,
    ) -> Result<CodeSha256, Error> {
        let head = self.head_of(key, Nature::Read, run).await?;
        let address = self.address(key);
        let head = head.ok_or_else(|| Error::Missing { address: address.clone() })?;
        if head.observed.size_bytes != size_bytes {
            return Err(Error::Moved { address });
        }
        let failed = |source| Error::Local { path: path.to_owned(), source };
        let found = self
            .read_pieces(key, head.etag.as_deref(), size_bytes, run, |piece| {
                file.write_all(piece).map_err(failed)
            })
            .await?;
        file.flush().map_err(failed)?;
        Ok(found)
    }

    /// Hands on piece after piece of one and the same object, and gives the SHA-256 of all of them.
    async fn read_pieces(
        &self,
        key: &str,
        etag: Option<&str>,
        size_bytes: u64,
        run: &Run,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<CodeSha256, Error> {
        let mut hasher = Hasher::new();
        let mut at = 0;
        while at < size_bytes {
            let end = (at + PIECE).min(size_bytes);
            let piece = self.piece(key, etag, at, end, run).await?;
            hasher.update(&piece);
            take(&piece)?;
            at = end;
        }
        Ok(CodeSha256::from(hasher.finish()))
    }

    async fn piece(
        &self,
        key: &str,
        etag: Option<&str>,
        from: u64,
        to: u64,
        run: &Run,
    ) -> Result<bytes::Bytes, Error> {
        let address = self.address(key);
        let what = Call { service: Service::S3, operation: "GetObject", nature: Nature::Read, limiter: None };
        let request = || {
            self.sdk
                .get_object()
                .bucket(self.bucket().as_str())
                .key(key)
                .range(format!("bytes={from}-{}", to - 1))
                .set_if_match(etag.map(str::to_owned))
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        let answer = match call(run, what, request).await {
            Ok(answer) => answer,
            // It is there no more, or it is another one.
            Err(failure)
                if matches!(failure.status, Some(404 | 412 | 416)) && !failure.is_code("NoSuchBucket") =>
            {
                return Err(Error::Moved { address });
            }
            Err(failure) => {
                return Err(Error::Call { what: "cannot read", address, failure: Box::new(failure) });
            }
        };
        // The connector has read the body already.
        let body = answer.body.collect().await.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes);
        body.ok().filter(|bytes| bytes.len() as u64 == to - from).ok_or(Error::Moved { address })
    }
}
