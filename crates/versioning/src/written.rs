//! The versions that the files of projects hold.

use std::collections::BTreeMap;

use landfall_artifacts::{FileErrors, FileProblem, PackageJson, ProjectJson, ProjectName};
use semver::Version;

use crate::{Error, ProjectGraph, Tree};

/// The versions that the files of versioned projects hold: that of `project.json`, else that of `package.json`.
///
/// # Errors
/// Files that break their format, as where a version is not SemVer: all of them at once.
pub fn written_versions(
    tree: &dyn Tree,
    graph: &ProjectGraph,
) -> Result<BTreeMap<ProjectName, Version>, Error> {
    let mut written = BTreeMap::new();
    let mut problems: Option<FileErrors> = None;
    for project in graph.projects().filter(|project| project.is_versioned) {
        let of_project = project_json(tree, &project.folder).map(|file| file.and_then(|file| file.version));
        let of_package = package_json(tree, &project.folder).map(|file| file.and_then(|file| file.version));
        for found in [of_package, of_project] {
            match found {
                Ok(Some(version)) => {
                    written.insert(project.name.clone(), version);
                }
                Ok(None) => {}
                Err(Error::Files(errors)) => {
                    problems = Some(match problems {
                        Some(known) => known.join(errors),
                        None => errors,
                    });
                }
                Err(other) => return Err(other),
            }
        }
    }
    match problems {
        Some(problems) => Err(problems.into()),
        None => Ok(written),
    }
}

/// `project.json` of a folder; `None` where there is none.
pub(crate) fn project_json(tree: &dyn Tree, folder: &str) -> Result<Option<ProjectJson>, Error> {
    let path = within(folder, ProjectJson::FILE_NAME);
    read(tree, &path)?.map(|bytes| Ok(ProjectJson::parse(&bytes, &path)?)).transpose()
}

/// `package.json` of a folder; `None` where there is none.
pub(crate) fn package_json(tree: &dyn Tree, folder: &str) -> Result<Option<PackageJson>, Error> {
    let path = within(folder, PackageJson::FILE_NAME);
    read(tree, &path)?.map(|bytes| Ok(PackageJson::parse(&bytes, &path)?)).transpose()
}

/// A file of a tree; `None` where there is none.
pub(crate) fn read(tree: &dyn Tree, path: &str) -> Result<Option<Vec<u8>>, Error> {
    tree.read(path).map_err(|cause| {
        let problem = FileProblem {
            file: landfall_secret::escape(path, 200),
            pointer: String::new(),
            place: None,
            found: format!("a file that cannot be read: {cause}"),
            expected: "a file".to_owned(),
        };
        Error::Files(FileErrors::one(problem))
    })
}

/// A path in a folder; the repo's root is the empty folder.
pub(crate) fn within(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}
