//! `update-jira-instructions`: deploy, verify and rollback steps on the ticket.

use landfall_artifacts::{EnvironmentName, Versions};
use landfall_jira::{Instructed, InstructionFacts, Jira, instructions};
use landfall_run::{Event, Run};

use super::history::versions_before;
use super::typed::commands;
use super::{Common, failed};
use crate::{Finished, Item, Outcome, Output};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// As for all Jira stages.
    pub common: Common,
    /// The versions, where they came on standard input.
    pub versions: Option<Versions>,
    /// The environments that the release goes to next.
    pub environments: Vec<EnvironmentName>,
    /// Where a person starts the pipeline.
    pub start_at: Option<String>,
}

/// Writes the instructions into their marked section of the ticket; what people wrote around it stays.
///
/// Acts on: Jira. Repeating it changes nothing.
///
/// # Errors
/// Bad files; a ticket that is nowhere; a section whose marks are damaged; what Jira says.
pub async fn run(config: &Config, jira: &Jira, output: &Output, run: &Run) -> Outcome {
    let common = &config.common;
    let versions = match &config.versions {
        Some(versions) => versions.clone(),
        None => Versions::read(&common.places.versions)?,
    };
    if versions.is_empty() && common.ticket.is_none() {
        return Ok(nothing());
    }
    let ticket = common.find(jira, &versions, output, run).await?;
    let mut finished = ticket.begin();
    let (release, ticket) = (ticket.release, ticket.at);
    if output.is_dry_run() {
        finished.items.push(Item::new(ticket.key.as_str(), "planned"));
        finished.summary = format!("would write the instructions for release {release} on {}", ticket.key);
        return Ok(finished);
    }
    let own = common.target.release_of(&versions);
    let of = |name: &EnvironmentName| (name.clone(), versions_before(&common.events, name, &own, &versions));
    let previous = config.environments.iter().map(of).collect();
    let facts = InstructionFacts {
        release,
        environments: config.environments.clone(),
        versions,
        previous,
        commands: commands(&config.environments, common.target.release.as_ref()),
        start_at: config.start_at.clone(),
    };
    run.progress().event(Event::Phase { name: format!("write instructions on {}", ticket.key), items: None });
    let steps = instructions(&facts, jira.config().instructions.room());
    let changed = match jira.update_instructions(run, &ticket.key, &steps).await {
        Ok(ended) => ended == Instructed::Updated,
        Err(error) => return failed(ticket.key.as_str(), &error, finished),
    };
    let mut item = Item::new(ticket.key.as_str(), if changed { "updated" } else { "unchanged" });
    item.changed = changed;
    finished.items.push(item);
    finished.summary = if changed {
        format!("instructions written on {}", ticket.key)
    } else {
        format!("instructions on {} are as they should be", ticket.key)
    };
    Ok(finished)
}

/// What the stage says where nothing was deployed.
pub fn nothing() -> Finished {
    Finished::new("nothing was deployed, so there are no instructions to write")
}
