//! How many bytes pass in a second.

use std::collections::VecDeque;
use std::time::Duration;

/// The average is over so long: bytes are told a MiB at a time, and a shorter one would jump with each of them.
const WINDOW: Duration = Duration::from_secs(10);

/// Before so long has passed there is no average worth telling.
const LEAST: Duration = Duration::from_secs(1);

/// Bytes are counted together for so long, which bounds the memory. The average is as exact.
const STEP: Duration = Duration::from_millis(200);

/// A moving average: of the last ten seconds, or of all time where that is less. Times are those since any one moment.
#[derive(Clone, Debug)]
pub(super) struct Speed {
    begun: Duration,
    passed: u64,
    /// When a step began, and what had passed before it; the oldest first.
    steps: VecDeque<(Duration, u64)>,
}

impl Speed {
    /// Nothing has passed, and from now on something may.
    pub(super) fn from(begun: Duration) -> Self {
        Self { begun, passed: 0, steps: VecDeque::new() }
    }

    /// Since when something may pass.
    pub(super) fn begun(&self) -> Duration {
        self.begun
    }

    /// So many bytes have passed.
    pub(super) fn add(&mut self, at: Duration, bytes: u64) {
        // Who told first may be heard last.
        let at = at.max(self.begun);
        while self.steps.front().is_some_and(|(begun, _)| *begun + WINDOW < at) {
            self.steps.pop_front();
        }
        if self.steps.back().is_none_or(|(begun, _)| *begun + STEP <= at) {
            self.steps.push_back((at, self.passed));
        }
        self.passed = self.passed.saturating_add(bytes);
    }

    /// Bytes a second; zero when nothing passed for the whole window, `None` in the first second.
    pub(super) fn per_second(&self, now: Duration) -> Option<u64> {
        let since = self.begun.max(now.saturating_sub(WINDOW));
        let span = now.saturating_sub(since);
        if span < LEAST {
            return None;
        }
        let inside = self.steps.iter().find(|(begun, _)| *begun >= since);
        let before = inside.map_or(self.passed, |(_, before)| *before);
        Some(average(self.passed.saturating_sub(before), span))
    }

    /// Bytes a second since the beginning.
    pub(super) fn overall(&self, now: Duration) -> u64 {
        average(self.passed, now.saturating_sub(self.begun).max(STEP))
    }
}

fn average(bytes: u64, span: Duration) -> u64 {
    let a_second = u128::from(bytes) * 1000 / span.as_millis().max(1);
    u64::try_from(a_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Speed;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_is_the_average_since_the_beginning_and_then_of_ten_seconds() {
        let mut speed = Speed::from(ms(1000));
        assert_eq!(speed.per_second(ms(1900)), None, "too early");
        for tick in 1..=50 {
            speed.add(ms(1000 + tick * 100), 10);
        }
        assert_eq!(speed.per_second(ms(6000)), Some(100));
        for tick in 1..=200 {
            speed.add(ms(6000 + tick * 100), 30);
        }
        assert_eq!(speed.per_second(ms(26_000)), Some(300));
        assert!(speed.steps.len() <= 51, "{}", speed.steps.len());
    }

    #[test]
    fn a_stall_lowers_it_until_it_is_zero() {
        let mut speed = Speed::from(ms(0));
        speed.add(ms(1000), 1000);
        assert_eq!(speed.per_second(ms(4000)), Some(250));
        assert_eq!(speed.per_second(ms(11_000)), Some(100));
        assert_eq!(speed.per_second(ms(11_001)), Some(0));
        speed.add(ms(60_000), 1000);
        assert_eq!(speed.per_second(ms(60_000)), Some(100));
    }

    #[test]
    fn the_largest_numbers_and_times_out_of_order_do_no_harm() {
        let mut speed = Speed::from(ms(5000));
        speed.add(ms(4000), u64::MAX);
        speed.add(ms(3000), u64::MAX);
        assert_eq!(speed.per_second(ms(1000)), None);
        assert_eq!(speed.per_second(ms(7000)), Some(u64::MAX / 2));
        assert_eq!(speed.overall(ms(0)), u64::MAX);
    }
}
