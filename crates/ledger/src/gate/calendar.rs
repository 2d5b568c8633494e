//! The week by the clocks of a place.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use landfall_artifacts::{WeekSpan, WeekTime, ZoneName};
use time::OffsetDateTime;

/// When the part of the week that `now` is in ends; `None` where `now` is in none.
///
/// A clock's time that stands twice in a night belongs to the part whole; one that no clock shows is read by the hands as they were
/// before, at the beginning, and as they are after, at the end.
pub(super) fn weekly_until(span: WeekSpan, zone: &ZoneName, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let zone = TimeZoneDatabase::bundled().get(zone.as_str()).ok()?;
    let now = Timestamp::from_nanosecond(now.unix_timestamp_nanos()).ok()?;
    let mut day = zone.to_datetime(now).date().tomorrow().ok()?;
    let mut ends = None;
    // A part of the week is shorter than a week, and clocks are moved by less than a day.
    for _ in 0..9 {
        if day.weekday().to_monday_zero_offset() == i8::try_from(span.from.day).ok()? {
            let (from, until) = part(day, span, &zone)?;
            if from <= now && now < until {
                ends = ends.max(Some(until));
            }
        }
        day = day.yesterday().ok()?;
    }
    OffsetDateTime::from_unix_timestamp_nanos(ends?.as_nanosecond()).ok()
}

/// The part of the week that begins on this day.
fn part(day: Date, span: WeekSpan, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let from = zone.to_ambiguous_timestamp(at(day, span.from)?).earlier().ok()?;
    let days = (7 + span.until.day - span.from.day) % 7;
    let over_the_week = days == 0 && span.until <= span.from;
    let days = if over_the_week { 7 } else { i64::from(days) };
    let last = day.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    let until = zone.to_ambiguous_timestamp(at(last, span.until)?).later().ok()?;
    Some((from, until))
}

fn at(day: Date, time: WeekTime) -> Option<DateTime> {
    let clock = Time::new(i8::try_from(time.hour).ok()?, i8::try_from(time.minute).ok()?, 0, 0).ok()?;
    Some(day.to_datetime(clock))
}
