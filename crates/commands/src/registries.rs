//! The registries of a stage, each with its login.

use std::collections::BTreeMap;

use landfall_registry::{
    EcrClient, EcrHost, Flavour, FoundLogin, Login, LoginChain, Registries, Registry, RegistryOptions,
};
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_transport::Http;

use crate::{Context, aws, aws_keys, logins};

/// Registries of these hosts, each with the login that the first source has for it (see [`logins::chain`]); for ECR, where none
/// has one that is still good, with one from ECR itself. What is used is said in the log, without its value.
///
/// # Errors
/// A source of logins that cannot be read, a credential helper that fails, what ECR says.
pub(crate) async fn registries(
    context: &Context,
    http: &Http,
    hosts: &[&str],
) -> Result<Registries, Refusal> {
    Ok(with_logins(context, http, hosts).await?.0)
}

/// The same, with the logins that were found, by their hosts.
///
/// # Errors
/// As for [`registries`].
pub(crate) async fn with_logins(
    context: &Context,
    http: &Http,
    hosts: &[&str],
) -> Result<(Registries, BTreeMap<String, Login>), Refusal> {
    let mut logins = BTreeMap::new();
    let mut chain = with_stand_ins(context, logins::chain(context)?, hosts);
    let now = context.run().clock().now();
    let mut registries = Registries::new();
    for host in hosts {
        // A login is good in the region that gave it.
        if chain.may_need_ecr(host, now)
            && let Some(ecr) = ecr_of(context, http, host).await?
        {
            chain = chain.with_ecr(ecr);
        }
        let found = chain.login_for(host, context.run()).await?;
        say(context, host, found.as_ref());
        let is_ecr = EcrHost::parse(host).is_some() || found.as_ref().is_some_and(FoundLogin::is_of_ecr);
        let is_ecr = is_ecr || chain.is_ecr(host);
        // With a login at hand the API only saves requests: what it needs besides is not asked for.
        if is_ecr
            && context.is_declared("region")
            && context.values().text("region").is_some()
            && let Some(client) = ecr_of(context, http, host).await?
        {
            registries.insert_ecr(host, client);
        }
        let options = RegistryOptions {
            flavour: if is_ecr { Flavour::Ecr } else { Flavour::Generic },
            auth_host: context.settings.registries.auth_hosts.get(*host).cloned(),
            share: context.run().share(),
            ..RegistryOptions::default()
        };
        let login = found.map(|found| found.login);
        logins.extend(login.clone().map(|login| ((*host).to_owned(), login)));
        registries.insert(Registry::new(http, host, login, options)?);
    }
    Ok((registries, logins))
}

/// Takes the target for ECR where ECR's API was directed elsewhere: the name of a stand-in does not say what it is.
pub(crate) fn with_stand_ins(context: &Context, chain: LoginChain, hosts: &[&str]) -> LoginChain {
    if !context.is_declared("registry") {
        return chain;
    }
    let target = context.values().text("registry").unwrap_or_default();
    let plays_ecr = |host: &&&str| {
        target.split('/').next() == Some(host) && context.environment().get("AWS_ENDPOINT_URL_ECR").is_some()
    };
    hosts.iter().filter(plays_ecr).fold(chain, |chain, host| chain.with_ecr_host(*host))
}

fn say(context: &Context, host: &str, found: Option<&FoundLogin>) {
    let host = landfall_secret::escape(host, 200);
    let what = match found {
        Some(found) => format!("login at {host}: {} of {}", found.finds, found.source),
        None => format!("no login at {host}: it is asked as nobody"),
    };
    context.run().progress().event(Event::Note(what));
}

/// ECR's API for the registry of a host, in its region, where there are AWS credentials.
async fn ecr_of(context: &Context, http: &Http, host: &str) -> Result<Option<EcrClient>, Refusal> {
    if !aws_keys::are_there(context).await? {
        return Ok(None);
    }
    let aws = aws::config(context, http).await?;
    Ok(Some(match EcrHost::parse(host) {
        Some(found) => EcrClient::new(&aws.in_region(&found.region)?)?.of_account(found.account),
        None => EcrClient::new(&aws)?,
    }))
}
