//! Access to one repository: which credential a request carries, and where it comes from.
//!
//! Docker Registry token authentication (distribution docs, "Token Authentication Specification" and, for identity tokens,
//! "OAuth2 Token Authentication"); ECR and many others take Basic. A token is asked for once however many requests wait for it.

use std::sync::Arc;
use std::time::Duration;

use landfall_run::Run;
use landfall_secret::{CredentialKind, Secret, escape};
use landfall_transport::{Cap, HeaderMap, Location, Method, Request, Site, StatusCode};
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use crate::challenge::{Challenge, parse_challenges};
use crate::registry::{Access, Need};
use crate::{Error, Login, Registry, refusal};

/// How long a token is good that does not say so (the specification's default).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// The longest life that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The longest token, in bytes.
const LONGEST_TOKEN: usize = 32 << 10;
/// Who we say we are where an identity token is exchanged.
const CLIENT_ID: &str = "landfall";

/// The access to one repository for one kind of action.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the credentials so far, so that one refusal renews once.
    generation: u64,
    site: Option<Site>,
    /// When the token should be asked for anew, and how.
    renewal: Option<(OffsetDateTime, Challenge)>,
}

/// A credential and its number.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    pub(crate) site: Site,
    pub(crate) generation: u64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    /// Another identity token. It is not asked for, and must not be shown where it is given.
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Slot {
    /// What a request carries now. A token that is about to end is renewed first.
    pub(crate) async fn current(
        self: &Arc<Self>,
        registry: &Registry,
        need: &Need<'_>,
        run: &Run,
    ) -> Result<Carried, Error> {
        let mut state = self.state.lock().await;
        if let Some((at, challenge)) = state.renewal.clone()
            && run.clock().now() >= at
        {
            answer_bearer(&mut state, registry, need, challenge, run).await?;
        }
        let site = state.site.get_or_insert_with(|| registry.first_site()).clone();
        Ok(Carried { site, generation: state.generation })
    }

    /// A better credential than the refused one, which the refusal's headers ask for.
    pub(crate) async fn renewed(
        self: &Arc<Self>,
        registry: &Registry,
        need: &Need<'_>,
        refused: &Carried,
        headers: &HeaderMap,
        run: &Run,
    ) -> Result<Carried, Error> {
        let mut state = self.state.lock().await;
        if state.generation == refused.generation {
            let challenges: Vec<Challenge> = headers
                .get_all("www-authenticate")
                .iter()
                .take(8)
                .filter_map(|value| value.to_str().ok())
                .flat_map(parse_challenges)
                .collect();
            let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme).cloned();
            match (of("bearer").filter(|bearer| bearer.parameter("realm").is_some()), of("basic")) {
                (Some(bearer), _) => answer_bearer(&mut state, registry, need, bearer, run).await?,
                (None, Some(_)) => answer_basic(&mut state, registry, need, &refused.site)?,
                (None, None) => match headers.get("www-authenticate").and_then(|value| value.to_str().ok()) {
                    Some(shown) => {
                        let host = registry.host().to_owned();
                        return Err(Error::Challenge {
                            host,
                            shown: escape(&run.redactor().redact(shown), 200),
                        });
                    }
                    None => answer_basic(&mut state, registry, need, &refused.site)?,
                },
            }
        }
        let site = state.site.clone().unwrap_or_else(|| registry.first_site());
        Ok(Carried { site, generation: state.generation })
    }

    /// The login itself, for a server that hides what it has from strangers instead of asking who they are.
    pub(crate) async fn forthright(
        self: &Arc<Self>,
        registry: &Registry,
        refused: &Carried,
    ) -> Option<Carried> {
        let mut state = self.state.lock().await;
        if state.generation == refused.generation {
            if refused.site.has_credential() {
                return None;
            }
            let kind = registry.login()?.kind()?;
            state.site = Some(registry.anonymous_site().with_credential(Some(kind)));
            state.generation += 1;
        }
        state.site.clone().map(|site| Carried { site, generation: state.generation })
    }
}

fn answer_basic(
    state: &mut State,
    registry: &Registry,
    need: &Need<'_>,
    refused: &Site,
) -> Result<(), Error> {
    let Some(login) = registry.login() else {
        return Err(Error::NoLogin { host: registry.host().to_owned(), doing: need.doing.clone() });
    };
    // The login was carried and not taken: carrying it again would lock the account.
    if refused.has_credential() {
        return Err(registry.login_refused(need, String::new()));
    }
    let Some(kind) = login.kind() else {
        let why = "it asks for user and password".to_owned();
        return Err(Error::LoginKind { host: registry.host().to_owned(), why });
    };
    state.site = Some(registry.anonymous_site().with_credential(Some(kind)));
    state.renewal = None;
    state.generation += 1;
    Ok(())
}

