//! `rollback-lambda` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_lambda_deploy::LambdaClient;
use landfall_registry::EcrClient;
use landfall_s3_sync::ReleaseStore;
use landfall_stages::{Outcome, Refusal, rollback_lambda};

use crate::deploy_lambda::{Updating, updating};
use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "rollback-lambda";
    const SUMMARY: &'static str = "Put every function back to what ran before a deployment, and prove it";
    const EFFECTS: Effects = Effects::Exclusive;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::value("deploy-report", "FILE", "the deployment that is taken back")
                    .default("deploy-report.json"),
                Opt::value("rollback-report", "FILE", "what each function ran before this, and runs after")
                    .default("rollback-report.json"),
            ],
            updating(),
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let updating = Updating::of(&mut values);
            let path = |name: &str| PathBuf::from(values.text(name).unwrap_or_default());
            let config = rollback_lambda::Config {
                target: context.target().clone(),
                deployment: path("deploy-report"),
                report: path("rollback-report"),
                options: updating.options,
            };
            values.finish().map_err(Refusal)?;
            let aws = aws::config(context, &context.http()?).await?;
            let client = LambdaClient::with_rates(&aws, updating.rates, context.run().share())?;
            let ecr = if updating.skip_verify { None } else { Some(EcrClient::new(&aws)?) };
            let store = match updating.bucket {
                Some(bucket) => Some(ReleaseStore::new(&aws, bucket, updating.bucket_owner)?),
                None => None,
            };
            let kept = rollback_lambda::Kept { ecr: ecr.as_ref(), store: store.as_ref() };
            let (output, run) = (context.output(), context.run());
            rollback_lambda::run(&config, &client, kept, &context.ledger, output, run).await
        })
    }
}
