//! Times, lengths of time and contents, as tables have them.

use landfall_artifacts::{Digest, EffectResult, LedgerEvent};
use landfall_cli::duration_words;
use landfall_ledger::view::{Mark, Moment};

use super::table::{Cell, Tone};

/// `2026-01-31 12:00`.
pub(super) fn minute(moment: Moment) -> String {
    let time = moment.0.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute()
    )
}

/// `34 s`, `20 min`, `2 h 05 min`, `3 d 4 h`.
pub(super) fn length(seconds: u64) -> String {
    const DAY: u64 = 24 * 3600;
    match (seconds / DAY, seconds % DAY / 3600) {
        (0, _) if seconds < 60 => duration_words(seconds),
        (0, hours) if seconds % 3600 < 60 && hours > 0 => format!("{hours} h"),
        // Seconds beside minutes say nothing where days are compared.
        (0, _) => duration_words(seconds / 60 * 60),
        (days, 0) => format!("{days} d"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

/// A digest in short, without its algorithm; `?` where nobody told it.
pub(super) fn content(digest: Option<Digest>) -> String {
    digest.map_or_else(|| "?".to_owned(), |digest| digest.hex().chars().take(12).collect())
}

/// A text, or `-` where there is none.
pub(super) fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

/// The number of a record.
pub(super) fn record(mark: &Mark<'_>) -> Cell {
    Cell::new(mark.record.to_string()).toned(Tone::Dim)
}

/// How something ended, in one word, with its colour.
pub(super) fn ending(outcome: EffectResult, word: &str) -> Cell {
    match outcome {
        EffectResult::Done => Cell::new(word),
        EffectResult::Failed => Cell::new(format!("{word} failed")).toned(Tone::Bad),
        EffectResult::Unknown => Cell::new(format!("{word} unknown")).toned(Tone::Doubtful),
    }
}

/// The kind of an event and how it ended.
pub(super) fn kind(event: &LedgerEvent) -> Cell {
    ending(event.outcome.unwrap_or(EffectResult::Done), event.kind.as_str())
}
