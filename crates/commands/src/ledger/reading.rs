//! The ledger as a view reads it, and the view as an answer.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use landfall_artifacts::{Class, LedgerEvent, Problem, ProjectName};
use landfall_cli::Look;
use landfall_ledger::view::{Answer, Moment, Place, View, function_name};
use landfall_ledger::{Head, Kept, Verified};
use landfall_stages::{Finished, Refusal, ToCaller};

use super::table::Paint;
use crate::Context;

/// What was read of a ledger.
pub(super) struct Reading {
    pub(super) place: String,
    /// All of them, or none where the chain was proved and nothing else.
    pub(super) events: Vec<LedgerEvent>,
    records: u64,
    pub(super) head: Option<Head>,
    pub(super) now: Moment,
    pub(super) paint: Paint,
}

impl Reading {
    /// Reads the whole ledger, and checks its chain.
    ///
    /// # Errors
    /// A damaged ledger, and one without a record: it is more likely to be the wrong place than a product that never was
    /// released.
    pub(super) async fn of(context: &Context) -> Result<Self, Refusal> {
        let (events, verified) = context.ledger.read(None).await?;
        Self::with(context, events, verified)
    }

    /// Checks the chain against what was kept elsewhere, and holds no event in memory: a ledger is long that is worth proving.
    ///
    /// # Errors
    /// As [`Reading::of`].
    pub(super) async fn proved(context: &Context, kept: &[Kept]) -> Result<Self, Refusal> {
        let verified = context.ledger.verify_against(kept).await?;
        Self::with(context, Vec::new(), verified)
    }

    fn with(context: &Context, events: Vec<LedgerEvent>, verified: Verified) -> Result<Self, Refusal> {
        let shown = context.ledger.place().to_string();
        if verified.records == 0 {
            let what = format!("nothing is recorded in {shown}");
            return Err(Refusal::one(Problem::new("LF-LEDGER-EMPTY", Class::Input, what).with_remedy(
                "name the product's ledger by --ledger, LANDFALL_LEDGER, or ledger.store in landfall.toml",
            )));
        }
        let terminal = std::io::stdout().is_terminal();
        let paint =
            if Look::of(context.environment(), terminal).colour { Paint::Colours } else { Paint::Plain };
        Ok(Self {
            place: shown,
            events,
            records: verified.records,
            head: verified.head,
            now: Moment(context.run().clock().now()),
            paint,
        })
    }

    /// Functions, projects, and whatever else records are about, by name.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let items = || self.events.iter().flat_map(|event| &event.items);
        let projects = items().filter_map(|item| item.project.as_ref()).map(ProjectName::as_str);
        items().map(function_name).chain(projects).collect()
    }

    /// The first line of every view for people.
    pub(super) fn title(&self) -> String {
        let count = self.records;
        let line = format!(
            "{}: {count} record{}; times are in UTC",
            landfall_cli::middle(&self.place, 40),
            if count == 1 { "" } else { "s" }
        );
        format!("{}\n\n", self.paint.dim(&line))
    }

    /// A view as what its command ends with. `people` are lines that are safe to print.
    ///
    /// # Errors
    /// None that is known: a view can be written as JSON.
    pub(super) fn answer(&self, view: View<'_>, people: &str) -> Result<Finished, Refusal> {
        let place = Place {
            place: self.place.clone(),
            records: self.records,
            head: self.head.map(|head| head_text(&head)),
        };
        let json = Answer::new(place, self.now, view).to_json().map_err(|cause| {
            let what = format!("the answer cannot be written as JSON: {cause}");
            Refusal::one(Problem::new("LF-LEDGER-VIEW", Class::Defect, what))
        })?;
        let people = format!("{}{people}", self.title());
        Ok(Finished { to_caller: ToCaller::Answer { people, json }, ..Finished::default() })
    }
}

/// A head as it is kept elsewhere: number and digest.
pub(super) fn head_text(head: &Head) -> String {
    format!("{}:{}", head.sequence, head.digest)
}

/// That nothing of a name is recorded, with the name that was perhaps meant.
pub(super) fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Refusal {
    let what = format!("the ledger knows no {kind} {}", landfall_secret::escape(name, 120));
    let others = known.filter(|known| *known != name);
    let remedy = match crate::nearest::nearest(name, others) {
        Some(near) => format!("did you mean {}?", landfall_secret::escape(near, 120)),
        None => "`landfall ledger show` lists the environments, `landfall ledger history` what happened"
            .to_owned(),
    };
    Refusal::one(Problem::new("LF-LEDGER-UNKNOWN", Class::Input, what).with_remedy(remedy))
}
