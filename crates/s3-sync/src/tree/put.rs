//! One file's way to its key.

use std::fs::File;
use std::io::Seek as _;

use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption};
use bytes::Bytes;
use landfall_artifacts::{CodeSha256, Digest, Hasher};
use landfall_aws::{AwsFailure, Call, FailureKind, Nature, Service, call};
use landfall_run::{Hint, Run};
use md5::{Digest as _, Md5};

use super::etag::Etag;
use super::folder::{Folder, Stamp};
use super::hash::{Which, hash_one, open, read_whole};
use super::headers::Headers;
use super::look::Seen;
use super::plan::Put;
use super::spool::{Spooled, SpooledBytes};
use super::{Rules, Source, Tree, TreeError};
use crate::ReleaseStore;
use crate::upload::is_about_bytes;

/// Files up to here are sent from memory; larger ones are read twice, once for their hash.
const MOST_IN_MEMORY: u64 = 256 * 1024;

/// What is put at a key, and what must stand there before.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) body: Body<'a>,
    pub(crate) md5: [u8; 16],
    pub(crate) sha256: Digest,
    pub(crate) size_bytes: u64,
    pub(crate) headers: Headers,
    pub(crate) condition: Condition,
}

/// Where the bytes are.
pub(crate) enum Body<'a> {
    Memory(Bytes),
    File {
        folder: &'a Folder,
        stamp: Stamp,
    },
    /// In a temporary file.
    Temporary(File),
}

/// What must stand at a key for a write to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    Free,
    /// The object of this ETag, as it stands in `If-Match`.
    Is(String),
    /// Anything: the store gives no ETags.
    Any,
}

/// What stands at a key after its write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) etag: Etag,
    pub(crate) sha256: Digest,
    /// Whether the ETag is no MD5, since the object is encrypted with a key of KMS or of its writer's.
    pub(crate) is_etag_opaque: bool,
}

impl<'a> Wanted<'a> {
    /// Bytes at hand.
    pub(crate) fn of_bytes(name: &'a str, bytes: Bytes, headers: Headers, condition: Condition) -> Self {
        let (md5, sha256, size_bytes) = (Md5::digest(&bytes).into(), Digest::of(&bytes), bytes.len() as u64);
        Self { name, body: Body::Memory(bytes), md5, sha256, size_bytes, headers, condition }
    }

    /// Bytes that may be too many for memory.
    pub(crate) fn of_spooled(
        name: &'a str,
        spooled: Spooled,
        headers: Headers,
        condition: Condition,
    ) -> Self {
        let Spooled { bytes, sha256, md5, size_bytes } = spooled;
        let body = match bytes {
            SpooledBytes::Memory(bytes) => Body::Memory(bytes),
            SpooledBytes::File(file) => Body::Temporary(file),
        };
        Self { name, body, md5, sha256, size_bytes, headers, condition }
    }

    /// Whether an object is this one after an answer that told neither its ETag nor its SHA-256: by what it tells itself. One that tells
    /// nothing either is this one by its size, where it is surely not the one of before.
    fn may_be(&self, seen: &Seen) -> bool {
        let is_new = match &self.condition {
            Condition::Is(before) => seen.listed.etag.condition().is_some_and(|there| there != *before),
            // Nothing was there, or nobody can say what was.
            Condition::Free | Condition::Any => true,
        };
        if seen.sha256.is_some() || matches!(seen.listed.etag, Etag::Md5Like(_) if !seen.is_etag_opaque) {
            // Where the headers alone were to become others, the bytes are those of before.
            let are_headers_so = is_new || seen.headers == self.headers;
            return are_headers_so && seen.holds(self.size_bytes, Some(self.sha256), self.md5);
        }
        is_new && seen.listed.size_bytes == self.size_bytes
    }

    /// It stands at its key, as was seen.
    fn written(&self, seen: Seen) -> Written {
        Written { etag: seen.listed.etag, sha256: self.sha256, is_etag_opaque: seen.is_etag_opaque }
    }
}

