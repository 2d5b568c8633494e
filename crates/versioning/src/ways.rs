//! One project in the graph, and the ways on which others depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use landfall_artifacts::ProjectName;

use crate::Project;
use crate::workspace::inputs::{Fit, Rules};

/// A project, which of its files count, and who depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) project: Project,
    /// Inputs of its own builds; a file counts that fits one of them.
    pub(crate) own: Vec<InputSet>,
    /// What counts for dependents, by their keys: those of one key take the same of their dependencies.
    pub(crate) for_dependents: Vec<InputSet>,
    /// The key under which this project looks at its dependencies.
    pub(crate) key: usize,
    /// Who depends on it directly, and whether that may count for nothing.
    pub(crate) dependents: BTreeMap<ProjectName, bool>,
    /// The ways to all that depend on it, once they were asked for.
    pub(crate) ways: OnceLock<BTreeMap<ProjectName, Way>>,
}

/// A set of files that count.
#[derive(Clone, Debug)]
pub(crate) struct InputSet {
    /// Rules for files below the project's folder.
    pub(crate) own: Rules,
    /// Rules for files anywhere, by their place in the graph's list.
    pub(crate) workspace: Option<usize>,
}

/// How one project depends on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The dependent first, what it depends on last.
    pub(crate) through: Vec<ProjectName>,
    /// Whether a step of it may count for nothing.
    pub(crate) is_weak: bool,
}

impl Node {
    /// A project of which every file counts, for itself and for dependents.
    pub(crate) fn new(project: Project) -> Self {
        let everything = || vec![InputSet { own: Rules::everything(), workspace: None }];
        Self {
            project,
            own: everything(),
            for_dependents: everything(),
            key: 0,
            dependents: BTreeMap::new(),
            ways: OnceLock::new(),
        }
    }

    /// A path of the project as it is below its folder.
    pub(crate) fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.project.folder.as_str()).unwrap_or(path).trim_start_matches('/')
    }

    /// How a path below the folder counts for the project.
    pub(crate) fn own_fit(&self, inside: &str) -> Fit {
        self.own.iter().map(|set| set.own.fit(inside)).max().unwrap_or(Fit::No)
    }

    /// How a path below the folder counts for dependents of this key.
    pub(crate) fn dependency_fit(&self, key: usize, inside: &str) -> Fit {
        self.for_dependents.get(key).map_or(Fit::Yes, |set| set.own.fit(inside))
    }
}

/// The shortest way on which each project depends on this one: a certain one where there is any.
pub(crate) fn ways_from(
    origin: &ProjectName,
    nodes: &BTreeMap<ProjectName, Node>,
) -> BTreeMap<ProjectName, Way> {
    let start = Way { through: vec![origin.clone()], is_weak: false };
    let mut found = BTreeMap::from([(origin.clone(), start)]);
    spread(&mut found, nodes, false);
    // What is reached only by weak steps comes after, from all that is certain.
    spread(&mut found, nodes, true);
    found.remove(origin);
    found
}

/// Goes on from all that was found, the shortest ways first.
fn spread(found: &mut BTreeMap<ProjectName, Way>, nodes: &BTreeMap<ProjectName, Node>, by_weak_steps: bool) {
    let mut next: BTreeSet<(usize, ProjectName)> =
        found.iter().map(|(name, way)| (way.through.len(), name.clone())).collect();
    while let Some((_, name)) = next.pop_first() {
        let (Some(way), Some(node)) = (found.get(&name).cloned(), nodes.get(&name)) else { continue };
        for (dependent, is_weak) in &node.dependents {
            if found.contains_key(dependent) || (*is_weak && !by_weak_steps) {
                continue;
            }
            let through: Vec<ProjectName> =
                std::iter::once(dependent.clone()).chain(way.through.iter().cloned()).collect();
            next.insert((through.len(), dependent.clone()));
            found.insert(dependent.clone(), Way { through, is_weak: by_weak_steps });
        }
    }
}
