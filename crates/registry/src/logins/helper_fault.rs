//! What can go wrong with a credential helper.

use std::borrow::Cow;
use std::time::Duration;

use landfall_artifacts::Class;

/// Why a credential helper gave no login. Nothing of its output is in here but the message of one that failed, without the
/// run's secrets and escaped.
#[derive(Debug, thiserror::Error)]
pub enum HelperFault {
    /// Its name is none: letters, digits, `.`, `_` and `-`.
    #[error("its name may hold letters, digits, `.`, `_` and `-` alone")]
    Name,
    /// No folder of `PATH` has it.
    #[error("docker-credential-{name} is in no folder of PATH")]
    Missing {
        /// The helper's name.
        name: String,
    },
    /// The system would not start it.
    #[error("it cannot be started")]
    Start(#[source] std::io::Error),
    /// It did not end.
    #[error("it did not end in {0:?}")]
    Endless(Duration),
    /// It printed more than a login.
    #[error("it printed more than {0} bytes")]
    TooLong(usize),
    /// It failed.
    #[error("it ended with {ended}{}", said_after(said))]
    Failed {
        /// How it ended, such as `exit status: 1`.
        ended: String,
        /// What it said; may be empty.
        said: String,
    },
    /// It ended well, and what it printed is no login.
    #[error("what it printed is no login")]
    Answer,
}

fn said_after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl HelperFault {
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Name | Self::Missing { .. } | Self::Start(_) | Self::TooLong(_) | Self::Answer => {
                Class::Input
            }
            Self::Failed { .. } => Class::Refused,
            Self::Endless(_) => Class::Transient,
        }
    }

    pub(crate) fn remedy(&self, host: &str) -> Cow<'static, str> {
        match self {
            Self::Name => "correct its name below credHelpers or at credsStore".into(),
            Self::Missing { .. } => format!(
                "install it, take its entry out, or give a login for {host} in a source that comes before; prepare-docker-config --explain shows all sources"
            )
            .into(),
            Self::Start(_) => "check its mode, and that it is made for this machine".into(),
            Self::Endless(_) => "it may wait for somebody to answer: run it by hand, then run again".into(),
            Self::Failed { .. } => {
                format!("run it by hand with `get` and {host} on its standard input, and mend what it says").into()
            }
            Self::TooLong(_) | Self::Answer => {
                "look whether it is a credential helper: docker/docker-credential-helpers says what one prints".into()
            }
        }
    }
}
