//! The tables of the page.

use maud::{Markup, html};

use crate::drift::{Standing, standing};
use crate::text::{digest, link, shown, when};
use crate::{Cell, Environment, FunctionRow, HistoryRow, Page, ReleaseRow, ReleaseState, TicketRow};

/// Rows of lists that grow without end.
const MOST_RELEASES: usize = 100;
const MOST_HISTORY: usize = 200;
const MOST_TICKETS: usize = 100;

/// Functions by environments.
pub(crate) fn functions(page: &Page) -> Markup {
    if page.functions.is_empty() || page.environments.is_empty() {
        return nothing("No deployment is recorded yet.");
    }
    html! {
        div.wide tabindex="0" role="region" aria-labelledby="now" {
            table.grid role="table" {
                caption.hidden { "Versions by function and environment" }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { "Function" }
                    @for environment in &page.environments { (column(environment)) }
                } }
                tbody role="rowgroup" { @for function in &page.functions { (row(page, function)) } }
            }
        }
    }
}

fn column(environment: &Environment) -> Markup {
    html! {
        th scope="col" role="columnheader" {
            (environment.name)
            @if !environment.kind.is_empty() { " " span.kind { (shown(&environment.kind)) } }
        }
    }
}

fn row(page: &Page, function: &FunctionRow) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (shown(&function.name))
                @if let Some(project) = function.project.as_ref().filter(|project| **project != function.name) {
                    span.about { (shown(project)) }
                }
            }
            @for environment in &page.environments {
                @match function.cells.get(&environment.name) {
                    Some(cell) => (here(environment, cell, standing(page, function, &environment.name))),
                    None => td.none role="cell" data-label=(environment.name) { span aria-label="not deployed" { "–" } },
                }
            }
        }
    }
}

fn here(environment: &Environment, cell: &Cell, standing: Option<Standing>) -> Markup {
    let mark = standing.and_then(mark);
    html! {
        td role="cell" data-label=(environment.name) class=[mark.map(|(class, _)| class)] {
            div.version {
                (cell.version.as_deref().map_or_else(|| "unknown version".to_owned(), shown))
                @if let Some((_, text)) = mark { " " span.mark { (text) } }
                @if cell.rolled_back { " " span.mark { "rolled back" } }
            }
            div.about {
                @if let Some(content) = cell.digest { (digest(content)) }
                @if let Some(seen) = cell.seen.filter(|seen| Some(*seen) != cell.digest) { " recorded, runs " (digest(seen)) }
            }
            div.about {
                (when(cell.since)) " by "
                @match &cell.run { Some(run) => (link(&cell.by, run)), None => (shown(&cell.by)) }
            }
        }
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

/// Releases and how they stand.
pub(crate) fn releases(rows: &[ReleaseRow]) -> Markup {
    if rows.is_empty() {
        return nothing("No release is recorded yet.");
    }
    html! {
        table.list role="table" {
            caption.hidden { "Releases, newest first" }
            thead role="rowgroup" { tr role="row" {
                th scope="col" role="columnheader" { "Release" } th scope="col" role="columnheader" { "State" } th scope="col" role="columnheader" { "Came to" } th scope="col" role="columnheader" { "Began" }
            } }
            tbody role="rowgroup" { @for row in rows.iter().take(MOST_RELEASES) { tr role="row" {
                th scope="row" role="rowheader" data-label="Release" { (shown(&row.release)) }
                td role="cell" data-label="State" { (state(&row.state)) }
                td role="cell" data-label="Came to" {
                    @if row.environments.is_empty() { "–" }
                    @for (environment, at) in &row.environments {
                        div { (environment) " " span.about-inline { (when(*at)) } }
                    }
                }
                td role="cell" data-label="Began" { (when(row.began)) }
            } } }
        }
        (further(rows.len(), MOST_RELEASES, "releases"))
    }
}

fn state(state: &ReleaseState) -> Markup {
    match state {
        ReleaseState::Going => html! { span.tag { "on its way" } },
        ReleaseState::Promoted => html! { span.tag { "promoted" } },
        ReleaseState::Live => html! { span.tag.good { "live" } },
        ReleaseState::Dead { by, reason } => html! {
            span.tag.bad { "dead" } div.about { "rejected by " (shown(by)) ": " (shown(reason)) }
        },
    }
}

/// What happened.
pub(crate) fn history(rows: &[HistoryRow]) -> Markup {
    if rows.is_empty() {
        return nothing("Nothing is recorded yet.");
    }
    html! {
        table.list role="table" {
            caption.hidden { "What happened, newest first" }
            thead role="rowgroup" { tr role="row" {
                th scope="col" role="columnheader" { "When" } th scope="col" role="columnheader" { "What" } th scope="col" role="columnheader" { "Where" }
                th scope="col" role="columnheader" { "Release" } th scope="col" role="columnheader" { "By" }
            } }
            tbody role="rowgroup" { @for row in rows.iter().take(MOST_HISTORY) { tr role="row" {
                td role="cell" data-label="When" { (when(row.at)) }
                td role="cell" data-label="What" {
                    span.tag.bad[!row.well] { (shown(&row.kind)) @if !row.well { ", failed" } } " " (shown(&row.what))
                }
                td role="cell" data-label="Where" { (row.environment.as_deref().map_or_else(|| "–".to_owned(), shown)) }
                td role="cell" data-label="Release" { (row.release.as_deref().map_or_else(|| "–".to_owned(), shown)) }
                td role="cell" data-label="By" { @match &row.run { Some(run) => (link(&row.by, run)), None => (shown(&row.by)) } }
            } } }
        }
        (further(rows.len(), MOST_HISTORY, "events"))
    }
}

/// Tickets.
pub(crate) fn tickets(rows: &[TicketRow]) -> Markup {
    if rows.is_empty() {
        return nothing("No ticket is known.");
    }
    html! {
        table.list role="table" {
            caption.hidden { "Release tickets" }
            thead role="rowgroup" { tr role="row" {
                th scope="col" role="columnheader" { "Ticket" } th scope="col" role="columnheader" { "Release" } th scope="col" role="columnheader" { "Region" } th scope="col" role="columnheader" { "Status" }
            } }
            tbody role="rowgroup" { @for row in rows.iter().take(MOST_TICKETS) { tr role="row" {
                th scope="row" role="rowheader" data-label="Ticket" { (link(&row.key, &row.url)) }
                td role="cell" data-label="Release" { (shown(&row.release)) }
                td role="cell" data-label="Region" { (shown(&row.region)) }
                td role="cell" data-label="Status" { (row.status.as_deref().map_or_else(|| "–".to_owned(), shown)) }
            } } }
        }
        (further(rows.len(), MOST_TICKETS, "tickets"))
    }
}

fn nothing(text: &str) -> Markup {
    html! { p.nothing { (text) } }
}

fn further(count: usize, most: usize, what: &str) -> Markup {
    html! { @if let Some(more) = count.checked_sub(most).filter(|more| *more > 0) {
        p.nothing { (more) " older " (what) " are left out; the ledger has them." }
    } }
}
