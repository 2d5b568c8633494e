//! `generate-mappings`: the deployment plan without any transfer.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Class, Digest, FileError, ImageLock, LockedImage, Mappings, MissingName, Mode, Problem, ProjectName,
    Repository, Tag, Versions, image_tag,
};
use landfall_ledger::Ledger;
use landfall_registry::EcrClient;
use landfall_run::{Event, Run};

use crate::digests::of_ledger;
use crate::inputs::{Places, Target, locked};
use crate::verify_tags::verify_tags;
use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// The versions as text, where a pipeline gives them so; it is then written to `versions.json`.
    pub versions_text: Option<String>,
    /// What a missing `.deployment` file means.
    pub missing: MissingName,
    /// Whether an entry of the text that lacks a field is an error and not a warning.
    pub strict: bool,
    /// The registry that the images are deployed from, for the lock that is written where staging's is given.
    pub registry: Option<Repository>,
    /// Staging's lock, from which digests are taken; not read where the file does not exist and was not named.
    pub staging_lock: Option<std::path::PathBuf>,
}

/// Computes `lambda-ecr-mappings.json` (and `versions.json`, where the versions came as text; and `image-lock.json`, where
/// staging's lock is given). Digests come from staging's lock, else from the ledger, where it knows the versions. With `ecr` it
/// asks ECR for each tag and its digest, or for the tag alone where the digest is not known; without, it contacts nobody.
///
/// # Errors
/// A text that is not JSON, a `versions.json` that differs from it, a missing `.deployment`, a tag that breaks its rule, a lock
/// that lacks a version that is to be deployed, a ledger that is damaged or contradicts itself about one: all at once, and
/// nothing is written.
pub async fn run(
    config: &Config,
    ecr: Option<&EcrClient>,
    ledger: &Ledger,
    output: &Output,
    run: &Run,
) -> Outcome {
    run.progress().event(Event::Phase { name: "read versions".into(), items: None });
    let mut finished = Finished::default();
    let versions = versions(config, &mut finished)?;
    let names = config.target.functions(&config.places.functions, &versions, config.missing)?;
    for skipped in &names.skipped {
        finished.warnings.push(format!("{} is left out: {skipped}", skipped.file));
    }
    let lock = config.staging_lock.as_deref().map(ImageLock::read).transpose()?;
    let events = if lock.is_none() { ledger.events().await? } else { Vec::new() };
    let (mut tags, mut images, mut problems) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut wanted: BTreeMap<Tag, Option<Digest>> = BTreeMap::new();
    for (project, lambda) in &names.functions {
        let Some(entry) = versions.projects.get(project) else { continue };
        let tag = match image_tag(lambda, &entry.version) {
            Ok(tag) => tag,
            Err(error) => {
                problems.push(Problem::new("LF-MAPPING-TAG", Class::Input, error.to_string()));
                continue;
            }
        };
        if tag.rewritten {
            finished
                .warnings
                .push(format!("{project}: version {} becomes the tag {}", entry.version, tag.tag));
        }
        let mut item = Item::new(project.as_str(), "planned")
            .changed()
            .with("lambda", lambda.as_str())
            .with("tag", tag.tag.as_str());
        let digest = match &lock {
            Some(lock) => locked_anew(lock, project, lambda, config, &entry.version, &tag.tag).map(|image| {
                let digest = image.digest;
                images.push(image);
                Some(digest)
            }),
            None => of_ledger(&events, project, &entry.version),
        };
        match digest {
            Ok(digest) => {
                if let Some(digest) = digest {
                    item = item.with("digest", digest.to_string());
                }
                wanted.insert(tag.tag.clone(), digest);
            }
            Err(problem) => problems.push(*problem),
        }
        finished.lines.push(format!("{lambda} -> {}", tag.tag));
        finished.items.push(item);
        tags.insert(lambda.clone(), tag.tag);
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    let mappings = Mappings { tags };
    if let (Some(ecr), Some(registry)) = (ecr, &config.registry) {
        let problems = verify_tags(ecr, registry, &wanted, run).await?;
        if !problems.is_empty() {
            return Err(Refusal(problems.into_values().collect()));
        }
        finished.warnings.extend(by_presence(&wanted));
    }
    let lock = lock.map(|lock| ImageLock {
        release: config.target.release_of(&versions),
        environment: config.target.environment.clone(),
        platform: lock.platform,
        images,
    });
    let files = [
        config.versions_text.is_some().then(|| (&config.places.versions, versions.to_bytes())),
        Some((&config.places.mappings, mappings.to_bytes())),
        lock.map(|lock| (&config.places.lock, lock.to_bytes())),
    ];
    for (path, bytes) in files.into_iter().flatten() {
        match output.write(path, &bytes, Mode::Shared) {
            Ok(file) => finished.files.push(file),
            Err(error) if finished.files.is_empty() => return Err(error.into()),
            Err(error) => {
                finished.problems.push(Problem::of(&error));
                break;
            }
        }
    }
    finished.release = Some(config.target.release_of(&versions));
    finished.summary = match mappings.tags.len() {
        0 => "nothing to deploy: the versions are empty".to_owned(),
        count => format!("{count} functions planned, release {}", config.target.release_of(&versions)),
    };
    Ok(finished)
}

/// Says which tags were only seen to be there, since nothing says what they should name.
fn by_presence(wanted: &BTreeMap<Tag, Option<Digest>>) -> Option<String> {
    let unknown: Vec<&str> =
        wanted.iter().filter(|(_, digest)| digest.is_none()).map(|(tag, _)| tag.as_str()).collect();
    let shown = unknown.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let more = unknown.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!unknown.is_empty()).then(|| {
        format!(
            "{shown}{more}: only that the tag is there was checked, since neither a lock nor the ledger knows its digest; give --staging-lock or --ledger"
        )
    })
}

