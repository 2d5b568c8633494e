//! The registries of a stage, each with its login.

use std::path::PathBuf;

use landfall_artifacts::{DockerConfig, FileError, Login as DockerLogin};
use landfall_aws::AwsConfig;
use landfall_cli::Source;
use landfall_registry::{EcrClient, EcrHost, Flavour, Registries, Registry, RegistryOptions, login_for};
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_transport::Http;

use crate::{Context, aws};

/// The user that ECR gives logins for.
const ECR_USER: &str = "AWS";

/// Registries of these hosts: logins come from `docker-config.json`; for ECR, where it has none, from ECR itself.
///
/// # Errors
/// A bad file of logins, a login of a kind that is not taken, what ECR says.
pub(crate) async fn registries(
    context: &Context,
    http: &Http,
    hosts: &[&str],
) -> Result<Registries, Refusal> {
    let logins = logins(context)?;
    let mut registries = Registries::new();
    for host in hosts {
        let mut login = login_for(&logins, host)?;
        let mut is_ecr = EcrHost::parse(host).is_some() || is_ecr_user(&logins, host);
        // With a login at hand the API only saves requests: what it needs besides is not asked for.
        let wants_api = login.is_none() || context.values().text("region").is_some();
        let ecr = if wants_api && (is_ecr || plays_ecr(context, host)) {
            ecr(context, http, host).await?
        } else {
            None
        };
        if let Some(client) = ecr {
            if login.is_none() {
                login = Some(client.authorization_token(context.run()).await?.login());
            }
            is_ecr = true;
            registries.insert_ecr(host, client);
        }
        let options = RegistryOptions {
            flavour: if is_ecr { Flavour::Ecr } else { Flavour::Generic },
            auth_host: context.settings.registries.auth_hosts.get(*host).cloned(),
            share: context.run().share(),
            ..RegistryOptions::default()
        };
        registries.insert(Registry::new(http, host, login, options)?);
    }
    Ok(registries)
}

fn logins(context: &Context) -> Result<DockerConfig, Refusal> {
    let Some((path, source)) = context.values().sourced("docker-config") else {
        return Ok(DockerConfig::new());
    };
    let logins = match DockerConfig::read(&PathBuf::from(&path)) {
        Ok(logins) => logins,
        Err(FileError::Missing { .. }) if source == Source::Default => {
            context
                .run()
                .progress()
                .event(Event::Note(format!("{path} is not there: registries are asked without a login")));
            DockerConfig::new()
        }
        Err(error) => return Err(error.into()),
    };
    for secret in logins.secrets() {
        context.run().redactor().learn(secret);
    }
    Ok(logins)
}

fn is_ecr_user(logins: &DockerConfig, host: &str) -> bool {
    matches!(logins.login_for(host), Some(DockerLogin::Password { username, .. }) if username == ECR_USER)
}

/// Whether the host is the target and ECR's API was directed elsewhere, as on a stand-in.
fn plays_ecr(context: &Context, host: &str) -> bool {
    let target = context.values().text("registry").unwrap_or_default();
    target.split('/').next() == Some(host) && context.environment().get("AWS_ENDPOINT_URL_ECR").is_some()
}

/// ECR's own API for a host, where there are AWS keys.
async fn ecr(context: &Context, http: &Http, host: &str) -> Result<Option<EcrClient>, Refusal> {
    if aws::keys(context).await?.is_none() {
        return Ok(None);
    }
    let config: AwsConfig = aws::config(context, http).await?;
    let client = EcrClient::new(&config)?;
    Ok(Some(match EcrHost::parse(host) {
        Some(found) => {
            EcrHost::check_region(host, config.region())?;
            client.of_account(found.account)
        }
        None => client,
    }))
}
