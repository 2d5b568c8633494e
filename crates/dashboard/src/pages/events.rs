//! What happened, by month; and the rows of it that other pages show.

use maud::{Markup, html};

use super::listing::Listing;
use crate::build::Book;
use crate::layout::Place;
use crate::shell::Part;
use crate::text::{by, month, shown, when};
use crate::{HistoryRow, Went};

/// Functions that a row names; further ones are counted.
const MOST_NAMED: usize = 6;

pub(crate) fn listing<'a>(book: &Book<'a>) -> Listing<'a, HistoryRow> {
    Listing {
        part: Part::Events,
        stem: "events",
        title: "Events",
        what: "events",
        about: html! {},
        nothing: "Nothing is recorded yet.",
        columns: &["When", "What", "Where", "Release", "By"],
        rows: book.site.history.iter().map(|event| (month(event.at), event)).collect(),
        draw: row,
    }
}

fn row(book: &Book<'_>, event: &HistoryRow) -> Markup {
    html! { tr {
        td.when { (when(event.at)) }
        td { (kind(event)) " " (what(book, event)) }
        td { (place_of(book, event)) }
        td { (release_of(book, event)) }
        td { (by(&event.by, event.run.as_deref())) }
    } }
}

/// The kind as a tag.
pub(crate) fn kind(event: &HistoryRow) -> Markup {
    let class = match event.went {
        Went::Well => "plain",
        Went::Failed => "bad",
        Went::Unknown => "warn",
    };
    html! { span.tag.(class) { (shown(&event.kind)) (ending(event.went)) } }
}

/// What is said of an end that is not good.
pub(crate) fn ending(went: Went) -> &'static str {
    match went {
        Went::Well => "",
        Went::Failed => ", failed",
        Went::Unknown => ", not known",
    }
}

pub(crate) fn what(book: &Book<'_>, event: &HistoryRow) -> Markup {
    html! {
        @for (at, moved) in event.moved.iter().take(MOST_NAMED).enumerate() {
            @if at > 0 { ", " }
            (book.function(Place::Inside, &moved.function))
            @if let Some(version) = &moved.version { " " (shown(version)) }
        }
        @if event.moved.len() > MOST_NAMED { " and " (event.moved.len() - MOST_NAMED) " more" }
        @if !event.what.is_empty() { @if !event.moved.is_empty() { ": " } (shown(&event.what)) }
    }
}

pub(crate) fn place_of(book: &Book<'_>, event: &HistoryRow) -> Markup {
    html! { @match &event.environment { Some(name) => (book.environment(Place::Inside, name)), None => "–" } }
}

pub(crate) fn release_of(book: &Book<'_>, event: &HistoryRow) -> Markup {
    html! { @match &event.release { Some(name) => (book.release(Place::Inside, name)), None => "–" } }
}
