//! `build-docker-images`: builds the image of every project, and pushes it.

mod builder;
mod image;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use landfall_artifacts::{Problem, Repository, Tag};
use landfall_registry::Registries;
use landfall_run::{Event, Run, counted};

use crate::{Finished, Item, Outcome, Output, Refusal};
pub use builder::{Builder, CommandTemplate, Options, PLACEHOLDERS};
use image::LATEST;
pub use image::{Image, images_of_versions};
use work::{Built, Work};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// What builds and pushes.
    pub builder: Builder,
    /// The folder that the builder runs in: the repo's root.
    pub root: PathBuf,
    /// Whether images are built of which the registry has the tag already.
    pub rebuild: bool,
    /// How many are built at a time, 1 or more.
    pub jobs: usize,
    /// How long one build or push may take.
    pub timeout: Duration,
    /// The environment of the builder, and nothing besides.
    pub variables: BTreeMap<String, String>,
}

/// Builds each of `images` and pushes it; where its repository is known, tags that are there are skipped, and what was pushed is read
/// back. A build that fails does not keep the others from being built.
///
/// Acts on: the registry that the builder pushes to, and whatever the repo's own build does. Repeating it builds what is missing.
///
/// # Errors
/// A registry that cannot be asked.
pub async fn run(
    config: &Config,
    images: &[Image],
    registries: &Registries,
    output: &Output,
    run: &Run,
) -> Outcome {
    if images.is_empty() {
        return Ok(Finished::new("nothing to build"));
    }
    let there = there(images, registries, run).await?;
    // What is tagged for want of a version says nothing of what it holds.
    let is_done = |image: &Image| image.tag.as_str() != LATEST;
    let (skipped, todo): (Vec<_>, Vec<_>) = images
        .iter()
        .zip(there)
        .partition(|(image, there)| there.is_some() && is_done(image) && !config.rebuild);
    let mut finished = Finished::default();
    for (image, digest) in &skipped {
        let digest = digest.clone().unwrap_or_default();
        finished.items.push(item(image, "there-already").with("digest", digest));
        finished.lines.push(format!("{} is there already", image.shown()));
    }
    let todo: Vec<&Image> = todo.into_iter().map(|(image, _)| image).collect();
    if output.is_dry_run() {
        for image in &todo {
            finished.items.push(item(image, "planned"));
            for step in config.builder.steps(image, &config.root) {
                finished.lines.push(step.shown());
            }
        }
        finished.summary =
            format!("{} would be built, {} there already", counted(todo.len(), "image"), skipped.len());
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: "build".into(), items: Some(todo.len() as u64) });
    let builds = todo.iter().map(|image| Work { image, config, registries }.done(run));
    let built: Vec<Built> =
        futures_util::stream::iter(builds.collect::<Vec<_>>()).buffered(config.jobs.max(1)).collect().await;
    let left = built.iter().filter(|one| matches!(one, Built::NotTried)).count();
    for (image, built) in todo.iter().zip(built) {
        finished.items.push(told(image, built, &mut finished.lines));
    }
    finished.note_stop(run, left);
    let count = |word: &str| finished.items.iter().filter(|item| item.outcome == word).count();
    finished.summary = format!(
        "{} built, {} there already, {} failed, {left} not tried",
        count("built"),
        skipped.len(),
        count("failed")
    );
    Ok(finished)
}

/// The digest that each image's tag names already, where its repository is known.
async fn there(images: &[Image], registries: &Registries, run: &Run) -> Result<Vec<Option<String>>, Refusal> {
    let name = "look what is there".into();
    run.progress().event(Event::Phase { name, items: Some(images.len() as u64) });
    let looks = images.iter().map(|image| async move {
        match &image.target {
            Some((repository, tag)) => digest(repository, tag, registries, run).await,
            None => Ok(None),
        }
    });
    let found: Vec<Result<Option<String>, landfall_registry::Error>> =
        futures_util::stream::iter(looks.collect::<Vec<_>>()).buffered(16).collect().await;
    let (mut there, mut problems) = (Vec::new(), Vec::new());
    for one in found {
        match one {
            Ok(digest) => there.push(digest),
            Err(error) => problems.push(Problem::of(&error)),
        }
    }
    if problems.is_empty() { Ok(there) } else { Err(Refusal(problems)) }
}

/// The digest that a tag names.
async fn digest(
    repository: &Repository,
    tag: &Tag,
    registries: &Registries,
    run: &Run,
) -> Result<Option<String>, landfall_registry::Error> {
    let registry = registries.get(repository.host())?;
    let version = landfall_artifacts::Version::Tag(tag.clone());
    let digest = registry.head_manifest(repository.path(), &version, run).await?;
    Ok(digest.map(|digest| digest.to_string()))
}

fn item(image: &Image, outcome: &'static str) -> Item {
    let item = Item::new(image.project.as_str(), outcome).with("tag", image.tag.as_str());
    match image.reference() {
        Some(reference) => item.with("image", reference),
        None => item,
    }
}

fn told(image: &Image, built: Built, lines: &mut Vec<String>) -> Item {
    match built {
        Built::Done { digest, took } => {
            lines.push(format!("{} built in {:.0} s", image.shown(), took.as_secs_f64()));
            let mut item = item(image, "built").changed();
            item.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            match digest {
                Some(digest) => item.with("digest", digest),
                None => item,
            }
        }
        Built::Failed(problem) => {
            lines.push(format!("{} was not built", image.shown()));
            item(image, "failed").failed(problem)
        }
        Built::NotTried => item(image, "not-tried"),
    }
}
