//! Why a notification was not delivered.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain, TargetName, VariableName};

/// Why a notification was not delivered. No text holds the address of a target, which is a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The variable that holds the address, token or key is not set.
    #[error("the variable {} of {target} is not set", variable.as_str())]
    Unset {
        /// The target.
        target: TargetName,
        /// The variable.
        variable: VariableName,
    },
    /// What the variable holds cannot be used.
    #[error("the variable {} of {target} cannot be used: {why}", variable.as_str())]
    Unusable {
        /// The target.
        target: TargetName,
        /// The variable.
        variable: VariableName,
        /// Why not.
        why: &'static str,
    },
    /// No client could be made.
    #[error("{target} cannot be spoken to: {why}")]
    Client {
        /// The target.
        target: TargetName,
        /// Why not.
        why: String,
    },
    /// `landfall.toml` names no such target any more.
    #[error("no target {target} is in landfall.toml")]
    Unknown {
        /// The target.
        target: TargetName,
    },
    /// No connection, or none that could be trusted: nothing was sent.
    #[error("{target} cannot be reached: {why}")]
    Unreachable {
        /// The target.
        target: TargetName,
        /// Why not.
        why: String,
    },
    /// It was sent and no answer came: it may have arrived.
    #[error("{target} did not answer: {why}")]
    Unanswered {
        /// The target.
        target: TargetName,
        /// What came instead.
        why: String,
    },
    /// The time for all notifications was over.
    #[error("there was no time left to tell {target}")]
    Late {
        /// The target.
        target: TargetName,
    },
    /// One before it was not delivered, and they arrive in their order.
    #[error("{target} was not told: one before it waits")]
    Behind {
        /// The target.
        target: TargetName,
    },
    /// It answered with another status than 200 to 299.
    #[error("{target} answered {status}{}", said(excerpt))]
    Status {
        /// The target.
        target: TargetName,
        /// The HTTP status.
        status: u16,
        /// How its answer begins; may be empty.
        excerpt: String,
    },
}

fn said(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") }
}

impl Error {
    /// Whether the same notification may arrive later: all but an answer that no later one will differ from.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            Self::Unset { .. }
            | Self::Unusable { .. }
            | Self::Client { .. }
            | Self::Unknown { .. }
            | Self::Unreachable { .. }
            | Self::Unanswered { .. }
            | Self::Late { .. }
            | Self::Behind { .. } => true,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unset { .. } | Self::Unusable { .. } => "LF-NOTIFY-VARIABLE",
            Self::Client { .. } => "LF-NOTIFY-CLIENT",
            Self::Unknown { .. } => "LF-NOTIFY-TARGET",
            Self::Unreachable { .. } => "LF-NOTIFY-CONNECT",
            Self::Unanswered { .. } => "LF-NOTIFY-UNANSWERED",
            Self::Late { .. } | Self::Behind { .. } => "LF-NOTIFY-LATE",
            Self::Status { .. } => "LF-NOTIFY-STATUS",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Unset { .. } | Self::Unusable { .. } | Self::Client { .. } | Self::Unknown { .. } => {
                Class::Input
            }
            Self::Unreachable { .. } | Self::Unanswered { .. } | Self::Late { .. } | Self::Behind { .. } => {
                Class::Transient
            }
            Self::Status { .. } if self.is_retryable() => Class::Transient,
            Self::Status { .. } => Class::Refused,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Unset { variable, .. } => {
                format!("let this job have {}, masked and protected", variable.as_str()).into()
            }
            Self::Unusable { variable, .. } => {
                format!("set {} to what its owner shows, with nothing before or behind", variable.as_str()).into()
            }
            Self::Client { .. } => "correct --ca-file, SSL_CERT_FILE or the proxy variables".into(),
            Self::Unknown { target } => {
                format!("add [notify.{target}] to landfall.toml again, or drop it by landfall notify drop").into()
            }
            Self::Unreachable { .. } | Self::Unanswered { .. } | Self::Late { .. } | Self::Behind { .. } => {
                "wait for the next run that notifies, or run landfall notify send".into()
            }
            Self::Status { status: 300..=399, .. } => {
                "set the variable to the address that it leads to; redirects are not followed".into()
            }
            Self::Status { status: 401 | 403, .. } => "make a new webhook or token, and set the variable to it".into(),
            Self::Status { status: 404 | 410, .. } => {
                "the webhook is gone: make a new one, set the variable to it, and drop what waits by landfall notify drop".into()
            }
            Self::Status { .. } if self.is_retryable() => {
                "wait for the next run that notifies, or run landfall notify send".into()
            }
            Self::Status { .. } => {
                "try it by landfall notify test; drop what waits by landfall notify drop".into()
            }
        })
    }
}
