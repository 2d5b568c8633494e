//! Looks at the logins that `prepare-docker-config` puts together.

use std::path::Path;

use landfall_artifacts::{DockerConfig, Repository, Tag, Version, Versions};
use landfall_cli::Environment;
use landfall_registry::{
    EcrClient, EcrHost, Error, Helpers, LoginChain, LoginSource, Registry, RegistryOptions,
};
use landfall_run::rfc3339;
use landfall_stages::Refusal;

use super::{Brought, Look};
use crate::{Context, aws, context, logins};

/// The logins that the pipeline hands over; `None` where none are wanted.
///
/// # Errors
/// Where there are none, or they cannot be read.
fn handed_over(context: &Context) -> Result<Option<DockerConfig>, Refusal> {
    let mut values = context.values();
    if values.is_on("ecr-only") {
        return Ok(None);
    }
    let given = values.required_secret(logins::DOCKER_AUTH_CONFIG.name);
    values.finish().map_err(Refusal)?;
    let Some(given) = given else { return Err(Refusal(Vec::new())) };
    let config = DockerConfig::of_variable(given.expose(), "DOCKER_AUTH_CONFIG")?;
    for secret in config.secrets() {
        context.run().redactor().learn(secret);
    }
    Ok(Some(config))
}

pub(super) fn docker_logins(context: &Context) -> Brought {
    let Some(config) = handed_over(context)? else {
        return Ok(Look::Nothing("--ecr-only: no other login is wanted".to_owned()));
    };
    let hosts: Vec<&str> = config.hosts().collect();
    Ok(Look::At(match hosts.as_slice() {
        [] => "it holds no login of its own; helpers may".to_owned(),
        hosts => format!("logins for {}", hosts.join(", ")),
    }))
}

pub(super) fn region(context: &Context) -> Brought {
    let mut values = context.values();
    let registry: Option<Repository> = values.required_parsed("registry");
    let region = values.required("region");
    values.finish().map_err(Refusal)?;
    let (Some(registry), Some(region)) = (registry, region) else { return Err(Refusal(Vec::new())) };
    EcrHost::check_region(registry.host(), &region)?;
    Ok(Look::At(format!("{registry}, region {region}")))
}

/// Asks for a manifest: whether it is there does not matter, only that the login may ask.
pub(super) async fn login(context: &Context) -> Brought {
    let Some(config) = handed_over(context)? else {
        return Ok(Look::Nothing("--ecr-only: no other login is wanted".to_owned()));
    };
    let settings = &context.settings.registries;
    let of_file = settings.docker_host.clone().zip(settings.build.clone());
    let source =
        context.values().text("source").or_else(|| of_file.map(|(host, key)| format!("{host}/{key}")));
    let Some(source) = source else {
        return Ok(Look::Nothing("it is not said where images come from".to_owned()));
    };
    let namespace = context
        .environment()
        .get("IMAGE_NAMESPACE")
        .map(str::to_owned)
        .or_else(|| context.layers.file.get("image_namespace").cloned());
    let (image, version) = image();
    let base = context::below(&context::below(&source, namespace.as_deref()), Some(&image));
    let Ok(repository) = base.parse::<Repository>() else {
        return Ok(Look::Nothing("the place of the images is not one".to_owned()));
    };
    let host = repository.host();
    let variables = variables(context.environment());
    let chain = LoginChain::new([LoginSource::of("DOCKER_AUTH_CONFIG", config)], Helpers::new(variables));
    let Some(found) = chain.login_for(host, context.run()).await? else {
        let doing = format!("ask for {repository}: DOCKER_AUTH_CONFIG has no login for it");
        return Err(Error::NoLogin { host: host.to_owned(), doing }.into());
    };
    let options = RegistryOptions {
        auth_host: context.settings.registries.auth_hosts.get(host).cloned(),
        ..RegistryOptions::default()
    };
    let registry = Registry::new(&context.http()?, host, Some(found.login), options)?;
    let is_there = registry.head_manifest(repository.path(), &version, context.run()).await?.is_some();
    let there = if is_there { "is there" } else { "is not there, which does not matter here" };
    Ok(Look::At(format!("{host} accepts the login; {repository} {there}")))
}

/// The first image of the versions, where they are there; else one that need not exist.
fn image() -> (String, Version) {
    let versions = Versions::read(Path::new("versions.json")).ok();
    let first = versions.as_ref().and_then(|versions| versions.projects.iter().next());
    let named = first
        .and_then(|(name, entry)| Some((name.to_string(), entry.version.to_string().parse::<Tag>().ok()?)));
    let none = || ("landfall-doctor".to_owned(), "none".parse().expect("`none` is a tag"));
    let (image, tag) = named.unwrap_or_else(none);
    (image, Version::Tag(tag))
}

fn variables(environment: &Environment) -> Vec<(String, String)> {
    environment
        .names_with_prefix("")
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())))
        .collect()
}

pub(super) async fn ecr_token(context: &Context) -> Brought {
    let ecr = EcrClient::new(&aws::config(context, &context.http()?).await?)?;
    let login = ecr.authorization_token(context.run()).await?;
    context.run().redactor().learn(&login.password);
    Ok(Look::At(format!("ECR gives a token until {}", rfc3339(login.expires_at))))
}
