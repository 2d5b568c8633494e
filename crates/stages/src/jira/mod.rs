//! The four Jira stages, and the ticket that they share.

pub mod comment;
pub mod create;
pub mod instructions;
pub mod transition;

use std::path::PathBuf;

use landfall_artifacts::{
    Class, Explain as _, FileError, ImageLock, JiraTickets, MissingName, Problem, ProjectName,
    ProjectVersion, RegionKey, ReleaseId, TicketKey, Versions,
};
use landfall_jira::{Error, Jira, ServiceRow, TicketRef, label};
use landfall_run::{Event, Run};

use crate::{Finished, Item, Outcome, Places, Refusal, Target};

/// What all Jira stages are told.
#[derive(Clone, Debug)]
pub struct Common {
    /// Environment, region key and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// `jira-tickets.json`.
    pub tickets: PathBuf,
    /// The ticket, where it was given.
    pub ticket: Option<TicketKey>,
    /// The pipeline's address.
    pub pipeline: Option<String>,
}

impl Common {
    /// Whether nothing was deployed and no ticket was given, so that the stage has nothing to do and needs no Jira. Versions that
    /// cannot be read are not nothing: the stage says what is wrong with them.
    pub fn is_idle(&self) -> bool {
        self.ticket.is_none()
            && Versions::read(&self.places.versions).is_ok_and(|versions| versions.is_empty())
    }

    /// The region key.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn region(&self) -> Result<&RegionKey, Refusal> {
        self.target.region_key.as_ref().ok_or_else(|| {
            Refusal::one(
                Problem::new("LF-JIRA-REGION", Class::Input, "it is not known which region's ticket is meant")
                    .with_remedy("name an environment such as stg_eu00 by --environment or CI_ENVIRONMENT_NAME, or give region_key in landfall.toml"),
            )
        })
    }

    /// What is released: one row a project, with function and digest where they are known.
    pub(crate) fn services(&self, versions: &Versions) -> Vec<ServiceRow> {
        // Tickets must not fail over a missing name or lock: they then say less.
        let names =
            self.target.functions(&self.places.functions, versions, MissingName::Skip).unwrap_or_default();
        let lock = ImageLock::read(&self.places.lock).ok();
        let digest = |project: &ProjectName| {
            let lock = lock.as_ref()?;
            lock.images.iter().find(|image| image.project == *project).map(|image| image.digest)
        };
        versions
            .projects
            .iter()
            .map(|(project, entry)| ServiceRow {
                project: project.clone(),
                version: entry.version.clone(),
                lambda: names.functions.get(project).cloned(),
                digest: digest(project),
            })
            .collect()
    }

    /// The release's ticket: the given one, else that of `jira-tickets.json`, else found by label, else the newest that lists
    /// all of the projects.
    ///
    /// # Errors
    /// What Jira says; a ticket that is nowhere.
    pub(crate) async fn find(
        &self,
        jira: &Jira,
        versions: &Versions,
        run: &Run,
    ) -> Result<TicketRef, Refusal> {
        if let Some(key) = &self.ticket {
            return Ok(jira.ticket(run, key).await?);
        }
        let (region, release) = (self.region()?, self.target.release_of(versions));
        if let Some(ticket) = self.noted(region, &release)? {
            return Ok(ticket);
        }
        run.progress()
            .event(Event::Phase { name: format!("find the ticket of {release} in {region}"), items: None });
        if let Some(found) = jira.find(run, &label(&release, region), &[]).await? {
            for duplicate in &found.duplicates {
                let text =
                    format!("{} is a duplicate of {}: close it by hand", duplicate.key, found.ticket.key);
                run.progress().event(Event::Warning(text));
            }
            return Ok(found.ticket);
        }
        if let Some(ticket) = jira.find_covering(run, region, &project_versions(versions)).await? {
            return Ok(ticket);
        }
        Err(Refusal::one(
            Problem::new(
                "LF-JIRA-NO-TICKET",
                Class::Refused,
                format!("no ticket of release {release} in region {region}"),
            )
            .with_remedy("run create-jira-tickets, or give the ticket by --ticket or JIRA_TICKET"),
        ))
    }

    fn noted(&self, region: &RegionKey, release: &ReleaseId) -> Result<Option<TicketRef>, Refusal> {
        let noted = match JiraTickets::read(&self.tickets) {
            Ok(noted) => noted,
            Err(FileError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let ticket = noted.ticket(region).filter(|_| noted.release == *release);
        Ok(ticket.map(|ticket| TicketRef {
            id: ticket.id.clone(),
            key: ticket.key.clone(),
            url: ticket.url.to_string(),
        }))
    }
}

/// How a stage ends whose write to Jira failed: where it may have been done all the same, that is said.
pub(crate) fn failed(name: &str, error: &Error, mut finished: Finished) -> Outcome {
    match error.class() {
        Class::Unknown => {
            finished.items.push(Item::new(name, "unknown").failed(Problem::of(error)));
            Ok(finished)
        }
        Class::Defect
        | Class::Input
        | Class::Refused
        | Class::Locked
        | Class::Transient
        | Class::Partial
        | Class::Integrity
        | Class::Interrupted => Err(Refusal::of(error)),
    }
}

/// The versions as tickets list them.
pub(crate) fn project_versions(versions: &Versions) -> Vec<ProjectVersion> {
    versions
        .projects
        .iter()
        .map(|(project, entry)| ProjectVersion { project: project.clone(), version: entry.version.clone() })
        .collect()
}
