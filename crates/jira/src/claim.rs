//! Which ticket is a release's, where an issue was named that all pipelines hold their claims on.
//!
//! A release has a turn there (see `turns.rs`), which says who makes its ticket, and a property with the ticket's number, which
//! everybody reads. Both are read from the database, so the search index plays no part. The number is written by whoever has made
//! a ticket and by nobody else, and of two numbers the lower stands: each writes its own, waits a moment, reads back, and gives
//! way to a lower one or writes again over a higher one.

use landfall_run::{Effect, Run};
use landfall_transport::{Cap, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exchange::{intend, pause, settle};
use crate::find::is_number;
use crate::turns::Turns;
use crate::{Error, Jira, TicketRef};

/// How often a number is written that others write over.
const TRIES: usize = 4;

/// Where a claim stands.
#[derive(Debug)]
pub(crate) enum Claim {
    /// This run makes the ticket, by this turn where there is an issue for claims.
    Mine(Option<Turns>),
    /// The ticket is there.
    Made(TicketRef),
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    value: Value,
}

impl Jira {
    /// The ticket that a claim names; `None` without an issue for claims.
    pub(crate) async fn claimed(&self, run: &Run, label: &str) -> Result<Option<TicketRef>, Error> {
        if self.config.claims.is_none() {
            return Ok(None);
        }
        match self.number(run, label).await? {
            Some(id) => self.labelled_as(run, &id, label).await,
            None => Ok(None),
        }
    }

    /// Claims a label, or waits for the ticket of whoever has claimed it.
    pub(crate) async fn claim(&self, run: &Run, label: &str) -> Result<Claim, Error> {
        let Some(issue) = &self.config.claims else { return Ok(Claim::Mine(None)) };
        let (name, what) = (format!("landfall.{label}.claim"), format!("the ticket of label {label}"));
        let mut turns = Turns::new(issue.as_str(), name, what, Some("claim ticket"));
        loop {
            if let Some(ticket) = self.claimed(run, label).await? {
                return Ok(Claim::Made(ticket));
            }
            if self.turn(run, &mut turns).await? {
                return Ok(Claim::Mine(Some(turns)));
            }
        }
    }

    /// Notes which ticket was made. Gives an older one of the same label, where another run has noted one.
    pub(crate) async fn keep_claim(
        &self,
        run: &Run,
        label: &str,
        ticket: &TicketRef,
    ) -> Result<Option<TicketRef>, Error> {
        if self.config.claims.is_none() {
            return Ok(None);
        }
        let mut is_written = false;
        for _ in 0..TRIES {
            match self.claimed(run, label).await? {
                Some(other) if other.number() < ticket.number() => return Ok(Some(other)),
                Some(kept) if is_written && kept.id == ticket.id => return Ok(None),
                Some(_) | None => {}
            }
            self.put_number(run, label, ticket).await?;
            is_written = true;
            // Whoever read before this was written has written by then.
            if let Some(moment) = self.config.pauses.patience.first() {
                pause(run, *moment, &format!("look which ticket of label {label} counts")).await?;
            }
        }
        Ok(self.claimed(run, label).await?.filter(|other| other.number() < ticket.number()))
    }

    async fn number(&self, run: &Run, label: &str) -> Result<Option<String>, Error> {
        let doing = format!("read the claim of label {label}");
        let answer = match self.ask(run, self.site.get(&self.place(label)), Cap::JSON, &doing).await {
            Ok(answer) => answer,
            Err(Error::NotFound { said, doing }) => {
                // The same answer stands for an issue that is not there: then nobody could claim anything.
                let issue = self.config.claims.as_ref().map(ToString::to_string).unwrap_or_default();
                self.issue(run, &issue, "labels").await.map_err(|_| Error::NotFound { said, doing })?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let property: Property =
            answer.json().map_err(|cause| Error::Http { doing: doing.clone(), cause: cause.into() })?;
        let id = property.value.get("ticket").and_then(Value::as_str).filter(|id| is_number(id));
        Ok(id.map(str::to_owned))
    }

    async fn put_number(&self, run: &Run, label: &str, ticket: &TicketRef) -> Result<(), Error> {
        let doing = format!("note the ticket of label {label}");
        let issue = self.config.claims.as_ref().map(ToString::to_string).unwrap_or_default();
        let effect = Effect {
            action: "note ticket".to_owned(),
            target: format!("{issue} {label}: {}", ticket.key),
            environment: None,
            release: None,
            details: Vec::new(),
            items: Vec::new(),
        };
        let intent = intend(run, effect, &doing).await?;
        let value = json!({ "schema": 1, "ticket": ticket.id });
        let request = self.writing(run, &issue).request(Method::PUT, &self.place(label)).json(&value);
        let result = self.ask(run, request, Cap::JSON, &doing).await.map(drop);
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
