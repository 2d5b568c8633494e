//! `transition-jira-tickets` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_jira::Step;
use landfall_stages::jira::transition;
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, Held, jira};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "transition-jira-tickets";
    const SUMMARY: &'static str = "Move the release ticket to the status of a step";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![Opt::positional("step", "STEP", "deploy-pp, pp-testing, deploying, resolved or closed")],
            jira::options(),
        ]
        .concat()
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let named = jira::nx_target(context, Self::NAME, &Step::ALL.map(Step::as_str));
            let (step, region): (Option<Step>, _) = match (values.text("step"), named) {
                (Some(_), named) => (values.parsed("step"), jira::nx_region(context, named)),
                (None, Ok(Some(named))) => (named.word.parse().ok(), Some(named.region)),
                (None, Ok(None)) => (values.required_parsed("step"), None),
                (None, Err(problem)) => return Err(Refusal::one(problem)),
            };
            values.finish().map_err(Refusal)?;
            let Some(step) = step else { return Err(Refusal(Vec::new())) };
            let config = transition::Config { common: jira::common(context, region).await?, step };
            if config.common.is_idle() {
                return Ok(transition::nothing());
            }
            transition::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}
