//! `landfall targets`: what a person typed into the web form, looked at before anything is made of it.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use landfall_artifacts::{FileError, Versions};
use landfall_cli::Opt;
use landfall_pipeline::{KnownTargets, targets};
use landfall_run::counted;
use landfall_stages::{Finished, Item, Outcome, Refusal};

use crate::context::VERSIONS;
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall targets";
    const SUMMARY: &'static str = "Check which environments and versions a run on demand is for";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        vec![
            Opt::value(
                "known",
                "NAME=KIND,...",
                "the environments that there are, each with `staging` or `production`; else those of landfall.toml",
            ),
            Opt::value(
                "environments",
                "NAMES",
                "the environments of the run, with commas or blanks between them",
            )
            .env(&["TARGET_DEPLOY_ENVIRONMENTS"]),
            Opt::value("versions-json", "TEXT", "the text of versions.json, where the file is not there")
                .env(&["TARGET_VERSIONS_JSON"]),
            VERSIONS,
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let given: Option<KnownTargets> = values.parsed("known");
            let environments = values.text("environments").unwrap_or_default();
            let text = values.text("versions-json");
            let path = values.text("versions").unwrap_or_default();
            let known = match given {
                Some(known) => known,
                None => KnownTargets::of(&context.settings),
            };
            // A text that cannot be read was noted, and is the one thing to correct.
            if known == KnownTargets::default() && values.text("known").is_none_or(|text| text.is_empty()) {
                values.problem(
                    "LF-CONFIG-MISSING",
                    "there is no environment of staging or production that could be named",
                    Some("give them by --known, or rows with `kind` in landfall.toml".to_owned()),
                );
            }
            values.finish().map_err(Refusal)?;
            let workspace = match Versions::read(Path::new(&path)) {
                Ok(versions) => Some(versions),
                Err(FileError::Missing { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let found =
                targets(&environments, text.as_deref(), workspace.as_ref(), &known).map_err(Refusal)?;
            let projects = found.versions.as_ref().or(workspace.as_ref()).map_or(0, |all| all.projects.len());
            let names: Vec<String> = found.environments.iter().map(ToString::to_string).collect();
            let summary =
                format!("{}: {}; {}", found.kind.as_str(), names.join(", "), counted(projects, "project"));
            let items = names.into_iter().map(|name| Item::new(name, "named")).collect();
            Ok(Finished { items, ..Finished::new(summary) })
        })
    }
}
