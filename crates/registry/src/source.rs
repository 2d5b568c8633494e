//! A blob on its way from source to target: hashed as it passes, resumed where it breaks, held back until it is proved.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use landfall_artifacts::{Digest, Hasher};
use landfall_run::{Event, Run, root_cause};
use landfall_transport::BodyStream;
use tokio::time::Instant;

use crate::{BlobStream, Descriptor, Error, Registry};

/// How often a blob that breaks off is asked for again from where it broke.
const MOST_RESUMES: u32 = 5;
/// The pause before the second resume; the first comes at once.
const PAUSE: Duration = Duration::from_millis(500);
/// Progress is told each time so many bytes have passed.
const STEP_BYTES: u64 = 256 << 10;

/// What is known of a passing blob outside of its stream.
#[derive(Debug)]
pub(crate) struct Passage {
    failure: Mutex<Option<Error>>,
    moved: Mutex<Moved>,
    told: AtomicU64,
}

#[derive(Debug)]
struct Moved {
    at: Instant,
    /// Whether the next byte is for the source to give.
    at_source: bool,
    bytes: u64,
}

impl Passage {
    fn new() -> Self {
        let moved = Moved { at: Instant::now(), at_source: true, bytes: 0 };
        Self { failure: Mutex::default(), moved: Mutex::new(moved), told: AtomicU64::new(0) }
    }

    /// Why the stream ended, where it did not end well.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Bytes that came from the source.
    pub(crate) fn bytes(&self) -> u64 {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Bytes of which progress was told.
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Returns when the target has taken nothing for so long.
    pub(crate) async fn stalled(&self, patience: Duration) {
        loop {
            let left = {
                let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
                if moved.at_source { patience } else { patience.saturating_sub(moved.at.elapsed()) }
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn mark(&self, at_source: bool, bytes: u64) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        *moved = Moved { at: Instant::now(), at_source, bytes };
    }

    fn fail(&self, error: Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// A blob being read from its source.
pub(crate) struct Source {
    /// Where it is asked for again when it breaks off; `None` where its bytes are at hand.
    origin: Option<(Registry, String)>,
    blob: Descriptor,
    label: String,
    run: Run,
    body: Option<BodyStream>,
    hasher: Option<Hasher>,
    received: u64,
    told: u64,
    skip: u64,
    held: Option<Bytes>,
    resumed: u32,
    passage: Arc<Passage>,
}

impl Source {
    /// Opens the blob at its source.
    pub(crate) async fn open(
        registry: &Registry,
        path: &str,
        blob: &Descriptor,
        label: &str,
        run: &Run,
    ) -> Result<Self, Error> {
        let origin = Some((registry.clone(), path.to_owned()));
        let mut source = Self::closed(origin, blob, label, run);
        if blob.size_bytes == 0 {
            let actual = Digest::of(&[]);
            if actual != blob.digest {
                return Err(Error::DigestDiffers { what: source.what(), expected: blob.digest, actual });
            }
            return Ok(source);
        }
        let stream = registry.get_blob_stream(path, blob.digest, 0, run).await?;
        source.take(stream)?;
        Ok(source)
    }

    /// The blob from bytes that are at hand.
    pub(crate) fn of_bytes(bytes: Bytes, blob: &Descriptor, label: &str, run: &Run) -> Self {
        let mut source = Self::closed(None, blob, label, run);
        source.body = Some(Box::pin(futures_util::stream::once(async move { Ok(bytes) })));
        source
    }

    fn closed(origin: Option<(Registry, String)>, blob: &Descriptor, label: &str, run: &Run) -> Self {
        Self {
            origin,
            blob: blob.clone(),
            label: label.to_owned(),
            run: run.clone(),
            body: None,
            hasher: Some(Hasher::new()),
            received: 0,
            told: 0,
            skip: 0,
            held: None,
            resumed: 0,
            passage: Arc::new(Passage::new()),
        }
    }

    pub(crate) fn passage(&self) -> Arc<Passage> {
        Arc::clone(&self.passage)
    }

    /// The bytes for the target. The last of them come only when size and digest of all are right: until then the target
    /// cannot complete the blob.
    pub(crate) fn into_body(self) -> BodyStream {
        Box::pin(futures_util::stream::unfold(Some(self), |state| async move {
            let mut source = state?;
            match source.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(source))),
                Ok(None) => None,
                Err(error) => {
                    let shown = error.to_string();
                    source.passage.fail(error);
                    // The true error is kept beside the stream; this one only breaks the request.
                    let broken = landfall_transport::Error::Unanswered {
                        method: "GET".to_owned(),
                        url: source.what(),
                        changes: false,
                        cause: shown.into(),
                    };
                    Some((Err(broken), None))
                }
            }
        }))
    }

    fn what(&self) -> String {
        match &self.origin {
            Some((registry, path)) => {
                format!("blob {} of {}/{path}", self.blob.digest.short(), registry.host())
            }
            None => format!("blob {}", self.blob.digest.short()),
        }
    }

    fn take(&mut self, stream: BlobStream) -> Result<(), Error> {
        if let Some(actual) = stream.total_bytes.filter(|total| *total != self.blob.size_bytes) {
            return Err(Error::SizeDiffers { what: self.what(), expected: self.blob.size_bytes, actual });
        }
        self.skip = self.received.saturating_sub(stream.starts_at);
        self.body = Some(stream.body);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if self.received == self.blob.size_bytes {
                self.passage.mark(false, self.received);
                return self.proved();
            }
            self.passage.mark(true, self.received);
            let stop = self.run.stop().clone();
            let arrived = match self.body.as_mut() {
                Some(body) => tokio::select! {
                    arrived = body.next() => arrived,
                    () = stop.wait() => {
                        return Err(Error::Stopped { doing: format!("{} was copied", self.what()) });
                    }
                },
                None => None,
            };
            match arrived {
                Some(Ok(bytes)) => {
                    if let Some(ready) = self.pass(bytes)? {
                        self.passage.mark(false, self.received);
                        return Ok(Some(ready));
                    }
                }
                Some(Err(error)) if !error.is_retryable() => {
                    return Err(Registry::failed(&format!("GET {}", self.what()), error));
                }
                Some(Err(error)) => self.resume(root_cause(&error)).await?,
                None => self.resume("it ended before its last byte".to_owned()).await?,
            }
        }
    }

    /// Hashes the bytes and gives out those before them.
    fn pass(&mut self, mut bytes: Bytes) -> Result<Option<Bytes>, Error> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        let mut bytes = bytes.split_off(skipped);
        self.skip -= skipped as u64;
        if bytes.is_empty() {
            return Ok(None);
        }
        let room = self.blob.size_bytes - self.received;
        if bytes.len() as u64 > room {
            let actual = self.received + bytes.len() as u64;
            return Err(Error::SizeDiffers { what: self.what(), expected: self.blob.size_bytes, actual });
        }
        if let Some(hasher) = self.hasher.as_mut() {
            hasher.update(&bytes);
        }
        self.received += bytes.len() as u64;
        if self.received - self.told >= STEP_BYTES || self.received == self.blob.size_bytes {
            let step = self.received - self.told;
            self.run.progress().event(Event::Advanced { item: self.label.clone(), bytes: step });
            self.told = self.received;
            self.passage.told.store(self.told, Ordering::Relaxed);
        }
        // What is given out must not be all there is: one piece always stays here.
        if self.held.is_none() && bytes.len() > 1 && self.received < self.blob.size_bytes {
            let rest = bytes.split_off(bytes.len() - 1);
            self.held = Some(rest);
            return Ok(Some(bytes));
        }
        Ok(self.held.replace(bytes))
    }

