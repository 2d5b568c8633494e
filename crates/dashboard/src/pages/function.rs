//! One function: what it runs in each environment, and how that came.

use maud::{Markup, html};

use super::environment::soak;
use super::matrix::mark;
use super::{MOST_EVENTS, events};
use crate::build::{Book, Page};
use crate::layout::Place;
use crate::lists::first;
use crate::shell::{self, Part, Sheet, further, nothing, section, wide};
use crate::text::{by, digest, shown, when};
use crate::{Cell, FunctionRow, Seen};

const ROOM_OF_CELLS: usize = 100 * 1024;
const ROOM_OF_MOVES: usize = 120 * 1024;

pub(crate) fn page(book: &Book<'_>, at: usize, function: &FunctionRow) -> Page {
    let file = book.names.function(&function.name).unwrap_or_default();
    let content = html! {
        @if let Some(project) = function.project.as_ref().filter(|project| **project != function.name) {
            p.lead { "Made from the project " strong { (shown(project)) } "." }
        }
        (section("now", "What it runs", &now(book, at, function)))
        (section("moves", "How it came", &moves(book, function)))
    };
    let title = format!("Function {}", function.name);
    shell::page(book, Sheet::inside(file, &title, Part::Matrix), &content)
}

fn now(book: &Book<'_>, at: usize, function: &FunctionRow) -> Markup {
    let rows = book.site.environments.iter().enumerate().map(|(column, environment)| {
        let name = environment.name.as_str();
        let standing = book.standings.get(at).and_then(|row| row.get(column)).copied().flatten().and_then(mark);
        let missing = book.missing.get(&(function.name.as_str(), name)).copied().unwrap_or(0);
        html! { tr class=[standing.map(|(class, _)| class)] {
            th scope="row" { (book.environment(Place::Inside, name)) }
            @match function.cells.get(&environment.name) {
                None => {
                    td { span.none { "not deployed" } (gates(book, name, missing)) }
                    td { "–" } td { "–" } td { "–" } td { "–" }
                }
                Some(cell) => {
                    td {
                        b { (cell.version.as_deref().map_or_else(|| "unknown".to_owned(), shown)) }
                        @if let Some((class, text)) = standing { " " span.tag.(class) { (text) } }
                        @if cell.rolled_back { " " span.tag.warn { "rolled back" } }
                        @if let Some(left) = soak(book, cell.soak_until) { " " span.tag.info { "soak " (left) } }
                        (gates(book, name, missing))
                    }
                    td { (content(cell)) }
                    td { @match &cell.release { Some(release) => (book.release(Place::Inside, release)), None => "–" } }
                    td.when { (when(cell.since)) }
                    td { (by(&cell.by, cell.run.as_deref())) }
                }
            }
        } }
    });
    let (body, count) = first(rows, ROOM_OF_CELLS);
    html! {
        (wide("What it runs", &html! { table.list {
            caption.hidden { "Versions by environment" }
            thead { tr { @for column in ["Environment", "Version", "Content", "Release", "Since", "By"] { th scope="col" { (column) } } } }
            tbody { (body) }
        } }))
        (further(count, book.site.environments.len(), "environments"))
    }
}

fn gates(book: &Book<'_>, environment: &str, missing: usize) -> Markup {
    html! { @if missing > 0 { @if let Some(file) = book.names.environment(environment) {
        " " a.tag.warn href=(format!("{file}#waiting")) { (crate::text::count(missing, "gate", "gates")) " missing" }
    } } }
}

fn content(cell: &Cell) -> Markup {
    html! {
        @match cell.digest { Some(content) => (digest(content)), None => "–" }
        @match &cell.seen {
            Some(Seen::Runs(seen)) if Some(*seen) != cell.digest => { " recorded, runs " (digest(*seen)) }
            Some(Seen::Other(what)) => { " recorded, seen otherwise: " (shown(what)) }
            Some(Seen::Runs(_)) | None => {}
        }
    }
}

fn moves(book: &Book<'_>, function: &FunctionRow) -> Markup {
    let moves = book.moves.get(function.name.as_str()).map(Vec::as_slice).unwrap_or_default();
    if moves.is_empty() {
        return nothing("Nothing is recorded yet.");
    }
    let rows = moves.iter().take(MOST_EVENTS).map(|(event, at)| html! { tr {
        td.when { (when(event.at)) }
        td { (events::kind(event)) }
        td { b { (event.moved.get(*at).and_then(|moved| moved.version.as_deref()).map_or_else(|| "–".to_owned(), shown)) } }
        td { (events::place_of(book, event)) }
        td { (events::release_of(book, event)) }
        td { (by(&event.by, event.run.as_deref())) }
    } });
    let (body, count) = first(rows, ROOM_OF_MOVES);
    html! {
        (wide("How it came", &html! { table.list {
            caption.hidden { "Deployments and rollbacks, newest first" }
            thead { tr { @for column in ["When", "What", "Version", "Where", "Release", "By"] { th scope="col" { (column) } } } }
            tbody { (body) }
        } }))
        @if moves.len() > count { p.nothing { "Older ones stand with the " a href="events.html" { "events of their months" } "." } }
    }
}
