//! Long lists by month: the newest on the list's own page, all of them on the pages of their months.

use std::collections::BTreeMap;
use std::sync::Arc;

use maud::{Markup, html};

use super::tools::filter;
use crate::Month;
use crate::build::{Book, Page, Piece};
use crate::lists::{ROOM, first, parts};
use crate::shell::{Part, Sheet, nothing, page, wide};

/// Rows of the list's own page.
const NEWEST: usize = 100;

/// A list, newest first.
pub(crate) struct Listing<'a, T> {
    pub(crate) part: Part,
    /// The beginning of its files' names.
    pub(crate) stem: &'a str,
    /// Its heading.
    pub(crate) title: &'a str,
    /// What it is of, in plural.
    pub(crate) what: &'a str,
    /// What is said above it.
    pub(crate) about: Markup,
    /// What is said where there is nothing.
    pub(crate) nothing: &'a str,
    /// The titles of its columns.
    pub(crate) columns: &'a [&'a str],
    /// What has a row, with the month that it belongs to.
    pub(crate) rows: Vec<(Month, &'a T)>,
    /// How a row is drawn.
    pub(crate) draw: fn(&Book<'_>, &T) -> Markup,
}

/// The rows of each month.
type Months<'a, T> = BTreeMap<Month, Vec<&'a T>>;

impl<T: Sync> Listing<'_, T> {
    /// Its pages as pieces of work: its own page, and each month.
    pub(crate) fn pieces<'w>(&'w self, book: &'w Book<'w>) -> Vec<Piece<'w>> {
        let mut months: Months<'w, T> = BTreeMap::new();
        for (month, one) in &self.rows {
            months.entry(*month).or_default().push(one);
        }
        let (newest, shown) =
            first(self.rows.iter().take(NEWEST).map(|(_, one)| (self.draw)(book, one)), ROOM);
        if shown == self.rows.len() {
            return vec![Box::new(move || vec![self.newest(book, &newest, None)])];
        }
        let months = Arc::new(months);
        let all = Arc::clone(&months);
        let mut pieces: Vec<Piece<'w>> =
            vec![Box::new(move || vec![self.newest(book, &newest, Some((shown, &all)))])];
        for month in months.keys().rev().copied() {
            let months = Arc::clone(&months);
            pieces.push(Box::new(move || self.month(book, &months, month)));
        }
        pieces
    }

    /// The list's own page, with links to those of the months where it does not show all.
    fn newest(&self, book: &Book<'_>, rows: &Markup, rest: Option<(usize, &Months<'_, T>)>) -> Page {
        let file = format!("{}.html", self.stem);
        let content = html! {
            (self.about)
            @if self.rows.is_empty() { (nothing(self.nothing)) } @else {
                (self.table(rows, rest.is_some()))
                @if let Some((shown, months)) = rest {
                    p.nothing { "These are the newest " (shown) " of " (self.rows.len()) " " (self.what) "; the others stand by month." }
                    (self.months(months, None))
                }
            }
        };
        page(book, Sheet { is_first: true, ..Sheet::inside(&file, self.title, self.part) }, &content)
    }

    /// The pages of a month.
    fn month(&self, book: &Book<'_>, months: &Months<'_, T>, month: Month) -> Vec<Page> {
        let rows = months.get(&month).into_iter().flatten();
        let bodies = parts(rows.map(|one| (self.draw)(book, one)), ROOM);
        let count = bodies.len();
        let part = |(at, (body, _)): (usize, &(Markup, usize))| {
            let (file, title) = (self.file(month, at), format!("{} of {}", self.title, name(month)));
            let content = html! {
                (self.table(body, true))
                @if count > 1 { nav.pages aria-label="Parts of the month" {
                    @for other in 0..count {
                        a href=(self.file(month, other)) aria-current=[(other == at).then_some("page")] { "Part " (other + 1) }
                    }
                } }
                (self.months(months, Some(month)))
            };
            page(book, Sheet::inside(&file, &title, self.part), &content)
        };
        bodies.iter().enumerate().map(part).collect()
    }

    fn file(&self, month: Month, part: usize) -> String {
        let Month { year, month } = month;
        match part {
            0 => format!("{}-{year:04}-{month:02}.html", self.stem),
            part => format!("{}-{year:04}-{month:02}-{}.html", self.stem, part + 1),
        }
    }

    /// The rows of one page, which may be a part of the list, with the box that filters them.
    fn table(&self, body: &Markup, is_part: bool) -> Markup {
        html! {
            div.tools { (filter("rows", is_part)) }
            (wide(self.title, &html! { table.list #rows {
                caption.hidden { (self.title) ", newest first" }
                thead { tr { @for column in self.columns { th scope="col" { (column) } } } }
                tbody { (body) }
            } }))
        }
    }

    fn months(&self, months: &Months<'_, T>, current: Option<Month>) -> Markup {
        let mut years: Vec<(i32, Vec<(Month, usize)>)> = Vec::new();
        for (month, rows) in months.iter().rev() {
            match years.last_mut() {
                Some((year, of)) if *year == month.year => of.push((*month, rows.len())),
                Some(_) | None => years.push((month.year, vec![(*month, rows.len())])),
            }
        }
        html! { nav.months aria-label="By month" { dl { @for (year, of) in &years { div {
            dt { (year) }
            dd { @for (month, count) in of {
                a href=(self.file(*month, 0)) aria-current=[(current == Some(*month)).then_some("page")] {
                    (short(*month)) " " small { (count) }
                } " "
            } }
        } } } } }
    }
}

/// `November 2025`.
pub(crate) fn name(month: Month) -> String {
    format!("{} {}", word(month).0, month.year)
}

/// `Nov`.
pub(crate) fn short(month: Month) -> &'static str {
    word(month).1
}

fn word(month: Month) -> (&'static str, &'static str) {
    const WORDS: [(&str, &str); 12] = [
        ("January", "Jan"),
        ("February", "Feb"),
        ("March", "Mar"),
        ("April", "Apr"),
        ("May", "May"),
        ("June", "Jun"),
        ("July", "Jul"),
        ("August", "Aug"),
        ("September", "Sep"),
        ("October", "Oct"),
        ("November", "Nov"),
        ("December", "Dec"),
    ];
    WORDS.get(usize::from(month.month).wrapping_sub(1)).copied().unwrap_or(("?", "?"))
}
