//! One blob from source to target.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use landfall_run::{Event, Hint, Run};

use crate::source::Source;
use crate::{Begun, Descriptor, Error, Registry};

/// How long a target may take no byte, and how long it may take to confirm a blob.
const TARGET_PATIENCE: Duration = Duration::from_secs(300);

/// How long a target that has all bytes may take to confirm them after a stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A blob, from where, and to where.
pub(super) struct Job<'a> {
    /// Where it can be had, one or more registries with a path each; the next is asked where one has it not.
    pub(super) sources: Vec<(&'a Registry, &'a str)>,
    pub(super) target: &'a Registry,
    pub(super) target_path: &'a str,
    pub(super) blob: &'a Descriptor,
    /// Its bytes, where they are at hand.
    pub(super) kept: Option<Bytes>,
    /// A repository of the target registry that has the blob.
    pub(super) mount_from: Option<&'a str>,
    /// Whether the target says that it has blobs which it has not: its word is not taken for this one.
    pub(super) distrust: bool,
}

/// How a blob got to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// Its bytes were sent.
    Sent {
        /// So many.
        bytes: u64,
        /// Whether the target was asked to take it over from another repository, and wanted the bytes.
        mount_refused: bool,
    },
    /// The target took it over from another repository of its own.
    Mounted,
    /// The target had it already.
    There,
}

