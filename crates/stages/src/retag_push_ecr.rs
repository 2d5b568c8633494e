//! `retag-push-ecr`: copies every image of the release to where Lambda takes it from.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Class, ImageLock, LambdaNames, LockedImage, Mappings, MissingName, Mode, Platform, Problem, ProjectName,
    Reference, ReleaseId, Repository, Shard, Tag, Versions, image_tag,
};
use landfall_registry::{
    Choose, CopyOptions, CopyOutcome, CopyPlan, CopyReport, CopyRequest, Registries, TargetState, apply,
    plan_copies,
};
use landfall_run::{Event, Run, human_bytes};

use crate::{Finished, Item, Outcome, Output, Places, Refusal, Target};

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
    let names = names(config, &versions, &mut problems)?;
    let requests = requests(config, &versions, &names, &release, &mut problems);
    let wanted: Vec<CopyRequest> = requests.iter().map(|(_, request)| request.clone()).collect();

    run.progress()
        .event(Event::Phase { name: "look at all images".into(), items: Some(wanted.len() as u64) });
    let options = CopyOptions {
        choose: Choose::Lambda(config.platform),
        overwrite: config.overwrite,
        ..CopyOptions::default()
    };
    let plan = plan_copies(wanted, registries, options, run).await;
    problems.extend(plan.problems.iter().map(|problem| Problem::of(&problem.error)));
    let platform = platform(config, &plan, &mut problems);
    if !problems.is_empty() {
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
        finished.files = write(&config.places, &lock, output)?;
        foretell(&plan, &mut finished);
        return Ok(finished);
    }
    let part = plan.part(|copy| config.shard.is_none() || copy.request.shard.is_some());
    run.progress().event(Event::Phase {
        name: format!("copy {}", human_bytes(part.bytes_to_send())),
        items: Some(part.changes() as u64),
    });
    let ended = apply(&part, registries, run).await;
    report(&ended, &mut finished, run);
    if ended.is_complete() {
        // The files name what is there: they are written when all of it is.
        match write(&config.places, &lock, output) {
            Ok(files) => finished.files = files,
            Err(Refusal(problems)) => finished.problems.extend(problems),
        }
    }
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
    finished.files = write(places, &lock, output)?;
    finished.release = Some(lock.release);
    Ok(finished)
}

/// The functions' names. Where some are missing, the problems are kept and the images of the others are looked at all the same, so
/// that everything is reported at once.
fn names(config: &Config, versions: &Versions, problems: &mut Vec<Problem>) -> Result<LambdaNames, Refusal> {
    match config.target.functions(&config.places.functions, versions, config.missing) {
        Ok(names) => Ok(names),
        Err(errors) => {
            let problem = Problem::of(&errors);
            match config.target.functions(&config.places.functions, versions, MissingName::Skip) {
                Ok(names) => {
                    problems.push(problem.with_remedy(
                        "write the Lambda function's name on the first line of each .deployment file; --skip-missing leaves such projects out",
                    ));
                    Ok(LambdaNames { skipped: Vec::new(), ..names })
                }
                // Leaving projects out would not help: what is wrong is in files that are there.
                Err(_) => Err(Refusal::one(problem.with_remedy(
                    "correct the .deployment files named: one function a folder, and no function in two folders",
                ))),
            }
        }
    }
}

fn requests(
    config: &Config,
    versions: &Versions,
    names: &LambdaNames,
    release: &ReleaseId,
    problems: &mut Vec<Problem>,
) -> Vec<(Tag, CopyRequest)> {
    let mut requests = Vec::new();
    for (position, (project, lambda)) in names.functions.iter().enumerate() {
        let Some(entry) = versions.projects.get(project) else { continue };
        let bad = |what: String| Problem::new("LF-RETAG-NAME", Class::Input, what);
        let tag = match image_tag(lambda, &entry.version) {
            Ok(tag) => tag.tag,
            Err(error) => {
                problems.push(bad(error.to_string()));
                continue;
            }
        };
        match source(config, project, &entry.version) {
            Ok(source) => requests.push((
                tag.clone(),
                CopyRequest {
                    project: Some(project.clone()),
                    version: Some(entry.version.to_string()),
                    environment: config.target.environment.clone(),
                    shard: config.shard.filter(|shard| shard.takes(position)),
                    release: Some(release.clone()),
                    ..CopyRequest::new(source, config.registry.tagged(tag))
                },
            )),
            Err(what) => problems.push(bad(what)),
        }
    }
    requests
}

