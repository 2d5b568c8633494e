//! One object's way into the store.

use std::path::Path;

use aws_sdk_s3::config::Config;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use landfall_artifacts::CodeSha256;
use landfall_aws::{AwsFailure, Call, FailureKind, Nature, Service, call};
use landfall_run::{Hint, Run};

use crate::{Error, Presence, ReleaseStore};

/// Most bytes of an object that one request creates (S3 User Guide, "Uploading objects": 5 GB).
const MOST_BYTES: u64 = 5 * 1000 * 1000 * 1000;

/// What is put at a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// A file, which is streamed.
    File(&'a Path),
    /// Bytes at hand.
    Bytes(&'a [u8]),
}

/// An object that is to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a str,
    pub(crate) sha256: CodeSha256,
    pub(crate) size_bytes: u64,
    pub(crate) content_type: &'static str,
    pub(crate) body: Body<'a>,
}

/// How an object came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// By this request.
    Now,
    /// It was there already, with these bytes.
    Before,
}

impl ReleaseStore {
    /// Creates an object where its key is free. Safe to repeat: whoever comes second finds the key taken and compares.
    ///
    /// # Errors
    /// [`Error::Differs`] where the key holds other bytes; [`Error::Unconfirmed`] where no answer came and reading back gave
    /// none either; [`Error::Damaged`], [`Error::TooLarge`], [`Error::Local`], [`Error::Call`], [`Error::Stopped`].
    pub(crate) async fn create(&self, wanted: Wanted<'_>, run: &Run) -> Result<Created, Error> {
        let address = self.address(wanted.key);
        if wanted.size_bytes > MOST_BYTES {
            return Err(Error::TooLarge { address, size_bytes: wanted.size_bytes, most: MOST_BYTES });
        }
        if run.stop().requested().is_some() {
            return Err(Error::Stopped { address });
        }
        // Each kind of failure is repeated in one place: what surely was not taken by `call`, what is settled by another look
        // or another try here.
        run.retry("s3.PutObject", again, || self.try_to_create(wanted, run)).await
    }

    async fn try_to_create(&self, wanted: Wanted<'_>, run: &Run) -> Result<Created, Error> {
        let failure = match self.put(wanted, run).await? {
            Ok(()) => return Ok(Created::Now),
            Err(failure) => failure,
        };
        let address = self.address(wanted.key);
        let refused = |failure| Error::Call { what: "cannot write", address: address.clone(), failure };
        match (failure.status, failure.kind) {
            (Some(412), _) => self.is_there_already(wanted, run).await,
            (Some(400), _) if is_about_bytes(&failure) => Err(Error::Damaged { address, failure }),
            (_, FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer) => {
                self.read_back(wanted, failure, run).await
            }
            _ => Err(refused(failure)),
        }
    }

    /// Sends the object once; the outer error is one of this machine.
    async fn put(&self, wanted: Wanted<'_>, run: &Run) -> Result<Result<(), Box<AwsFailure>>, Error> {
        // Opened before the request, so that a file that cannot be read is no failure of the service.
        if let Body::File(path) = wanted.body {
            std::fs::File::open(path).map_err(|source| Error::Local { path: path.to_owned(), source })?;
        }
        let what =
            Call { service: Service::S3, operation: "PutObject", nature: Nature::Write, limiter: None };
        let request = || async {
            let body = match wanted.body {
                Body::File(path) => ByteStream::from_path(path).await.unwrap_or_default(),
                Body::Bytes(bytes) => ByteStream::from(bytes.to_vec()),
            };
            let patience = Config::builder().timeout_config(Self::patience(wanted.size_bytes));
            self.sdk
                .put_object()
                .bucket(self.bucket().as_str())
                .key(wanted.key)
                .if_none_match("*")
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(wanted.sha256.to_string())
                .content_length(i64::try_from(wanted.size_bytes).unwrap_or(i64::MAX))
                .content_type(wanted.content_type)
                .set_expected_bucket_owner(self.owner())
                .body(body)
                .customize()
                .config_override(patience)
                .send()
                .await
        };
        Ok(call(run, what, request).await.map(drop).map_err(Box::new))
    }

    /// The key is taken: by these bytes, or by others.
    async fn is_there_already(&self, wanted: Wanted<'_>, run: &Run) -> Result<Created, Error> {
        let (key, sha256, size_bytes) = (wanted.key, wanted.sha256, wanted.size_bytes);
        match self.compare(key, sha256, size_bytes, Nature::Confirm, &run.to_its_end()).await? {
            Presence::Same => Ok(Created::Before),
            Presence::Differs(found) => Err(Error::Differs {
                address: self.address(key),
                wanted: sha256,
                wanted_bytes: size_bytes,
                found,
            }),
            // Taken a moment ago and free now: somebody deletes.
            Presence::Absent => Err(Error::Moved { address: self.address(key) }),
        }
    }

    /// No clear answer came: what the key shows is the answer.
    async fn read_back(
        &self,
        wanted: Wanted<'_>,
        failure: Box<AwsFailure>,
        run: &Run,
    ) -> Result<Created, Error> {
        let address = self.address(wanted.key);
        let (key, sha256, size_bytes) = (wanted.key, wanted.sha256, wanted.size_bytes);
        match self.compare(key, sha256, size_bytes, Nature::Confirm, &run.to_its_end()).await {
            Ok(Presence::Same) => Ok(Created::Now),
            Ok(Presence::Differs(found)) => {
                Err(Error::Differs { address, wanted: sha256, wanted_bytes: size_bytes, found })
            }
            Ok(Presence::Absent) => {
                let cause = Box::new(Error::Call { what: "cannot write", address: address.clone(), failure });
                Err(Error::Unconfirmed { address, cause })
            }
            Err(cause) => Err(Error::Unconfirmed { address, cause: Box::new(cause) }),
        }
    }
}

/// Whether S3 says that other bytes arrived than were announced, or that they were too long in coming.
pub(crate) fn is_about_bytes(failure: &AwsFailure) -> bool {
    [
        "BadDigest",
        "XAmzContentSHA256Mismatch",
        "XAmzContentChecksumMismatch",
        "IncompleteBody",
        "RequestTimeout",
    ]
    .iter()
    .any(|code| failure.is_code(code))
}

/// What another try at a create-only write may settle.
fn again(error: &Error) -> Hint {
    match error {
        // Another writer was at the same key in the same moment: the next try finds it taken or free.
        Error::Call { failure, .. } if failure.is_code("ConditionalRequestConflict") => Hint::Again,
        // Nothing came of it as far as can be seen, and a second try cannot do harm: the key would be taken.
        Error::Unconfirmed { cause, .. } => match cause.failure().map(|failure| failure.kind) {
            Some(FailureKind::Unanswered | FailureKind::Server) => Hint::Again,
            _ => Hint::Stop,
        },
        Error::Damaged { .. } => Hint::Again,
        _ => Hint::Stop,
    }
}
