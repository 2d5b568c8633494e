//! How far a phase is: arithmetic alone, without a clock and without words.

use std::time::Duration;

use super::item::{Item, percent};
use super::speed::Speed;

/// Before bytes may have passed for so long, the time left would be a guess.
const LEAST_FOR_TIME_LEFT: Duration = Duration::from_secs(4);

/// A longer time left than a hundred hours says nothing.
const LONGEST_TIME_LEFT: u64 = 100 * 3600;

/// An item is called slow when it has run for at least so long.
const LEAST_FOR_SLOW: Duration = Duration::from_secs(5);

/// What is known of the items of a phase. Times are those since any one moment, the same for all of them.
#[derive(Debug)]
pub(super) struct Totals {
    bytes: Option<u64>,
    items: Option<u64>,
    /// In the order in which they were started.
    running: Vec<Item>,
    ended_items: u64,
    ended_bytes: u64,
    /// Since the first item was started.
    speed: Option<Speed>,
    moved: Duration,
    changed: Duration,
}

/// Where a phase stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    /// Bytes that need not pass any more; never more than the total.
    pub(super) bytes_done: u64,
    /// Bytes of all items, where they were told.
    pub(super) bytes_total: Option<u64>,
    /// The average of the last ten seconds, of all bytes that pass, also of those that pass for the second time.
    pub(super) bytes_per_second: Option<u64>,
    /// Where there is a total and an average that means something.
    pub(super) seconds_left: Option<u64>,
    /// Items that were started and are not over.
    pub(super) items_running: u64,
    /// Items that were started and are over.
    pub(super) items_done: u64,
    /// All items, where their number was told.
    pub(super) items_total: Option<u64>,
    /// How long it is since a byte moved, or an item was started or ended.
    pub(super) still: Duration,
}

impl Totals {
    /// A phase begins; its items are so many, where that is known.
    pub(super) fn new(at: Duration, items: Option<u64>) -> Self {
        Self {
            bytes: None,
            items,
            running: Vec::new(),
            ended_items: 0,
            ended_bytes: 0,
            speed: None,
            moved: at,
            changed: at,
        }
    }

    /// All items together have so many bytes, in so many items.
    pub(super) fn told(&mut self, bytes: u64, items: Option<u64>) {
        (self.bytes, self.items) = (Some(bytes), items);
    }

    /// An item is started: the name by which it is known, its name for people, its size in bytes.
    pub(super) fn started(&mut self, at: Duration, name: String, shown: String, size: Option<u64>) {
        self.changed = self.changed.max(at);
        self.speed.get_or_insert_with(|| Speed::from(at));
        self.running.push(Item::new(at, name, shown, size));
    }

    /// Bytes of an item passed. Of two items with one name it is the first that has not all.
    pub(super) fn advanced(&mut self, at: Duration, name: &str, bytes: u64) {
        let unfinished = self.running.iter().position(|item| item.is(name) && item.wants_more());
        let place = unfinished.or_else(|| self.running.iter().position(|item| item.is(name)));
        let Some(item) = place.and_then(|place| self.running.get_mut(place)) else { return };
        item.advanced(at, bytes);
        if let Some(speed) = &mut self.speed {
            speed.add(at, bytes);
        }
        if bytes > 0 {
            self.moved = self.moved.max(at);
            self.changed = self.changed.max(at);
        }
    }

    /// Bytes of an item have to pass again.
    pub(super) fn rewound(&mut self, name: &str, bytes: u64) {
        let known = self.running.iter_mut().filter(|item| item.is(name));
        if let Some(item) = known.max_by_key(|item| item.done()) {
            item.rewound(bytes);
        }
    }

    /// An item is over: nothing of it will pass any more, whether all of it did or not.
    pub(super) fn ended(&mut self, at: Duration, name: &str) {
        let known = self.running.iter().enumerate().filter(|(_, item)| item.is(name));
        let Some((place, _)) = known.max_by_key(|(_, item)| item.done()) else { return };
        let item = self.running.remove(place);
        let bytes = item.size().unwrap_or(item.done());
        self.ended_bytes = self.ended_bytes.saturating_add(bytes);
        self.ended_items += 1;
        self.changed = self.changed.max(at);
        if bytes > 0 {
            self.moved = self.moved.max(at);
        }
    }

    /// The items that run, the oldest first.
    pub(super) fn running(&self) -> &[Item] {
        &self.running
    }

    /// Whether there are bytes to be moved all in all.
    pub(super) fn has_total(&self) -> bool {
        self.bytes.is_some_and(|bytes| bytes > 0)
    }

    /// When the last byte moved, or an item with bytes ended; the beginning of the phase where none did.
    pub(super) fn moved(&self) -> Duration {
        self.moved
    }

    /// When something happened last to an item; the beginning of the phase where nothing did.
    pub(super) fn changed(&self) -> Duration {
        self.changed
    }

