//! What can be wrong with the configuration. What a service answers is an [`AwsFailure`](crate::AwsFailure).

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};

use crate::Service;

/// What is wrong with the configuration. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The region is not one: it would become part of a host name.
    #[error("`{shown}` is not an AWS region")]
    Region {
        /// What was given, escaped.
        shown: String,
    },
    /// A key id or secret is empty.
    #[error("the AWS {what} is empty")]
    Keys {
        /// Which of them.
        what: &'static str,
    },
    /// The endpoint of a service cannot be used.
    #[error("the endpoint of {service} cannot be used")]
    Endpoint {
        /// The service.
        service: Service,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// A named profile gives no keys.
    #[error("the AWS profile `{name}` gives no keys: {why}")]
    Profile {
        /// The profile, escaped.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// The program of a profile does not end well, and gives no keys. Another time it may.
    #[error("the credential_process of the AWS profile `{name}` gives no keys: {why}")]
    Process {
        /// The profile, escaped.
        name: String,
        /// Why not, escaped.
        why: String,
    },
    /// The program of a profile ends well, and what it prints are no keys.
    #[error("the credential_process of the AWS profile `{name}` gives no keys: {why}")]
    Printed {
        /// The profile, escaped.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of profiles cannot be read.
    #[error("a file of AWS profiles cannot be read")]
    ProfileFile {
        /// Why not.
        #[source]
        cause: Box<landfall_artifacts::FileError>,
    },
    /// The proxy cannot be used.
    #[error("the proxy for AWS cannot be used")]
    Proxy,
}

impl Error {
    /// Whether the same may simply be tried again: never, the configuration has to change.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Region { .. }
            | Self::Keys { .. }
            | Self::Endpoint { .. }
            | Self::Profile { .. }
            | Self::Process { .. }
            | Self::Printed { .. }
            | Self::ProfileFile { .. }
            | Self::Proxy => false,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Region { .. } => "LF-AWS-REGION",
            Self::Keys { .. } => "LF-AWS-KEYS",
            Self::Endpoint { .. } => "LF-AWS-ENDPOINT",
            Self::Profile { .. } => "LF-AWS-PROFILE",
            Self::Process { .. } | Self::Printed { .. } => "LF-AWS-PROCESS",
            Self::ProfileFile { .. } => "LF-AWS-PROFILE-FILE",
            Self::Proxy => "LF-AWS-PROXY",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Region { .. }
            | Self::Keys { .. }
            | Self::Profile { .. }
            | Self::ProfileFile { .. }
            | Self::Proxy => Class::Input,
            Self::Process { .. } | Self::Printed { .. } => Class::Refused,
            Self::Endpoint { cause, .. } => cause.class(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Region { .. } => Some("set AWS_REGION to a region such as eu-west-2".into()),
            Self::Keys { .. } => {
                Some("run aws-credentials first, and pass its aws_auth.env to this job".into())
            }
            Self::Endpoint { cause, .. } => cause.remedy(),
            Self::Profile { .. } | Self::ProfileFile { .. } => Some(
                "let AWS_PROFILE name a profile with aws_access_key_id and aws_secret_access_key, or with credential_process, or unset it and run aws-credentials".into(),
            ),
            Self::Process { .. } | Self::Printed { .. } => Some("run that command by hand and mend what it says".into()),
            Self::Proxy => Some("give the proxy as http://host:port".into()),
        }
    }
}
