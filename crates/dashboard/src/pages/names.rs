//! Every name that has a page, sorted: what finds one where no script runs.

use maud::{Markup, html};

use crate::build::{Book, Page};
use crate::layout::Place;
use crate::lists::parts;
use crate::shell::{Part, Sheet, nothing, page};
use crate::text::brief;

/// Bytes of names of one page. The links to all headings, which each page has, fit into the rest.
const ROOM: usize = 200 * 1024;

/// Bytes of names below one heading. More have further headings, so that one can go into the middle of many that begin alike.
const ROOM_OF_A_HEADING: usize = 24 * 1024;

/// Further headings of one letter: of more names each has more.
const MOST_HEADINGS: usize = 64;

/// What names are of.
#[derive(Clone, Copy)]
struct Kind {
    /// The beginning of its headings' identifiers.
    stem: &'static str,
    title: &'static str,
    link: fn(&Book<'_>, Place, &str) -> Markup,
}

const ENVIRONMENTS: Kind = Kind {
    stem: "environment",
    title: "Environments",
    link: |book, place, name| book.environment(place, name),
};
const FUNCTIONS: Kind =
    Kind { stem: "function", title: "Functions", link: |book, place, name| book.function(place, name) };
const RELEASES: Kind =
    Kind { stem: "release", title: "Releases", link: |book, place, name| book.release(place, name) };

/// Names of a kind that begin alike, and stand below one heading.
struct Group {
    kind: Kind,
    id: String,
    /// The letter; for what comes after the first heading of many, the name that it begins with too.
    heading: String,
    count: usize,
    links: Markup,
    /// The number of its page, from 0.
    page: usize,
}

pub(crate) fn pages(book: &Book<'_>) -> Vec<Page> {
    let site = book.site;
    let mut groups = Vec::new();
    groups.extend(of(book, ENVIRONMENTS, site.environments.iter().map(|one| one.name.as_str())));
    groups.extend(of(book, FUNCTIONS, site.functions.iter().map(|one| one.name.as_str())));
    groups.extend(of(book, RELEASES, site.releases.iter().map(|one| one.name.as_str())));
    let count = place(&mut groups);
    (0..count).map(|at| draw(book, &groups, at)).collect()
}

/// The names of a kind by their first letters. What begins with no letter or digit of ASCII stands together, before the others.
fn of<'n>(book: &Book<'_>, kind: Kind, names: impl Iterator<Item = &'n str>) -> Vec<Group> {
    let letter = |name: &str| {
        let first = name.chars().next().filter(char::is_ascii_alphanumeric);
        first.map(|first| first.to_ascii_uppercase())
    };
    let mut names: Vec<&str> = names.collect();
    names.sort_by_cached_key(|name| (letter(name), name.to_lowercase(), *name));
    names.dedup();
    let mut groups = Vec::new();
    for alike in names.chunk_by(|one, other| letter(one) == letter(other)) {
        let letter = alike.first().and_then(|name| letter(name));
        let (shown, id) = match letter {
            Some(letter) => (letter.to_string(), letter.to_ascii_lowercase().to_string()),
            None => ("#".to_owned(), "other".to_owned()),
        };
        let links: Vec<Markup> =
            alike.iter().map(|name| html! { li { ((kind.link)(book, Place::Inside, name)) } }).collect();
        let size: usize = links.iter().map(|link| link.0.len()).sum();
        let room = (size / MOST_HEADINGS).clamp(ROOM_OF_A_HEADING, ROOM);
        let mut left = alike;
        for (number, (links, count)) in parts(links, room).into_iter().enumerate() {
            let (own, others) = left.split_at(count);
            left = others;
            let first = own.first().map(|name| brief(name)).unwrap_or_default();
            let (id, heading) = match number {
                0 => (format!("{}-{id}", kind.stem), shown.clone()),
                _ => (format!("{}-{id}-{}", kind.stem, number + 1), format!("{shown}, from {first}")),
            };
            groups.push(Group { kind, id, heading, count, links, page: 0 });
        }
    }
    groups
}

/// Puts groups onto pages, and says how many pages there are: one at least.
fn place(groups: &mut [Group]) -> usize {
    let (mut at, mut size) = (0, 0);
    for group in groups {
        let own = group.links.0.len();
        if size > 0 && size + own > ROOM {
            (at, size) = (at + 1, 0);
        }
        group.page = at;
        size += own;
    }
    at + 1
}

fn file(at: usize) -> String {
    if at == 0 { "names.html".to_owned() } else { format!("names-{}.html", at + 1) }
}

fn draw(book: &Book<'_>, groups: &[Group], at: usize) -> Page {
    let is_alike = |one: &Group, other: &Group| one.kind.stem == other.kind.stem;
    let here: Vec<&Group> = groups.iter().filter(|group| group.page == at).collect();
    let content = html! {
        @if groups.is_empty() { (nothing("Nothing is recorded yet.")) } @else {
            nav.months aria-label="By first letter" { dl { @for of_kind in groups.chunk_by(is_alike) { div {
                @if let Some(first) = of_kind.first() { dt { (first.kind.title) } }
                dd { @for group in of_kind {
                    @let address = if group.page == at { format!("#{}", group.id) } else { format!("{}#{}", file(group.page), group.id) };
                    a href=(address) { (group.heading) " " small { (group.count) } } " "
                } }
            } } } }
        }
        @for of_kind in here.chunk_by(|one, other| is_alike(one, other)) {
            section.names {
                @if let Some(first) = of_kind.first() { h2 { (first.kind.title) } }
                @for group in of_kind { h3 #(group.id) { (group.heading) } ul.plain { (group.links) } }
            }
        }
    };
    let title = if at == 0 { "All names".to_owned() } else { format!("All names, page {}", at + 1) };
    let file = file(at);
    page(book, Sheet { is_first: at == 0, ..Sheet::inside(&file, &title, Part::Names) }, &content)
}
