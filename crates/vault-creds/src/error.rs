//! What can go wrong on the way to the keys.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use landfall_artifacts::{Class, Explain};
use landfall_secret::Origin;

/// The steps of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Asking how the server is, before anything is sent to it.
    Health,
    /// Looking at the wrapping of a secret id.
    LookAtWrapping,
    /// Taking the secret id out of its wrapping.
    Unwrap,
    /// The login.
    Login,
    /// Asking the AWS secrets engine for keys.
    Keys,
    /// Giving the token back.
    Revoke,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Health => "question how it is",
            Self::LookAtWrapping => "look at the wrapping of the secret id",
            Self::Unwrap => "unwrapping of the secret id",
            Self::Login => "login",
            Self::Keys => "request for AWS keys",
            Self::Revoke => "revocation of the token",
        })
    }
}

/// What went wrong. What Vault said is escaped and cut.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is missing.
    #[error("{what} is missing")]
    Missing {
        /// Which.
        what: &'static str,
    },
    /// The path of the AWS role is not one.
    #[error("`{shown}` is not the path of an AWS role in Vault")]
    AwsPath {
        /// What was given, escaped.
        shown: String,
    },
    /// The mount of the auth method is not one.
    #[error("`{shown}` is not the mount of an auth method in Vault")]
    Mount {
        /// What was given, escaped.
        shown: String,
    },
    /// The namespace is not one.
    #[error("`{shown}` is not a namespace in Vault")]
    Namespace {
        /// What was given, escaped.
        shown: String,
    },
    /// The ARN is not that of a role.
    #[error("`{shown}` is not the ARN of an AWS role")]
    RoleArn {
        /// What was given, escaped.
        shown: String,
    },
    /// A time to live that AWS does not give.
    #[error("keys cannot live {} s", asked.as_secs())]
    Ttl {
        /// What was asked for.
        asked: Duration,
    },
    /// No connection, or no answer to something that only needs asking again.
    #[error("Vault at {address} cannot be reached for the {step}")]
    Unreachable {
        /// The server.
        address: Origin,
        /// What was attempted.
        step: Step,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// The request could not be made or its answer not be taken.
    #[error("the {step} at Vault did not come about")]
    Transport {
        /// What was attempted.
        step: Step,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// The server sends elsewhere. Nothing was sent there.
    #[error("Vault at {address} redirects the {step} to {to}")]
    Redirected {
        /// The server.
        address: Origin,
        /// What was attempted.
        step: Step,
        /// Where it sends, escaped, without query.
        to: String,
    },
    /// The server is sealed.
    #[error("Vault at {address} is sealed or in maintenance: {said}")]
    Sealed {
        /// The server.
        address: Origin,
        /// What it said.
        said: String,
    },
    /// The server was never initialised.
    #[error("Vault at {address} is not initialised")]
    NotInitialised {
        /// The server.
        address: Origin,
    },
    /// Role id and secret id were not accepted.
    #[error("Vault refused the login at auth/{mount}: {said}")]
    Login {
        /// Mount of the auth method.
        mount: String,
        /// What Vault said.
        said: String,
    },
    /// It is not known whether the login arrived.
    #[error("the login at auth/{mount} may have arrived and gave no token: {said}")]
    LoginUnknown {
        /// Mount of the auth method.
        mount: String,
        /// What came back.
        said: String,
        /// Why there is no answer, where there is none.
        #[source]
        cause: Option<Box<landfall_transport::Error>>,
    },
    /// The id token is no signed JWT.
    #[error("the id token is no signed JWT")]
    IdToken,
    /// The file with the id token cannot be read.
    #[error("the file with the id token cannot be read")]
    TokenFile {
        /// Why not.
        #[source]
        cause: Box<landfall_artifacts::FileError>,
    },
    /// A token that cannot be one.
    #[error("the token holds spaces, line breaks or other characters that no token of Vault has")]
    TokenText,
    /// Vault does not take the id token for its role.
    #[error("Vault refused the id token at auth/{mount}: {said}")]
    IdTokenRefused {
        /// Mount of the auth method.
        mount: String,
        /// What Vault said.
        said: String,
        /// What the token claims, escaped.
        claims: String,
    },
    /// The wrapping is empty or unknown: it can be opened once.
    #[error("the wrapped secret id is gone, possible interception: {said}")]
    Unwrapped {
        /// Mount of the auth method.
        mount: String,
        /// What Vault said.
        said: String,
    },
    /// The wrapping was made for something else.
    #[error(
        "the wrapping token holds what was made at `{found}`, and no secret id of auth/{mount}: possible interception"
    )]
    WrappedElsewhere {
        /// Mount of the auth method.
        mount: String,
        /// Where it was made, escaped.
        found: String,
    },
    /// It is not known whether the secret id was taken out of its wrapping.
    #[error("the secret id may have been unwrapped, and did not arrive")]
    UnwrapUnknown {
        /// Why there is no answer, where there is none.
        #[source]
        cause: Option<Box<landfall_transport::Error>>,
    },
    /// There is nothing at the path.
    #[error("Vault has nothing at {path}: {said}")]
    NoMount {
        /// The path.
        path: String,
        /// What Vault said.
        said: String,
    },
    /// The token's policies do not allow the path.
    #[error("Vault denied the {step} at {path}: {said}")]
    Denied {
        /// What was attempted.
        step: Step,
        /// The path.
        path: String,
        /// What Vault said.
        said: String,
    },
    /// The AWS secrets engine has no such role.
    #[error("Vault has no AWS role at {path}: {said}")]
    NoRole {
        /// The path.
        path: String,
        /// What Vault said.
        said: String,
    },
    /// The ARN is missing or not allowed for Vault's role.
    #[error("Vault's role at {path} does not take the role ARN: {said}")]
    RoleArnRefused {
        /// The path.
        path: String,
        /// What Vault said.
        said: String,
    },
    /// AWS refused what Vault asked for.
    #[error("AWS refused Vault the keys of {path}: {said}")]
    AwsRefused {
        /// The path.
        path: String,
        /// What AWS said, as Vault tells it.
        said: String,
    },
    /// A passing fault of Vault or of AWS behind it.
    #[error("the {step} failed at Vault ({status}): {said}")]
    Passing {
        /// What was attempted.
        step: Step,
        /// The HTTP status.
        status: u16,
        /// What Vault said.
        said: String,
    },
    /// Vault refused for another reason.
    #[error("Vault refused the {step} ({status}): {said}")]
    Refused {
        /// What was attempted.
        step: Step,
        /// The HTTP status.
        status: u16,
        /// What Vault said.
        said: String,
    },
    /// The answer lacks what it is for.
    #[error("Vault's answer to the {step} has no {what}")]
    Answer {
        /// What was attempted.
        step: Step,
        /// What is missing.
        what: &'static str,
    },
    /// The keys end too soon.
    #[error("the keys live {} s and the pipeline needs {} s", granted.as_secs(), needed.as_secs())]
    TooShort {
        /// How long they live.
        granted: Duration,
        /// How long they have to live at least.
        needed: Duration,
    },
    /// The keys are a user's, which has no place here.
    #[error("Vault gave the keys of a user, which have no session token")]
    UserKeys,
    /// GitHub could not be asked for an id token.
    #[error("GitHub could not be asked for an id token")]
    GitHub {
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// GitHub gave no id token.
    #[error("GitHub gave no id token ({status}): {said}")]
    GitHubRefused {
        /// The HTTP status.
        status: u16,
        /// What it said, escaped.
        said: String,
    },
    /// STS does not give keys of the role for the id token.
    #[error("AWS gave no keys of {role} for the id token ({aws_code}): {said}")]
    WebIdentity {
        /// The ARN of the role.
        role: String,
        /// The error code as AWS names it, such as `InvalidIdentityToken`.
        aws_code: String,
        /// What it said.
        said: String,
        /// What the token claims, escaped.
        claims: String,
    },
    /// STS could not be asked, or its answer not be taken.
    #[error("AWS could not be asked for keys of {role}")]
    Sts {
        /// The ARN of the role.
        role: String,
        /// Why not.
        #[source]
        cause: Box<landfall_aws::AwsFailure>,
    },
    /// AWS cannot be asked with this configuration.
    #[error("AWS cannot be asked for keys")]
    Aws {
        /// Why not.
        #[source]
        cause: Box<landfall_aws::Error>,
    },
    /// STS answered without keys.
    #[error("the answer of AWS holds no keys of {role}")]
    NoKeys {
        /// The ARN of the role.
        role: String,
    },
    /// A request could not be put together.
    #[error("the {step} could not be put together")]
    Request {
        /// What was attempted.
        step: Step,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether the same fetch may simply be made again.
    pub fn is_retryable(&self) -> bool {
        self.class() == Class::Transient
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "LF-VAULT-MISSING",
            Self::AwsPath { .. } => "LF-VAULT-AWS-PATH",
            Self::Mount { .. } | Self::NoMount { .. } => "LF-VAULT-MOUNT",
            Self::Namespace { .. } => "LF-VAULT-NAMESPACE",
            Self::RoleArn { .. } | Self::RoleArnRefused { .. } => "LF-VAULT-ROLE-ARN",
            Self::Ttl { .. } => "LF-VAULT-TTL",
            Self::Unreachable { .. } => "LF-VAULT-UNREACHABLE",
            Self::Transport { cause, .. } => cause.code(),
            Self::Redirected { .. } => "LF-VAULT-REDIRECT",
            Self::Sealed { .. } => "LF-VAULT-SEALED",
            Self::NotInitialised { .. } => "LF-VAULT-NOT-INITIALISED",
            Self::Login { .. } => "LF-VAULT-LOGIN",
            Self::LoginUnknown { .. } => "LF-VAULT-LOGIN-UNKNOWN",
            Self::IdToken | Self::IdTokenRefused { .. } => "LF-VAULT-ID-TOKEN",
            Self::TokenFile { cause } => cause.code(),
            Self::TokenText => "LF-VAULT-TOKEN",
            Self::Unwrapped { .. } | Self::WrappedElsewhere { .. } => "LF-VAULT-WRAPPED",
            Self::UnwrapUnknown { .. } => "LF-VAULT-WRAPPED-UNKNOWN",
            Self::Denied { .. } => "LF-VAULT-DENIED",
            Self::NoRole { .. } => "LF-VAULT-NO-ROLE",
            Self::AwsRefused { .. } => "LF-VAULT-AWS",
            Self::Passing { .. } => "LF-VAULT-FAILED",
            Self::Refused { .. } => "LF-VAULT-REFUSED",
            Self::Answer { .. } => "LF-VAULT-ANSWER",
            Self::TooShort { .. } => "LF-VAULT-TOO-SHORT",
            Self::UserKeys => "LF-VAULT-USER-KEYS",
            Self::GitHub { .. } | Self::GitHubRefused { .. } => "LF-GITHUB-ID-TOKEN",
            Self::WebIdentity { .. } => "LF-AWS-WEB-IDENTITY",
            Self::Sts { cause, .. } => cause.code(),
            Self::Aws { cause } => cause.code(),
            Self::NoKeys { .. } => "LF-AWS-ANSWER",
            Self::Request { .. } => "LF-VAULT-REQUEST",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Missing { .. }
            | Self::AwsPath { .. }
            | Self::Mount { .. }
            | Self::Namespace { .. }
            | Self::RoleArn { .. }
            | Self::IdToken
            | Self::TokenText
            | Self::Ttl { .. } => Class::Input,
            Self::Unreachable { .. } | Self::Sealed { .. } | Self::Passing { .. } => Class::Transient,
            Self::Transport { cause, .. } | Self::GitHub { cause } => cause.class(),
            Self::GitHubRefused { status: 408 | 429 | 500.., .. } => Class::Transient,
            Self::Sts { cause, .. } => cause.class(),
            Self::Aws { cause } => cause.class(),
            Self::TokenFile { cause } => cause.class(),
            Self::Redirected { .. }
            | Self::NotInitialised { .. }
            | Self::Login { .. }
            | Self::IdTokenRefused { .. }
            | Self::Unwrapped { .. }
            | Self::WrappedElsewhere { .. }
            | Self::NoMount { .. }
            | Self::Denied { .. }
            | Self::NoRole { .. }
            | Self::RoleArnRefused { .. }
            | Self::AwsRefused { .. }
            | Self::Refused { .. }
            | Self::Answer { .. }
            | Self::UserKeys
            | Self::GitHubRefused { .. }
            | Self::WebIdentity { .. }
            | Self::NoKeys { .. }
            | Self::TooShort { .. } => Class::Refused,
            Self::LoginUnknown { .. } | Self::UnwrapUnknown { .. } => Class::Unknown,
            Self::Request { .. } => Class::Defect,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Missing { what } => Some(format!("set {what} in this job's variables").into()),
            Self::AwsPath { .. } => Some("give it as <mount>/sts/<role>, such as aws/sts/deployer".into()),
            Self::Mount { .. } => Some("give the mount alone, such as approle".into()),
            Self::Namespace { .. } => Some("give it as names between slashes, such as team/delivery".into()),
            Self::RoleArn { .. } => Some("give it as arn:aws:iam::<account>:role/<name>".into()),
            Self::Ttl { .. } => Some("ask for 900 to 43200 seconds".into()),
            Self::Unreachable { .. } => Some(
                "check Vault's address, the network from this runner and the proxy, then run again".into(),
            ),
            Self::Transport { cause, .. } => cause.remedy(),
            Self::Redirected { .. } => Some(
                "nothing was sent there; if that is the active node, make its address the configured one, or let the standby forward"
                    .into(),
            ),
            Self::Sealed { .. } => {
                Some("have Vault unsealed by its keepers, then run again; the login used nothing up".into())
            }
            Self::NotInitialised { .. } => Some("look whether the address is that of the right Vault".into()),
            Self::Login { mount, .. } => Some(
                format!(
                    "check role id and secret id; a secret id ends by time or number of uses: make a new one with vault write -f auth/{mount}/role/<role>/secret-id; check namespace and mount"
                )
                .into(),
            ),
            Self::LoginUnknown { .. } => Some(
                "run again; where Vault then refuses the login, the secret id was good for one use and is spent: make a new one"
                    .into(),
            ),
            Self::IdToken => Some(
                "name the token by id_tokens of the job (GitLab), or give the job permissions: id-token: write (GitHub)".into(),
            ),
            Self::TokenFile { .. } => Some(
                "let AWS_WEB_IDENTITY_TOKEN_FILE name a file that is there, and that this user may read".into(),
            ),
            Self::TokenText => Some("set the variable to the token alone, without quotes or a line break".into()),
            Self::IdTokenRefused { claims, .. } => Some(
                format!("hold the role's bound_issuer, bound_audiences, bound_subject and bound_claims against what the token says: {claims}")
                    .into(),
            ),
            Self::Unwrapped { mount, .. } => Some(
                format!(
                    "if no earlier try of this job unwrapped it, and it has not ended by time, somebody else has: destroy the role's secret ids (vault list auth/{mount}/role/<role>/secret-id), find out who reads this variable, then wrap a new one"
                )
                .into(),
            ),
            Self::WrappedElsewhere { mount, .. } => Some(
                format!(
                    "it was not unwrapped; find out who set the variable, then wrap a new one: vault write -wrap-ttl=10m -f auth/{mount}/role/<role>/secret-id"
                )
                .into(),
            ),
            Self::UnwrapUnknown { .. } => Some("wrap a new secret id and run again: a wrapping can be opened once".into()),
            Self::NoMount { path, .. } => {
                Some(format!("check that the engine of {path} is mounted there, and the namespace").into())
            }
            Self::Denied { path, .. } => {
                Some(format!("allow capability update on {path} in a policy of the role that logs in").into())
            }
            Self::NoRole { path, .. } => Some(format!("check the name at the end of {path}, and the namespace").into()),
            Self::RoleArnRefused { .. } => {
                Some("set AWS_ROLE_ARN to one of the role_arns that Vault's role allows".into())
            }
            Self::AwsRefused { said, .. } => Some(if said.contains("role chaining") {
                "Vault itself runs on a role, and AWS gives a role that another one assumes an hour at most: ask for 1h or less by --ttl, and let longer stages renew their keys (--credentials vault)".into()
            } else if said.contains("DurationSeconds") {
                "ask for a shorter time to live by --ttl, or raise the role's MaxSessionDuration; where Vault itself runs on a role, 3600 s is the most".into()
            } else {
                "check that the AWS role exists and that its trust policy lets Vault assume it".into()
            }),
            Self::Passing { .. } => Some("run again; where it stays, look at Vault's log".into()),
            Self::Refused { .. } => None,
            Self::Answer { .. } => Some("look whether the address is Vault's and the path one that gives AWS keys".into()),
            Self::TooShort { .. } => Some(
                "raise max_sts_ttl of Vault's role and the role's MaxSessionDuration (an hour is the most where Vault itself runs on a role), ask for a longer time to live by --ttl, or lower --min-ttl"
                    .into(),
            ),
            Self::UserKeys => Some(
                "let VAULT_AWS_PATH name a role of type assumed_role, such as aws/sts/deployer; the user was given back with the token".into(),
            ),
            Self::GitHub { cause } => cause.remedy(),
            Self::GitHubRefused { .. } => Some("give the job permissions: id-token: write".into()),
            Self::WebIdentity { role, aws_code, said, claims } => {
                Some(crate::web_identity::remedy(role, aws_code, said, claims).into())
            }
            Self::Sts { cause, .. } => cause.remedy(),
            Self::Aws { cause } => cause.remedy(),
            Self::NoKeys { .. } => Some("look whether AWS_ENDPOINT_URL_STS leads to STS".into()),
            Self::Request { .. } => None,
        }
    }
}
