//! The pages that show what runs where: what the ledger says as a [`Site`], and its files in a folder.

mod drift;
mod figures;
mod gates;
mod history;
mod lives;
mod post;
mod publish;
mod running;
mod write;

use std::panic::resume_unwind;
use std::thread;

use landfall_artifacts::{EnvironmentName, JiraTickets, LedgerEvent, Settings};
use landfall_dashboard::{LedgerState, Site, TicketRow};
use landfall_ledger::{Ledger, Verified, deployments, life};
use time::OffsetDateTime;

pub use drift::Drift;
pub use post::{Post, body};
pub use publish::publish;
pub use write::{Kept, put, write};

/// What a site is made of besides the ledger's events.
#[derive(Clone, Debug)]
pub struct Material<'a> {
    /// What it is about.
    pub title: &'a str,
    /// The repo's settings, for the environments' kinds, regions and order.
    pub settings: &'a Settings,
    /// An environment that has a column in any case.
    pub environment: Option<&'a EnvironmentName>,
    /// The tickets that are known.
    pub tickets: Option<&'a JiraTickets>,
    /// What functions were seen to run, where somebody looked.
    pub drift: Option<&'a Drift>,
    /// The ledger, which was found whole.
    pub ledger: Option<LedgerState>,
    /// The time that the pages show.
    pub now: OffsetDateTime,
}

/// The site that these events make. Pure.
pub fn site(events: &[LedgerEvent], material: &Material<'_>) -> Site {
    let mut site = Site::new(material.title, material.now);
    site.tickets = material.tickets.map(tickets).unwrap_or_default();
    site.definitions = figures::definitions();
    site.ledger.clone_from(&material.ledger);
    // Each reads all events for itself, and of a large ledger that takes a while.
    thread::scope(|scope| {
        let lives = scope.spawn(|| life::lives(events, &life::production(material.settings)));
        let built = scope.spawn(|| lives::built(events));
        let history = scope.spawn(|| history::rows(events));
        let figures = scope.spawn(|| (figures::figures(events, material.now), history::promotions(events)));
        let deployed = deployments(events);
        site.environments = running::environments(material, &deployed);
        site.functions = running::functions(&deployed, material.drift);
        gates::add(&mut site, events, &deployed, material);
        site.releases = lives::releases(joined(built), &joined(lives));
        site.history = joined(history);
        (site.figures, site.promotions) = joined(figures);
    });
    site
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

fn tickets(tickets: &JiraTickets) -> Vec<TicketRow> {
    tickets
        .tickets
        .iter()
        .map(|ticket| TicketRow {
            key: ticket.key.to_string(),
            url: ticket.url.to_string(),
            region: ticket.region.to_string(),
            release: tickets.release.to_string(),
        })
        .collect()
}

/// The ledger as the pages name it, after it was read and found whole.
pub fn state_of(ledger: &Ledger, verified: &Verified) -> LedgerState {
    LedgerState {
        place: ledger.place().to_string(),
        records: verified.records,
        head: verified.head.map(|head| head.digest),
    }
}

#[cfg(test)]
mod tests;
