//! Making a release's ticket once.
//!
//! Jira has no idempotency key. A label that follows from release and region stands in the body of the create, so that a
//! ticket whose answer was lost can be found; nothing is created again before a minute and a half of searching found nothing.

use std::time::Duration;

use landfall_artifacts::{Digest, EnvironmentName, RegionKey, ReleaseId, TicketKey};
use landfall_run::{Effect, EffectItem, Run};
use landfall_transport::Cap;
use serde_json::{Map, Value, json};

use crate::claim::Claim;
use crate::covers::properties;
use crate::exchange::{intend, settle, told};
use crate::wire::{Created, Nested};
use crate::{Error, Facts, Found, Jira, ServiceRow};

/// A ticket that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRef {
    /// Jira's number of it, as a text of digits.
    pub id: String,
    /// Its key, such as `REL-24`.
    pub key: TicketKey,
    /// Where a person reads it.
    pub url: String,
}

impl TicketRef {
    /// Its number: older tickets have lower ones.
    pub(crate) fn number(&self) -> u128 {
        self.id.parse().unwrap_or(u128::MAX)
    }
}

/// How a ticket came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketOrigin {
    /// This call made it.
    Created,
    /// It was there.
    Found,
}

/// Whether an earlier run may have made the ticket without knowing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing says so.
    Unlikely,
    /// A create was intended whose end is not known: the index is waited for before another one.
    Possible,
}

/// A release's ticket, after it was made or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The ticket.
    pub ticket: TicketRef,
    /// Whether this call made it.
    pub origin: TicketOrigin,
    /// Others that should not be: close them by hand.
    pub duplicates: Vec<TicketRef>,
    /// What the reader should look at although the ticket is there.
    pub warnings: Vec<String>,
}

/// What a release ticket is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseTicket {
    /// The release.
    pub release: ReleaseId,
    /// The region key; with the release it is the ticket's identity.
    pub region: RegionKey,
    /// The environment that the release came to first.
    pub environment: EnvironmentName,
    /// What is released. Where no version before is known, those of earlier tickets are taken.
    pub services: Vec<ServiceRow>,
    /// The pipeline's address.
    pub pipeline: Option<String>,
    /// The dashboard's address.
    pub dashboard: Option<String>,
    /// The commits since the release before, such as `1a2b3c4..5d6e7f8`.
    pub commits: Option<String>,
    /// Where these commits are shown.
    pub commits_at: Option<String>,
    /// The branch.
    pub branch: Option<String>,
}

/// The labels of a release's ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabelPair {
    /// Of release and region.
    pub(crate) release: String,
    /// Of the region.
    pub(crate) region: String,
}

impl ReleaseTicket {
    /// What placeholders stand for.
    pub fn facts(&self) -> Facts {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Facts {
            release: self.release.to_string(),
            region: self.region.to_string(),
            environment: self.environment.to_string(),
            branch: text(&self.branch),
            commits: text(&self.commits),
            pipeline: text(&self.pipeline),
            dashboard: text(&self.dashboard),
            ..Facts::default()
        }
        .with_services(&self.services)
    }

    pub(crate) fn labels(&self) -> LabelPair {
        LabelPair { release: label(&self.release, &self.region), region: region_label(&self.region) }
    }
}

/// The label of a release's ticket in a region: `rel-` and the first 16 hex digits of a SHA-256.
pub fn label(release: &ReleaseId, region: &RegionKey) -> String {
    let digest = Digest::of(format!("landfall release ticket\n{release}\n{region}").as_bytes()).hex();
    format!("rel-{}", digest.get(..16).unwrap_or_default())
}

/// The label of all tickets of a region.
pub(crate) fn region_label(region: &RegionKey) -> String {
    format!("landfall-{region}")
}

impl Jira {
    /// The release's ticket: found, or made. Doing it again finds what was made.
    ///
    /// Before a ticket is made, everything that its screen requires is looked at. After it was made it is looked whether another
    /// pipeline made one at the same time: of two the older counts, and ours is marked as a duplicate. Every other ticket of the same label
    /// is reported.
    ///
    /// # Errors
    /// [`Error::CreateFields`] with all that is missing or does not fit; [`Error::LostCreate`] where a create got no answer and
    /// the ticket was not found afterwards.
    pub async fn create_or_find(
        &self,
        run: &Run,
        ticket: &ReleaseTicket,
        earlier: Earlier,
    ) -> Result<Made, Error> {
        let labels = ticket.labels();
        let found = |found: Found| Made {
            ticket: found.ticket,
            origin: TicketOrigin::Found,
            duplicates: found.duplicates,
            warnings: vec![],
        };
        if let Some(ticket) = self.claimed(run, &labels.release).await? {
            return Ok(found(self.with_duplicates(run, &labels.release, ticket).await));
        }
        let pauses: &[Duration] = match earlier {
            Earlier::Unlikely => &self.config.pauses.before_create,
            Earlier::Possible => &self.config.pauses.patience,
        };
        if let Some(there) = self.find(run, &labels.release, pauses).await? {
            return Ok(found(there));
        }
        let ticket = self.with_versions_before(run, ticket).await?;
        let body = self.create_body(&ticket, self.create_fields(run, &ticket).await?);
        let turns = match self.claim(run, &labels.release).await? {
            Claim::Made(ticket) => {
                return Ok(found(self.with_duplicates(run, &labels.release, ticket).await));
            }
            Claim::Mine(turns) => turns,
        };
        // A turn that was passed on may be of a run that ended after its create: by now the index shows that.
        if self.config.claims.is_some()
            && let Some(there) = self.find(run, &labels.release, &[]).await?
        {
            let older = self.keep_claim(run, &labels.release, &there.ticket).await?;
            return Ok(found(match older {
                Some(older) => self.with_duplicates(run, &labels.release, older).await,
                None => there,
            }));
        }
        let effect = Effect {
            action: "create ticket".to_owned(),
            target: format!("{} {}", self.config.project, labels.release),
            environment: Some(ticket.environment.to_string()),
            release: Some(ticket.release.to_string()),
            details: Vec::new(),
            items: ticket.services.iter().map(ServiceRow::effect_item).collect(),
        };
        let intent = intend(run, effect, "create a ticket").await?;
        let result = self.create(run, &body, &labels.release).await;
        settle(run, intent, &result).await;
        if let (Err(error), Some(turns)) = (&result, &turns)
            && !error.leaves_unknown()
        {
            self.give_up(run, turns).await;
        }
        let (mine, nested) = result?;
        let mut made = match self.keep_claim(run, &labels.release, &mine).await {
            Ok(Some(older)) => self.give_way(run, &labels, &mine, older).await,
            Ok(None) => self.arbitrate(run, &labels, mine.clone()).await,
            Err(error) => {
                let mut made = self.arbitrate(run, &labels, mine.clone()).await;
                made.warnings.push(format!("the claim does not name {}: {error}", made.ticket.key));
                made
            }
        };
        if made.ticket != mine
            && let Err(error) = self.keep_claim(run, &labels.release, &made.ticket).await
        {
            made.warnings.push(format!("the claim does not name {}: {error}", made.ticket.key));
        }
        made.warnings.extend(nested);
        Ok(made)
    }

