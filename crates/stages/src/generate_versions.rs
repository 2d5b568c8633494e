//! `generate-versions`: collects name, version and folder of every project into `versions.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall_artifacts::{
    Class, Folder, Mode, PackageJson, Problem, ProjectJson, ProjectName, VersionedProject, Versions,
};
use landfall_run::{Event, Run};
use semver::Version;

use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that holds one folder a project.
    pub functions: PathBuf,
    /// Where `versions.json` goes.
    pub versions: PathBuf,
}

/// Reads every `<functions>/*/project.json` and writes `versions.json`.
///
/// Changes nothing but that file. Repeating it with the same files writes the same bytes. A project without name or version, or
/// with version `0.0.0`, is left out with a warning.
///
/// # Errors
/// No functions folder, an unreadable `project.json`, a name, version or folder that breaks its rule, two projects of one
/// name: all of them at once, and no file is written.
pub fn run(config: &Config, output: &Output, run: &Run) -> Outcome {
    let folders = project_folders(&config.functions)?;
    run.progress().event(Event::Phase { name: "collect".into(), items: Some(folders.len() as u64) });
    let mut found: BTreeMap<ProjectName, VersionedProject> = BTreeMap::new();
    let mut finished = Finished::default();
    let mut problems = Vec::new();
    for path in folders {
        match collect(&path) {
            Ok(Collected::Project(name, project)) => {
                if let Some(other) = found.get(&name) {
                    problems.push(twice(&name, &other.folder, &project.folder));
                } else {
                    found.insert(name, project);
                }
            }
            Ok(Collected::LeftOut(why)) => finished.warnings.push(why),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    let versions = Versions { projects: found };
    for (name, project) in &versions.projects {
        finished.lines.push(format!("{name} {} ({})", project.version, project.folder));
        finished
            .items
            .push(Item::new(name.as_str(), "listed").changed().with("version", project.version.to_string()));
    }
    let file = output.write(&config.versions, &versions.to_bytes(), Mode::Shared)?;
    finished.summary =
        format!("{} projects in {}, release {}", versions.projects.len(), file.path, versions.release_id());
    finished.release = Some(versions.release_id());
    finished.files.push(file);
    Ok(finished)
}

enum Collected {
    Project(ProjectName, VersionedProject),
    LeftOut(String),
}

/// Folders below the functions root that hold a `project.json`, sorted by name.
fn project_folders(functions: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let unreadable = |cause: std::io::Error| {
        let mut problem = Problem::new(
            "LF-VERSIONS-FOLDER",
            Class::Input,
            format!("cannot list the functions folder {}", functions.display()),
        )
        .with_remedy("run in the root of the service repo, or name the folder by --functions");
        problem.cause.push(cause.to_string());
        Refusal::one(problem)
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(functions).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("project.json").symlink_metadata().is_ok() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn collect(path: &Path) -> Result<Collected, Vec<Problem>> {
    let shown = landfall_secret::escape(&path.to_string_lossy(), 200);
    let explained = |error: landfall_artifacts::FileError| vec![Problem::of(&error)];
    let project = ProjectJson::read(&path.join("project.json")).map_err(explained)?;
    let package = path.join("package.json");
    let version = match project.version {
        Some(version) => Some(version),
        // Where project.json names no version, Nx projects keep it in package.json.
        None if package.exists() => PackageJson::read(&package).map_err(explained)?.version,
        None => None,
    };
    let Some(name) = project.name else {
        return Ok(Collected::LeftOut(format!("{shown} is left out: its project.json has no name")));
    };
    let Some(version) = version else {
        return Ok(Collected::LeftOut(format!("{name} is left out: it has no version")));
    };
    if version == Version::new(0, 0, 0) {
        return Ok(Collected::LeftOut(format!("{name} is left out: its version is 0.0.0")));
    }
    let folder = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder: Folder = folder.parse().map_err(|error: landfall_artifacts::NameError| {
        vec![
            Problem::new("LF-VERSIONS-NAME", Class::Input, error.to_string())
                .with_remedy("rename the folder"),
        ]
    })?;
    Ok(Collected::Project(name, VersionedProject { version, folder }))
}

fn twice(name: &ProjectName, one: &Folder, other: &Folder) -> Problem {
    Problem::new(
        "LF-VERSIONS-TWICE",
        Class::Input,
        format!("two projects are named {name}: in {one} and in {other}"),
    )
    .with_remedy("give one of them another name in its project.json")
}
