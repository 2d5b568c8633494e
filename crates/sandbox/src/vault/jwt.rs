//! The JWT auth method: tokens that a CI signs.
//!
//! Texts follow the source of Vault's plugin (`vault-plugin-auth-jwt`, `path_login.go`). In place of a key pair there is one signature,
//! which [`id_token`] puts below what it makes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::reply::Refusal;
use super::tokens::AppRole;

/// Stands for what only the issuer's key could make.
const SIGNATURE: &str = "signed by the sandbox";

/// A role of the JWT method.
#[derive(Clone, Debug)]
pub struct JwtRole {
    /// Its name.
    pub name: String,
    /// One of these must be the token's audience.
    pub bound_audiences: Vec<String>,
    /// The token's subject, where it is bound.
    pub bound_subject: Option<String>,
    /// Policies, AWS roles and kind of its tokens; its name and role id do not matter.
    pub tokens: AppRole,
}

/// A signed token with these claims.
pub fn id_token(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(&claims.to_string()), part(SIGNATURE))
}

/// What a token claims, where it is signed as [`id_token`] does it and not over.
pub(crate) fn claims(token: &str) -> Result<Map<String, Value>, Flaw> {
    let parts: Vec<Vec<u8>> =
        token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).collect();
    let [_, claims, signature] = parts.as_slice() else { return Err(Flaw::Malformed) };
    if signature != SIGNATURE.as_bytes() {
        return Err(Flaw::Signature);
    }
    let claims: Map<String, Value> = serde_json::from_slice(claims).map_err(|_| Flaw::Claims)?;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    if claims.get("exp").and_then(Value::as_i64).is_some_and(|ends| ends < now) {
        return Err(Flaw::Over);
    }
    Ok(claims)
}

/// Why a token is not taken, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It has not three parts.
    Malformed,
    /// Somebody else signed it.
    Signature,
    /// Its claims are no JSON object.
    Claims,
    /// Its time has passed.
    Over,
}

/// The audiences of a token: one text, or several.
pub(crate) fn audiences(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The role that a login is for, where it takes the token.
pub(super) fn role_of<'a>(
    roles: &'a [JwtRole],
    default_role: Option<&str>,
    body: &Map<String, Value>,
) -> Result<&'a JwtRole, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let token = text("jwt").ok_or_else(|| Refusal::bad("missing token"))?;
    let name = text("role").or(default_role).ok_or_else(|| Refusal::bad("missing role"))?;
    let role = roles.iter().find(|role| role.name == name);
    let role = role.ok_or_else(|| Refusal::bad(format!("role \"{name}\" could not be found")))?;
    let invalid = |why: &str| Refusal::bad(format!("error validating token: {why}"));
    let claims = claims(token).map_err(|flaw| {
        invalid(match flaw {
            Flaw::Malformed => "error verifying token signature: malformed token",
            Flaw::Signature => {
                "error verifying token signature: no known key successfully validated the token signature"
            }
            Flaw::Claims => "malformed claims",
            Flaw::Over => "invalid expiration time (exp) claim: token is expired",
        })
    })?;
    let audiences = audiences(&claims);
    if !role.bound_audiences.iter().any(|bound| audiences.contains(&bound.as_str())) {
        return Err(invalid(
            "invalid audience (aud) claim: audience claim does not match any bound audience",
        ));
    }
    let subject = claims.get("sub").and_then(Value::as_str);
    if role.bound_subject.is_some() && role.bound_subject.as_deref() != subject {
        return Err(invalid("invalid subject (sub) claim"));
    }
    Ok(role)
}
