//! Functions by environments: the index, and further pages where there are too many functions for one.

use maud::{Markup, html};

use super::attention::attention;
use super::tools::{Counts, PICKS, tools};
use crate::build::{Book, LARGEST_PAGE, Page};
use crate::drift::Standing;
use crate::layout::Place;
use crate::lists::parts;
use crate::shell::{Part, Sheet, nothing, page, wide};
use crate::text::{brief, count, day, long};
use crate::{Cell, Environment, FunctionRow};

/// Bytes of what every page has around its content, with a title at its longest.
const ROOM_OF_SHELL: usize = 20 * 1024;

/// Which of the buttons pick a row, in the order of [`PICKS`].
type Picked = [bool; PICKS.len()];

pub(crate) fn pages(book: &Book<'_>) -> Vec<Page> {
    let site = book.site;
    let (rows, picked): (Vec<Markup>, Vec<Picked>) =
        site.functions.iter().enumerate().map(|(at, function)| row(book, at, function)).unzip();
    let above = html! { (summary(book)) (attention(book)) };
    let below = html! {
        @if !site.tickets.is_empty() { (super::releases::tickets(book, Place::Index, None)) }
    };
    let around =
        [&above, &below, &header(book, Place::Index), &tools(book, &Counts::of(&picked), true), &legend()];
    let around: usize = around.iter().map(|part| part.0.len()).sum();
    let room = LARGEST_PAGE.saturating_sub(ROOM_OF_SHELL + around).max(LARGEST_PAGE / 4);
    let bodies = parts(rows, room);
    let files: Vec<String> = (0..bodies.len()).map(|at| format!("functions-{}.html", at + 1)).collect();
    let mut left = picked.as_slice();
    let counts: Vec<Counts> = bodies
        .iter()
        .map(|(_, rows)| {
            let (own, others) = left.split_at(*rows);
            left = others;
            Counts::of(own)
        })
        .collect();
    let mut made = Vec::new();
    for (at, ((body, _), own)) in bodies.iter().zip(&counts).enumerate() {
        let place = if at == 0 { Place::Index } else { Place::Inside };
        let content = html! {
            @if at == 0 { (above) }
            @if site.functions.is_empty() || site.environments.is_empty() {
                (nothing("No deployment is recorded yet."))
            } @else {
                (tools(book, own, bodies.len() > 1))
                (wide("Versions by function and environment", &html! {
                    table.grid #matrix {
                        caption.hidden { "Versions by function and environment" }
                        (header(book, place))
                        tbody { (body_links(book, place, body)) }
                    }
                }))
                (legend())
                @if bodies.len() > 1 { (further(book, place, at, &files, &counts)) }
            }
            @if at == 0 { (below) }
        };
        let title =
            if at == 0 { "What runs where".to_owned() } else { format!("What runs where, page {}", at + 1) };
        let sheet = Sheet {
            place,
            file: files.get(at).map(String::as_str).unwrap_or_default(),
            title: &title,
            part: Part::Matrix,
            is_first: at == 0,
        };
        made.push(page(book, sheet, &content));
    }
    made
}

/// Links to all pages, with what the buttons pick there.
fn further(book: &Book<'_>, place: Place, at: usize, files: &[String], counts: &[Counts]) -> Markup {
    html! { nav.pages aria-label="Further functions" {
        @for (other, (file, counts)) in files.iter().zip(counts).enumerate() {
            @let address = if other == 0 { book.names.to_index(place) } else { book.names.to(place, file) };
            a href=(address) aria-current=[(other == at).then_some("page")] {
                "Page " (other + 1)
                @for (_, label, number) in counts.there() { " " small { (label) " " (number) } }
            }
        }
    } }
}

/// Rows are made for the index; on further pages their links begin elsewhere.
fn body_links(book: &Book<'_>, place: Place, body: &Markup) -> Markup {
    match place {
        Place::Index => body.clone(),
        // All links of a row are to the folder that further pages stand in.
        Place::Inside => {
            let index = format!("href=\"{}", book.names.to(Place::Index, ""));
            maud::PreEscaped(body.0.replace(&index, "href=\""))
        }
    }
}

fn header(book: &Book<'_>, place: Place) -> Markup {
    html! { thead { tr {
        th scope="col" { "Function" }
        @for environment in &book.site.environments { (column(book, place, environment)) }
    } } }
}

fn column(book: &Book<'_>, place: Place, environment: &Environment) -> Markup {
    html! {
        th scope="col" {
            (book.environment(place, environment.name.as_str()))
            @if !environment.kind.is_empty() { span.kind { (brief(&environment.kind)) } }
            @if environment.frozen.is_some() { em { "frozen" } }
        }
    }
}

