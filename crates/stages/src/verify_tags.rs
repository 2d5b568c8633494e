//! Whether ECR has each tag with the digest that is to be deployed.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Digest, Problem, Repository, Tag};
use landfall_registry::{EcrClient, EcrHost};
use landfall_run::{Event, Run};

use crate::Refusal;

/// Asks ECR, a hundred tags a call, and says everything that differs, tag by tag. `wanted` has no digest where any will do. The
/// registry is that of the account in the repository's host.
///
/// # Errors
/// What ECR says. What differs is returned, not an error.
pub(crate) async fn verify_tags(
    ecr: &EcrClient,
    repository: &Repository,
    wanted: &BTreeMap<Tag, Option<Digest>>,
    run: &Run,
) -> Result<BTreeMap<Tag, Problem>, Refusal> {
    run.progress()
        .event(Event::Phase { name: "look for the tags in ECR".into(), items: Some(wanted.len() as u64) });
    let tags: Vec<Tag> = wanted.keys().cloned().collect();
    let ecr = match EcrHost::parse(repository.host()) {
        Some(host) => ecr.clone().of_account(host.account),
        None => ecr.clone(),
    };
    let found = ecr.digests_by_tag(repository.path(), &tags, run).await?;
    let problem = |tag: &Tag, wanted: &Option<Digest>| {
        let reference = repository.tagged(tag.clone());
        match (found.get(tag), wanted) {
            (None, _) => Some(
                Problem::new("LF-ECR-TAG-MISSING", Class::Refused, format!("{reference} is not there"))
                    .with_remedy("run retag-push-ecr for this version, then again"),
            ),
            (Some(held), Some(wanted)) if held != wanted => Some(
                Problem::new(
                    "LF-ECR-TAG-DIFFERS",
                    Class::Integrity,
                    format!("{reference} names {held}, and {wanted} is to be deployed"),
                )
                .with_remedy("find out who pushed to that tag; do not deploy either before that"),
            ),
            (Some(_), _) => None,
        }
    };
    let found = wanted.iter().filter_map(|(tag, digest)| Some((tag.clone(), problem(tag, digest)?)));
    Ok(found.collect())
}