impl Tree {
    /// Uploads a file of the source, where its key is as the plan saw it. Safe to repeat: a write whose answer was lost is read back.
    ///
    /// # Errors
    /// [`TreeError::Changed`] where the key is not as it was seen, [`TreeError::Moved`] where the file is not, [`TreeError::Unconfirmed`] where
    /// nobody can say what became of it, [`TreeError::Damaged`], [`TreeError::Local`], [`TreeError::Call`], [`TreeError::Stopped`].
    pub(crate) async fn put_file(
        &self,
        source: &Source,
        put: &Put,
        rules: &Rules,
        run: &Run,
    ) -> Result<Written, TreeError> {
        if run.stop().requested().is_some() {
            return Err(TreeError::Stopped { address: self.address().shown(&put.name) });
        }
        let Some(stamp) = source.file(&put.name).map(|file| file.stamp) else {
            return Err(TreeError::Moved { path: source.path().join(&*put.name) });
        };
        let (folder, name) = (source.folder.clone(), put.name.clone());
        let read = tokio::task::spawn_blocking(move || prepare(&folder, &name, stamp));
        let (bytes, md5, sha256) = read.await.unwrap_or_else(|cause| {
            let source = std::io::Error::other(cause.to_string());
            Err(TreeError::Local { path: put.name.as_ref().into(), source })
        })?;
        let condition = match &put.before {
            None => Condition::Free,
            Some(before) => before.etag.condition().map_or(Condition::Any, Condition::Is),
        };
        let wanted = Wanted {
            name: &put.name,
            body: bytes.map_or(Body::File { folder: &source.folder, stamp }, Body::Memory),
            md5,
            sha256,
            size_bytes: stamp.size_bytes,
            headers: rules.headers(&put.name),
            condition,
        };
        self.put(&wanted, run).await
    }

    /// Writes an object where its condition holds.
    pub(crate) async fn put(&self, wanted: &Wanted<'_>, run: &Run) -> Result<Written, TreeError> {
        // Each kind of failure is repeated in one place: what surely was not taken by `call`, what is settled by another look or
        // another try here.
        run.retry("s3.PutObject", again, || self.try_to_put(wanted, run)).await
    }

    async fn try_to_put(&self, wanted: &Wanted<'_>, run: &Run) -> Result<Written, TreeError> {
        let failure = match self.send(wanted, run).await? {
            Ok(answer) => return self.confirm(wanted, &answer, run).await,
            Err(failure) => failure,
        };
        match (failure.status, failure.kind) {
            (Some(412), _) => self.is_there_already(wanted, "it is another one than was listed", run).await,
            (Some(404), FailureKind::Refused) if !failure.is_code("NoSuchBucket") => {
                let what = "it is gone";
                Err(TreeError::Changed { address: self.address().shown(wanted.name), what })
            }
            (Some(400), _) if is_about_bytes(&failure) => Err(self.damaged(wanted, &failure)),
            (_, FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer) => {
                self.read_back(wanted, failure, run).await
            }
            _ => Err(self.failed("cannot write", wanted.name, failure)),
        }
    }

    /// Sends the object once; the outer error is one of this machine.
    async fn send(
        &self,
        wanted: &Wanted<'_>,
        run: &Run,
    ) -> Result<Result<PutObjectOutput, AwsFailure>, TreeError> {
        // Opened before the request, so that a file that cannot be read is no failure of the service.
        if let Body::File { folder, stamp } = &wanted.body {
            open(folder, wanted.name, *stamp)?;
        }
        let what = Call {
            service: Service::S3,
            operation: "PutObject",
            nature: Nature::Write,
            limiter: Some(&self.writes),
        };
        let sent = call(run, what, || self.request(wanted)).await;
        if sent.is_ok() {
            run.counters().sent(wanted.size_bytes);
        }
        Ok(sent)
    }