    /// Of the items that run for a while and want more bytes, the one with the fewest bytes a second.
    pub(super) fn slowest(&self, now: Duration) -> Option<&Item> {
        let wanting = self.running.iter().filter(|item| item.size().is_some() && item.wants_more());
        wanting.filter(|item| item.since(now) >= LEAST_FOR_SLOW).min_by_key(|item| item.overall(now))
    }

    /// Where the phase stands.
    pub(super) fn figures(&self, now: Duration) -> Figures {
        let running = self.running.iter().map(Item::done).fold(0, u64::saturating_add);
        let done = self.ended_bytes.saturating_add(running).min(self.bytes.unwrap_or(u64::MAX));
        let bytes_per_second = self.speed.as_ref().and_then(|speed| speed.per_second(now));
        Figures {
            bytes_done: done,
            bytes_total: self.bytes,
            bytes_per_second,
            seconds_left: self.seconds_left(now, done, bytes_per_second),
            items_running: self.running.len() as u64,
            items_done: self.ended_items,
            items_total: self.items,
            still: now.saturating_sub(self.changed),
        }
    }

    fn seconds_left(&self, now: Duration, done: u64, per_second: Option<u64>) -> Option<u64> {
        let begun = self.speed.as_ref()?.begun();
        let left = self.bytes?.saturating_sub(done);
        let per_second = per_second.filter(|bytes| *bytes > 0)?;
        if left == 0 || now.saturating_sub(begun) < LEAST_FOR_TIME_LEFT {
            return None;
        }
        Some(left.div_ceil(per_second)).filter(|seconds| *seconds <= LONGEST_TIME_LEFT)
    }
}

