//! AssumeRoleWithWebIdentity: keys of a role for a token that an identity provider signed.
//!
//! Texts follow the STS API reference ("AssumeRoleWithWebIdentity", "Errors") and, where it is silent, what the service is known to say.

use std::sync::PoisonError;
use std::time::Duration;

use http::{HeaderMap, header};
use serde_json::Value;

use super::{Refusal, Sts};
use crate::vault::{Flaw, audiences, claims};

pub(super) const ACTION: &str = "AssumeRoleWithWebIdentity";
pub(super) const PARAMETERS: [&str; 6] =
    ["Action", "Version", "RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"];

/// A role whose trust policy lets an identity provider in.
#[derive(Clone, Debug)]
pub struct TrustedRole {
    /// Its ARN.
    pub arn: String,
    /// The issuer for which its account has an identity provider.
    pub issuer: String,
    /// An audience that the provider knows.
    pub audience: String,
    /// The subject that the trust policy asks for.
    pub subject: String,
    /// `MaxSessionDuration`.
    pub longest_session: Duration,
}

impl Sts {
    /// Lets tokens in for a role.
    pub fn trust(&self, role: TrustedRole) {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner).push(role);
    }

    pub(super) fn with_web_identity(
        &self,
        headers: &HeaderMap,
        value: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, Refusal> {
        let wrong = |text: &str| Refusal::bad("ValidationError", text);
        // The real service takes no notice of a signature; nobody has a reason to send one.
        let credential = [header::AUTHORIZATION.as_str(), "x-amz-security-token"];
        if credential.iter().any(|name| headers.contains_key(*name)) {
            return Err(wrong("a credential where none belongs"));
        }
        let token = value("WebIdentityToken").ok_or_else(|| wrong("WebIdentityToken is required"))?;
        let asked = value("RoleArn").ok_or_else(|| wrong("RoleArn is required"))?;
        let claims = claims(&token).map_err(|flaw| match flaw {
            Flaw::Malformed | Flaw::Claims => Refusal::bad(
                "InvalidIdentityToken",
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            ),
            Flaw::Signature => Refusal::bad(
                "InvalidIdentityToken",
                "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
            ),
            Flaw::Over => {
                Refusal::bad("ExpiredTokenException", "Token expired: it must be before the expiration date/time")
            }
        })?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let of_issuer: Vec<_> = trusted.iter().filter(|role| role.issuer == text("iss")).collect();
        if of_issuer.is_empty() {
            let said = format!("No OpenIDConnect provider found in your account for {}", text("iss"));
            return Err(Refusal::bad("InvalidIdentityToken", said));
        }
        let known = |role: &&&TrustedRole| audiences(&claims).contains(&role.audience.as_str());
        let known: Vec<_> = of_issuer.iter().filter(known).collect();
        if known.is_empty() {
            return Err(Refusal::bad("InvalidIdentityToken", "Incorrect token audience"));
        }
        let denied = || Refusal {
            status: http::StatusCode::FORBIDDEN,
            code: "AccessDenied",
            message: "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned(),
        };
        let role = known.iter().find(|role| role.arn == asked && role.subject == text("sub"));
        let role = role.ok_or_else(denied)?;
        let seconds = value("DurationSeconds").and_then(|seconds| seconds.parse::<u64>().ok());
        if seconds.is_some_and(|seconds| seconds > role.longest_session.as_secs()) {
            return Err(wrong(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        let assumed = self.assume(
            Some(&asked),
            value("RoleSessionName").as_deref(),
            value("DurationSeconds").as_deref(),
        )?;
        let (subject, audience) = (super::escape(text("sub")), super::escape(&role.audience));
        Ok(format!(
            "<SubjectFromWebIdentityToken>{subject}</SubjectFromWebIdentityToken><Audience>{audience}</Audience><Provider>{}</Provider>{assumed}",
            super::escape(text("iss"))
        ))
    }
}
