//! The files that a release changes: versions in place, and changelogs.

use landfall_artifacts::{PackageJson, ProjectJson, ProjectName, with_version};
use semver::Version;
use time::Date;

use crate::git::FileChange;
use crate::plan::{Plan, Planned};
use crate::written::{package_json, project_json, read, within};
use crate::{Error, Tree, changelog};

/// Name of a project's changelog.
pub(crate) const CHANGELOG: &str = "CHANGELOG.md";

/// With what the message of every release begins.
pub(crate) const RELEASE_SUBJECT: &str = "chore(release): ";

/// The files of a plan's release, as they are to be. Files that would stay the same are left out.
///
/// Of `project.json` and `package.json` those change that have a version; where neither has one, `project.json` gets it, or
/// `package.json` where that is all there is. Every other byte stays.
///
/// # Errors
/// Files that break their format.
pub fn release_files(tree: &dyn Tree, plan: &Plan, date: Date) -> Result<Vec<FileChange>, Error> {
    let mut changes = Vec::new();
    for (name, planned) in plan.released() {
        let Some(version) = &planned.next else { continue };
        changes.extend(version_files(tree, &planned.folder, version)?);
        changes.push(changelog_file(tree, name, planned, version, date)?);
    }
    Ok(changes)
}

fn version_files(tree: &dyn Tree, folder: &str, version: &Version) -> Result<Vec<FileChange>, Error> {
    let (project, package) = (project_json(tree, folder)?, package_json(tree, folder)?);
    let has_version = [
        project.as_ref().is_some_and(|project| project.version.is_some()),
        package.as_ref().is_some_and(|package| package.version.is_some()),
    ];
    let wanted = match has_version {
        [false, false] => [project.is_some(), project.is_none() && package.is_some()],
        some => some,
    };
    let mut changes = Vec::new();
    for (file, _) in
        [ProjectJson::FILE_NAME, PackageJson::FILE_NAME].into_iter().zip(wanted).filter(|(_, is)| *is)
    {
        let path = within(folder, file);
        let Some(old) = read(tree, &path)? else { continue };
        let bytes = with_version(&old, &path, version)?;
        if bytes != old {
            changes.push(FileChange { path, bytes });
        }
    }
    Ok(changes)
}

fn changelog_file(
    tree: &dyn Tree,
    name: &ProjectName,
    planned: &Planned,
    version: &Version,
    date: Date,
) -> Result<FileChange, Error> {
    let path = within(&planned.folder, CHANGELOG);
    let old = read(tree, &path)?.unwrap_or_default();
    Ok(FileChange { bytes: changelog::with_section(&old, name, planned, version, date), path })
}

/// The message of a release's commit: what was released, and at its end `[skip ci]`, so that the push starts no pipeline.
pub fn release_message(plan: &Plan) -> String {
    let released: Vec<String> = plan
        .released()
        .filter_map(|(name, planned)| Some(format!("{name} {}", planned.next.as_ref()?)))
        .collect();
    match released.as_slice() {
        few @ ([] | [_] | [_, _] | [_, _, _]) => format!("{RELEASE_SUBJECT}{} [skip ci]\n", few.join(", ")),
        many => format!("{RELEASE_SUBJECT}{} projects\n\n{}\n\n[skip ci]\n", many.len(), many.join("\n")),
    }
}
