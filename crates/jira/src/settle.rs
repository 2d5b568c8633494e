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
use crate::{Error, Jira, Made, TicketOrigin, TicketRef};

/// The label of tickets that were given up for an older one.
const DUPLICATE: &str = "landfall-duplicate";

impl Jira {
    /// What counts after this run made `mine`: it, or an older one that shows up.
    pub(crate) async fn arbitrate(&self, run: &Run, labels: &LabelPair, mine: TicketRef) -> Made {
        let mut made = Made {
            ticket: mine.clone(),
            origin: TicketOrigin::Created,
            duplicates: vec![],
            warnings: vec![],
        };
        let next = format!("look whether another ticket of label {} was made", labels.release);
        for wait in std::iter::once(None).chain(self.config.pauses.patience.iter().map(Some)) {
            if let Some(wait) = wait
                && pause(run, *wait, &next).await.is_err()
            {
                made.warnings.push(format!(
                    "whether another pipeline made a ticket too was not waited for: search for the label {}",
                    labels.release
                ));
                return made;
            }
            let tickets = match self.labelled(run, &labels.release).await {
                Ok(tickets) => tickets,
                Err(error) => {
                    made.warnings
                        .push(format!("whether another pipeline made a ticket too is not known: {error}"));
                    return made;
                }
            };
            if let Some(older) = tickets.first().filter(|first| first.number() < mine.number()) {
                made.ticket = older.clone();
                made.origin = TicketOrigin::Found;
                made.duplicates = tickets.iter().skip(1).filter(|other| **other != mine).cloned().collect();
                match self.withdraw(run, labels, &mine, older).await {
                    Ok(()) => made.warnings.push(format!(
                        "{} was made at the same time as {}, which counts: it is marked {DUPLICATE} and can be closed",
                        mine.key, older.key
                    )),
                    Err(_) => made.duplicates.push(mine),
                }
                return made;
            }
            if tickets.contains(&mine) {
                return made;
            }
        }
        made
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
