//! From the ledger to a site.

use std::path::PathBuf;

use landfall_artifacts::{FileError, JiraTickets, Settings};
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

/// All that a site is made from, besides the time.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    ledger: Ledger,
    settings: Settings,
    title: String,
    tickets: String,
    drift: Option<PathBuf>,
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
    /// A damaged ledger, bad tickets, a file that is no answer of `ledger drift`.
    pub(super) async fn site(&self, now: OffsetDateTime) -> Result<Site, Refusal> {
        let tickets = match JiraTickets::read(self.tickets.as_ref()) {
            Ok(tickets) => Some(tickets),
            Err(FileError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let drift = self.drift.as_deref().map(Drift::read).transpose()?;
        let (events, verified) = self.ledger.read(None).await?;
        let ledger: LedgerState = state_of(&self.ledger, &verified);
        let material = Material {
            title: &self.title,
            settings: &self.settings,
            environment: None,
            tickets: tickets.as_ref(),
            drift: drift.as_ref(),
            ledger: Some(ledger),
            now,
        };
        Ok(site(&events, &material))
    }
}
