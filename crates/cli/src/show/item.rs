//! One item of a phase while it runs.

use std::time::Duration;

use super::speed::Speed;

/// An item that runs.
#[derive(Debug)]
pub(super) struct Item {
    name: String,
    shown: String,
    size: Option<u64>,
    passed: u64,
    speed: Speed,
}

impl Item {
    /// An item that is started: the name by which it is known, its name for people, its size in bytes.
    pub(super) fn new(at: Duration, name: String, shown: String, size: Option<u64>) -> Self {
        Self { name, shown, size, passed: 0, speed: Speed::from(at) }
    }

    /// Bytes of it passed.
    pub(super) fn advanced(&mut self, at: Duration, bytes: u64) {
        self.passed = self.passed.saturating_add(bytes);
        self.speed.add(at, bytes);
    }

    /// Bytes of it have to pass again. They did pass: the speed is none the less for it.
    pub(super) fn rewound(&mut self, bytes: u64) {
        self.passed = self.passed.saturating_sub(bytes);
    }

    /// Whether it is known by this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Its name for people.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Its size in bytes, where it has one.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes that need not pass any more; never more than its size.
    pub(super) fn done(&self) -> u64 {
        self.passed.min(self.size.unwrap_or(u64::MAX))
    }

    /// How many hundredths of it are done, where it has a size.
    pub(super) fn percent(&self) -> Option<u64> {
        percent(self.done(), self.size?)
    }

    /// Whether not all of its bytes have passed.
    pub(super) fn wants_more(&self) -> bool {
        self.size.is_none_or(|size| self.passed < size)
    }

    /// Its bytes a second over the last ten seconds.
    pub(super) fn per_second(&self, now: Duration) -> Option<u64> {
        self.speed.per_second(now)
    }

    /// Its bytes a second since it was started.
    pub(super) fn overall(&self, now: Duration) -> u64 {
        self.speed.overall(now)
    }

    /// How long it runs.
    pub(super) fn since(&self, now: Duration) -> Duration {
        now.saturating_sub(self.speed.begun())
    }
}

/// Whole hundredths, cut and not rounded: a hundred is all of it. `None` of nothing.
pub(super) fn percent(done: u64, of: u64) -> Option<u64> {
    let hundredths = (u128::from(done) * 100).checked_div(u128::from(of))?;
    u64::try_from(hundredths).ok()
}
