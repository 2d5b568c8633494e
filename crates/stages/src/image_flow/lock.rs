//! Mapping and lock of the images that Lambda functions run.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Class, DeploymentFile, FileError, ImageLock, LambdaName, LockedImage, Problem, Reference, ReleaseId,
};
use landfall_registry::{Choose, CopyOptions, CopyRequest, PlannedCopy, Registries, plan_copies};
use landfall_run::{Event, Run};

use super::{Config, Flow, names};
use crate::retag_push_ecr::{one_platform, write_plan};
use crate::{Finished, Output, Refusal};

/// An image, and the function that runs it.
pub(super) type OfFunction<'a> = (&'a names::Build, LambdaName);

/// The images that functions run, by the `.deployment` files of their folders.
///
/// # Errors
/// All files that cannot be read, and functions that two images are for.
pub(super) fn functions<'a>(
    config: &Config,
    builds: &'a [names::Build],
) -> Result<Vec<OfFunction<'a>>, Refusal> {
    let (mut functions, mut problems): (Vec<OfFunction<'a>>, Vec<Problem>) = (Vec::new(), Vec::new());
    let mut firsts: BTreeMap<LambdaName, String> = BTreeMap::new();
    for build in builds {
        let path = build.image.folder.join(DeploymentFile::FILE_NAME);
        let base = match DeploymentFile::read(&path) {
            Ok(file) => file.lambda,
            Err(FileError::Missing { .. }) => continue,
            Err(error) => {
                problems.push(Problem::of(&error));
                continue;
            }
        };
        let function = match config.target.function_name.as_ref().zip(config.target.environment.as_ref()) {
            None => base,
            Some((template, environment)) => match template.apply(&base, environment) {
                Ok(function) => function,
                Err(cause) => {
                    let what = format!("no function of {environment} can be called after {base}: {cause}");
                    problems.push(
                        Problem::new("LF-LAMBDA-NAME", Class::Input, what)
                            .with_remedy("correct function_name of the environment in landfall.toml"),
                    );
                    continue;
                }
            },
        };
        if let Some(other) = firsts.insert(function.clone(), build.name.clone()) {
            let what = format!("{function} would run two images: {other} and {}", build.name);
            let problem = Problem::new("LF-BUILD-FUNCTION-TWICE", Class::Input, what);
            problems.push(problem.with_remedy("correct one of their .deployment files"));
        }
        functions.push((build, function));
    }
    if problems.is_empty() { Ok(functions) } else { Err(Refusal(problems)) }
}

/// Looks what the tags name now, whether Lambda can run it, and writes both files. What stands in the way of that is a problem of the
/// report: the images are there.
pub(super) async fn write(
    config: &Config,
    head: &str,
    functions: &[OfFunction<'_>],
    registries: &Registries,
    output: &Output,
    finished: &mut Finished,
    run: &Run,
) {
    let name = "look at what functions run".into();
    run.progress().event(Event::Phase { name, items: Some(functions.len() as u64) });
    let of = |build: &names::Build| build.repository.tagged(build.image.tag.clone());
    let requests = functions.iter().map(|(build, _)| CopyRequest::new(of(build), of(build))).collect();
    // Nothing is copied: a plan from each tag to itself looks at the images as a copy would. What it may "overwrite" tells an index.
    let options = CopyOptions {
        choose: Choose::Lambda(config.platform),
        overwrite: true,
        look_for_attached: false,
        ..CopyOptions::default()
    };
    let plan = plan_copies(requests, registries, options, run).await;
    let mut problems: Vec<Problem> =
        plan.problems.iter().map(|problem| Problem::of(&problem.error)).collect();
    problems.extend(plan.copies.iter().filter(|copy| copy.source_index.is_some()).map(is_index));
    let platform = one_platform(config.platform, &plan, &mut problems);
    let release = config.target.release.clone().or_else(|| release(&config.flow, head));
    let Some(release) = release.filter(|_| problems.is_empty()) else {
        finished.problems.extend(problems);
        return;
    };
    let by_target: BTreeMap<Reference, &OfFunction<'_>> =
        functions.iter().map(|function| (of(function.0), function)).collect();
    let locked = |copy: &PlannedCopy| {
        let (build, function) = by_target.get(&copy.request.target)?;
        Some(LockedImage {
            project: build.image.project.clone(),
            version: names::version(&config.flow, head),
            lambda: function.clone(),
            environment: config.target.environment.clone(),
            source: copy.source.clone(),
            source_index: None,
            target: copy.request.target.clone(),
            digest: copy.digest(),
            media_type: copy.manifest.media_type.clone(),
            size_bytes: copy.size_bytes,
        })
    };
    let lock = ImageLock {
        release: release.clone(),
        environment: config.target.environment.clone(),
        platform,
        images: plan.copies.iter().filter_map(locked).collect(),
    };
    finished.warnings.extend(plan.copies.iter().flat_map(|copy| copy.warnings.iter().cloned()));
    finished.release = Some(release);
    match write_plan(&config.places, &lock, output) {
        Ok(files) => finished.files.extend(files),
        Err(Refusal(problems)) => finished.problems.extend(problems),
    }
}

/// Lambda runs no index, and a tag that names one cannot be deployed.
fn is_index(copy: &PlannedCopy) -> Problem {
    let what = format!("{} is an index, which Lambda does not run", copy.request.target);
    Problem::new("LF-BUILD-INDEX", Class::Refused, what).with_remedy(
        "build one platform without attestations: build_arguments = [\"--provenance=false\", \"--sbom=false\"] in [images] of landfall.toml",
    )
}

/// The release's id: the version, or the commit.
fn release(flow: &Flow, head: &str) -> Option<ReleaseId> {
    match flow {
        Flow::Dev => head.parse().ok(),
        Flow::Prod { version, .. } => version.tag().as_str().parse().ok(),
    }
}
