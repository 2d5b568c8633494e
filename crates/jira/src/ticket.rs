//! Making a release's ticket once, and finding it again.
//!
//! Jira has no idempotency key. A label that follows from release and region stands in the body of the create, so that a
//! ticket whose answer was lost can be found; nothing is created again before a minute of searching found nothing.

use std::time::Duration;

use landfall_artifacts::{Digest, EnvironmentName, ProjectVersion, RegionKey, ReleaseId, TicketKey};
use landfall_run::{Effect, EffectItem, Event, Run};
use landfall_transport::Cap;
use serde_json::{Value, json};

use crate::exchange::{intend, pause, settle};
use crate::wire::{Created, Hits, Issue};
use crate::{Error, Jira, ServiceRow, ticket_description, ticket_summary};

/// Issues of one search that are looked at.
const MOST_HITS: usize = 50;

/// The issue property that holds what a ticket covers.
const PROPERTY: &str = "landfall.release";

/// Most characters of a property's value (API page of "Set issue property").
const LONGEST_PROPERTY: usize = 32_768;

/// Answers that hold many issues with their properties.
const HITS: Cap = Cap::of(8 << 20, "list of issues");

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

/// How a ticket came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketOrigin {
    /// This call made it.
    Created,
    /// It was there.
    Found,
}

/// A ticket that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The oldest.
    pub ticket: TicketRef,
    /// Others that should not be: close them by hand.
    pub duplicates: Vec<TicketRef>,
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
    /// What is released.
    pub services: Vec<ServiceRow>,
    /// The pipeline's address.
    pub pipeline: Option<String>,
    /// The commits since the release before, such as `1a2b3c4..5d6e7f8`.
    pub commits: Option<String>,
}

/// The label of a release's ticket in a region: `rel-` and the first 16 hex digits of a SHA-256.
pub fn label(release: &ReleaseId, region: &RegionKey) -> String {
    let digest = Digest::of(format!("landfall release ticket\n{release}\n{region}").as_bytes()).hex();
    format!("rel-{}", digest.get(..16).unwrap_or_default())
}

