//! How many blobs go to and from each registry at a time, and fewer where one throttles.

use std::collections::BTreeMap;

/// The slots of all registries.
#[derive(Debug)]
pub(super) struct Lanes {
    most: usize,
    running: usize,
    by_host: BTreeMap<String, Lane>,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    running: usize,
    /// At most so many; halved by throttling, one more with each blob that passes.
    allowed: usize,
    throttled: u64,
}

impl Lanes {
    /// `most` at a time, 1 or more, for each registry and for all together.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), running: 0, by_host: BTreeMap::new() }
    }

    /// How many are under way.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Whether one more may go from `source` to `target`.
    pub(super) fn has_room(&self, source: &str, target: &str) -> bool {
        let has = |host: &str| self.by_host.get(host).is_none_or(|lane| lane.running < lane.allowed);
        self.running < self.most && has(source) && has(target)
    }

    /// Takes a slot at both.
    pub(super) fn take(&mut self, source: &str, target: &str) {
        self.running += 1;
        self.lane(source).running += 1;
        if source != target {
            self.lane(target).running += 1;
        }
    }

    /// Gives both back, after the blob passed or failed.
    pub(super) fn free(&mut self, source: &str, target: &str) {
        self.running = self.running.saturating_sub(1);
        let most = self.most;
        let mut free = |host: &str| {
            let lane = self.lane(host);
            lane.running = lane.running.saturating_sub(1);
            lane.allowed = (lane.allowed + 1).min(most);
        };
        free(source);
        if source != target {
            free(target);
        }
    }

    /// A registry throttled `count` times so far: where that is more than before, it gets half as much at a time.
    pub(super) fn throttled(&mut self, host: &str, count: u64) {
        let lane = self.lane(host);
        if count > lane.throttled {
            lane.throttled = count;
            lane.allowed = (lane.allowed / 2).max(1);
        }
    }

    fn lane(&mut self, host: &str) -> &mut Lane {
        let fresh = Lane { running: 0, allowed: self.most, throttled: 0 };
        self.by_host.entry(host.to_owned()).or_insert(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::Lanes;

    #[test]
    fn a_slot_is_taken_at_both_ends_together() {
        let mut lanes = Lanes::new(2);
        lanes.take("a", "b");
        lanes.take("a", "c");
        assert!(!lanes.has_room("d", "e"), "two at a time in all");
        lanes.free("a", "b");
        assert!(lanes.has_room("a", "b"));
    }

    #[test]
    fn throttling_halves_a_lane_once_and_passing_blobs_widen_it() {
        let mut lanes = Lanes::new(8);
        lanes.throttled("a", 3);
        lanes.throttled("a", 3);
        for _ in 0..4 {
            assert!(lanes.has_room("a", "b"));
            lanes.take("a", "b");
        }
        assert!(!lanes.has_room("a", "b"));
        assert!(!lanes.has_room("c", "a"), "in both directions");
        assert!(lanes.has_room("c", "b"));
        lanes.free("a", "b");
        lanes.take("a", "b");
        assert!(lanes.has_room("a", "b"), "one passed, and one more is allowed");
        for count in 4..20 {
            lanes.throttled("a", count);
        }
        for _ in 0..4 {
            lanes.free("a", "b");
        }
        assert!(lanes.has_room("a", "b"), "one is always allowed");
    }
}