    /// The ticket with the versions before, where the ledger did not tell them.
    async fn with_versions_before(&self, run: &Run, ticket: &ReleaseTicket) -> Result<ReleaseTicket, Error> {
        let mut ticket = ticket.clone();
        if ticket.services.iter().any(|row| row.before.is_none()) {
            let before = self.released_before(run, &ticket.region, &ticket.release).await?;
            for row in ticket.services.iter_mut().filter(|row| row.before.is_none()) {
                row.before = before.get(&row.project).cloned();
            }
        }
        Ok(ticket)
    }

    /// Makes the ticket. With it comes what its nested transition ended with, where that went wrong.
    async fn create(
        &self,
        run: &Run,
        body: &Value,
        label: &str,
    ) -> Result<(TicketRef, Option<String>), Error> {
        let lost = |cause: Error| Error::LostCreate { label: label.to_owned(), cause: cause.into() };
        let mut last = false;
        loop {
            let unanswered = match self.post_create(run, body).await {
                Err(error) if error.leaves_unknown() => error,
                result => return result,
            };
            match self.find(run, label, &self.config.pauses.patience).await {
                Ok(Some(found)) => return Ok((found.ticket, None)),
                // The index would show it by now: the create was not taken, and one more is made.
                Ok(None) if !last => last = true,
                Ok(None) => return Err(lost(unanswered)),
                Err(error) => return Err(lost(error)),
            }
        }
    }

    async fn post_create(&self, run: &Run, body: &Value) -> Result<(TicketRef, Option<String>), Error> {
        let doing = "create a ticket";
        let request = self.site.post_json("/rest/api/3/issue", body).never_repeated();
        let answer = self.ask(run, request, Cap::JSON, doing).await?;
        let created: Created =
            answer.json().map_err(|cause| Error::Http { doing: doing.to_owned(), cause: cause.into() })?;
        let ticket = self.reference(run, &created.id, &created.key, doing).await?;
        let nested = created.transition.as_ref().and_then(|nested| refused(nested, &ticket, run));
        Ok((ticket, nested))
    }

    fn create_body(&self, ticket: &ReleaseTicket, fields: Map<String, Value>) -> Value {
        let mut body = json!({ "fields": fields, "properties": properties(ticket) });
        if let Some(id) = &self.config.initial_transition {
            body["transition"] = json!({ "id": id });
        }
        body
    }
}

/// What a nested transition ended with, where that is no success: the create stands all the same (API page of "Create issue").
fn refused(nested: &Nested, ticket: &TicketRef, run: &Run) -> Option<String> {
    (nested.status >= 300).then(|| {
        let said = told(&nested.error_collection, run);
        format!("{} was made, and its first transition was refused ({}): {said}", ticket.key, nested.status)
    })
}

impl ServiceRow {
    pub(crate) fn effect_item(&self) -> EffectItem {
        EffectItem {
            name: self.project.to_string(),
            version: Some(self.version.to_string()),
            digest: self.digest,
            before: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ReleaseTicket, label};
    use crate::ServiceRow;

    /// A ticket of so many services.
    pub(crate) fn ticket_of(count: usize) -> ReleaseTicket {
        let row = |number: usize| ServiceRow {
            project: format!("service{number}").parse().expect("a name"),
            version: "1.4.2".parse().expect("a version"),
            before: None,
            lambda: None,
            digest: None,
        };
        ReleaseTicket {
            release: "r-6b1f0c2d9e77".parse().expect("a release"),
            region: "eu".parse().expect("a region"),
            environment: "stg_eu00".parse().expect("an environment"),
            services: (0..count).map(row).collect(),
            pipeline: None,
            dashboard: None,
            commits: None,
            commits_at: None,
            branch: None,
        }
    }

    #[test]
    fn a_label_follows_from_release_and_region() {
        let of = |release: &str, region: &str| {
            label(&release.parse().expect("a release"), &region.parse().expect("a region"))
        };
        let one = of("r-6b1f0c2d9e77", "eu");
        assert_eq!(one, of("r-6b1f0c2d9e77", "eu"));
        assert_eq!(one.len(), 20);
        assert_ne!(one, of("r-6b1f0c2d9e77", "na"));
        assert_ne!(one, of("r-6b1f0c2d9e78", "eu"));
    }
}
