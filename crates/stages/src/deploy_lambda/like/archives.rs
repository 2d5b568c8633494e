//! Archives of the example: which are here, and which releases have to be copied.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Class, Digest, Problem, ReleaseArtifact, ReleaseId, ReleaseManifest};
use landfall_lambda_deploy::Archive;
use landfall_run::{Event, Run, human_bytes};
use landfall_s3_sync::{Error, ObjectOutcome};

use super::{Brought, Config, Example, One, Parts, item};
use crate::stored_archives::StoredArchives;
use crate::{Recorded, Refusal, stored_archives};

/// What functions of archives are to run here, and the releases that bring it.
#[derive(Debug, Default)]
pub(super) struct Archives {
    here: BTreeMap<Digest, Archive>,
    missing: Vec<ReleaseManifest>,
    /// What is in the store here by its manifests.
    stored: Vec<ReleaseArtifact>,
}

impl Archives {
    /// Looks which archives are in the store here, and which releases of the example's bring the others. Problems are added to
    /// `problems`.
    ///
    /// # Errors
    /// A store that cannot be looked at.
    pub(super) async fn look(
        config: &Config,
        example: &Example,
        wanted: &[&One],
        parts: Parts<'_>,
        problems: &mut Vec<Problem>,
        run: &Run,
    ) -> Result<Self, Refusal> {
        let archive = |one: &&One| match one.code {
            Recorded::Archive(digest) => Some((digest, (*one).clone())),
            Recorded::Image(_) => None,
        };
        let wanted: Vec<(Digest, One)> = wanted.iter().filter_map(archive).collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let Some(store) = parts.store else {
            return Err(Refusal::one(
                Problem::new("LF-CONFIG-MISSING", Class::Input, "the bucket of releases is missing")
                    .with_remedy(
                        "give it by --bucket, or bucket of the environment's releases in landfall.toml",
                    ),
            ));
        };
        let digests: BTreeSet<Digest> = wanted.iter().map(|(digest, _)| *digest).collect();
        // Archives of the example's environment alone stay called after it.
        let environments: Vec<_> = config.target.environment.iter().chain([&example.environment]).collect();
        let mut found = store.find(&digests, &environments, run).await?;
        let absent: Vec<&(Digest, One)> =
            wanted.iter().filter(|(digest, _)| !found.contains_key(digest)).collect();
        let stored: Vec<ReleaseArtifact> = found.values().cloned().collect();
        let missing = releases(example, &absent, parts, problems, run).await?;
        for artifact in missing.iter().flat_map(|manifest| &manifest.artifacts) {
            found.entry(artifact.sha256.digest()).or_insert_with(|| artifact.clone());
        }
        for (digest, one) in wanted.iter().filter(|(digest, _)| !found.contains_key(digest)) {
            problems.push(nowhere(example, one, *digest));
        }
        let here = |(digest, artifact)| (digest, stored_archives::of(&artifact, store));
        Ok(Self { here: found.into_iter().map(here).collect(), missing, stored })
    }

    /// The archives that are here, as far as the manifests here know. Those that are to be copied are proved by their copying.
    pub(super) fn stored<'a>(&self, parts: Parts<'a>) -> Option<StoredArchives<'a>> {
        Some(StoredArchives::new(parts.store?, self.stored.iter().cloned()))
    }

    /// Where an archive is, or will be; `None` where it is nowhere.
    pub(super) fn here(&self, digest: Digest) -> Option<Archive> {
        self.here.get(&digest).cloned()
    }

    /// What would be copied, a line each.
    pub(super) fn foretold(&self, parts: Parts<'_>) -> Vec<String> {
        let from = parts.store_there.map(|store| store.bucket().to_string()).unwrap_or_default();
        let line = |manifest: &ReleaseManifest| {
            let bytes: u64 = manifest.artifacts.iter().map(|artifact| artifact.size_bytes).sum();
            format!(
                "release {} would be copied from s3://{from}: {} archives, {}",
                manifest.release,
                manifest.artifacts.len(),
                human_bytes(bytes)
            )
        };
        self.missing.iter().map(line).collect()
    }

    /// Copies the releases that are missing.
    pub(super) async fn bring(&self, parts: Parts<'_>, brought: &mut Brought, run: &Run) {
        let (Some(there), Some(here)) = (parts.store_there, parts.store) else { return };
        for manifest in &self.missing {
            let name = format!("copy release {}", manifest.release);
            run.progress().event(Event::Phase { name, items: Some(manifest.artifacts.len() as u64) });
            for object in there.copy_to(here, manifest, run).await.objects {
                let problem = match object.outcome {
                    ObjectOutcome::Unchanged => continue,
                    ObjectOutcome::Published => None,
                    ObjectOutcome::NotTried if object.error.is_none() => continue,
                    ObjectOutcome::Failed | ObjectOutcome::Unknown | ObjectOutcome::NotTried => {
                        object.error.as_ref().map(|error| Problem::of(error))
                    }
                };
                let address = here.address(&object.key);
                if problem.is_none() {
                    brought.lines.push(format!("{address} copied, {}", human_bytes(object.size_bytes)));
                }
                let mut item = item(address, object.sha256.digest(), problem);
                item.bytes = object.size_bytes;
                item.duration_ms = u64::try_from(object.took.as_millis()).unwrap_or(u64::MAX);
                brought.items.push(item);
            }
        }
    }
}

/// The releases of the example's store that hold what is not here.
async fn releases(
    example: &Example,
    absent: &[&(Digest, One)],
    parts: Parts<'_>,
    problems: &mut Vec<Problem>,
    run: &Run,
) -> Result<Vec<ReleaseManifest>, Refusal> {
    if absent.is_empty() {
        return Ok(Vec::new());
    }
    let Some(there) = parts.store_there else {
        let what = format!(
            "{} archives are not here, and the store of {} is not known",
            absent.len(),
            example.environment
        );
        problems.push(Problem::new("LF-LIKE-STORE", Class::Input, what).with_remedy(format!(
            "set bucket of [environment.{}.releases] in landfall.toml",
            example.environment
        )));
        return Ok(Vec::new());
    };
    let names: BTreeSet<&ReleaseId> = absent.iter().filter_map(|(_, one)| one.release.as_ref()).collect();
    let is_absent =
        |artifact: &ReleaseArtifact| absent.iter().any(|(digest, _)| *digest == artifact.sha256.digest());
    let mut manifests = Vec::new();
    for name in names {
        for environment in [None, Some(&example.environment)] {
            match there.read_manifest(name, environment, run).await {
                Ok(manifest) if manifest.artifacts.iter().any(is_absent) => {
                    // A release is copied whole or not at all.
                    let seen = there.verify(&manifest.artifacts, run).await;
                    problems.extend(seen.iter().filter_map(|one| Some(Problem::of(one.as_ref().err()?))));
                    manifests.push(manifest);
                }
                // What nobody has is told of each function.
                Ok(_) | Err(Error::NoRelease { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(manifests)
}

fn nowhere(example: &Example, one: &One, digest: Digest) -> Problem {
    let release =
        one.release.as_ref().map_or_else(|| "no release".to_owned(), |release| format!("not in {release}"));
    let what = format!(
        "what {} runs in {} ({}) is neither here nor there: {release}",
        one.there,
        example.environment,
        digest.short()
    );
    Problem::new("LF-LIKE-GONE", Class::Refused, what)
        .with_remedy("let the stores keep what runs (docs/access.md), and publish and deploy a release anew")
}
