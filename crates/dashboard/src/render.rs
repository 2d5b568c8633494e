//! The page as one HTML file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::drift::{Drift, Standing, drifts};
use crate::table::{functions, history, mark, releases, tickets};
use crate::text::{digest, shown, when};
use crate::{LedgerState, Page};

/// Lines of the list of what needs a look.
const MOST_DRIFTS: usize = 50;

/// Nothing is fetched and nothing runs, whatever stands in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The page as UTF-8 HTML, ending in a line break. Pure: the same page gives the same text.
pub fn render(page: &Page) -> String {
    let drifts = drifts(page);
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (shown(&page.title)) " – what runs where" }
                link rel="icon" href="data:,";
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { (shown(&page.title)) }
                    p.made { "What runs where, as of " (when(page.made)) }
                    nav aria-label="Sections" {
                        a href="#now" { "Now" } a href="#releases" { "Releases" }
                        a href="#history" { "History" } a href="#tickets" { "Tickets" }
                    }
                }
                main {
                    (summary(page, &drifts))
                    (attention(page, &drifts))
                    (section("now", "What runs where", &functions(page)))
                    (section("releases", "Releases", &releases(&page.releases)))
                    (section("history", "History", &history(&page.history)))
                    (section("tickets", "Tickets", &tickets(&page.tickets)))
                }
                footer {
                    @if let Some(ledger) = &page.ledger { (source(ledger)) }
                    p { "Made by Landfall " (shown(&page.tool_version)) "." }
                }
            }
        }
    };
    let mut text = whole.into_string();
    text.push('\n');
    text
}

fn section(id: &str, title: &str, content: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 #(id) { (title) } (content) } }
}

fn summary(page: &Page, drifts: &[Drift]) -> Markup {
    let of = |wanted: &[Standing]| drifts.iter().filter(|drift| wanted.contains(&drift.standing)).count();
    let behind = of(&[Standing::Behind, Standing::Differs]);
    let bad = of(&[Standing::OtherContent, Standing::Changed]);
    html! {
        dl.tiles {
            div { dt { "Functions" } dd { (page.functions.len()) } }
            div { dt { "Environments" } dd { (page.environments.len()) } }
            div.warn[behind > 0] { dt { "Behind" } dd { (behind) } }
            div.bad[bad > 0] { dt { "Drift" } dd { (bad) } }
        }
    }
}

/// What is wrong, before everything else.
fn attention(page: &Page, drifts: &[Drift]) -> Markup {
    let mut grave: Vec<(&str, Standing, Vec<&str>)> = Vec::new();
    for drift in drifts.iter().filter(|drift| is_grave(drift.standing)) {
        let environment = drift.environment.as_str();
        match grave.last_mut() {
            Some((function, standing, environments))
                if *function == drift.function && *standing == drift.standing =>
            {
                environments.push(environment);
            }
            Some(_) | None => grave.push((&drift.function, drift.standing, vec![environment])),
        }
    }
    let damaged = page.ledger.as_ref().and_then(|ledger| ledger.problem.as_deref());
    html! { @if !grave.is_empty() || damaged.is_some() {
        section.attention aria-labelledby="look" {
            h2 #look { "Needs a look" }
            ul {
                @if let Some(problem) = damaged { li { strong { "The ledger is damaged: " } (shown(problem)) } }
                @for (function, standing, environments) in grave.iter().take(MOST_DRIFTS) { li {
                    strong { (shown(function)) } " in " (environments.join(", ")) ": " (meaning(*standing))
                } }
                @if grave.len() > MOST_DRIFTS { li { "and " (grave.len() - MOST_DRIFTS) " more, marked below" } }
            }
        }
    } }
}

fn is_grave(standing: Standing) -> bool {
    matches!(standing, Standing::OtherContent | Standing::Changed)
}

fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::OtherContent => "one version is not the same content everywhere",
        Standing::Changed => "it runs something that no recorded deployment put there",
        Standing::Newest | Standing::Behind | Standing::Differs => {
            mark(standing).map_or("", |(_, text)| text)
        }
    }
}

fn source(ledger: &LedgerState) -> Markup {
    html! {
        p {
            "From the ledger " code { (shown(&ledger.place)) } ", " (ledger.records) " records"
            @if let Some(head) = ledger.head { ", newest " (digest(head)) }
            @if ledger.problem.is_none() { ", chain verified" }
            "."
        }
    }
}
