//! Foreign text, times and addresses as HTML.

use landfall_artifacts::Digest;
use landfall_secret::Origin;
use maud::{Markup, html};
use time::{OffsetDateTime, UtcOffset};

use crate::Month;

/// Longest text of one place, in characters.
const LONGEST: usize = 300;

/// Longest text in a cell of the matrix, in characters.
const LONGEST_IN_A_CELL: usize = 40;

/// Longest address that becomes a link, in bytes.
const LONGEST_LINK: usize = 2_000;

/// Foreign text, with control and bidirectional characters shown; maud escapes it for HTML.
pub(crate) fn shown(text: &str) -> String {
    landfall_secret::escape(text, LONGEST)
}

/// The same, where there is little room.
pub(crate) fn brief(text: &str) -> String {
    landfall_secret::escape(text, LONGEST_IN_A_CELL)
}

/// A link where the address is one of the web; else the text alone.
pub(crate) fn link(text: &str, address: &str) -> Markup {
    let printable = address.len() <= LONGEST_LINK && address.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && Origin::parse(address).is_ok() {
        html! { a href=(address) rel="noopener noreferrer" { (shown(text)) } }
    } else {
        html! { (shown(text)) }
    }
}

/// Who did something, with a link to the CI job where there is one.
pub(crate) fn by(name: &str, run: Option<&str>) -> Markup {
    if let Some(run) = run {
        link(name, run)
    } else {
        html! { (shown(name)) }
    }
}

/// `2025-11-19T15:22:07Z`, of which the first ten characters are the day and five from the eleventh on the minute.
fn stamp(time: OffsetDateTime) -> String {
    let utc = time.to_offset(UtcOffset::UTC);
    let mut stamp = String::with_capacity(20);
    let mut put = |number: u32, digits: u32, end: char| {
        let digit = |place: u32| char::from_digit(number / 10u32.pow(place) % 10, 10).unwrap_or('?');
        stamp.extend((0..digits).rev().map(digit));
        stamp.push(end);
    };
    put(utc.year().unsigned_abs(), 4, '-');
    put(u8::from(utc.month()).into(), 2, '-');
    put(utc.day().into(), 2, 'T');
    put(utc.hour().into(), 2, ':');
    put(utc.minute().into(), 2, ':');
    put(utc.second().into(), 2, 'Z');
    stamp
}

fn day_and_minute(stamp: &str) -> (&str, &str) {
    (stamp.get(..10).unwrap_or_default(), stamp.get(11..16).unwrap_or_default())
}

/// A time in UTC, to the minute for people and to the second for machines.
pub(crate) fn when(time: OffsetDateTime) -> Markup {
    let stamp = stamp(time);
    let (day, minute) = day_and_minute(&stamp);
    html! { time datetime=(stamp) { (day) " " (minute) } }
}

/// The day, and the time where that is today; for cells of the matrix.
pub(crate) fn day(time: OffsetDateTime, today: OffsetDateTime) -> String {
    let (stamp, now) = (stamp(time), stamp(today));
    let (day, minute) = day_and_minute(&stamp);
    if now.starts_with(day) { format!("today {minute}") } else { day.to_owned() }
}

/// The month of a time, in UTC.
pub(crate) fn month(time: OffsetDateTime) -> Month {
    let utc = time.to_offset(UtcOffset::UTC);
    Month { year: utc.year(), month: u8::from(utc.month()) }
}

/// How long, in the two largest units that say something: `3 d 4 h`, `5 min`.
pub(crate) fn long(seconds: f64) -> String {
    let whole = if seconds.is_finite() && seconds > 0.0 { seconds.round() as u64 } else { 0 };
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (1..10, 1.., _) => format!("{days} d {hours} h"),
        (_, _, _) => format!("{days} d"),
    }
}

/// The first digits of a digest, all of it on request.
pub(crate) fn digest(digest: Digest) -> Markup {
    let hex = digest.hex();
    html! { code.digest title=(digest) { (hex.get(..12).unwrap_or_default()) } }
}

/// `1 release`, `2 releases`.
pub(crate) fn count(number: usize, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{day, long, when};

    #[test]
    fn spans_are_said_in_two_units_at_most() {
        let said =
            [0.0, 59.4, 300.0, 3_600.0, 5_400.0, 86_400.0, 90_000.0, 1_000_000.0, f64::NAN, -3.0].map(long);
        assert_eq!(
            said,
            ["0 s", "59 s", "5 min", "1 h", "1 h 30 min", "1 d", "1 d 1 h", "11 d", "0 s", "0 s"]
        );
    }

    #[test]
    fn times_are_those_of_utc() {
        let shown = when(datetime!(0987-06-05 01:02:03 +02:00)).into_string();
        assert_eq!(shown, "<time datetime=\"0987-06-04T23:02:03Z\">0987-06-04 23:02</time>");
    }

    #[test]
    fn today_shows_its_hour() {
        let now = datetime!(2025-11-19 15:22 UTC);
        assert_eq!(day(datetime!(2025-11-19 01:02 UTC), now), "today 01:02");
        assert_eq!(day(datetime!(2025-11-19 01:02 +02:00), now), "2025-11-18");
    }
}
