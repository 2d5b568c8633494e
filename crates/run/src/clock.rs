//! Wall clock and sleep.

use std::time::Duration;

use time::OffsetDateTime;

/// A time as our files and messages write it: RFC 3339, in UTC, to the second.
pub fn rfc3339(time: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    // A description of fixed parts fails on no time.
    time.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}

/// The wall clock of a run. Waiting uses tokio's clock, so that tests may pause it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    shown: Shown,
}

#[derive(Clone, Copy, Debug, Default)]
enum Shown {
    #[default]
    System,
    Fixed(OffsetDateTime),
    Since(OffsetDateTime, tokio::time::Instant),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that always shows the same time, for reproducible files.
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self { shown: Shown::Fixed(at) }
    }

    /// A clock that shows this time now and goes on as tokio's does, so that tests that pause it may wait for hours.
    pub fn starting(at: OffsetDateTime) -> Self {
        Self { shown: Shown::Since(at, tokio::time::Instant::now()) }
    }

    /// The time in UTC, cut to whole seconds, as our files write it.
    pub fn now(&self) -> OffsetDateTime {
        let now = match self.shown {
            Shown::System => OffsetDateTime::now_utc(),
            Shown::Fixed(at) => at,
            Shown::Since(at, begun) => at + begun.elapsed(),
        };
        now.replace_nanosecond(0).unwrap_or(now)
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
