//! `transition-jira-tickets`: moves the ticket to where it should be.

use landfall_artifacts::Versions;
use landfall_jira::{Jira, Step};
use landfall_run::{Event, Run};

use super::Common;
use crate::{Finished, Item, Outcome, Output};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// As for all Jira stages.
    pub common: Common,
    /// Where the ticket is to be.
    pub step: Step,
}

/// Moves the release's ticket to the status of a step, over several transitions where the workflow needs it.
///
/// Acts on: Jira. A ticket that is there already stays as it is.
///
/// # Errors
/// Bad files; a ticket that is nowhere; a status that is not reachable, with the transitions that exist.
pub async fn run(config: &Config, jira: &Jira, output: &Output, run: &Run) -> Outcome {
    let common = &config.common;
    let versions = Versions::read(&common.places.versions)?;
    if versions.is_empty() && common.ticket.is_none() {
        return Ok(Finished::new("nothing was deployed, so there is no ticket to move"));
    }
    let ticket = common.find(jira, &versions, run).await?;
    let target = jira.config().statuses.name(config.step).to_owned();
    let mut finished = Finished { release: Some(common.target.release_of(&versions)), ..Finished::default() };
    if output.is_dry_run() {
        let status = jira.status(run, &ticket.key).await?;
        let there = status.eq_ignore_ascii_case(&target);
        let item = Item::new(ticket.key.as_str(), if there { "unchanged" } else { "planned" });
        finished.items.push(item.with("from", status.as_str()).with("to", target.as_str()));
        finished.summary = format!("{} is in `{status}` and would go to `{target}`", ticket.key);
        return Ok(finished);
    }
    let status = jira.status(run, &ticket.key).await?;
    if jira.config().statuses.step(&status).is_some_and(|reached| reached > config.step) {
        // An early job that runs again must not pull back a ticket that later jobs have moved on.
        finished.items.push(Item::new(ticket.key.as_str(), "unchanged").with("from", status.as_str()));
        finished.summary =
            format!("{} is in `{status}`, which comes after `{target}`: left there", ticket.key);
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: format!("move {} to {target}", ticket.key), items: None });
    let moved = jira.transition(run, &ticket.key, config.step).await?;
    let mut item = Item::new(ticket.key.as_str(), if moved.taken.is_empty() { "unchanged" } else { "moved" })
        .with("from", moved.from.as_str())
        .with("to", moved.to.as_str());
    item.changed = !moved.taken.is_empty();
    finished.items.push(item);
    finished.summary = if moved.taken.is_empty() {
        format!("{} is in `{}` already", ticket.key, moved.to)
    } else {
        format!("{} went from `{}` to `{}` by {}", ticket.key, moved.from, moved.to, moved.taken.join(", "))
    };
    Ok(finished)
}
