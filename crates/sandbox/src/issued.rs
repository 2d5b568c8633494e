//! Which AWS keys exist, and whether a request was signed with one of them.
//!
//! Vault and STS put keys in, ECR and Lambda ask. What is checked is the shape of Signature Version 4 (AWS General Reference, "Create a signed
//! AWS API request"): the scope's date, region and service, the signed headers, that the key exists, lives and came with its session token.
//! The signature itself is not computed: that would need the body as sent, and the SDKs are trusted to sign rightly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, header};
use time::OffsetDateTime;

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// A key pair as handed to a caller.
#[derive(Clone)]
pub struct IssuedKeys {
    /// Twenty characters, `ASIA…` for temporary keys, `AKIA…` for static ones.
    pub access_key_id: String,
    /// Forty characters.
    pub secret_access_key: String,
    /// Present for temporary keys.
    pub session_token: Option<String>,
    /// Present for temporary keys.
    pub expires_at: Option<OffsetDateTime>,
}

impl fmt::Debug for IssuedKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IssuedKeys").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The key that signed.
    pub access_key_id: String,
    /// Twelve digits.
    pub account: String,
    /// The principal's ARN, such as `arn:aws:sts::111122223333:assumed-role/Deployer/session`.
    pub arn: String,
}

/// Why a request was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthRefusal {
    /// No `Authorization` header.
    Missing,
    /// The header, or one it needs, is not of Signature Version 4's shape.
    Malformed(String),
    /// Nobody issued that key, or it was revoked.
    UnknownKey,
    /// The key's session token is missing or another.
    WrongToken,
    /// The key has lived.
    Expired,
    /// Signed for another region.
    WrongRegion {
        /// The region that the service is in.
        expected: String,
    },
    /// Signed for another service.
    WrongService {
        /// The service's name in signatures.
        expected: String,
    },
    /// The key is good, the action is not allowed to it.
    Denied {
        /// The principal.
        arn: String,
        /// Such as `ecr:GetAuthorizationToken`.
        action: String,
    },
}

impl AuthRefusal {
    /// The exception's name in the JSON protocols (ECR, Lambda). Source: AWS "Common Errors" pages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Malformed(_) => "IncompleteSignatureException",
            Self::UnknownKey | Self::WrongToken => "UnrecognizedClientException",
            Self::Expired => "ExpiredTokenException",
            Self::WrongRegion { .. } | Self::WrongService { .. } => "InvalidSignatureException",
            Self::Denied { .. } => "AccessDeniedException",
        }
    }

    /// The error code in the query protocol (STS). Source: STS API reference, "Common Errors".
    pub fn query_code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationToken",
            Self::Malformed(_) => "IncompleteSignature",
            Self::UnknownKey | Self::WrongToken => "InvalidClientTokenId",
            Self::Expired => "ExpiredToken",
            Self::WrongRegion { .. } | Self::WrongService { .. } => "SignatureDoesNotMatch",
            Self::Denied { .. } => "AccessDenied",
        }
    }

    /// The text that comes with it.
    pub fn message(&self) -> String {
        match self {
            Self::Missing => "Missing Authentication Token".to_owned(),
            Self::Malformed(what) => what.clone(),
            Self::UnknownKey | Self::WrongToken => {
                "The security token included in the request is invalid.".to_owned()
            }
            Self::Expired => "The security token included in the request is expired".to_owned(),
            Self::WrongRegion { expected } => {
                format!("Credential should be scoped to a valid region. Expected '{expected}'.")
            }
            Self::WrongService { expected } => {
                format!("Credential should be scoped to correct service: '{expected}'.")
            }
            Self::Denied { arn, action } => {
                format!(
                    "User: {arn} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
                )
            }
        }
    }
}

struct Entry {
    secret_access_key: String,
    session_token: Option<String>,
    account: String,
    arn: String,
    expires_at: Option<OffsetDateTime>,
    denied: BTreeSet<String>,
}

/// The table of all keys that work.
#[derive(Default)]
pub struct Issued {
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issued").field("keys", &self.lock().len()).finish()
    }
}

