//! Foreign text, times and addresses as HTML.

use landfall_artifacts::Digest;
use landfall_secret::Origin;
use maud::{Markup, html};
use time::{OffsetDateTime, UtcOffset};

/// Longest text of one place, in characters.
const LONGEST: usize = 300;

/// Longest address that becomes a link, in bytes.
const LONGEST_LINK: usize = 2_000;

/// Foreign text, with control and bidirectional characters shown; maud escapes it for HTML.
pub(crate) fn shown(text: &str) -> String {
    landfall_secret::escape(text, LONGEST)
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

/// A time in UTC, to the minute for people and to the second for machines.
pub(crate) fn when(time: OffsetDateTime) -> Markup {
    let utc = time.to_offset(UtcOffset::UTC);
    let (year, month, day) = (utc.year(), u8::from(utc.month()), utc.day());
    let day = format!("{year:04}-{month:02}-{day:02}");
    let minute = format!("{:02}:{:02}", utc.hour(), utc.minute());
    let exact = format!("{day}T{minute}:{:02}Z", utc.second());
    html! { time datetime=(exact) { (day) " " span.nowrap { (minute) " UTC" } } }
}

/// The first digits of a digest, all of it on request.
pub(crate) fn digest(digest: Digest) -> Markup {
    let hex = digest.hex();
    html! { code.digest title=(digest) { (hex.get(..12).unwrap_or_default()) } }
}
