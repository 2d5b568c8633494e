//! `rollback-lambda` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::ReleaseId;
use landfall_cli::{Opt, Source as From};
use landfall_lambda_deploy::{ApplyOptions, LambdaClient};
use landfall_notify::Way;
use landfall_registry::EcrClient;
use landfall_s3_sync::ReleaseStore;
use landfall_stages::rollback_lambda::{self, Deps, Source};
use landfall_stages::{Outcome, Refusal};

use crate::updating::{Updating, updating};
use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "rollback-lambda";
    const SUMMARY: &'static str = "Put every function back to what ran before a deployment, and prove it";
    const EFFECTS: Effects = Effects::Exclusive;
    const TELLS: Way = Way::Deploys;

    fn options() -> Vec<Opt> {
        [
            &[
                Opt::value("deploy-report", "FILE", "what the deployment left, which knows what ran before it")
                    .default("deploy-report.json"),
                Opt::switch("from-ledger", "go back to what ran before the newest deployment that the ledger has"),
                Opt::value("to", "RELEASE", "go back to what this release ran, as the ledger has it")
                    .env(&["TARGET_RELEASE"]),
                Opt::value("rollback-report", "FILE", "what each function ran before the rollback and runs after")
                    .default("rollback-report.json"),
                Opt::value(
                    "registry",
                    "HOST/PATH",
                    "where the images are, where the ledger does not say it",
                )
                .env(&["ECR_REGISTRY_URI"])
                .key("environment.ecr"),
                Opt::value(
                    "alias",
                    "NAME",
                    "with the ledger: the alias that callers use, which is pointed to a new version of what ran before. A \
                     report knows by itself which alias the deployment pointed, and where it pointed before",
                ),
            ][..],
            &updating()[..],
            &aws::OPTIONS[..],
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let updating = Updating::of(&mut values);
            let release: Option<ReleaseId> = values.parsed("to");
            let of_ledger = release.is_some() || values.is_on("from-ledger");
            let (report, given_by) =
                values.sourced("deploy-report").unwrap_or_else(|| (String::new(), From::Default));
            if of_ledger && given_by != From::Default {
                let help = Some("give the report alone, or go by the ledger alone".to_owned());
                values.problem(
                    "LF-CONFIG",
                    "--deploy-report and the ledger cannot both say what ran before",
                    help,
                );
            }
            let config = rollback_lambda::Config {
                target: context.target().clone(),
                source: match release {
                    Some(release) => Source::Release(release),
                    None if of_ledger => Source::Ledger,
                    None => Source::Report(PathBuf::from(report)),
                },
                report: PathBuf::from(values.text("rollback-report").unwrap_or_default()),
                registry: values.parsed("registry"),
                options: ApplyOptions { alias: values.parsed("alias"), ..updating.options },
            };
            values.finish().map_err(Refusal)?;
            let goals = rollback_lambda::goals(&config, &context.ledger).await?;
            if goals.functions.is_empty() {
                return rollback_lambda::nothing(&config, goals, context.output());
            }
            let aws = aws::config(context, &context.http()?).await?;
            let client = LambdaClient::with_rates(&aws, updating.rates, context.run().share())?;
            let ecr = if updating.skip_verify { None } else { Some(EcrClient::new(&aws)?) };
            let store = match updating.bucket {
                Some(bucket) => Some(ReleaseStore::new(&aws, bucket, updating.bucket_owner)?),
                None => None,
            };
            let deps =
                Deps { client: &client, ecr: ecr.as_ref(), store: store.as_ref(), ledger: &context.ledger };
            rollback_lambda::run(&config, goals, deps, context.output(), context.run()).await
        })
    }
}
