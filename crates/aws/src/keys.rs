//! The keys that requests are signed with.

use std::time::Duration;

use landfall_secret::{Redactor, Secret};
use time::OffsetDateTime;

/// AWS keys, temporary or not. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKeys {
    /// The access key id, which is not a secret (`ASIA…` for temporary keys, `AKIA…` for a user's).
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token; temporary keys have one.
    pub session_token: Option<Secret>,
    /// When the keys end, where known.
    pub expires_at: Option<OffsetDateTime>,
}

impl AwsKeys {
    /// Keys whose end is not known.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: Secret,
        session_token: Option<Secret>,
    ) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key, session_token, expires_at: None }
    }

    /// The same keys, ending at a known time.
    pub fn expiring(mut self, at: Option<OffsetDateTime>) -> Self {
        self.expires_at = at;
        self
    }

    /// How long the keys are still good; `None` where that is not known, zero where they are over.
    pub fn time_left(&self, now: OffsetDateTime) -> Option<Duration> {
        self.expires_at.map(|at| Duration::try_from(at - now).unwrap_or(Duration::ZERO))
    }

    /// Teaches a redactor the secrets among the keys.
    pub fn teach(&self, redactor: &Redactor) {
        redactor.learn(&self.secret_access_key);
        if let Some(token) = &self.session_token {
            redactor.learn(token);
        }
    }
}
