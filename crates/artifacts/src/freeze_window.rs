//! Times in which an environment is left alone, as `landfall.toml` has them.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZoneDatabase;
use schemars::JsonSchema;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::file_error::Problems;
use crate::json::{At, FromJson, text_form};
use crate::settings::keys::refuse_unknown_of;
use crate::text_name::{TextError, short_text};

/// One time in which nothing is deployed; rollbacks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// When.
    pub window: FreezeWindow,
    /// Why, at most 400 characters.
    pub reason: Option<String>,
}

/// When nothing is deployed. The beginning belongs to it, the end does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreezeWindow {
    /// From one moment to another.
    Once {
        /// The first moment.
        from: OffsetDateTime,
        /// The first moment after it.
        until: OffsetDateTime,
    },
    /// Every week, by the clocks of a place.
    Weekly {
        /// From when in the week to when.
        span: WeekSpan,
        /// Whose clocks.
        zone: ZoneName,
    },
}

short_text!(
    /// A time zone by its name in the IANA database, such as `Europe/London`; the database comes with this program, so that its
    /// answer is the same on every machine.
    ZoneName,
    "a time zone of the IANA database such as Europe/London",
    "^[A-Za-z0-9_+/-]{1,64}$",
    |text| text.len() <= 64 && TimeZoneDatabase::bundled().get(text).is_ok()
);

/// A part of the week by the clock, such as `Fri 15:00-Mon 06:00`; it may run over the end of the week, and is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeekSpan {
    /// When it begins.
    pub from: WeekTime,
    /// When it ends.
    pub until: WeekTime,
}

/// A time of the week by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeekTime {
    /// The day, 0 for Monday to 6 for Sunday.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl fmt::Display for WeekTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DAYS.get(usize::from(self.day)).copied().unwrap_or_default();
        write!(f, "{day} {:02}:{:02}", self.hour, self.minute)
    }
}

impl fmt::Display for WeekSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.until)
    }
}

impl FromStr for WeekSpan {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let span = || {
            let (from, until) = text.split_once('-')?;
            let (from, until) = (week_time(from)?, week_time(until)?);
            (from != until).then_some(Self { from, until })
        };
        span().ok_or_else(|| TextError::new(text, "a part of the week such as `Fri 15:00-Mon 06:00`"))
    }
}

text_form!(
    WeekSpan,
    "WeekSpan",
    "a part of the week such as `Fri 15:00-Mon 06:00`, with days Mon to Sun and two different times",
    "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-2][0-9]:[0-5][0-9]-(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-2][0-9]:[0-5][0-9]$"
);

fn week_time(text: &str) -> Option<WeekTime> {
    let (day, clock) = text.split_once(' ')?;
    let day = DAYS.iter().position(|name| *name == day)?;
    let (hour, minute) = clock.split_once(':')?;
    let number = |text: &str, most: u8| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u8>().ok().filter(|n| digits && *n <= most)
    };
    Some(WeekTime { day: u8::try_from(day).ok()?, hour: number(hour, 23)?, minute: number(minute, 59)? })
}

/// Describes the table in schemas.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the table and is never made")]
pub(crate) struct FreezeTable {
    /// Every week, such as `Fri 15:00-Mon 06:00`; with `zone`.
    weekly: Option<WeekSpan>,
    /// The first moment; with `until`. Without an offset it is a time of `zone`.
    from: Option<String>,
    /// The first moment after it.
    until: Option<String>,
    /// The time zone.
    zone: Option<ZoneName>,
    /// Why, at most 400 characters.
    reason: Option<String>,
}

impl FromJson for Freeze {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        refuse_unknown_of(at, &["weekly", "from", "until", "zone", "reason"], problems);
        let weekly: Option<Option<WeekSpan>> = at.field("weekly", problems);
        let zone: Option<Option<ZoneName>> = at.field("zone", problems);
        let reason: Option<Option<String>> = at.field("reason", problems);
        let from: Option<Option<String>> = at.field("from", problems);
        let until: Option<Option<String>> = at.field("until", problems);
        let (weekly, zone, reason, from, until) = (weekly?, zone?, reason?, from?, until?);
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > 400) {
            problems.at_field(at, "reason", "a text of at most 400 characters");
        }
        let window = match (weekly, zone, from, until) {
            (Some(span), Some(zone), None, None) => FreezeWindow::Weekly { span, zone },
            (Some(_), None, None, None) => {
                problems.wrong(at, "the key `zone` beside `weekly`, such as Europe/London");
                return None;
            }
            (None, zone, Some(from), Some(until)) => {
                let mut read = |key: &str, text: &str, edge: Edge| {
                    let moment = moment(text, zone.as_ref(), edge);
                    if moment.is_none() {
                        problems.at_field(at, key, "a time with its offset such as 2025-12-20T18:00:00Z, or one without and a `zone`");
                    }
                    moment
                };
                let (from, until) = (read("from", &from, Edge::First), read("until", &until, Edge::Last));
                let (from, until) = (from?, until?);
                if until <= from {
                    problems.at_field(at, "until", "a time after `from`");
                }
                FreezeWindow::Once { from, until }
            }
            _ => {
                problems.wrong(at, "`from` and `until`, or `weekly` and `zone`");
                return None;
            }
        };
        Some(Self { window, reason })
    }
}

/// Which of two readings of a clock's time is meant where clocks are put back or forward.
#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

fn moment(text: &str, zone: Option<&ZoneName>, edge: Edge) -> Option<OffsetDateTime> {
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(moment.to_offset(time::UtcOffset::UTC));
    }
    // jiff would pass over an offset that stands in the text.
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let is_plain = date.len() == 10 && clock.bytes().all(|b| b.is_ascii_digit() || b == b':');
    let civil: civil::DateTime = format!("{date}T{clock}").parse().ok().filter(|_| is_plain)?;
    let zone = TimeZoneDatabase::bundled().get(zone?.as_str()).ok()?;
    let moment = zone.to_ambiguous_timestamp(civil);
    // A freeze holds for the whole of an hour that stands twice on the clock.
    let moment = match edge {
        Edge::First => moment.earlier(),
        Edge::Last => moment.later(),
    };
    OffsetDateTime::from_unix_timestamp_nanos(moment.ok()?.as_nanosecond()).ok()
}
