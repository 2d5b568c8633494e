//! What waits in the queue, by the names of its objects: `<time>-<id>-<target>.json`, or with `.refused.json` at its end where the target
//! refused it for good.
//!
//! Names sort as times do, so that a listing gives the oldest first, and one that begins a day ago leaves out what is too old.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::TargetName;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// How long a notification is tried again. News of yesterday help nobody; it stays, and is shown.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The most that one run tries again of a target.
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
    /// Who is to be told.
    pub target: TargetName,
    /// Whether the target refused it for good.
    pub is_refused: bool,
}

impl Name {
    /// The name of a notification that waits since then.
    pub fn new(since: OffsetDateTime, id: &str, target: &TargetName) -> Self {
        Self { time: stamp(since), id: id.to_owned(), target: target.clone(), is_refused: false }
    }

    /// The same, refused for good.
    pub fn refused(&self) -> Self {
        Self { is_refused: true, ..self.clone() }
    }

    /// Whether it is too old to be tried again.
    pub fn is_old(&self, now: OffsetDateTime) -> bool {
        self.time < begin(now)
    }

    /// What an object's name says; `None` for every other object.
    pub fn of(text: &str) -> Option<Self> {
        let rest = text.strip_suffix(".json")?;
        let (rest, is_refused) = rest.strip_suffix(REFUSED).map_or((rest, false), |rest| (rest, true));
        let (time, rest) = rest.split_once('-')?;
        let (id, target) = rest.split_once('-')?;
        let is_time = time.len() == 16
            && time.bytes().enumerate().all(|(at, b)| match at {
                8 => b == b'T',
                15 => b == b'Z',
                _ => b.is_ascii_digit(),
            });
        let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let target = target.parse().ok().filter(|_| is_time && is_id)?;
        Some(Self { time: time.to_owned(), id: id.to_owned(), target, is_refused })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = if self.is_refused { REFUSED } else { "" };
        write!(f, "{}-{}-{}{end}.json", self.time, self.id, self.target)
    }
}

/// What stands in a listing before everything that is still tried.
pub fn begin(now: OffsetDateTime) -> String {
    stamp(now - LONGEST_WAIT)
}

/// What waits for one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What is tried again now, the oldest first: at most [`MOST_TRIED`].
    pub first: Vec<Name>,
    /// Whether more wait behind these: what is new has to wait behind them.
    pub is_longer: bool,
}

/// What is tried again now, for each target by itself, so that one that is down keeps no other waiting: what was not refused, is not too
/// old, and whose target can be told here.
pub fn due(
    names: &[String],
    now: OffsetDateTime,
    can_be_told: impl Fn(&TargetName) -> bool,
) -> BTreeMap<TargetName, Line> {
    let mut due: Vec<Name> = names.iter().filter_map(|name| Name::of(name)).collect();
    due.retain(|name| !name.is_refused && !name.is_old(now) && can_be_told(&name.target));
    due.sort_by(|a, b| (&a.time, &a.id).cmp(&(&b.time, &b.id)));
    let mut lines: BTreeMap<TargetName, Line> = BTreeMap::new();
    for name in due {
        let line = lines.entry(name.target.clone()).or_default();
        if line.first.len() < MOST_TRIED {
            line.first.push(name);
        } else {
            line.is_longer = true;
        }
    }
    lines
}

fn stamp(time: OffsetDateTime) -> String {
    // A description of fixed parts fails on no time.
    time.to_offset(time::UtcOffset::UTC).format(TIME).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::{LONGEST_WAIT, Line, MOST_TRIED, Name, begin, due};

    const NOW: time::OffsetDateTime = datetime!(2025-11-19 15:22:00 UTC);

    fn name(since: time::OffsetDateTime, number: usize) -> Name {
        name_for("audit-1", since, number)
    }

    fn name_for(target: &str, since: time::OffsetDateTime, number: usize) -> Name {
        Name::new(since, &format!("{number:032x}"), &target.parse().expect("a target"))
    }

    /// The line of the only target.
    fn line(names: &[String]) -> Line {
        let lines = due(names, NOW, |_| true);
        assert_eq!(lines.len(), 1);
        lines.into_values().next().expect("one")
    }

    #[test]
    fn names_say_how_old_it_is_and_whether_it_is_tried_again() {
        let waits = name(NOW, 7);
        assert_eq!(waits.to_string(), "20251119T152200Z-00000000000000000000000000000007-audit-1.json");
        assert_eq!(
            waits.refused().to_string(),
            "20251119T152200Z-00000000000000000000000000000007-audit-1.refused.json"
        );
        for one in [waits.clone(), waits.refused()] {
            assert_eq!(Name::of(&one.to_string()), Some(one));
        }
        for other in
            ["", ".json", "README", "20251119T152200Z-7-a.json", &waits.to_string().replace("audit", "Audit")]
        {
            assert_eq!(Name::of(other), None, "{other}");
        }
        let longest = Name::new(NOW, &"a".repeat(32), &"b".repeat(64).parse().expect("a target")).refused();
        assert!(longest.to_string().len() <= 128, "a note's name has room for it");
    }

    #[test]
    fn the_oldest_are_tried_first_and_none_for_ever() {
        let hour = std::time::Duration::from_secs(3600);
        let old = name(NOW - LONGEST_WAIT - hour, 1);
        let first = name(NOW - LONGEST_WAIT, 2);
        let second = name(NOW - hour, 1);
        let refused = name(NOW - hour, 3).refused();
        let names: Vec<String> = [&second, &old, &refused, &first]
            .iter()
            .map(ToString::to_string)
            .chain(["README".into()])
            .collect();
        assert_eq!(line(&names), Line { first: vec![first, second], is_longer: false });
        assert!(due(&names, NOW, |_| false).is_empty());
        assert!(old.to_string() < begin(NOW) && names[0] > begin(NOW));
        for (number, is_longer) in [(MOST_TRIED, false), (MOST_TRIED + 1, true), (50, true)] {
            let many: Vec<String> = (0..number).map(|at| name(NOW, at).to_string()).rev().collect();
            let Line { first, is_longer: is_so } = line(&many);
            assert_eq!((first.len(), &first[0], is_so), (MOST_TRIED, &name(NOW, 0), is_longer));
        }
    }

    #[test]
    fn a_target_that_is_down_keeps_no_other_waiting() {
        let down = (0..MOST_TRIED * 2).map(|at| name_for("down", NOW, at));
        let later = name_for("chat", NOW + std::time::Duration::from_secs(60), 1);
        let names: Vec<String> = down.chain([later.clone()]).map(|name| name.to_string()).collect();
        let lines = due(&names, NOW, |_| true);
        let of = |target: &str| lines.get(&target.parse().expect("a target")).expect("a line");
        assert_eq!(*of("chat"), Line { first: vec![later], is_longer: false });
        assert_eq!((of("down").first.len(), of("down").is_longer), (MOST_TRIED, true));
        assert_eq!(due(&names, NOW, |target| target.as_str() == "chat").len(), 1);
    }

    proptest! {
        #[test]
        fn any_name_is_read_as_it_is_written_or_not_at_all(
            text in "\\PC{0,60}|[0-9TZ]{16}-[0-9a-f]{32}-[a-z-]{0,9}(\\.refused)?\\.json|2[0-9]{7}T[0-9]{6}Z-[0-9a-f]{32}-a[a-z-]{0,9}(\\.refused)?\\.json"
        ) {
            if let Some(name) = Name::of(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