    /// The last piece, when everything was right.
    fn proved(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(hasher) = self.hasher.take() else { return Ok(None) };
        let actual = hasher.finish();
        if actual != self.blob.digest {
            return Err(Error::DigestDiffers { what: self.what(), expected: self.blob.digest, actual });
        }
        self.body = None;
        Ok(self.held.take())
    }

    async fn resume(&mut self, mut why: String) -> Result<(), Error> {
        self.body = None;
        loop {
            let Some((registry, path)) = self.origin.clone().filter(|_| self.resumed < MOST_RESUMES) else {
                return Err(Error::Cut {
                    what: self.what(),
                    received: self.received,
                    size: self.blob.size_bytes,
                });
            };
            let pause = if self.resumed == 0 { Duration::ZERO } else { PAUSE * (1 << (self.resumed - 1)) };
            self.resumed += 1;
            self.run.counters().retry();
            self.run.progress().event(Event::Retrying {
                what: format!("GET {} from byte {}", self.what(), self.received),
                why,
                attempt: self.resumed + 1,
                pause,
            });
            tokio::select! {
                () = self.run.clock().sleep(pause) => {}
                () = self.run.stop().wait() => {
                    return Err(Error::Stopped { doing: format!("{} was copied", self.what()) });
                }
            }
            let again = registry.get_blob_stream(&path, self.blob.digest, self.received, &self.run).await;
            match again {
                Ok(stream) => {
                    self.run.counters().resume(stream.starts_at);
                    return self.take(stream);
                }
                // Other faults of opening were repeated already.
                Err(error) if error.is_stale() => why = root_cause(&error),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, Passage};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn only_the_target_can_stall_a_passage() {
        let passage = Passage::new();
        let waited = tokio::time::timeout(Duration::from_secs(600), passage.stalled(PAUSE)).await;
        assert!(waited.is_err(), "the source has limits of its own");
        passage.mark(false, 1);
        passage.stalled(PAUSE).await;
    }
}
