//! Promotion logs: what was made available to whom, package by package.

use maud::{Markup, html};

use super::listing::Listing;
use crate::build::Book;
use crate::layout::Place;
use crate::shell::Part;
use crate::text::{brief, by, count, month, shown, when};
use crate::{PromotedRow, PromotionRow, Went};

/// Packages of one row; further ones are counted.
const MOST: usize = 100;

pub(crate) fn listing<'a>(book: &Book<'a>) -> Listing<'a, PromotionRow> {
    Listing {
        part: Part::Promotions,
        stem: "promotions",
        title: "Promotions",
        what: "promotions",
        about: html! {},
        nothing: "No promotion is recorded yet.",
        columns: &["When", "To", "Release", "Packages", "By"],
        rows: book.site.promotions.iter().map(|one| (month(one.at), one)).collect(),
        draw: row,
    }
}

fn row(book: &Book<'_>, promotion: &PromotionRow) -> Markup {
    let of = |wanted: Went| promotion.items.iter().filter(|item| item.went == wanted).count();
    let (failed, unknown) = (of(Went::Failed), of(Went::Unknown));
    html! { tr {
        td.when { (when(promotion.at)) }
        td { (shown(&promotion.to)) }
        td { @match &promotion.release { Some(name) => (book.release(Place::Inside, name)), None => "–" } }
        td {
            @if failed > 0 { span.tag.bad { (failed) " failed" } " " }
            @if unknown > 0 { span.tag.warn { (unknown) " not known" } " " }
            details {
                summary { (count(promotion.items.len(), "package", "packages")) }
                ul.plain {
                    @for item in promotion.items.iter().take(MOST) { (package(item)) }
                    @if promotion.items.len() > MOST { li { "and " (promotion.items.len() - MOST) " more" } }
                }
            }
        }
        td { (by(&promotion.by, promotion.run.as_deref())) }
    } }
}

fn package(item: &PromotedRow) -> Markup {
    html! { li {
        (brief(&item.package)) @if let Some(version) = &item.version { " " (brief(version)) }
        @match item.went {
            Went::Well => {}
            Went::Failed => { " " span.tag.bad { "failed" } }
            Went::Unknown => { " " span.tag.warn { "not known" } }
        }
        @if !item.note.is_empty() { " " small { (brief(&item.note)) } }
    } }
}
