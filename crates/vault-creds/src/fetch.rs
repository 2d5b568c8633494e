//! Log in, take one set of keys, give the token back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use landfall_aws::AwsKeys;
use landfall_run::{Event, Hint, Run};
use landfall_secret::Secret;
use landfall_transport::{Http, Repeat, Site};
use vaultrs::api::aws::requests::{GenerateCredentialsRequest, GenerateCredentialsStsRequest};
use vaultrs::api::token::requests::RevokeTokenSelfRequest;

use crate::answer::{AwsData, Envelope};
use crate::exchange::{Exchange, Refusal};
use crate::log_in::{Token, TokenKind, log_in};
use crate::{AwsPath, Endpoint, Error, Step, VaultConfig};

/// Longer lives than this are not believed: one year.
const LONGEST_TTL: Duration = Duration::from_secs(366 * 86_400);

/// The keys, and what is worth knowing about them.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The keys, all parts from one answer, with the time at which they end.
    pub keys: AwsKeys,
    /// How long they were asked to live.
    pub requested_ttl: Duration,
    /// How long they live. Vault cuts what is over its own limits without a word.
    pub granted_ttl: Duration,
    /// The ARN of the session, where Vault says it.
    pub arn: Option<String>,
    /// What Vault warned of, and a shorter life than was asked for; escaped.
    pub warnings: Vec<String>,
    /// What became of the Vault token.
    pub revocation: Revocation,
}

/// What became of the Vault token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It was given back.
    Revoked,
    /// It is a batch token, which cannot be revoked and ends by itself.
    Batch,
    /// It was made elsewhere, and is left to who made it.
    Given,
    /// There was none: AWS itself was asked.
    NoToken,
    /// It could not be given back and ends by itself; the text says why.
    Failed(String),
}

/// Logs in, asks for one set of AWS keys and gives the token back, also where the keys were refused and where the run is stopped.
///
/// Passing faults are repeated as the run allows. A login by AppRole, whose secret id may be good for one use, is repeated only where
/// it surely did not arrive (no connection, throttling), and once where Vault itself says that it is sealed or lags. Keys of a user
/// are not taken: they do not end, and are gone with the token. Secrets are taught to the run's redactor.
///
/// # Errors
/// The first of [`VaultConfig::problems`]; then what the server says, see [`Error`].
pub async fn fetch(config: &VaultConfig, http: &Http, run: &Run) -> Result<Fetched, Error> {
    if let Some(problem) = config.problems().into_iter().next() {
        return Err(problem);
    }
    run.redactor().learn(config.login.secret());
    let site = http
        .site("vault", config.base(), None)
        .map_err(|cause| Error::Transport { step: Step::Login, cause: Box::new(cause) })?;
    let token = log_in(config, &site, http, run).await?;
    let taken = take_keys(config, &token, run).await;
    // Temporary keys live on without it. With it goes a user that Vault made, whose keys are not taken below.
    let revocation = revoke(config, &token, run).await;
    if let Revocation::Failed(why) = &revocation {
        run.progress().event(Event::Warning(format!("the Vault token ends by itself: {why}")));
    }
    let fetched = Fetched { revocation, ..taken? };
    if fetched.keys.session_token.is_none() {
        return Err(Error::UserKeys);
    }
    if fetched.granted_ttl < config.least_ttl {
        return Err(Error::TooShort { granted: fetched.granted_ttl, needed: config.least_ttl });
    }
    Ok(fetched)
}

async fn take_keys(config: &VaultConfig, token: &Token, run: &Run) -> Result<Fetched, Error> {
    let path = config.path()?;
    let repeat = match path.endpoint {
        Endpoint::Sts => Repeat::Idempotent,
        // Each request may make a user of its own.
        Endpoint::Creds => Repeat::Never,
    };
    let exchange = exchange(config, &token.site, run, Step::Keys, repeat);
    let explain = |refusal: Refusal| keys_refused(&token.site, config, refusal);
    let AwsPath { mount, role, .. } = &path;
    let (role_arn, session) = (&config.role_arn, config.session());
    let ttl = Some(format!("{}s", config.ttl.as_secs()));
    // The clock is read before asking, so that the keys never end before the time that is written down.
    let asked_at = run.clock().now();
    let envelope = match path.endpoint {
        Endpoint::Sts => {
            repeated(run, &exchange, explain, || GenerateCredentialsStsRequest {
                mount: mount.clone(),
                name: role.clone(),
                role_arn: role_arn.clone(),
                role_session_name: session.clone(),
                ttl: ttl.clone(),
            })
            .await?
        }
        Endpoint::Creds => {
            repeated(run, &exchange, explain, || GenerateCredentialsRequest {
                mount: mount.clone(),
                name: role.clone(),
                role_arn: role_arn.clone(),
                role_session_name: session.clone(),
                ttl: ttl.clone(),
            })
            .await?
        }
    };
    let Envelope { lease_duration, .. } = envelope;
    let warnings = envelope.warnings.clone();
    let data: AwsData = envelope.data().ok_or(Error::Answer { step: Step::Keys, what: "data" })?;
    let told = lease_duration.filter(|seconds| *seconds > 0).or(data.ttl.filter(|seconds| *seconds > 0));
    let arn = data.arn.as_deref().map(|arn| landfall_secret::escape(arn, 200));
    let keys = keys(data)?;
    keys.teach(run.redactor());
    let mut warnings: Vec<String> = warnings
        .unwrap_or_default()
        .iter()
        .take(20)
        .map(|warning| landfall_secret::escape(&run.redactor().redact(warning), 300))
        .collect();
    let granted_ttl = told.map_or(config.ttl, Duration::from_secs).min(LONGEST_TTL);
    if told.is_none() {
        warnings.push("Vault does not say how long the keys live; taken for what was asked".to_owned());
    } else if granted_ttl < config.ttl {
        let (granted, asked) = (granted_ttl.as_secs(), config.ttl.as_secs());
        warnings.push(format!("Vault gave {granted} s of the {asked} s that were asked for"));
    }
    Ok(Fetched {
        keys: keys.expiring(Some(asked_at + granted_ttl)),
        requested_ttl: config.ttl,
        granted_ttl,
        arn,
        warnings,
        revocation: Revocation::Revoked,
    })
}

