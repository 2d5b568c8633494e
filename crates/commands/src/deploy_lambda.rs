//! `deploy-lambda` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use landfall_artifacts::{AccountId, EnvironmentSettings, Mappings, OnFailure as Policy, Problem};
use landfall_cli::{Opt, Values};
use landfall_lambda_deploy::{ApplyOptions, Check, LambdaClient, Moment, OnFailure, Rates, Traffic};
use landfall_registry::EcrClient;
use landfall_s3_sync::{BucketName, ReleaseStore};
use landfall_stages::smoke_test::check;
use landfall_stages::{Outcome, Refusal, deploy_lambda};

use crate::context::{self, FUNCTIONS, LOCK, MAPPINGS, VERSIONS};
use crate::{Context, Effects, aws, smoke_test};

/// Options of stages that update functions.
pub(crate) fn updating() -> Vec<Opt> {
    vec![
        Opt::value("jobs", "N", "functions at a time, 1 to 1000; Lambda's rates bound them besides")
            .env(&["LANDFALL_JOBS"])
            .default("1000"),
        Opt::value("looks-per-second", "N", "calls of GetFunction, of the account's 100 a second")
            .default("100"),
        Opt::value("calls-per-second", "N", "all other calls in sum, of the account's 15 a second")
            .default("15"),
        Opt::value("settle-timeout", "DURATION", "how long one update may take").default("5m"),
        Opt::value("bucket", "NAME", "the bucket of releases, for functions of archives")
            .env(&["LANDFALL_RELEASE_BUCKET"])
            .key("releases.bucket"),
        Opt::value("bucket-owner", "ID", "the AWS account that the bucket must belong to")
            .env(&["LANDFALL_RELEASE_BUCKET_OWNER"])
            .key("releases.owner"),
        Opt::switch(
            "skip-verify",
            "do not ask ECR whether it has what is to run, where the role may not read ECR",
        ),
    ]
}

/// The values of [`updating`].
pub(crate) struct Updating {
    pub(crate) rates: Rates,
    pub(crate) options: ApplyOptions,
    pub(crate) bucket: Option<BucketName>,
    pub(crate) bucket_owner: Option<AccountId>,
    pub(crate) skip_verify: bool,
}

impl Updating {
    pub(crate) fn of(values: &mut Values<'_>) -> Self {
        let jobs: usize = values.parsed("jobs").unwrap_or(1000);
        if !(1..=1000).contains(&jobs) {
            values.problem("LF-CONFIG", "--jobs is not a number from 1 to 1000", None);
        }
        let usual = Rates::default();
        let mut rate = |name: &str, usual: f64| {
            let rate: f64 = values.parsed(name).unwrap_or(usual);
            if !(0.1..=10_000.0).contains(&rate) {
                let what = format!("--{name} is not a number from 0.1 to 10000");
                values.problem("LF-CONFIG", &what, None);
            }
            rate
        };
        let rates = Rates {
            get_function: rate("looks-per-second", usual.get_function),
            others: rate("calls-per-second", usual.others),
        };
        Self {
            rates,
            options: ApplyOptions {
                concurrency: jobs,
                settle_timeout: values.duration("settle-timeout").unwrap_or(Duration::from_secs(300)),
                ..ApplyOptions::default()
            },
            bucket: values.parsed("bucket"),
            bucket_owner: values.parsed("bucket-owner"),
            skip_verify: values.is_on("skip-verify"),
        }
    }
}

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "deploy-lambda";
    const SUMMARY: &'static str = "Make every function of the plan run its pinned image, and prove it";
    const EFFECTS: Effects = Effects::Exclusive;

    fn options() -> Vec<Opt> {
        [
            vec![
                MAPPINGS,
                LOCK,
                VERSIONS,
                FUNCTIONS,
                Opt::value("deploy-report", "FILE", "what each function ran before and runs after")
                    .default("deploy-report.json"),
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
            ],
            updating(),
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async move {
            let mut values = context.values();
            let updating = Updating::of(&mut values);
            let row = context.target().environment.as_ref();
            let row = row.and_then(|name| context.settings.environments.get(name));
            let usual = row.map_or(Policy::Stop, EnvironmentSettings::on_failure);
            let on_failure = match values.text("on-failure").as_deref() {
                Some("continue") => OnFailure::Continue,
                Some("stop") => OnFailure::Stop,
                Some("rollback") => OnFailure::Rollback,
                Some(other) => {
                    let shown = landfall_secret::escape(other, 40);
                    let what = format!("--on-failure `{shown}` is neither stop, continue nor rollback");
                    values.problem("LF-CONFIG", &what, None);
                    OnFailure::Stop
                }
                None => match usual {
                    Policy::Stop => OnFailure::Stop,
                    Policy::Continue => OnFailure::Continue,
                    Policy::Rollback => OnFailure::Rollback,
                },
            };
            let alias = values.parsed("alias");
            let traffic: Traffic = values.parsed("traffic").unwrap_or_default();
            if alias.is_none() && traffic != Traffic::default() {
                let help = Some("name the alias that callers use: --alias live".to_owned());
                values.problem("LF-CONFIG", "--traffic needs an alias", help);
            }
            let config = deploy_lambda::Config {
                target: context.target().clone(),
                places: context.places(),
                report: PathBuf::from(values.text("deploy-report").unwrap_or_default()),
                registry: values.parsed("registry"),
                shard: values.parsed("shard"),
                platform: context::platform(&mut values).unwrap_or_default(),
                options: ApplyOptions {
                    on_failure,
                    publish: values.is_on("publish"),
                    alias,
                    traffic,
                    ..updating.options
                },
                only_ready: values.is_on("only-ready"),
                is_per_environment: values.is_on("per-environment"),
                is_record_kept: values.is_on("report-is-kept") || context.environment().get("CI").is_none(),
            };
            let smoke = values.is_on("smoke");
            values.finish().map_err(Refusal)?;
            if updating.bucket.is_none()
                && Mappings::read(&config.places.mappings).is_ok_and(|mappings| mappings.is_empty())
            {
                return deploy_lambda::nothing(&config, context.output());
            }
            let http = context.http()?;
            let aws = aws::config(context, &http).await?;
            let client = LambdaClient::with_rates(&aws, updating.rates, context.run().share())?;
            let guard =
                if smoke { Some(smoke_test::of_deployment(context, http, client.clone())?) } else { None };
            let make = |_: Moment| -> BoxFuture<'_, Result<(), Problem>> {
                let guard = guard.as_ref();
                Box::pin(async move {
                    let Some((checks, deps)) = guard else { return Ok(()) };
                    check(checks, deps, context.run()).await.map_err(Problem::from)
                })
            };
            let make: Option<&Check<'_>> = if smoke { Some(&make) } else { None };
            let (output, run) = (context.output(), context.run());
            if let Some(bucket) = updating.bucket {
                let store = ReleaseStore::new(&aws, bucket, updating.bucket_owner)?;
                return deploy_lambda::run_release(&config, &client, &store, make, output, run).await;
            }
            let ecr = if updating.skip_verify { None } else { Some(EcrClient::new(&aws)?) };
            deploy_lambda::run(&config, &client, ecr.as_ref(), &context.ledger, make, output, run).await
        })
    }
}
