//! `deploy-lambda` as a command.

mod like;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use futures_util::future::BoxFuture;
use landfall_artifacts::{
    DeployReport, EnvironmentName, EnvironmentSettings, Mappings, OnFailure as Policy, Problem, Shard,
};
use landfall_cli::{Opt, Source, Values};
use landfall_lambda_deploy::{ApplyOptions, Check, LambdaClient, Moment, OnFailure, Traffic};
use landfall_notify::Way;
use landfall_registry::EcrClient;
use landfall_s3_sync::ReleaseStore;
use landfall_stages::deploy_lambda::Gates;
use landfall_stages::smoke_test::check;
use landfall_stages::{Outcome, Refusal, deploy_lambda};

use crate::context::{self, FUNCTIONS, LOCK, MAPPINGS, VERSIONS};
use crate::updating::{Updating, updating};
use crate::{Context, Effects, Held, aws, logins, smoke_test};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "deploy-lambda";
    const SUMMARY: &'static str = "Make every function of the plan run its pinned image, and prove it";
    const EFFECTS: Effects = Effects::Exclusive;
    const ALIKE: &'static [&'static str] = &[
        "mappings", "lock", "versions", "registry", "release", "bucket", "like", "alias", "traffic", "run-id",
    ];
    const TELLS: Way = Way::Deploys;

    fn options() -> Vec<Opt> {
        [
            vec![
                MAPPINGS,
                LOCK,
                VERSIONS,
                FUNCTIONS,
                Opt::value(
                    "deploy-report",
                    "FILE",
                    "what each function ran before and runs after; of a part, deploy-report-<its number>.json",
                )
                .default(DeployReport::FILE_NAME),
                Opt::value(
                    "registry",
                    "HOST/PATH",
                    "where the images are deployed from; taken from the lock where not given",
                )
                .env(&["ECR_REGISTRY_URI"])
                .key("environment.ecr"),
                Opt::value(
                    "on-failure",
                    "stop|continue|rollback",
                    "what a failed function means: leave those alone whose turn has not come, go on, or put back all \
                     that were changed; for staging and production rollback, for other environments stop",
                )
                .key("environment.on_failure"),
                Opt::value(
                    "like",
                    "ENVIRONMENT",
                    "deploy what this other environment runs, as the ledger has it, and copy first what is missing here",
                ),
                Opt::switch("per-environment", "the release has archives of its own for the environment"),
                Opt::switch("only-ready", "leave functions out that something stands in the way of"),
                Opt::switch("publish", "publish a version of each function; always done with --alias"),
                Opt::value("alias", "NAME", "the alias that callers use: it is pointed to the new version"),
                Opt::value(
                    "traffic",
                    "STEPS",
                    "how the alias's calls go over, such as 10%:5m,50%:5m,100%; after each step comes the pause, then \
                     the check",
                )
                .default("100%"),
                Opt::switch(
                    "smoke",
                    "make the checks of landfall.toml after each step of the traffic, or when all functions are updated; \
                     one that fails counts as a failure of the deployment",
                ),
                Opt::switch("report-is-kept", "the deploy report outlives this job, as an artifact of CI"),
                Opt::value(
                    "platform",
                    "OS/ARCH",
                    "what the functions run on where no lock says it: linux/amd64 or linux/arm64",
                )
                .env(&["LANDFALL_PLATFORM"])
                .default("linux/amd64"),
                Opt::value("shard", "I/N", "the part of the functions that this job does")
                    .env(&["LANDFALL_SHARD"]),
                Opt::value(
                    "run-id",
                    "ID",
                    "which run of the pipeline it is, the same for all parts: one that begins after a rollback of the others is refused",
                )
                .env(&["LANDFALL_RUN_ID", "CI_PIPELINE_ID", "GITHUB_RUN_ID"]),
            ],
            updating(),
            logins::OPTIONS.to_vec(),
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async move {
            let mut values = context.values();
            let updating = Updating::of(&mut values);
            let on_failure = on_failure(context, &mut values);
            let alias = values.parsed("alias");
            let traffic: Traffic = values.parsed("traffic").unwrap_or_default();
            if alias.is_none() && traffic != Traffic::default() {
                let help = Some("name the alias that callers use: --alias live".to_owned());
                values.problem("LF-CONFIG", "--traffic needs an alias", help);
            }
            let shard = values.parsed("shard");
            let config = deploy_lambda::Config {
                target: context.target().clone(),
                places: context.places(),
                report: report(&values, shard),
                registry: values.parsed("registry"),
                shard,
                platform: context::platform(&mut values).unwrap_or_default(),
                options: ApplyOptions {
                    on_failure,
                    publish: values.is_on("publish"),
                    alias,
                    traffic,
                    ..updating.options.clone()
                },
                only_ready: values.is_on("only-ready"),
                is_per_environment: values.is_on("per-environment"),
                is_record_kept: values.is_on("report-is-kept") || context.environment().get("CI").is_none(),
                gates: Some(Gates { settings: context.settings.clone(), ledger: context.ledger.clone() }),
            };
            let smoke = values.is_on("smoke");
            let from = From::of(&mut values, &config.places.mappings);
            if matches!(from, From::Like(_))
                && shard.is_some_and(|shard: Shard| shard.of() > 1)
                && values.text("run-id").is_none()
            {
                let help = Some(
                    "give all parts of a run the same --run-id, which tells them from those of another"
                        .to_owned(),
                );
                values.problem("LF-CONFIG", "--like with --shard needs the name of a run", help);
            }
            values.finish().map_err(Refusal)?;
            let example = match &from {
                From::Like(environment) => Some(like::look(context, &config, environment.clone()).await?),
                From::Plan | From::Release => None,
            };
            if from == From::Plan
                && Mappings::read(&config.places.mappings).is_ok_and(|mappings| mappings.is_empty())
            {
                return deploy_lambda::nothing(&config, context.output());
            }
            let http = context.http()?;
            let aws = aws::config(context, &http).await?;
            let client = LambdaClient::with_rates(&aws, updating.rates, context.run().share())?;
            let guard = if smoke {
                Some(smoke_test::of_deployment(context, http.clone(), client.clone())?)
            } else {
                None
            };
            let make = |_: Moment| -> BoxFuture<'_, Result<(), Problem>> {
                let guard = guard.as_ref();
                Box::pin(async move {
                    let Some((checks, deps)) = guard else { return Ok(()) };
                    check(checks, deps, context.run()).await.map_err(Problem::from)
                })
            };
            let make: Option<&Check<'_>> = if smoke { Some(&make) } else { None };
            let (output, run) = (context.output(), context.run());
            if let Some(example) = &example {
                return like::run(context, &config, example, &updating, (&http, &aws, &client), make).await;
            }
            if let Some(bucket) = updating.bucket.filter(|_| from == From::Release) {
                let store = ReleaseStore::new(&aws, bucket, updating.bucket_owner)?;
                return deploy_lambda::run_release(
                    &config,
                    &client,
                    &store,
                    &context.ledger,
                    make,
                    output,
                    run,
                )
                .await;
            }
            let ecr = if updating.skip_verify { None } else { Some(EcrClient::new(&aws)?) };
            deploy_lambda::run(&config, &client, ecr.as_ref(), &context.ledger, make, output, run).await
        })
    }
}

