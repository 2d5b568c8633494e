//! `update-version-dashboard` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::{Outcome, Refusal, update_version_dashboard};

use crate::context::{LOCK, VERSIONS};
use crate::{Context, Effects, posting};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "update-version-dashboard";
    const SUMMARY: &'static str =
        "Record the deployment in the ledger and draw the page that shows what runs where";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        let own = vec![
            VERSIONS,
            LOCK,
            Opt::value("deploy-report", "FILE", "what deploy-lambda did").default("deploy-report.json"),
            Opt::value("tickets", "FILE", "the tickets of this release, shown where the file is there")
                .default("jira-tickets.json"),
            Opt::value("page", "FILE", "where the index goes, or the folder that gets it; the other pages go into a folder beside it")
                .env(&["LANDFALL_DASHBOARD"])
                .default("dashboard/index.html"),
            Opt::value("title", "TEXT", "what the page is about")
                .env(&["CI_PROJECT_TITLE", "CI_PROJECT_NAME"])
                .default("Versions"),
        ];
        [own, posting::OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let post = posting::post(context, &mut values)?;
            let path = |name: &str| PathBuf::from(values.text(name).unwrap_or_default());
            let config = update_version_dashboard::Config {
                target: context.target().clone(),
                places: context.places(),
                report: path("deploy-report"),
                tickets: path("tickets"),
                page: path("page"),
                title: values.text("title").unwrap_or_default(),
                settings: context.settings.clone(),
                post,
            };
            values.finish().map_err(Refusal)?;
            update_version_dashboard::run(&config, &context.ledger, context.output(), context.run()).await
        })
    }
}