/// A failed attempt, and whether another may do better. What the requests themselves repeat is not repeated here.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct Failed {
    #[source]
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
    /// Copies the blob; when it returns, the target has it whole and verified. Content that differs from its digest is fetched
    /// once more: it may have been damaged on its way.
    pub(super) async fn run(&self, run: &Run) -> Result<Arrived, Error> {
        let item = self.item();
        run.progress().event(Event::Started { item: item.clone(), size_bytes: Some(self.blob.size_bytes) });
        let result = self.try_sources(run).await;
        run.progress().event(Event::Closed { item });
        result
    }

    async fn try_sources(&self, run: &Run) -> Result<Arrived, Error> {
        let mut last = None;
        for (registry, path) in &self.sources {
            match self.bring(registry, path, run).await {
                Err(missing @ Error::BlobMissing { .. }) => {
                    last.get_or_insert(missing);
                }
                other => return other,
            }
        }
        let host = || Error::UnknownHost { host: "the source".to_owned() };
        Err(last.unwrap_or_else(host))
    }

    async fn bring(&self, source: &Registry, path: &str, run: &Run) -> Result<Arrived, Error> {
        let (attempts, differed) = (AtomicU32::new(0), AtomicBool::new(false));
        let what = format!("copy blob {}", self.blob.digest.short());
        let result = run
            .retry(&what, Failed::hint, || {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst) + 1;
                // Boxed, so that every caller's future is not as large as this one.
                let attempted = Box::pin(self.attempt(source, path, attempt, run));
                async {
                    attempted.await.map_err(|failed| match failed.error {
                        Error::DigestDiffers { .. } if !differed.swap(true, Ordering::SeqCst) => {
                            Failed { again: true, ..failed }
                        }
                        _ => failed,
                    })
                }
            })
            .await;
        result.map_err(|failed| without_effect(failed.error))
    }

    async fn attempt(
        &self,
        source: &Registry,
        path: &str,
        attempt: u32,
        run: &Run,
    ) -> Result<Arrived, Failed> {
        let digest = self.blob.digest;
        if run.stop().requested().is_some() {
            return Err(Failed::last(self.stopped()));
        }
        // The answer to an attempt may have been lost after the blob was stored.
        if attempt > 1
            && !self.distrust
            && self.target.has_blob(self.target_path, digest, run).await.map_err(Failed::last)?
        {
            return Ok(Arrived::There);
        }
        let mut session = None;
        if let Some(from) = self.mount_from {
            let begun = self.target.begin_upload(self.target_path, digest, Some(from), run);
            match begun.await {
                Ok(Begun::Mounted) => return Ok(Arrived::Mounted),
                Ok(Begun::Session(opened)) => session = Some(opened),
                // A mount only saves bytes, and needs rights in two repositories: without it the blob is sent.
                Err(error) if refuses_mount(&error) => {}
                Err(error) => return Err(Failed::last(error)),
            }
        }
        let opening = async {
            match &self.kept {
                Some(bytes) => Ok(Source::of_bytes(bytes.clone(), self.blob, &self.item(), run)),
                None => Source::open(source, path, self.blob, &self.item(), run)
                    .await
                    .map_err(|error| Failed { again: error.is_stale(), error }),
            }
        };
        // Both at once: each is a round trip that the other need not wait for.
        let beginning = async {
            if let Some(session) = session {
                return Ok(Begun::Session(session));
            }
            self.target.begin_upload(self.target_path, digest, None, run).await.map_err(Failed::last)
        };
        let (source, session) = match tokio::try_join!(opening, beginning)? {
            (_, Begun::Mounted) => return Ok(Arrived::Mounted),
            (source, Begun::Session(session)) => (source, session),
        };
        let passage = source.passage();
        let sending = self.target.finish_upload(session, self.blob.size_bytes, source.into_body(), run);
        let sent = tokio::select! {
            sent = sending => sent,
            () = passage.stalled(TARGET_PATIENCE) => Err(Error::TargetStalled {
                target: format!("{}/{}", self.target.host(), self.target_path),
                waited: TARGET_PATIENCE,
            }),
            // The source heeds a stop by itself; a target that takes no bytes, or is slow to confirm them, does not.
            () = stopped_for(STOP_GRACE, run) => Err(self.stopped()),
        };
        let failed = match (passage.failure(), sent) {
            // What went wrong at the source was resumed as often as it is borne.
            (Some(error), _) => Failed::last(error),
            (None, Ok(())) => {
                let mount_refused = self.mount_from.is_some();
                return Ok(Arrived::Sent { bytes: passage.bytes(), mount_refused });
            }
            (None, Err(error)) => {
                // A token may run out on the way: the next attempt begins with a new one.
                let outlived = attempt == 1 && matches!(error, Error::LoginRefused { .. });
                let again = outlived || Registry::may_begin_again(&error);
                Failed { error, again }
            }
        };
        run.progress().event(Event::Rewound { item: self.item(), bytes: passage.told() });
        Err(failed)
    }

    /// What the blob is called while it is copied.
    fn item(&self) -> String {
        let repository = self.target_path.rsplit('/').next().unwrap_or_default();
        format!("{} {repository}", &self.blob.digest.hex()[..12])
    }

    fn stopped(&self) -> Error {
        let (digest, host) = (self.blob.digest.short(), self.target.host());
        Error::Stopped { doing: format!("blob {digest} was copied to {host}/{}", self.target_path) }
    }
}

async fn stopped_for(grace: Duration, run: &Run) {
    run.stop().wait().await;
    run.clock().sleep(grace).await;
}

/// Whether a mount was refused in a way that says nothing about a plain upload.
fn refuses_mount(error: &Error) -> bool {
    match error {
        Error::NoLogin { .. }
        | Error::LoginRefused { .. }
        | Error::Denied { .. }
        | Error::RepositoryMissing { .. } => true,
        Error::Answer { status, .. } => (400..500).contains(status) && *status != 429,
        _ => false,
    }
}

/// A blob whose upload got no answer leaves nothing unknown: no tag names it yet, and the next run looks for it.
fn without_effect(error: Error) -> Error {
    match error {
        Error::Transport { doing, cause } => {
            let cause = match *cause {
                landfall_transport::Error::Unanswered { method, url, cause, .. } => {
                    landfall_transport::Error::Unanswered { method, url, changes: false, cause }
                }
                other => other,
            };
            Error::transport(doing, cause)
        }
        other => other,
    }
}
