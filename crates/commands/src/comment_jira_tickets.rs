//! `comment-jira-tickets` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_ledger::FolderLedger;
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
            let named = jira::nx_target(context, Self::NAME).map(|(word, _)| word);
            match values.text("kind").or(named).as_deref() {
                Some("staging" | "production") => {}
                Some(other) => {
                    let what =
                        format!("`{}` is neither staging nor production", landfall_secret::escape(other, 60));
                    values.problem("LF-USAGE", &what, None);
                }
                None => {
                    values.required("kind");
                }
            }
            let ledger = values.text("ledger").unwrap_or_default();
            values.finish().map_err(Refusal)?;
            // The head is evidence for the ticket; a ledger that is elsewhere or not there yet leaves it out.
            let ledger_head =
                FolderLedger::for_reading(&ledger).verify(None).ok().and_then(|verified| verified.head);
            let config = comment::Config { common: jira::common(context, Self::NAME)?, ledger_head };
            comment::run(&config, &jira::client(context)?, context.output(), context.run()).await
        })
    }
}
