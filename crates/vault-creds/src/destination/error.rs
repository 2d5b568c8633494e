//! What can go wrong on the way to where the keys belong.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain};

/// Why keys could not be put. No text shows a value.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// Keys of a user, which do not end, have no place in a pipeline.
    #[error("the keys have no session token, so that they would not end")]
    NotTemporary,
    /// A value would not stay on its line.
    #[error("the value of {name} is not one line of printable characters (not shown)")]
    Value {
        /// The variable.
        name: &'static str,
    },
    /// The file cannot be written.
    #[error("the file of credentials cannot be written")]
    File {
        /// Why not.
        #[source]
        cause: Box<landfall_artifacts::FileError>,
    },
    /// Standard output cannot be written to, so that nothing would be masked.
    #[error("standard output cannot be written to")]
    Say {
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// GitHub's file cannot be written.
    #[error("GitHub's file of variables {path} cannot be written")]
    GitHubFile {
        /// The path.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// A value is missing.
    #[error("{what} is missing")]
    Missing {
        /// Which, by the variable that sets it.
        what: &'static str,
    },
    /// A project or group that is none.
    #[error("`{shown}` is neither the number nor the path of a project or group")]
    Owner {
        /// What was given, escaped.
        shown: String,
    },
    /// A scope that GitLab does not take.
    #[error("`{shown}` is not a scope of variables")]
    Scope {
        /// What was given, escaped.
        shown: String,
    },
    /// GitLab could not be asked.
    #[error("GitLab could not be asked for {name}")]
    Unsent {
        /// The variable.
        name: &'static str,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// GitLab said no.
    #[error("GitLab did not {what} the variable {name} ({status}): {said}")]
    Refused {
        /// What was attempted: `read`, `create`, `update` or `remove`.
        what: &'static str,
        /// The variable.
        name: &'static str,
        /// The HTTP status.
        status: u16,
        /// What it said, escaped.
        said: String,
    },
    /// A variable of that name was set by somebody else.
    #[error("the variable {name} of scope {scope} was not set by this stage")]
    NotOurs {
        /// The variable.
        name: &'static str,
        /// The scope.
        scope: String,
    },
    /// The server cannot tell whose a variable is.
    #[error(
        "whose the variable {name} of scope {scope} is cannot be told: this GitLab keeps no description of it"
    )]
    Untold {
        /// The variable.
        name: &'static str,
        /// The scope.
        scope: String,
    },
    /// What is about to be done could not be recorded, so that it was not done.
    #[error("the change of the variable {name} could not be recorded")]
    Journal {
        /// The variable.
        name: &'static str,
        /// Why not.
        #[source]
        cause: landfall_run::JournalError,
    },
    /// GitLab made a variable that everybody could read; it was removed.
    #[error("GitLab did not {how} the variable {name}, which was removed again")]
    NotAsAsked {
        /// What it did not do: `mask`, `mark`, or `keep the scope of`.
        how: &'static str,
        /// The variable.
        name: &'static str,
    },
    /// GitLab made a variable that everybody can read, and it could not be removed.
    #[error("GitLab did not {how} the variable {name}, and it stands there: it could not be removed")]
    Left {
        /// What it did not do, as with [`DestinationError::NotAsAsked`].
        how: &'static str,
        /// The variable.
        name: &'static str,
        /// Why it could not be removed.
        #[source]
        cause: Box<DestinationError>,
    },
}

impl DestinationError {
    /// Whether the same may simply be tried again.
    pub fn is_retryable(&self) -> bool {
        self.class() == Class::Transient
    }
}

