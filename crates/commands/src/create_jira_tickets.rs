//! `create-jira-tickets` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::jira::create;
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, Held, jira};

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

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let named = jira::nx_target(context, Self::NAME, &jira::KINDS).map_err(Refusal::one)?;
            let config = create::Config {
                common: jira::common(context, named.map(|named| named.region)).await?,
                commits: context.values().text("commits").or_else(|| commits(context)),
                commits_at: commits_at(context),
            };
            if config.common.is_idle() {
                return create::nothing(&config.common, context.output());
            }
            create::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}

/// The commits of this push, from the variables in which GitLab and GitHub say them.
fn commits(context: &Context) -> Option<String> {
    let get = |name: &str| context.environment().get(name);
    let to = get("CI_COMMIT_SHA").or_else(|| get("GITHUB_SHA"))?;
    match before(context) {
        Some(from) => Some(format!("{from}..{to}")),
        None => Some(to.to_owned()),
    }
}

/// The commit before this push. GitLab gives forty zeros where there is none.
fn before(context: &Context) -> Option<&str> {
    context.environment().get("CI_COMMIT_BEFORE_SHA").filter(|from| from.chars().any(|c| c != '0'))
}

/// Where the commits are shown: those that `--commits` names, else those of this push.
fn commits_at(context: &Context) -> Option<String> {
    let get = |name: &str| context.environment().get(name);
    let given = context.values().text("commits");
    let range = given
        .as_deref()
        .and_then(|range| range.split_once(".."))
        .map(|(from, to)| (from, to.trim_matches('.')));
    let gitlab = get("CI_PROJECT_URL").map(|project| (project.to_owned(), "/-"));
    let github = get("GITHUB_SERVER_URL").zip(get("GITHUB_REPOSITORY"));
    let (project, below) =
        gitlab.or_else(|| github.map(|(server, name)| (format!("{server}/{name}"), "")))?;
    let to = get("CI_COMMIT_SHA").or_else(|| get("GITHUB_SHA"));
    match (range, given.is_some(), before(context), to) {
        (Some((from, to)), _, _, _) => Some(format!("{project}{below}/compare/{from}...{to}")),
        (None, true, _, _) | (None, false, _, None) => None,
        (None, false, Some(from), Some(to)) => Some(format!("{project}{below}/compare/{from}...{to}")),
        (None, false, None, Some(to)) => Some(format!("{project}{below}/commit/{to}")),
    }
}
