//! The login: one token, however it comes about.

use landfall_run::Run;
use landfall_secret::{CredentialKind, Secret};
use landfall_transport::{Http, Repeat, Site};
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::sys::requests::{UnwrapRequest, WrappingLookupRequest};

use crate::answer::{Envelope, Unwrapped, WrapFacts};
use crate::exchange::Refusal;
use crate::fetch::{exchange, repeated};
use crate::login::{SecretId, VaultLogin};
use crate::{Error, Step, VaultConfig, jwt};

/// A token at its server.
pub(crate) struct Token {
    pub(crate) site: Site,
    pub(crate) kind: TokenKind,
}

/// What is to become of it in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// It is given back.
    Service,
    /// It cannot be given back.
    Batch,
    /// It is somebody else's.
    Given,
}

/// Logs in once. What may use up a secret id is repeated only where it surely did not arrive.
pub(crate) async fn log_in(
    config: &VaultConfig,
    site: &Site,
    http: &Http,
    run: &Run,
) -> Result<Token, Error> {
    let mount = config.mount()?;
    let lost = |error| match error {
        Error::LoginUnknown { said, cause, .. } => {
            Error::LoginUnknown { mount: mount.to_owned(), said, cause }
        }
        other => other,
    };
    let envelope = match &config.login {
        VaultLogin::Token(token) => return Ok(with_token(site, token.clone(), TokenKind::Given)),
        VaultLogin::AppRole { role_id, secret_id } => {
            let secret_id = match secret_id {
                SecretId::Plain(secret) => secret.clone(),
                SecretId::Wrapped(token) => unwrap(config, mount, token, site, run).await?,
            };
            let exchange = exchange(config, site, run, Step::Login, Repeat::Never);
            let explain = |refusal| refused(site, mount, refusal, None);
            repeated(run, &exchange, explain, || LoginWithApproleRequest {
                mount: mount.to_owned(),
                role_id: role_id.clone(),
                secret_id: secret_id.expose().to_owned(),
            })
            .await
            .map_err(lost)?
        }
        VaultLogin::Jwt { role, token } => {
            by_jwt(config, mount, role.as_deref(), token, site, run).await.map_err(lost)?
        }
        VaultLogin::GitHub { role, oidc } => {
            let token = oidc.id_token(http, run).await?;
            by_jwt(config, mount, role.as_deref(), &token, site, run).await.map_err(lost)?
        }
    };
    let missing = Error::Answer { step: Step::Login, what: "token" };
    let Some(auth) = envelope.auth else { return Err(missing) };
    let token = Secret::new(auth.client_token.filter(|token| !token.is_empty()).ok_or(missing)?);
    run.redactor().learn(&token);
    let is_batch = auth.token_type.as_deref() == Some("batch");
    Ok(with_token(site, token, if is_batch { TokenKind::Batch } else { TokenKind::Service }))
}

/// The same token logs in as often as it is sent.
async fn by_jwt(
    config: &VaultConfig,
    mount: &str,
    role: Option<&str>,
    token: &Secret,
    site: &Site,
    run: &Run,
) -> Result<Envelope, Error> {
    let exchange = exchange(config, site, run, Step::Login, Repeat::Idempotent);
    let explain = |refusal| refused(site, mount, refusal, Some(token));
    repeated(run, &exchange, explain, || JWTLoginRequest {
        mount: mount.to_owned(),
        jwt: token.expose().to_owned(),
        role: role.map(str::to_owned),
    })
    .await
}

fn with_token(site: &Site, value: Secret, kind: TokenKind) -> Token {
    let credential = CredentialKind::Header { name: "x-vault-token", value };
    Token { site: site.with_credential(Some(credential)), kind }
}

