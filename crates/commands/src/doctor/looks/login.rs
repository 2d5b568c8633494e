//! Looks at Vault, and the login that is made where that was asked for.

use std::time::Duration;

use landfall_aws::{AwsConfig, Expected, caller_identity, mismatch};
use landfall_stages::Refusal;
use landfall_vault_creds::{AwsLogin, SecretId, VaultConfig, VaultLogin, health};

use super::{Brought, Look};
use crate::{Context, aws, aws_login};

/// The login that the job would make; its settings were found to be right before.
///
/// # Errors
/// What is missing or odd.
fn configured(context: &Context) -> Result<AwsLogin, Refusal> {
    let mut values = context.values();
    let least_ttl = values.duration("min-ttl").unwrap_or(Duration::ZERO);
    let login = aws_login::login(context, &mut values, least_ttl);
    values.finish().map_err(Refusal)?;
    login.ok_or_else(|| Refusal(Vec::new()))
}

fn at_vault(context: &Context) -> Result<Option<VaultConfig>, Refusal> {
    match configured(context)? {
        AwsLogin::Vault(config) => Ok(Some(config)),
        AwsLogin::WebIdentity(_) => Ok(None),
    }
}

pub(super) async fn vault(context: &Context) -> Brought {
    let Some(config) = at_vault(context)? else {
        return Ok(Look::Nothing("the job logs in at AWS itself, not at Vault".to_owned()));
    };
    health(&config, &context.http()?, context.run()).await?;
    Ok(Look::At(format!(
        "Vault at {} answers, and is unsealed",
        landfall_secret::shown_address(&config.address)
    )))
}

pub(super) async fn wrapping(context: &Context) -> Brought {
    let config = at_vault(context)?;
    match config.as_ref().map(|config| &config.login) {
        Some(VaultLogin::AppRole { secret_id: SecretId::Wrapped(_), .. }) => {}
        Some(VaultLogin::AppRole { secret_id: SecretId::Plain(_), .. }) => {
            return Ok(Look::Nothing("the secret id is not wrapped".to_owned()));
        }
        Some(VaultLogin::Jwt { .. } | VaultLogin::GitHub { .. } | VaultLogin::Token(_)) | None => {
            return Ok(Look::Nothing("there is no secret id".to_owned()));
        }
    }
    if let Some(config) = &config {
        landfall_vault_creds::wrapping(config, &context.http()?, context.run()).await?;
    }
    Ok(Look::At("the secret id is still in its wrapping, made for this method".to_owned()))
}

/// One login; the token is given back, and the keys are not kept.
pub(super) async fn session(context: &Context) -> Brought {
    let login = configured(context)?;
    let mut values = context.values();
    let region = values.required("region");
    let expected = Expected { account: values.text("account"), role_arn: values.text("role-arn") };
    values.finish().map_err(Refusal)?;
    let http = context.http()?;
    let fetched = login.fetch(&http, context.run()).await?;
    let endpoints = aws::quiet_endpoints(context);
    let aws = AwsConfig::new(&region.unwrap_or_default(), fetched.keys, endpoints, http)?;
    let identity = caller_identity(&aws, context.run()).await?;
    match mismatch(&expected, &identity, &format!("{}'s credentials", login.giver())) {
        Some(problem) => Err(Refusal::one(problem)),
        None => Ok(Look::At(format!(
            "logged in ({}): {} in account {}, for {} s",
            login.told(),
            identity.arn,
            identity.account,
            fetched.granted_ttl.as_secs()
        ))),
    }
}
