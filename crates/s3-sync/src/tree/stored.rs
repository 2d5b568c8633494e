//! Objects that are read whole: the sync manifest, and what is to be kept or shown.

use landfall_artifacts::Digest;
use landfall_aws::{Call, Nature, Service, call};
use landfall_run::{Event, Run};

use super::manifest::{MANIFEST_NAME, MOST_BYTES};
use super::{SyncManifest, Tree, TreeError};

/// Bytes of one request: below what the connector takes as an answer.
const PIECE: u64 = 7 * 1024 * 1024;

/// The manifest as it stands in the bucket.
#[derive(Debug)]
pub(crate) struct StoredManifest {
    /// `None` where what stands there cannot be read: it is written anew then.
    pub(crate) manifest: Option<SyncManifest>,
    /// Its ETag, as it stands in `If-Match`.
    pub(crate) etag: Option<String>,
    pub(crate) size_bytes: u64,
    /// Of its bytes.
    pub(crate) digest: Digest,
}

/// An object that was read whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: Option<String>,
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
        match self.read_whole(name, listed.etag.condition(), None, most, run).await {
            Ok(whole) => Ok(whole.map(|whole| whole.bytes)),
            Err(TreeError::Changed { .. } | TreeError::TooMany { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The manifest; `None` where there is none. One that breaks its format is told as a warning and counts for nothing.
    ///
    /// # Errors
    /// [`TreeError::Call`], [`TreeError::Changed`], [`TreeError::TooMany`].
    pub(crate) async fn stored_manifest(&self, run: &Run) -> Result<Option<StoredManifest>, TreeError> {
        let Some(whole) = self.read_whole(MANIFEST_NAME, None, None, MOST_BYTES, run).await? else {
            return Ok(None);
        };
        let manifest = SyncManifest::parse(&whole.bytes);
        if let Err(why) = &manifest {
            let place = self.address().shown(MANIFEST_NAME);
            let text = format!("the manifest {place} cannot be read and counts for nothing: {why}");
            run.progress().event(Event::Warning(text));
        }
        Ok(Some(StoredManifest {
            manifest: manifest.ok(),
            etag: whole.etag,
            size_bytes: whole.bytes.len() as u64,
            digest: Digest::of(&whole.bytes),
        }))
    }

    /// An object, whole: one request where it is small. With `etag` only that very one, with `version` that one of its versions.
    ///
    /// # Errors
    /// [`TreeError::Changed`] where it is another one, or becomes one while it is read; [`TreeError::Call`], [`TreeError::TooMany`] of bytes.
    pub(crate) async fn read_whole(
        &self,
        name: &str,
        etag: Option<String>,
        version: Option<&str>,
        most: u64,
        run: &Run,
    ) -> Result<Option<Whole>, TreeError> {
        let mut whole = Whole { bytes: Vec::new(), etag };
        loop {
            let from = whole.bytes.len() as u64;
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
                    .set_if_match(whole.etag.clone())
                    .set_version_id(version.map(str::to_owned))
                    .set_expected_bucket_owner(self.owner())
                    .send()
            };
            let changed = |what| TreeError::Changed { address: self.address().shown(name), what };
            let answer = match call(run, what, request).await {
                Ok(answer) => answer,
                // Of an object without bytes there is no range.
                Err(failure) if failure.status == Some(416) && from == 0 => return Ok(Some(whole)),
                Err(failure)
                    if failure.status == Some(404)
                        && (failure.is_code("NoSuchKey") || failure.is_code("NoSuchVersion"))
                        && from == 0 =>
                {
                    return if whole.etag.is_some() { Err(changed("it is gone")) } else { Ok(None) };
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
            whole.etag = whole.etag.or_else(|| answer.e_tag().map(str::to_owned));
            if from == 0 {
                // Not doubled again and again: it may have many pieces.
                let size = usize::try_from(size.unwrap_or_default().min(most)).unwrap_or_default();
                whole.bytes.reserve_exact(size);
            }
            // The connector has read the body already.
            let body = answer.body.collect().await.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes);
            let body = body.map_err(|_| changed("its bytes did not come whole"))?;
            whole.bytes.extend_from_slice(&body);
            match size {
                // Answered whole, as by a store that knows no ranges.
                None => return Ok(Some(whole)),
                Some(size) if whole.bytes.len() as u64 == size => return Ok(Some(whole)),
                Some(size) if body.is_empty() || whole.bytes.len() as u64 > size => {
                    return Err(changed("it has another size than was said"));
                }
                Some(_) => {}
            }
        }
    }
}