impl Issued {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes temporary keys that live for `ttl` from now.
    pub fn temporary(&self, account: &str, arn: &str, ttl: Duration) -> IssuedKeys {
        let expires_at = OffsetDateTime::now_utc() + ttl;
        self.add("ASIA", account, arn, Some(random(360, MIXED)), Some(expires_at))
    }

    /// Makes keys that live until they are revoked.
    pub fn permanent(&self, account: &str, arn: &str) -> IssuedKeys {
        self.add("AKIA", account, arn, None, None)
    }

    fn add(
        &self,
        prefix: &str,
        account: &str,
        arn: &str,
        session_token: Option<String>,
        expires_at: Option<OffsetDateTime>,
    ) -> IssuedKeys {
        let access_key_id = format!("{prefix}{}", random(16, UPPER));
        let secret_access_key = random(40, MIXED);
        let entry = Entry {
            secret_access_key: secret_access_key.clone(),
            session_token: session_token.clone(),
            account: account.to_owned(),
            arn: arn.to_owned(),
            expires_at,
            denied: BTreeSet::new(),
        };
        self.lock().insert(access_key_id.clone(), entry);
        IssuedKeys { access_key_id, secret_access_key, session_token, expires_at }
    }

    /// Makes a key unknown from now on.
    pub fn revoke(&self, access_key_id: &str) {
        self.lock().remove(access_key_id);
    }

    /// Makes every temporary key expired from now on.
    pub fn expire_all(&self) {
        for entry in self.lock().values_mut().filter(|entry| entry.expires_at.is_some()) {
            entry.expires_at = Some(OffsetDateTime::UNIX_EPOCH);
        }
    }

    /// Takes an action away from a key: `ecr:PutImage`, or the bare operation name.
    pub fn deny(&self, access_key_id: &str, action: &str) {
        if let Some(entry) = self.lock().get_mut(access_key_id) {
            entry.denied.insert(action.to_owned());
        }
    }

    /// Takes an action away from every key there is.
    pub fn deny_all(&self, action: &str) {
        for entry in self.lock().values_mut() {
            entry.denied.insert(action.to_owned());
        }
    }

    /// Every secret key and session token, for tests that look for leaks.
    pub fn secrets(&self) -> Vec<String> {
        let entries = self.lock();
        let of = |entry: &Entry| {
            std::iter::once(entry.secret_access_key.clone()).chain(entry.session_token.clone())
        };
        entries.values().flat_map(of).collect()
    }

    /// How many keys there are, expired ones included.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether a key that was once good may do this. Used where the key itself is no longer in the request (the ECR registry).
    pub fn allows(&self, access_key_id: &str, service: &str, action: &str) -> bool {
        self.lock().get(access_key_id).is_none_or(|entry| !entry.denies(service, action))
    }

    /// Checks a request's signature headers. `service` is the name in the scope (`ecr`, `lambda`, `sts`), `action` the operation (`GetFunction`).
    pub fn authorize(
        &self,
        headers: &HeaderMap,
        region: &str,
        service: &str,
        action: &str,
    ) -> Result<Identity, AuthRefusal> {
        let scope = Scope::read(headers)?;
        let entries = self.lock();
        let entry = entries.get(scope.key).ok_or(AuthRefusal::UnknownKey)?;
        if entry.session_token.as_deref() != text(headers, "x-amz-security-token") {
            return Err(AuthRefusal::WrongToken);
        }
        if scope.service != service {
            return Err(AuthRefusal::WrongService { expected: service.to_owned() });
        }
        if scope.region != region {
            return Err(AuthRefusal::WrongRegion { expected: region.to_owned() });
        }
        if entry.expires_at.is_some_and(|end| end <= OffsetDateTime::now_utc()) {
            return Err(AuthRefusal::Expired);
        }
        if entry.denies(service, action) {
            return Err(AuthRefusal::Denied {
                arn: entry.arn.clone(),
                action: format!("{service}:{action}"),
            });
        }
        Ok(Identity {
            access_key_id: scope.key.to_owned(),
            account: entry.account.clone(),
            arn: entry.arn.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn denies(&self, service: &str, action: &str) -> bool {
        self.denied.contains(action) || self.denied.contains(&format!("{service}:{action}"))
    }
}

/// What the `Authorization` header says of itself.
struct Scope<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, AuthRefusal> {
        let malformed = |what: &str| AuthRefusal::Malformed(what.to_owned());
        if headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
            return Err(malformed("Only one Authorization header is allowed."));
        }
        let value = text(headers, "authorization").ok_or(AuthRefusal::Missing)?;
        let fields = value
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| malformed("Authorization header requires 'AWS4-HMAC-SHA256'."))?;
        let field = |name: &str| {
            fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).ok_or_else(
                || AuthRefusal::Malformed(format!("Authorization header requires '{name}' parameter.")),
            )
        };
        let credential: Vec<&str> = field("Credential")?.split('/').collect();
        let [key, date, region, service, "aws4_request"] = credential[..] else {
            return Err(malformed("Credential must have the form key/date/region/service/aws4_request."));
        };
        let signature = field("Signature")?;
        if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed("Signature must be 64 hex digits."));
        }
        let signed: Vec<&str> = field("SignedHeaders")?.split(';').collect();
        let needed = ["host", "x-amz-date", "x-amz-security-token"];
        let unsigned = needed.iter().find(|name| headers.contains_key(**name) && !signed.contains(*name));
        if let Some(name) = unsigned {
            return Err(AuthRefusal::Malformed(format!("'{name}' must be a signed header.")));
        }
        let time = text(headers, "x-amz-date").ok_or_else(|| malformed("X-Amz-Date is missing."))?;
        if time.len() != 16 || !time.ends_with('Z') || time.get(..8) != Some(date) {
            return Err(malformed("Date in Credential scope does not match YYYYMMDD from X-Amz-Date."));
        }
        Ok(Self { key, region, service })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Random text of `length` characters.
