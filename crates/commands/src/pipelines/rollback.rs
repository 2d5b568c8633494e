//! `landfall rollback`: an environment back to what ran before, by the pipeline of that name.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{Class, EnvironmentName, PartName, Problem, ReleaseId};
use landfall_cli::Opt;
use landfall_pipeline::Pipelines;
use landfall_stages::{Outcome, Refusal};

use super::{run, settings_text};
use crate::nearest::nearest;
use crate::{Context, Effects, Shared};

/// The pipeline that it runs.
pub(super) const ROLLBACK: &str = "rollback";

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall rollback";
    const SUMMARY: &'static str =
        "Take an environment back to what ran before its newest deployment, or to a release that is named";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        let own = [
            Opt::positional("target", "ENVIRONMENT", "the environment, a row of landfall.toml"),
            Opt::value(
                "to",
                "RELEASE",
                "go back to what this release ran; else to what ran before the newest deployment",
            )
            .env(&["TARGET_RELEASE"]),
        ];
        // The environment is the one that is named, and its jobs by hand are what was asked for. It is not carried on, but made again.
        let named = ["env", "yes", "manual", "resume"];
        let also = run::OPTIONS.into_iter().filter(|option| !named.contains(&option.name));
        own.into_iter().chain(also).collect()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let environment: Option<EnvironmentName> = values.required_parsed("target");
            let release: Option<ReleaseId> = values.parsed("to");
            values.finish().map_err(Refusal)?;
            let Some(environment) = environment else { return Err(Refusal(Vec::new())) };
            let name: PartName = ROLLBACK.parse().expect("the name of a built-in pipeline is one");
            check(context, &name, &environment)?;
            let release = release.map(|release| ("TARGET_RELEASE".to_owned(), release.to_string()));
            let target = ("TARGET_DEPLOY_ENVIRONMENTS".to_owned(), environment.to_string());
            run::run(context, name, release.into_iter().chain([target]).collect()).await
        })
    }
}

/// An environment that the pipeline is not for would be passed over, and nothing rolled back.
fn check(context: &Context, name: &PartName, environment: &EnvironmentName) -> Result<(), Refusal> {
    let text = settings_text(context)?;
    let pipeline = Pipelines::new(&context.settings, &text).pipeline(name)?;
    if pipeline.row(environment).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = pipeline.rows.iter().map(|row| row.name.as_str()).collect();
    let remedy = match nearest(environment.as_str(), known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name one of {}", known.join(", ")),
    };
    let what = format!("there is no environment {environment} that could be rolled back");
    Err(Refusal::one(Problem::new("LF-TARGET-UNKNOWN", Class::Input, what).with_remedy(remedy)))
}
