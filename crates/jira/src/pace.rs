//! How fast one issue is written to.
//!
//! Jira Cloud takes 20 writes on one issue in 2 seconds and 100 in 30 seconds, and answers 429 with the reason
//! `jira-per-issue-on-write` beyond that (developer.atlassian.com, "Rate limiting").

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use landfall_run::{RateLimiter, Share};

/// Writes that may pass at once.
const AT_ONCE: u32 = 14;

/// Writes a second after that: 14 and what comes in 2 s stay below 20, and with what comes in 30 s below 100.
const PER_SECOND: f64 = 2.8;

/// A limiter for each issue. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paces(Arc<Mutex<HashMap<String, RateLimiter>>>);

impl Paces {
    /// The limiter of an issue, of which this run has its share.
    pub(crate) fn of(&self, issue: &str, share: Share) -> RateLimiter {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pace =
            paces.entry(issue.to_owned()).or_insert_with(|| RateLimiter::new(PER_SECOND, AT_ONCE, share));
        pace.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Paces;

    #[tokio::test(start_paused = true)]
    async fn no_window_has_more_writes_than_jira_takes() {
        let paces = Paces::default();
        let mut at = Vec::new();
        for _ in 0..400 {
            paces.of("REL-1", landfall_run::Share::default()).turn().await;
            at.push(Instant::now());
        }
        for (most, window) in [(20, Duration::from_secs(2)), (100, Duration::from_secs(30))] {
            for (first, begun) in at.iter().enumerate() {
                let within =
                    at[first..].iter().take_while(|time| time.duration_since(*begun) < window).count();
                assert!(within <= most, "{within} writes in {window:?}");
            }
        }
        let other = Instant::now();
        paces.of("REL-2", landfall_run::Share::default()).turn().await;
        assert_eq!(other.elapsed(), Duration::ZERO, "another issue has its own");
    }
}