    async fn request(&self, wanted: &Wanted<'_>) -> Result<PutObjectOutput, PutFailure> {
        let body = match &wanted.body {
            Body::Memory(bytes) => ByteStream::from(bytes.clone()),
            Body::File { folder, stamp } => match open(folder, wanted.name, *stamp) {
                // Should the file change from here on, S3 finds other bytes than were announced.
                Ok((file, stamp)) => stream(file, stamp.size_bytes).await?,
                Err(error) => return Err(SdkError::construction_failure(error)),
            },
            Body::Temporary(file) => {
                // Read from its beginning, at each try; tries come one after the other.
                let again = file.try_clone().and_then(|mut file| file.rewind().map(|()| file));
                stream(again.map_err(SdkError::construction_failure)?, wanted.size_bytes).await?
            }
        };
        let request = self
            .sdk
            .put_object()
            .bucket(self.address().bucket().as_str())
            .key(self.address().key(wanted.name))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(CodeSha256::from(wanted.sha256).to_string())
            .content_length(i64::try_from(wanted.size_bytes).unwrap_or(i64::MAX))
            .set_expected_bucket_owner(self.owner())
            .body(body);
        let request = match &wanted.condition {
            Condition::Free => request.if_none_match("*"),
            Condition::Is(etag) => request.if_match(etag),
            Condition::Any => request,
        };
        let patience = Config::builder().timeout_config(ReleaseStore::patience(wanted.size_bytes));
        let request = with_headers(request, &wanted.headers).customize().config_override(patience);
        match wanted.headers.get("expires").cloned() {
            // As it is: the SDK takes dates alone, and what stood there before an undo may have been none, such as `0`.
            Some(expires) => {
                let set = move |mut sent: HttpRequest| {
                    sent.headers_mut().try_insert("expires", expires.clone()).map(|_| sent)
                };
                request.map_request(set).send().await
            }
            None => request.send().await,
        }
    }

    /// S3 took it: by its own word it has these very bytes.
    async fn confirm(
        &self,
        wanted: &Wanted<'_>,
        answer: &PutObjectOutput,
        run: &Run,
    ) -> Result<Written, TreeError> {
        let etag = Etag::of(answer.e_tag());
        let damaged = |what: String| TreeError::Damaged { address: self.address().shown(wanted.name), what };
        let is_kms = matches!(
            answer.server_side_encryption(),
            Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
        ) || answer.sse_customer_algorithm().is_some();
        let there: Option<CodeSha256> = answer.checksum_sha256().and_then(|text| text.parse().ok());
        match (there, &etag) {
            (Some(there), _) if there.digest() == wanted.sha256 => {}
            (Some(there), _) => {
                return Err(damaged(format!(
                    "it has sha256 {there}, not {}",
                    CodeSha256::from(wanted.sha256)
                )));
            }
            (None, Etag::Md5Like(md5)) if *md5 == wanted.md5 => {}
            (None, Etag::Md5Like(_)) if !is_kms => {
                return Err(damaged("its ETag is not the MD5 of what was sent".to_owned()));
            }
            (None, _) => {
                let seen = self.look(wanted.name, Nature::Confirm, &run.to_its_end()).await?;
                let seen = seen.map(|seen| Seen { is_etag_opaque: seen.is_etag_opaque || is_kms, ..seen });
                return match seen.filter(|seen| wanted.may_be(seen)) {
                    Some(seen) => Ok(wanted.written(seen)),
                    None => Err(damaged("it is not there, or is another one".to_owned())),
                };
            }
        }
        Ok(Written { etag, sha256: wanted.sha256, is_etag_opaque: is_kms })
    }

    /// The key is not as the plan saw it: the object is this one all the same, as after an answer that was lost, or another one.
    async fn is_there_already(
        &self,
        wanted: &Wanted<'_>,
        what: &'static str,
        run: &Run,
    ) -> Result<Written, TreeError> {
        let seen = self.look(wanted.name, Nature::Confirm, &run.to_its_end()).await?;
        match seen {
            Some(seen)
                if seen.holds(wanted.size_bytes, Some(wanted.sha256), wanted.md5)
                    && seen.headers == wanted.headers =>
            {
                Ok(wanted.written(seen))
            }
            Some(_) | None => Err(TreeError::Changed { address: self.address().shown(wanted.name), what }),
        }
    }

