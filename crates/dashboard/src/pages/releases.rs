//! All releases, by the month that they began in; and tickets.

use maud::{Markup, html};

use super::listing::Listing;
use crate::build::Book;
use crate::layout::Place;
use crate::lists::first;
use crate::shell::{Part, further, section, wide};
use crate::text::{link, month, shown, when};
use crate::track::{state, track};
use crate::{Release, TicketRow};

/// Tickets of a page, and bytes of them.
const MOST_TICKETS: usize = 60;
const ROOM_OF_TICKETS: usize = 24 * 1024;

pub(crate) fn listing<'a>(book: &Book<'a>) -> Listing<'a, Release> {
    Listing {
        part: Part::Releases,
        stem: "releases",
        title: "Releases",
        what: "releases",
        about: html! {},
        nothing: "No release is recorded yet.",
        columns: &["Release", "State", "Way", "Began", "By"],
        rows: book.site.releases.iter().map(|release| (month(release.began), release)).collect(),
        draw: row,
    }
}

fn row(book: &Book<'_>, release: &Release) -> Markup {
    html! { tr {
        th scope="row" { (book.release(Place::Inside, &release.name)) }
        td { (state(&release.state)) }
        td { (track(&book.names, Place::Inside, release)) }
        td.when { (when(release.began)) }
        td { (shown(&release.by)) }
    } }
}

/// The tickets of one release, or of all.
pub(crate) fn tickets(book: &Book<'_>, place: Place, release: Option<&str>) -> Markup {
    let rows: Vec<&TicketRow> = book
        .site
        .tickets
        .iter()
        .filter(|ticket| release.is_none_or(|release| ticket.release == release))
        .collect();
    if rows.is_empty() {
        return html! {};
    }
    let row = |ticket: &TicketRow| {
        html! { tr {
            th scope="row" { (link(&ticket.key, &ticket.url)) }
            td { (book.release(place, &ticket.release)) }
            td { (shown(&ticket.region)) }
        } }
    };
    let (body, count) = first(rows.iter().take(MOST_TICKETS).map(|ticket| row(ticket)), ROOM_OF_TICKETS);
    let table = html! {
        table.list {
            caption.hidden { "Release tickets" }
            thead { tr { th scope="col" { "Ticket" } th scope="col" { "Release" } th scope="col" { "Region" } } }
            tbody { (body) }
        }
    };
    section(
        "tickets",
        "Tickets",
        &html! { (wide("Tickets", &table)) (further(count, rows.len(), "tickets")) },
    )
}
