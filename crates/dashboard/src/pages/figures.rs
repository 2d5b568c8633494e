//! The four figures of delivery, by environment and month.

use maud::{Markup, html};

use super::listing::{name, short};
use crate::build::{Book, Page};
use crate::chart::{Chart, Shape, Unit, chart};
use crate::layout::Place;
use crate::lists::{ROOM, parts};
use crate::shell::{self, Part, Sheet, nothing, wide};
use crate::text::shown;
use crate::{Figures, Month, MonthOf};

/// The figure of how long failures last.
const RESTORE: &str = "restore";

/// Months that are shown.
const MONTHS: usize = 24;

/// Title, shape, unit and value of each figure.
struct Figure {
    id: &'static str,
    title: &'static str,
    shape: Shape,
    unit: Unit,
    value: fn(&MonthOf) -> Option<f64>,
}

const FIGURES: [Figure; 4] = [
    Figure {
        id: "frequency",
        title: "Deployment frequency",
        shape: Shape::Bars,
        unit: Unit::Count,
        value: |month| Some(f64::from(month.deployments)),
    },
    Figure {
        id: "lead",
        title: "Lead time",
        shape: Shape::Dots,
        unit: Unit::Time,
        value: |month| month.lead_seconds,
    },
    Figure {
        id: "failures",
        title: "Change failure rate",
        shape: Shape::Dots,
        unit: Unit::Share,
        value: |month| month.failure_rate,
    },
    Figure {
        id: RESTORE,
        title: "Time to restore",
        shape: Shape::Dots,
        unit: Unit::Time,
        value: |month| month.restore_seconds,
    },
];

pub(crate) fn pages(book: &Book<'_>) -> Vec<Page> {
    let sections = book.site.figures.iter().enumerate().map(|(at, figures)| section(book, at, figures));
    let bodies = parts(sections, ROOM);
    let file =
        |at: usize| if at == 0 { "figures.html".to_owned() } else { format!("figures-{}.html", at + 1) };
    let page = |(at, (body, _)): (usize, &(Markup, usize))| {
        let content = html! {
            @if book.site.figures.is_empty() { (nothing("Nothing is recorded yet.")) }
            (body)
            @if bodies.len() > 1 { nav.pages aria-label="Further environments" { @for other in 0..bodies.len() {
                a href=(file(other)) aria-current=[(other == at).then_some("page")] { "Page " (other + 1) }
            } } }
            (definitions(book))
        };
        let file = file(at);
        shell::page(
            book,
            Sheet { is_first: at == 0, ..Sheet::inside(&file, "Figures of delivery", Part::Figures) },
            &content,
        )
    };
    bodies.iter().enumerate().map(page).collect()
}

fn section(book: &Book<'_>, at: usize, figures: &Figures) -> Markup {
    let months = figures.months.get(figures.months.len().saturating_sub(MONTHS)..).unwrap_or_default();
    let id = format!("figures-{at}");
    html! {
        section aria-labelledby=(id) {
            h2 #(id) { (book.environment(Place::Inside, figures.environment.as_str())) }
            div.charts { @for figure in &FIGURES {
                @let values: Vec<(Month, Option<f64>)> = months.iter().map(|month| (month.month, (figure.value)(month))).collect();
                @let chart_id = format!("{}-{at}", figure.id);
                @let lasts = figure.id == RESTORE && months.iter().any(|month| month.unrestored);
                figure {
                    figcaption {
                        (figure.title) " " strong { (newest(figure, &values)) }
                        @if lasts { " " span.tag.bad { "not over" } }
                    }
                    (chart(&Chart { id: &chart_id, title: figure.title, shape: figure.shape, unit: figure.unit, values: &values }))
                }
            } }
            details {
                summary { "The same as a table" }
                (wide(&format!("Figures of {}", figures.environment), &table(months)))
                @if figures.months.len() > months.len() {
                    p.nothing { "These are the newest " (months.len()) " of " (figures.months.len()) " months; " code { "landfall ledger dora" } " has the others." }
                }
            }
        }
    }
}

/// The newest month that has a value, in words.
fn newest(figure: &Figure, values: &[(Month, Option<f64>)]) -> String {
    match values.iter().rev().find_map(|(month, value)| Some((*month, (*value)?))) {
        Some((month, value)) => format!("{} in {}", figure.unit.say(value), short(month)),
        None => "–".to_owned(),
    }
}

fn table(months: &[MonthOf]) -> Markup {
    html! { table.list.numbers {
        caption.hidden { "By month, newest first" }
        thead { tr { th scope="col" { "Month" } @for figure in &FIGURES { th scope="col" { (figure.title) } } } }
        tbody { @for month in months.iter().rev() { tr {
            th scope="row" { (name(month.month)) }
            @for figure in &FIGURES { td {
                ((figure.value)(month).map_or_else(|| "–".to_owned(), |value| figure.unit.say(value)))
                @if figure.id == RESTORE && month.unrestored { " " span.tag.bad { "not restored yet" } }
            } }
        } } }
    } }
}

fn definitions(book: &Book<'_>) -> Markup {
    let definitions = &book.site.definitions;
    html! { @if !definitions.is_empty() {
        section aria-labelledby="definitions" {
            h2 #definitions { "What the figures mean" }
            dl.facts { @for one in definitions { dt { (shown(&one.figure)) } dd { (shown(&one.means)) } } }
        }
    } }
}
