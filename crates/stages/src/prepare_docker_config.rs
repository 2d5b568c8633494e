//! `prepare-docker-config`: the logins that later jobs use at registries.

use std::path::PathBuf;

use landfall_artifacts::{DockerConfig, Repository};
use landfall_registry::{EcrClient, EcrHost};
use landfall_run::{Event, Run, rfc3339};
use landfall_secret::Secret;

use crate::{Finished, Item, Outcome, Output};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DOCKER_AUTH_CONFIG`: Docker's `config.json` as text; `None` with `--ecr-only`.
    pub logins: Option<Secret>,
    /// The repository at ECR that a login is fetched for.
    pub registry: Repository,
    /// The AWS region.
    pub region: String,
    /// Where `docker-config.json` goes.
    pub file: PathBuf,
}

/// Fetches a login from ECR, merges it with the given logins, and writes `docker-config.json` (0600).
///
/// Repeating it fetches a new login. `credHelpers`, `credsStore`, `identitytoken` and unknown keys survive.
///
/// # Errors
/// Bad JSON or base64; a registry of another region; what ECR says. No file is written then.
pub async fn run(config: &Config, ecr: &EcrClient, output: &Output, run: &Run) -> Outcome {
    EcrHost::check_region(config.registry.host(), &config.region)?;
    let mut logins = match &config.logins {
        Some(text) => DockerConfig::parse(text.expose().as_bytes(), "DOCKER_AUTH_CONFIG")?,
        None => DockerConfig::new(),
    };
    for secret in logins.secrets() {
        run.redactor().learn(secret);
    }
    let host = config.registry.host().to_owned();
    let mut finished = Finished::default();
    if output.is_dry_run() {
        finished.items.push(Item::new(host.as_str(), "planned"));
        finished.summary = format!("would fetch a login for {host} and write {}", config.file.display());
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: format!("fetch a login for {host}"), items: None });
    let login = ecr.authorization_token(run).await?;
    logins.set_login(&host, &login.user, login.password.clone())?;
    let file = logins.write(&config.file)?;
    for host in logins.hosts() {
        finished.items.push(Item::new(host, "login").changed());
    }
    finished.lines = logins.hosts().map(|host| format!("login for {host}")).collect();
    finished.summary = format!(
        "{} logins in {}, ECR's until {}",
        finished.items.len(),
        file.path,
        rfc3339(login.expires_at)
    );
    finished.files.push(file);
    Ok(finished)
}
