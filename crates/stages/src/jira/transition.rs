//! `transition-jira-tickets`: moves the ticket to where it should be.

use landfall_artifacts::{Class, Explain as _, Problem, Versions};
use landfall_jira::{Error, Jira, Standing, Step, TicketRef};
use landfall_run::{Event, Run};

use super::{Common, failed};
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
/// Acts on: Jira. A ticket that is there already, or further along, stays as it is.
///
/// # Errors
/// Bad files; a ticket that is nowhere; a status that is not reachable, with the transitions that exist.
pub async fn run(config: &Config, jira: &Jira, output: &Output, run: &Run) -> Outcome {
    let common = &config.common;
    let versions = Versions::read(&common.places.versions)?;
    if versions.is_empty() && common.ticket.is_none() {
        return Ok(nothing());
    }
    let ticket = common.find(jira, &versions, output, run).await?;
    let target = jira.config().statuses.name(config.step).to_owned();
    let mut finished = ticket.begin();
    let facts = common.facts(&ticket.release, &versions);
    let ticket = ticket.at;
    let (status, standing) = jira.standing(run, &ticket.key, config.step).await?;
    if standing != Standing::Before {
        // An early job that runs again must not pull back a ticket that later jobs, or people, have moved on.
        finished.items.push(Item::new(ticket.key.as_str(), "unchanged").with("from", status.as_str()));
        finished.summary = left_there(&ticket, &status, &target, standing);
        return Ok(finished);
    }
    if output.is_dry_run() {
        // Jira tells what leads away from where the ticket is now, and of no later status.
        let next = jira.next(run, &ticket.key, config.step).await?;
        let way = next.map(|next| format!(", first by `{}` to `{}`", next.name, next.to)).unwrap_or_default();
        let item = Item::new(ticket.key.as_str(), "planned");
        finished.items.push(item.with("from", status.as_str()).with("to", target.as_str()));
        finished.summary = format!("{} is in `{status}` and would go to `{target}`{way}", ticket.key);
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: format!("move {} to {target}", ticket.key), items: None });
    let moved = match jira.transition(run, &ticket.key, config.step, &facts).await {
        Ok(moved) => moved,
        Err(error) => return half_way(jira, &ticket, &status, error, finished, run).await,
    };
    let mut item = Item::new(ticket.key.as_str(), if moved.taken.is_empty() { "unchanged" } else { "moved" })
        .with("from", moved.from.as_str())
        .with("to", moved.to.as_str());
    item.changed = !moved.taken.is_empty();
    finished.items.push(item);
    finished.summary = if moved.taken.is_empty() {
        left_there(&ticket, &moved.to, &target, moved.standing)
    } else {
        format!("{} went from `{}` to `{}` by {}", ticket.key, moved.from, moved.to, moved.taken.join(", "))
    };
    Ok(finished)
}

/// What is said of a ticket that is where it should be, or beyond.
fn left_there(ticket: &TicketRef, status: &str, target: &str, standing: Standing) -> String {
    match standing {
        Standing::Beyond => {
            format!("{} is in `{status}`, already beyond `{target}`: left there", ticket.key)
        }
        Standing::There | Standing::Before => format!("{} is in `{status}` already", ticket.key),
    }
}

/// What the stage says where nothing was deployed.
pub fn nothing() -> Finished {
    Finished::new("nothing was deployed, so there is no ticket to move")
}

/// Says of a walk that failed what it did: the ticket's status is read again, since steps may have been taken before the failing
/// one.
async fn half_way(
    jira: &Jira,
    ticket: &TicketRef,
    from: &str,
    error: Error,
    mut finished: Finished,
    run: &Run,
) -> Outcome {
    let problem = Problem::of(&error);
    let item = match jira.status(run, &ticket.key).await {
        Ok(now) if now == from && error.class() != Class::Unknown && !error.may_have_written() => {
            return Err(error.into());
        }
        Ok(now) if now == from => return failed(ticket.key.as_str(), &error, finished),
        Ok(now) => {
            finished.summary = format!("{} went from `{from}` to `{now}` and no further", ticket.key);
            Item::new(ticket.key.as_str(), "moved").changed().with("from", from).with("to", now.as_str())
        }
        // Where a step may have been taken that is said, and nobody can be asked.
        Err(_) => return failed(ticket.key.as_str(), &error, finished),
    };
    finished.items.push(item.failed(problem));
    Ok(finished)
}
