//! Times in files: RFC 3339, UTC, whole milliseconds. For `#[serde(with)]`.

use serde::Serializer;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The time as files hold it. Years before 0 and after 9999 cannot be written and become 1970.
pub fn text(time: &OffsetDateTime) -> String {
    let utc = time.to_offset(UtcOffset::UTC);
    utc.replace_millisecond(utc.millisecond())
        .unwrap_or(utc)
        .format(&Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

pub(crate) fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(time))
}

/// The same for a time that need not be there, which is `null` then.
pub(crate) mod or_none {
    use serde::Serializer;
    use time::OffsetDateTime;

    #[expect(clippy::ref_option, reason = "serde hands fields over so")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<OffsetDateTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    #[test]
    fn times_are_utc_to_the_millisecond() {
        let shown = super::text(&datetime!(2025-11-19 17:22:00.123_456_789 +2));
        assert_eq!(shown, "2025-11-19T15:22:00.123Z");
        assert_eq!(super::text(&datetime!(2025-11-19 15:22:00 UTC)), "2025-11-19T15:22:00Z");
    }
}
