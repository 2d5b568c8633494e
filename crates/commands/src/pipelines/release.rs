//! `landfall release`: which release the versions are, for the jobs behind this one.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::{Mode, Versions};
use landfall_cli::Opt;
use landfall_pipeline::release_variables;
use landfall_stages::{Finished, Item, Outcome};

use crate::context::VERSIONS;
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall release";
    const SUMMARY: &'static str =
        "Write the release that versions.json is into release.env, for the jobs that follow";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        vec![
            VERSIONS,
            Opt::value("to", "FILE", "the file of variables that is written").default("release.env"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let to = PathBuf::from(context.values().text("to").unwrap_or_default());
            let variables = release_variables(&Versions::read(&context.places().versions)?)?;
            let written = context.output().write(&to, variables.as_bytes(), Mode::Shared)?;
            let release = variables.trim_end().split_once('=').and_then(|(_, release)| release.parse().ok());
            let items = vec![Item::new(written.path.clone(), "written").changed()];
            let summary = format!("{}: {}", written.path, variables.trim_end());
            Ok(Finished { items, files: vec![written], release, ..Finished::new(summary) })
        })
    }
}
