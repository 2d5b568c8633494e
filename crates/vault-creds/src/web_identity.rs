//! Keys from AWS itself, by a token that the CI signed: nothing is stored, and Vault is not needed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_artifacts::read_bounded;
use landfall_aws::{
    AwsConfig, AwsFailure, Endpoints, FailureKind, WebIdentity, assume_role_with_web_identity,
};
use landfall_run::Run;
use landfall_secret::Secret;
use landfall_transport::Http;

use crate::config::{TTL, is_role_arn, session};
use crate::{Error, Fetched, GitHubOidc, Revocation, jwt};

/// A file with a token that is larger than this holds none.
const MOST_TOKEN_BYTES: usize = 64 << 10;

/// A token that a CI signs for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdToken {
    /// It is there, such as one of GitLab's `id_tokens`.
    Given(Secret),
    /// It stands in a file, which is read whenever it is needed, since whoever keeps the file puts a new one there before the old one
    /// ends (AWS SDKs and Tools Reference Guide, "Assume role credential provider", `AWS_WEB_IDENTITY_TOKEN_FILE`).
    File(PathBuf),
    /// GitHub is asked for it when it is needed.
    GitHub(GitHubOidc),
}

/// Which role to take keys of, and by which token. Printable: secrets show as `<redacted>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentityConfig {
    /// The region whose STS is asked.
    pub region: String,
    /// Where AWS services are, in place of AWS's own endpoints.
    pub endpoints: Endpoints,
    /// The role, whose trust policy lets the token's issuer in.
    pub role_arn: String,
    /// The token.
    pub token: IdToken,
    /// How long the keys are to live: 900 s to 43,200 s, and to the role's `MaxSessionDuration` (default 3,600 s).
    pub ttl: Duration,
    /// How long they have to live at least, or the fetch fails (default: no bound).
    pub least_ttl: Duration,
    /// Name of the session, seen in the ARN and in CloudTrail (default `landfall`); characters that AWS refuses become `_`.
    pub session_name: Option<String>,
}

impl WebIdentityConfig {
    /// A configuration with the defaults.
    pub fn new(region: &str, role_arn: &str, token: IdToken) -> Self {
        Self {
            region: region.to_owned(),
            endpoints: Endpoints::default(),
            role_arn: role_arn.to_owned(),
            token,
            ttl: Duration::from_secs(3600),
            least_ttl: Duration::ZERO,
            session_name: None,
        }
    }

    /// Everything that is wrong with it, all at once; empty where it is fine. Nothing is sent.
    pub fn problems(&self) -> Vec<Error> {
        let mut found = Vec::new();
        if !is_role_arn(&self.role_arn) {
            found.push(Error::RoleArn { shown: landfall_secret::escape(&self.role_arn, 200) });
        }
        if !TTL.contains(&self.ttl.as_secs()) {
            found.push(Error::Ttl { asked: self.ttl });
        }
        match &self.token {
            IdToken::GitHub(oidc) => found.extend(oidc.problems()),
            IdToken::File(path) => found.extend(token_of(path).err()),
            IdToken::Given(token) if token.is_empty() => found.push(Error::Missing { what: "the id token" }),
            IdToken::Given(token) if !jwt::is_signed(token) => found.push(Error::IdToken),
            IdToken::Given(_) => {}
        }
        found
    }

    /// Asks STS for keys, once. See [`assume_role_with_web_identity`].
    pub(crate) async fn fetch(&self, http: &Http, run: &Run) -> Result<Fetched, Error> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(problem);
        }
        let token = match &self.token {
            IdToken::Given(token) => token.clone(),
            IdToken::File(path) => token_of(path)?,
            IdToken::GitHub(oidc) => oidc.id_token(http, run).await?,
        };
        let config = AwsConfig::without_keys(&self.region, self.endpoints.clone(), http.clone())
            .map_err(|cause| Error::Aws { cause: Box::new(cause) })?;
        let asked = WebIdentity {
            role_arn: self.role_arn.clone(),
            session_name: self
                .session_name
                .as_deref()
                .and_then(session)
                .unwrap_or_else(|| "landfall".to_owned()),
            token,
            ttl: self.ttl,
        };
        let asked_at = run.clock().now();
        let given = assume_role_with_web_identity(&config, &asked, run).await;
        let given = given.map_err(|failure| self.explained(failure, &asked.token))?;
        let Some(given) = given else { return Err(Error::NoKeys { role: self.role_arn.clone() }) };
        let granted_ttl = given.keys.time_left(asked_at).unwrap_or(self.ttl);
        if granted_ttl < self.least_ttl {
            return Err(Error::TooShort { granted: granted_ttl, needed: self.least_ttl });
        }
        Ok(Fetched {
            keys: given.keys,
            requested_ttl: self.ttl,
            granted_ttl,
            arn: Some(given.arn).filter(|arn| !arn.is_empty()),
            warnings: Vec::new(),
            revocation: Revocation::NoToken,
        })
    }

    fn explained(&self, failure: AwsFailure, token: &Secret) -> Error {
        let role = self.role_arn.clone();
        match failure.kind {
            FailureKind::Refused | FailureKind::Denied | FailureKind::Expired | FailureKind::Keys => {
                Error::WebIdentity {
                    role,
                    aws_code: failure.code.clone().unwrap_or_else(|| "no code".to_owned()),
                    said: failure.message.clone(),
                    claims: jwt::told(token),
                }
            }
            FailureKind::NotConnected
            | FailureKind::Untrusted
            | FailureKind::Unanswered
            | FailureKind::Throttled
            | FailureKind::Server
            | FailureKind::Endpoint
            | FailureKind::Answer
            | FailureKind::Request
            | FailureKind::Stopped => Error::Sts { role, cause: Box::new(failure) },
        }
    }
}

/// The token that stands in a file.
fn token_of(path: &Path) -> Result<Secret, Error> {
    let bytes =
        read_bounded(path, MOST_TOKEN_BYTES).map_err(|cause| Error::TokenFile { cause: Box::new(cause) })?;
    let token = Secret::new(String::from_utf8_lossy(&bytes).trim());
    if jwt::is_signed(&token) { Ok(token) } else { Err(Error::IdToken) }
}

/// What to do about a refusal (AWS STS API, AssumeRoleWithWebIdentity, "Errors").
pub(crate) fn remedy(role: &str, code: &str, said: &str, claims: &str) -> String {
    match code {
        "ExpiredTokenException" => {
            format!("the id token is over: take a new one, in the job that uses it; it says {claims}")
        }
        "IDPRejectedClaim" => {
            format!(
                "the issuer does not stand by the token any more; look there whether it was revoked; it says {claims}"
            )
        }
        "InvalidIdentityToken" => format!(
            "make an IAM OIDC provider for the token's issuer in the role's account, with its audience among the client ids; it says {claims}"
        ),
        "AccessDenied" => format!(
            "let the trust policy of {role} allow sts:AssumeRoleWithWebIdentity to the issuer, and hold its conditions against what the token says: {claims}"
        ),
        "ValidationError" if said.contains("DurationSeconds") => {
            "ask for a shorter time to live by --ttl, or raise the role's MaxSessionDuration".to_owned()
        }
        "RegionDisabledException" => {
            "let the account's administrator activate STS in that region, or set AWS_REGION to another"
                .to_owned()
        }
        _ => format!("hold the role {role} and its trust policy against what the token says: {claims}"),
    }
}