/// Where the report goes. That of a part has a name of its own where none is given, so that parts in one folder do not write over
/// each other's, and nobody takes that of one for the whole.
fn report(values: &Values<'_>, shard: Option<Shard>) -> PathBuf {
    match (values.sourced("deploy-report"), shard) {
        (Some((_, Source::Default)), Some(shard)) => DeployReport::part_name(shard.index()).into(),
        (given, _) => given.map(|(path, _)| path.into()).unwrap_or_default(),
    }
}

/// What a failed function means: what was said, else what the environment's kind calls for.
fn on_failure(context: &Context, values: &mut Values<'_>) -> OnFailure {
    let row = context.target().environment.as_ref();
    let row = row.and_then(|name| context.settings.environments.get(name));
    match values.text("on-failure").as_deref() {
        Some("continue") => OnFailure::Continue,
        Some("stop") => OnFailure::Stop,
        Some("rollback") => OnFailure::Rollback,
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            let what = format!("--on-failure `{shown}` is neither stop, continue nor rollback");
            values.problem("LF-CONFIG", &what, None);
            OnFailure::Stop
        }
        None => match row.map_or(Policy::Stop, EnvironmentSettings::on_failure) {
            Policy::Stop => OnFailure::Stop,
            Policy::Continue => OnFailure::Continue,
            Policy::Rollback => OnFailure::Rollback,
        },
    }
}

/// Where what is deployed comes from.
#[derive(PartialEq, Eq)]
enum From {
    /// The mapping and the lock: images.
    Plan,
    /// A release in the bucket: archives.
    Release,
    /// Another environment.
    Like(EnvironmentName),
}

impl From {
    /// A bucket that is named on the command line is meant. One that is set for the whole pipeline or repo matters where there is no
    /// mapping: a repo may have functions of both kinds.
    fn of(values: &mut Values<'_>, mappings: &std::path::Path) -> Self {
        let bucket = values.sourced("bucket").map(|(_, source)| source);
        match (values.parsed("like"), bucket) {
            (Some(environment), _) => Self::Like(environment),
            (None, Some(Source::Flag)) => Self::Release,
            (None, Some(_)) if !mappings.exists() => Self::Release,
            (None, Some(_) | None) => Self::Plan,
        }
    }
}
