//! `update-version-dashboard` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::{Opt, Values};
use landfall_stages::dashboard::Post;
use landfall_stages::{Outcome, Refusal, update_version_dashboard};

use crate::context::{LOCK, VERSIONS};
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub struct Command;

/// A dashboard of others.
const POST: Opt = Opt::value(
    "post",
    "URL",
    "tell a dashboard that is there already, by a POST of JSON; that it fails is a warning",
)
.env(&["LANDFALL_DASHBOARD_POST"]);
/// Its token.
const POST_TOKEN: Opt = Opt::secret(
    "post-token",
    &["LANDFALL_DASHBOARD_POST_TOKEN"],
    "sent to that dashboard as `Authorization: Bearer`",
);

fn post(context: &Context, values: &mut Values<'_>) -> Result<Option<Post>, Refusal> {
    let Some(address) = values.text("post") else { return Ok(None) };
    if let Err(error) = landfall_secret::Origin::parse(&address) {
        values.problem("LF-CONFIG", &format!("--post is no address: {error}"), None);
        return Ok(None);
    }
    Ok(Some(Post { http: context.http()?, address, token: values.secret("post-token") }))
}

impl crate::Command for Command {
    const NAME: &'static str = "update-version-dashboard";
    const SUMMARY: &'static str =
        "Record the deployment in the ledger and draw the page that shows what runs where";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        vec![
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
            POST,
            POST_TOKEN,
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let post = post(context, &mut values)?;
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
