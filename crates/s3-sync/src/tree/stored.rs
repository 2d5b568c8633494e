//! Objects that are read whole: the sync manifest, and what is to be kept or shown.

use std::io::Write as _;

use landfall_artifacts::{Digest, Hasher};
use landfall_aws::{Call, Nature, Service, call};
use landfall_run::{Event, Run};

use super::manifest::{MANIFEST_NAME, MOST_BYTES};
use super::spool::{self, Spool, Spooled, SpooledReader};
use super::{Tree, TreeError};

/// Bytes of one request: below what the connector takes as an answer.
const PIECE: u64 = 7 * 1024 * 1024;

/// The manifest as it stands in the bucket.
#[derive(Debug)]
pub(crate) struct StoredManifest<T> {
    /// What it says; `None` where what stands there cannot be read: it is written anew then.
    pub(crate) says: Option<T>,
    /// Its ETag, as it stands in `If-Match`.
    pub(crate) etag: Option<String>,
    pub(crate) size_bytes: u64,
    /// When it was written, in milliseconds since 1970, of which only whole seconds are known.
    pub(crate) modified: Option<i64>,
    /// Of its bytes.
    pub(crate) digest: Digest,
}

/// What is told of an object that was read, besides its bytes.
#[derive(Debug)]
struct Told {
    etag: Option<String>,
    modified: Option<i64>,
}

