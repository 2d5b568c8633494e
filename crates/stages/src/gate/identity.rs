//! Who decides: what the CI system signed or answers, else what its variables say.

mod github;
mod id_token;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};

pub use github::{RunApprovals, approvals_of_run};
pub use id_token::{Expected, IdToken, of_id_token, verified};

/// Why nobody could be taken at their word.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The id token is not what it should be.
    #[error("the id token proves nothing: {what}")]
    IdToken {
        /// What is wrong with it.
        what: String,
    },
    /// The issuer's keys are not what they should be.
    #[error("the keys of {issuer} cannot be used: {what}")]
    Keys {
        /// The issuer.
        issuer: String,
        /// What is wrong with them.
        what: String,
    },
    /// The issuer, or GitHub, could not be asked.
    #[error("{asked} could not be asked")]
    Unreachable {
        /// Who.
        asked: String,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// The issuer, or GitHub, is not to be asked, or its answer not to be believed.
    #[error("{asked} cannot be believed")]
    Untrusted {
        /// Who.
        asked: String,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// A variable names another issuer than the settings do.
    #[error("id tokens are signed by {settled}, and {told} is named as their issuer")]
    OtherIssuer {
        /// That of `landfall.toml`.
        settled: String,
        /// That of the flag or the variable.
        told: String,
    },
    /// A variable names another API or repository of GitHub than the settings do.
    #[error("approvals are those of {settled}, and the job names {told}")]
    Elsewhere {
        /// That of `landfall.toml`.
        settled: String,
        /// That of the variable.
        told: String,
    },
    /// GitHub does not answer who approved the run.
    #[error("GitHub does not say who approved the run: it answered {status}")]
    GitHub {
        /// The status.
        status: u16,
    },
}

impl Error {
    /// Why somebody could not be asked. Only where no answer came is it not known what they would have said: an address that may not be
    /// spoken to, or a server that cannot prove who it is, is no reason to believe somebody else.
    fn not_asked(asked: &str, cause: landfall_transport::Error) -> Self {
        let (asked, cause) = (landfall_secret::escape(asked, 200), Box::new(cause));
        if cause.is_retryable() {
            Self::Unreachable { asked, cause }
        } else {
            Self::Untrusted { asked, cause }
        }
    }

    /// Whether the same call may simply be made again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::IdToken { .. }
            | Self::Keys { .. }
            | Self::Untrusted { .. }
            | Self::OtherIssuer { .. }
            | Self::Elsewhere { .. }
            | Self::GitHub { .. } => false,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::IdToken { .. } => "LF-GATE-ID-TOKEN",
            Self::Keys { .. } => "LF-GATE-KEYS",
            Self::Unreachable { .. } => "LF-GATE-UNREACHABLE",
            Self::Untrusted { .. } => "LF-GATE-UNTRUSTED",
            Self::OtherIssuer { .. } => "LF-GATE-ISSUER",
            Self::Elsewhere { .. } => "LF-GATE-ELSEWHERE",
            Self::GitHub { .. } => "LF-GATE-GITHUB",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::IdToken { .. }
            | Self::Keys { .. }
            | Self::OtherIssuer { .. }
            | Self::Elsewhere { .. }
            | Self::GitHub { .. } => Class::Refused,
            Self::Untrusted { cause, .. } => cause.class(),
            Self::Unreachable { .. } => Class::Transient,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::IdToken { .. } => Some(
                "let the job have an id token of its own: id_tokens: LANDFALL_ID_TOKEN: aud: landfall; and let issuer and project of \
                 [identity] in landfall.toml name the server that signs it and the project"
                    .into(),
            ),
            Self::Keys { .. } => Some("let --issuer name the CI server's own address".into()),
            Self::Unreachable { .. } => Some("run again when it can be reached".into()),
            Self::Untrusted { cause, .. } => cause.remedy(),
            Self::OtherIssuer { .. } => Some(
                "leave --issuer away: a job may set CI_SERVER_URL as it likes, [identity] issuer in landfall.toml it may not"
                    .into(),
            ),
            Self::Elsewhere { .. } => Some(
                "decide in a run of the repository that github_api and repository of [identity] in landfall.toml name, or correct them there".into(),
            ),
            Self::GitHub { .. } => Some("give the job permissions: actions: read, and GITHUB_TOKEN".into()),
        }
    }
}
