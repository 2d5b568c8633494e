//! One blob from source to target.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use landfall_run::{Hint, Run};

use crate::source::Source;
use crate::{Begun, Descriptor, Error, Registry};

/// How long a target may take no byte, and how long it may take to confirm a blob.
const TARGET_PATIENCE: Duration = Duration::from_secs(300);

/// A blob, from where, and to where.
pub(super) struct Job<'a> {
    pub(super) source: &'a Registry,
    pub(super) source_path: &'a str,
    pub(super) target: &'a Registry,
    pub(super) target_path: &'a str,
    pub(super) blob: &'a Descriptor,
    /// A repository of the target registry that has the blob.
    pub(super) mount_from: Option<&'a str>,
    /// What the blob is called while it is copied.
    pub(super) label: String,
}

/// How a blob got to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// Its bytes were sent.
    Sent(u64),
    /// The target took it over from another repository of its own, or had it already.
    There,
}

/// A failed attempt, and whether another may do better. What the requests themselves repeat is not repeated here.
struct Failed {
    error: Error,
    again: bool,
}

impl Failed {
    fn last(error: Error) -> Self {
        Self { error, again: false }
    }

    fn hint(&self) -> Hint {
        match (self.again, self.error.hint()) {
            (false, _) => Hint::Stop,
            (true, Hint::After(pause)) => Hint::After(pause),
            (true, Hint::Again | Hint::Stop) => Hint::Again,
        }
    }
}

impl Job<'_> {
    /// Copies the blob; when it returns, the target has it whole and verified.
    pub(super) async fn run(&self, run: &Run) -> Result<Arrived, Error> {
        let attempts = AtomicU32::new(0);
        let what = format!("copy blob {}", self.blob.digest.short());
        let result = run
            .retry(&what, Failed::hint, || {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst) + 1;
                self.attempt(attempt, run)
            })
            .await;
        result.map_err(|failed| failed.error)
    }

    async fn attempt(&self, attempt: u32, run: &Run) -> Result<Arrived, Failed> {
        let digest = self.blob.digest;
        // The answer to an attempt may have been lost after the blob was stored.
        if attempt > 1 && self.target.has_blob(self.target_path, digest, run).await.map_err(Failed::last)? {
            return Ok(Arrived::There);
        }
        let mut session = None;
        if let Some(from) = self.mount_from {
            let begun = self.target.begin_upload(self.target_path, digest, Some(from), run);
            match begun.await.map_err(Failed::last)? {
                Begun::Mounted => return Ok(Arrived::There),
                Begun::Session(opened) => session = Some(opened),
            }
        }
        // The upload is begun when the source gives its first bytes: a slow source would let the session grow old.
        let source = Source::open(self.source, self.source_path, self.blob, &self.label, run)
            .await
            .map_err(|error| Failed { again: error.is_stale(), error })?;
        let session = match session {
            Some(session) => session,
            None => match self
                .target
                .begin_upload(self.target_path, digest, None, run)
                .await
                .map_err(Failed::last)?
            {
                Begun::Mounted => return Ok(Arrived::There),
                Begun::Session(session) => session,
            },
        };
        let passage = source.passage();
        let sending = self.target.finish_upload(session, self.blob.size_bytes, source.into_body(), run);
        let sent = tokio::select! {
            sent = sending => sent,
            () = passage.stalled(TARGET_PATIENCE) => Err(Error::TargetStalled {
                target: format!("{}/{}", self.target.host(), self.target_path),
                waited: TARGET_PATIENCE,
            }),
        };
        match (passage.failure(), sent) {
            // What went wrong at the source was resumed as often as it is borne.
            (Some(error), _) => Err(Failed::last(error)),
            (None, Ok(())) => Ok(Arrived::Sent(passage.bytes())),
            (None, Err(error)) => {
                // A token may run out on the way: the next attempt begins with a new one.
                let outlived = attempt == 1 && matches!(error, Error::LoginRefused { .. });
                let again = outlived || Registry::may_begin_again(&error);
                Err(Failed { error, again })
            }
        }
    }
}
