//! How long a server asks us to wait.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A time to the minute, as Jira's page about rate limits shows it.
const MINUTES: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]Z");

/// Numbers below this are seconds to wait, others a time since 1970.
const LEAST_TIME: i64 = 1_000_000_000;

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), else AWS's `x-amz-retry-after` in milliseconds.
///
/// A date in the past and a negative number are a pause of nothing; what cannot be read is `None`.
pub fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(value) = text("retry-after") {
        if let Ok(seconds) = value.parse::<i64>() {
            return Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        }
        let at = PrimitiveDateTime::parse(value, HTTP_DATE).ok()?.assume_utc();
        return Some(Duration::try_from(at - now).unwrap_or(Duration::ZERO));
    }
    let millis = text("x-amz-retry-after")?.parse::<u64>().ok()?;
    Some(Duration::from_millis(millis))
}

/// What [`retry_after`] gives, and where a 429 says nothing there, the time that `X-RateLimit-Reset` names: gateways before Jira
/// send that alone.
///
/// It is a time by RFC 3339, also one without seconds, seconds since 1970, or a number of seconds to wait. Other statuses carry
/// that header too, and mean no pause by it.
pub(crate) fn asked_pause(status: StatusCode, headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    retry_after(headers, now).or_else(|| {
        if status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let text = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim();
        let at = match text.parse::<i64>() {
            Ok(seconds) if seconds < LEAST_TIME => {
                return Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
            }
            Ok(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok()?,
            Err(_) => OffsetDateTime::parse(text, &Rfc3339)
                .or_else(|_| PrimitiveDateTime::parse(text, MINUTES).map(PrimitiveDateTime::assume_utc))
                .ok()?,
        };
        Some(Duration::try_from(at - now).unwrap_or(Duration::ZERO))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode};
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::{asked_pause, retry_after};

    fn asked(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_str(value).ok()?);
        retry_after(&headers, datetime!(2026-11-20 12:00:00 UTC))
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(asked("3"), Some(Duration::from_secs(3)));
        assert_eq!(asked("-5"), Some(Duration::ZERO));
        assert_eq!(asked("Fri, 20 Nov 2026 12:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(asked("Fri, 20 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
    }

    fn reset(status: u16, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-reset", HeaderValue::from_str(value).ok()?);
        let status = StatusCode::from_u16(status).ok()?;
        asked_pause(status, &headers, datetime!(2026-11-20 12:00:00 UTC))
    }

    #[test]
    fn the_time_of_a_reset_counts_where_nothing_else_is_said() {
        assert_eq!(reset(429, "2026-11-20T12:00:30Z"), Some(Duration::from_secs(30)));
        assert_eq!(reset(429, "2026-11-20T13:00:30+01:00"), Some(Duration::from_secs(30)));
        assert_eq!(reset(429, "2026-11-20T12:01Z"), Some(Duration::from_secs(60)));
        assert_eq!(reset(429, "1795176012"), Some(Duration::from_secs(12)));
        assert_eq!(reset(429, "17"), Some(Duration::from_secs(17)));
        assert_eq!(reset(429, "2020-01-01T00:00Z"), Some(Duration::ZERO));
        assert_eq!(reset(429, "soon"), None);
        assert_eq!(reset(503, "17"), None, "it is on every answer");
        let both = [("retry-after", "3"), ("x-ratelimit-reset", "17")];
        let headers =
            both.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(headers);
        let asked = asked_pause(StatusCode::TOO_MANY_REQUESTS, &headers, datetime!(2026-11-20 12:00:00 UTC));
        assert_eq!(asked, Some(Duration::from_secs(3)));
    }

    proptest! {
        #[test]
        fn no_value_panics(value in "\\PC{0,60}") {
            let _ = asked(&value);
            let _ = reset(429, &value);
        }
    }
}
