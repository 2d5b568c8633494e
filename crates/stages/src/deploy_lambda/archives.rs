//! Archives of a release: which function gets which, and from where what runs now can be put back.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{
    Class, DeploymentFile, Digest, FileError, Folder, LambdaName, Problem, ReleaseArtifact, ReleaseManifest,
};
use landfall_lambda_deploy::{Archive, Code, Desired, Function, Plan};
use landfall_ledger::gate::Content;
use landfall_run::{Event, Run};
use landfall_s3_sync::ReleaseStore;

use super::Config;
use crate::{Refusal, stored_archives};

/// What is wanted: each service's function with its archive.
///
/// # Errors
/// All services whose function cannot be named.
pub(super) fn desired(
    config: &Config,
    manifest: &ReleaseManifest,
    store: &ReleaseStore,
) -> Result<Vec<Desired>, Refusal> {
    let mut problems = Vec::new();
    let mut desired = Vec::new();
    for (position, artifact) in manifest.artifacts.iter().enumerate() {
        match function_of(config, artifact) {
            Err(problem) => problems.push(problem),
            Ok(_) if !config.shard.is_none_or(|shard| shard.takes(position)) => {}
            Ok(function) => desired.push(Desired {
                function,
                project: artifact.service.as_str().parse().ok(),
                version: Some(manifest.release.to_string()),
                code: Code::Archive(stored_archives::of(artifact, store)),
                environment: config.target.environment.clone(),
                shard: config.shard,
            }),
        }
    }
    if problems.is_empty() { Ok(desired) } else { Err(Refusal(problems)) }
}

/// What the release brings.
pub(super) fn contents(manifest: &ReleaseManifest) -> Vec<Content> {
    let content = |artifact: &ReleaseArtifact| Content {
        project: artifact.service.as_str().parse().ok(),
        version: None,
        digest: artifact.sha256.digest(),
    };
    manifest.artifacts.iter().map(content).collect()
}

/// Where what runs now is kept, by its digest. What is in no release, or not there any more, is said: it cannot be put back.
///
/// # Errors
/// A bucket that cannot be listed.
pub(super) async fn kept(
    plan: &Plan,
    store: &ReleaseStore,
    config: &Config,
    run: &Run,
) -> Result<BTreeMap<Digest, Archive>, Refusal> {
    // Where nothing is changed, nothing is put back.
    if plan.is_done() {
        return Ok(BTreeMap::new());
    }
    let before = |step: &landfall_lambda_deploy::Step| {
        // What an earlier try changed goes back too.
        let function = step.first.as_ref().map(|first| &first.function).or(step.before.as_ref());
        let digest = function.and_then(Function::digest);
        digest.filter(|digest| *digest != step.desired.code.digest())
    };
    let wanted: BTreeSet<Digest> = plan.steps.iter().filter_map(before).collect();
    let environments: Vec<_> = config.target.environment.iter().collect();
    let found: Vec<ReleaseArtifact> = store.find(&wanted, &environments, run).await?.into_values().collect();
    let seen = store.verify(&found, run).await;
    let (mut kept, mut lost) = (BTreeMap::new(), BTreeMap::new());
    for (artifact, seen) in found.iter().zip(seen) {
        let digest = artifact.sha256.digest();
        match seen {
            Ok(()) => drop(kept.insert(digest, stored_archives::of(artifact, store))),
            Err(error) => drop(lost.insert(digest, error.to_string())),
        }
    }
    for step in &plan.steps {
        if let Some(digest) = before(step).filter(|digest| !kept.contains_key(digest)) {
            let why = match lost.get(&digest) {
                Some(error) => format!("cannot be fetched any more, {error}"),
                None => format!("is in no release of {}", store.bucket()),
            };
            let text = format!(
                "what {} {} ({}) {why}: it could not be put back",
                step.desired.function,
                if step.first.is_some() { "ran before" } else { "runs now" },
                digest.short(),
            );
            run.progress().event(Event::Warning(text));
        }
    }
    Ok(kept)
}

/// The name in the service's `.deployment` file, else the service's own; in the environment's form.
fn function_of(config: &Config, artifact: &ReleaseArtifact) -> Result<LambdaName, Problem> {
    let service = artifact.service.as_str();
    let of_file = service
        .parse::<Folder>()
        .ok()
        .map(|folder| DeploymentFile::read(&DeploymentFile::path(&config.places.functions, &folder)));
    let base = match of_file {
        Some(Ok(file)) => file.lambda,
        Some(Err(FileError::Missing { .. })) | None => service.parse().map_err(|_| {
            Problem::new("LF-LAMBDA-NAME", Class::Input, format!("no function can be called {service}"))
                .with_remedy(format!("name its function in functions/{service}/.deployment"))
        })?,
        Some(Err(error)) => return Err(Problem::of(&error)),
    };
    match config.target.function_name.as_ref().zip(config.target.environment.as_ref()) {
        Some((template, environment)) => template.apply(&base, environment).map_err(|error| {
            let what = format!("no function of {environment} can be called after {base}: {error}");
            Problem::new("LF-LAMBDA-NAME", Class::Input, what)
                .with_remedy("correct function_name of the environment in landfall.toml")
        }),
        None => Ok(base),
    }
}
