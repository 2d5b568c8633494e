//! What can go wrong with registries, ECR and Artifactory. What it means and what to do is in `explain.rs`.

use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{Digest, FileError, FileErrors};
use landfall_run::{Hint, JournalError};

use crate::{HelperFault, ManifestFault, Misfit, UnfitKey, artifactory};

/// What went wrong. Foreign text in it is escaped, and known secrets are removed from it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request could not be made or got no answer.
    #[error("cannot {doing}")]
    Transport {
        /// What was to be done, such as `GET manifest host/app:1.4.2`.
        doing: String,
        /// Why not.
        #[source]
        cause: Box<landfall_transport::Error>,
    },
    /// The registry wants a login and none was given for it.
    #[error("{host} wants a login to {doing}, and there is none for it")]
    NoLogin {
        /// The registry.
        host: String,
        /// What was to be done.
        doing: String,
    },
    /// The registry does not take the login.
    #[error("{host} does not accept the login of `{user}` to {doing}")]
    LoginRefused {
        /// The registry, or its token server.
        host: String,
        /// The user of the login.
        user: String,
        /// What was to be done.
        doing: String,
        /// What the server said.
        said: String,
    },
    /// The login's time is over.
    #[error("the login of `{user}` at {host} has expired")]
    LoginExpired {
        /// The registry.
        host: String,
        /// The user of the login.
        user: String,
        /// What the server said.
        said: String,
    },
    /// The login is of a kind that the registry does not take.
    #[error("the login for {host} is an identity token, which it does not take: {why}")]
    LoginKind {
        /// The registry.
        host: String,
        /// How that is known.
        why: String,
    },
    /// A source of logins cannot be read, and no source before it decides.
    #[error("the logins of {name} cannot be read")]
    LoginSource {
        /// The source.
        name: String,
        /// Why not.
        #[source]
        cause: Arc<FileError>,
    },
    /// A credential helper gave no login.
    #[error("the credential helper `{helper}` gave no login for {host}")]
    Helper {
        /// Its name.
        helper: String,
        /// The registry.
        host: String,
        /// Why not.
        #[source]
        cause: Box<HelperFault>,
    },
    /// The registry asks for a login in a way that is not understood.
    #[error("{host} asks for a login in a way that is not understood: {shown}")]
    Challenge {
        /// The registry.
        host: String,
        /// The challenge, escaped.
        shown: String,
    },
    /// The token server did not give a token.
    #[error("the token server of {host} answered {status} without a usable token: {said}")]
    Token {
        /// The registry.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// The login is good and may not do this.
    #[error("{host} does not allow `{user}` to {doing}: {said}")]
    Denied {
        /// The registry.
        host: String,
        /// The user of the login, or `nobody`.
        user: String,
        /// What was to be done.
        doing: String,
        /// What the registry said.
        said: String,
    },
    /// The image is not there.
    #[error("{reference} is not there")]
    ImageMissing {
        /// The image.
        reference: String,
    },
    /// The repository is not there.
    #[error("the repository {repository} does not exist")]
    RepositoryMissing {
        /// The repository with its host.
        repository: String,
    },
    /// A blob that a manifest names is not there.
    #[error("{digest}, which a manifest names, is not in {repository}")]
    BlobMissing {
        /// The blob.
        digest: Digest,
        /// The repository with its host.
        repository: String,
    },
    /// A source names something else than the plan says.
    #[error("{reference} names {found}, and {planned} was planned")]
    SourceMoved {
        /// The source.
        reference: String,
        /// What the plan says.
        planned: Digest,
        /// What it names now.
        found: Digest,
    },
    /// The tag exists with other content. Nothing was changed.
    #[error("{target} exists with other content: {held} is there, {wanted} was to be")]
    TagTaken {
        /// The tag.
        target: String,
        /// What it names.
        held: Digest,
        /// What it was to name.
        wanted: Digest,
    },
    /// The tag names other content than what was just put there.
    #[error("{target} names {held} after {wanted} was put there")]
    TagDiffers {
        /// The tag.
        target: String,
        /// What it names.
        held: Digest,
        /// What it was to name.
        wanted: Digest,
    },
    /// Two images of one plan are for the same tag.
    #[error("{target} is the target of two images: {first} and {second}")]
    TargetTwice {
        /// The tag.
        target: String,
        /// The source of the first.
        first: String,
        /// The source of the second.
        second: String,
    },
    /// The target of a copy is not a tag.
    #[error("{target} is not a tag, and a copy is put at a tag")]
    TargetNotTag {
        /// The target.
        target: String,
    },
    /// Nothing was configured for a host.
    #[error("no registry was configured for {host}")]
    UnknownHost {
        /// The host.
        host: String,
    },
    /// A manifest breaks its format.
    #[error("the manifest of {reference} is not usable")]
    Manifest {
        /// The image.
        reference: String,
        /// What is wrong with it.
        #[source]
        cause: ManifestFault,
    },
    /// An image's configuration breaks its format.
    #[error("the configuration of {reference} is not usable")]
    ImageConfig {
        /// The image.
        reference: String,
        /// What is wrong with it.
        #[source]
        cause: FileErrors,
    },
    /// Content is not what its digest says.
    #[error("{what} is {actual}, and {expected} was promised")]
    DigestDiffers {
        /// What was read, and where.
        what: String,
        /// The digest that was promised.
        expected: Digest,
        /// The digest of the bytes that came.
        actual: Digest,
    },
    /// The length of a blob or manifest is not what its descriptor says.
    #[error("{what} has {actual} bytes, and {expected} were promised")]
    SizeDiffers {
        /// What was read, and where.
        what: String,
        /// Bytes that were promised.
        expected: u64,
        /// Bytes that came or were announced.
        actual: u64,
    },
    /// A blob was cut off more often than is borne.
    #[error("{what} broke off after {received} of {size} bytes, for the last time that is borne")]
    Cut {
        /// The blob, and where.
        what: String,
        /// Bytes that came.
        received: u64,
        /// Bytes that were promised.
        size: u64,
    },
    /// The target stopped taking a blob's bytes.
    #[error("{target} took no byte for {waited:?}")]
    TargetStalled {
        /// The target.
        target: String,
        /// How long was waited.
        waited: Duration,
    },
    /// AWS Lambda cannot run the image.
    #[error("AWS Lambda cannot run {reference}: {}", list(misfits))]
    NotForLambda {
        /// The image.
        reference: String,
        /// All reasons.
        misfits: Vec<Misfit>,
    },
    /// The registry answered what it should not.
    #[error("{host} answered {status} to {doing}: {said}")]
    Answer {
        /// The registry.
        host: String,
        /// What was to be done.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// The registry's error code, where it gave one.
        code: Option<String>,
        /// What it said.
        said: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// An answer lacks what the protocol says it has.
    #[error("{host} answered {doing} without a usable {missing}")]
    Incomplete {
        /// The registry.
        host: String,
        /// What was to be done.
        doing: String,
        /// What is missing.
        missing: &'static str,
    },
    /// The storage behind a registry did not give a blob.
    #[error("the storage that {host} points to answered {status} for {digest}")]
    Storage {
        /// The registry.
        host: String,
        /// The blob.
        digest: Digest,
        /// The HTTP status.
        status: u16,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// More redirects than are followed.
    #[error("{host} redirects {doing} more than {limit} times")]
    Redirects {
        /// The registry.
        host: String,
        /// What was to be done.
        doing: String,
        /// How many are followed.
        limit: u8,
    },
    /// A write got no answer, and was read back as not there.
    #[error("{target} is not there after its write got no answer")]
    NotWritten {
        /// What was written.
        target: String,
        /// How the write ended.
        #[source]
        cause: Box<Error>,
    },
    /// A write got no answer, and could not be read back either.
    #[error("whether {target} was written is not known")]
    Unconfirmed {
        /// What was written.
        target: String,
        /// How the reading back ended.
        #[source]
        cause: Box<Error>,
    },
    /// The journal does not let the effect pass.
    #[error("{target} may not be written now")]
    Journal {
        /// What was to be written.
        target: String,
        /// Why not.
        #[source]
        cause: JournalError,
    },
    /// The run was asked to stop.
    #[error("stopped before {doing}")]
    Stopped {
        /// What was to be done.
        doing: String,
    },

    /// A call of the ECR API failed.
    #[cfg(feature = "ecr")]
    #[error("ECR did not {doing}")]
    EcrCall {
        /// What was to be done.
        doing: String,
        /// What ECR answered.
        #[source]
        cause: Box<landfall_aws::AwsFailure>,
    },
    /// The ECR client could not be made.
    #[cfg(feature = "ecr")]
    #[error("cannot prepare the ECR client")]
    EcrSetup {
        /// Why not.
        #[source]
        cause: Box<landfall_aws::Error>,
    },
    /// ECR's login is not one.
    #[error("ECR's answer to GetAuthorizationToken holds no usable {missing}")]
    EcrToken {
        /// What is missing or odd.
        missing: &'static str,
    },
    /// Repositories that do not exist.
    #[error("ECR has no repository {}", names.join(", "))]
    EcrRepositories {
        /// Their names.
        names: Vec<String>,
    },
    /// ECR could not say which images there are.
    #[error("ECR cannot show {reference}: {code}")]
    EcrImage {
        /// The image.
        reference: String,
        /// ECR's failure code.
        code: String,
    },
    /// The registry's host and the configured region differ.
    #[error("{host} is in {found}, and the region is set to {region}")]
    EcrRegion {
        /// The registry.
        host: String,
        /// The region in its name.
        found: String,
        /// The configured region.
        region: String,
    },

    /// Artifactory refused a promotion.
    #[error("Artifactory answered {status} to the promotion of {what}: {said}")]
    PromotionRefused {
        /// What was to be promoted, from where to where.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// Nothing can be promoted from or to these repositories.
    #[error("Artifactory promotes from one local Docker repository to another, and {}", all(keys))]
    PromotionKeys {
        /// The repository keys, one or both.
        keys: Vec<UnfitKey>,
        /// How the promotion was answered, where one was asked for.
        #[source]
        refused: Option<Box<Error>>,
    },
    /// Source and target of a promotion are one place.
    #[error("images below `{source_key}` and `{target_key}` are at one and the same place")]
    PromotionSamePlace {
        /// The repository key of the source.
        source_key: String,
        /// The repository key of the target.
        target_key: String,
    },
    /// There is nothing to promote.
    #[error("{what} is not in {source_key}")]
    PromotionSource {
        /// The image and tag.
        what: String,
        /// The repository key that it was to be in.
        source_key: String,
    },
    /// The source holds other content than what was released.
    #[error("{what} is {actual} in {source_key}, and {expected} was released")]
    PromotionContent {
        /// The image and tag.
        what: String,
        /// The repository key.
        source_key: String,
        /// What was released.
        expected: Digest,
        /// What is there.
        actual: Digest,
    },
    /// Artifactory's version could not be read.
    #[error("Artifactory answered {status} when asked for its version: {said}")]
    ArtifactoryVersion {
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
}

fn list(misfits: &[Misfit]) -> String {
    misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn all(keys: &[UnfitKey]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", and ")
}

/// Statuses that a later attempt may not see.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 522)
}

impl Error {
    pub(crate) fn transport(doing: impl Into<String>, cause: landfall_transport::Error) -> Self {
        Self::Transport { doing: doing.into(), cause: Box::new(cause) }
    }

    /// Whether a request was sent and its answer did not come, or not whole.
    pub(crate) fn is_unanswered(&self) -> bool {
        match self {
            Self::Transport { cause, .. } => matches!(
                **cause,
                landfall_transport::Error::Unanswered { .. } | landfall_transport::Error::Stalled { .. }
            ),
            _ => false,
        }
    }

    /// Whether a write that ended so may have been made: its answer did not come, or could not be taken.
    pub(crate) fn leaves_write_open(&self) -> bool {
        match self {
            Self::Transport { cause, .. } => matches!(
                **cause,
                landfall_transport::Error::Unanswered { .. }
                    | landfall_transport::Error::Stalled { .. }
                    | landfall_transport::Error::TooLarge { .. }
                    | landfall_transport::Error::NotAsAsked { .. }
            ),
            _ => false,
        }
    }

    /// Whether the same may simply be tried again.
    pub fn is_retryable(&self) -> bool {
        self.hint() != Hint::Stop
    }

    /// What this says about repeating.
    pub fn hint(&self) -> Hint {
        match self {
            Self::Transport { cause, .. } => cause.hint(),
            Self::Answer { status, code, retry_after, .. } => {
                if is_passing(*status) || code.as_deref() == Some("TOOMANYREQUESTS") {
                    retry_after.map_or(Hint::Again, Hint::After)
                } else {
                    Hint::Stop
                }
            }
            Self::Storage { status, retry_after, .. } => {
                // An address that was signed for a time is refused with 403 when the time is over.
                if is_passing(*status) || *status == 403 {
                    retry_after.map_or(Hint::Again, Hint::After)
                } else {
                    Hint::Stop
                }
            }
            Self::PromotionRefused { status, said, retry_after, .. } => {
                artifactory::hint_of(*status, said, *retry_after)
            }
            Self::Token { status, .. } | Self::ArtifactoryVersion { status, .. } => {
                if is_passing(*status) {
                    Hint::Again
                } else {
                    Hint::Stop
                }
            }
            Self::Cut { .. } | Self::TargetStalled { .. } | Self::NotWritten { .. } => Hint::Again,
            #[cfg(feature = "ecr")]
            Self::EcrCall { cause, .. } => cause.hint(),
            #[cfg(feature = "ecr")]
            Self::EcrSetup { .. } => Hint::Stop,
            Self::NoLogin { .. }
            | Self::LoginRefused { .. }
            | Self::LoginExpired { .. }
            | Self::LoginKind { .. }
            | Self::LoginSource { .. }
            | Self::Helper { .. }
            | Self::Challenge { .. }
            | Self::Denied { .. }
            | Self::ImageMissing { .. }
            | Self::RepositoryMissing { .. }
            | Self::BlobMissing { .. }
            | Self::SourceMoved { .. }
            | Self::TagTaken { .. }
            | Self::TagDiffers { .. }
            | Self::TargetTwice { .. }
            | Self::TargetNotTag { .. }
            | Self::UnknownHost { .. }
            | Self::Manifest { .. }
            | Self::ImageConfig { .. }
            | Self::DigestDiffers { .. }
            | Self::SizeDiffers { .. }
            | Self::NotForLambda { .. }
            | Self::Incomplete { .. }
            | Self::Redirects { .. }
            | Self::Unconfirmed { .. }
            | Self::Journal { .. }
            | Self::Stopped { .. }
            | Self::EcrToken { .. }
            | Self::EcrRepositories { .. }
            | Self::EcrImage { .. }
            | Self::EcrRegion { .. }
            | Self::PromotionKeys { .. }
            | Self::PromotionSamePlace { .. }
            | Self::PromotionSource { .. }
            | Self::PromotionContent { .. } => Hint::Stop,
        }
    }

    /// The HTTP status of the answer that this is about, where there was one.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. }
            | Self::Storage { status, .. }
            | Self::Token { status, .. }
            | Self::PromotionRefused { status, .. }
            | Self::ArtifactoryVersion { status, .. } => Some(*status),
            Self::NoLogin { .. } | Self::LoginRefused { .. } | Self::Challenge { .. } => Some(401),
            Self::LoginExpired { .. } | Self::Denied { .. } => Some(403),
            Self::ImageMissing { .. } | Self::RepositoryMissing { .. } | Self::BlobMissing { .. } => {
                Some(404)
            }
            Self::NotWritten { cause, .. } | Self::Unconfirmed { cause, .. } => cause.http_status(),
            Self::PromotionKeys { refused, .. } => refused.as_deref().and_then(Self::http_status),
            _ => None,
        }
    }
}