impl Tree {
    /// The bytes of an object as it was listed; `None` where it is larger than `most`, is gone or is another one by now.
    ///
    /// # Errors
    /// [`TreeError::Call`].
    pub async fn bytes_of(
        &self,
        name: &str,
        listed: &super::Listed,
        most: u64,
        run: &Run,
    ) -> Result<Option<Vec<u8>>, TreeError> {
        if listed.size_bytes > most {
            return Ok(None);
        }
        match self.read_whole(name, listed.etag.condition(), most, run).await {
            Ok(bytes) => Ok(bytes),
            Err(TreeError::Changed { .. } | TreeError::TooMany { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The manifest, read by `read`; `None` where there is none. One that breaks its format is told as a warning and counts for nothing.
    ///
    /// # Errors
    /// [`TreeError::Call`], [`TreeError::Changed`], [`TreeError::TooMany`]; [`TreeError::Temporary`].
    pub(crate) async fn stored_manifest<T: Send + 'static>(
        &self,
        read: impl FnOnce(SpooledReader) -> Result<T, String> + Send + 'static,
        run: &Run,
    ) -> Result<Option<StoredManifest<T>>, TreeError> {
        let mut spool = Spool::new();
        let take = |piece: &[u8], _| spool.write_all(piece).map_err(spool::failed);
        let Some(told) = self.read_pieces(MANIFEST_NAME, None, None, MOST_BYTES, run, take).await? else {
            return Ok(None);
        };
        let Spooled { bytes, sha256, size_bytes, .. } = spool.finish()?;
        // A large one takes its time, in which others would wait.
        let says = tokio::task::spawn_blocking(move || read(bytes.reader())).await;
        let says = says.unwrap_or_else(|_| Err("reading it failed".to_owned()));
        if let Err(why) = &says {
            let place = self.address().shown(MANIFEST_NAME);
            let text = format!("the manifest {place} cannot be read and counts for nothing: {why}");
            run.progress().event(Event::Warning(text));
        }
        let Told { etag, modified } = told;
        Ok(Some(StoredManifest { says: says.ok(), etag, size_bytes, modified, digest: sha256 }))
    }

    /// An object, whole: one request where it is small. With `etag` only that very one.
    ///
    /// # Errors
    /// [`TreeError::Changed`] where it is another one, or becomes one while it is read; [`TreeError::Call`], [`TreeError::TooMany`] of bytes.
    pub(crate) async fn read_whole(
        &self,
        name: &str,
        etag: Option<String>,
        most: u64,
        run: &Run,
    ) -> Result<Option<Vec<u8>>, TreeError> {
        let mut bytes = Vec::new();
        let take = |piece: &[u8], size: Option<u64>| {
            if bytes.is_empty() {
                // Not doubled again and again: it may have many pieces.
                let size = usize::try_from(size.unwrap_or_default().min(most)).unwrap_or_default();
                bytes.reserve_exact(size);
            }
            bytes.extend_from_slice(piece);
            Ok(())
        };
        let told = self.read_pieces(name, etag, None, most, run, take).await?;
        Ok(told.map(|_| bytes))
    }

    /// SHA-256 of an object, or of that one of its versions, which is read for it piece by piece; `None` where there is none.
    ///
    /// # Errors
    /// As of [`Tree::read_whole`].
    pub(crate) async fn sha256_of(
        &self,
        name: &str,
        etag: Option<String>,
        version: Option<&str>,
        most: u64,
        run: &Run,
    ) -> Result<Option<Digest>, TreeError> {
        let mut sha256 = Hasher::new();
        let take = |piece: &[u8], _| {
            sha256.update(piece);
            Ok(())
        };
        let told = self.read_pieces(name, etag, version, most, run, take).await?;
        Ok(told.map(|_| sha256.finish()))
    }

    /// An object, or that one of its versions, which may be too large for memory; and its ETag as it stands in `If-Match`.
    ///
    /// # Errors
    /// As of [`Tree::read_whole`]; [`TreeError::Temporary`].
    pub(crate) async fn read_spooled(
        &self,
        name: &str,
        version: Option<&str>,
        most: u64,
        run: &Run,
    ) -> Result<Option<(Spooled, Option<String>)>, TreeError> {
        let mut spool = Spool::new();
        let take = |piece: &[u8], _| spool.write_all(piece).map_err(spool::failed);
        match self.read_pieces(name, None, version, most, run, take).await? {
            Some(told) => Ok(Some((spool.finish()?, told.etag))),
            None => Ok(None),
        }
    }

    /// The same piece by piece: `take` has each, and the size of the whole where that is told.
    async fn read_pieces(
        &self,
        name: &str,
        etag: Option<String>,
        version: Option<&str>,
        most: u64,
        run: &Run,
        mut take: impl FnMut(&[u8], Option<u64>) -> Result<(), TreeError> + Send,
    ) -> Result<Option<Told>, TreeError> {
        let mut told = Told { etag, modified: None };
        let mut from = 0;
        loop {
            let what = Call {
                service: Service::S3,
                operation: "GetObject",
                nature: Nature::Read,
                limiter: Some(&self.reads),
            };
            let request = || {
                self.sdk
                    .get_object()
                    .bucket(self.address().bucket().as_str())
                    .key(self.address().key(name))
                    .range(format!("bytes={from}-{}", from + PIECE - 1))
                    .set_if_match(told.etag.clone())
                    .set_version_id(version.map(str::to_owned))
                    .set_expected_bucket_owner(self.owner())
                    .send()
            };
            let changed = |what| TreeError::Changed { address: self.address().shown(name), what };
            let answer = match call(run, what, request).await {
                Ok(answer) => answer,
                // Of an object without bytes there is no range.
                Err(failure) if failure.status == Some(416) && from == 0 => return Ok(Some(told)),
                Err(failure)
                    if failure.status == Some(404)
                        && (failure.is_code("NoSuchKey") || failure.is_code("NoSuchVersion"))
                        && from == 0 =>
                {
                    return if told.etag.is_some() { Err(changed("it is gone")) } else { Ok(None) };
                }
                Err(failure) if matches!(failure.status, Some(412 | 416)) => {
                    return Err(changed("it is another one"));
                }
                Err(failure) => return Err(self.failed("cannot read", name, failure)),
            };
            let size = answer
                .content_range()
                .and_then(|range| range.rsplit_once('/'))
                .and_then(|(_, size)| size.parse::<u64>().ok());
            if size.is_some_and(|size| size > most) {
                let what = format!("bytes in {}", self.address().shown(name));
                return Err(TreeError::TooMany { what, most });
            }
            told.etag = told.etag.or_else(|| answer.e_tag().map(str::to_owned));
            told.modified = answer.last_modified().and_then(|time| time.to_millis().ok());
            // The connector has read the body already.
            let body = answer.body.collect().await.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes);
            let body = body.map_err(|_| changed("its bytes did not come whole"))?;
            take(&body, size)?;
            from += body.len() as u64;
            match size {
                // Answered whole, as by a store that knows no ranges.
                None => return Ok(Some(told)),
                Some(size) if from == size => return Ok(Some(told)),
                Some(size) if body.is_empty() || from > size => {
                    return Err(changed("it has another size than was said"));
                }
                Some(_) => {}
            }
        }
    }
}
