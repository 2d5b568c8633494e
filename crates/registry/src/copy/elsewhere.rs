//! Blobs that another part of the work brings: they are waited for, so that no byte goes over the wire twice.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use landfall_run::Run;
use tokio::time::Instant;

use super::schedule::BlobJob;
use crate::Registry;

/// How long no blob of another part may come before they are sent from here: that part may not have begun, or be gone.
const PATIENCE: Duration = Duration::from_secs(15);

/// The slowest that another part is thought to send, in bytes a second: a large blob is there when its last byte is.
const SLOWEST: u64 = 4 << 20;

/// How often the target is asked.
const PAUSE: Duration = Duration::from_millis(500);

/// What is known of the other parts.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// When one of them was last seen to bring something; at first when it was first waited for.
    news: Mutex<Option<Instant>>,
}

impl Elsewhere {
    /// Waits until the target has the blob; false where it is to be sent from here after all.
    pub(super) async fn comes(&self, job: &BlobJob, target: &Registry, run: &Run) -> bool {
        let patience = PATIENCE + Duration::from_secs(job.blob.size_bytes / SLOWEST);
        loop {
            match target.has_blob(job.target.path(), job.blob.digest, run).await {
                Ok(true) => {
                    *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    return true;
                }
                Ok(false) if self.waited() < patience => {}
                // What stands in the way the sending finds out, and tells.
                Ok(false) | Err(_) => return false,
            }
            tokio::select! {
                () = run.clock().sleep(PAUSE) => {}
                () = run.stop().wait() => return false,
            }
        }
    }

    fn waited(&self) -> Duration {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        news.get_or_insert_with(Instant::now).elapsed()
    }
}
