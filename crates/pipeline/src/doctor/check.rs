//! A check, and what it goes by.

/// One question of the decision tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, the one of its kind in its tree: lower-case letters and `-`.
    pub id: &'static str,
    /// The question, in plain words.
    pub asks: &'static str,
    /// What answers it. Checks that one look answers stand behind each other in the order in which it would fail.
    pub by: Evidence,
    /// Checks without which it cannot be answered, each of them before it in its tree.
    pub after: &'static [&'static str],
    /// The failures that it may find, by id.
    pub failures: &'static [&'static str],
}

/// A look that is taken. Each is taken once for a job, however many checks go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// `landfall.toml`, `.env`, and the options that every stage has.
    Settings,
    /// The settings of a login at Vault or AWS, as the stage reads them.
    LoginSettings,
    /// How Vault is, without a login.
    Vault,
    /// The wrapping of a secret id, which is not opened.
    Wrapping,
    /// A login, the keys that it gives, and whose they are. It may use up a secret id.
    Session,
    /// The logins at registries that the pipeline hands over.
    DockerLogins,
    /// The region that the registry's name and the settings say.
    Region,
    /// The AWS keys that are at hand, and when they end.
    Keys,
    /// Whose the AWS keys are, as STS says.
    Identity,
    /// The login at the registry that images come from.
    RegistryLogin,
    /// A token of ECR.
    EcrToken,
    /// The files that jobs before left for this one.
    Files,
    /// Who holds the environment, as the ledger has it.
    Environment,
    /// Whether the release is dead or the environment frozen, as the ledger has it.
    Release,
    /// What the stage itself says on a dry run.
    DryRun,
    /// The functions of the plan, whether an update of one is under way.
    Functions,
}

/// How far a look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Files, variables and settings alone.
    Here,
    /// Where the ledger is: a folder, or a bucket.
    Ledger,
    /// Services are asked; nothing is changed there or used up.
    Asks,
    /// A login is made.
    LogsIn,
}

impl Evidence {
    /// How far the look goes.
    pub fn reach(self) -> Reach {
        match self {
            Self::Settings
            | Self::LoginSettings
            | Self::DockerLogins
            | Self::Region
            | Self::Keys
            | Self::Files => Reach::Here,
            Self::Environment | Self::Release => Reach::Ledger,
            Self::Vault
            | Self::Wrapping
            | Self::Identity
            | Self::RegistryLogin
            | Self::EcrToken
            | Self::DryRun
            | Self::Functions => Reach::Asks,
            Self::Session => Reach::LogsIn,
        }
    }

    /// What is looked at, in a few words.
    pub fn looks_at(self) -> &'static str {
        match self {
            Self::Settings => "`landfall.toml`, `.env`, the job's options and variables",
            Self::LoginSettings => "the settings of the login, as the stage reads them",
            Self::Vault => "`/v1/sys/health` of Vault, without a login",
            Self::Wrapping => "`/v1/sys/wrapping/lookup` of Vault, which does not open the wrapping",
            Self::Session => "a login, its keys, and `sts:GetCallerIdentity`; with `--login` alone",
            Self::DockerLogins => "`DOCKER_AUTH_CONFIG`",
            Self::Region => "the name of the registry and the region",
            Self::Keys => "the AWS keys of the variables, `aws_auth.env` or the profile",
            Self::Identity => "`sts:GetCallerIdentity`",
            Self::RegistryLogin => "a manifest at the registry that images come from",
            Self::EcrToken => "`ecr:GetAuthorizationToken`",
            Self::Files => "the files that jobs before left for this one",
            Self::Environment => "locks in the ledger",
            Self::Release => "deaths and freezes in the ledger and in `landfall.toml`",
            Self::DryRun => "the stage itself on a dry run",
            Self::Functions => "`lambda:GetFunction` of every function of the plan",
        }
    }
}
