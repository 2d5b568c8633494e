//! Finding a release's ticket again.
//!
//! The index that searches ask is behind the issues by seconds and sometimes by a minute; what it shows may be gone. So nothing
//! found is asked again for a while, and what is found is read back by its number, which is consistent.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{ProjectName, ProjectVersion, RegionKey, ReleaseId};
use landfall_run::{Event, Run};
use landfall_transport::Cap;
use semver::Version;
use serde_json::json;

use crate::covers::{Covered, PROPERTIES};
use crate::exchange::pause;
use crate::ticket::{label, region_label};
use crate::wire::{Hits, Issue};
use crate::{Error, Jira, TicketRef};

/// Issues of one search that are looked at.
const MOST_HITS: usize = 50;

/// Pages of a region's tickets that are looked at, newest first: a thousand tickets.
const MOST_PAGES: usize = 20;

/// Answers that hold many issues with their properties.
const HITS: Cap = Cap::of(16 << 20, "list of issues");

/// A ticket that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The oldest.
    pub ticket: TicketRef,
    /// The release that it is of; `None` where that is the one that was asked for.
    pub release: Option<ReleaseId>,
    /// Others that should not be: close them by hand.
    pub duplicates: Vec<TicketRef>,
}

/// How long a ticket is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Once, as a dry run does.
    Once,
    /// Until the index must show it: as long as `pauses.patience` says.
    Patiently,
}

/// What is known of a release's ticket before Jira is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// It was made, or may have been: one of another release is never taken for it.
    Own,
    /// A ticket of this other release was made, and it covers all of the projects: where the release's own does not show at once
    /// that one is taken.
    Other(ReleaseId),
}

/// The ticket that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'w> {
    /// The release.
    pub release: &'w ReleaseId,
    /// The region key.
    pub region: &'w RegionKey,
    /// What another release's ticket must cover so that it is taken where the release has none of its own.
    pub projects: &'w [ProjectVersion],
    /// What is known already.
    pub known: Known,
}

impl Jira {
    /// Finds a release's ticket by its label. Where nothing is found, searches again after each of `pauses`.
    ///
    /// # Errors
    /// As any request; nothing found is `None`.
    pub async fn find(&self, run: &Run, label: &str, pauses: &[Duration]) -> Result<Option<Found>, Error> {
        let doing = format!("search for label {label}");
        for wait in std::iter::once(None).chain(pauses.iter().map(Some)) {
            if let Some(wait) = wait {
                pause(run, *wait, &doing).await?;
            }
            let tickets = self.labelled(run, label).await?;
            if let Some((ticket, duplicates)) = tickets.split_first() {
                let (ticket, duplicates) = (ticket.clone(), duplicates.to_vec());
                return Ok(Some(Found { ticket, release: None, duplicates }));
            }
        }
        Ok(None)
    }