/// The row, and which of the buttons pick it.
fn row(book: &Book<'_>, at: usize, function: &FunctionRow) -> (Markup, Picked) {
    let mut picked = [false; PICKS.len()];
    let cells: Vec<Markup> = book
        .site
        .environments
        .iter()
        .enumerate()
        .map(|(column, environment)| {
            let standing = book.standings.get(at).and_then(|row| row.get(column)).copied().flatten();
            let missing =
                book.missing.get(&(function.name.as_str(), environment.name.as_str())).copied().unwrap_or(0);
            let cell = function.cells.get(&environment.name);
            let marks = Marks::of(book, cell, standing, missing);
            for (all, own) in picked.iter_mut().zip(marks.picked()) {
                *all |= own;
            }
            one(book, cell, &marks)
        })
        .collect();
    let classes: Vec<&str> =
        PICKS.iter().zip(picked).filter(|(_, picked)| *picked).map(|((class, _), _)| *class).collect();
    let classes = classes.join(" ");
    let row = html! {
        tr class=[(!classes.is_empty()).then_some(classes)] {
            th scope="row" {
                (book.function(Place::Index, &function.name))
                @if let Some(project) = function.project.as_ref().filter(|project| **project != function.name) {
                    small { (brief(project)) }
                }
            }
            @for cell in &cells { (cell) }
        }
    };
    (row, picked)
}

/// What is said of a cell besides its version.
struct Marks {
    standing: Option<Standing>,
    back: bool,
    soak: Option<f64>,
    missing: usize,
}

impl Marks {
    fn of(book: &Book<'_>, cell: Option<&Cell>, standing: Option<Standing>, missing: usize) -> Self {
        let soak =
            cell.and_then(|cell| cell.soak_until).map(|until| (until - book.site.made).as_seconds_f64());
        Self {
            standing,
            back: cell.is_some_and(|cell| cell.rolled_back),
            soak: soak.filter(|left| *left > 0.0),
            missing,
        }
    }

    /// In the order of [`PICKS`].
    fn picked(&self) -> Picked {
        [
            matches!(self.standing, Some(Standing::OtherContent | Standing::Changed)),
            matches!(self.standing, Some(Standing::Behind | Standing::Differs)),
            self.back,
            self.soak.is_some(),
            self.missing > 0,
        ]
    }
}

fn one(book: &Book<'_>, cell: Option<&Cell>, marks: &Marks) -> Markup {
    let mark = marks.standing.and_then(mark);
    let gates = html! { @if marks.missing > 0 { em.gate { (count(marks.missing, "gate", "gates")) } } };
    match cell {
        None => html! { td { span.none { "–" } " " (gates) } },
        Some(cell) => html! {
            td class=[mark.map(|(class, _)| class)] {
                b { (cell.version.as_deref().map_or_else(|| "unknown".to_owned(), brief)) }
                @if let Some((_, text)) = mark { em { (text) } }
                @if marks.back { em { "rolled back" } }
                @if let Some(left) = marks.soak { em.soak { "soak " (long(left)) } }
                (gates)
                small { (day(cell.since, book.site.made)) " " (brief(&cell.by)) }
            }
        },
    }
}

/// Class and words; colour alone says nothing.
pub(crate) fn mark(standing: Standing) -> Option<(&'static str, &'static str)> {
    match standing {
        Standing::Newest => None,
        Standing::Behind => Some(("warn", "behind")),
        Standing::Differs => Some(("warn", "differs")),
        Standing::OtherContent => Some(("bad", "other content")),
        Standing::Changed => Some(("bad", "not as recorded")),
    }
}

pub(super) fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Newest => "it runs the newest version of its region",
        Standing::Behind => "another environment of its region runs a newer version",
        Standing::Differs => "versions differ and cannot be put in an order",
        Standing::OtherContent => "one version is not the same content everywhere",
        Standing::Changed => "it runs something that no recorded deployment put there",
    }
}

fn legend() -> Markup {
    let standings = [Standing::Behind, Standing::Differs, Standing::OtherContent, Standing::Changed];
    html! {
        details.legend {
            summary { "What the marks mean" }
            dl {
                @for (standing, (class, text)) in standings.into_iter().filter_map(|one| Some((one, mark(one)?))) {
                    div { dt class=(class) { em { (text) } } dd { (meaning(standing)) } }
                }
                div { dt { em { "rolled back" } } dd { "the environment went back to this version" } }
                div { dt { em.soak { "soak 5 h" } } dd { "so long must it still run here before the next environment may take it" } }
                div { dt { em.gate { "2 gates" } } dd { "a newer release waits for so many things before it may come here; the environment's page names them" } }
            }
        }
    }
}

fn summary(book: &Book<'_>) -> Markup {
    let all = || book.standings.iter().flatten().flatten();
    let of = |wanted: &[Standing]| all().filter(|standing| wanted.contains(standing)).count();
    let behind = of(&[Standing::Behind, Standing::Differs]);
    let bad = of(&[Standing::OtherContent, Standing::Changed]);
    let waiting: usize = book.site.environments.iter().map(|environment| environment.waiting.len()).sum();
    html! {
        dl.strip {
            div { dt { "Functions" } dd { (book.site.functions.len()) } }
            div { dt { "Environments" } dd { (book.site.environments.len()) } }
            div.warn[behind > 0] { dt { "Behind" } dd { (behind) } }
            div.bad[bad > 0] { dt { "Drift" } dd { (bad) } }
            div.warn[waiting > 0] { dt { "Before gates" } dd { (waiting) } }
            div { dt { "Releases" } dd { (book.site.releases.len()) } }
        }
    }
}
