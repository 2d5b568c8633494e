//! From a site to its files.

use std::collections::HashMap;

use maud::Markup;

use crate::drift::{Standing, standing};
use crate::layout::{Names, Place};
use crate::parallel::in_parallel;
use crate::{HistoryRow, Layout, Site, finder, pages, style};

/// No file has more bytes than this; lists that would need more go on in further pages, or say what they leave out.
pub const LARGEST_PAGE: usize = 300 * 1024;

/// One file of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its path below the index' folder, with `/`.
    pub path: String,
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes: UTF-8.
    pub bytes: Vec<u8>,
}

impl Page {
    pub(crate) fn html(path: String, content: Markup) -> Self {
        let mut text = content.into_string();
        text.push('\n');
        Self { path, content_type: "text/html; charset=utf-8", bytes: text.into_bytes() }
    }

    /// Its text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What all pages are made from: the site, and what was looked up in it once.
#[derive(Debug)]
pub(crate) struct Book<'a> {
    pub(crate) site: &'a Site,
    pub(crate) names: Names<'a>,
    /// By function and environment, in the site's order.
    pub(crate) standings: Vec<Vec<Option<Standing>>>,
    /// How many gates are missing for what waits, by function and environment.
    pub(crate) missing: HashMap<(&'a str, &'a str), usize>,
    /// Deployments and rollbacks of each function with the place in their `moved`, newest first.
    pub(crate) moves: HashMap<&'a str, Vec<(&'a HistoryRow, usize)>>,
    /// What happened in each environment, newest first.
    pub(crate) events: HashMap<&'a str, Vec<&'a HistoryRow>>,
}

impl<'a> Book<'a> {
    fn of(site: &'a Site, layout: &'a Layout) -> Self {
        let standings = site
            .functions
            .iter()
            .map(|row| {
                site.environments.iter().map(|environment| standing(site, row, &environment.name)).collect()
            })
            .collect();
        let mut missing = HashMap::new();
        for environment in &site.environments {
            for waiting in &environment.waiting {
                for function in &waiting.functions {
                    let key = (function.as_str(), environment.name.as_str());
                    let known = missing.entry(key).or_insert(0);
                    *known = waiting.missing.len().max(*known);
                }
            }
        }
        let mut moves: HashMap<&str, Vec<(&HistoryRow, usize)>> = HashMap::new();
        let mut events: HashMap<&str, Vec<&HistoryRow>> = HashMap::new();
        for row in &site.history {
            if let Some(environment) = &row.environment {
                let of = events.entry(environment).or_default();
                if of.len() <= pages::MOST_EVENTS {
                    of.push(row);
                }
            }
            for (at, moved) in row.moved.iter().enumerate() {
                let of = moves.entry(&moved.function).or_default();
                if of.len() <= pages::MOST_EVENTS {
                    of.push((row, at));
                }
            }
        }
        Self { site, names: Names::of(site, layout), standings, missing, moves, events }
    }

    /// A link to the page of a release, where there is one.
    pub(crate) fn release(&self, place: Place, name: &str) -> Markup {
        linked(self.names.release(name).map(|file| self.names.to(place, file)), name)
    }

    /// A link to the page of a function, where there is one.
    pub(crate) fn function(&self, place: Place, name: &str) -> Markup {
        linked(self.names.function(name).map(|file| self.names.to(place, file)), name)
    }

    /// A link to the page of an environment, where there is one.
    pub(crate) fn environment(&self, place: Place, name: &str) -> Markup {
        linked(self.names.environment(name).map(|file| self.names.to(place, file)), name)
    }
}

fn linked(address: Option<String>, name: &str) -> Markup {
    let shown = crate::text::shown(name);
    maud::html! { @match address { Some(address) => a href=(address) { (shown) }, None => (shown) } }
}

/// Releases whose pages are one piece of work.
const AT_A_TIME: usize = 256;

/// A piece of work: pages that are drawn by one thread.
pub(crate) type Piece<'w> = Box<dyn Fn() -> Vec<Page> + Sync + 'w>;

/// All files of the site. Pure: the same site gives the same files, in the same order, the index first.
pub fn build(site: &Site, layout: &Layout) -> Vec<Page> {
    let book = &Book::of(site, layout);
    let (releases, graveyard) = (pages::releases::listing(book), pages::graveyard::listing(book));
    let (events, promotions) = (pages::events::listing(book), pages::promotions::listing(book));
    let mut pieces: Vec<Piece<'_>> = vec![
        Box::new(|| pages::matrix::pages(book)),
        Box::new(|| vec![style::page(book)]),
        Box::new(|| finder::files(book)),
        Box::new(|| pages::figures::pages(book)),
        Box::new(|| pages::names::pages(book)),
    ];
    pieces.extend(releases.pieces(book));
    pieces.extend(graveyard.pieces(book));
    pieces.extend(events.pieces(book));
    pieces.extend(promotions.pieces(book));
    for (at, row) in site.functions.iter().enumerate() {
        pieces.push(Box::new(move || vec![pages::function::page(book, at, row)]));
    }
    for (at, one) in site.environments.iter().enumerate() {
        pieces.push(Box::new(move || vec![pages::environment::page(book, at, one)]));
    }
    for some in site.releases.chunks(AT_A_TIME) {
        pieces.push(Box::new(|| some.iter().map(|release| pages::release::page(book, release)).collect()));
    }
    in_parallel(&pieces, |_, piece| piece()).into_iter().flatten().collect()
}