fn source(config: &Config, project: &ProjectName, version: &semver::Version) -> Result<Reference, String> {
    let repository = config.source.join(project.as_str()).map_err(|error| error.to_string())?;
    // SemVer's build metadata begins with `+`, which no tag may hold.
    let tag: Tag = version
        .to_string()
        .replace('+', "_")
        .parse()
        .map_err(|error: landfall_artifacts::NameError| error.to_string())?;
    Ok(repository.tagged(tag))
}

/// The platform of all images: the one that was set, else the one that they all say.
fn platform(config: &Config, plan: &CopyPlan, problems: &mut Vec<Problem>) -> Platform {
    if let Some(platform) = config.platform {
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

fn write(
    places: &Places,
    lock: &ImageLock,
    output: &Output,
) -> Result<Vec<landfall_artifacts::WrittenFile>, Refusal> {
    let tag = |image: &LockedImage| Some((image.lambda.clone(), image.target.tag()?.clone()));
    let mappings = Mappings { tags: lock.images.iter().filter_map(tag).collect() };
    Ok(vec![
        // The lock first: deploy-lambda takes the mapping as the sign that both are there.
        output.write(&places.lock, &lock.to_bytes(), Mode::Shared)?,
        output.write(&places.mappings, &mappings.to_bytes(), Mode::Shared)?,
    ])
}

fn foretell(plan: &CopyPlan, finished: &mut Finished) {
    for copy in &plan.copies {
        let (outcome, text) = match copy.target_state {
            TargetState::Same => ("unchanged", "is there already".to_owned()),
            TargetState::Absent => {
                ("planned", format!("would be copied, {}", human_bytes(copy.bytes_to_send())))
            }
            TargetState::Other(held) => ("planned", format!("would replace {}", held.short())),
        };
        finished.lines.push(format!("{} {text}", copy.request.target));
        finished.items.push(
            Item::new(copy.request.target.to_string(), outcome)
                .with("target", copy.request.target.to_string())
                .with("digest", copy.digest().to_string()),
        );
    }
    finished.summary = format!(
        "{} of {} images would be copied, {}",
        plan.changes(),
        plan.copies.len(),
        human_bytes(plan.bytes_to_send())
    );
}

fn report(ended: &CopyReport, finished: &mut Finished, run: &Run) {
    let count = |outcome: CopyOutcome| ended.images.iter().filter(|result| result.outcome == outcome).count();
    for result in &ended.images {
        let moved = result.moved;
        let (word, text) = match result.outcome {
            CopyOutcome::Copied => (
                "copied",
                format!(
                    "copied, {} in {} blobs; {} were there",
                    human_bytes(moved.sent_bytes),
                    moved.sent_blobs,
                    human_bytes(moved.saved_bytes)
                ),
            ),
            CopyOutcome::Unchanged => ("unchanged", "was there already".to_owned()),
            CopyOutcome::Failed => ("failed", "was not copied".to_owned()),
            CopyOutcome::Unknown => ("unknown", "may have been copied".to_owned()),
            CopyOutcome::NotTried => ("not-tried", "was not tried".to_owned()),
        };
        let mut item = Item::new(result.target.to_string(), word)
            .with("digest", result.digest.to_string())
            .with("blobsSent", moved.sent_blobs)
            .with("blobsMounted", moved.mounted_blobs)
            .with("bytesSaved", moved.saved_bytes);
        item.changed = result.outcome == CopyOutcome::Copied;
        item.bytes = moved.sent_bytes;
        item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
        item.problem = result.error.as_deref().map(|error| Problem::of(error));
        finished.items.push(item);
        finished.lines.push(format!("{} {text}", result.target));
    }
    let left = count(CopyOutcome::NotTried);
    finished.note_stop(run, left);
    let totals = &ended.totals;
    finished.summary = format!(
        "{} copied, {} unchanged, {} failed, {} unknown, {left} not tried; {} sent, {} saved",
        count(CopyOutcome::Copied),
        count(CopyOutcome::Unchanged),
        count(CopyOutcome::Failed),
        count(CopyOutcome::Unknown),
        human_bytes(totals.moved.sent_bytes),
        human_bytes(totals.moved.saved_bytes)
    );
}
