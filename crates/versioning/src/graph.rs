//! Projects and what they depend on.

use std::collections::BTreeMap;

use landfall_artifacts::ProjectName;

use crate::lockfile::PackageChange;
use crate::packages::Packages;
use crate::ways::{Node, ways_from};
use crate::workspace::inputs::{Fit, Rules};

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// This file imports it.
    Import(String),
    /// `package.json` names it.
    Package,
    /// `implicitDependencies` names it, or its files are inputs of the project's build.
    Implicit,
    /// Another tool said so, as in the file that `nx graph --file` writes.
    Given,
}

/// Why a project is concerned by a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What changed: a path, or a package of the lockfile with its version.
    pub what: String,
    /// The project that it belongs to, from which it comes; the last of `through`. The same project where it is its own.
    pub origin: ProjectName,
    /// The way from the project to the origin, the project itself first.
    pub through: Vec<ProjectName>,
    /// Whether the graph cannot be certain of it, and errs towards a change.
    pub is_guess: bool,
}

/// Projects and what they depend on.
///
/// [`ProjectGraph::read`] reads an Nx workspace; [`ProjectGraph::new`] takes what is known from elsewhere, and counts every file
/// of a project for it and for its dependents. Cycles are no error: projects of a cycle are concerned by each other.
#[derive(Clone, Debug, Default)]
pub struct ProjectGraph {
    pub(crate) nodes: BTreeMap<ProjectName, Node>,
    /// Projects by their folders.
    folders: BTreeMap<String, ProjectName>,
    pub(crate) edges: Vec<Edge>,
    /// Different sets of rules for files anywhere; nodes name them by their place here.
    pub(crate) workspace_rules: Vec<Rules>,
    /// Files outside every project that concern some, and whether that is a guess.
    pub(crate) outside: BTreeMap<String, BTreeMap<ProjectName, bool>>,
    /// Which projects import by an alias of `tsconfig.json`.
    pub(crate) aliases: BTreeMap<String, Vec<ProjectName>>,
    pub(crate) packages: Packages,
    pub(crate) uncertainties: Vec<String>,
    pub(crate) default_base: Option<String>,
}

impl ProjectGraph {
    /// A graph of these projects. Edges of unknown projects, and of a project to itself, are left out; of two projects with one
    /// name the later counts.
    pub fn new(projects: impl IntoIterator<Item = Project>, edges: impl IntoIterator<Item = Edge>) -> Self {
        let mut graph = Self::default();
        for project in projects {
            graph.folders.insert(project.folder.clone(), project.name.clone());
            graph.nodes.insert(project.name.clone(), Node::new(project));
        }
        for edge in edges {
            graph.add_edge(edge, false);
        }
        graph
    }

    /// Adds an edge. `is_weak` says that it may count for nothing, as where only a test imports.
    pub(crate) fn add_edge(&mut self, edge: Edge, is_weak: bool) {
        if edge.from == edge.to || !self.nodes.contains_key(&edge.from) {
            return;
        }
        let Some(node) = self.nodes.get_mut(&edge.to) else { return };
        let known = node.dependents.entry(edge.from.clone()).or_insert(true);
        *known &= is_weak;
        self.edges.push(edge);
    }

    /// Takes away all that says that one project depends on another.
    pub(crate) fn remove_edges(&mut self, from: &ProjectName, to: &ProjectName) {
        self.edges.retain(|edge| edge.from != *from || edge.to != *to);
        if let Some(node) = self.nodes.get_mut(to) {
            node.dependents.remove(from);
        }
    }

