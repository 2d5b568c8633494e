//! `prepare-docker-config` as a command.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::DockerConfig;
use landfall_cli::Opt;
use landfall_registry::EcrClient;
use landfall_stages::{Outcome, Refusal, prepare_docker_config};

use crate::{Context, Effects, aws, aws_keys, context, logins, registries};

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
                Opt::value("docker-config", "FILE", "where the logins go").default(DockerConfig::FILE_NAME),
                Opt::switch("ecr-only", "write ECR's login alone, without DOCKER_AUTH_CONFIG"),
                logins::DOCKER_AUTH_CONFIG,
                Opt::switch(
                    "explain",
                    "show for every host where its login comes from; nothing is asked, fetched or written",
                ),
                Opt::value(
                    "source",
                    "HOST/PATH",
                    "with --explain: where the images are; else registries.docker_host",
                )
                .env(&["BUILD_ARTIFACTORY_URL"]),
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            if context.values().is_on("explain") {
                return Ok(explain(context).await);
            }
            let mut values = context.values();
            let registry = values.required_parsed("registry");
            let logins = if values.is_on("ecr-only") {
                None
            } else {
                values.required_secret(logins::DOCKER_AUTH_CONFIG.name)
            };
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

/// Nothing that would be needed for the login itself has to be there.
async fn explain(context: &Context) -> landfall_stages::Finished {
    let values = context.values();
    let host_of = |address: String| {
        let bare = context::below(&address, None);
        bare.split('/').next().map(str::to_owned).filter(|host| !host.is_empty())
    };
    let settings = &context.settings.registries;
    let source = values.text("source").or_else(|| settings.docker_host.clone()).and_then(host_of);
    let target = values.text("registry").and_then(host_of);
    let chain = logins::chain_as_it_is(context);
    let chain =
        registries::with_stand_ins(context, chain, &target.as_deref().into_iter().collect::<Vec<_>>());
    let named: BTreeSet<String> = chain.named_hosts().into_iter().map(str::to_owned).collect();
    let of = |host: String, role| prepare_docker_config::Host {
        token_host: settings.auth_hosts.get(&host).cloned(),
        host,
        role,
    };
    let known: BTreeSet<String> = source.iter().chain(&target).cloned().collect();
    let hosts = source
        .map(|host| of(host, Some("source of images")))
        .into_iter()
        .chain(target.map(|host| of(host, Some("target"))))
        .chain(named.difference(&known).cloned().map(|host| of(host, None)))
        .collect();
    let why_not = match aws_keys::are_there(context).await {
        Ok(true) if values.text("region").is_none() => Some("the region is missing".to_owned()),
        Ok(true) => None,
        Ok(false) => Some("there are none".to_owned()),
        Err(Refusal(problems)) => {
            Some(problems.into_iter().next().map_or_else(String::new, |first| first.what))
        }
    };
    prepare_docker_config::explain(
        &prepare_docker_config::Known { hosts, why_not_ecr: why_not },
        &chain,
        context.run(),
    )
}
