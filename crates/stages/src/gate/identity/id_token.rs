//! The id token that GitLab signs for a job (RFC 7519), checked with the keys of who signed it.
//!
//! Source: GitLab's `id_tokens`, OpenID Connect Discovery 1.0, RFC 7517.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use landfall_artifacts::Actor;
use landfall_ledger::gate::Identity;
use landfall_run::Run;
use landfall_secret::Secret;
use landfall_transport::{Answer, Cap, Http, Method};
use serde::Deserialize;
use time::OffsetDateTime;

use super::Error;
use crate::gate::Person;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;

/// A token, and who is to have signed it for what.
#[derive(Debug)]
pub struct IdToken {
    /// The token.
    pub token: Secret,
    /// What is expected of it.
    pub expected: Expected,
}

/// What a token must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The address of who signs it, such as `https://gitlab.example.com`.
    pub issuer: String,
    /// Who it is for.
    pub audience: String,
    /// The pipeline, where one is known: a token of another proves nothing here.
    pub pipeline: Option<String>,
    /// The job, likewise.
    pub job: Option<String>,
    /// The project, such as `acme/shop`, likewise; in upper or lower case.
    pub project: Option<String>,
}

/// What is read of a token.
#[derive(Debug, Deserialize)]
struct Claims {
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    user_login: Option<String>,
    #[serde(default)]
    pipeline_id: Option<String>,
    #[serde(default)]
    job_id: Option<String>,
    #[serde(default)]
    project_path: Option<String>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Who the token says started the job, as its issuer signed it.
///
/// # Errors
/// [`Error::Unreachable`] where the issuer cannot be asked for its keys; then nothing is known. [`Error::IdToken`] and [`Error::Keys`]
/// where something is wrong: then nobody is to be taken at their word.
pub async fn of_id_token(id_token: &IdToken, http: &Http, run: &Run) -> Result<Person, Error> {
    let IdToken { token, expected } = id_token;
    run.redactor().learn(token);
    let keys = keys(&expected.issuer, http, run).await?;
    verified(token.expose(), &keys, expected, run.clock().now())
}

/// The keys that the issuer publishes now. They are asked of the issuer's own host alone.
async fn keys(issuer: &str, http: &Http, run: &Run) -> Result<JwkSet, Error> {
    let bad =
        |what: &str| Error::Keys { issuer: landfall_secret::escape(issuer, 200), what: what.to_owned() };
    let root = issuer.trim_end_matches('/');
    let failed = |cause| Error::not_asked(issuer, cause);
    let site = http.site("issuer", root, None).map_err(failed)?;
    let answer = site.get("/.well-known/openid-configuration").send(run, Cap::JSON).await.map_err(failed)?;
    let discovery: Discovery = read(&answer).ok_or_else(|| bad("its discovery document is none"))?;
    if discovery.issuer.trim_end_matches('/') != root {
        return Err(bad("its discovery document is of another issuer"));
    }
    let given = site.accept(site.base(), &discovery.jwks_uri, "jwks_uri");
    let address = given.map_err(|_| bad("its keys are on another host"))?;
    let answer = site.request_at(Method::GET, &address).send(run, Cap::JSON).await.map_err(failed)?;
    read(&answer).ok_or_else(|| bad("they are no JSON Web Key Set"))
}

fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Option<T> {
    serde_json::from_slice(answer.body()).ok().filter(|_| answer.status().is_success())
}

/// Who the token says started the job, where one of these keys signed it and all of it is as expected.
///
/// # Errors
/// [`Error::IdToken`] otherwise.
pub fn verified(
    token: &str,
    keys: &JwkSet,
    expected: &Expected,
    now: OffsetDateTime,
) -> Result<Person, Error> {
    let bad = |what: &str| Error::IdToken { what: what.to_owned() };
    let header = decode_header(token).map_err(|_| bad("it is no signed token"))?;
    // Never what the token itself would like: `none`, or a secret that is a public key.
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
        return Err(bad("it is signed by neither RS256 nor ES256"));
    }
    let kid = header.kid.as_deref().ok_or_else(|| bad("it does not name its key"))?;
    let key = keys.find(kid).ok_or_else(|| bad("its issuer has no such key"))?;
    let key = DecodingKey::from_jwk(key).map_err(|_| bad("its key cannot be used"))?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer.trim_end_matches('/')]);
    validation.set_audience(&[&expected.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    // Times are compared below, with the clock of the run.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &validation)
        .map_err(|cause| bad(&landfall_secret::escape(&cause.to_string(), 120)))?
        .claims;
    let now = now.unix_timestamp();
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(bad("its time is over"));
    }
    if claims.nbf.is_some_and(|from| from.saturating_sub(LEEWAY) > now) {
        return Err(bad("its time has not come"));
    }
    for (what, told, wanted) in [
        ("it is of another pipeline", &claims.pipeline_id, &expected.pipeline),
        ("it is of another job", &claims.job_id, &expected.job),
    ] {
        if wanted.is_some() && told != wanted {
            return Err(bad(what));
        }
    }
    let project = claims.project_path;
    if let Some(wanted) = &expected.project
        && !project.as_ref().is_some_and(|told| told.eq_ignore_ascii_case(wanted))
    {
        return Err(bad("it is of another project"));
    }
    let name = claims.user_login.filter(|name| !name.is_empty()).ok_or_else(|| bad("it names no user"))?;
    let of = project.map(|project| format!(" for {}", landfall_secret::escape(&project, 255)));
    let issuer = landfall_secret::escape(&expected.issuer, 200);
    let actor = Actor {
        name: landfall_secret::escape(&name, 255),
        source: format!("id token of {issuer}{}", of.unwrap_or_default()),
    };
    Ok(Person { actor, identity: Identity::Verified, comment: None })
}
