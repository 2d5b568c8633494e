//! Artifactory's own API: tokens for Docker clients, version, ping, configurations. Promotion is next door.

use std::fmt;

use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::json;
use time::OffsetDateTime;

use super::Registry;
use super::access::{Token, basic, bearer};
use super::call::Call;
use super::reply::{Answer, Refusal};

/// The one login.
#[derive(Clone)]
pub struct ArtifactoryAccess {
    /// User name.
    pub user: String,
    /// Password, for Basic.
    pub password: String,
    /// Access token: taken as Bearer by the API, and as Basic password.
    pub access_token: String,
}

impl fmt::Debug for ArtifactoryAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ArtifactoryAccess").field("user", &self.user).finish_non_exhaustive()
    }
}

impl ArtifactoryAccess {
    fn basic_allows(&self, call: &Call) -> bool {
        basic(call).is_some_and(|(user, password)| {
            user == self.user && (password == self.password || password == self.access_token)
        })
    }
}

impl Registry {
    pub(super) fn artifactory_api(
        &self,
        access: &ArtifactoryAccess,
        rest: &str,
        call: &Call,
        body: &Bytes,
    ) -> Answer {
        let segments: Vec<&str> = rest.split('/').collect();
        match (segments.as_slice(), &call.method) {
            (["system", "ping"], &Method::GET) => Ok("OK".into_response()),
            (["docker", "v2", "token"], &Method::GET) => self.token(access, None, call),
            (["docker", key, "v2", "token"], &Method::GET) => self.token(access, Some(key), call),
            (["system", "version"], &Method::GET) => {
                login(access, call)?;
                let version = self.lock().quirks.artifactory_version.clone();
                let body = json!({"version": version, "revision": "78117900", "addons": ["docker"], "license": "sandbox"});
                Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
            }
            (["repositories", key], &Method::GET) => {
                login(access, call)?;
                self.configuration(key)
            }
            (["docker", key, "v2", "promote"], &Method::POST) => {
                login(access, call)?;
                self.promote(key, call, body)
            }
            _ => Err(Refusal::artifactory(StatusCode::NOT_FOUND, "Not Found")),
        }
    }

    /// Docker Registry v2 token authentication, the GET form.
    fn token(&self, access: &ArtifactoryAccess, key: Option<&str>, call: &Call) -> Answer {
        if !access.basic_allows(call) {
            return Err(unauthorized());
        }
        if call.parameter("service").as_deref() != Some("artifactory") {
            return Err(Refusal::artifactory(StatusCode::BAD_REQUEST, "service must be artifactory"));
        }
        let mut inner = self.lock();
        if let Some(key) = key
            && !inner.has_key(key, "pull")
        {
            return Err(Refusal::artifactory(StatusCode::NOT_FOUND, format!("No such repository: {key}")));
        }
        let mut scopes = Vec::new();
        for scope in
            call.parameters("scope").iter().flat_map(|text| text.split(' ')).filter(|text| !text.is_empty())
        {
            let parts: Vec<&str> = scope.split(':').collect();
            let ["repository", name, actions] = parts[..] else {
                return Err(Refusal::artifactory(
                    StatusCode::BAD_REQUEST,
                    format!("scope {scope} is not understood"),
                ));
            };
            // A realm belongs to one repository key, and names are below it, with the key before them (repository path) or without (the
            // other ways); so nothing beyond it is granted.
            let name = match key {
                Some(key) if name.split('/').next() != Some(key) => format!("{key}/{name}"),
                Some(_) | None => name.to_owned(),
            };
            scopes.push((name, actions.split(',').map(str::to_owned).collect()));
        }
        let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(240).collect();
        let lifetime = inner.quirks.token_lifetime;
        inner.tokens.insert(text.clone(), Token { scopes, expires_at: OffsetDateTime::now_utc() + lifetime });
        let body = json!({"token": text, "expires_in": lifetime.as_secs()});
        Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
    }

    /// Every Bearer token that Docker clients hold, for tests that look for leaks.
    pub fn bearer_tokens(&self) -> Vec<String> {
        self.lock().tokens.keys().cloned().collect()
    }

    /// Makes every Bearer token that Docker clients hold expired from now on.
    pub fn expire_tokens(&self) {
        for token in self.lock().tokens.values_mut() {
            token.expires_at = OffsetDateTime::UNIX_EPOCH;
        }
    }
}

/// Key and rest of a path at which images are read, `docker/<key>/v2/<rest>`; tokens and promotion are not images.
pub(super) fn images_below(rest: &str) -> Option<(&str, &str)> {
    let (key, rest) = rest.strip_prefix("docker/")?.split_once("/v2/")?;
    (!key.contains('/') && key != "v2" && !matches!(rest, "" | "token" | "promote")).then_some((key, rest))
}

fn login(access: &ArtifactoryAccess, call: &Call) -> Result<(), Refusal> {
    if access.basic_allows(call) || bearer(call) == Some(access.access_token.as_str()) {
        Ok(())
    } else {
        Err(unauthorized())
    }
}

fn unauthorized() -> Refusal {
    Refusal::artifactory(StatusCode::UNAUTHORIZED, "Bad credentials")
        .header(header::WWW_AUTHENTICATE, "Basic realm=\"Artifactory Realm\"".to_owned())
}
