//! What the ledger says of functions: which code each came to run, by which release.

use landfall_artifacts::{
    Class, Digest, EnvironmentName, EventKind, FunctionState, LambdaName, LedgerEvent, LedgerItem,
    PinnedReference, Problem, ProjectName, Repository,
};
use landfall_lambda_deploy::Archive;
use landfall_ledger::happened;
use semver::Version;

/// Code as a record names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// An image.
    Image(PinnedReference),
    /// An archive with this SHA-256.
    Archive(Digest),
}

impl Recorded {
    /// What a function's state says that it runs.
    pub(crate) fn of(state: &FunctionState) -> Option<Self> {
        match &state.image {
            Some(image) => Some(Self::Image(image.clone())),
            None => state.code_sha256.as_deref().and_then(Archive::digest_of).map(Self::Archive),
        }
    }

    /// The digest of its content.
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Image(image) => image.digest(),
            Self::Archive(digest) => *digest,
        }
    }

    /// How the ledger writes it as an item's target: an image by its reference, an archive by its digest.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Image(image) => image.to_string(),
            Self::Archive(digest) => digest.to_string(),
        }
    }
}

/// What the ledger says of one function in one environment.
pub(crate) struct Told<'a> {
    pub(crate) function: LambdaName,
    pub(crate) item: &'a LedgerItem,
    pub(crate) event: &'a LedgerEvent,
}

/// Deployments and rollbacks of an environment that were confirmed, function by function, oldest first.
pub(crate) fn told<'a>(events: &'a [LedgerEvent], environment: &EnvironmentName) -> Vec<Told<'a>> {
    let is_meant = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Rollback)
            && event.environment.as_ref() == Some(environment)
            && happened(event)
    };
    let of_event = |event: &'a LedgerEvent| {
        event.items.iter().filter_map(move |item| {
            let function = item.lambda.clone().or_else(|| item.name.parse().ok())?;
            Some(Told { function, item, event })
        })
    };
    events.iter().filter(is_meant).flat_map(of_event).collect()
}

/// The code with this digest, of the kind that the item's target tells; an image is in the repository that was recorded, else in
/// `registry`.
///
/// # Errors
/// Where nobody says in which repository the image is.
pub(crate) fn code(
    function: &LambdaName,
    item: &LedgerItem,
    digest: Digest,
    registry: Option<&Repository>,
) -> Result<Recorded, Problem> {
    let target = item.target.as_deref();
    if target.is_some_and(|target| target.parse::<Digest>().is_ok()) {
        return Ok(Recorded::Archive(digest));
    }
    let recorded: Option<PinnedReference> = target.and_then(|target| target.parse().ok());
    match (&recorded, registry) {
        (Some(recorded), _) => Ok(Recorded::Image(recorded.repository().pinned(digest))),
        (None, Some(registry)) => Ok(Recorded::Image(registry.pinned(digest))),
        (None, None) => {
            let what = format!("the ledger does not say in which repository the image of {function} is");
            Err(Problem::new("LF-LEDGER-REGISTRY", Class::Input, what)
                .with_remedy("give it by --registry, or the variable ECR_REGISTRY_URI"))
        }
    }
}

/// The project and version that content is, where the ledger knows it as one version alone.
pub(crate) fn version_of(events: &[LedgerEvent], digest: Digest) -> Option<(ProjectName, Version)> {
    let items = events.iter().filter(|event| happened(event)).flat_map(|event| &event.items);
    let mut found = items
        .filter(|item| item.digest == Some(digest))
        .filter_map(|item| item.project.as_ref().zip(item.version.as_ref()));
    let first = found.next()?;
    found.all(|other| other == first).then(|| (first.0.clone(), first.1.clone()))
}

/// Environments that the ledger knows deployments to or rollbacks in, each once, by name.
pub(crate) fn environments(events: &[LedgerEvent]) -> Vec<&EnvironmentName> {
    let mut names: Vec<&EnvironmentName> = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Deployment | EventKind::Rollback))
        .filter_map(|event| event.environment.as_ref())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
