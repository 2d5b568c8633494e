//! The four Jira stages, and the ticket that they share.

pub mod comment;
pub mod create;
#[cfg(test)]
mod faults;
mod history;
pub mod instructions;
pub mod transition;
pub mod typed;

use std::path::PathBuf;

use landfall_artifacts::{
    Class, Explain as _, FileError, ImageLock, JiraTicket, JiraTickets, LedgerEvent, MissingName, Problem,
    ProjectName, ProjectVersion, RegionKey, ReleaseId, TicketKey, Versions,
};
use landfall_jira::{Error, Facts, Found, Jira, Known, Look, ServiceRow, TicketRef, Wanted, label};
use landfall_run::{Event, Run};

use crate::{Finished, Item, Outcome, Output, Places, Refusal, Target};

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
    /// The dashboard's address.
    pub dashboard: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// What the ledger has; nothing where it is not there.
    pub events: Vec<LedgerEvent>,
}

/// The ticket that a stage acts on.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    /// Where it is.
    pub(crate) at: TicketRef,
    /// The release that it is of, which may hold more than the versions at hand.
    pub(crate) release: ReleaseId,
    /// Others that should not be.
    pub(crate) duplicates: Vec<TicketRef>,
}

impl Ticket {
    /// What a stage begins its result with.
    pub(crate) fn begin(&self) -> Finished {
        Finished {
            release: Some(self.release.clone()),
            warnings: duplicates(&self.at, &self.duplicates),
            ..Finished::default()
        }
    }
}

/// What the reader is told of tickets that should not be.
pub(crate) fn duplicates(used: &TicketRef, others: &[TicketRef]) -> Vec<String> {
    others
        .iter()
        .map(|other| format!("{} is a duplicate of {}: close it by hand", other.key, used.key))
        .collect()
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

    /// What is released: one row a project, with the version before, function and digest where they are known.
    pub(crate) fn services(&self, versions: &Versions, run: &Run) -> Vec<ServiceRow> {
        // Tickets must not fail over a missing name or lock: they then say less.
        let names =
            self.target.functions(&self.places.functions, versions, MissingName::Skip).unwrap_or_default();
        let lock = match ImageLock::read(&self.places.lock) {
            Ok(lock) => Some(lock),
            Err(FileError::Missing { .. }) => None,
            Err(error) => {
                let text = format!("digests are left out: {}", Problem::of(&error).told());
                run.progress().event(Event::Warning(text));
                None
            }
        };
        let release = self.target.release_of(versions);
        let before =
            self.target.environment.as_ref().map(|name| history::before(&self.events, name, &release));
        let before = before.unwrap_or_default();
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
                before: before.get(project).cloned(),
                lambda: names.functions.get(project).cloned(),
                digest: digest(project),
            })
            .collect()
    }

    /// The release's ticket: the given one, else that of `jira-tickets.json`, else found by label, else that of another release which
    /// lists all of the projects. A dry run waits for nothing.
    ///
    /// # Errors
    /// What Jira says; a ticket that is nowhere.
    pub(crate) async fn find(
        &self,
        jira: &Jira,
        versions: &Versions,
        output: &Output,
        run: &Run,
    ) -> Result<Ticket, Refusal> {
        let release = self.target.release_of(versions);
        let of = |at: TicketRef, release: ReleaseId| Ticket { at, release, duplicates: Vec::new() };
        if let Some(key) = &self.ticket {
            let at = jira.ticket(run, key).await?;
            let named = jira.release_of(run, key).await?;
            return Ok(of(at, named.unwrap_or(release)));
        }
        let region = self.region()?;
        let projects = project_versions(versions);
        let found_as = |found: Found, own: &ReleaseId| Ticket {
            at: found.ticket,
            release: found.release.unwrap_or_else(|| own.clone()),
            duplicates: found.duplicates,
        };
        let noted = self.noted(region, &release, &projects)?;
        if let Some((ticket, of)) = noted.clone().filter(|(_, of)| *of == release) {
            return Ok(found_as(jira.noted(run, &label(&release, region), ticket).await, &of));
        }
        run.progress()
            .event(Event::Phase { name: format!("find the ticket of {release} in {region}"), items: None });
        // What this pipeline has noted of a larger release is at hand: nothing is waited for, and no other is searched.
        let (known, look) = match noted {
            Some(_) => (Known::Own, Look::Once),
            None if output.is_dry_run() => (self.known(&release, region, &projects), Look::Once),
            None => (self.known(&release, region, &projects), Look::Patiently),
        };
        let wanted = Wanted { release: &release, region, projects: &projects, known };
        let found = jira.find_release(run, &wanted, look).await?;
        match (found, noted) {
            (Some(found), _) => return Ok(found_as(found, &release)),
            (None, Some((ticket, of))) => {
                return Ok(found_as(jira.noted(run, &label(&of, region), ticket).await, &of));
            }
            (None, None) => {}
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

    /// What placeholders in the fields of screens stand for.
    pub(crate) fn facts(&self, release: &ReleaseId, versions: &Versions) -> Facts {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let facts = Facts {
            release: release.to_string(),
            region: self.target.region_key.as_ref().map(ToString::to_string).unwrap_or_default(),
            environment: self.target.environment_text().unwrap_or_default(),
            branch: text(&self.branch),
            pipeline: text(&self.pipeline),
            dashboard: text(&self.dashboard),
            ..Facts::default()
        };
        let row = |one: ProjectVersion| ServiceRow {
            project: one.project,
            version: one.version,
            before: None,
            lambda: None,
            digest: None,
        };
        facts.with_services(&project_versions(versions).into_iter().map(row).collect::<Vec<_>>())
    }

    fn known(&self, release: &ReleaseId, region: &RegionKey, projects: &[ProjectVersion]) -> Known {
        history::known(&self.events, release, region, projects)
    }

    /// The ticket of the region that `jira-tickets.json` has, with its release, where it is of these projects: the same release, or one that
    /// lists all of them.
    fn noted(
        &self,
        region: &RegionKey,
        release: &ReleaseId,
        projects: &[ProjectVersion],
    ) -> Result<Option<(TicketRef, ReleaseId)>, Refusal> {
        let noted = match JiraTickets::read(&self.tickets) {
            Ok(noted) => noted,
            Err(FileError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let covers = |ticket: &&JiraTicket| {
            let lists = |one: &ProjectVersion| ticket.projects.contains(one);
            noted.release == *release || (!projects.is_empty() && projects.iter().all(lists))
        };
        let reference = |ticket: &JiraTicket| TicketRef {
            id: ticket.id.clone(),
            key: ticket.key.clone(),
            url: ticket.url.to_string(),
        };
        let ticket = noted.ticket(region).filter(covers).map(reference);
        Ok(ticket.map(|ticket| (ticket, noted.release.clone())))
    }
}

/// How a stage ends whose write to Jira failed: where it may have been done all the same, that is said.
pub(crate) fn failed(name: &str, error: &Error, mut finished: Finished) -> Outcome {
    match error.class() {
        Class::Unknown => {
            finished.items.push(Item::new(name, "unknown").failed(Problem::of(error)));
            Ok(finished)
        }
        // The next run finds what was written: the fault passes, and what may have been done is said.
        Class::Transient | Class::Interrupted if error.may_have_written() => {
            finished.items.push(Item::new(name, "unanswered").failed(Problem::of(error)));
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
