//! One environment: what waits before it, what runs in it, what happened in it.

use maud::{Markup, html};

use super::matrix::mark;
use super::{MOST_EVENTS, events};
use crate::build::{Book, Page};
use crate::layout::Place;
use crate::lists::first;
use crate::shell::{self, Part, Sheet, further, nothing, section, wide};
use crate::text::{by, digest, long, shown, when};
use crate::{Environment, HistoryRow, Waiting};

const ROOM_OF_FUNCTIONS: usize = 140 * 1024;
const ROOM_OF_EVENTS: usize = 80 * 1024;
const ROOM_OF_WAITING: usize = 24 * 1024;

/// Things that a release waits for; further ones are counted.
const MOST_MISSING: usize = 20;

pub(crate) fn page(book: &Book<'_>, at: usize, environment: &Environment) -> Page {
    let name = environment.name.as_str();
    let file = book.names.environment(name).unwrap_or_default();
    let content = html! {
        (facts(book, environment))
        @if let Some(reason) = &environment.frozen {
            section.attention aria-labelledby="frozen" { h2 #frozen { "Frozen" } p { (shown(reason)) } }
        }
        (waiting(book, environment))
        (section("functions", "What runs here", &functions(book, at, environment)))
        (section("events", "What happened here", &happened(book, environment)))
    };
    let title = format!("Environment {name}");
    shell::page(book, Sheet::inside(file, &title, Part::Matrix), &content)
}

fn facts(book: &Book<'_>, environment: &Environment) -> Markup {
    html! {
        dl.facts {
            @if !environment.kind.is_empty() { dt { "Kind" } dd { (shown(&environment.kind)) } }
            @if !environment.region.is_empty() { dt { "Region" } dd { (shown(&environment.region)) } }
            dt { "Comes after" }
            dd {
                @if environment.after.is_empty() { "nothing: releases begin here" }
                @for (at, before) in environment.after.iter().enumerate() {
                    @if at > 0 { ", " } (book.environment(Place::Inside, before.as_str()))
                }
            }
        }
    }
}

/// What a release waits for.
pub(crate) fn missing(waiting: &Waiting) -> Markup {
    html! {
        @if waiting.missing.is_empty() { span.tag.good { "may go" } }
        @else { ul.plain {
            @for one in waiting.missing.iter().take(MOST_MISSING) { li { (shown(one)) } }
            @if waiting.missing.len() > MOST_MISSING { li { "and " (waiting.missing.len() - MOST_MISSING) " more" } }
        } }
    }
}

fn waiting(book: &Book<'_>, environment: &Environment) -> Markup {
    if environment.waiting.is_empty() {
        return html! {};
    }
    let rows = environment.waiting.iter().map(|waiting| {
        html! { tr {
            th scope="row" { (book.release(Place::Inside, &waiting.release)) }
            td { (missing(waiting)) }
            td {
                @for (at, function) in waiting.functions.iter().take(6).enumerate() {
                    @if at > 0 { ", " } (book.function(Place::Inside, function))
                }
                @if waiting.functions.len() > 6 { " and " (waiting.functions.len() - 6) " more" }
            }
        } }
    });
    let (body, count) = first(rows, ROOM_OF_WAITING);
    section(
        "waiting",
        "Before its gates",
        &html! {
            (wide("Before its gates", &html! { table.list {
                caption.hidden { "Releases that wait, and what they wait for" }
                thead { tr { th scope="col" { "Release" } th scope="col" { "Missing" } th scope="col" { "Would change" } } }
                tbody { (body) }
            } }))
            (further(count, environment.waiting.len(), "releases"))
        },
    )
}

fn functions(book: &Book<'_>, at: usize, environment: &Environment) -> Markup {
    let here: Vec<Markup> = book
        .site
        .functions
        .iter()
        .enumerate()
        .filter_map(|(row, function)| {
            let cell = function.cells.get(&environment.name)?;
            let standing = book.standings.get(row).and_then(|row| row.get(at)).copied().flatten().and_then(mark);
            Some(html! { tr {
                th scope="row" { (book.function(Place::Inside, &function.name)) }
                td {
                    b { (cell.version.as_deref().map_or_else(|| "unknown".to_owned(), shown)) }
                    @if let Some((class, text)) = standing { " " span.tag.(class) { (text) } }
                    @if cell.rolled_back { " " span.tag.warn { "rolled back" } }
                    @if let Some(left) = soak(book, cell.soak_until) { " " span.tag.info { "soak " (left) } }
                }
                td { @match cell.digest { Some(content) => (digest(content)), None => "–" } }
                td { @match &cell.release { Some(release) => (book.release(Place::Inside, release)), None => "–" } }
                td.when { (when(cell.since)) }
                td { (by(&cell.by, cell.run.as_deref())) }
            } })
        })
        .collect();
    if here.is_empty() {
        return nothing("Nothing was deployed here yet.");
    }
    let all = here.len();
    let (body, count) = first(here, ROOM_OF_FUNCTIONS);
    html! {
        (wide("What runs here", &html! { table.list {
            caption.hidden { "Functions and their versions" }
            thead { tr { @for column in ["Function", "Version", "Content", "Release", "Since", "By"] { th scope="col" { (column) } } } }
            tbody { (body) }
        } }))
        (further(count, all, "functions"))
    }
}

/// How long it must still run, where it must.
pub(crate) fn soak(book: &Book<'_>, until: Option<time::OffsetDateTime>) -> Option<String> {
    let left = (until? - book.site.made).as_seconds_f64();
    (left > 0.0).then(|| long(left))
}

fn happened(book: &Book<'_>, environment: &Environment) -> Markup {
    let events = book.events.get(environment.name.as_str()).map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() {
        return nothing("Nothing is recorded yet.");
    }
    let row = |event: &&HistoryRow| {
        html! { tr {
            td.when { (when(event.at)) }
            td { (events::kind(event)) " " (events::what(book, event)) }
            td { (events::release_of(book, event)) }
            td { (by(&event.by, event.run.as_deref())) }
        } }
    };
    let (body, count) = first(events.iter().take(MOST_EVENTS).map(row), ROOM_OF_EVENTS);
    html! {
        (wide("What happened here", &html! { table.list {
            caption.hidden { "Events, newest first" }
            thead { tr { @for column in ["When", "What", "Release", "By"] { th scope="col" { (column) } } } }
            tbody { (body) }
        } }))
        @if events.len() > count { p.nothing { "Older ones stand with the " a href="events.html" { "events of their months" } "." } }
    }
}
