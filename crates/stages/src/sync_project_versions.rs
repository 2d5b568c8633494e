//! `sync-project-versions`: `project.json` takes the version of `package.json`.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use landfall_artifacts::{FileErrors, PackageJson, Problem, ProjectJson, with_version};
use landfall_run::{Event, Run};
use landfall_versioning::{CommitTree, FileChange, Git, Published, Release, Tree as _, Wishes, publish};
use semver::Version;

use crate::semantic_versioning::{Committer, Deps, clone_of, outrun, person, unknown};
use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// A folder of the repo: the workspace is that of the nearest `nx.json` from here upward.
    pub folder: PathBuf,
    /// The folder of the Lambda projects, from the workspace's root.
    pub functions: String,
    /// The one project that is brought in line; `None` for all.
    pub project: Option<String>,
    /// Remote, branch, and whether it is pushed.
    pub wishes: Wishes,
    /// Who makes the commit.
    pub committer: Committer,
    /// How often it is tried where the branch moved on before the push. At least 1.
    pub attempts: u32,
}

/// A project that is behind its `package.json`.
#[derive(Debug)]
struct Change {
    name: String,
    from: Option<Version>,
    to: Version,
    file: FileChange,
}

/// Brings `project.json` of functions and libraries in line with `package.json`, by one commit on the same branch.
///
/// A folder without `package.json`, or one whose `package.json` has no version, is passed over. Where all are in line nothing is
/// done. Repeating it does nothing more.
///
/// # Errors
/// No `nx.json`, a project that is not known, files that break their format, and whatever stands in the way of a push: nothing
/// is changed then.
pub async fn run(config: &Config, deps: &Deps, output: &Output, run: &Run) -> Outcome {
    let (git, target) = clone_of(&config.folder, &config.wishes, deps, run).await?;
    let root = workspace(&git, &config.folder)?;
    for attempt in 1..=config.attempts.max(1) {
        let ground = git.ground(&target, !output.is_dry_run(), run).await?;
        let tree = git.commit_tree(&ground.base, run).await?;
        let (changes, mut finished) = plan(config, &root, &tree)?;
        if changes.is_empty() {
            finished.summary = String::from("no project versions were updated: all are in line");
            return Ok(finished);
        }
        if output.is_dry_run() {
            finished.summary = format!("{} project.json would be updated", changes.len());
            return Ok(finished);
        }
        let person = person(&git, &config.committer, run).await?;
        let message = message(&changes);
        let files: Vec<FileChange> = changes.iter().map(|change| change.file.clone()).collect();
        let release = Release { files: &files, message: &message, tags: &[], person: &person };
        match publish(&git, &target, &ground, &release, run).await? {
            Published::Done { commit, warning } => {
                let short: String = commit.as_str().chars().take(8).collect();
                for item in finished.items.iter_mut().filter(|item| item.outcome == "planned") {
                    item.outcome = "updated";
                    item.changed = true;
                }
                let place = match (&target.branch, target.pushes) {
                    (Some(branch), true) => format!("pushed to {branch}"),
                    _ => "not pushed".to_owned(),
                };
                finished.summary = format!("{} project.json updated by {short}, {place}", changes.len());
                finished.warnings.extend(warning);
                return Ok(finished);
            }
            Published::TooLate => {
                let note =
                    format!("the branch moved on before push {attempt}: looking again at what is there");
                run.progress().event(Event::Note(note));
            }
        }
    }
    Err(Refusal::of(&outrun(&target, config.attempts.max(1))))
}

/// The workspace's root from the repo's root, as a prefix of paths: empty, or ending in `/`.
fn workspace(git: &Git, folder: &std::path::Path) -> Result<String, Refusal> {
    let here = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let top = std::fs::canonicalize(git.root()).unwrap_or_else(|_| git.root().to_owned());
    let found = here
        .ancestors()
        .take_while(|above| above.starts_with(&top))
        .find(|above| above.join("nx.json").is_file());
    let Some(root) = found else {
        let what = format!(
            "there is no nx.json in {} or above it",
            landfall_secret::escape(&here.to_string_lossy(), 200)
        );
        let problem = Problem::new("LF-VERSIONS-NX", landfall_artifacts::Class::Input, what);
        return Err(Refusal::one(
            problem.with_remedy("run in the workspace, the folder of nx.json or one below it"),
        ));
    };
    let inside = root.strip_prefix(&top).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(if inside.is_empty() { inside } else { format!("{inside}/") })
}

