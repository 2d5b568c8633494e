//! Wall clock and sleep.

use std::time::Duration;

use time::OffsetDateTime;

/// The wall clock of a run. Waiting uses tokio's clock, so that tests may pause it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    fixed: Option<OffsetDateTime>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that always shows the same time, for reproducible files.
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self { fixed: Some(at) }
    }

    /// The time in UTC, cut to whole seconds, as our files write it.
    pub fn now(&self) -> OffsetDateTime {
        let now = self.fixed.unwrap_or_else(OffsetDateTime::now_utc);
        now.replace_nanosecond(0).unwrap_or(now)
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
