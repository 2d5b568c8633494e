//! One release: its way, its steps, its parts.

use maud::{Markup, html};

use crate::build::{Book, Page};
use crate::layout::Place;
use crate::lists::first;
use crate::pages::events::ending;
use crate::shell::{self, Part, Sheet, further, nothing, section, wide};
use crate::text::{by, digest, shown, when};
use crate::track::{state, track};
use crate::{Release, ReleaseState, Step, StepKind, Went};

const ROOM_OF_STEPS: usize = 100 * 1024;
const ROOM_OF_WAITING: usize = 16 * 1024;
const ROOM_OF_ITEMS: usize = 80 * 1024;

pub(crate) fn page(book: &Book<'_>, release: &Release) -> Page {
    let file = book.names.release(&release.name).unwrap_or_default();
    let content = html! {
        p.lead { (state(&release.state)) " began " (when(release.began)) " by " (shown(&release.by)) }
        (track(&book.names, Place::Inside, release))
        @if let ReleaseState::Dead(death) = &release.state {
            section.attention aria-labelledby="death" {
                h2 #death { "Where it died" }
                p {
                    @match &death.environment {
                        Some(environment) => { "In " (book.environment(Place::Inside, environment.as_str())) ", " }
                        None => {}
                    }
                    (when(death.at)) ", by " (shown(&death.by)) ": " (shown(&death.reason))
                }
                p.nothing { "A dead release is never repaired: the next version takes its place." }
            }
        }
        (waiting(book, release))
        (section("steps", "Steps", &steps(book, release)))
        (section("parts", "Parts", &items(book, release)))
        (super::releases::tickets(book, Place::Inside, Some(&release.name)))
    };
    let title = format!("Release {}", release.name);
    shell::page(book, Sheet::inside(file, &title, Part::Releases), &content)
}

fn waiting(book: &Book<'_>, release: &Release) -> Markup {
    let at: Vec<Markup> = book
        .site
        .environments
        .iter()
        .flat_map(|environment| {
            environment.waiting.iter().filter(|waiting| waiting.release == release.name).map(|waiting| {
                html! {
                    dt { (book.environment(Place::Inside, environment.name.as_str())) }
                    dd { (super::environment::missing(waiting)) }
                }
            })
        })
        .collect();
    let all = at.len();
    let (at, count) = first(at, ROOM_OF_WAITING);
    html! { @if all > 0 {
        (section("waits", "Stands before", &html! { dl.facts { (at) } (further(count, all, "environments")) }))
    } }
}

fn steps(book: &Book<'_>, release: &Release) -> Markup {
    if release.steps.is_empty() {
        return nothing("No step is recorded.");
    }
    let row = |step: &Step| {
        html! { tr {
            td.when { (when(step.at)) }
            td { span.tag.(class(step)) { (word(step.kind)) (ending(step.went)) } @if !step.note.is_empty() { " " (shown(&step.note)) } }
            td { @match &step.environment { Some(name) => (book.environment(Place::Inside, name.as_str())), None => "–" } }
            td { (by(&step.by, step.run.as_deref())) }
        } }
    };
    let (body, count) = first(release.steps.iter().map(row), ROOM_OF_STEPS);
    html! {
        (wide("Steps", &html! { table.list {
            caption.hidden { "Steps, oldest first" }
            thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Where" } th scope="col" { "By" } } }
            tbody { (body) }
        } }))
        (further(count, release.steps.len(), "steps"))
    }
}

fn class(step: &Step) -> &'static str {
    match (step.kind, step.went) {
        (StepKind::Rejected, _) | (_, Went::Failed) => "bad",
        (StepKind::RolledBack, _) | (_, Went::Unknown) => "warn",
        (StepKind::Tested, Went::Well) => "good",
        (
            StepKind::Built
            | StepKind::Promoted
            | StepKind::Approved
            | StepKind::Deployed
            | StepKind::WentBackTo,
            Went::Well,
        ) => "info",
    }
}

fn word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Built => "built",
        StepKind::Promoted => "promoted",
        StepKind::Approved => "approved",
        StepKind::Deployed => "deployed",
        StepKind::Tested => "tested",
        StepKind::RolledBack => "rolled back",
        StepKind::WentBackTo => "gone back to",
        StepKind::Rejected => "rejected",
    }
}

fn items(book: &Book<'_>, release: &Release) -> Markup {
    if release.items.is_empty() {
        return nothing("What it consists of is not recorded.");
    }
    let rows = release.items.iter().map(|item| {
        html! { tr {
            th scope="row" { (book.function(Place::Inside, &item.name)) }
            td { (item.version.as_deref().map_or_else(|| "–".to_owned(), shown)) }
            td { @match item.digest { Some(content) => (digest(content)), None => "–" } }
        } }
    });
    let (body, count) = first(rows, ROOM_OF_ITEMS);
    html! {
        (wide("Parts", &html! { table.list {
            caption.hidden { "What the release consists of" }
            thead { tr { th scope="col" { "Function" } th scope="col" { "Version" } th scope="col" { "Content" } } }
            tbody { (body) }
        } }))
        (further(count, release.items.len(), "parts"))
    }
}
