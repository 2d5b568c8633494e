//! After a create: whether another pipeline made a ticket of the same release meanwhile.
//!
//! Jira has nothing that two creates could exclude each other by. So whoever made a ticket searches until the index shows it, and
//! where it shows an older one with the same label too, that one counts: the newer is marked as a duplicate by the run that made
//! it. Numbers only grow, so of any two runs the one with the higher number gives way.

use landfall_run::{Effect, EffectItem, Run};
use landfall_transport::{Cap, Method};
use serde_json::json;

use crate::exchange::{intend, pause, settle};
use crate::ticket::LabelPair;
use crate::{Error, Found, Jira, Made, TicketOrigin, TicketRef};

/// The label of tickets that were given up for an older one.
const DUPLICATE: &str = "landfall-duplicate";

impl Jira {
    /// What counts after this run made `mine`: it, or an older one that shows up. The others are duplicates.
    pub(crate) async fn arbitrate(&self, run: &Run, labels: &LabelPair, mine: TicketRef) -> Made {
        let label = &labels.release;
        let next = format!("look whether another ticket of label {label} was made");
        let mut warnings = Vec::new();
        let mut seen = Vec::new();
        for wait in std::iter::once(None).chain(self.config.pauses.patience.iter().map(Some)) {
            if let Some(wait) = wait
                && pause(run, *wait, &next).await.is_err()
            {
                warnings.push(format!(
                    "whether another pipeline made a ticket too was not waited for: search for the label {label}"
                ));
                break;
            }
            seen = match self.labelled(run, label).await {
                Ok(tickets) => tickets,
                Err(error) => {
                    warnings
                        .push(format!("whether another pipeline made a ticket too is not known: {error}"));
                    break;
                }
            };
            if let Some(older) = seen.first().filter(|first| first.number() < mine.number()) {
                return self.give_way(run, labels, &mine, older.clone()).await;
            }
            if seen.contains(&mine) {
                break;
            }
        }
        let duplicates = seen.into_iter().filter(|other| *other != mine).collect();
        Made { ticket: mine, origin: TicketOrigin::Created, duplicates, warnings }
    }

    /// Gives up the ticket that this run has made, for an older one.
    pub(crate) async fn give_way(
        &self,
        run: &Run,
        labels: &LabelPair,
        mine: &TicketRef,
        older: TicketRef,
    ) -> Made {
        let withdrawn = self.withdraw(run, labels, mine, &older).await;
        let Found { ticket, mut duplicates, .. } = self.with_duplicates(run, &labels.release, older).await;
        // The index may show ours still.
        duplicates.retain(|other| other != mine);
        let mut warnings = Vec::new();
        match withdrawn {
            Ok(()) => warnings.push(format!(
                "{} was made at the same time as {}, which counts: it is marked {DUPLICATE} and can be closed",
                mine.key, ticket.key
            )),
            Err(_) => duplicates.push(mine.clone()),
        }
        Made { ticket, origin: TicketOrigin::Found, duplicates, warnings }
    }

    /// Marks a ticket that this run has just made as a duplicate, so that nothing finds it any more.
    async fn withdraw(
        &self,
        run: &Run,
        labels: &LabelPair,
        mine: &TicketRef,
        older: &TicketRef,
    ) -> Result<(), Error> {
        let doing = format!("mark {} as a duplicate of {}", mine.key, older.key);
        let effect = Effect {
            action: "withdraw ticket".to_owned(),
            target: mine.key.to_string(),
            environment: None,
            release: None,
            details: Vec::new(),
            items: vec![EffectItem {
                name: older.key.to_string(),
                version: None,
                digest: None,
                before: None,
            }],
        };
        let intent = intend(run, effect, &doing).await?;
        let body = json!({
            "fields": { "summary": format!("Duplicate of {}", older.key) },
            "update": { "labels": [{ "remove": labels.release }, { "remove": labels.region }, { "add": DUPLICATE }] },
        });
        let path = format!("/rest/api/3/issue/{}", mine.key);
        let request = self.writing(run, mine.key.as_str()).request(Method::PUT, &path).json(&body);
        let result = self.ask(run, request, Cap::JSON, &doing).await.map(drop);
        settle(run, intent, &result).await;
        result
    }
}