fn keys(data: AwsData) -> Result<AwsKeys, Error> {
    let filled = |value: Option<String>| value.filter(|text| !text.is_empty());
    let missing = |what| Error::Answer { step: Step::Keys, what };
    let id = filled(data.access_key).ok_or(missing("access key"))?;
    let secret = filled(data.secret_key).ok_or(missing("secret key"))?;
    let token = filled(data.session_token).or(filled(data.security_token));
    let printable = |text: &str| text.len() <= 4096 && text.bytes().all(|b| b.is_ascii_graphic());
    if !printable(&id) || !printable(&secret) || !token.as_deref().is_none_or(printable) {
        return Err(missing("keys that could be AWS's"));
    }
    Ok(AwsKeys::new(id, Secret::new(secret), token.map(Secret::new)))
}

async fn revoke(config: &VaultConfig, token: &Token, run: &Run) -> Revocation {
    match token.kind {
        TokenKind::Batch => return Revocation::Batch,
        TokenKind::Given => return Revocation::Given,
        TokenKind::Service => {}
    }
    let exchange = exchange(config, &token.site, run, Step::Revoke, Repeat::Idempotent);
    match exchange.ask(RevokeTokenSelfRequest {}).await {
        Ok(Ok(_)) => Revocation::Revoked,
        Ok(Err(Refusal { status, said, .. })) => Revocation::Failed(format!("{status}: {said}")),
        Err(error) => Revocation::Failed(error.to_string()),
    }
}

pub(crate) fn exchange<'a>(
    config: &'a VaultConfig,
    site: &'a Site,
    run: &'a Run,
    step: Step,
    repeat: Repeat,
) -> Exchange<'a> {
    Exchange { site, namespace: config.namespace.as_deref(), run, step, repeat }
}

/// Asks, and asks again where the server surely did not act: 412 (a replica that lags) and, where the request may use something up,
/// 503; for such a request once and in Vault's own words alone, since what stands before it may say the same of a request that it
/// passed on. All else that is worth repeating was repeated by the transport already.
pub(crate) async fn repeated<E: rustify::endpoint::Endpoint>(
    run: &Run,
    exchange: &Exchange<'_>,
    explain: impl Fn(Refusal) -> Error,
    request: impl Fn() -> E,
) -> Result<Envelope, Error> {
    #[derive(Debug, thiserror::Error)]
    enum Not {
        #[error("{} {}", .0.status, .0.said)]
        Refused(Refusal),
        #[error(transparent)]
        Failed(Error),
    }
    let was_repeated = AtomicBool::new(false);
    let hint = |not: &Not| match (not, exchange.repeat) {
        (Not::Refused(Refusal { status: 412, .. }), Repeat::Idempotent) => Hint::Again,
        (Not::Refused(Refusal { status: 412 | 503, is_vaults: true, .. }), Repeat::Never) => {
            if was_repeated.swap(true, Ordering::Relaxed) { Hint::Stop } else { Hint::Again }
        }
        (Not::Refused(_) | Not::Failed(_), _) => Hint::Stop,
    };
    let asked = run
        .retry(&format!("vault {}", exchange.step), hint, || {
            let endpoint = request();
            async move {
                match exchange.ask(endpoint).await {
                    Ok(Ok(envelope)) => Ok(envelope),
                    Ok(Err(refusal)) => Err(Not::Refused(refusal)),
                    Err(error) => Err(Not::Failed(error)),
                }
            }
        })
        .await;
    asked.map_err(|not| match not {
        Not::Refused(refusal) => explain(refusal),
        Not::Failed(error) => error,
    })
}

fn keys_refused(site: &Site, config: &VaultConfig, refusal: Refusal) -> Error {
    let Refusal { status, said, .. } = refusal;
    let (address, step) = (site.origin().clone(), Step::Keys);
    let path = config.aws_path.trim_matches('/').to_owned();
    let lower = said.to_ascii_lowercase();
    match status {
        503 => Error::Sealed { address, said },
        501 => Error::NotInitialised { address },
        403 => Error::Denied { step, path, said },
        404 => Error::NoMount { path, said },
        _ if lower.contains("throttl")
            || lower.contains("rate exceeded")
            || lower.contains("rate-limited") =>
        {
            Error::Passing { step, status, said }
        }
        _ if lower.contains("error assuming role") || lower.contains("sts error") => {
            Error::AwsRefused { path, said }
        }
        400 if lower.starts_with("role ") && lower.contains("not found") => Error::NoRole { path, said },
        400 if lower.contains("role_arn") || lower.contains("role arn") => {
            Error::RoleArnRefused { path, said }
        }
        412 | 429 | 472 | 473 | 500.. => Error::Passing { step, status, said },
        _ => Error::Refused { step, status, said },
    }
}
