//! A limit of requests within any second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::reply::Refusal;

/// When requests were taken, within the last second.
#[derive(Debug, Default)]
pub(super) struct Rate {
    taken: VecDeque<Instant>,
}

impl Rate {
    /// Takes one more, or refuses it with 429 as ECR does: without a word when to come again.
    pub(super) fn take(&mut self, limit: Option<usize>) -> Result<(), Refusal> {
        if self.take_at(limit, Instant::now()) { Ok(()) } else { Err(Refusal::too_many("Rate exceeded")) }
    }

    fn take_at(&mut self, limit: Option<usize>, now: Instant) -> bool {
        let Some(limit) = limit else { return true };
        let is_old = |at: &Instant| now.duration_since(*at) >= Duration::from_secs(1);
        while self.taken.front().is_some_and(is_old) {
            self.taken.pop_front();
        }
        let has_room = self.taken.len() < limit;
        if has_room {
            self.taken.push_back(now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_the_limit_and_what_is_refused_does_not_count() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let mut at = |milliseconds: u64| rate.take_at(Some(2), start + Duration::from_millis(milliseconds));
        assert!(at(0) && at(600));
        assert!(!at(700) && !at(999));
        assert!(at(1000), "the first is a second old");
        assert!(!at(1500));
        assert!(at(1600));
        assert!(rate.take_at(None, start));
        assert!(!rate.take_at(Some(0), start + Duration::from_secs(9)));
    }
}
