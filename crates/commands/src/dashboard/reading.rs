//! From the ledger to a site.

use std::path::PathBuf;
use std::sync::Arc;

use landfall_artifacts::{FileError, JiraTickets, LedgerEvent, Settings};
use landfall_cli::{Opt, Values};
use landfall_dashboard::{LedgerState, Site};
use landfall_ledger::Ledger;
use landfall_stages::Refusal;
use landfall_stages::dashboard::{Drift, Material, site, state_of};
use time::OffsetDateTime;

use crate::Context;

/// The options of all that draw pages.
pub(super) const OPTIONS: [Opt; 3] = [
    Opt::value("title", "TEXT", "what the pages are about")
        .env(&["CI_PROJECT_TITLE", "CI_PROJECT_NAME"])
        .default("Versions"),
    Opt::value("tickets", "FILE", "the tickets of a release, shown where the file is there")
        .default("jira-tickets.json"),
    Opt::value(
        "drift",
        "FILE",
        "what `landfall ledger drift --output json` wrote: functions that do not stand as the ledger says are marked",
    ),
];

/// Where all is that a site is made from, besides the time.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) ledger: Ledger,
    pub(super) settings: Settings,
    pub(super) title: String,
    pub(super) tickets: String,
    pub(super) drift: Option<PathBuf>,
}

/// What was read. Two that are equal make the same site at the same time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    ledger: LedgerState,
    tickets: Option<JiraTickets>,
    drift: Option<Drift>,
}

impl Reader {
    pub(super) fn of(context: &Context, values: &Values<'_>) -> Self {
        Self {
            ledger: context.ledger.clone(),
            settings: context.settings.clone(),
            title: values.text("title").unwrap_or_default(),
            tickets: values.text("tickets").unwrap_or_default(),
            drift: values.text("drift").map(PathBuf::from),
        }
    }

    /// Reads the ledger and makes the site.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub(super) async fn site(&self, now: OffsetDateTime) -> Result<Site, Refusal> {
        let (events, found) = self.read().await?;
        Ok(self.site_of(&events, &found, now))
    }

    /// Reads the files, and of the ledger what was not read before.
    ///
    /// # Errors
    /// A damaged ledger, bad tickets, a file that is no answer of `ledger drift`.
    pub(super) async fn read(&self) -> Result<(Arc<Vec<LedgerEvent>>, Found), Refusal> {
        let tickets = match JiraTickets::read(self.tickets.as_ref()) {
            Ok(tickets) => Some(tickets),
            Err(FileError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let drift = self.drift.as_deref().map(Drift::read).transpose()?;
        let (events, verified) = self.ledger.follow().await?;
        Ok((events, Found { ledger: state_of(&self.ledger, &verified), tickets, drift }))
    }

    /// The site at a time. Takes a while where the ledger is large.
    pub(super) fn site_of(&self, events: &[LedgerEvent], found: &Found, now: OffsetDateTime) -> Site {
        let material = Material {
            title: &self.title,
            settings: &self.settings,
            environment: None,
            tickets: found.tickets.as_ref(),
            drift: found.drift.as_ref(),
            ledger: Some(found.ledger.clone()),
            now,
        };
        site(events, &material)
    }
}
