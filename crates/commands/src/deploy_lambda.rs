//! `deploy-lambda` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::Mappings;
use landfall_cli::Opt;
use landfall_lambda_deploy::{ApplyOptions, LambdaClient, OnFailure};
use landfall_registry::EcrClient;
use landfall_run::Event;
use landfall_stages::{Outcome, Refusal, deploy_lambda};

use crate::context::{self, FUNCTIONS, LOCK, MAPPINGS, VERSIONS};
use crate::{Context, Effects, aws};

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
                Opt::value("jobs", "N", "functions at a time, 1 to 50").env(&["LANDFALL_JOBS"]).default("4"),
                Opt::value("settle-timeout", "DURATION", "how long one update may take").default("5m"),
                Opt::value(
                    "on-failure",
                    "stop|continue",
                    "what a failed function means for those whose turn has not come",
                )
                .key("environment.on_failure")
                .default("stop"),
                Opt::switch(
                    "skip-verify",
                    "do not ask ECR for each tag and its digest, where the role may not read ECR",
                ),
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
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let jobs: usize = values.parsed("jobs").unwrap_or(4);
            if !(1..=50).contains(&jobs) {
                values.problem("LF-CONFIG", "--jobs is not a number from 1 to 50", None);
            }
            let on_failure = match values.text("on-failure").as_deref() {
                Some("continue") => OnFailure::Continue,
                Some("stop") | None => OnFailure::Stop,
                // landfall.toml may ask for it.
                Some("rollback") => {
                    context.run().progress().event(Event::Warning(
                        "rollback is not available yet: functions whose turn has not come are left alone"
                            .to_owned(),
                    ));
                    OnFailure::Stop
                }
                Some(other) => {
                    let what = format!(
                        "--on-failure `{}` is neither stop nor continue",
                        landfall_secret::escape(other, 40)
                    );
                    values.problem("LF-CONFIG", &what, None);
                    OnFailure::Stop
                }
            };
            let config = deploy_lambda::Config {
                target: context.target().clone(),
                places: context.places(),
                report: PathBuf::from(values.text("deploy-report").unwrap_or_default()),
                registry: values.parsed("registry"),
                shard: values.parsed("shard"),
                platform: context::platform(&mut values).unwrap_or_default(),
                options: ApplyOptions {
                    concurrency: jobs,
                    settle_timeout: values.duration("settle-timeout").unwrap_or(Duration::from_secs(300)),
                    on_failure,
                    ..ApplyOptions::default()
                },
            };
            let skip_verify = values.is_on("skip-verify");
            values.finish().map_err(Refusal)?;
            if Mappings::read(&config.places.mappings).is_ok_and(|mappings| mappings.is_empty()) {
                return deploy_lambda::nothing(&config, context.output());
            }
            let aws = aws::config(context, &context.http()?).await?;
            let client = LambdaClient::new(&aws, context.run().share())?;
            let ecr = if skip_verify { None } else { Some(EcrClient::new(&aws)?) };
            deploy_lambda::run(
                &config,
                &client,
                ecr.as_ref(),
                &context.ledger,
                context.output(),
                context.run(),
            )
            .await
        })
    }
}
