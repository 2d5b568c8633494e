//! Points and spans of time as views tell them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use landfall_artifacts::instant_text;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time, UtcOffset};

/// A point in time; in JSON as RFC 3339 has it, in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub OffsetDateTime);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&instant_text(&self.0))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A text that is no end of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z")]
pub struct MomentError;

impl FromStr for Moment {
    type Err = MomentError;

    /// A time as RFC 3339 writes it, or a day, which stands for its beginning in UTC.
    fn from_str(text: &str) -> Result<Self, MomentError> {
        if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self(time.to_offset(UtcOffset::UTC)));
        }
        let day = time::macros::format_description!("[year]-[month]-[day]");
        let date = Date::parse(text, day).map_err(|_| MomentError)?;
        Ok(Self(date.with_time(Time::MIDNIGHT).assume_utc()))
    }
}

/// From a point in time up to another, which is not in it; open where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Span {
    /// The first point that is in it.
    pub from: Option<Moment>,
    /// The first point after it.
    pub to: Option<Moment>,
}

impl Span {
    /// Whether a point in time is in it.
    pub fn has(&self, time: OffsetDateTime) -> bool {
        self.from.is_none_or(|from| from.0 <= time) && self.to.is_none_or(|to| time < to.0)
    }
}

/// A month of the calendar, in UTC; in JSON such as `2026-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u8,
}

impl Month {
    /// The month of a point in time.
    pub fn of(time: OffsetDateTime) -> Self {
        let utc = time.to_offset(UtcOffset::UTC);
        Self { year: utc.year(), month: u8::from(utc.month()) }
    }

    /// The month after it.
    pub fn next(self) -> Self {
        match self.month {
            12.. => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }

    /// How many of its days are in a span, at least in part, and had begun at a point in time.
    pub fn days_of(self, span: Span, now: OffsetDateTime) -> u64 {
        let (Some(first), Some(after)) = (self.begin(), self.next().begin()) else { return 0 };
        let from = span.from.map_or(first, |from| first.max(from.0));
        let to = span.to.map_or(after, |to| after.min(to.0));
        let last = now.min(to - time::Duration::nanoseconds(1)).to_offset(UtcOffset::UTC);
        if last < from {
            return 0;
        }
        let days = last.to_julian_day() - from.to_offset(UtcOffset::UTC).to_julian_day() + 1;
        u64::try_from(days).unwrap_or(0)
    }

    /// Its first point in time; `None` beyond the years that there are.
    fn begin(self) -> Option<OffsetDateTime> {
        let month = time::Month::try_from(self.month).ok()?;
        Some(Date::from_calendar_date(self.year, month, 1).ok()?.with_time(Time::MIDNIGHT).assume_utc())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Month {
    fn schema_name() -> Cow<'static, str> {
        "Month".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{Moment, Month, Span};

    #[test]
    fn ends_of_spans_are_days_or_times() {
        let parsed = |text: &str| text.parse::<Moment>().map(|moment| moment.to_string());
        assert_eq!(parsed("2026-01-31").as_deref(), Ok("2026-01-31T00:00:00Z"));
        assert_eq!(parsed("2026-01-31T12:00:00+02:00").as_deref(), Ok("2026-01-31T10:00:00Z"));
        for odd in ["", "2026-02-30", "2026-1-1", "yesterday", "2026-01-31 12:00"] {
            assert!(parsed(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_span_has_its_beginning_and_not_its_end() {
        let span = Span { from: "2026-01-01".parse().ok(), to: "2026-02-01".parse().ok() };
        assert!(span.has(datetime!(2026-01-01 0:00 UTC)) && span.has(datetime!(2026-01-31 23:59:59 UTC)));
        assert!(!span.has(datetime!(2025-12-31 23:59:59 UTC)) && !span.has(datetime!(2026-02-01 0:00 UTC)));
        assert!(Span::default().has(datetime!(2026-02-01 0:00 UTC)));
    }

    #[test]
    fn months_are_counted_in_utc_and_over_the_year() {
        let december = Month::of(datetime!(2027-01-01 1:00 +2));
        assert_eq!((december.to_string(), december.next().to_string()), ("2026-12".into(), "2027-01".into()));
        let now = datetime!(2028-02-10 3:00 UTC);
        let days = |time| Month::of(time).days_of(Span::default(), now);
        assert_eq!(days(datetime!(2028-02-01 0:00 UTC)), 10);
        assert_eq!(days(datetime!(2028-01-01 0:00 UTC)), 31);
        assert_eq!(days(datetime!(2028-03-01 0:00 UTC)), 0);
        let february = Month::of(datetime!(2028-02-01 0:00 UTC));
        assert_eq!(february.days_of(Span::default(), datetime!(2028-03-01 0:00 UTC)), 29);
        let cut = |from: &str, to: &str| {
            february.days_of(Span { from: from.parse().ok(), to: to.parse().ok() }, now)
        };
        assert_eq!(cut("2028-02-08", "2028-02-09"), 1);
        assert_eq!(cut("2028-02-08T13:00:00Z", "2028-02-09T00:00:01Z"), 2);
        assert_eq!((cut("2028-01-15", "2028-02-03"), cut("2028-02-09", "2029-01-01")), (2, 2));
        assert_eq!(
            (cut("2028-02-11", ""), cut("", "2028-02-01"), cut("2028-02-05", "2028-02-05")),
            (0, 0, 0)
        );
    }
}