    /// No clear answer came: what the key shows is the answer.
    async fn read_back(
        &self,
        wanted: &Wanted<'_>,
        failure: AwsFailure,
        run: &Run,
    ) -> Result<Written, TreeError> {
        let address = self.address().shown(wanted.name);
        let unconfirmed = |cause| TreeError::Unconfirmed {
            address: address.clone(),
            done: "written",
            cause: Box::new(cause),
        };
        let seen = match self.look(wanted.name, Nature::Confirm, &run.to_its_end()).await {
            Ok(seen) => seen,
            Err(cause) => return Err(unconfirmed(cause)),
        };
        let there = seen.as_ref().and_then(|seen| seen.listed.etag.condition());
        match (seen, &wanted.condition) {
            (Some(seen), _)
                if seen.holds(wanted.size_bytes, Some(wanted.sha256), wanted.md5)
                    && seen.headers == wanted.headers =>
            {
                Ok(wanted.written(seen))
            }
            // As before: nothing came of it as far as can be seen.
            (None, Condition::Free) | (_, Condition::Any) => {
                Err(unconfirmed(self.failed("cannot write", wanted.name, failure)))
            }
            (Some(_), Condition::Is(before)) if there.as_ref() == Some(before) => {
                Err(unconfirmed(self.failed("cannot write", wanted.name, failure)))
            }
            (_, Condition::Free | Condition::Is(_)) => {
                Err(TreeError::Changed { address, what: "it is another one than was listed" })
            }
        }
    }

    /// Other bytes arrived than were announced: those of a file that changed meanwhile, or damaged ones.
    fn damaged(&self, wanted: &Wanted<'_>, failure: &AwsFailure) -> TreeError {
        if let Body::File { folder, stamp } = &wanted.body
            && let Err(moved) = open(folder, wanted.name, *stamp)
        {
            return moved;
        }
        TreeError::Damaged { address: self.address().shown(wanted.name), what: failure.to_string() }
    }
}

type PutFailure = SdkError<PutObjectError>;

/// A body that is read as it is sent.
async fn stream(file: File, size_bytes: u64) -> Result<ByteStream, PutFailure> {
    ByteStream::read_from()
        .file(tokio::fs::File::from_std(file))
        .length(Length::Exact(size_bytes))
        .buffer_size(64 * 1024)
        .build()
        .await
        .map_err(SdkError::construction_failure)
}

/// The bytes of a small file, and the hashes of any. Blocks.
type Prepared = (Option<Bytes>, [u8; 16], Digest);

fn prepare(folder: &Folder, name: &str, stamp: Stamp) -> Result<Prepared, TreeError> {
    if stamp.size_bytes <= MOST_IN_MEMORY {
        let bytes = read_whole(folder, name, stamp)?;
        let (md5, sha256) = (Md5::digest(&bytes).into(), Digest::of(&bytes));
        return Ok((Some(bytes.into()), md5, sha256));
    }
    let hashes = hash_one(folder, name, stamp, Which::Both)?;
    Ok((None, hashes.md5.unwrap_or_default(), hashes.sha256.unwrap_or_else(|| Hasher::new().finish())))
}

fn with_headers(mut request: PutObjectFluentBuilder, headers: &Headers) -> PutObjectFluentBuilder {
    for (name, value) in headers {
        request = match name.as_str() {
            "cache-control" => request.cache_control(value),
            "content-disposition" => request.content_disposition(value),
            "content-encoding" => request.content_encoding(value),
            "content-language" => request.content_language(value),
            "content-type" => request.content_type(value),
            // It is set on the finished request.
            "expires" => request,
            own => request.metadata(own.strip_prefix("x-amz-meta-").unwrap_or(own), value),
        };
    }
    request
}

/// What another try at a conditional write may settle.
fn again(error: &TreeError) -> Hint {
    match error {
        // Another writer was at the same key in the same moment: the next try finds the condition broken or not.
        TreeError::Call { failure, .. } if failure.is_code("ConditionalRequestConflict") => Hint::Again,
        // Nothing came of it as far as can be seen; a second try is made under the same condition.
        TreeError::Unconfirmed { cause, .. } => match cause.failure().map(|failure| failure.kind) {
            Some(FailureKind::Unanswered | FailureKind::Server) => Hint::Again,
            _ => Hint::Stop,
        },
        TreeError::Damaged { .. } => Hint::Again,
        _ => Hint::Stop,
    }
}
