//! What picks, filters and hides rows and columns of a page's table.

use maud::{Markup, html};

use crate::build::Book;

/// The classes of rows that a button picks, with the button's words.
pub(super) const PICKS: [(&str, &str); 5] = [
    ("drift", "Drift"),
    ("behind", "Behind"),
    ("back", "Rolled back"),
    ("soak", "Soaking"),
    ("gates", "Gates missing"),
];

/// Rows of one page, and how many of them each button picks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) rows: usize,
    /// In the order of [`PICKS`].
    pub(super) picked: [usize; PICKS.len()],
}

impl Counts {
    /// Of these rows, each with the buttons that pick it.
    pub(super) fn of(rows: &[[bool; PICKS.len()]]) -> Self {
        let count = |at: usize| rows.iter().filter(|row| row.get(at) == Some(&true)).count();
        Self { rows: rows.len(), picked: std::array::from_fn(count) }
    }

    /// The buttons that pick something, with how much.
    pub(super) fn there(&self) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
        let all = PICKS.iter().zip(self.picked).map(|((class, label), number)| (*class, *label, number));
        all.filter(|(_, _, number)| *number > 0)
    }
}

/// Buttons that pick rows and columns of the matrix without a script, and the box that needs one. Where there are further pages, the counts are
/// of this one and say so, since the buttons act on it alone.
pub(super) fn tools(book: &Book<'_>, counts: &Counts, is_parted: bool) -> Markup {
    let here = if is_parted { " here" } else { "" };
    html! {
        div.tools {
            fieldset.picks {
                legend.hidden { "Rows that are shown" }
                span { input #pick-all type="radio" name="pick" checked autocomplete="off"; label for="pick-all" { "All " (counts.rows) (here) } }
                @for (class, label, number) in counts.there() {
                    @let id = format!("pick-{class}");
                    span { input #(id) type="radio" name="pick" autocomplete="off"; label for=(id) { (label) " " (number) (here) } }
                }
            }
            (filter("matrix", is_parted))
            @if book.site.environments.len() > 1 {
                details.columns {
                    summary { "Environments" }
                    fieldset {
                        legend.hidden { "Columns that are shown" }
                        @for (at, environment) in book.site.environments.iter().enumerate() {
                            @let id = format!("column-{}", at + 1);
                            span { input #(id) type="checkbox" checked autocomplete="off"; label for=(id) { (environment.name) } }
                        }
                    }
                }
            }
        }
    }
}

/// The box that filters the rows of a table by the words in them. Without a script it is not shown. `is_part` is said where the table is only a part
/// of a list that goes on in further pages.
pub(super) fn filter(table: &str, is_part: bool) -> Markup {
    html! {
        div.filter hidden {
            label for="filter" { "Filter" }
            input #filter type="search" data-filters=(table) aria-describedby="filtered" autocomplete="off"
                placeholder=[is_part.then_some("on this page")];
            span #filtered role="status" {}
        }
    }
}
