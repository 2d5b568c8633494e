//! The one retry layer: full jitter, `Retry-After`, deadline and budget.

use std::error::Error;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Event, Run};

/// What an error says about repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Repeating cannot help, or is not safe.
    Stop,
    /// A passing fault.
    Again,
    /// A passing fault whose sender said how long to wait (`Retry-After`).
    After(Duration),
}

/// Attempts, back-off and budget.
///
/// Back-off is exponential with full jitter: the pause before attempt n+1 is uniform in 0..=min(cap, base * 2^n)
/// (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How often one request is sent at most (default 6).
    pub attempts: u32,
    /// Ceiling of the first pause (default 500 ms).
    pub base: Duration,
    /// Ceiling of any pause (default 30 s).
    pub cap: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one ends the attempts (default 120 s).
    pub longest_wait: Duration,
    /// Retries of the whole run before it stops repeating anything (default 200).
    pub budget: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            longest_wait: Duration::from_secs(120),
            budget: 200,
        }
    }
}

/// The policy and what is left of its budget.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    left: AtomicU64,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self { left: AtomicU64::new(policy.budget), policy }
    }

    fn spend(&self) -> bool {
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    /// The pause before the next attempt, or `None` where there is to be none.
    fn pause(&self, hint: Hint, attempt: u32) -> Option<Duration> {
        if attempt >= self.policy.attempts {
            return None;
        }
        let ceiling = self.policy.base.saturating_mul(1 << (attempt - 1).min(20)).min(self.policy.cap);
        let jittered = ceiling.mul_f64(fastrand::f64());
        match hint {
            Hint::Stop => None,
            Hint::Again => Some(jittered),
            // A little jitter on top, or all that were told the same second come back in the same second.
            Hint::After(told) if told <= self.policy.longest_wait => Some(told + jittered / 4),
            Hint::After(_) => None,
        }
    }
}

/// What lies at the bottom of an error: the text of the last cause in its chain, or its own where it has none. What stands above
/// it names the action, which whoever tells of a retry names already.
pub fn root_cause(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

pub(crate) async fn retry<T, E, F, A>(
    run: &Run,
    retries: &Retries,
    what: &str,
    hint: impl Fn(&E) -> Hint,
    mut attempt: F,
) -> Result<T, E>
where
    E: Error,
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
{
    let mut number = 1;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(pause) = retries.pause(hint(&error), number) else { return Err(error) };
        if run.stop().requested().is_some()
            || run.time_left().is_some_and(|left| left <= pause)
            || !retries.spend()
        {
            return Err(error);
        }
        run.counters().retry();
        number += 1;
        let why = root_cause(&error);
        run.progress().event(Event::Retrying { what: what.to_owned(), why, attempt: number, pause });
        tokio::select! {
            () = run.clock().sleep(pause) => {}
            () = run.stop().wait() => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fmt;
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::Instant;

    use crate::{Event, Hint, Progress, RetryPolicy, Run, Signal, root_cause};

    async fn failing(run: &Run, hint: Hint) -> u32 {
        let calls = Cell::new(0);
        let result: Result<(), fmt::Error> = run
            .retry(
                "call",
                |_| hint,
                || {
                    calls.set(calls.get() + 1);
                    async { Err(fmt::Error) }
                },
            )
            .await;
        assert_eq!(result, Err(fmt::Error));
        calls.get()
    }

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<Event>>);

    impl Progress for Told {
        fn event(&self, event: Event) {
            self.0.lock().expect("nobody panics").push(event);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_says_why_it_is_one() {
        let told = Arc::new(Told::default());
        let progress: Arc<dyn Progress> = Arc::<Told>::clone(&told);
        let policy = RetryPolicy { attempts: 2, base: Duration::ZERO, ..RetryPolicy::default() };
        let run = Run::builder().retry_policy(policy).progress(progress).build();
        let refused = || io::Error::other(io::Error::other("connection refused"));
        let result: io::Result<()> =
            run.retry("GET manifest", |_| Hint::Again, || async { Err(refused()) }).await;
        assert!(result.is_err());
        let retrying = Event::Retrying {
            what: "GET manifest".to_owned(),
            why: "connection refused".to_owned(),
            attempt: 2,
            pause: Duration::ZERO,
        };
        assert_eq!(*told.0.lock().expect("nobody panics"), [retrying]);
    }

    #[test]
    fn the_last_cause_is_the_root() {
        let number = "x".parse::<u8>().expect_err("not a number");
        assert_eq!(root_cause(&number), "invalid digit found in string");
        assert_eq!(root_cause(&io::Error::other(io::Error::other(number))), "invalid digit found in string");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_a_stop_hint_ends_at_once() {
        let run = Run::builder().build();
        assert_eq!(failing(&run, Hint::Again).await, 6);
        assert_eq!(failing(&run, Hint::Stop).await, 1);
        assert_eq!(run.counters().retries(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_asks_for_is_waited_never_less() {
        let run = Run::builder().retry_policy(RetryPolicy { attempts: 2, ..RetryPolicy::default() }).build();
        let begun = Instant::now();
        assert_eq!(failing(&run, Hint::After(Duration::from_secs(7))).await, 2);
        assert!(begun.elapsed() >= Duration::from_secs(7));
        assert_eq!(
            failing(&run, Hint::After(Duration::from_secs(7200))).await,
            1,
            "too long is not waited for"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_of_the_run_ends_all_repeating() {
        let run = Run::builder().retry_policy(RetryPolicy { budget: 7, ..RetryPolicy::default() }).build();
        assert_eq!(failing(&run, Hint::Again).await, 6);
        assert_eq!(failing(&run, Hint::Again).await, 3);
        assert_eq!(failing(&run, Hint::Again).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_reaches_past_the_deadline() {
        let run = Run::builder().deadline(Duration::from_secs(3)).build();
        let begun = Instant::now();
        assert_eq!(failing(&run, Hint::After(Duration::from_secs(10))).await, 1);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_waiting() {
        let run = Run::builder().build();
        let stopper = run.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stopper.stop().request(Signal::Terminate);
        });
        let begun = Instant::now();
        assert_eq!(failing(&run, Hint::After(Duration::from_secs(60))).await, 1);
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert_eq!(run.stop().requested(), Some(Signal::Terminate));
    }
}
