//! Rate limits that many workers and many jobs share.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The part of a shared limit that this run may use, written `n/m`: `1/3` is a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    part: u32,
    of: u32,
}

/// A text that is not a share.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("not a share: expected n/m with 1 <= n <= m <= 1000, such as 1/3")]
pub struct ShareError;

impl Default for Share {
    fn default() -> Self {
        Self { part: 1, of: 1 }
    }
}

impl Share {
    /// The fraction, above 0 and at most 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.part) / f64::from(self.of)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let (part, of) = text.split_once('/').ok_or(ShareError)?;
        let (part, of) = (part.parse().map_err(|_| ShareError)?, of.parse().map_err(|_| ShareError)?);
        if part == 0 || part > of || of > 1000 { Err(ShareError) } else { Ok(Self { part, of }) }
    }
}

/// How often a service said that it was asked too much. Clones count together.
///
/// Whoever schedules work at that service looks at it and asks for less at a time.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    count: Arc<AtomicU64>,
}

impl Throttle {
    /// Counts one such answer.
    pub fn note(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Such answers so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The slowest that throttling makes a limiter, as a multiple of its interval.
const SLOWEST: f64 = 16.0;
/// How much of a slow-down is left after each request that passes.
const RECOVERY: f64 = 0.9;

/// Lets a given number of requests a second pass, evenly spaced after a burst, first come first served.
///
/// Adaptive: each time the service throttles, the pace is halved (down to a sixteenth), and it recovers as requests pass.
/// Clones share the limit. Cancelling a waiting call gives up its turn without harm to the others.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    interval: Duration,
    burst: u32,
    pace: Arc<Mutex<Pace>>,
}

#[derive(Debug)]
struct Pace {
    next: Option<Instant>,
    /// By how much the interval is stretched, 1 or more.
    stretch: f64,
    throttled_at: Option<Instant>,
}

impl RateLimiter {
    /// A limiter of `per_second` requests (0.001 to 1,000,000), of which `burst` may pass at once. Of both this run has its
    /// share, and of the burst at least one.
    pub fn new(per_second: f64, burst: u32, share: Share) -> Self {
        let rate = (per_second * share.fraction()).clamp(0.001, 1_000_000.0);
        let burst = u64::from(burst) * u64::from(share.part) / u64::from(share.of);
        let burst = u32::try_from(burst).unwrap_or(u32::MAX).max(1);
        let pace = Pace { next: None, stretch: 1.0, throttled_at: None };
        Self { interval: Duration::from_secs_f64(1.0 / rate), burst, pace: Arc::new(Mutex::new(pace)) }
    }

    /// Waits for the turn of one request.
    pub async fn turn(&self) {
        let pause = self.reserve(Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// The service said that it has had enough: the pace is halved, and everybody waits as long as it asked for, where it did.
    /// Answers within one second count once, since they were asked for at the old pace.
    pub fn throttled(&self, pause: Option<Duration>) {
        let now = Instant::now();
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.throttled_at.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            pace.stretch = (pace.stretch * 2.0).min(SLOWEST);
            pace.throttled_at = Some(now);
        }
        // What was saved up for a burst is gone in any case.
        let until = now + pause.unwrap_or_default() + self.interval * (self.burst - 1);
        if pace.next.is_none_or(|at| at < until) {
            pace.next = Some(until);
        }
    }

    fn reserve(&self, now: Instant) -> Duration {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        // GCRA: the theoretical arrival time may run ahead of the clock by a burst.
        let tolerance = self.interval * (self.burst - 1);
        let arrival = pace.next.map_or(now, |at| at.max(now));
        pace.next = Some(arrival + self.interval.mul_f64(pace.stretch));
        pace.stretch = (pace.stretch * RECOVERY).max(1.0);
        arrival.saturating_duration_since(now + tolerance)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{RateLimiter, Share};

    #[test]
    fn shares_are_fractions() {
        assert!("1/3".parse::<Share>().is_ok_and(|s| (s.fraction() - 0.333).abs() < 0.01));
        for bad in ["", "1", "0/1", "2/1", "1/0", "a/b", "1/1001", "-1/2"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_burst_requests_are_spaced() {
        let limiter = RateLimiter::new(10.0, 3, Share::default());
        let begun = Instant::now();
        for _ in 0..3 {
            limiter.turn().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            limiter.turn().await;
        }
        let elapsed = begun.elapsed();
        assert!(
            elapsed >= Duration::from_millis(990) && elapsed <= Duration::from_millis(1020),
            "{elapsed:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_burst_a_run_has_its_share() {
        for (share, at_once) in [("1/3", 3), ("1/1", 9), ("1/1000", 1)] {
            let limiter = RateLimiter::new(1.0, 9, share.parse().expect("a share"));
            let begun = Instant::now();
            for _ in 0..at_once {
                limiter.turn().await;
            }
            assert_eq!(begun.elapsed(), Duration::ZERO, "{share}");
            limiter.turn().await;
            assert!(begun.elapsed() >= Duration::from_millis(990), "{share}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_slows_down_and_backing_off_holds_everybody() {
        let limiter = RateLimiter::new(10.0, 1, "1/2".parse().expect("a share"));
        let begun = Instant::now();
        limiter.turn().await;
        limiter.turn().await;
        assert!(begun.elapsed() >= Duration::from_millis(200));
        limiter.throttled(Some(Duration::from_secs(5)));
        let paused = Instant::now();
        limiter.turn().await;
        assert!(paused.elapsed() >= Duration::from_millis(4900));
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_halves_the_pace_once_a_second_and_it_recovers() {
        let limiter = RateLimiter::new(10.0, 5, Share::default());
        for _ in 0..3 {
            limiter.throttled(None);
        }
        let begun = Instant::now();
        limiter.turn().await;
        limiter.turn().await;
        let elapsed = begun.elapsed();
        assert!(
            elapsed >= Duration::from_millis(190) && elapsed <= Duration::from_millis(210),
            "no burst is left, and the pace is halved once: {elapsed:?}"
        );
        for _ in 0..20 {
            limiter.turn().await;
        }
        let recovered = Instant::now();
        limiter.turn().await;
        assert!(recovered.elapsed() <= Duration::from_millis(110), "{:?}", recovered.elapsed());
    }
}
