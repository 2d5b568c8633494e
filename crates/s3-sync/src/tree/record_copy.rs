//! A copy of a publication's record beside the old bytes, where those are kept below a prefix: the next run finds it there, on whichever
//! machine that is.

use std::path::Path;

use landfall_run::Run;

use super::apply::{ChangeResult, outcome};
use super::headers::Headers;
use super::put::{Condition, Wanted};
use super::record::SyncRecord;
use super::spool::{self, spooled_file};
use super::{Labels, Tree, TreeAddress, TreeError};

/// Where the copy is, and what must stand there when it is put.
#[derive(Debug)]
pub struct RecordCopy {
    place: Tree,
    name: String,
    over: Condition,
}

impl Tree {
    /// The place of the copy below the prefix of old bytes, and the record that the last publication of this prefix left there. Who may
    /// not read it is told of none, and cannot write over it later. Only reads.
    ///
    /// # Errors
    /// [`TreeError::CannotKeep`] where what stands there is no record; [`TreeError::Call`], [`TreeError::Temporary`].
    pub async fn record_copy(
        &self,
        below: &TreeAddress,
        run: &Run,
    ) -> Result<(RecordCopy, Option<SyncRecord>), TreeError> {
        let (bucket, prefix) = (self.address().bucket(), self.address().prefix());
        // Old bytes are below the time of their publication, which begins with a digit.
        let name = format!("records/{bucket}/{prefix}{}", SyncRecord::FILE_NAME);
        let mut copy = RecordCopy { place: self.at(below.clone()), name, over: Condition::Free };
        let found = match copy.place.read_spooled(&copy.name, None, SyncRecord::MAX_BYTES, run).await {
            // Who may not list the bucket hears that of a key that is not there (S3 API reference, "GetObject", Permissions).
            Err(TreeError::Call { failure, .. }) if failure.status == Some(403) => None,
            read => read?,
        };
        let Some((spooled, etag)) = found else { return Ok((copy, None)) };
        copy.over = etag.map_or(Condition::Any, Condition::Is);
        let read = tokio::task::spawn_blocking(move || SyncRecord::read(spooled.bytes.reader())).await;
        match read {
            Ok(Ok(Ok(record))) => Ok((copy, Some(record))),
            Ok(Ok(Err(why))) => Err(self.no_record(&copy, &why)),
            Ok(Err(error)) => Err(spool::failed(error)),
            Err(cause) => Err(self.no_record(&copy, &cause.to_string())),
        }
    }

    fn no_record(&self, copy: &RecordCopy, why: &str) -> TreeError {
        let there = copy.place.address().shown(&copy.name);
        let what = format!("{there} should be the record of the last publication, and is none: {why}");
        TreeError::CannotKeep { address: self.address().to_string(), what }
    }
}

impl RecordCopy {
    /// Puts a copy of the record's file there, where what was found or put there last still stands.
    ///
    /// # Errors
    /// What keeps the file from being read or the copy from being written, as of any upload; [`TreeError::Journal`].
    pub async fn put(&mut self, record: &Path, labels: &Labels, run: &Run) -> Result<(), TreeError> {
        let spooled = spooled_file(record, SyncRecord::MAX_BYTES).await?;
        let names = std::iter::once(self.name.as_str());
        let intent = self.place.intend("PutObject", spooled.sha256, names, labels, run).await?;
        let headers = Headers::from([("content-type".to_owned(), "application/json".to_owned())]);
        let wanted = Wanted::of_spooled(&self.name, spooled, headers, self.over.clone());
        let result = [ChangeResult::of(self.place.put(&wanted, run).await.map(Some))];
        self.place.ended(intent, outcome(&result, run), run).await;
        let [ChangeResult { etag, error, .. }] = result;
        if let Some(error) = error {
            return Err(*error);
        }
        self.over = etag.and_then(|etag| etag.condition()).map_or(Condition::Any, Condition::Is);
        Ok(())
    }
}
