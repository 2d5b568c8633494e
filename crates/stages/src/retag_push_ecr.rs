//! `retag-push-ecr`: copies every image of the release to where Lambda takes it from.

mod approved;
mod asked;
mod shown;

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{
    Class, ImageLock, LockedImage, Mappings, MissingName, Mode, Platform, Problem, Reference, Repository,
    Shard, Tag, Versions, WrittenFile,
};
use landfall_registry::{Choose, CopyOptions, CopyPlan, CopyRequest, Registries, apply, plan_copies};
use landfall_run::{Event, Run, human_bytes};

use crate::{Finished, Outcome, Output, Places, Refusal, Target};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// Where the images are: the repository that holds one repository a project, namespace included.
    pub source: Repository,
    /// Where they go: one repository for all functions, tagged `<LambdaName>-<version>`.
    pub registry: Repository,
    /// What the functions run on; where it is not said, the images say it, and all the same.
    pub platform: Option<Platform>,
    /// Whether a tag that exists with other content may be moved.
    pub overwrite: bool,
    /// The part of the images that this job copies. The plan and the files are those of the whole batch.
    pub shard: Option<Shard>,
    /// What a missing `.deployment` file means.
    pub missing: MissingName,
    /// Where the plan is written, also on a dry run and where it has problems; nowhere where none is named.
    pub plan_out: Option<PathBuf>,
    /// A plan that was approved: nothing is copied where something differs from it.
    pub approved: Option<PathBuf>,
}

/// Copies `<source>/<project>:<version>` to `<registry>:<LambdaName>-<version>` for every project of `versions.json`, over the
/// registry API, without daemon and disk; then writes the mapping and the lock.
///
/// Acts on: the target repository. A tag is written when all its blobs are there and verified. Repeating it copies what is
/// missing; a tag that names the same digest is left alone, one that names another is refused unless `overwrite`.
///
/// # Errors
/// Bad files, missing images or `.deployment` files, taken tags, images that Lambda cannot run: all at once, before a byte is
/// copied.
pub async fn run(config: &Config, registries: &Registries, output: &Output, run: &Run) -> Outcome {
    let versions = Versions::read(&config.places.versions)?;
    let release = config.target.release_of(&versions);
    if versions.is_empty() {
        return nothing(&config.target, &config.places, config.platform.unwrap_or_default(), output);
    }
    let mut problems = Vec::new();
    let names = asked::names(config, &versions, &mut problems)?;
    let mut requests = asked::requests(config, &versions, &names, &release, &mut problems);
    if let Some(path) = &config.approved {
        approved::pin(path, &release, requests.iter_mut().map(|(_, request)| request))?;
    }
    let wanted: Vec<CopyRequest> = requests.iter().map(|(_, request)| request.clone()).collect();

    run.progress()
        .event(Event::Phase { name: "look at all images".into(), items: Some(wanted.len() as u64) });
    let options = CopyOptions {
        choose: Choose::Lambda(config.platform),
        overwrite: config.overwrite,
        // A plan that somebody looks at says it; otherwise it is asked for while the bytes move.
        look_for_attached: output.is_dry_run() || config.plan_out.is_some(),
        ..CopyOptions::default()
    };
    let plan = plan_copies(wanted, registries, options, run).await;
    problems.extend(plan.problems.iter().map(|problem| Problem::of(&problem.error)));
    let platform = one_platform(config.platform, &plan, &mut problems);
    let planned = match &config.plan_out {
        Some(path) => {
            let mut document = plan.document(release.clone(), config.target.environment.clone());
            document.problems.clone_from(&problems);
            Some(document.write(path)?)
        }
        None => None,
    };
    if !problems.is_empty() {
        if output.is_dry_run() {
            // The images that could be copied are shown too. No mapping and no lock are foretold: there would be none.
            let mut finished = Finished { release: Some(release), problems, ..Finished::default() };
            finished.files.extend(planned);
            shown::foretell(&plan, &mut finished);
            return Ok(finished);
        }
        return Err(Refusal(problems));
    }
    let lock = ImageLock {
        release: release.clone(),
        environment: config.target.environment.clone(),
        platform,
        images: locked(config, &plan, &requests),
    };
    let mut finished = Finished { release: Some(release.clone()), ..Finished::default() };
    for skipped in &names.skipped {
        finished.warnings.push(format!("{} is left out: {skipped}", skipped.file));
    }
    finished.warnings.extend(plan.copies.iter().flat_map(|copy| copy.warnings.iter().cloned()));
    if output.is_dry_run() {
        finished.files = write_plan(&config.places, &lock, output)?;
        finished.files.extend(planned);
        shown::foretell(&plan, &mut finished);
        return Ok(finished);
    }
    let part = plan.part(|copy| config.shard.is_none() || copy.request.shard.is_some());
    run.progress().event(Event::Phase {
        name: format!("copy {}", human_bytes(part.bytes_to_send())),
        items: Some(part.changes() as u64),
    });
    let attached =
        async { if options.look_for_attached { Vec::new() } else { part.attached(registries, run).await } };
    let (ended, attached) = tokio::join!(apply(&part, registries, run), attached);
    finished.warnings.extend(attached.into_iter().flatten());
    shown::report(&ended, &mut finished, run);
    if ended.is_complete() {
        // The files name what is there: they are written when all of it is.
        match write_plan(&config.places, &lock, output) {
            Ok(files) => finished.files = files,
            Err(Refusal(problems)) => finished.problems.extend(problems),
        }
    }
    finished.files.extend(planned);
    Ok(finished)
}

