//! What a run has sent and received.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests by kind, bytes and retries of a run.
#[derive(Debug, Default)]
pub struct Counters {
    requests: Mutex<BTreeMap<String, u64>>,
    received: AtomicU64,
    sent: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    resumed: AtomicU64,
}

/// Bytes of bodies over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Received, in bytes.
    pub received_bytes: u64,
    /// Sent, in bytes.
    pub sent_bytes: u64,
}

impl Counters {
    /// Counts a request of a kind such as `lambda.GetFunction` or `registry.GET`.
    pub fn request(&self, kind: &str) {
        let mut requests = match self.requests.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(count) = requests.get_mut(kind) {
            *count += 1;
        } else {
            requests.insert(kind.to_owned(), 1);
        }
    }

    /// Counts received bytes.
    pub fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts sent bytes.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a retry.
    pub fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer by which a service said that it was asked too much.
    pub fn throttle(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes that a broken transfer did not have to move again, since it went on where it broke.
    pub fn resume(&self, bytes: u64) {
        self.resumed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Answers so far by which a service said that it was asked too much (429).
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Bytes so far that broken transfers did not have to move again.
    pub fn resumed(&self) -> u64 {
        self.resumed.load(Ordering::Relaxed)
    }

    /// Requests so far, by kind.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        match self.requests.lock() {
            Ok(guard) => guard.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Bytes so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            received_bytes: self.received.load(Ordering::Relaxed),
            sent_bytes: self.sent.load(Ordering::Relaxed),
        }
    }

    /// Retries so far.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
}
