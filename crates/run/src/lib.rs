//! The handle of one run: clock, stop, deadline, retry and its budget, rate limits, progress, counters, journal.
//!
//! A [`Run`] is made once by a binary (or a test) and handed to every client. Libraries take time, chance and the
//! permission to go on from it and from nowhere else.
//!
//! ```
//! use landfall_run::{Hint, Run};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! let run = Run::builder().build();
//! let mut left = 2;
//! let answer: Result<&str, std::fmt::Error> = run
//!     .retry("ask", |_| Hint::Again, || {
//!         left -= 1;
//!         let result = if left > 0 { Err(std::fmt::Error) } else { Ok("here") };
//!         async move { result }
//!     })
//!     .await;
//! assert_eq!(answer, Ok("here"));
//! assert_eq!(run.counters().retries(), 1);
//! # }
//! ```

mod amount;
mod clock;
mod counters;
mod journal;
mod limit;
mod progress;
mod retry;
mod stop;

pub use amount::{counted, human_bytes};
pub use clock::{Clock, rfc3339};
pub use counters::{Counters, Traffic};
pub use journal::{
    Effect, EffectItem, EffectOutcome, Intent, Journal, JournalError, JournalFuture, MemoryJournal,
};
pub use limit::{RateLimiter, Share, ShareError, Throttle};
pub use progress::{Event, Progress, Silent};
pub use retry::{Hint, RetryPolicy, root_cause};
pub use stop::{Heard, Signal, Stop};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use landfall_secret::Redactor;

/// The handle of one run. Cloning is cheap; clones are the same run.
#[derive(Clone, Debug)]
pub struct Run {
    inner: Arc<Inner>,
    stop: Stop,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    deadline: Option<tokio::time::Instant>,
    retry: retry::Retries,
    share: Share,
    progress: Arc<dyn Progress>,
    counters: Counters,
    journal: Arc<dyn Journal>,
    redactor: Redactor,
}

/// Makes a [`Run`]; every part has a default that suits a test.
#[derive(Debug, Default)]
pub struct Builder {
    clock: Clock,
    stop: Stop,
    deadline: Option<Duration>,
    policy: RetryPolicy,
    share: Share,
    progress: Option<Arc<dyn Progress>>,
    journal: Option<Arc<dyn Journal>>,
    redactor: Redactor,
}

impl Run {
    /// A builder with the defaults: system clock, no deadline, silent progress, a journal in memory.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Wall clock and sleep.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Whether the run was asked to stop.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The same run, out of reach of the stop: for reading back a write that is out already, since a stop between the two would
    /// leave unknown what one more answer tells. Not for anything longer.
    pub fn to_its_end(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), stop: Stop::new() }
    }

    /// What is left until the run's deadline; `None` where it has none.
    pub fn time_left(&self) -> Option<Duration> {
        self.inner.deadline.map(|at| at.saturating_duration_since(tokio::time::Instant::now()))
    }

    /// The fraction of every rate limit that this run may use.
    pub fn share(&self) -> Share {
        self.inner.share
    }

    /// Where progress is shown.
    pub fn progress(&self) -> &dyn Progress {
        self.inner.progress.as_ref()
    }

    /// Requests, bytes and retries so far.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// The one door that every effect passes.
    pub fn journal(&self) -> &dyn Journal {
        self.inner.journal.as_ref()
    }

    /// Knows the secrets of this run.
    pub fn redactor(&self) -> &Redactor {
        &self.inner.redactor
    }

    /// Calls `attempt` until it succeeds, its error says [`Hint::Stop`], the attempts or the run's retry budget are used
    /// up, the run's deadline would pass while waiting, or the run is asked to stop. The last error is returned.
    ///
    /// Only for what is safe to repeat. `what` names the action in progress and log, such as `GET manifest`; why it is repeated
    /// is said there by the [`root_cause`] of the error.
    pub async fn retry<T, E, F, A>(&self, what: &str, hint: impl Fn(&E) -> Hint, attempt: F) -> Result<T, E>
    where
        E: std::error::Error,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        retry::retry(self, &self.inner.retry, what, hint, attempt).await
    }
}

impl Builder {
    /// The clock (default: the system's).
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The stop that signals reach (default: one that never stops).
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// How long the whole run may take from now (default: no bound).
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Attempts, back-off and budget.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The fraction of every rate limit that this run may use (default: all of it).
    pub fn share(mut self, share: Share) -> Self {
        self.share = share;
        self
    }

    /// Where progress is shown (default: nowhere).
    pub fn progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// The journal (default: one in memory).
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// The redactor that knows the run's secrets.
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// The run; its deadline starts to count.
    pub fn build(self) -> Run {
        let clock = self.clock;
        Run {
            stop: self.stop,
            inner: Arc::new(Inner {
                deadline: self.deadline.map(|limit| tokio::time::Instant::now() + limit),
                clock,
                retry: retry::Retries::new(self.policy),
                share: self.share,
                progress: self.progress.unwrap_or_else(|| Arc::new(Silent)),
                counters: Counters::default(),
                journal: self.journal.unwrap_or_else(|| Arc::new(MemoryJournal::default())),
                redactor: self.redactor,
            }),
        }
    }
}
