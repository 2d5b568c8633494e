//! `create-jira-tickets`: one release ticket a region.

use std::collections::BTreeMap;

use landfall_artifacts::{FileError, JiraTicket, JiraTickets, Mode, Problem, RegionKey, ReleaseId, Versions};
use landfall_jira::{Earlier, Jira, Known, Look, ReleaseTicket, TicketOrigin, TicketRef, Wanted, label};
use landfall_run::{Event, Run};

use super::history::may_have_been_made;
use super::{Common, duplicates, failed, project_versions};
use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// As for all Jira stages.
    pub common: Common,
    /// The commits since the release before, such as `1a2b3c4..5d6e7f8`.
    pub commits: Option<String>,
    /// Where these commits are shown.
    pub commits_at: Option<String>,
}

/// Makes the release's ticket of this region, or finds the one that is there, and notes it in `jira-tickets.json`.
///
/// Acts on: Jira. Repeating it makes no second ticket, and a ticket that is given is noted as it is. Tickets of other regions of the same
/// release stay in the file.
///
/// # Errors
/// Bad files; no environment; what Jira says.
pub async fn run(config: &Config, jira: &Jira, output: &Output, run: &Run) -> Outcome {
    let common = &config.common;
    let versions = Versions::read(&common.places.versions)?;
    let release = common.target.release_of(&versions);
    if versions.is_empty() {
        return nothing(common, output);
    }
    let region = common.region()?.clone();
    let environment = common.target.environment.clone().ok_or_else(missing_environment)?;
    let ticket = ReleaseTicket {
        release: release.clone(),
        region: region.clone(),
        environment,
        services: common.services(&versions, run),
        pipeline: common.pipeline.clone(),
        dashboard: common.dashboard.clone(),
        commits: config.commits.clone(),
        commits_at: config.commits_at.clone(),
        branch: common.branch.clone(),
    };
    let noted = noted(common, &release)?;
    let mut finished = Finished { release: Some(release.clone()), ..Finished::default() };
    let (found, outcome) = if let Some(key) = &common.ticket {
        // Somebody made it: it is the release's, and none is made beside it.
        (jira.ticket(run, key).await?, "unchanged")
    } else if output.is_dry_run() {
        let wanted = Wanted { release: &release, region: &region, projects: &[], known: Known::Own };
        let Some(found) = jira.find_release(run, &wanted, Look::Once).await? else {
            jira.check_create(run, &ticket).await?;
            let item =
                Item::new(format!("ticket {region}"), "planned").with("label", label(&release, &region));
            finished.items.push(item);
            finished.summary = format!("would make a ticket of release {release} for region {region}");
            return Ok(finished);
        };
        finished.warnings.extend(duplicates(&found.ticket, &found.duplicates));
        (found.ticket, "unchanged")
    } else {
        run.progress().event(Event::Phase { name: "make or find the ticket".into(), items: Some(1) });
        let is_open = may_have_been_made(&common.events, &label(&release, &region));
        let earlier = if is_open { Earlier::Possible } else { Earlier::Unlikely };
        let made = match jira.create_or_find(run, &ticket, earlier).await {
            Ok(made) => made,
            Err(error) => return failed(&format!("ticket {region}"), &error, finished),
        };
        finished.warnings.extend(duplicates(&made.ticket, &made.duplicates));
        finished.warnings.extend(made.warnings);
        (made.ticket, if made.origin == TicketOrigin::Created { "created" } else { "unchanged" })
    };
    let mut item = Item::new(found.key.as_str(), outcome)
        .with("region", region.as_str())
        .with("url", found.url.as_str());
    item.changed = outcome == "created";
    finished.items.push(item);
    let file = with(noted, &versions, &region, &release, &found).and_then(|tickets| {
        output.write(&common.tickets, &tickets.to_bytes(), Mode::Shared).map_err(|error| Problem::of(&error))
    });
    match file {
        Ok(file) => finished.files.push(file),
        // The ticket is there: running again finds it and notes it.
        Err(problem) => finished.problems.push(problem),
    }
    finished.summary =
        format!("{} {} {}", found.key, if outcome == "created" { "made:" } else { "was there:" }, found.url);
    Ok(finished)
}

/// What the stage does where the versions are empty: no ticket, and a file that says so to the jobs that follow.
///
/// # Errors
/// Bad versions, and a file that cannot be written.
pub fn nothing(common: &Common, output: &Output) -> Outcome {
    let release = common.target.release_of(&Versions::read(&common.places.versions)?);
    let tickets = JiraTickets { release: release.clone(), tickets: Vec::new() };
    let mut finished = Finished::new("nothing to deploy, so there is no ticket to make");
    finished.files.push(output.write(&common.tickets, &tickets.to_bytes(), Mode::Shared)?);
    finished.release = Some(release);
    Ok(finished)
}

/// The tickets of this release that other regions' jobs have noted already.
fn noted(common: &Common, release: &ReleaseId) -> Result<BTreeMap<RegionKey, JiraTicket>, Refusal> {
    match JiraTickets::read(&common.tickets) {
        Ok(noted) if noted.release == *release => {
            Ok(noted.tickets.into_iter().map(|ticket| (ticket.region.clone(), ticket)).collect())
        }
        // Tickets of another release are of no use to the jobs that follow.
        Ok(_) | Err(FileError::Missing { .. }) => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

/// The file of tickets with this one in it.
fn with(
    mut noted: BTreeMap<RegionKey, JiraTicket>,
    versions: &Versions,
    region: &RegionKey,
    release: &ReleaseId,
    found: &TicketRef,
) -> Result<JiraTickets, Problem> {
    let ticket = JiraTicket {
        region: region.clone(),
        key: found.key.clone(),
        id: found.id.clone(),
        url: found.url.parse().map_err(|cause: landfall_artifacts::TextError| {
            Problem::new("LF-JIRA-ADDRESS", landfall_artifacts::Class::Defect, cause.to_string())
        })?,
        projects: project_versions(versions),
    };
    noted.insert(region.clone(), ticket);
    Ok(JiraTickets { release: release.clone(), tickets: noted.into_values().collect() })
}

fn missing_environment() -> Refusal {
    Refusal::one(
        Problem::new(
            "LF-CONFIG-MISSING",
            landfall_artifacts::Class::Input,
            "the environment is missing: the ticket says where the release went first",
        )
        .with_remedy("give it by --environment, or the variable CI_ENVIRONMENT_NAME"),
    )
}
