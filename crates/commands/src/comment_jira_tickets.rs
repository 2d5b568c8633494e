//! `comment-jira-tickets` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::EnvironmentKind;
use landfall_cli::{Opt, Values};
use landfall_stages::jira::comment;
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, jira};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "comment-jira-tickets";
    const SUMMARY: &'static str = "Say once on the release ticket what was deployed where";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![Opt::positional("kind", "KIND", "staging or production, as pipelines name the job")],
            jira::options(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let (kind, region) =
                match (values.text("kind"), jira::nx_target(context, Self::NAME, &jira::KINDS)) {
                    (Some(kind), named) => (Some(kind), jira::nx_region(context, named)),
                    (None, Ok(Some(named))) => (Some(named.word.to_owned()), Some(named.region)),
                    (None, Ok(None)) => (None, None),
                    (None, Err(problem)) => return Err(Refusal::one(problem)),
                };
            match kind.as_deref() {
                Some(kind @ ("staging" | "production")) => contradicted(context, kind, &mut values),
                Some(other) => {
                    let what =
                        format!("`{}` is neither staging nor production", landfall_secret::escape(other, 60));
                    values.problem("LF-USAGE", &what, None);
                }
                None => {
                    values.required("kind");
                }
            }
            values.finish().map_err(Refusal)?;
            // The head is evidence for the ticket; a ledger that is elsewhere or not there yet leaves it out.
            let ledger_head = context.ledger.verify(None).await.ok().and_then(|verified| verified.head);
            let config = comment::Config { common: jira::common(context, region).await?, ledger_head };
            if config.common.is_idle() {
                return Ok(comment::nothing());
            }
            comment::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}

/// Notes a problem where `landfall.toml` says that the environment is of the other kind: the comment would be another job's.
fn contradicted(context: &Context, kind: &str, values: &mut Values<'_>) {
    let Some(name) = &context.target.environment else { return };
    let Some(row) = context.settings.environments.get(name) else { return };
    let other = matches!(
        (kind, row.kind),
        ("staging", EnvironmentKind::Production) | ("production", EnvironmentKind::Staging)
    );
    if other {
        let what = format!("`{kind}` was named, and {name} is {} in landfall.toml", row.kind.as_str());
        values.problem(
            "LF-CONFIG",
            &what,
            Some("name the environment that was deployed to, or correct its kind".to_owned()),
        );
    }
}
