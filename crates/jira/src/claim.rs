//! Who may make a ticket, where an issue was named that all pipelines hold their claims on.
//!
//! A property of an issue is the one thing that Jira answers differently the first time: a `PUT` of a new one is 201, of one that
//! is there 200 (API page of "Set issue property"). Whoever gets 201 makes the ticket and notes its number there; everybody else
//! waits for that number. Reading a property is consistent, so the search index plays no part.

use landfall_run::{Effect, Event, Run};
use landfall_transport::{Cap, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exchange::{intend, pause, settle};
use crate::find::is_number;
use crate::{Error, Jira, TicketRef};

/// Where a claim stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// This run makes the ticket.
    Mine,
    /// The ticket is there.
    Made(TicketRef),
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    value: Value,
}

/// What a property holds of a claim.
enum Held {
    Nobody,
    Somebody,
    Ticket(String),
}

impl Jira {
    /// The ticket that a claim names; `None` without an issue for claims.
    pub(crate) async fn claimed(&self, run: &Run, label: &str) -> Result<Option<TicketRef>, Error> {
        if self.config.claims.is_none() {
            return Ok(None);
        }
        match self.held(run, label).await? {
            Held::Ticket(id) => self.labelled_as(run, &id, label).await,
            Held::Nobody | Held::Somebody => Ok(None),
        }
    }

    /// Claims a label, or waits for the ticket of whoever has claimed it. A claim whose ticket does not come about while the
    /// index would be waited for is taken over: whoever held it is gone.
    pub(crate) async fn claim(&self, run: &Run, label: &str) -> Result<Claim, Error> {
        if self.config.claims.is_none() {
            return Ok(Claim::Mine);
        }
        let mut first = true;
        for wait in std::iter::once(None).chain(self.config.pauses.patience.iter().map(Some)) {
            if let Some(wait) = wait {
                pause(run, *wait, &format!("wait for the ticket of label {label}")).await?;
            }
            match self.held(run, label).await? {
                Held::Ticket(id) => match self.labelled_as(run, &id, label).await? {
                    Some(ticket) => return Ok(Claim::Made(ticket)),
                    // It was deleted, or given another label: the next one is made anew.
                    None => return Ok(Claim::Mine),
                },
                Held::Nobody if self.put_claim(run, label, None).await? => return Ok(Claim::Mine),
                Held::Nobody | Held::Somebody => {}
            }
            if std::mem::take(&mut first) {
                run.progress().event(Event::Note(format!(
                    "another pipeline is making the ticket of label {label}: waiting for it"
                )));
            }
        }
        Ok(Claim::Mine)
    }

    /// Notes which ticket was made.
    pub(crate) async fn keep_claim(&self, run: &Run, label: &str, ticket: &TicketRef) -> Result<(), Error> {
        if self.config.claims.is_some() {
            self.put_claim(run, label, Some(ticket)).await?;
        }
        Ok(())
    }

    async fn held(&self, run: &Run, label: &str) -> Result<Held, Error> {
        let doing = format!("read the claim of label {label}");
        let answer = match self.ask(run, self.site.get(&self.place(label)), Cap::JSON, &doing).await {
            Ok(answer) => answer,
            Err(Error::NotFound { said, doing }) => {
                // The same answer stands for an issue that is not there: then nobody could claim anything.
                let issue = self.config.claims.as_ref().map(ToString::to_string).unwrap_or_default();
                self.issue(run, &issue, "labels").await.map_err(|_| Error::NotFound { said, doing })?;
                return Ok(Held::Nobody);
            }
            Err(error) => return Err(error),
        };
        let property: Property =
            answer.json().map_err(|cause| Error::Http { doing: doing.clone(), cause: cause.into() })?;
        let id = property.value.get("ticket").and_then(Value::as_str).filter(|id| is_number(id));
        Ok(id.map_or(Held::Somebody, |id| Held::Ticket(id.to_owned())))
    }

    /// Writes a claim. Says whether there was none before.
    async fn put_claim(&self, run: &Run, label: &str, ticket: Option<&TicketRef>) -> Result<bool, Error> {
        let doing = format!("claim label {label}");
        let issue = self.config.claims.as_ref().map(ToString::to_string).unwrap_or_default();
        let effect = Effect {
            action: "claim ticket".to_owned(),
            target: format!("{issue} {label}"),
            environment: None,
            release: None,
            items: Vec::new(),
        };
        let intent = intend(run, effect, &doing).await?;
        let value = json!({ "schema": 1, "ticket": ticket.map(|ticket| ticket.id.as_str()) });
        let request = self.writing(run, &issue).request(Method::PUT, &self.place(label)).json(&value);
        // A first answer that was lost looks like another's claim: it is waited for and then taken over.
        let result =
            self.ask(run, request, Cap::JSON, &doing).await.map(|answer| answer.status().as_u16() == 201);
        settle(run, intent, &result).await;
        result
    }

    fn place(&self, label: &str) -> String {
        let issue = self.config.claims.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("/rest/api/3/issue/{issue}/properties/landfall.{label}")
    }

    async fn labelled_as(&self, run: &Run, id: &str, label: &str) -> Result<Option<TicketRef>, Error> {
        match self.issue(run, id, "labels").await {
            Ok(issue) if issue.has_label(label) => {
                self.reference(run, &issue.id, &issue.key, &format!("read {id}")).await.map(Some)
            }
            Ok(_) | Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
