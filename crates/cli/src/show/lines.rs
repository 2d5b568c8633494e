//! Progress in one line, where there is no terminal to draw on.

use landfall_run::human_bytes;

use super::item::Item;
use super::totals::Figures;
use super::words::{list, middle, speed, time};

/// Names are given in so many columns.
const NAME: usize = 60;

/// So many items that are waited for are named.
const NAMED: usize = 3;

/// A name, and a figure where it is known.
pub(super) type Field = (&'static str, Option<u64>);

/// How far the bytes are: `62% of 210.0 MiB`, or what passed where no total is known.
pub(super) fn how_far(figures: &Figures) -> String {
    match (figures.percent(), figures.bytes_total) {
        (Some(percent), Some(total)) => format!("{percent}% of {}", human_bytes(total)),
        _ => human_bytes(figures.bytes_done),
    }
}

/// How many items are over: `12 of 63 done`.
pub(super) fn done_of(figures: &Figures) -> String {
    let of = figures.items_total.map(|total| format!(" of {total}")).unwrap_or_default();
    format!("{}{of} done", figures.items_done)
}

/// Bytes move.
pub(super) fn moving(figures: &Figures, slowest: Option<&Item>) -> String {
    let mut line = how_far(figures);
    if let Some(bytes) = figures.bytes_per_second {
        line.push_str(&format!(", {}", speed(bytes)));
    }
    if let Some(seconds) = figures.seconds_left {
        line.push_str(&format!(", {} left", time(seconds)));
    }
    line.push_str(&format!("; {}", done_of(figures)));
    if figures.items_running > 0 {
        line.push_str(&format!(", {} running", figures.items_running));
    }
    if let Some(item) = slowest.filter(|_| figures.items_running > 1) {
        line.push_str(&format!(", slowest: {}", with_percent(item, " ", "")));
    }
    line
}

/// Nothing moves, and what is waited for.
pub(super) fn still(figures: &Figures, running: &[Item]) -> String {
    let what = if running.iter().any(|item| item.size().is_some()) { "moved" } else { "was finished" };
    let names: Vec<String> = running.iter().take(NAMED).map(|item| with_percent(item, " (", ")")).collect();
    let waiting = list(&names, running.len() - names.len());
    format!("nothing {what} for {}; waiting for {waiting}", time(figures.still.as_secs()))
}

/// The same for machines: fields by name, and what is not known.
pub(super) fn fields(figures: &Figures) -> [Field; 7] {
    [
        ("bytes_done", Some(figures.bytes_done)),
        ("bytes_total", figures.bytes_total),
        ("bytes_per_second", figures.bytes_per_second),
        ("seconds_left", figures.seconds_left),
        ("items_running", Some(figures.items_running)),
        ("items_done", Some(figures.items_done)),
        ("items_total", figures.items_total),
    ]
}

fn with_percent(item: &Item, before: &str, after: &str) -> String {
    let name = middle(item.shown(), NAME);
    item.percent().map_or(name.clone(), |percent| format!("{name}{before}{percent}%{after}"))
}