fn versions(config: &Config, finished: &mut Finished) -> Result<Versions, Refusal> {
    let Some(text) = &config.versions_text else {
        return Ok(Versions::read(&config.places.versions)?);
    };
    let name = "the versions that were given as text";
    let given = if config.strict {
        Versions::parse(text.as_bytes(), name)?
    } else {
        let (given, skipped) = Versions::parse_skipping(text.as_bytes(), name)?;
        finished.warnings.extend(skipped.iter().map(|problem| format!("an entry is left out: {problem}")));
        given
    };
    match Versions::read(&config.places.versions) {
        Ok(found) if found != given => Err(Refusal::one(
            Problem::new(
                "LF-VERSIONS-DIFFER",
                Class::Input,
                format!(
                    "{} differs from the versions that were given as text",
                    config.places.versions.display()
                ),
            )
            .with_remedy("remove the file, or give no text: neither wins silently"),
        )),
        Ok(_) | Err(FileError::Missing { .. }) => Ok(given),
        Err(error) => Err(error.into()),
    }
}

/// The image of a lock, at the place that this environment deploys it from.
fn locked_anew(
    lock: &ImageLock,
    project: &ProjectName,
    lambda: &landfall_artifacts::LambdaName,
    config: &Config,
    version: &semver::Version,
    tag: &Tag,
) -> Result<LockedImage, Box<Problem>> {
    // Another environment may name the function otherwise: project and version say which image it is.
    let same_version = |image: &&LockedImage| image.project == *project && image.version == *version;
    let image = locked(lock, project, lambda)
        .filter(same_version)
        .or_else(|| lock.images.iter().find(same_version))
        .ok_or_else(|| {
            Box::new(
                Problem::new(
                    "LF-LOCK-VERSION",
                    Class::Refused,
                    format!("the lock has no {project} {version}"),
                )
                .with_remedy("give the lock of the pipeline that built this version"),
            )
        })?;
    let mut image = image.clone();
    image.lambda = lambda.clone();
    image.environment.clone_from(&config.target.environment);
    if let Some(registry) = &config.registry {
        image.target = registry.tagged(tag.clone());
    }
    Ok(image)
}
