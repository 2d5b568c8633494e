//! `deploy-lambda --like`: the clients of two environments.

use landfall_artifacts::{Class, EnvironmentName, Problem, ReleaseSettings};
use landfall_aws::AwsConfig;
use landfall_lambda_deploy::{Check, LambdaClient};
use landfall_registry::{EcrClient, EcrHost};
use landfall_s3_sync::{BucketName, ReleaseStore};
use landfall_stages::deploy_lambda::{Config, Example, Like, Parts, example, run_like};
use landfall_stages::{Outcome, Refusal};
use landfall_transport::Http;

use crate::updating::Updating;
use crate::{Context, registries};

/// What the other environment runs, by the ledger.
///
/// # Errors
/// An environment that `landfall.toml` has no row of, and as for [`example`].
pub(super) async fn look(
    context: &Context,
    config: &Config,
    environment: EnvironmentName,
) -> Result<Example, Refusal> {
    let row = context.settings.environment(&environment)?;
    let function_name = row.and_then(|row| row.function_name.clone());
    example(config, &Like { environment, function_name }, &context.ledger).await
}

/// Deploys it.
pub(super) async fn run(
    context: &Context,
    config: &Config,
    example: &Example,
    updating: &Updating,
    clients: (&Http, &AwsConfig, &LambdaClient),
    check: Option<&Check<'_>>,
) -> Outcome {
    let (http, aws, client) = clients;
    let row = context.settings.environments.get(example.environment());
    let region = row.and_then(|row| row.aws_region.as_ref()).map(ToString::to_string);
    let aws_there = match &region {
        Some(region) => aws.in_region(region)?,
        None => aws.clone(),
    };
    let there = if updating.skip_verify {
        None
    } else {
        Some(LambdaClient::with_rates(&aws_there, updating.rates, context.run().share())?)
    };
    let mut hosts = example.hosts();
    if let Some(registry) = config.registry.as_ref().filter(|_| !hosts.is_empty()) {
        EcrHost::check_region(registry.host(), aws.region())?;
        hosts.insert(registry.host());
    }
    let hosts: Vec<&str> = hosts.into_iter().collect();
    let registries = registries::registries(context, http, &hosts).await?;
    let ecr = match config.registry.as_ref().filter(|_| !updating.skip_verify) {
        Some(registry) => {
            let ecr = EcrClient::new(aws)?;
            let host = EcrHost::parse(registry.host());
            Some(host.map_or(ecr.clone(), |host| ecr.of_account(host.account)))
        }
        None => None,
    };
    let store = match &updating.bucket {
        Some(bucket) => Some(ReleaseStore::new(aws, bucket.clone(), updating.bucket_owner.clone())?),
        None => None,
    };
    let releases = context.settings.releases_of(example.environment());
    let store_there = if example.has_archives() { store_of(&aws_there, releases)? } else { None };
    let parts = Parts {
        ledger: &context.ledger,
        there: there.as_ref(),
        registries: &registries,
        ecr: ecr.as_ref(),
        store_there: store_there.as_ref(),
        store: store.as_ref(),
    };
    run_like(config, example, client, parts, check, context.output(), context.run()).await
}

fn store_of(aws: &AwsConfig, releases: ReleaseSettings) -> Result<Option<ReleaseStore>, Refusal> {
    let Some(bucket) = releases.bucket else { return Ok(None) };
    let bucket: BucketName = bucket.parse().map_err(|cause| {
        let what = format!("the bucket of releases cannot be used: {cause}");
        Refusal::one(Problem::new("LF-CONFIG", Class::Input, what).with_remedy("correct it in landfall.toml"))
    })?;
    Ok(Some(ReleaseStore::new(aws, bucket, releases.owner)?))
}
