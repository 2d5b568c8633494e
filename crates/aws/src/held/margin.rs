//! When keys are renewed, and when again where that failed.

use std::time::Duration;

use time::OffsetDateTime;

use crate::AwsKeys;

/// Who reads the keys, which decides how long before their end they are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Requests of this process, each of which asks for them anew: five minutes, or a quarter of their life where that is less.
    Requests,
    /// Programs that keep what they are given, and ask for others five to fifteen minutes before its end (as AWS's SDKs do): fifteen minutes,
    /// or half of their life where that is less.
    Programs,
}

impl Readers {
    /// When keys are to be renewed, where it is known when they end.
    pub(super) fn due(self, keys: &AwsKeys, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let (longest, parts) = match self {
            Self::Requests => (Duration::from_secs(300), 4),
            Self::Programs => (Duration::from_secs(900), 2),
        };
        let left = keys.time_left(now)?;
        Some(keys.expires_at? - longest.min(left / parts))
    }
}

/// The first pause, and the shortest.
const FIRST: Duration = Duration::from_secs(15);

/// The longest one.
const LONGEST: Duration = Duration::from_secs(240);

/// The pause where the keys are over, or it is not known when they are.
const OVER: Duration = Duration::from_secs(30);

/// How long after a renewal that gave nothing the next one is tried, after so many before it: twice as long each time, while the old keys
/// live, and never so long that they could end without one more.
pub(super) fn pause(tries: u32, left: Option<Duration>) -> Duration {
    match left {
        Some(left) if !left.is_zero() => {
            FIRST.saturating_mul(1 << tries.min(8)).min(LONGEST).min((left / 2).max(FIRST))
        }
        Some(_) | None => OVER,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use landfall_secret::Secret;
    use time::macros::datetime;

    use super::{Readers, pause};
    use crate::AwsKeys;

    #[test]
    fn readers_that_keep_them_get_new_keys_earlier() {
        let now = datetime!(2026-11-20 12:00:00 UTC);
        for (life, of_requests, of_programs) in
            [(3600, 300, 900), (1800, 300, 900), (900, 225, 450), (60, 15, 30), (0, 0, 0)]
        {
            let ends = now + Duration::from_secs(life);
            let keys = AwsKeys::new("ASIA", Secret::new("s"), None).expiring(Some(ends));
            for (readers, ahead) in [(Readers::Requests, of_requests), (Readers::Programs, of_programs)] {
                assert_eq!(
                    readers.due(&keys, now),
                    Some(ends - Duration::from_secs(ahead)),
                    "{life} s, {readers:?}"
                );
            }
        }
        let endless = AwsKeys::new("AKIA", Secret::new("s"), None);
        assert_eq!(Readers::Programs.due(&endless, now), None);
    }

    #[test]
    fn pauses_grow_and_leave_time_for_one_more() {
        let seconds = |tries, left| pause(tries, Some(Duration::from_secs(left))).as_secs();
        let grown: Vec<u64> = (0..7).map(|tries| seconds(tries, 3600)).collect();
        assert_eq!(grown, [15, 30, 60, 120, 240, 240, 240]);
        assert_eq!((seconds(4, 100), seconds(4, 20), seconds(u32::MAX, 3600)), (50, 15, 240));
        assert_eq!((seconds(4, 0), pause(9, None).as_secs()), (30, 30));
    }
}