/// Looks whether a wrapping is still whole and was made for this method. Looking does not unwrap.
pub(crate) async fn look_at_wrapping(
    config: &VaultConfig,
    mount: &str,
    token: &Secret,
    site: &Site,
    run: &Run,
) -> Result<(), Error> {
    let look = exchange(config, site, run, Step::LookAtWrapping, Repeat::Idempotent);
    let request = || WrappingLookupRequest { token: token.expose().to_owned() };
    let gone = |refusal| gone(site, mount, refusal);
    let facts: WrapFacts = data(repeated(run, &look, gone, request).await?, Step::LookAtWrapping)?;
    let path = facts.creation_path.unwrap_or_default();
    let fits = path.strip_prefix(&format!("auth/{mount}/role/")).is_some_and(|rest| {
        rest.strip_suffix("/secret-id").is_some_and(|role| !role.is_empty() && !role.contains('/'))
    });
    if fits {
        return Ok(());
    }
    Err(Error::WrappedElsewhere { mount: mount.to_owned(), found: landfall_secret::escape(&path, 200) })
}

/// What a refusal says of a wrapping.
fn gone(site: &Site, mount: &str, refusal: Refusal) -> Error {
    match refusal.status {
        503 => Error::Sealed { address: site.origin().clone(), said: refusal.said },
        412 | 429 | 472 | 473 | 500.. => {
            Error::Passing { step: Step::Unwrap, status: refusal.status, said: refusal.said }
        }
        // What Vault says of a wrapping that is empty, ended or unknown; all else is no sign of anybody.
        400 | 403 => Error::Unwrapped { mount: mount.to_owned(), said: refusal.said },
        404 => Error::NoMount { path: "sys/wrapping".to_owned(), said: refusal.said },
        status => Error::Refused { step: Step::Unwrap, status, said: refusal.said },
    }
}

/// Takes the secret id out of its wrapping, once it is known that it was wrapped for this method.
async fn unwrap(
    config: &VaultConfig,
    mount: &str,
    token: &Secret,
    site: &Site,
    run: &Run,
) -> Result<Secret, Error> {
    look_at_wrapping(config, mount, token, site, run).await?;
    let holder = with_token(site, token.clone(), TokenKind::Given).site;
    let taking = exchange(config, &holder, run, Step::Unwrap, Repeat::Never);
    // Whoever failed at it may have opened the wrapping before: the next run must not take that for somebody else.
    let gone = |refusal: Refusal| match refusal.status {
        500 | 502 | 504.. => Error::UnwrapUnknown { cause: None },
        _ => gone(site, mount, refusal),
    };
    let envelope = repeated(run, &taking, gone, || UnwrapRequest { token: None }).await?;
    let unwrapped: Unwrapped = data(envelope, Step::Unwrap)?;
    let missing = Error::Answer { step: Step::Unwrap, what: "secret id" };
    let secret = Secret::new(unwrapped.secret_id.filter(|secret| !secret.is_empty()).ok_or(missing)?);
    run.redactor().learn(&secret);
    Ok(secret)
}

fn data<T: serde::de::DeserializeOwned>(envelope: Envelope, step: Step) -> Result<T, Error> {
    envelope.data().ok_or(Error::Answer { step, what: "data" })
}

fn refused(site: &Site, mount: &str, refusal: Refusal, id_token: Option<&Secret>) -> Error {
    let Refusal { status, said, is_vaults } = refusal;
    let (address, mount) = (site.origin().clone(), mount.to_owned());
    match status {
        // A gateway's 503 says nothing of whether it passed the login on.
        503 if is_vaults || id_token.is_some() => Error::Sealed { address, said },
        501 => Error::NotInitialised { address },
        404 => Error::NoMount { path: format!("auth/{mount}/login"), said },
        412 | 429 | 472 | 473 => Error::Passing { step: Step::Login, status, said },
        _ if let Some(token) = id_token => match status {
            500.. => Error::Passing { step: Step::Login, status, said },
            _ => Error::IdTokenRefused { mount, said, claims: jwt::told(token) },
        },
        // Vault answers 500 to a login without a role id, which it read and refused.
        500 if said.contains("missing role_id") => Error::Login { mount, said },
        500.. => Error::LoginUnknown { mount, said: format!("{status}: {said}"), cause: None },
        _ => Error::Login { mount, said },
    }
}
