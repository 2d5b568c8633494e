//! Projects and what they depend on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use landfall_artifacts::ProjectName;

/// A project of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name, as Nx has it.
    pub name: ProjectName,
    /// Its folder, relative to the repo's root; empty for the root itself.
    pub folder: String,
    /// Whether it gets a version: a function does, a library does not.
    pub is_versioned: bool,
}

/// That one project depends on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The project that depends.
    pub from: ProjectName,
    /// The project that it depends on.
    pub to: ProjectName,
    /// How that is known.
    pub kind: EdgeKind,
}

/// How a dependency is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// This file imports it.
    Import(String),
    /// `package.json` names it.
    Package,
    /// `implicitDependencies` names it.
    Implicit,
    /// Another tool said so, as in the file that `nx graph --file` writes.
    Given,
}

/// Why a project is concerned by a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What changed: a path, or a package of the lockfile with its versions.
    pub what: String,
    /// The project that it belongs to, from which it comes; the last of `through`. The same project where it is its own.
    pub origin: ProjectName,
    /// The way from the project to the origin, the project itself first.
    pub through: Vec<ProjectName>,
    /// Whether the graph cannot be certain of it, and errs towards a change.
    pub is_guess: bool,
}

/// Packages of which a lockfile resolves other contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageChange {
    /// These, by name and version as the lockfile keys them.
    Some(BTreeSet<String>),
    /// Nobody can say which, for this reason: whatever depends on packages is concerned.
    Any(String),
}

/// Projects and what they depend on.
#[derive(Clone, Debug, Default)]
pub struct ProjectGraph {
    projects: BTreeMap<ProjectName, Project>,
    /// Who depends on a project.
    dependents: BTreeMap<ProjectName, BTreeSet<ProjectName>>,
}

impl ProjectGraph {
    /// A graph of these projects. Edges of unknown projects are left out.
    pub fn new(projects: impl IntoIterator<Item = Project>, edges: impl IntoIterator<Item = Edge>) -> Self {
        let projects: BTreeMap<_, _> =
            projects.into_iter().map(|project| (project.name.clone(), project)).collect();
        let mut dependents: BTreeMap<ProjectName, BTreeSet<ProjectName>> = BTreeMap::new();
        for edge in edges {
            if projects.contains_key(&edge.from) && projects.contains_key(&edge.to) {
                dependents.entry(edge.to).or_default().insert(edge.from);
            }
        }
        Self { projects, dependents }
    }

    /// The projects, by name.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.values()
    }

    /// Every project that a changed path concerns, directly or through what it depends on, each with the shortest way.
    pub fn affected(&self, path: &str) -> BTreeMap<ProjectName, Cause> {
        let Some(owner) = self.owner(path) else { return BTreeMap::new() };
        self.reached_from(owner, path)
    }

    /// Every project that a change of packages concerns.
    pub fn affected_by_packages(&self, _change: &PackageChange) -> BTreeMap<ProjectName, Cause> {
        BTreeMap::new()
    }

    /// The project in whose folder a path lies, the deepest.
    fn owner(&self, path: &str) -> Option<&ProjectName> {
        let is_in = |folder: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let inside = self.projects.values().filter(|project| is_in(&project.folder));
        inside.max_by_key(|project| project.folder.len()).map(|project| &project.name)
    }

    fn reached_from(&self, origin: &ProjectName, what: &str) -> BTreeMap<ProjectName, Cause> {
        let cause = |through: Vec<ProjectName>| Cause {
            what: what.to_owned(),
            origin: origin.clone(),
            through,
            is_guess: false,
        };
        let mut found = BTreeMap::from([(origin.clone(), cause(vec![origin.clone()]))]);
        let mut next = VecDeque::from([origin.clone()]);
        while let Some(name) = next.pop_front() {
            let way = found.get(&name).map(|cause| cause.through.clone()).unwrap_or_default();
            for dependent in self.dependents.get(&name).into_iter().flatten() {
                if !found.contains_key(dependent) {
                    let through = [vec![dependent.clone()], way.clone()].concat();
                    found.insert(dependent.clone(), cause(through));
                    next.push_back(dependent.clone());
                }
            }
        }
        found
    }
}
