//! `prepare-docker-config` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_registry::EcrClient;
use landfall_stages::{Outcome, Refusal, prepare_docker_config};

use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "prepare-docker-config";
    const SUMMARY: &'static str = "Fetch a login from ECR and merge it with the other registry logins";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::value("registry", "HOST/PATH", "the repository at ECR that a login is fetched for")
                    .env(&["ECR_REGISTRY_URI"])
                    .key("environment.ecr"),
                Opt::value("docker-config", "FILE", "where the logins go").default("docker-config.json"),
                Opt::switch("ecr-only", "write ECR's login alone, without DOCKER_AUTH_CONFIG"),
                Opt::secret(
                    "docker-auth-config",
                    &["DOCKER_AUTH_CONFIG"],
                    "the other logins, as Docker's config.json",
                ),
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let registry = values.required_parsed("registry");
            let logins =
                if values.is_on("ecr-only") { None } else { values.required_secret("docker-auth-config") };
            let (region, file) =
                (values.required("region"), values.text("docker-config").unwrap_or_default());
            values.finish().map_err(Refusal)?;
            let (Some(registry), Some(region)) = (registry, region) else { return Err(Refusal(Vec::new())) };
            let config =
                prepare_docker_config::Config { logins, registry, region, file: PathBuf::from(file) };
            let ecr = EcrClient::new(&aws::config(context, &context.http()?).await?)?;
            prepare_docker_config::run(&config, &ecr, context.output(), context.run()).await
        })
    }
}
