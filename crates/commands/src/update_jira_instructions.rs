//! `update-jira-instructions` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::jira::instructions;
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, jira};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "update-jira-instructions";
    const SUMMARY: &'static str = "Write deploy, verify and rollback steps on the release ticket";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            jira::options(),
            vec![
                Opt::value(
                    "targets",
                    "NAMES",
                    "the environments that the release goes to next, comma-separated",
                )
                .env(&["LANDFALL_NEXT_ENVIRONMENTS"]),
                Opt::value("start-at", "URL", "where a person starts the pipeline")
                    .env(&["LANDFALL_START_AT"]),
            ],
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let mut environments = Vec::new();
            for name in
                values.text("targets").unwrap_or_default().split([',', ' ']).filter(|name| !name.is_empty())
            {
                match name.parse() {
                    Ok(name) => environments.push(name),
                    Err(cause) => {
                        values.problem("LF-CONFIG", &format!("--targets cannot be used: {cause}"), None);
                    }
                }
            }
            let versions = match values.text("versions").as_deref() {
                Some("-") => Some(crate::context::versions_of_stdin()?),
                Some(_) | None => None,
            };
            let project_url =
                context.environment().get("CI_PROJECT_URL").map(|url| format!("{url}/-/pipelines/new"));
            let start_at = values.text("start-at").or(project_url);
            values.finish().map_err(Refusal)?;
            let named = jira::nx_target(context, Self::NAME, &jira::KINDS).map_err(Refusal::one)?;
            let config = instructions::Config {
                common: jira::common(context, named.map(|named| named.region))?,
                versions,
                environments,
                start_at,
            };
            let idle = match &config.versions {
                Some(versions) => versions.is_empty() && config.common.ticket.is_none(),
                None => config.common.is_idle(),
            };
            if idle {
                return Ok(instructions::nothing());
            }
            instructions::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}
