//! The flows of image scripts: `build-images-dev` builds what changed since `main`, `build-images-prod` all images of a release.

mod local;
mod lock;
mod names;
mod version;

use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, Platform, Problem, Repository, resolved};
use landfall_registry::{Error, Registries};
use landfall_run::Run;
use landfall_versioning::GitDiff;

use crate::build_docker_images::{self, Image};
use crate::changed_images::{Listed, Question, told};
use crate::{Finished, Outcome, Output, Places, Refusal, Target};
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
    /// Files and folders that stages leave in the repo, such as the ledger: they are in no commit, and count for no change.
    pub left_by_stages: Vec<PathBuf>,
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
/// A folder that is not the repo's root; for a release files that are in no commit; images whose names cannot be used, repositories that
/// are missing in ECR: all at once, before anything is built.
pub async fn run(config: &Config, registries: &Registries, output: &Output, run: &Run) -> Outcome {
    at_root(&GitDiff::new(&config.question.root, &config.question.variables).at_top()?)?;
    let listed = config.question.answer(run)?;
    let head = listed.git.head()?;
    let uncommitted = uncommitted(config, &listed)?;
    if matches!(config.flow, Flow::Prod { .. }) && !uncommitted.is_empty() {
        return Err(Refusal::one(dirty(&uncommitted)));
    }
    let builds = names::builds(config, &listed, &head)?;
    let functions = lock::functions(config, &builds)?;
    repositories_exist(config, &builds, registries, run).await?;
    let images: Vec<Image> = builds.iter().map(|build| build.image.clone()).collect();
    let mut finished = build_docker_images::run(&config.build, &images, registries, output, run).await?;
    finished.warnings = [warnings(&listed, &uncommitted, &head), finished.warnings].concat();
    finished.lines.insert(0, told(listed.since.as_ref(), listed.chosen.len(), listed.images.len()));
    let is_complete = finished.all_problems().is_empty() && run.stop().requested().is_none();
    if is_complete && !output.is_dry_run() {
        lock::write(config, &head, &functions, registries, output, &mut finished, run).await;
    } else if !output.is_dry_run() {
        note_missing_lock(&mut finished, run);
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

/// A stop after the last build: the lock is left to do, and without it nothing can be deployed.
fn note_missing_lock(finished: &mut Finished, run: &Run) {
    if finished.all_problems().is_empty() {
        finished.note_stop(run, 1);
    }
}

/// Files that are not as the commit has them, and that git does not ignore: an image may hold them. What stages leave does not count.
fn uncommitted(config: &Config, listed: &Listed) -> Result<Vec<String>, Refusal> {
    let root = resolved(listed.git.root());
    let left = config.left_by_stages.iter();
    let left: Vec<PathBuf> =
        left.filter_map(|path| resolved(path).strip_prefix(&root).ok().map(ToOwned::to_owned)).collect();
    let is_left = |path: &String| left.iter().any(|left| Path::new(path).starts_with(left));
    let mut paths = listed.git.not_of_head()?;
    paths.retain(|path| !is_left(path));
    Ok(paths)
}

/// How many files are named.
const MOST_PATHS: usize = 10;

fn shown(paths: &[String]) -> String {
    let mut names: Vec<String> =
        paths.iter().take(MOST_PATHS).map(|path| landfall_secret::escape(path, 200)).collect();
    if paths.len() > MOST_PATHS {
        names.push(format!("and {} more", paths.len() - MOST_PATHS));
    }
    names.join(", ")
}

/// What a release's version names must be what the commit holds.
fn dirty(paths: &[String]) -> Problem {
    let what = format!("images of the release could hold files that are in no commit: {}", shown(paths));
    Problem::new("LF-GIT-DIRTY", Class::Refused, what)
        .with_remedy("commit them, or remove them; what a build makes belongs into .gitignore")
}

fn warnings(listed: &Listed, uncommitted: &[String], head: &str) -> Vec<String> {
    let mut warnings = listed.warnings.clone();
    if !uncommitted.is_empty() {
        let short = head.get(..12).unwrap_or(head);
        warnings.push(format!(
            "images may hold changes that commit {short} has not ({}): commit them, and build again",
            shown(uncommitted)
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Class, Problem};
    use landfall_run::{Run, Signal, Stop};

    use super::note_missing_lock;
    use crate::Finished;

    fn codes(finished: &mut Finished, run: &Run) -> Vec<String> {
        note_missing_lock(finished, run);
        finished.problems.iter().map(|problem| problem.code.clone()).collect()
    }

    #[test]
    fn a_stop_after_the_last_build_is_no_success() {
        let stop = Stop::new();
        let run = Run::builder().stop(stop.clone()).build();
        assert!(codes(&mut Finished::default(), &run).is_empty());
        stop.request(Signal::Terminate);
        let mut finished = Finished::new("3 built");
        assert_eq!(codes(&mut finished, &run), ["LF-STOPPED"]);
        assert_eq!(finished.verdict().1, Some(Class::Interrupted));
        // One that a build told of already is not told twice.
        let problems = vec![Problem::new("LF-BUILD-FAILED", Class::Refused, "the build failed")];
        assert_eq!(codes(&mut Finished { problems, ..Finished::default() }, &run), ["LF-BUILD-FAILED"]);
    }
}
