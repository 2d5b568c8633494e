//! Looks at a server that use nothing up: no login is made, no wrapping opened.

use landfall_run::Run;
use landfall_transport::{Http, Repeat, Site};
use vaultrs::api::sys::requests::ReadHealthRequest;

use crate::exchange::{Exchange, Refusal};
use crate::log_in::look_at_wrapping;
use crate::{Error, SecretId, Step, VaultConfig, VaultLogin};

/// Asks whether the server is there, initialised and unsealed. A standby is well: it passes on what it is asked.
///
/// Source: Vault API, "/sys/health", which needs no token and no namespace.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Sealed`], [`Error::NotInitialised`], [`Error::Redirected`]; another answer than Vault's.
pub async fn health(config: &VaultConfig, http: &Http, run: &Run) -> Result<(), Error> {
    let site = site(config, http, Step::Health)?;
    let exchange =
        Exchange { site: &site, namespace: None, run, step: Step::Health, repeat: Repeat::Idempotent };
    match exchange.ask(ReadHealthRequest::default()).await? {
        // Active; standby; standby of a recovery or a performance cluster.
        Ok(_) | Err(Refusal { status: 429 | 472 | 473, .. }) => Ok(()),
        Err(Refusal { status: 501, .. }) => Err(Error::NotInitialised { address: site.origin().clone() }),
        Err(Refusal { status: 503, .. }) => {
            Err(Error::Sealed { address: site.origin().clone(), said: "its health says so".to_owned() })
        }
        Err(Refusal { status, said, .. }) if status >= 500 => {
            Err(Error::Passing { step: Step::Health, status, said })
        }
        Err(Refusal { status, said, .. }) => Err(Error::Refused { step: Step::Health, status, said }),
    }
}

/// Asks whether the wrapped secret id of a login is still in its wrapping, and was wrapped for this method. It stays there. Any other
/// login has none, which is well.
///
/// Source: Vault API, "/sys/wrapping/lookup", which needs no token but the wrapping's.
///
/// # Errors
/// [`Error::Unwrapped`], [`Error::WrappedElsewhere`], and what keeps the server from answering.
pub async fn wrapping(config: &VaultConfig, http: &Http, run: &Run) -> Result<(), Error> {
    let VaultLogin::AppRole { secret_id: SecretId::Wrapped(token), .. } = &config.login else {
        return Ok(());
    };
    run.redactor().learn(token);
    let site = site(config, http, Step::LookAtWrapping)?;
    look_at_wrapping(config, config.mount()?, token, &site, run).await
}

fn site(config: &VaultConfig, http: &Http, step: Step) -> Result<Site, Error> {
    http.site("vault", config.base(), None).map_err(|cause| Error::Transport { step, cause: Box::new(cause) })
}