    /// The projects, by name.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.nodes.values().map(|node| &node.project)
    }

    /// The dependencies, each as often as it is known: one edge for every file that imports.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter()
    }

    /// The branch that `nx.json` compares with: `defaultBase`, or `affected.defaultBase` of older workspaces.
    pub fn default_base(&self) -> Option<&str> {
        self.default_base.as_deref()
    }

    /// What the graph is not certain of, a sentence each, such as an input of a kind that commits do not show.
    pub fn uncertainties(&self) -> &[String] {
        &self.uncertainties
    }

    /// Every project that a changed path concerns, directly or through what it depends on, each with the shortest way.
    ///
    /// A path in a project's folder concerns the project by the inputs of its build, and its dependents by what their builds take
    /// of dependencies (`^production`). A path outside every project concerns those whose inputs name it or whose code imports
    /// it. `nx.json` and the `tsconfig` that others extend concern, as a guess, all whose build they govern: see
    /// [`ProjectGraph::affected_by_content`]. The root's `package.json` and the lockfile concern nobody by their path, since
    /// [`ProjectGraph::affected_by_packages`] says it exactly; where no lockfile could be read, `package.json` concerns, as a
    /// guess, all that use packages.
    ///
    /// The same path gives the same answer, so ask once a path.
    pub fn affected(&self, path: &str) -> BTreeMap<ProjectName, Cause> {
        let mut found = Found::new(path);
        if let Some(owner) = self.owner(path) {
            let node = self.nodes.get(owner);
            let inside = node.map_or(path, |node| node.relative(path));
            if let Some(node) = node {
                found.add(owner, vec![owner.clone()], node.own_fit(inside));
                for (dependent, way, fit) in
                    self.dependents(node, |node, key| node.dependency_fit(key, inside))
                {
                    found.add(dependent, way, fit);
                }
            }
        }
        self.find_in_workspace(path, &mut found);
        for (project, is_guess) in self.outside.get(path).into_iter().flatten() {
            self.find_with_dependents(project, *is_guess, &mut found);
        }
        found.causes
    }

    /// Every project that a change of packages concerns: those whose resolved dependencies, also indirect ones, have a package
    /// that changed, and their dependents.
    pub fn affected_by_packages(&self, change: &PackageChange) -> BTreeMap<ProjectName, Cause> {
        let mut all = Found::new("");
        for (project, what, is_guess) in self.packages.concerned(change) {
            what.clone_into(&mut all.what);
            self.find_with_dependents(project, is_guess, &mut all);
        }
        all.causes
    }

    /// Projects whose inputs name a file by its place in the workspace, and their dependents.
    pub(crate) fn named_by_inputs(&self, path: &str) -> BTreeMap<ProjectName, Cause> {
        let mut found = Found::new(path);
        self.find_in_workspace(path, &mut found);
        found.causes
    }

    /// These projects and their dependents.
    pub(crate) fn concerned_themselves<'p>(
        &self,
        what: &str,
        projects: impl IntoIterator<Item = &'p ProjectName>,
    ) -> BTreeMap<ProjectName, Cause> {
        let mut found = Found::new(what);
        for project in projects {
            self.find_with_dependents(project, false, &mut found);
        }
        found.causes
    }

    /// The project in whose folder a path lies, the deepest.
    pub(crate) fn owner(&self, path: &str) -> Option<&ProjectName> {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if let Some(name) = self.folders.get(above) {
                return Some(name);
            }
            folder = above;
        }
        self.folders.get("")
    }

    /// Who depends on a node, with the way and how what changed fits for it.
    fn dependents<'a>(
        &'a self,
        node: &'a Node,
        fit: impl Fn(&Node, usize) -> Fit + 'a,
    ) -> impl Iterator<Item = (&'a ProjectName, Vec<ProjectName>, Fit)> + 'a {
        let ways = node.ways.get_or_init(|| ways_from(&node.project.name, &self.nodes));
        ways.iter().filter_map(move |(dependent, way)| {
            let key = self.nodes.get(dependent)?.key;
            let fit = fit(node, key);
            Some((dependent, way.through.clone(), if way.is_weak { fit.min(Fit::Perhaps) } else { fit }))
        })
    }

    /// A project that is concerned itself, and all that depend on it.
    fn find_with_dependents(&self, project: &ProjectName, is_guess: bool, found: &mut Found) {
        let Some(node) = self.nodes.get(project) else { return };
        let fit = if is_guess { Fit::Perhaps } else { Fit::Yes };
        found.add(project, vec![project.clone()], fit);
        for (dependent, way, fit) in self.dependents(node, |_, _| fit) {
            found.add(dependent, way, fit);
        }
    }

    /// Projects whose inputs name a file by its place in the workspace.
    fn find_in_workspace(&self, path: &str, found: &mut Found) {
        let fits: Vec<Fit> = self.workspace_rules.iter().map(|rules| rules.fit(path)).collect();
        if fits.iter().all(|fit| *fit == Fit::No) {
            return;
        }
        let fit_of = |place: Option<usize>| place.and_then(|at| fits.get(at)).copied().unwrap_or(Fit::No);
        for (name, node) in &self.nodes {
            let own = node.own.iter().map(|set| fit_of(set.workspace)).max().unwrap_or(Fit::No);
            found.add(name, vec![name.clone()], own);
            let for_key =
                |node: &Node, key: usize| fit_of(node.for_dependents.get(key).and_then(|set| set.workspace));
            if (0..node.for_dependents.len()).any(|key| for_key(node, key) != Fit::No) {
                for (dependent, way, fit) in self.dependents(node, for_key) {
                    found.add(dependent, way, fit);
                }
            }
        }
    }
}

/// Causes of one change, the best for each project.
struct Found {
    what: String,
    causes: BTreeMap<ProjectName, Cause>,
}

impl Found {
    fn new(what: &str) -> Self {
        Self { what: what.to_owned(), causes: BTreeMap::new() }
    }

    /// Takes a cause, unless one is known that is no longer and no less certain.
    fn add(&mut self, project: &ProjectName, through: Vec<ProjectName>, fit: Fit) {
        let (is_guess, Some(origin)) = (fit == Fit::Perhaps, through.last().cloned()) else { return };
        if fit == Fit::No {
            return;
        }
        let is_better = self
            .causes
            .get(project)
            .is_none_or(|known| (is_guess, through.len()) < (known.is_guess, known.through.len()));
        if is_better {
            let cause = Cause { what: self.what.clone(), origin, through, is_guess };
            self.causes.insert(project.clone(), cause);
        }
    }
}
