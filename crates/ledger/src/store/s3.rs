//! Records in a bucket: one object each, created where its key is free.

mod notes;
mod stored;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::{AggregatedBytes, ByteStream};
use aws_sdk_s3::types::ChecksumAlgorithm;
use landfall_artifacts::{AccountId, BucketName, CodeSha256, Digest, LedgerEvent};
use landfall_aws::{AwsConfig, AwsFailure, Call, FailureKind, Nature, Service, call};
use landfall_run::Run;

use super::Placed;
use crate::chain::Bad;
use crate::error::Error;

/// The most records below a prefix.
pub(super) const MOST_RECORDS: u64 = 10_000_000;

/// Keys of one page (S3 API reference, `ListObjectsV2`, `MaxKeys`).
const PAGE: u64 = 1000;

/// How often a write without a clear answer is tried again. Each time the key is read first.
const TRIES: u32 = 5;

/// A bucket and a prefix with records.
#[derive(Debug)]
pub(crate) struct S3Store {
    sdk: Client,
    bucket: BucketName,
    prefix: String,
    owner: Option<AccountId>,
    /// A run of its own without a journal: this is the journal.
    run: Run,
}

impl S3Store {
    pub(crate) fn new(
        config: &AwsConfig,
        bucket: BucketName,
        prefix: String,
        owner: Option<AccountId>,
        run: Run,
    ) -> Result<Self, Error> {
        let sdk = config.sdk_config(Service::S3).map_err(|cause| Error::Client { cause })?;
        let settings = aws_sdk_s3::config::Builder::from(&sdk)
            // A bucket in the host name would be another origin than the endpoint's.
            .force_path_style(true)
            .build();
        Ok(Self { sdk: Client::from_conf(settings), bucket, prefix, owner, run })
    }

