//! What stands at the bottom of a terminal while items run: a line for each, and one for all of them.

use std::time::Duration;

use landfall_run::human_bytes;

use super::item::Item;
use super::lines::{done_of, how_far};
use super::totals::{Figures, Totals};
use super::words::{columns, cut, fitted, speed, time};

/// So many items have a line at most; the others are counted.
const MOST_ITEMS: usize = 12;

/// So many lines of the terminal are left to what was printed.
const LEFT_ROWS: usize = 4;

/// A name is not given more columns than these, or its bar stands far away from it.
const WIDEST_NAME: usize = 48;

/// From here on the speed gives way to the word that there is none.
const STILL: Duration = Duration::from_secs(10);

/// A terminal's size, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many characters a line has.
    pub columns: usize,
    /// How many lines there are.
    pub rows: usize,
}

/// Which columns there are beside the names, and how wide.
struct Layout {
    name: usize,
    bar: usize,
    size: bool,
    speed: bool,
}

impl Layout {
    /// Names come first: a digest and a repository want 31 columns before anything but the percentage has room.
    fn of(room: usize) -> Self {
        let (bar, size, speed) = match room {
            0..50 => (0, false, false),
            50..65 => (8, false, false),
            65..79 => (10, true, false),
            79..99 => (10, true, true),
            99.. => (20, true, true),
        };
        let taken = 2
            + 6
            + if bar > 0 { bar + 4 } else { 0 }
            + if size { 12 } else { 0 }
            + if speed { 14 } else { 0 };
        Self { name: room.saturating_sub(taken).min(WIDEST_NAME), bar, size, speed }
    }

    fn line(&self, item: &Item, now: Duration) -> String {
        let name = fitted(item.shown(), self.name);
        let Some(size) = item.size() else {
            return format!("  {name}  {}", time(item.since(now).as_secs()));
        };
        let mut line = format!("  {name}");
        if self.bar > 0 {
            line.push_str(&format!("  {}", bar(item.done(), size, self.bar)));
        }
        line.push_str(&format!("  {:>3}%", item.percent().unwrap_or(100)));
        if self.size {
            line.push_str(&format!("  {:>10}", human_bytes(size)));
        }
        if let Some(bytes) = item.per_second(now).filter(|_| self.speed) {
            line.push_str(&format!("  {:>12}", speed(bytes)));
        }
        line
    }
}

/// The lines for a terminal of this size; none of them is as wide as it. Empty where nothing runs and nothing is to be moved.
pub(super) fn block(totals: &Totals, now: Duration, size: Size) -> Vec<String> {
    // The last column stays free: after it some terminals begin a new line.
    let room = size.columns.saturating_sub(1);
    let running = totals.running();
    let rows = size.rows.saturating_sub(LEFT_ROWS).min(MOST_ITEMS);
    let layout = Layout::of(room);
    let mut lines: Vec<String> = running.iter().take(rows).map(|item| layout.line(item, now)).collect();
    if let Some(others) = running.len().checked_sub(rows).filter(|others| *others > 0) {
        lines.push(format!("  and {others} more"));
    }
    if totals.has_total() {
        lines.push(total(&totals.figures(now), room));
    }
    lines.iter().map(|line| cut(line, room)).collect()
}

/// How far all is. What has no room is left out, from the least telling on.
fn total(figures: &Figures, room: usize) -> String {
    let width = match room {
        0..40 => 0,
        40..79 => 10,
        79..99 => 16,
        99.. => 20,
    };
    let drawn = match width {
        0 => String::new(),
        width => format!("{}  ", bar(figures.bytes_done, figures.bytes_total.unwrap_or(0), width)),
    };
    let far = format!("  {drawn}{}", how_far(figures));
    let many = done_of(figures);
    let pace = figures.bytes_per_second.map(|bytes| format!(", {}", speed(bytes))).unwrap_or_default();
    let left = figures.seconds_left.map(|seconds| format!(", {} left", time(seconds))).unwrap_or_default();
    let said = if figures.still >= STILL && figures.items_running > 0 {
        let still = format!(", nothing moved for {}", time(figures.still.as_secs()));
        [format!("{still}; {many}"), still, String::new()]
    } else {
        [format!("{pace}{left}; {many}"), format!("{pace}{left}"), left]
    };
    let fits = |said: &&String| columns(&far) + columns(said) <= room;
    said.iter().find(fits).map_or(far.clone(), |said| format!("{far}{said}"))
}

/// A bar of so many characters between its ends.
fn bar(done: u64, of: u64, width: usize) -> String {
    let filled = (u128::from(done) * width as u128).checked_div(u128::from(of));
    let filled = filled.and_then(|filled| usize::try_from(filled).ok()).unwrap_or(width).min(width);
    let (head, rest) = if filled < width { (">", width - filled - 1) } else { ("", 0) };
    format!("[{}{head}{}]", "=".repeat(filled), " ".repeat(rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Size, bar, block};
    use crate::show::totals::Totals;
    use crate::show::words::columns;

    #[test]
    fn a_bar_is_full_when_all_is_done() {
        assert_eq!(bar(0, 100, 10), "[>         ]");
        assert_eq!(bar(55, 100, 10), "[=====>    ]");
        assert_eq!(bar(99, 100, 10), "[=========>]");
        assert_eq!(bar(100, 100, 10), "[==========]");
        assert_eq!(bar(u64::MAX, u64::MAX, 10), bar(0, 0, 10));
    }

    proptest! {
        #[test]
        fn the_lines_fit_the_terminal(
            width in 0usize..150,
            rows in 0usize..40,
            items in proptest::collection::vec(("[ -~é世]{0,40}", proptest::option::of(any::<u64>()), any::<u64>()), 0..30),
            total in any::<u64>(),
            seconds in 0u64..1_000_000,
        ) {
            let mut totals = Totals::new(Duration::ZERO, None);
            totals.told(total, Some(u64::MAX));
            for (name, size, passed) in items {
                totals.started(Duration::ZERO, name.clone(), name.clone(), size);
                totals.advanced(Duration::from_secs(1), &name, passed);
            }
            let lines = block(&totals, Duration::from_secs(seconds), Size { columns: width, rows });
            prop_assert!(lines.iter().all(|line| columns(line) <= width.saturating_sub(1)), "{lines:?}");
            prop_assert!(lines.len() < rows.max(3), "the cursor's line has room too: {lines:?}");
        }
    }
}
