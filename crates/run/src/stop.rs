//! The request to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

/// What asked the run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C, SIGINT: exit code 130.
    Interrupt,
    /// SIGTERM, as CI sends it on cancel: exit code 143.
    Terminate,
    /// The run's own deadline: what is left is for the next run.
    Deadline,
}

/// Tells every part of a run to take no new work and to end what is in flight.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    signal: Arc<AtomicU8>,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the stop. The first signal is remembered.
    pub fn request(&self, signal: Signal) {
        let code = match signal {
            Signal::Interrupt => 1,
            Signal::Terminate => 2,
            Signal::Deadline => 3,
        };
        let _ = self.signal.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        self.token.cancel();
    }

    /// Whether the stop was asked for, and by what.
    pub fn requested(&self) -> Option<Signal> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Signal::Interrupt),
            2 => Some(Signal::Terminate),
            _ => Some(Signal::Deadline),
        }
    }

    /// Resolves when the stop is asked for.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }
}
