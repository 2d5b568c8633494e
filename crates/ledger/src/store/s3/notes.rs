//! Notes in a bucket, below the prefix of the records.

use aws_sdk_s3::primitives::AggregatedBytes;
use landfall_aws::{AwsFailure, Call, FailureKind, Nature, Service, call};

use super::{PAGE, S3Store};
use crate::drawer::{MOST_BYTES, MOST_LISTED, is_name};
use crate::error::Error;

impl S3Store {
    /// Puts a note where none of its name is. Where no clear answer came, the key tells.
    pub(crate) async fn put_note(&self, drawer: &str, name: &str, bytes: Vec<u8>) -> Result<bool, Error> {
        let key = self.note(drawer, name);
        let created = self.create(&format!("{drawer}/{name}"), &bytes).await;
        let Err(failure) = created else { return Ok(true) };
        let is_doubtful = matches!(
            (failure.status, failure.kind),
            (Some(412), _) | (_, FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer)
        );
        if !is_doubtful && !failure.is_code("ConditionalRequestConflict") {
            return Err(self.note_failed("cannot write", &key, failure));
        }
        match self.read_note(&key, Nature::Confirm).await? {
            // Of another writer of the same note, or ours of a first try whose answer was lost: it is there.
            Some(found) => Ok(found == bytes && failure.status != Some(412)),
            None => Err(self.note_failed("cannot write", &key, failure)),
        }
    }

    /// A note; `None` where there is none.
    pub(crate) async fn get_note(&self, drawer: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read_note(&self.note(drawer, name), Nature::Read).await
    }

    async fn read_note(&self, key: &str, nature: Nature) -> Result<Option<Vec<u8>>, Error> {
        let request = || {
            self.sdk
                .get_object()
                .bucket(self.bucket.as_str())
                .key(key)
                // One byte more than a note may have tells that it is too large without reading all of it.
                .range(format!("bytes=0-{MOST_BYTES}"))
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        let odd = |what: &str| Error::Listing { place: self.note_address(key), what: what.to_owned() };
        match call(&self.run, operation("GetObject", nature), request).await {
            Ok(answer) => match answer.body.collect().await.map(AggregatedBytes::into_bytes) {
                Ok(bytes) if bytes.len() > MOST_BYTES => Err(odd("the note is larger than one may be")),
                Ok(bytes) => Ok(Some(bytes.to_vec())),
                Err(_) => Err(odd("its bytes cannot be read")),
            },
            Err(failure) if failure.is_code("NoSuchKey") => Ok(None),
            // An object of no bytes has no range.
            Err(failure) if failure.status == Some(416) => Ok(Some(Vec::new())),
            Err(failure) => Err(self.note_failed("cannot read", key, failure)),
        }
    }

    /// The first names behind `after`, in their order.
    pub(crate) async fn list_notes(&self, drawer: &str, after: &str) -> Result<Vec<String>, Error> {
        let prefix = self.note(drawer, "");
        let mut start = format!("{prefix}{after}");
        let mut names = Vec::new();
        // Keys that are no notes may fill pages; so many of them are no drawer.
        for _ in 0..10 {
            let request = || {
                self.sdk
                    .list_objects_v2()
                    .bucket(self.bucket.as_str())
                    .prefix(&prefix)
                    .start_after(&start)
                    .max_keys(i32::try_from(PAGE).unwrap_or(1000))
                    .set_expected_bucket_owner(self.owner())
                    .send()
            };
            let page = call(&self.run, operation("ListObjectsV2", Nature::Read), request)
                .await
                .map_err(|failure| self.note_failed("cannot list", &prefix, failure))?;
            let mut last = None;
            for key in page.contents().iter().filter_map(|object| object.key()) {
                if key <= start.as_str() || last.is_some_and(|last: &str| last >= key) {
                    return Err(Error::Listing {
                        place: self.note_address(&prefix),
                        what: "keys are out of order".to_owned(),
                    });
                }
                last = Some(key);
                names.extend(key.strip_prefix(&prefix).filter(|name| is_name(name)).map(str::to_owned));
            }
            let last = last.map(str::to_owned);
            match last.filter(|_| page.is_truncated().unwrap_or_default() && names.len() < MOST_LISTED) {
                Some(last) => start = last,
                None => break,
            }
        }
        names.truncate(MOST_LISTED);
        Ok(names)
    }

    /// Takes a note away.
    pub(crate) async fn remove_note(&self, drawer: &str, name: &str) -> Result<(), Error> {
        let key = self.note(drawer, name);
        let request = || {
            self.sdk
                .delete_object()
                .bucket(self.bucket.as_str())
                .key(&key)
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        // Taking it away twice is taking it away once.
        match call(&self.run, operation("DeleteObject", Nature::Confirm), request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_code("NoSuchKey") => Ok(()),
            Err(failure) => Err(self.note_failed("cannot remove", &key, failure)),
        }
    }

    fn note(&self, drawer: &str, name: &str) -> String {
        format!("{}{drawer}/{name}", self.prefix)
    }

    fn note_address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    fn note_failed(&self, what: &'static str, key: &str, failure: AwsFailure) -> Error {
        Error::Call { what, address: self.note_address(key), failure: Box::new(failure) }
    }
}

fn operation(operation: &'static str, nature: Nature) -> Call<'static> {
    Call { service: Service::S3, operation, nature, limiter: None }
}
