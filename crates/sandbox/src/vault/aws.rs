//! The AWS secrets engine: `sts/:role` and `creds/:role` of type assumed_role.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value, json};

use super::reply::{Answer, Refusal, envelope, uuid};
use super::tokens::random_text;
use super::{LeaseShape, Vault, VaultConfig};

/// AWS refuses shorter sessions (STS AssumeRole, `DurationSeconds`).
const MIN_TTL: u64 = 900;
const DEFAULT_TTL: u64 = 3_600;
const MAX_SESSION_NAME: usize = 64;

/// A role of the AWS engine.
#[derive(Clone, Debug)]
pub struct AwsRole {
    /// Name in the path.
    pub name: String,
    /// Roles it may assume; with exactly one, callers need not name it.
    pub role_arns: Vec<String>,
    /// `max_sts_ttl`: longer wishes are shortened without a word.
    pub max_ttl: Duration,
    /// Vault itself runs on a role, so that AWS allows an hour at most.
    pub chained: bool,
}

/// Names of the token member of the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenNames {
    /// `security_token` alone: before Vault 1.16.
    Old,
    /// `security_token` and `session_token`: Vault 1.16 and later.
    #[default]
    Both,
    /// `session_token` alone: the old name is announced to go.
    New,
}

/// Parameters of the request: from the JSON body, or from the query of a GET.
pub(super) fn read(
    vault: &Vault,
    config: &VaultConfig,
    role: &AwsRole,
    display_name: &str,
    method: &Method,
    parameters: &Map<String, Value>,
) -> Answer {
    let text = |name: &str| match parameters.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::bad(format!("error converting input for field \"{name}\""))),
    };
    let role_arn = match (text("role_arn")?.filter(|arn| !arn.is_empty()), role.role_arns.as_slice()) {
        (Some(arn), allowed) if allowed.contains(&arn) => arn,
        (Some(arn), _) => {
            return Err(Refusal::bad(format!(
                "role_arn \"{arn}\" not in allowed role arns for Vault role \"{}\"",
                role.name
            )));
        }
        (None, [only]) => only.clone(),
        (None, _) => {
            return Err(Refusal::bad("did not supply a role_arn parameter and unable to determine one"));
        }
    };
    let wanted = parameters.get("ttl").map_or(Ok(DEFAULT_TTL), |ttl| seconds(ttl, *method == Method::GET))?;
    let ttl = wanted.min(role.max_ttl.as_secs());
    let assume = |problem: &str| Refusal::bad(format!("Error assuming role: {problem}"));
    if ttl < MIN_TTL {
        return Err(assume(&format!(
            "ValidationError: 1 validation error detected: Value '{ttl}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to {MIN_TTL}"
        )));
    }
    if role.chained && ttl > 3_600 {
        return Err(assume(
            "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let session = text("role_session_name")?.filter(|name| !name.is_empty());
    let session =
        clean(&session.unwrap_or_else(|| format!("vault-{display_name}-{}-{}", role.name, random_text(20))));
    let mut arn = role_arn.split(':');
    let (account, path) = (arn.nth(4).unwrap_or_default().to_owned(), arn.next().unwrap_or_default());
    let role_name = path.rsplit('/').next().unwrap_or_default();
    let identity = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session}");
    let lifetime = config.credential_lifetime.unwrap_or(Duration::from_secs(ttl));
    let credentials = vault.issued.temporary(&account, &identity, lifetime);

    let ttl = config.told_lifetime.map_or(ttl, |told| told.as_secs());
    let mut data = Map::new();
    data.insert("access_key".to_owned(), json!(credentials.access_key_id));
    data.insert("secret_key".to_owned(), json!(credentials.secret_access_key));
    if config.token_names != TokenNames::New {
        data.insert("security_token".to_owned(), json!(credentials.session_token));
    }
    if config.token_names != TokenNames::Old {
        data.insert("session_token".to_owned(), json!(credentials.session_token));
    }
    data.insert("arn".to_owned(), json!(identity));
    let lease_id = format!("{}/sts/{}/{}", config.aws_mount, role.name, uuid());
    Ok(match config.lease {
        LeaseShape::Leased => envelope(Value::Object(data), Value::Null, Some((&lease_id, ttl))),
        LeaseShape::DataTtl => {
            data.insert("ttl".to_owned(), json!(ttl));
            envelope(Value::Object(data), Value::Null, None)
        }
        LeaseShape::Nothing => envelope(Value::Object(data), Value::Null, None),
    })
}

/// Whole seconds, or Vault's duration text (`900`, `900s`, `15m`, `1h`). Numbers in quotes are all that a query string can hold.
fn seconds(value: &Value, from_query: bool) -> Result<u64, Refusal> {
    let wrong = || Refusal::bad("error converting input for field \"ttl\": could not parse a duration");
    match value {
        Value::Number(number) if !from_query => number.as_u64().ok_or_else(wrong),
        Value::String(text) => {
            let split = text.find(|part: char| !part.is_ascii_digit()).unwrap_or(text.len());
            let (digits, unit) = text.split_at(split);
            let factor = match unit {
                "" | "s" => 1,
                "m" => 60,
                "h" => 3_600,
                _ => return Err(wrong()),
            };
            digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// What AWS does not take in a session name becomes `_`; the rest beyond 64 characters is cut (Vault source, secret_access_keys.go).
fn clean(name: &str) -> String {
    name.chars()
        .map(|part| if part.is_ascii_alphanumeric() || "+=,.@_-".contains(part) { part } else { '_' })
        .take(MAX_SESSION_NAME)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_names_are_read_as_vault_does() {
        assert_eq!(seconds(&json!("15m"), false), Ok(900));
        assert_eq!(seconds(&json!("900s"), true), Ok(900));
        assert_eq!(seconds(&json!(900), false), Ok(900));
        for bad in [json!("1d"), json!(-1), json!(1.5), json!(null), json!("")] {
            assert!(seconds(&bad, false).is_err(), "{bad}");
        }
        assert_eq!(clean("gl-1/2 ü"), "gl-1_2__");
        assert_eq!(clean(&"x".repeat(70)).len(), 64);
    }
}
