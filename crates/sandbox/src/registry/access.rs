//! Who may do what.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use time::OffsetDateTime;

use super::call::Call;
use super::reply::Refusal;
use super::{Flavour, Registry};

/// A Bearer token of Artifactory.
pub(super) struct Token {
    /// Repository name and actions.
    pub(super) scopes: Vec<(String, Vec<String>)>,
    pub(super) expires_at: OffsetDateTime,
}

struct Password {
    access_key_id: String,
    expires_at: OffsetDateTime,
}

/// The registry passwords that ECR's API gave out.
#[derive(Default)]
pub struct EcrTokens {
    passwords: Mutex<BTreeMap<String, Password>>,
}

impl fmt::Debug for EcrTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EcrTokens").finish_non_exhaustive()
    }
}

impl EcrTokens {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a password for the holder of that key.
    pub fn issue(&self, access_key_id: &str, lifetime: Duration) -> (String, OffsetDateTime) {
        let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(1200).collect();
        let expires_at = OffsetDateTime::now_utc() + lifetime;
        let password = Password { access_key_id: access_key_id.to_owned(), expires_at };
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone(), password);
        (text, expires_at)
    }

    /// Makes every password expired from now on.
    pub fn expire_all(&self) {
        for password in self.passwords.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            password.expires_at = OffsetDateTime::UNIX_EPOCH;
        }
    }

    /// Every password, for tests that look for leaks.
    pub fn secrets(&self) -> Vec<String> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The key behind a password, and whether the password has expired.
    fn find(&self, password: &str) -> Option<(String, bool)> {
        let passwords = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        let found = passwords.get(password)?;
        Some((found.access_key_id.clone(), found.expires_at <= OffsetDateTime::now_utc()))
    }
}

/// User and password of a Basic `Authorization` header.
pub(super) fn basic(call: &Call) -> Option<(String, String)> {
    let encoded = call.header(header::AUTHORIZATION)?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

pub(super) fn bearer(call: &Call) -> Option<&str> {
    call.header(header::AUTHORIZATION)?.strip_prefix("Bearer ")
}

impl Registry {
    /// Any valid login, for the ping.
    pub(super) fn authenticate(&self, call: &Call) -> Result<(), Refusal> {
        match &self.flavour {
            Flavour::Artifactory(_) => match self.bearer_scopes(call) {
                Some(_) => Ok(()),
                None => Err(self.challenge(None)),
            },
            Flavour::Ecr { .. } => self.ecr_key(call).map(drop),
            Flavour::Plain => Ok(()),
        }
    }

    /// `action` in Docker's words (`pull`, `push`) and in ECR's (`PutImage`).
    pub(super) fn authorize(
        &self,
        call: &Call,
        repository: &str,
        action: &str,
        ecr_action: &str,
    ) -> Result<(), Refusal> {
        match &self.flavour {
            Flavour::Artifactory(_) => {
                let scopes =
                    self.bearer_scopes(call).ok_or_else(|| self.challenge(Some((repository, action))))?;
                let granted = scopes.iter().any(|(name, actions)| {
                    name == repository && actions.iter().any(|granted| granted == action)
                });
                if !granted {
                    return Err(self.challenge(Some((repository, action))));
                }
                let inner = self.lock();
                if inner.denied.iter().any(|prefix| repository.starts_with(prefix.as_str())) {
                    return Err(Refusal::denied(format!(
                        "The user has no permission to {action} {repository}"
                    )));
                }
                let key = repository.split('/').next().unwrap_or_default();
                if inner.has_key(key, action) && repository.contains('/') {
                    Ok(())
                } else {
                    Err(Refusal::name_unknown(repository))
                }
            }
            Flavour::Ecr { issued, .. } => {
                let key = self.ecr_key(call)?;
                if !issued.allows(&key, "ecr", ecr_action) {
                    let message =
                        format!("not authorized to perform: ecr:{ecr_action} on resource: {repository}");
                    return Err(Refusal::denied(message));
                }
                if self.lock().store.repositories.contains_key(repository) {
                    Ok(())
                } else {
                    Err(Refusal::name_unknown(repository))
                }
            }
            Flavour::Plain => Ok(()),
        }
    }

    fn ecr_key(&self, call: &Call) -> Result<String, Refusal> {
        let Flavour::Ecr { tokens, .. } = &self.flavour else {
            return Err(self.challenge(None));
        };
        let (user, password) = basic(call).ok_or_else(|| self.challenge(None))?;
        match tokens.find(&password).filter(|_| user == "AWS") {
            Some((key, false)) => Ok(key),
            // Docker prints this as "denied: …": the code is DENIED, whose status is 403, and not a challenge.
            Some((_, true)) => {
                Err(Refusal::denied("Your authorization token has expired. Reauthenticate and try again."))
            }
            None => Err(self.challenge(None)),
        }
    }

    fn bearer_scopes(&self, call: &Call) -> Option<Vec<(String, Vec<String>)>> {
        let text = bearer(call)?;
        let inner = self.lock();
        let token = inner.tokens.get(text).filter(|token| token.expires_at > OffsetDateTime::now_utc())?;
        Some(token.scopes.clone())
    }

    /// 401 that says where to log in. `wanted` is a repository and what was to be done with it.
    fn challenge(&self, wanted: Option<(&str, &str)>) -> Refusal {
        let (own, names_scope) = {
            let quirks = &self.lock().quirks;
            (quirks.realm.clone(), quirks.challenge_scope)
        };
        let value = match &self.flavour {
            Flavour::Ecr { .. } => {
                let realm = own.unwrap_or_else(|| format!("http://{}/", self.host));
                format!("Basic realm=\"{realm}\",service=\"ecr.amazonaws.com\"")
            }
            // It asks for no login, so this answers nobody.
            Flavour::Plain => format!("Basic realm=\"http://{}/\"", self.host),
            Flavour::Artifactory(_) => {
                // The ping knows no repository, so its realm has no key (earthly 1017).
                let key = wanted.and_then(|(name, _)| name.split('/').next());
                let path = key.map_or_else(|| "v2/token".to_owned(), |key| format!("{key}/v2/token"));
                let realm =
                    own.unwrap_or_else(|| format!("http://{}/artifactory/api/docker/{path}", self.host));
                let scope = wanted.filter(|_| names_scope).map_or_else(String::new, |(name, action)| {
                    let actions = if action == "push" { "pull,push" } else { action };
                    format!(",scope=\"repository:{name}:{actions}\"")
                });
                format!("Bearer realm=\"{realm}\",service=\"artifactory\"{scope}")
            }
        };
        Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
            .header(header::WWW_AUTHENTICATE, value)
    }
}