fn random(length: usize, alphabet: &[u8]) -> String {
    (0..length).map(|_| fastrand::choice(alphabet).copied().map_or('A', char::from)).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn signed(keys: &IssuedKeys, region: &str, service: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{region}/{service}/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={}",
            keys.access_key_id,
            "0".repeat(64)
        );
        headers.insert("authorization", HeaderValue::from_str(&authorization).unwrap());
        headers.insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
        if let Some(token) = &keys.session_token {
            headers.insert("x-amz-security-token", HeaderValue::from_str(token).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_works_in_its_region_and_service_until_it_expires() {
        let issued = Issued::new();
        let keys =
            issued.temporary("111122223333", "arn:aws:iam::111122223333:role/D", Duration::from_secs(60));
        let headers = signed(&keys, "eu-west-1", "ecr");
        let ask = |headers: &HeaderMap| issued.authorize(headers, "eu-west-1", "ecr", "ListImages");
        assert_eq!(ask(&headers).unwrap().account, "111122223333");
        assert!(matches!(ask(&signed(&keys, "us-east-1", "ecr")), Err(AuthRefusal::WrongRegion { .. })));
        assert!(matches!(ask(&signed(&keys, "eu-west-1", "sts")), Err(AuthRefusal::WrongService { .. })));
        let mut without = headers.clone();
        without.remove("x-amz-security-token");
        assert_eq!(ask(&without), Err(AuthRefusal::WrongToken));
        issued.deny_all("ecr:ListImages");
        assert!(matches!(ask(&headers), Err(AuthRefusal::Denied { .. })));
        issued.expire_all();
        assert_eq!(ask(&headers), Err(AuthRefusal::Expired));
        issued.revoke(&keys.access_key_id);
        assert_eq!(ask(&headers), Err(AuthRefusal::UnknownKey));
    }

    #[test]
    fn a_header_of_another_shape_is_refused() {
        let issued = Issued::new();
        let keys = issued.permanent("111122223333", "arn");
        assert_eq!(issued.authorize(&HeaderMap::new(), "r", "s", "A"), Err(AuthRefusal::Missing));
        for (from, to) in
            [("20260101/", "20260102/"), ("host;x-amz-date", "host"), ("AWS4", "AWS5"), ("000", "xyz")]
        {
            let mut headers = signed(&keys, "r", "s");
            assert!(issued.authorize(&headers, "r", "s", "A").is_ok());
            let value = headers["authorization"].to_str().unwrap().replacen(from, to, 1);
            headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
            assert!(
                matches!(issued.authorize(&headers, "r", "s", "A"), Err(AuthRefusal::Malformed(_))),
                "{to}"
            );
        }
    }
}
