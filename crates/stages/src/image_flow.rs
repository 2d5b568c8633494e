//! The flows of image scripts: `build-images-dev` builds what changed since `main`, `build-images-prod` all images of a release.

mod local;
mod lock;
mod names;
mod version;

use std::path::PathBuf;

use landfall_artifacts::{Class, Platform, Problem, Repository};
use landfall_registry::{Error, Registries};
use landfall_run::Run;
use landfall_versioning::GitDiff;

use crate::build_docker_images::{self, Image};
use crate::changed_images::{Listed, Question, told};
use crate::{Outcome, Output, Places, Refusal, Target};
use names::Build;
pub use version::{ReleaseVersion, ReleaseVersionError};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the images are for.
    pub flow: Flow,
    /// Which images are built. In production those that it lists are all.
    pub question: Question,
    /// Where they go: `<registry>/dev` or `<registry>/prod`, which holds one repository an image.
    pub repository: Repository,
    /// How they are built.
    pub build: build_docker_images::Config,
    /// Environment and release.
    pub target: Target,
    /// Where mapping and lock go.
    pub places: Places,
    /// What the functions run on; where it is not said, the images say it, and all the same.
    pub platform: Option<Platform>,
}

/// What images are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Development: tagged with the commit.
    Dev,
    /// A release: tagged with its version.
    Prod {
        /// The version that a person gave.
        version: ReleaseVersion,
        /// What is removed from this machine when all images are in the registry; nothing where none is named.
        clean_up: Option<CleanUp>,
    },
}

/// Which local images are removed after a release: its own, and all of development, of the images that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanUp {
    /// Where images of development go: `<registry>/dev`.
    pub dev: Repository,
}

/// Builds and pushes `<registry>/dev/<image>:<commit>` of what changed, or `<registry>/prod/<image>:<version>` of all; then writes the
/// mapping and the lock of those that Lambda functions run, from which `deploy-lambda` goes on.
///
/// An image is called as its folder; the function that runs it stands in the folder's `.deployment`, and an image without that file
/// is built and not in the lock. Acts on: the registry, and after a release the images of this machine. Repeating it builds what is
/// missing.
///
/// # Errors
/// A folder that is not the repo's root, images whose names cannot be used, repositories that are missing in ECR: all at once,
/// before anything is built.
pub async fn run(config: &Config, registries: &Registries, output: &Output, run: &Run) -> Outcome {
    at_root(&GitDiff::new(&config.question.root, &config.question.variables).at_top()?)?;
    let listed = config.question.answer(run)?;
    let head = listed.git.head()?;
    let builds = names::builds(config, &listed, &head)?;
    let functions = lock::functions(config, &builds)?;
    repositories_exist(config, &builds, registries, run).await?;
    let images: Vec<Image> = builds.iter().map(|build| build.image.clone()).collect();
    let mut finished = build_docker_images::run(&config.build, &images, registries, output, run).await?;
    finished.warnings = [warnings(&listed, &head)?, finished.warnings].concat();
    finished.lines.insert(0, told(listed.since.as_ref(), listed.chosen.len(), listed.images.len()));
    let is_complete = finished.all_problems().is_empty() && run.stop().requested().is_none();
    if is_complete && !output.is_dry_run() {
        lock::write(config, &head, &functions, registries, output, &mut finished, run).await;
    }
    if let Flow::Prod { clean_up: Some(clean_up), .. } = &config.flow {
        match output.is_dry_run() {
            true => finished
                .lines
                .push(format!("then local images of this release and of {} would be removed", clean_up.dev)),
            false if finished.all_problems().is_empty() && is_complete => {
                local::remove(config, clean_up, &builds, &mut finished, run).await;
            }
            false => {}
        }
    }
    Ok(finished)
}

/// Paths of Dockerfiles and of the repo's own build are relative to its root.
fn at_root(git: &GitDiff) -> Result<(), Refusal> {
    let here = std::path::absolute(".").and_then(std::fs::canonicalize).unwrap_or_default();
    let root: PathBuf = git.root().canonicalize().unwrap_or_else(|_| git.root().to_owned());
    if here == root {
        return Ok(());
    }
    let shown = landfall_secret::escape(&root.to_string_lossy(), 300);
    Err(Refusal::one(
        Problem::new("LF-GIT-ROOT", Class::Input, "this is not the root of the repo")
            .with_remedy(format!("run it there: cd {shown}")),
    ))
}

/// ECR makes no repository by itself: each that is missing is a problem, before the first image is built.
async fn repositories_exist(
    config: &Config,
    builds: &[Build],
    registries: &Registries,
    run: &Run,
) -> Result<(), Refusal> {
    if builds.is_empty() {
        return Ok(());
    }
    let host = config.repository.host();
    let paths: Vec<String> = builds.iter().map(|build| build.repository.path().to_owned()).collect();
    let missing = registries.missing_repositories(host, &paths, run).await?.unwrap_or_default();
    let problem =
        |path: &String| Problem::of(&Error::RepositoryMissing { repository: format!("{host}/{path}") });
    if missing.is_empty() { Ok(()) } else { Err(Refusal(missing.iter().map(problem).collect())) }
}

fn warnings(listed: &Listed, head: &str) -> Result<Vec<String>, Refusal> {
    let mut warnings = listed.warnings.clone();
    if listed.git.uncommitted()? > 0 {
        let short = head.get(..12).unwrap_or(head);
        warnings.push(format!(
            "images may hold changes that commit {short} has not: commit them, and build again"
        ));
    }
    Ok(warnings)
}
