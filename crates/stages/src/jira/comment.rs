//! `comment-jira-tickets`: says once what was deployed where.

use landfall_artifacts::{Class, Problem, Versions};
use landfall_jira::{CommentFacts, Commented, Jira, comment_marker, deployed_comment};
use landfall_ledger::Head;
use landfall_run::{Event, Run};

use super::{Common, failed};
use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// As for all Jira stages.
    pub common: Common,
    /// The newest record of the ledger, kept on the ticket so that a removal of records is seen.
    pub ledger_head: Option<Head>,
}

/// Adds "Deployed to" and the environment, with versions and link to the release's ticket.
///
/// Acts on: Jira. The same comment is not added twice.
///
/// # Errors
/// Bad files; no environment; a ticket that is nowhere; what Jira says.
pub async fn run(config: &Config, jira: &Jira, output: &Output, run: &Run) -> Outcome {
    let common = &config.common;
    let versions = Versions::read(&common.places.versions)?;
    if versions.is_empty() && common.ticket.is_none() {
        return Ok(nothing());
    }
    let Some(environment) = common.target.environment.clone() else {
        return Err(Refusal::one(
            Problem::new(
                "LF-CONFIG-MISSING",
                Class::Input,
                "the environment is missing: the comment names it",
            )
            .with_remedy("give it by --environment, or the variable CI_ENVIRONMENT_NAME"),
        ));
    };
    let ticket = common.find(jira, &versions, output, run).await?;
    let facts = CommentFacts {
        environment: environment.clone(),
        release: ticket.release.clone(),
        at: run.clock().now(),
        services: common.services(&versions, run),
        pipeline: common.pipeline.clone(),
        ledger_head: config.ledger_head.as_ref().map(|head| (head.sequence, head.digest)),
    };
    let mut finished = ticket.begin();
    let ticket = ticket.at;
    if output.is_dry_run() {
        finished.items.push(Item::new(ticket.key.as_str(), "planned").with("marker", comment_marker(&facts)));
        finished.summary =
            format!("would say on {} that {environment} was deployed, unless it is said already", ticket.key);
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: format!("comment on {}", ticket.key), items: None });
    let ended = jira.comment_once(run, &ticket.key, &comment_marker(&facts), &deployed_comment(&facts)).await;
    let (outcome, id) = match ended {
        Ok(Commented::Added(id)) => ("commented", id),
        Ok(Commented::AlreadyThere(id)) => ("unchanged", id),
        Err(error) => return failed(ticket.key.as_str(), &error, finished),
    };
    let mut item = Item::new(ticket.key.as_str(), outcome).with("comment", id);
    item.changed = outcome == "commented";
    finished.items.push(item);
    finished.summary = match outcome {
        "commented" => format!("{}: deployed to {environment}", ticket.key),
        _ => format!("{} says already that it was deployed to {environment}", ticket.key),
    };
    Ok(finished)
}

/// What the stage says where nothing was deployed.
pub fn nothing() -> Finished {
    Finished::new("nothing was deployed, so there is nothing to say")
}