    /// All tickets that have a label, the oldest first.
    pub(crate) async fn labelled(&self, run: &Run, label: &str) -> Result<Vec<TicketRef>, Error> {
        let jql = format!(
            "project = {} AND labels = {} ORDER BY created ASC",
            quoted(&self.config.project),
            quoted(label)
        );
        let doing = format!("search for label {label}");
        let mut tickets = Vec::new();
        for hit in self.search(run, &jql, false, None, &doing).await?.issues {
            match self.issue(run, &hit.id, "labels").await {
                Ok(issue) if issue.has_label(label) => {
                    tickets.push(self.reference(run, &issue.id, &issue.key, &doing).await?);
                }
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // By number: the oldest has the lowest, and all runs must choose the same.
        tickets.sort_by_key(TicketRef::number);
        Ok(tickets)
    }

    /// Finds the ticket of a release in a region, else the newest one there that covers all of its projects, for pipelines that
    /// deploy a part of a release.
    ///
    /// The release's own ticket comes first: the index is waited for, and only where it shows none in the end another's is looked for.
    ///
    /// # Errors
    /// As any request; nothing found is `None`.
    pub async fn find_release(
        &self,
        run: &Run,
        wanted: &Wanted<'_>,
        look: Look,
    ) -> Result<Option<Found>, Error> {
        let Wanted { release, region, projects, known } = wanted;
        let label = label(release, region);
        let pauses: &[Duration] = match look {
            Look::Once => &[],
            Look::Patiently => &self.config.pauses.patience,
        };
        for wait in std::iter::once(None).chain(pauses.iter().map(Some)) {
            if let Some(wait) = wait {
                let text = format!(
                    "no ticket of {release} in {region} yet; Jira's index may be behind: searching again"
                );
                run.progress().event(Event::Note(text));
                pause(run, *wait, &format!("search for label {label}")).await?;
            }
            // Read anew each time: whoever holds the claim may have made the ticket by now.
            if let Some(ticket) = self.claimed(run, &label).await? {
                return Ok(Some(self.with_duplicates(run, &label, ticket).await));
            }
            if let Some(found) = self.find(run, &label, &[]).await? {
                return Ok(Some(found));
            }
            if let Known::Other(other) = known
                && let Some(found) = self.find(run, &self::label(other, region), &[]).await?
            {
                return Ok(Some(Found { release: Some(other.clone()), ..found }));
            }
        }
        match known {
            Known::Own => Ok(None),
            Known::Nothing | Known::Other(_) => self.find_covering(run, region, projects).await,
        }
    }

    /// A ticket whose number is known, with the others of its label. That they cannot be looked for is a warning.
    pub(crate) async fn with_duplicates(&self, run: &Run, label: &str, ticket: TicketRef) -> Found {
        let duplicates = match self.labelled(run, label).await {
            Ok(tickets) => tickets.into_iter().filter(|other| *other != ticket).collect(),
            Err(error) => {
                let text = format!("whether {} has duplicates is not known: {error}", ticket.key);
                run.progress().event(Event::Warning(text));
                Vec::new()
            }
        };
        Found { ticket, release: None, duplicates }
    }

    /// What counts of a ticket that was noted by an earlier job: it, or an older one of the same label that has shown up since.
    pub async fn noted(&self, run: &Run, label: &str, ticket: TicketRef) -> Found {
        let mut found = self.with_duplicates(run, label, ticket).await;
        if let Some(oldest) = found.duplicates.first_mut().filter(|one| one.number() < found.ticket.number())
        {
            std::mem::swap(oldest, &mut found.ticket);
        }
        found
    }

    /// Finds the newest ticket of a region that covers all of `projects`. The 1,000 newest tickets are looked at.
    ///
    /// # Errors
    /// As any request; nothing found is `None`.
    pub async fn find_covering(
        &self,
        run: &Run,
        region: &RegionKey,
        projects: &[ProjectVersion],
    ) -> Result<Option<Found>, Error> {
        if projects.is_empty() {
            return Ok(None);
        }
        let label = region_label(region);
        let doing = format!("search for tickets of region {region}");
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let page = self.search(run, &self.of_region(&label), true, token.as_deref(), &doing).await?;
            for hit in page.issues {
                let covered = Covered::of(&hit.properties);
                if !covered.holds(projects) {
                    continue;
                }
                match self.issue(run, &hit.id, "labels").await {
                    Ok(issue) if issue.has_label(&label) => {
                        let ticket = self.reference(run, &issue.id, &issue.key, &doing).await?;
                        return Ok(Some(Found { ticket, release: covered.release, duplicates: Vec::new() }));
                    }
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            token = page.next_page_token.filter(|token| !token.is_empty() && !page.is_last);
            if token.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// The versions that the region's newest tickets of other releases list: what was released before. Fifty tickets are looked at.
    pub(crate) async fn released_before(
        &self,
        run: &Run,
        region: &RegionKey,
        release: &ReleaseId,
    ) -> Result<BTreeMap<ProjectName, Version>, Error> {
        let doing = format!("search for tickets of region {region}");
        let page = self.search(run, &self.of_region(&region_label(region)), true, None, &doing).await?;
        let mut before = BTreeMap::new();
        for covered in page.issues.iter().map(|hit| Covered::of(&hit.properties)) {
            if covered.release.as_ref() != Some(release) {
                for (project, version) in covered.projects {
                    before.entry(project).or_insert(version);
                }
            }
        }
        Ok(before)
    }

    fn of_region(&self, label: &str) -> String {
        format!(
            "project = {} AND labels = {} ORDER BY created DESC",
            quoted(&self.config.project),
            quoted(label)
        )
    }

    async fn search(
        &self,
        run: &Run,
        jql: &str,
        with_facts: bool,
        token: Option<&str>,
        doing: &str,
    ) -> Result<Hits, Error> {
        let mut body = json!({ "jql": jql, "fields": ["labels"], "maxResults": MOST_HITS });
        if with_facts {
            body["properties"] = json!(PROPERTIES);
        }
        if let Some(token) = token {
            body["nextPageToken"] = token.into();
        }
        let request = self.site.post_json("/rest/api/3/search/jql", &body).reading();
        let answer = self.ask(run, request, HITS, doing).await?;
        let mut hits: Hits =
            answer.json().map_err(|cause| Error::Http { doing: doing.to_owned(), cause: cause.into() })?;
        hits.issues.truncate(MOST_HITS);
        hits.issues.retain(|hit: &Issue| is_number(&hit.id));
        Ok(hits)
    }
}

pub(crate) fn is_number(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

/// A JQL string. All that is put into one is made of safe letters anyway.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_leaves_its_quotes() {
        assert_eq!(quoted(r#"a" OR labels = "b\"#), r#""a\" OR labels = \"b\\""#);
    }
}
