//! What single objects are: by a HEAD, where a listing does not tell.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, ServerSideEncryption};
use landfall_artifacts::{CodeSha256, Digest};
use landfall_aws::{Call, FailureKind, Nature, Service, call};
use landfall_run::Run;

use super::etag::{Etag, Listed};
use super::headers::Headers;
use super::in_turn::in_turn;
use super::{Tree, TreeError};

/// Objects that are looked at at a time.
const AT_ONCE: usize = 32;

/// An object that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) listed: Listed,
    /// SHA-256 of its bytes, where its writer gave one.
    pub(crate) sha256: Option<Digest>,
    pub(crate) headers: Headers,
    /// Whether its ETag is no MD5, since it is encrypted with a key of KMS or of its writer's.
    pub(crate) is_etag_opaque: bool,
    /// Its version, in a bucket that keeps versions.
    pub(crate) version: Option<String>,
}

impl Seen {
    fn of(answer: &HeadObjectOutput) -> Self {
        let sse = answer.server_side_encryption();
        let is_kms = matches!(sse, Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse));
        let mut headers = Headers::new();
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                headers.insert(name.to_owned(), value.to_owned());
            }
        };
        add("cache-control", answer.cache_control());
        add("content-disposition", answer.content_disposition());
        // How the body once came over is kept by some stores, and is no property of the object.
        add("content-encoding", answer.content_encoding().filter(|value| *value != "aws-chunked"));
        add("content-language", answer.content_language());
        add("content-type", answer.content_type());
        add("expires", answer.expires_string());
        for (name, value) in answer.metadata().into_iter().flatten() {
            add(&format!("x-amz-meta-{}", name.to_ascii_lowercase()), Some(value));
        }
        Self {
            listed: Listed {
                size_bytes: answer
                    .content_length()
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or_default(),
                etag: Etag::of(answer.e_tag()),
                modified: answer.last_modified().and_then(|time| time.to_millis().ok()).unwrap_or(i64::MAX),
            },
            // That of an upload in parts is a hash of hashes and is written in another way.
            sha256: answer
                .checksum_sha256()
                .and_then(|text| text.parse::<CodeSha256>().ok())
                .map(CodeSha256::digest),
            headers,
            is_etag_opaque: is_kms || answer.sse_customer_algorithm().is_some(),
            version: answer.version_id().filter(|version| *version != "null").map(str::to_owned),
        }
    }

    /// Whether it holds these bytes, as far as it tells: by its SHA-256, else by an ETag that is an MD5.
    pub(crate) fn holds(&self, size_bytes: u64, sha256: Option<Digest>, md5: [u8; 16]) -> bool {
        let is_same = match (self.sha256, sha256) {
            (Some(there), Some(wanted)) => there == wanted,
            _ => self.listed.etag == Etag::Md5Like(md5) && !self.is_etag_opaque,
        };
        is_same && self.listed.size_bytes == size_bytes
    }
}

impl Tree {
    /// What an object is; `None` where there is none.
    pub(crate) async fn look(
        &self,
        name: &str,
        nature: Nature,
        run: &Run,
    ) -> Result<Option<Seen>, TreeError> {
        self.look_at(name, None, nature, run).await
    }

    /// The same of that one of its versions.
    pub(crate) async fn look_at(
        &self,
        name: &str,
        version: Option<&str>,
        nature: Nature,
        run: &Run,
    ) -> Result<Option<Seen>, TreeError> {
        let what = Call { service: Service::S3, operation: "HeadObject", nature, limiter: Some(&self.reads) };
        let request = || {
            self.sdk
                .head_object()
                .bucket(self.address().bucket().as_str())
                .key(self.address().key(name))
                .checksum_mode(ChecksumMode::Enabled)
                .set_version_id(version.map(str::to_owned))
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        match call(run, what, request).await {
            Ok(answer) => Ok(Some(Seen::of(&answer))),
            Err(failure) if failure.status == Some(404) && failure.kind == FailureKind::Refused => Ok(None),
            Err(failure) => Err(self.failed("cannot look at", name, failure)),
        }
    }

    /// The same of several: `each` has them in their order, as they come, since all of them may be too many for memory.
    ///
    /// # Errors
    /// The first one: what stands in the way of one mostly stands in the way of all.
    pub(crate) async fn look_all(
        &self,
        names: Vec<&str>,
        run: &Run,
        mut each: impl FnMut(Option<Seen>),
    ) -> Result<(), TreeError> {
        let (mut names, mut failure) = (names.into_iter(), None);
        let has_failed = AtomicBool::new(false);
        in_turn(
            AT_ONCE,
            || {
                names
                    .next()
                    .filter(|_| !has_failed.load(Ordering::Relaxed))
                    .map(|name| self.look(name, Nature::Read, run))
            },
            |one| match one {
                // Without the one that failed, those after it would be taken for others.
                Ok(one) if failure.is_none() => each(one),
                Ok(_) => {}
                Err(error) => {
                    has_failed.store(true, Ordering::Relaxed);
                    failure.get_or_insert(error);
                }
            },
        )
        .await;
        failure.map_or(Ok(()), Err)
    }

    pub(crate) fn failed(
        &self,
        what: &'static str,
        name: &str,
        failure: landfall_aws::AwsFailure,
    ) -> TreeError {
        TreeError::Call { what, address: self.address().shown(name), failure: Box::new(failure) }
    }
}