/// What is behind, and what was looked at.
fn plan(config: &Config, root: &str, tree: &CommitTree) -> Result<(Vec<Change>, Finished), Refusal> {
    let mut finished = Finished::default();
    let mut changes = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    let mut known = Vec::new();
    for path in tree.paths().iter().filter(|path| is_project_file(path, root, &config.functions)) {
        let read = match read(tree, path) {
            Ok(read) => read,
            Err(errors) => {
                problems.push(Problem::of(&errors));
                continue;
            }
        };
        known.push(read.name.clone());
        if config.project.as_ref().is_some_and(|asked| *asked != read.name) {
            continue;
        }
        let name = read.name.clone();
        match read.change {
            Ok(change) => {
                let from = change.from.as_ref().map_or("no version".to_owned(), ToString::to_string);
                finished.lines.push(format!("{name}: {from} -> {}", change.to));
                let item = Item::new(name, "planned").with("from", from).with("to", change.to.to_string());
                finished.items.push(item.with("file", path.as_str()));
                changes.push(change);
            }
            Err(why) => finished.items.push(Item::new(name, "unchanged").with("because", why)),
        }
    }
    if let Some(asked) = config.project.as_ref().filter(|asked| !known.contains(asked)) {
        problems.push(Problem::of(&unknown(asked, known)));
    }
    if problems.is_empty() { Ok((changes, finished)) } else { Err(Refusal(problems)) }
}

/// Whether a path is a `project.json` one level below the functions or the libraries.
fn is_project_file(path: &str, root: &str, functions: &str) -> bool {
    let Some(inside) = path.strip_prefix(root) else { return false };
    let mut parts = inside.rsplitn(3, '/');
    let (file, _, above) = (parts.next(), parts.next(), parts.next());
    file == Some(ProjectJson::FILE_NAME)
        && (above == Some(functions.trim_matches('/')) || above == Some("libs"))
}

/// A project as its files have it.
struct Read {
    name: String,
    /// The change, or why there is none.
    change: Result<Change, &'static str>,
}

fn read(tree: &CommitTree, path: &str) -> Result<Read, FileErrors> {
    let bytes = |path: &str| {
        tree.read(path).map_err(|cause| {
            FileErrors::one(landfall_artifacts::FileProblem {
                file: landfall_secret::escape(path, 200),
                pointer: String::new(),
                place: None,
                found: format!("a file that cannot be read: {cause}"),
                expected: "a file".to_owned(),
            })
        })
    };
    let old = bytes(path)?.unwrap_or_default();
    let project = ProjectJson::parse(&old, path)?;
    let folder = path.strip_suffix("/project.json").unwrap_or_default();
    let by_folder = || landfall_secret::escape(folder.rsplit('/').next().unwrap_or_default(), 100);
    let name = project.name.as_ref().map_or_else(by_folder, ToString::to_string);
    let package_path = format!("{folder}/{}", PackageJson::FILE_NAME);
    let Some(package) = bytes(&package_path)? else {
        return Ok(Read { name, change: Err("it has no package.json") });
    };
    let change = match PackageJson::parse(&package, &package_path)?.version {
        None => Err("its package.json has no version"),
        Some(to) if project.version.as_ref() == Some(&to) => Err("it is in line"),
        Some(to) => {
            let file = FileChange { path: path.to_owned(), bytes: with_version(&old, path, &to)? };
            Ok(Change { name: name.clone(), from: project.version, to, file })
        }
    };
    Ok(Read { name, change })
}

/// The commit's message, with `[skip ci]` at its end.
fn message(changes: &[Change]) -> String {
    let all: Vec<String> = changes.iter().map(|change| format!("{} {}", change.name, change.to)).collect();
    match all.as_slice() {
        [one] => format!("chore: sync project.json version of {one} [skip ci]\n"),
        few if few.len() <= 3 => {
            format!("chore: sync project.json versions of {} [skip ci]\n", few.join(", "))
        }
        many => format!(
            "chore: sync project.json versions of {} projects\n\n{}\n\n[skip ci]\n",
            many.len(),
            many.join("\n")
        ),
    }
}
