//! What target tags name.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use landfall_artifacts::{Reference, Tag};
use landfall_run::Run;

use super::at_once::at_once;
use super::choose::Held;
use super::registries::Registries;
use crate::{Error, Flavour, Registry};

/// A target tag at its registry.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) registry: Registry,
    pub(super) reference: Reference,
    pub(super) tag: Tag,
}

/// What the look at target tags found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) held: BTreeMap<Reference, Held>,
    /// Tags that could not be looked at.
    pub(super) failed: BTreeMap<Reference, Error>,
    /// Repositories that could not be looked at, by name; one problem each, however many images are for it.
    pub(super) lacking: BTreeMap<String, Option<Error>>,
}

impl Target {
    pub(super) fn path(&self) -> &str {
        self.reference.repository().path()
    }
}

/// Looks at all tags: at ECR a hundred a call, elsewhere one by one.
pub(super) async fn tags<'a>(
    targets: &'a [Target],
    registries: &Registries,
    limit: usize,
    run: &Run,
) -> Found {
    let mut found = Found::default();
    let mut singly: Vec<&'a Target> = Vec::new();
    for (name, group) in by_repository(targets) {
        match many(&group, registries, run).await {
            Some(Ok(held)) => found.held.extend(held),
            Some(Err(error)) => {
                found.lacking.insert(name, Some(error));
            }
            None => singly.extend(group),
        }
    }
    let look = |target: &&'a Target| {
        let target = *target;
        async move {
            (target.reference.clone(), target.registry.observe_tag(target.path(), &target.tag, run).await)
        }
        .boxed()
    };
    let looking = singly.iter().map(look).collect();
    for (reference, result) in at_once(limit, looking).await {
        match result {
            Ok(held) => {
                let held = held.map(|digest| (reference, Held { digest, manifest: None }));
                found.held.extend(held);
            }
            Err(error) => {
                found.failed.insert(reference, error);
            }
        }
    }
    let unseen = singly.into_iter().filter(|target| !found.held.contains_key(&target.reference));
    let probes: BTreeMap<String, &Target> = unseen
        .filter(|target| target.registry.flavour() == Flavour::Ecr)
        .map(|target| (target.reference.repository().to_string(), target))
        .collect();
    for (name, target) in probes {
        match target.registry.lacks_repository(target.path(), &target.tag, run).await {
            Ok(false) => {}
            Ok(true) => {
                found.lacking.insert(name.clone(), Some(Error::RepositoryMissing { repository: name }));
            }
            Err(error) => {
                found.lacking.insert(name, Some(error));
            }
        }
    }
    found
}

fn by_repository(targets: &[Target]) -> BTreeMap<String, Vec<&Target>> {
    let mut groups: BTreeMap<String, Vec<&Target>> = BTreeMap::new();
    for target in targets {
        groups.entry(target.reference.repository().to_string()).or_default().push(target);
    }
    groups
}

/// The tags of one repository by ECR's own API; `None` where there is none for it, or the role may not use it.
#[cfg(feature = "ecr")]
async fn many(
    group: &[&Target],
    registries: &Registries,
    run: &Run,
) -> Option<Result<Vec<(Reference, Held)>, Error>> {
    let repository = group.first()?.reference.repository();
    let client = registries.ecr(repository.host())?;
    let tags: Vec<Tag> = group.iter().map(|target| target.tag.clone()).collect();
    match client.images_by_tag(repository.path(), &tags, run).await {
        Ok(images) => {
            let held = images.into_iter().map(|(tag, image)| {
                let held = Held { digest: image.digest, manifest: image.manifest };
                (repository.tagged(tag), held)
            });
            Some(Ok(held.collect()))
        }
        Err(Error::EcrRepositories { .. }) => {
            Some(Err(Error::RepositoryMissing { repository: repository.to_string() }))
        }
        Err(error) if is_denied(&error) => None,
        Err(error) => Some(Err(error)),
    }
}

/// Whether the role may not ask so: a docker login may do more than the role's policy says.
#[cfg(feature = "ecr")]
fn is_denied(error: &Error) -> bool {
    matches!(error, Error::EcrCall { cause, .. } if cause.kind == landfall_aws::FailureKind::Denied)
}

#[cfg(not(feature = "ecr"))]
#[expect(clippy::unused_async, reason = "it is the same question")]
async fn many(_: &[&Target], _: &Registries, _: &Run) -> Option<Result<Vec<(Reference, Held)>, Error>> {
    None
}