/// What the stage does where the versions are empty: it writes a mapping and a lock without rows. No registry is needed for it.
///
/// # Errors
/// Bad versions, and files that cannot be written.
pub fn nothing(target: &Target, places: &Places, platform: Platform, output: &Output) -> Outcome {
    let versions = Versions::read(&places.versions)?;
    let lock = ImageLock {
        release: target.release_of(&versions),
        environment: target.environment.clone(),
        platform,
        images: Vec::new(),
    };
    let mut finished = Finished::new("nothing to deploy: the versions are empty");
    finished.files = write_plan(places, &lock, output)?;
    finished.release = Some(lock.release);
    Ok(finished)
}

/// The platform of all images: the one that was set, else the one that they all say.
pub(crate) fn one_platform(
    wanted: Option<Platform>,
    plan: &CopyPlan,
    problems: &mut Vec<Problem>,
) -> Platform {
    if let Some(platform) = wanted {
        return platform;
    }
    let of =
        |platform| plan.copies.iter().filter(move |copy| copy.platform == Some(platform)).collect::<Vec<_>>();
    let (intel, arm) = (of(Platform::LinuxAmd64), of(Platform::LinuxArm64));
    if let (Some(first), Some(other)) = (intel.first(), arm.first()) {
        let what = format!(
            "the images are for two platforms: {} for {} ({}) and {} for {} ({})",
            intel.len(),
            Platform::LinuxAmd64,
            first.request.source,
            arm.len(),
            Platform::LinuxArm64,
            other.request.source
        );
        problems
            .push(Problem::new("LF-RETAG-PLATFORMS", Class::Input, what).with_remedy(
                "copy the functions of one platform at a time, each with its own versions.json",
            ));
    }
    if intel.is_empty() && !arm.is_empty() { Platform::LinuxArm64 } else { Platform::LinuxAmd64 }
}

fn locked(config: &Config, plan: &CopyPlan, requests: &[(Tag, CopyRequest)]) -> Vec<LockedImage> {
    let by_target: BTreeMap<&Reference, &Tag> =
        requests.iter().map(|(tag, request)| (&request.target, tag)).collect();
    let names = plan.copies.iter().filter_map(|copy| {
        let tag = by_target.get(&copy.request.target)?;
        let version: semver::Version = copy.request.version.as_deref()?.parse().ok()?;
        let suffix = format!("-{}", version.to_string().replace('+', "_"));
        let lambda = tag.as_str().strip_suffix(&suffix)?.parse().ok()?;
        Some(LockedImage {
            project: copy.request.project.clone()?,
            version,
            lambda,
            environment: config.target.environment.clone(),
            source: copy.source.clone(),
            source_index: copy.source_index,
            target: copy.request.target.clone(),
            digest: copy.digest(),
            media_type: copy.manifest.media_type.clone(),
            size_bytes: copy.size_bytes,
        })
    });
    names.collect()
}

/// Writes the lock, and the mapping that follows from it.
///
/// # Errors
/// Files that cannot be written.
pub(crate) fn write_plan(
    places: &Places,
    lock: &ImageLock,
    output: &Output,
) -> Result<Vec<WrittenFile>, Refusal> {
    let tag = |image: &LockedImage| Some((image.lambda.clone(), image.target.tag()?.clone()));
    let mappings = Mappings { tags: lock.images.iter().filter_map(tag).collect() };
    Ok(vec![
        // The lock first: deploy-lambda takes the mapping as the sign that both are there.
        output.write(&places.lock, &lock.to_bytes(), Mode::Shared)?,
        output.write(&places.mappings, &mappings.to_bytes(), Mode::Shared)?,
    ])
}