impl Figures {
    /// How many hundredths are done, where there is a total.
    pub(super) fn percent(&self) -> Option<u64> {
        percent(self.bytes_done, self.bytes_total?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Figures, Item, Totals};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn start(totals: &mut Totals, at: u64, name: &str, size: Option<u64>) {
        totals.started(s(at), name.to_owned(), name.to_owned(), size);
    }

    /// A phase of 1000 bytes in three items, of which `a` with 400 and `b` with 600 run since second 10.
    fn phase() -> Totals {
        let mut totals = Totals::new(s(0), Some(2));
        totals.told(1000, Some(3));
        start(&mut totals, 10, "a", Some(400));
        start(&mut totals, 10, "b", Some(600));
        totals
    }

    #[test]
    fn speed_counts_from_the_first_item_and_time_left_follows() {
        let mut totals = phase();
        let begun = totals.figures(s(10));
        assert_eq!((begun.percent(), begun.bytes_per_second, begun.seconds_left), (Some(0), None, None));
        totals.advanced(s(12), "a", 100);
        let early = totals.figures(s(12));
        assert_eq!((early.bytes_per_second, early.seconds_left), (Some(50), None), "not yet a promise");
        totals.advanced(s(14), "b", 100);
        let later = totals.figures(s(14));
        let wanted = Figures {
            bytes_done: 200,
            bytes_total: Some(1000),
            bytes_per_second: Some(50),
            seconds_left: Some(16),
            items_running: 2,
            items_done: 0,
            items_total: Some(3),
            still: s(0),
        };
        assert_eq!(later, wanted);
    }

    #[test]
    fn an_item_that_is_over_is_done_whatever_passed_of_it() {
        let mut totals = phase();
        totals.advanced(s(12), "a", 100);
        totals.ended(s(20), "a");
        let figures = totals.figures(s(20));
        assert_eq!((figures.bytes_done, figures.items_done, figures.items_running), (400, 1, 1));
        assert_eq!(figures.bytes_per_second, Some(10), "what did not pass has no speed");
        totals.ended(s(20), "a");
        totals.advanced(s(20), "a", 600);
        assert_eq!(totals.figures(s(20)), figures, "who is over is not known any more");
    }

    #[test]
    fn what_has_to_pass_again_is_not_done_and_did_pass() {
        let mut totals = phase();
        totals.advanced(s(12), "a", 400);
        totals.rewound("a", 300);
        assert_eq!(totals.figures(s(14)).bytes_done, 100);
        assert_eq!(totals.figures(s(14)).bytes_per_second, Some(100));
        assert_eq!(totals.figures(s(14)).seconds_left, Some(9));
        totals.rewound("a", u64::MAX);
        assert_eq!(totals.figures(s(14)).bytes_done, 0);
        for at in 15..=18 {
            totals.advanced(s(at), "a", 300);
            totals.advanced(s(at), "b", 300);
        }
        let figures = totals.figures(s(18));
        assert_eq!((figures.percent(), figures.bytes_done, figures.seconds_left), (Some(100), 1000, None));
        assert!(totals.running().iter().all(|item| item.percent() == Some(100)));
    }

    #[test]
    fn a_stall_ends_the_promise() {
        let mut totals = phase();
        totals.advanced(s(14), "a", 400);
        assert_eq!(totals.figures(s(20)).seconds_left, Some(15));
        let still = totals.figures(s(44));
        assert_eq!((still.bytes_per_second, still.seconds_left, still.still), (Some(0), None, s(30)));
        let (crawls, promise) = (1, None);
        totals.advanced(s(44), "b", crawls);
        let mut huge = Totals { bytes: Some(u64::MAX), ..totals };
        huge.advanced(s(45), "b", 1000);
        assert_eq!(huge.figures(s(46)).seconds_left, promise, "a hundred hours and more say nothing");
    }

    #[test]
    fn of_nothing_there_is_no_hundredth() {
        let mut totals = Totals::new(s(0), None);
        totals.told(0, Some(0));
        assert!(!totals.has_total());
        start(&mut totals, 1, "empty", Some(0));
        assert_eq!(totals.running().first().and_then(Item::percent), None);
        totals.ended(s(2), "empty");
        let figures = totals.figures(s(9));
        assert_eq!((figures.percent(), figures.seconds_left, figures.items_done), (None, None, 1));
    }

    #[test]
    fn without_a_total_bytes_and_items_are_counted_all_the_same() {
        let mut totals = Totals::new(s(0), Some(20));
        start(&mut totals, 0, "function", None);
        start(&mut totals, 0, "blob", Some(50));
        totals.advanced(s(3), "blob", 40);
        totals.advanced(s(3), "function", 2);
        let figures = totals.figures(s(4));
        assert_eq!((figures.bytes_done, figures.bytes_total, figures.percent()), (42, None, None));
        assert_eq!((figures.bytes_per_second, figures.seconds_left), (Some(10), None));
        assert_eq!((figures.items_running, figures.items_total), (2, Some(20)));
    }

    #[test]
    fn the_largest_numbers_are_borne() {
        let mut totals = Totals::new(s(0), None);
        totals.told(u64::MAX, None);
        for name in ["a", "b"] {
            start(&mut totals, 0, name, Some(u64::MAX));
            totals.advanced(s(1), name, u64::MAX - 1);
        }
        let figures = totals.figures(s(5));
        assert_eq!((figures.bytes_done, figures.percent()), (u64::MAX, Some(100)));
        assert_eq!(totals.running().first().and_then(Item::percent), Some(99), "cut, not rounded");
        totals.ended(s(6), "a");
        totals.ended(s(6), "b");
        assert_eq!(totals.figures(s(6)).bytes_done, u64::MAX);
    }

    #[test]
    fn two_items_of_one_name_are_two() {
        let mut totals = Totals::new(s(0), None);
        totals.told(200, Some(2));
        for _ in 0..2 {
            start(&mut totals, 0, "same", Some(100));
        }
        totals.advanced(s(1), "same", 100);
        totals.advanced(s(2), "same", 60);
        assert_eq!(totals.figures(s(2)).bytes_done, 160);
        totals.ended(s(3), "same");
        assert_eq!(totals.figures(s(3)).bytes_done, 160);
        totals.ended(s(4), "same");
        assert_eq!((totals.figures(s(4)).bytes_done, totals.figures(s(4)).items_done), (200, 2));
    }

    #[test]
    fn the_slowest_is_the_one_with_the_fewest_bytes_a_second() {
        let mut totals = phase();
        totals.advanced(s(14), "a", 10);
        totals.advanced(s(14), "b", 500);
        assert!(totals.slowest(s(14)).is_none(), "all are new");
        start(&mut totals, 14, "new", Some(1));
        assert_eq!(totals.slowest(s(15)).map(Item::shown), Some("a"));
        totals.advanced(s(15), "a", 390);
        assert_eq!(totals.slowest(s(16)).map(Item::shown), Some("b"), "a has all its bytes");
    }

    proptest! {
        #[test]
        fn never_more_than_all(steps in proptest::collection::vec((0u8..4, 0u8..3, any::<u64>(), 0u64..100_000), 0..60)) {
            let mut totals = Totals::new(s(0), None);
            totals.told(1 << 40, None);
            for (what, which, bytes, at) in steps {
                let (name, at) = (which.to_string(), Duration::from_millis(at));
                match what {
                    0 => totals.started(at, name.clone(), name, Some(bytes >> 20)),
                    1 => totals.advanced(at, &name, bytes >> 24),
                    2 => totals.rewound(&name, bytes >> 24),
                    _ => totals.ended(at, &name),
                }
                let figures = totals.figures(at);
                prop_assert!(figures.bytes_done <= 1 << 40);
                prop_assert!(figures.percent() <= Some(100));
                prop_assert!(totals.running().iter().all(|item| item.percent() <= Some(100)));
            }
        }
    }
}
