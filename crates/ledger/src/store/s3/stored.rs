//! When S3 took a record, by its own clock.

use landfall_artifacts::LedgerEvent;
use landfall_aws::{Call, Nature, Service, call};
use time::OffsetDateTime;

use super::S3Store;
use crate::error::Error;

impl S3Store {
    /// `Last-Modified` of a record (S3 API reference, `HeadObject`); `None` where the answer has none.
    pub(crate) async fn stored(&self, sequence: u64) -> Result<Option<OffsetDateTime>, Error> {
        let name = LedgerEvent::file_name(sequence);
        let key = self.key(&name);
        let what =
            Call { service: Service::S3, operation: "HeadObject", nature: Nature::Read, limiter: None };
        let request = || {
            self.sdk
                .head_object()
                .bucket(self.bucket.as_str())
                .key(&key)
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        let answer = call(&self.run, what, request)
            .await
            .map_err(|failure| self.failed("cannot look at", &name, failure))?;
        let told = answer.last_modified().map(|time| OffsetDateTime::from_unix_timestamp(time.secs()));
        Ok(told.and_then(Result::ok))
    }
}
