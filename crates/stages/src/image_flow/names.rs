//! What images are called in the registry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{Class, Problem, ProjectName, Repository, Tag};
use landfall_versioning::ChangedImage;
use semver::Version;

use super::{Config, Flow};
use crate::Refusal;
use crate::build_docker_images::{Builder, Image};
use crate::changed_images::Listed;

/// An image that is built.
#[derive(Clone, Debug)]
pub(super) struct Build {
    /// As the builder takes it.
    pub(super) image: Image,
    /// Its repository.
    pub(super) repository: Repository,
    /// Its folder's name, by which the repository is called.
    pub(super) name: String,
}

/// What is built of what was listed, with its reference. Builders of Dockerfiles leave out what has none.
///
/// # Errors
/// All images that cannot be called after their folder, or share its name.
pub(super) fn builds(config: &Config, listed: &Listed, head: &str) -> Result<Vec<Build>, Refusal> {
    let takes_dockerfiles = matches!(config.build.builder, Builder::Docker(_) | Builder::Buildah(_));
    let has_dockerfile: BTreeMap<&str, bool> =
        listed.images.iter().map(|image| (image.folder.as_str(), image.has_dockerfile())).collect();
    let (mut builds, mut problems) = (Vec::new(), Vec::new());
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    for image in &listed.chosen {
        if takes_dockerfiles && !has_dockerfile.get(image.folder.as_str()).is_some_and(|has| *has) {
            continue;
        }
        match build(config, image, head) {
            Err(problem) => problems.push(*problem),
            Ok(build) => {
                if let Some(other) = folders.insert(build.name.clone(), image.folder.clone()) {
                    let shown = |folder: &str| landfall_secret::escape(folder, 200);
                    let what = format!(
                        "two images would be {}: {} and {}",
                        build.repository,
                        shown(&other),
                        shown(&image.folder)
                    );
                    let problem = Problem::new("LF-IMAGES-TWICE", Class::Input, what);
                    problems.push(problem.with_remedy("rename one of the folders"));
                }
                builds.push(build);
            }
        }
    }
    if problems.is_empty() { Ok(builds) } else { Err(Refusal(problems)) }
}

fn build(config: &Config, image: &ChangedImage, head: &str) -> Result<Build, Box<Problem>> {
    let name = match image.folder.rsplit('/').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        Some(_) | None => image.name.clone(),
    };
    let odd = |cause: &dyn std::fmt::Display| {
        let what = format!("no image can be called after {}: {cause}", landfall_secret::escape(&name, 100));
        let remedy = "rename the folder: a-z 0-9, with single . _ or - between them";
        Box::new(Problem::new("LF-BUILD-NAME", Class::Input, what).with_remedy(remedy))
    };
    let repository = config.repository.join(&name).map_err(|cause| odd(&cause))?;
    let project: ProjectName = image.name.parse().map_err(|cause| odd(&cause))?;
    let tag = tag(&config.flow, head).map_err(|cause| odd(&cause))?;
    let image = Image {
        project,
        folder: PathBuf::from(if image.folder.is_empty() { "." } else { &image.folder }),
        tag: tag.clone(),
        target: Some((repository.clone(), tag)),
    };
    Ok(Build { image, repository, name })
}

/// How the images of a flow are tagged.
fn tag(flow: &Flow, head: &str) -> Result<Tag, <Tag as std::str::FromStr>::Err> {
    match flow {
        Flow::Dev => head.parse(),
        Flow::Prod { version, .. } => Ok(version.tag().clone()),
    }
}

/// The `SemVer` that stands for the images of a flow in the lock: a commit has none, so that it is named behind `0.0.0`.
pub(super) fn version(flow: &Flow, head: &str) -> Version {
    match flow {
        Flow::Dev => {
            let mut version = Version::new(0, 0, 0);
            // With a letter before it no commit is a number with leading zeros, which SemVer forbids.
            let commit = format!("dev.g{}", head.get(..12).unwrap_or(head));
            version.pre = semver::Prerelease::new(&commit).unwrap_or_default();
            version
        }
        Flow::Prod { version, .. } => version.as_semver().clone(),
    }
}
