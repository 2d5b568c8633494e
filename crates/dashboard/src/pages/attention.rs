//! What is wrong, before everything else.

use maud::{Markup, html};

use super::matrix::meaning;
use crate::build::Book;
use crate::drift::Standing;
use crate::layout::Place;
use crate::lists::first;
use crate::text::{digest, shown};
use crate::{FunctionRow, Seen};

/// Lines of the list.
const MOST: usize = 50;
/// Bytes of it.
const ROOM: usize = 16 * 1024;

/// What is the same with one function in several environments.
struct Look<'a> {
    standing: Standing,
    /// What it was seen to run there, where that is what is wrong.
    seen: Option<&'a Seen>,
    environments: Vec<&'a str>,
}

/// The list of what needs a look; nothing where nothing does.
pub(super) fn attention(book: &Book<'_>) -> Markup {
    let rows = book.site.functions.iter().zip(&book.standings);
    let found = rows.flat_map(|(function, standings)| {
        looks(book, function, standings).into_iter().map(|look| (function.name.as_str(), look))
    });
    let lines: Vec<Markup> = found.map(|(function, look)| line(book, function, &look)).collect();
    let all = lines.len();
    let (lines, listed) = first(lines.into_iter().take(MOST), ROOM);
    html! { @if all > 0 {
        section.attention aria-labelledby="look" {
            h2 #look { "Needs a look" }
            ul { (lines) @if all > listed { li { "and " (all - listed) " more" } } }
        }
    } }
}

/// What is wrong with a function. Environments stand together where the very same is: two that were changed by hand to different things do not.
fn looks<'a>(book: &Book<'a>, function: &'a FunctionRow, standings: &[Option<Standing>]) -> Vec<Look<'a>> {
    let mut looks: Vec<Look<'a>> = Vec::new();
    for (environment, standing) in book.site.environments.iter().zip(standings) {
        let Some(standing @ (Standing::OtherContent | Standing::Changed)) = *standing else { continue };
        let cell = function.cells.get(&environment.name).filter(|_| standing == Standing::Changed);
        let seen = cell.and_then(|cell| cell.seen.as_ref());
        let name = environment.name.as_str();
        match looks.iter_mut().find(|look| look.standing == standing && look.seen == seen) {
            Some(look) => look.environments.push(name),
            None => looks.push(Look { standing, seen, environments: vec![name] }),
        }
    }
    looks
}

fn line(book: &Book<'_>, function: &str, look: &Look<'_>) -> Markup {
    html! { li {
        strong { (book.function(Place::Index, function)) } " in "
        @for (at, environment) in look.environments.iter().enumerate() {
            @if at > 0 { ", " } (book.environment(Place::Index, environment))
        }
        ": " (meaning(look.standing))
        @match look.seen {
            Some(Seen::Runs(content)) => { " (" (digest(*content)) ")" }
            Some(Seen::Other(what)) => { " (" (shown(what)) ")" }
            None => {}
        }
    } }
}
