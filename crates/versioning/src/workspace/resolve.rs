//! What an import leads to.

use std::collections::BTreeMap;

use landfall_artifacts::ProjectName;

use super::aliases::Aliases;
use super::{Source, join, normalized};
use crate::ProjectGraph;

/// What an import leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A project of the workspace.
    Project(ProjectName),
    /// A file outside every project.
    File(String),
    /// A package that is installed.
    Package(String),
    /// Something that no commit changes: a module of Node, a file that is not there.
    Nothing,
}

/// Resolves imports.
pub(crate) struct Resolver<'a> {
    pub(crate) graph: &'a ProjectGraph,
    /// Projects by their names as packages.
    pub(crate) packages: BTreeMap<String, ProjectName>,
    /// Aliases of the whole workspace.
    pub(crate) aliases: Aliases,
    /// `imports` of the root's `package.json`.
    pub(crate) of_root: Aliases,
}

/// Endings that an import may leave out, or that stand for another in TypeScript (`./a.js` for `a.ts`).
const ENDINGS: [&str; 9] = ["", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];

impl Resolver<'_> {
    /// What `specifier` leads to in the file `path`; `own` are aliases of the file's project. The alias that was used comes with it.
    pub(crate) fn resolve(
        &self,
        source: &Source<'_>,
        path: &str,
        specifier: &str,
        own: &[Aliases],
    ) -> (Target, Option<String>) {
        let specifier = specifier.split(['?', '!']).next().unwrap_or_default();
        if specifier.starts_with('.') {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = normalized(&join(folder, specifier));
            return (target.map_or(Target::Nothing, |target| self.of_path(source, &target)), None);
        }
        for aliases in own.iter().chain([&self.aliases]) {
            let Some((alias, paths)) = aliases.resolve(specifier) else { continue };
            let targets = paths.iter().map(|path| self.of_path(source, path));
            if let Some(target) = targets.into_iter().find(|target| *target != Target::Nothing) {
                return (target, Some(alias.to_owned()));
            }
        }
        if let Some((_, paths)) = self.of_root.resolve(specifier).filter(|_| specifier.starts_with('#')) {
            let mut targets = paths.iter().map(|path| self.of_path(source, path));
            return (targets.find(|target| *target != Target::Nothing).unwrap_or(Target::Nothing), None);
        }
        (self.of_package(specifier), None)
    }

    /// A package of the workspace, or one that is installed.
    fn of_package(&self, specifier: &str) -> Target {
        let Some(name) = package_name(specifier) else { return Target::Nothing };
        match self.packages.get(name) {
            Some(project) => Target::Project(project.clone()),
            None => Target::Package(name.to_owned()),
        }
    }

    fn of_path(&self, source: &Source<'_>, path: &str) -> Target {
        // The path may be that of a project's folder itself.
        if let Some(owner) = self.graph.owner(&format!("{path}/")) {
            return Target::Project(owner.clone());
        }
        let bare = [".js", ".mjs", ".cjs", ".jsx"].into_iter().find_map(|ending| path.strip_suffix(ending));
        let candidates = [Some(path.to_owned()), bare.map(str::to_owned), Some(join(path, "index"))];
        let found = candidates
            .into_iter()
            .flatten()
            .flat_map(|stem| ENDINGS.map(|ending| format!("{stem}{ending}")))
            .find(|candidate| source.has(candidate));
        found.map_or(Target::Nothing, Target::File)
    }
}

/// The package of what is imported: `@a/b` of `@a/b/c`; `None` for modules of Node and for what is no package's name.
pub(crate) fn package_name(specifier: &str) -> Option<&str> {
    let is_other = specifier.is_empty()
        || specifier.starts_with(['/', '#', '.'])
        || specifier.contains(':')
        || specifier.contains(char::is_whitespace);
    if is_other {
        return None;
    }
    let names = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(names - 1).map_or(specifier.len(), |(at, _)| at);
    let name = specifier.get(..end)?;
    (names == 1 || name.contains('/')).then_some(name)
}