    pub(crate) fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix.trim_end_matches('/'))
    }

    /// The newest number, found by steps that double and then by halves: some twenty requests for a million records.
    pub(crate) async fn newest(&self) -> Result<u64, Error> {
        let mut found = 0;
        let mut step = PAGE;
        let mut beyond = MOST_RECORDS;
        loop {
            let page = self.page_after(found, PAGE).await?;
            match page.last() {
                None => return Ok(found),
                Some(&last) if (page.len() as u64) < PAGE => return Ok(last),
                Some(&last) => found = last,
            }
            // There is more: jump ahead while records are found there, halve the jump where none are.
            while found + step < beyond {
                if let Some(&next) = self.page_after(found + step, 1).await?.first() {
                    found = next;
                    step *= 2;
                } else {
                    beyond = found + step;
                    step = (step / 2).max(PAGE);
                    if step == PAGE {
                        break;
                    }
                }
            }
        }
    }

    /// The newest number, after a listing of all that shows that none is missing.
    pub(crate) async fn listed(&self) -> Result<u64, Error> {
        let mut last = 0;
        loop {
            let page = self.page_after(last, PAGE).await?;
            for sequence in &page {
                while last + 1 < *sequence {
                    last += 1;
                    // A record may have been put there while the pages were read.
                    if self.get(last).await?.is_none() {
                        let bad = Bad { sequence: last, what: "it is missing".to_owned() };
                        return Err(self.damaged(bad));
                    }
                }
                last = *sequence;
            }
            if page.is_empty() {
                return Ok(last);
            }
        }
    }

    /// The bytes of a record; `None` where there is none.
    pub(crate) async fn get(&self, sequence: u64) -> Result<Option<Vec<u8>>, Error> {
        self.read(&LedgerEvent::file_name(sequence), LedgerEvent::MAX_BYTES).await
    }

    /// At most one byte more than `most` of an object below the prefix: that it is too large is seen by that one.
    pub(crate) async fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Error> {
        self.fetch(name, most, Nature::Read).await
    }

    async fn fetch(&self, name: &str, most: usize, nature: Nature) -> Result<Option<Vec<u8>>, Error> {
        let key = self.key(name);
        let what = Call { service: Service::S3, operation: "GetObject", nature, limiter: None };
        let request = || {
            self.sdk
                .get_object()
                .bucket(self.bucket.as_str())
                .key(&key)
                .range(format!("bytes=0-{most}"))
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        match call(&self.run, what, request).await {
            Ok(answer) => match answer.body.collect().await.map(AggregatedBytes::into_bytes) {
                Ok(bytes) => Ok(Some(bytes.to_vec())),
                Err(_) => Err(self.unreadable(name)),
            },
            Err(failure) if failure.is_code("NoSuchKey") => Ok(None),
            // An object of no bytes has no range.
            Err(failure) if failure.status == Some(416) => Ok(Some(Vec::new())),
            Err(failure) => Err(self.failed("cannot read", name, failure)),
        }
    }

    /// Puts an object at a name that nothing has. Where no clear answer came, the key tells: each record holds a number of its
    /// writer, so that nobody takes another's for his own.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<Placed, Error> {
        let mut was_sent = false;
        for _ in 0..TRIES {
            let failure = match self.create(name, &bytes).await {
                Ok(()) => return Ok(Placed::New),
                Err(failure) => failure,
            };
            match (failure.status, failure.kind) {
                (Some(412), _) if !was_sent => return Ok(Placed::Taken),
                // Another writer is at the key in the same moment: the next try finds it taken or free.
                _ if failure.is_code("ConditionalRequestConflict") => {}
                (Some(412), _) | (_, FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer) => {
                    was_sent = true;
                    match self.fetch(name, bytes.len(), Nature::Confirm).await {
                        Ok(Some(found)) if found == bytes => return Ok(Placed::New),
                        Ok(Some(_)) => return Ok(Placed::Taken),
                        Ok(None) => {}
                        Err(cause) => {
                            return Err(Error::Unconfirmed {
                                address: self.address(name),
                                cause: Box::new(cause),
                            });
                        }
                    }
                }
                _ => return Err(self.failed("cannot write", name, failure)),
            }
        }
        let cause = Error::Crowded { place: self.place(), attempts: TRIES };
        Err(Error::Unconfirmed { address: self.address(name), cause: Box::new(cause) })
    }

    async fn create(&self, name: &str, bytes: &[u8]) -> Result<(), AwsFailure> {
        let (key, sha256) = (self.key(name), CodeSha256::from(Digest::of(bytes)));
        let what =
            Call { service: Service::S3, operation: "PutObject", nature: Nature::Write, limiter: None };
        let request = || {
            self.sdk
                .put_object()
                .bucket(self.bucket.as_str())
                .key(&key)
                .if_none_match("*")
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(sha256.to_string())
                .content_type("application/json")
                .set_expected_bucket_owner(self.owner())
                .body(ByteStream::from(bytes.to_vec()))
                .send()
        };
        call(&self.run, what, request).await.map(drop)
    }

    /// At most `most` numbers after one, in their order; keys that are no record's are passed over.
    async fn page_after(&self, after: u64, most: u64) -> Result<Vec<u64>, Error> {
        let mut start = self.key(&LedgerEvent::file_name(after));
        loop {
            let page = self.list(&start, most).await?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let mut found = Vec::new();
            let mut last_key = None;
            for key in keys {
                let name = key
                    .strip_prefix(self.prefix.as_str())
                    .ok_or_else(|| self.listing("a key is not below the prefix"))?;
                if last_key.is_some_and(|last: &str| last >= key) || key <= start.as_str() {
                    return Err(self.listing("keys are out of order"));
                }
                last_key = Some(key);
                if let Some(sequence) = LedgerEvent::sequence_of(name) {
                    if sequence == 0 || sequence > MOST_RECORDS {
                        let what = format!("no ledger has it; the last may be {MOST_RECORDS}");
                        return Err(self.damaged(Bad { sequence, what }));
                    }
                    found.push(sequence);
                }
            }
            // Other keys may fill a page; names of records begin with a digit, so that nothing after them is of interest.
            let Some(last_key) = last_key else { return Ok(found) };
            let is_over = !page.is_truncated().unwrap_or_default()
                || last_key[self.prefix.len()..].bytes().next().is_some_and(|first| first > b'9');
            if !found.is_empty() || is_over {
                return Ok(found);
            }
            last_key.clone_into(&mut start);
        }
    }

    /// The names of what stands right below the prefix and begins with `begin`, at most `most` of them.
    pub(crate) async fn names(&self, begin: &str, most: usize) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = Vec::new();
        let mut start = self.key(begin);
        loop {
            let page = self.list(&start, PAGE).await?;
            let mut is_over = !page.is_truncated().unwrap_or_default();
            let before = start.clone();
            for key in page.contents().iter().filter_map(|object| object.key()) {
                if key <= start.as_str() {
                    return Err(self.listing("keys are out of order"));
                }
                key.clone_into(&mut start);
                let name = key
                    .strip_prefix(self.prefix.as_str())
                    .ok_or_else(|| self.listing("a key is not below the prefix"))?;
                if !name.starts_with(begin) {
                    is_over = true;
                    break;
                }
                names.push(name.to_owned());
            }
            if is_over || names.len() > most || start == before {
                return Ok(names);
            }
        }
    }

    async fn list(&self, start: &str, most: u64) -> Result<ListObjectsV2Output, Error> {
        let what =
            Call { service: Service::S3, operation: "ListObjectsV2", nature: Nature::Read, limiter: None };
        let request = || {
            self.sdk
                .list_objects_v2()
                .bucket(self.bucket.as_str())
                .prefix(&self.prefix)
                .start_after(start)
                .max_keys(i32::try_from(most).unwrap_or(1000))
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        call(&self.run, what, request).await.map_err(|failure| Error::Call {
            what: "cannot list",
            address: self.place(),
            failure: Box::new(failure),
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn address(&self, name: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(name))
    }

    fn owner(&self) -> Option<String> {
        self.owner.as_ref().map(ToString::to_string)
    }

    fn failed(&self, what: &'static str, name: &str, failure: AwsFailure) -> Error {
        Error::Call { what, address: self.address(name), failure: Box::new(failure) }
    }

    fn unreadable(&self, name: &str) -> Error {
        let what = "its bytes cannot be read".to_owned();
        match LedgerEvent::sequence_of(name) {
            Some(sequence) => self.damaged(Bad { sequence, what }),
            None => Error::Checkpoint { address: self.address(name), what },
        }
    }

    fn listing(&self, what: &str) -> Error {
        Error::Listing { place: self.place(), what: what.to_owned() }
    }

    fn damaged(&self, bad: Bad) -> Error {
        Error::Damaged { place: self.place(), sequence: bad.sequence, what: bad.what }
    }
}
