//! Attempts as rows: which release died where, when, why and by whom, and which one came through after it.

use maud::{Markup, html};

use super::listing::Listing;
use crate::build::Book;
use crate::layout::Place;
use crate::shell::Part;
use crate::text::{month, shown, when};
use crate::track::track;
use crate::{Release, ReleaseState};

pub(crate) fn listing<'a>(book: &Book<'a>) -> Listing<'a, Release> {
    let all = &book.site.releases;
    let dead = all.iter().filter(|release| is_dead(release)).count();
    // The first that lived after some that did not is shown above them: they failed forward to it.
    let told = all
        .iter()
        .enumerate()
        .filter(|(at, release)| is_dead(release) || all.get(at + 1).is_some_and(is_dead));
    Listing {
        part: Part::Graveyard,
        stem: "graveyard",
        title: "Graveyard",
        what: "attempts",
        about: html! {
            p.lead { "A dead release is never repaired: the next version takes its place. Each row is an attempt, the newest first; "
                (dead) " of " (all.len()) " died." }
        },
        nothing: "No release died.",
        columns: &["Attempt", "Way", "End"],
        rows: told.map(|(_, release)| (month(release.began), release)).collect(),
        draw: row,
    }
}

fn is_dead(release: &Release) -> bool {
    matches!(release.state, ReleaseState::Dead(_))
}

fn row(book: &Book<'_>, release: &Release) -> Markup {
    html! { tr.dead[is_dead(release)] {
        th scope="row" { (book.release(Place::Inside, &release.name)) small { (when(release.began)) } }
        td { (track(&book.names, Place::Inside, release)) }
        td { @match &release.state {
            ReleaseState::Dead(death) => {
                strong {
                    "died" @if let Some(environment) = &death.environment { " in " (book.environment(Place::Inside, environment.as_str())) }
                }
                ": " (shown(&death.reason)) small { (when(death.at)) " by " (shown(&death.by)) }
            }
            ReleaseState::Live => "came through: live",
            ReleaseState::Promoted => "came through: promoted",
            ReleaseState::Superseded => "came through",
            ReleaseState::RolledBack => "came through, and was rolled back",
            ReleaseState::Going => "on its way",
        } }
    } }
}
