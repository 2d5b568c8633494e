//! `aws-credentials`: Vault login, temporary AWS keys, identity check, and the file that later jobs read.

use std::path::PathBuf;

use landfall_artifacts::{AwsAuthEnv, Class, Problem};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints, Identity, caller_identity};
use landfall_run::{Event, Run, rfc3339};
use landfall_secret::Secret;
use landfall_transport::Http;
use landfall_vault_creds::{Fetched, Revocation, VaultConfig, fetch};

use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Vault: where, as whom, for which role.
    pub vault: VaultConfig,
    /// The AWS region.
    pub region: String,
    /// Where AWS services are, in place of AWS's own endpoints.
    pub endpoints: Endpoints,
    /// The account that the keys must belong to; `None` takes it from the role's ARN, and where there is none, any will do.
    pub account: Option<String>,
    /// Where the keys go.
    pub file: PathBuf,
}

/// Logs in to Vault, takes one set of temporary keys, asks STS whose they are, writes `aws_auth.env` (0600), gives the token back.
///
/// Repeating it makes new keys and replaces the file. A dry run contacts nobody: a login may use up a secret id.
///
/// # Errors
/// Everything that is missing; what Vault or STS say; keys of another account. No file is written then.
pub async fn run(config: &Config, http: &Http, output: &Output, run: &Run) -> Outcome {
    let problems = config.vault.problems();
    if !problems.is_empty() {
        return Err(Refusal(problems.iter().map(|problem| Problem::of(problem)).collect()));
    }
    if output.is_dry_run() {
        return Ok(dry_run(config));
    }
    run.progress().event(Event::Phase { name: "log in to Vault".into(), items: None });
    let fetched = fetch(&config.vault, http, run).await?;
    let identity = identify(config, &fetched.keys, http, run).await?;
    let file = write(config, &fetched.keys)?;
    let mut finished = Finished::default();
    finished.warnings.extend(fetched.warnings.iter().cloned());
    finished.items.push(item(&fetched, &identity));
    finished.lines.push(format!("{} in account {}", identity.arn, identity.account));
    let until = fetched.keys.expires_at.map_or_else(|| "an unknown time".to_owned(), rfc3339);
    finished.summary = format!("AWS credentials until {until} in {}", file.path);
    finished.files.push(file);
    Ok(finished)
}

/// Asks STS whose keys these are, and refuses those of another account before anything is written.
async fn identify(config: &Config, keys: &AwsKeys, http: &Http, run: &Run) -> Result<Identity, Refusal> {
    let aws = AwsConfig::new(&config.region, keys.clone(), config.endpoints.clone(), http.clone())?;
    run.progress().event(Event::Phase { name: "check whose credentials they are".into(), items: None });
    let identity = caller_identity(&aws, run).await?;
    let from_role =
        || config.vault.role_arn.as_deref().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
    match config.account.clone().or_else(from_role) {
        Some(expected) if expected != identity.account => Err(Refusal::one(
            Problem::new(
                "LF-AWS-ACCOUNT",
                Class::Refused,
                format!("Vault's credentials belong to account {}, not {expected}", identity.account),
            )
            .with_remedy(
                "check AWS_ROLE_ARN and VAULT_AWS_PATH, and the role's trust policy; no file was written",
            ),
        )),
        Some(_) | None => Ok(identity),
    }
}

fn write(config: &Config, keys: &AwsKeys) -> Result<landfall_artifacts::WrittenFile, Refusal> {
    let Some(session_token) = keys.session_token.clone() else {
        return Err(Refusal::one(
            Problem::new(
                "LF-VAULT-USER-KEYS",
                Class::Refused,
                "Vault gave the keys of a user, which have no session token",
            )
            .with_remedy("let VAULT_AWS_PATH name a role of type assumed_role, such as aws/sts/deployer"),
        ));
    };
    let file = AwsAuthEnv {
        access_key_id: Secret::new(keys.access_key_id.clone()),
        secret_access_key: keys.secret_access_key.clone(),
        session_token,
        expiration: keys.expires_at,
    };
    Ok(file.write(&config.file)?)
}

fn item(fetched: &Fetched, identity: &Identity) -> Item {
    let revocation = match &fetched.revocation {
        Revocation::Revoked => "revoked",
        Revocation::Given => "given, left to who made it",
        Revocation::Batch => "batch token, ends by itself",
        Revocation::KeptForUser => "kept for the user's keys",
        Revocation::Failed(_) => "not revoked, ends by itself",
    };
    Item::new("aws credentials", "fetched")
        .changed()
        .with("account", identity.account.as_str())
        .with("arn", identity.arn.as_str())
        .with("grantedSeconds", fetched.granted_ttl.as_secs())
        .with("vaultToken", revocation)
}

fn dry_run(config: &Config) -> Finished {
    let mut finished = Finished::new(format!(
        "would log in to {} and write {}: a dry run does not, since a login may use up the secret id",
        landfall_secret::escape(&config.vault.address, 200),
        config.file.display()
    ));
    finished.items.push(Item::new("aws credentials", "planned"));
    finished
}
