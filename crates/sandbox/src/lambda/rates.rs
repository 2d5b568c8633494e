//! The account's request rates: a token bucket for GetFunction and one for all other control-plane calls together.

use std::time::Instant;

/// Calls per second. AWS Lambda quotas: 100 for GetFunction, 15 for the sum of all other control-plane calls; neither can be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// GetFunction.
    pub get_function: u32,
    /// All other calls in sum.
    pub others: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { get_function: 100, others: 15 }
    }
}

/// A bucket that holds one second's worth.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), tokens: f64::from(per_second), filled: Instant::now() }
    }

    /// Takes one token if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.per_second);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_at_its_rate() {
        let mut bucket = Bucket::new(2);
        let start = bucket.filled;
        assert!(bucket.take(start) && bucket.take(start));
        assert!(!bucket.take(start));
        assert!(bucket.take(start + Duration::from_millis(500)));
        assert!(!bucket.take(start + Duration::from_millis(500)));
    }
}
