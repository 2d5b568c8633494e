//! `create-jira-tickets` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::jira::create;
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, jira};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "create-jira-tickets";
    const SUMMARY: &'static str = "Make the release ticket of a region, or find the one that is there";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [jira::options(), vec![Opt::value("commits", "A..B", "the commits since the release before")]]
            .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let named = jira::nx_target(context, Self::NAME, &jira::KINDS).map_err(Refusal::one)?;
            let config = create::Config {
                common: jira::common(context, named.map(|named| named.region))?,
                commits: context.values().text("commits").or_else(|| commits(context)),
            };
            if config.common.is_idle() {
                return create::nothing(&config.common, context.output());
            }
            create::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}

/// The commits of this push, from the variables in which GitLab says them.
fn commits(context: &Context) -> Option<String> {
    let get = |name: &str| context.environment().get(name);
    let to = get("CI_COMMIT_SHA")?;
    // GitLab gives forty zeros where there is no commit before.
    match get("CI_COMMIT_BEFORE_SHA").filter(|from| from.chars().any(|c| c != '0')) {
        Some(from) => Some(format!("{from}..{to}")),
        None => Some(to.to_owned()),
    }
}
