//! How long a server asks us to wait.

use std::time::Duration;

use http::HeaderMap;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), else AWS's `x-amz-retry-after` in milliseconds.
///
/// A date in the past and a negative number are a pause of nothing; what cannot be read is `None`.
pub fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(value) = text("retry-after") {
        if let Ok(seconds) = value.parse::<i64>() {
            return Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        }
        let at = time::PrimitiveDateTime::parse(value, HTTP_DATE).ok()?.assume_utc();
        return Some(Duration::try_from(at - now).unwrap_or(Duration::ZERO));
    }
    let millis = text("x-amz-retry-after")?.parse::<u64>().ok()?;
    Some(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::retry_after;

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

    proptest! {
        #[test]
        fn no_value_panics(value in "\\PC{0,60}") {
            let _ = asked(&value);
        }
    }
}