impl Jira {
    /// Finds a release's ticket by its label. Where nothing is found, searches again after each of `pauses`.
    ///
    /// What is found is read back by id, because the index also shows what is gone.
    ///
    /// # Errors
    /// As any request; nothing found is `None`.
    pub async fn find(&self, run: &Run, label: &str, pauses: &[Duration]) -> Result<Option<Found>, Error> {
        let jql = format!(
            "project = {} AND labels = {} ORDER BY created ASC",
            quoted(&self.config.project),
            quoted(label)
        );
        let doing = format!("search for label {label}");
        for wait in std::iter::once(None).chain(pauses.iter().map(Some)) {
            if let Some(wait) = wait {
                pause(run, *wait, &doing).await?;
            }
            let mut tickets = Vec::new();
            for hit in self.search(run, &jql, false, &doing).await? {
                match self.issue(run, &hit.id, "labels").await {
                    Ok(issue) if issue.has_label(label) => {
                        tickets.push(self.reference(&issue.id, &issue.key, &doing)?);
                    }
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            // By number: the oldest has the lowest, and all runs must choose the same.
            tickets.sort_by_key(|ticket| ticket.id.parse::<u128>().unwrap_or(u128::MAX));
            if let Some((ticket, duplicates)) = tickets.split_first() {
                if !duplicates.is_empty() {
                    let keys: Vec<String> = duplicates.iter().map(|other| other.key.to_string()).collect();
                    run.progress().event(Event::Warning(format!(
                        "{} is used; {} have the same label {label} and can be closed",
                        ticket.key,
                        keys.join(", ")
                    )));
                }
                return Ok(Some(Found { ticket: ticket.clone(), duplicates: duplicates.to_vec() }));
            }
        }
        Ok(None)
    }

    /// Finds the newest ticket of a region that covers all of `projects`, for pipelines that deploy a part of a release.
    /// Only the 50 newest tickets are looked at.
    ///
    /// # Errors
    /// As any request; nothing found is `None`.
    pub async fn find_covering(
        &self,
        run: &Run,
        region: &RegionKey,
        projects: &[ProjectVersion],
    ) -> Result<Option<TicketRef>, Error> {
        let jql = format!(
            "project = {} AND labels = {} ORDER BY created DESC",
            quoted(&self.config.project),
            quoted(&region_label(region))
        );
        let doing = format!("search for tickets of region {region}");
        for hit in self.search(run, &jql, true, &doing).await? {
            let listed = hit.properties.get(PROPERTY).and_then(|value| value.get("projects"));
            let listed = listed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let covers =
                |wanted: &ProjectVersion| listed.iter().any(|one| one.as_str() == Some(&wanted.to_string()));
            if !projects.is_empty() && projects.iter().all(covers) {
                return self.reference(&hit.id, &hit.key, &doing).map(Some);
            }
        }
        Ok(None)
    }

    /// The release's ticket: found, or made. Doing it again finds what was made.
    ///
    /// # Errors
    /// [`Error::Refused`] names the fields that Jira does not take; [`Error::LostCreate`] where a create got no answer and
    /// the ticket was not found afterwards.
    pub async fn create_or_find(
        &self,
        run: &Run,
        ticket: &ReleaseTicket,
    ) -> Result<(TicketRef, TicketOrigin), Error> {
        let label = label(&ticket.release, &ticket.region);
        if let Some(found) = self.find(run, &label, &self.config.pauses.before_create).await? {
            return Ok((found.ticket, TicketOrigin::Found));
        }
        let effect = Effect {
            action: "create ticket".to_owned(),
            target: format!("{} {label}", self.config.project),
            environment: Some(ticket.environment.to_string()),
            release: Some(ticket.release.to_string()),
            items: ticket.services.iter().map(ServiceRow::effect_item).collect(),
        };
        let intent = intend(run, effect, "create a ticket").await?;
        let result = self.create(run, ticket, &label).await;
        settle(run, intent, &result).await;
        result.map(|ticket| (ticket, TicketOrigin::Created))
    }

    async fn create(&self, run: &Run, ticket: &ReleaseTicket, label: &str) -> Result<TicketRef, Error> {
        let body = self.create_body(ticket, label);
        let lost = |cause: Error| Error::LostCreate { label: label.to_owned(), cause: cause.into() };
        let mut last = false;
        loop {
            let unanswered = match self.post_create(run, &body).await {
                Err(error) if error.leaves_unknown() => error,
                result => return result,
            };
            match self.find(run, label, &self.config.pauses.after_lost).await {
                Ok(Some(found)) => return Ok(found.ticket),
                // After a minute the index would show it: the create was not taken, and one more is made.
                Ok(None) if !last => last = true,
                Ok(None) => return Err(lost(unanswered)),
                Err(error) => return Err(lost(error)),
            }
        }
    }

    async fn post_create(&self, run: &Run, body: &Value) -> Result<TicketRef, Error> {
        let doing = "create a ticket";
        let request = self.site.post_json("/rest/api/3/issue", body).never_repeated();
        let answer = self.ask(run, request, Cap::JSON, doing).await?;
        let created: Created =
            answer.json().map_err(|cause| Error::Http { doing: doing.to_owned(), cause: cause.into() })?;
        self.reference(&created.id, &created.key, doing)
    }

    fn create_body(&self, ticket: &ReleaseTicket, label: &str) -> Value {
        let projects: Vec<String> =
            ticket.services.iter().map(|row| format!("{}@{}", row.project, row.version)).collect();
        let mut facts = json!({
            "schema": 1, "release": ticket.release, "region": ticket.region.as_str(),
            "environment": ticket.environment, "pipeline": ticket.pipeline, "projects": projects,
        });
        if facts.to_string().len() > LONGEST_PROPERTY {
            facts["projects"] = json!([]);
        }
        json!({
            "fields": {
                "project": { "key": self.config.project },
                "issuetype": { "name": self.config.issue_type },
                "summary": ticket_summary(ticket),
                "labels": [label, region_label(&ticket.region)],
                "description": ticket_description(ticket).to_value(),
            },
            "properties": [{ "key": PROPERTY, "value": facts }],
        })
    }

    async fn search(&self, run: &Run, jql: &str, with_facts: bool, doing: &str) -> Result<Vec<Issue>, Error> {
        let mut body = json!({ "jql": jql, "fields": ["labels"], "maxResults": MOST_HITS });
        if with_facts {
            body["properties"] = json!([PROPERTY]);
        }
        let request = self.site.post_json("/rest/api/3/search/jql", &body).reading();
        let answer = self.ask(run, request, HITS, doing).await?;
        let hits: Hits =
            answer.json().map_err(|cause| Error::Http { doing: doing.to_owned(), cause: cause.into() })?;
        Ok(hits.issues.into_iter().take(MOST_HITS).filter(|hit| is_number(&hit.id)).collect())
    }
}

fn is_number(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

fn region_label(region: &RegionKey) -> String {
    format!("landfall-{region}")
}

/// A JQL string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
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
mod tests {
    use super::{label, quoted};

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

    #[test]
    fn no_text_leaves_its_quotes() {
        assert_eq!(quoted(r#"a" OR labels = "b\"#), r#""a\" OR labels = \"b\\""#);
    }
}
