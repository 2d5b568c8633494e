//! The services that a journal tells apart.

/// One of the stand-ins, as the journal and faults name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// HashiCorp Vault.
    Vault,
    /// AWS Security Token Service.
    Sts,
    /// The JSON API of ECR.
    EcrApi,
    /// The registry behind ECR.
    EcrRegistry,
    /// Artifactory: registry, token service, promotion.
    Artifactory,
    /// A registry as the distribution specification has it, for peers.
    PlainRegistry,
    /// Where the registries redirect blob downloads to.
    Storage,
    /// AWS Lambda.
    Lambda,
    /// AWS S3.
    S3,
    /// Jira Cloud.
    Jira,
    /// GitLab's API.
    GitLab,
    /// Where GitHub Actions gives jobs their id tokens.
    ActionsOidc,
    /// A host that nobody should talk to.
    Foreign,
}

impl Service {
    /// Every service, in the order of the declaration.
    pub const ALL: [Self; 13] = [
        Self::Vault,
        Self::Sts,
        Self::EcrApi,
        Self::EcrRegistry,
        Self::Artifactory,
        Self::PlainRegistry,
        Self::Storage,
        Self::Lambda,
        Self::S3,
        Self::Jira,
        Self::GitLab,
        Self::ActionsOidc,
        Self::Foreign,
    ];

    /// Those that take signed requests.
    pub const AWS: [Self; 4] = [Self::Sts, Self::EcrApi, Self::Lambda, Self::S3];

    /// Name in lower case, such as `ecr-registry`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Sts => "sts",
            Self::EcrApi => "ecr-api",
            Self::EcrRegistry => "ecr-registry",
            Self::Artifactory => "artifactory",
            Self::PlainRegistry => "registry",
            Self::Storage => "storage",
            Self::Lambda => "lambda",
            Self::S3 => "s3",
            Self::Jira => "jira",
            Self::GitLab => "gitlab",
            Self::ActionsOidc => "actions-oidc",
            Self::Foreign => "foreign",
        }
    }

    /// Whether it speaks the distribution specification.
    pub fn is_registry(self) -> bool {
        matches!(self, Self::EcrRegistry | Self::Artifactory | Self::PlainRegistry)
    }
}
