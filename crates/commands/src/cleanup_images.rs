//! `cleanup-images` as a command.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{EnvironmentName, FileError, ImageLock, Repository};
use landfall_cli::{Opt, Values};
use landfall_lambda_deploy::{LambdaClient, Rates};
use landfall_registry::{EcrClient, EcrHost};
use landfall_stages::cleanup_images::{Config, Rules, run};
use landfall_stages::{Outcome, Refusal};

use crate::context::LOCK;
use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

const DAY: u64 = 24 * 3600;

impl crate::Command for Command {
    const NAME: &'static str = "cleanup-images";
    const SUMMARY: &'static str = "Delete images from ECR that nothing runs and nothing goes back to";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::value("registry", "HOST/PATH", "the repository")
                    .env(&["ECR_REGISTRY_URI"])
                    .key("environment.ecr"),
                LOCK,
                Opt::switch("yes", "delete; without it the plan is shown and nothing is deleted"),
                Opt::value("keep-last", "N", "so many images of each name stay, the newest, 1 to 1000")
                    .default("10"),
                Opt::value("keep-days", "DAYS", "what was pushed within so many days stays, 0 to 3650")
                    .default("30"),
                Opt::value(
                    "keep-back",
                    "N",
                    "so many deployments before the last but one can be gone back to, 0 to 100",
                )
                .default("3"),
                Opt::list(
                    "image",
                    "TAG|DIGEST",
                    "delete this image and no other; may be given several times",
                ),
                Opt::list(
                    "never-deployed",
                    "ENVIRONMENT",
                    "nothing was deployed to this environment of landfall.toml yet, so that the ledger need not know what runs there; \
                     may be given several times",
                ),
                Opt::switch("skip-verify", "do not ask Lambda what runs: go by the ledger alone"),
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let repository: Option<Repository> = values.required_parsed("registry");
            let mut number = |name: &str, usual: u64, least: u64, most: u64| {
                let number = values.parsed(name).unwrap_or(usual);
                if !(least..=most).contains(&number) {
                    let what = format!("--{name} is not a number from {least} to {most}");
                    values.problem("LF-CONFIG", &what, None);
                }
                number
            };
            let (last, days, back) = (
                number("keep-last", 10, 1, 1000),
                number("keep-days", 30, 0, 3650),
                number("keep-back", 3, 0, 100),
            );
            let only = values.list("image");
            let environments: BTreeSet<EnvironmentName> =
                context.settings.environments.keys().cloned().collect();
            let never_deployed = never_deployed(&mut values, &environments);
            let (yes, skip_verify) = (values.is_on("yes"), values.is_on("skip-verify"));
            values.finish().map_err(Refusal)?;
            let Some(repository) = repository else { return Err(Refusal(Vec::new())) };
            let lock = match ImageLock::read(&context.places().lock) {
                Ok(lock) => Some(lock),
                Err(FileError::Missing { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let aws = aws::config(context, &context.http()?).await?;
            EcrHost::check_region(repository.host(), aws.region())?;
            let ecr = EcrClient::new(&aws)?;
            let ecr = match EcrHost::parse(repository.host()) {
                Some(host) => ecr.of_account(host.account),
                None => ecr,
            };
            let lambda = if skip_verify {
                None
            } else {
                Some(LambdaClient::with_rates(&aws, Rates::default(), context.run().share())?)
            };
            let config = Config {
                repository,
                rules: Rules {
                    last: usize::try_from(last).unwrap_or(usize::MAX),
                    younger_than: Duration::from_secs(days * DAY),
                    only,
                },
                back: usize::try_from(back).unwrap_or(usize::MAX),
                lock,
                environments,
                never_deployed,
                yes,
            };
            run(&config, &ecr, lambda.as_ref(), &context.ledger, context.output(), context.run()).await
        })
    }
}

/// The environments that `--never-deployed` names; one that is no row of `landfall.toml` is a problem.
fn never_deployed(
    values: &mut Values<'_>,
    environments: &BTreeSet<EnvironmentName>,
) -> BTreeSet<EnvironmentName> {
    let mut named = BTreeSet::new();
    for text in values.list("never-deployed") {
        match text.parse() {
            Ok(name) if environments.contains(&name) => drop(named.insert(name)),
            Ok(_) | Err(_) => {
                let shown = landfall_secret::escape(&text, 64);
                let what = format!("--never-deployed `{shown}` is no environment of landfall.toml");
                values.problem("LF-CONFIG", &what, Some("correct the name, or leave it out".to_owned()));
            }
        }
    }
    named
}
