//! What waits in the queue, by the names of its objects: `<time>-<id>.json`, or `<time>-<id>.refused.json` where the target refused it
//! for good.
//!
//! Names sort as times do, so that a listing gives the oldest first, and one that begins a day ago leaves out what is too old.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// How long a notification is tried again. News of yesterday help nobody; it stays, and is shown.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The most that one run tries again.
pub const MOST_TRIED: usize = 20;

/// What stands before `.json` in the name of one that was refused for good.
const REFUSED: &str = ".refused";

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// What the name of a queued notification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Since when it waits, as names write it.
    time: String,
    /// The notification's id.
    pub id: String,
    /// Whether its target refused it for good.
    pub is_refused: bool,
}

impl Name {
    /// The name of a notification that waits since then.
    pub fn new(since: OffsetDateTime, id: &str) -> Self {
        Self { time: stamp(since), id: id.to_owned(), is_refused: false }
    }

    /// The same, refused for good.
    pub fn refused(&self) -> Self {
        Self { is_refused: true, ..self.clone() }
    }

    /// What an object's name says; `None` for every other object.
    pub fn of(text: &str) -> Option<Self> {
        let rest = text.strip_suffix(".json")?;
        let (rest, is_refused) = rest.strip_suffix(REFUSED).map_or((rest, false), |rest| (rest, true));
        let (time, id) = rest.split_once('-')?;
        let is_time = time.len() == 16
            && time.bytes().enumerate().all(|(at, b)| match at {
                8 => b == b'T',
                15 => b == b'Z',
                _ => b.is_ascii_digit(),
            });
        let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (is_time && is_id).then(|| Self { time: time.to_owned(), id: id.to_owned(), is_refused })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}{}.json", self.time, self.id, if self.is_refused { REFUSED } else { "" })
    }
}

/// What stands in a listing before everything that is still tried.
pub fn begin(now: OffsetDateTime) -> String {
    stamp(now - LONGEST_WAIT)
}

/// What is tried again now: what was not refused and is not too old, the oldest first, at most [`MOST_TRIED`].
pub fn due(names: &[String], now: OffsetDateTime) -> Vec<Name> {
    let begin = begin(now);
    let mut due: Vec<Name> = names.iter().filter_map(|name| Name::of(name)).collect();
    due.retain(|name| !name.is_refused && name.time >= begin);
    due.sort_by(|a, b| (&a.time, &a.id).cmp(&(&b.time, &b.id)));
    due.truncate(MOST_TRIED);
    due
}

fn stamp(time: OffsetDateTime) -> String {
    // A description of fixed parts fails on no time.
    time.to_offset(time::UtcOffset::UTC).format(TIME).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::{LONGEST_WAIT, MOST_TRIED, Name, begin, due};

    const NOW: time::OffsetDateTime = datetime!(2025-11-19 15:22:00 UTC);

    fn id(number: usize) -> String {
        format!("{number:032x}")
    }

    #[test]
    fn names_say_how_old_it_is_and_whether_it_is_tried_again() {
        let name = Name::new(NOW, &id(7));
        assert_eq!(name.to_string(), "20251119T152200Z-00000000000000000000000000000007.json");
        assert_eq!(
            name.refused().to_string(),
            "20251119T152200Z-00000000000000000000000000000007.refused.json"
        );
        for one in [name.clone(), name.refused()] {
            assert_eq!(Name::of(&one.to_string()), Some(one));
        }
        for other in
            ["", ".json", "README", "20251119T152200Z-7.json", "x-00000000000000000000000000000007.json"]
        {
            assert_eq!(Name::of(other), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_are_tried_first_and_none_for_ever() {
        let hour = std::time::Duration::from_secs(3600);
        let old = Name::new(NOW - LONGEST_WAIT - hour, &id(1));
        let first = Name::new(NOW - LONGEST_WAIT, &id(2));
        let second = Name::new(NOW - hour, &id(1));
        let refused = Name::new(NOW - hour, &id(3)).refused();
        let names: Vec<String> = [&second, &old, &refused, &first]
            .iter()
            .map(ToString::to_string)
            .chain(["README".into()])
            .collect();
        assert_eq!(due(&names, NOW), [first, second]);
        assert!(old.to_string() < begin(NOW) && names[0] > begin(NOW));
        let many: Vec<String> = (0..50).map(|at| Name::new(NOW, &id(at)).to_string()).rev().collect();
        let tried = due(&many, NOW);
        assert_eq!((tried.len(), tried[0].id.as_str()), (MOST_TRIED, id(0).as_str()));
    }

    proptest! {
        #[test]
        fn any_name_is_read_as_it_is_written_or_not_at_all(text in "\\PC{0,60}|[0-9TZ]{16}-[0-9a-f]{32}(\\.refused)?\\.json") {
            if let Some(name) = Name::of(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