impl Explain for DestinationError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotTemporary => "LF-VAULT-USER-KEYS",
            Self::Value { .. } => "LF-CREDENTIALS-VALUE",
            Self::File { cause } => cause.code(),
            Self::Say { .. } => "LF-CREDENTIALS-STDOUT",
            Self::GitHubFile { .. } => "LF-GITHUB-ENV",
            Self::Missing { .. } => "LF-CONFIG-MISSING",
            Self::Owner { .. } => "LF-GITLAB-OWNER",
            Self::Scope { .. } => "LF-GITLAB-SCOPE",
            Self::Unsent { cause, .. } => cause.code(),
            Self::Refused { status: 401 | 403, .. } => "LF-GITLAB-DENIED",
            Self::Refused { .. } => "LF-GITLAB-REFUSED",
            Self::NotOurs { .. } => "LF-GITLAB-NOT-OURS",
            Self::Untold { .. } => "LF-GITLAB-TOO-OLD",
            Self::Journal { cause, .. } => cause.code(),
            Self::NotAsAsked { .. } => "LF-GITLAB-NOT-AS-ASKED",
            Self::Left { .. } => "LF-GITLAB-LEFT",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Missing { .. } | Self::Owner { .. } | Self::Scope { .. } | Self::GitHubFile { .. } => {
                Class::Input
            }
            Self::File { cause } => cause.class(),
            Self::Unsent { cause, .. } => cause.class(),
            Self::Journal { cause, .. } => cause.class(),
            Self::Refused { status: 408 | 429 | 500.., .. } => Class::Transient,
            Self::NotTemporary
            | Self::Value { .. }
            | Self::Say { .. }
            | Self::Refused { .. }
            | Self::NotOurs { .. }
            | Self::Untold { .. }
            | Self::NotAsAsked { .. } => Class::Refused,
            Self::Left { .. } => Class::Unknown,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NotTemporary => Some("let VAULT_AWS_PATH name a role of type assumed_role, such as aws/sts/deployer".into()),
            Self::Value { .. } => Some("look who answers in the place of Vault or AWS".into()),
            Self::File { cause } => cause.remedy(),
            Self::Say { .. } => Some("leave standard output open: GitHub reads there what it must mask".into()),
            Self::GitHubFile { .. } => {
                Some("run this in a step of GitHub Actions, which sets GITHUB_ENV to a file that is there".into())
            }
            Self::Missing { what } => Some(format!("set {what} in this job's variables").into()),
            Self::Owner { .. } => Some("give a number such as 574, or a path such as acme/shop".into()),
            Self::Scope { .. } => Some("set CI_ENVIRONMENT_NAME, or `*` for all environments".into()),
            Self::Unsent { cause, .. } => cause.remedy(),
            Self::Refused { status: 401, .. } => Some("set GITLAB_TOKEN to a token of scope api; a job's own token cannot set variables".into()),
            Self::Refused { status: 403, .. } => Some(
                "let the account of GITLAB_TOKEN be maintainer of the project, or owner of the group".into(),
            ),
            Self::Refused { status: 404, .. } => {
                Some("check GITLAB_PROJECT_ID or GITLAB_GROUP_ID, and whether the account of GITLAB_TOKEN may see it".into())
            }
            Self::Refused { status: 408 | 429 | 500.., .. } => Some("run again: it sets all of them anew".into()),
            Self::Refused { .. } => None,
            Self::NotOurs { .. } => Some(
                "look whose it is; remove it, or give another scope by CI_ENVIRONMENT_NAME: what somebody else set is not overwritten".into(),
            ),
            Self::Untold { .. } => Some(
                "GitLab keeps descriptions since 16.2: remove the variable by hand if it is yours, and put the keys elsewhere: --to file, or run the command by `exec`".into(),
            ),
            Self::Journal { cause, .. } => cause.remedy(),
            Self::Left { .. } => Some(
                "remove the variable by hand now, and have Vault revoke the keys: whoever reads the project's jobs may see them".into(),
            ),
            Self::NotAsAsked { how: "mark", .. } => Some(
                "GitLab keeps descriptions since 16.2, by which variables are known again: put the keys elsewhere: --to file, or run the command by `exec`".into(),
            ),
            Self::NotAsAsked { how: "mask", .. } => Some("put the keys elsewhere: --to file, or run the command by `exec`".into()),
            Self::NotAsAsked { .. } => Some(
                "variables of groups have scopes with GitLab Premium alone: give a project by GITLAB_PROJECT_ID".into(),
            ),
        }
    }
}
