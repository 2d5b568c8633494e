//! What every page has around its content.

use maud::{DOCTYPE, Markup, html};

use crate::LedgerState;
use crate::build::{Book, Page};
use crate::finder::SCRIPT;
use crate::layout::Place;
use crate::style::STYLE;
use crate::text::{digest, shown, when};

/// Nothing is fetched but what stands beside the page, and nothing runs that is written into it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

/// The parts of the site that are always one click away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Matrix,
    Releases,
    Graveyard,
    Figures,
    Events,
    Promotions,
    Names,
}

const PARTS: [(Part, &str, &str); 7] = [
    (Part::Matrix, "What runs where", ""),
    (Part::Releases, "Releases", "releases.html"),
    (Part::Graveyard, "Graveyard", "graveyard.html"),
    (Part::Figures, "Figures", "figures.html"),
    (Part::Events, "Events", "events.html"),
    (Part::Promotions, "Promotions", "promotions.html"),
    (Part::Names, "All names", "names.html"),
];

/// What a page is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sheet<'a> {
    pub(crate) place: Place,
    /// Its file; of no meaning for the index.
    pub(crate) file: &'a str,
    /// Its heading.
    pub(crate) title: &'a str,
    /// The part that it belongs to.
    pub(crate) part: Part,
    /// Whether it is that part's first page.
    pub(crate) is_first: bool,
}

impl<'a> Sheet<'a> {
    /// A page of the folder.
    pub(crate) fn inside(file: &'a str, title: &'a str, part: Part) -> Self {
        Self { place: Place::Inside, file, title, part, is_first: false }
    }
}

/// The page with its content, which comes below its heading.
pub(crate) fn page(book: &Book<'_>, sheet: Sheet<'_>, content: &Markup) -> Page {
    let (site, names, place) = (book.site, &book.names, sheet.place);
    let title = shown(&site.title);
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (shown(sheet.title)) " · " (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(names.to(place, STYLE));
                script src=(names.to(place, SCRIPT)) defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.top {
                    p.product { a href=(names.to_index(place)) { (title) } }
                    nav aria-label="Site" { ul {
                        @for (part, label, file) in PARTS {
                            @let address = if part == Part::Matrix { names.to_index(place) } else { names.to(place, file) };
                            @let current = (part == sheet.part).then_some(if sheet.is_first { "page" } else { "true" });
                            li { a href=(address) aria-current=[current] { (label) } }
                        }
                    } }
                    div.find hidden {
                        label for="find" { "Find" }
                        input #find type="search" placeholder="function, release, environment" autocomplete="off"
                            data-base=(names.to(place, ""));
                        div #found role="status" {}
                    }
                }
                main #content tabindex="-1" {
                    h1 { (shown(sheet.title)) }
                    (content)
                }
                footer {
                    // What differs each time stands on the index alone, so that the other pages stay the same bytes.
                    @if place == Place::Index {
                        @if let Some(ledger) = &site.ledger { (source(ledger)) }
                        p { "As of " (when(site.made)) " UTC." }
                    }
                    p { "All times are UTC. Made by Landfall " (shown(&site.tool_version)) "." }
                }
            }
        }
    };
    Page::html(names.path(place, sheet.file), whole)
}

fn source(ledger: &LedgerState) -> Markup {
    html! {
        p {
            "From the ledger " code { (shown(&ledger.place)) } ", " (ledger.records) " records"
            @if let Some(head) = ledger.head { ", newest " (digest(head)) }
            ", chain verified."
        }
    }
}

/// A part of a page with its heading.
pub(crate) fn section(id: &str, title: &str, content: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 #(id) { (title) } (content) } }
}

/// A table that may be wider than the page: it scrolls by itself, by keyboard too.
pub(crate) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.wide tabindex="0" role="region" aria-label=(label) { (table) } }
}

pub(crate) fn nothing(text: &str) -> Markup {
    html! { p.nothing { (text) } }
}

/// What is not shown of a list, where something is not.
pub(crate) fn further(shown: usize, all: usize, what: &str) -> Markup {
    html! { @if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
        p.nothing { (more) " " (what) " are left out here; the ledger has them." }
    } }
}