async fn answer_bearer(
    state: &mut State,
    registry: &Registry,
    need: &Need<'_>,
    challenge: Challenge,
    run: &Run,
) -> Result<(), Error> {
    let (token, life) = fetch(registry, need, &challenge, run).await?;
    let now = run.clock().now();
    let margin = (life / 4).min(Duration::from_secs(30));
    state.site = Some(registry.anonymous_site().with_credential(Some(CredentialKind::Bearer(token))));
    state.renewal = Some((now + life.saturating_sub(margin), challenge));
    state.generation += 1;
    Ok(())
}

async fn fetch(
    registry: &Registry,
    need: &Need<'_>,
    challenge: &Challenge,
    run: &Run,
) -> Result<(Secret, Duration), Error> {
    let host = registry.host();
    let exchanges = matches!(registry.login(), Some(Login::IdentityToken(_)));
    let doing = if exchanges {
        format!("exchange the identity token for {host}")
    } else {
        format!("GET a token for {host}")
    };
    let failed = |cause| Error::transport(doing.clone(), cause);
    let realm = challenge.parameter("realm").unwrap_or_default();
    let server = registry
        .anonymous_site()
        .with_credential(registry.login().and_then(Login::kind))
        .token_server(realm, registry.auth_host())
        .map_err(failed)?;
    let odd =
        |_| Error::Challenge { host: host.to_owned(), shown: escape(&run.redactor().redact(realm), 200) };
    let asked = Url::parse(realm).map_err(odd)?;
    let location = server.accept(&asked, realm, "WWW-Authenticate realm").map_err(failed)?;
    if let Some(login) = registry.login() {
        run.redactor().learn(login.secret());
    }
    let request = token_request(&server, &location, registry.login(), challenge, need);
    let answer = request.send(run, Cap::TOKEN).await.map_err(failed)?;
    match answer.status() {
        StatusCode::OK => {}
        status @ (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) if exchanges => {
            let why = format!("its token server does not exchange such tokens ({})", status.as_u16());
            return Err(Error::LoginKind { host: host.to_owned(), why });
        }
        // OAuth2 has this status for a token that is wrong or over (RFC 6749, 5.2).
        StatusCode::BAD_REQUEST if exchanges => {
            return Err(registry.login_refused(need, refusal::read(&answer, run).said));
        }
        StatusCode::UNAUTHORIZED if registry.login().is_none() => {
            return Err(Error::NoLogin { host: host.to_owned(), doing: need.doing.clone() });
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(registry.login_refused(need, refusal::read(&answer, run).said));
        }
        status => {
            let said = refusal::read(&answer, run).said;
            return Err(Error::Token { host: host.to_owned(), status: status.as_u16(), said });
        }
    }
    let unusable =
        || Error::Token { host: host.to_owned(), status: 200, said: "the answer holds no token".to_owned() };
    // The body is never shown: half of it may be a token.
    let given: TokenAnswer = serde_json::from_slice(answer.body()).map_err(|_| unusable())?;
    if let Some(further) = given.refresh_token {
        run.redactor().learn(&Secret::new(further));
    }
    let text = given.token.or(given.access_token).unwrap_or_default();
    if text.is_empty() || text.len() > LONGEST_TOKEN || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unusable());
    }
    let token = Secret::new(text);
    run.redactor().learn(&token);
    let life = given.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
    Ok((token, life.clamp(Duration::from_secs(1), LONGEST_LIFE)))
}

/// The request for a token: with the login as Basic or Bearer, or with an identity token in a form.
fn token_request(
    server: &Site,
    location: &Location,
    login: Option<&Login>,
    challenge: &Challenge,
    need: &Need<'_>,
) -> Request {
    let service = challenge.parameter("service").map(|service| ("service", service.to_owned()));
    // The scope is ours: what the challenge says may name another repository, or lack the repository key.
    let asked = service.into_iter().chain([("scope", need.scope())]);
    match login {
        Some(Login::IdentityToken(token)) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", CLIENT_ID);
            form.extend_pairs(asked).append_pair("refresh_token", token.expose());
            // It changes nothing: no new identity token is asked for, and the old one stays good.
            server
                .request_at(Method::POST, location)
                .counted_as("token")
                .body("application/x-www-form-urlencoded", form.finish())
                .reading()
                .never_a_page()
        }
        Some(Login::Basic { .. } | Login::Bearer(_)) | None => {
            let request = server.request_at(Method::GET, location).counted_as("token").never_a_page();
            asked.fold(request, |request, (name, value)| request.query(name, &value))
        }
    }
}

impl Need<'_> {
    /// `repository:<path>:pull` or `:pull,push`.
    pub(crate) fn scope(&self) -> String {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        format!("repository:{}:{actions}", self.path)
    }
}
