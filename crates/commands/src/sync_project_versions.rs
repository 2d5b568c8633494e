//! `sync-project-versions` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::sync_project_versions::{Config, run};
use landfall_stages::{Outcome, Refusal};

use crate::context::FUNCTIONS;
use crate::{Context, Effects, git};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "sync-project-versions";
    const SUMMARY: &'static str =
        "Give project.json the version of package.json, in functions and libraries: commit and push";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        let project =
            Opt::positional("project", "PROJECT", "the one project that is brought in line; else all are");
        [vec![project, FUNCTIONS], git::OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let config = Config {
                folder: PathBuf::from("."),
                functions: context.places().functions.to_string_lossy().into_owned(),
                project: values.text("project"),
                wishes: git::wishes(context, &values, false),
                committer: git::committer(&values),
                attempts: git::attempts(&mut values),
            };
            let deps = git::deps(&values, context.environment());
            values.finish().map_err(Refusal)?;
            run(&config, &deps, context.output(), context.run()).await
        })
    }
}
