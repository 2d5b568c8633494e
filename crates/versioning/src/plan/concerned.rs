//! Whom a commit concerns, and by which way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use landfall_artifacts::{CommitId, ProjectName};

use super::{ReadAtCommit, Reason, Way};
use crate::changes::is_outranked;
use crate::git::Commit;
use crate::graph::{Cause, ProjectGraph};
use crate::lockfile::{LOCKFILES, PackageChange, ReadLocks};

/// Whom paths concern, remembered by path.
pub(super) struct Ways<'a> {
    graph: &'a ProjectGraph,
    line_of: &'a HashMap<&'a ProjectName, usize>,
    known: HashMap<Arc<str>, Arc<[Arc<Way>]>>,
    /// Every way once: thousands of paths have the same.
    all: HashSet<Arc<Way>>,
    locks: ReadLocks,
}

/// By project the best reason, and how many others there are.
pub(super) type Concerned = BTreeMap<ProjectName, (Reason, usize)>;

impl<'a> Ways<'a> {
    /// For the projects that get versions.
    pub(super) fn new(graph: &'a ProjectGraph, line_of: &'a HashMap<&'a ProjectName, usize>) -> Self {
        Self { graph, line_of, known: HashMap::new(), all: HashSet::new(), locks: ReadLocks::default() }
    }

    /// Whom these paths of a commit concern.
    pub(super) fn of_commit(
        &mut self,
        commit: &Commit,
        paths: &[String],
        read: &mut ReadAtCommit<'_>,
    ) -> Concerned {
        let mut concerned = Concerned::new();
        for path in paths.iter().filter(|path| !is_outranked(path, paths)) {
            if self.graph.is_read(path) {
                for (project, cause) in self.by_content(commit, path, read) {
                    let what = Arc::from(cause.what.as_str());
                    if let Some(way) = self.way(project, cause) {
                        note(&mut concerned, &what, &way);
                    }
                }
                continue;
            }
            let (what, ways) = self.of_path(path);
            for way in ways.iter() {
                note(&mut concerned, &what, way);
            }
        }
        concerned
    }

    /// Whom the change of a file concerns by its content. Of a merge, those for whom it is otherwise than in every parent: the
    /// rest came with the commits that were merged.
    fn by_content(
        &mut self,
        commit: &Commit,
        path: &str,
        read: &mut ReadAtCommit<'_>,
    ) -> BTreeMap<ProjectName, Cause> {
        let mut concerned = self.since(commit.parents.first(), commit, path, read);
        for parent in commit.parents.iter().skip(1) {
            let by_other = self.since(Some(parent), commit, path, read);
            concerned.retain(|project, _| by_other.contains_key(project));
        }
        concerned
    }

    /// Whom the difference between a parent and a commit concerns.
    fn since(
        &mut self,
        parent: Option<&CommitId>,
        commit: &Commit,
        path: &str,
        read: &mut ReadAtCommit<'_>,
    ) -> BTreeMap<ProjectName, Cause> {
        let before = parent.map_or(Ok(None), |parent| read(parent, path));
        match (before, read(&commit.id, path)) {
            (Ok(before), Ok(after)) => {
                self.graph.affected_by_file(&mut self.locks, path, before.as_deref(), after.as_deref())
            }
            (Err(error), _) | (_, Err(error)) if LOCKFILES.contains(&path) => {
                self.graph.affected_by_packages(&PackageChange::Any(error.to_string()))
            }
            (Err(_), _) | (_, Err(_)) => self.graph.affected(path),
        }
    }

    fn of_path(&mut self, path: &str) -> (Arc<str>, Arc<[Arc<Way>]>) {
        if let Some((what, ways)) = self.known.get_key_value(path) {
            return (Arc::clone(what), Arc::clone(ways));
        }
        let found = self.graph.affected(path);
        let ways: Arc<[Arc<Way>]> =
            found.into_iter().filter_map(|(project, cause)| self.way(project, cause)).collect();
        let what: Arc<str> = Arc::from(path);
        self.known.insert(Arc::clone(&what), Arc::clone(&ways));
        (what, ways)
    }

    /// The way of a project that gets versions. It begins with the project that it is of.
    fn way(&mut self, project: ProjectName, cause: Cause) -> Option<Arc<Way>> {
        if !self.line_of.contains_key(&project) {
            return None;
        }
        let mut way = Way { origin: cause.origin, through: cause.through, is_guess: cause.is_guess };
        if way.through.first() != Some(&project) {
            way.through.insert(0, project);
        }
        if let Some(known) = self.all.get(&way) {
            return Some(Arc::clone(known));
        }
        let way = Arc::new(way);
        self.all.insert(Arc::clone(&way));
        Some(way)
    }
}

/// Keeps the shortest way; one that is certain before one that is guessed.
fn note(concerned: &mut Concerned, what: &Arc<str>, way: &Arc<Way>) {
    let Some(project) = way.through.first() else { return };
    let reason = || Reason { what: Arc::clone(what), way: Arc::clone(way) };
    match concerned.get_mut(project) {
        None => {
            concerned.insert(project.clone(), (reason(), 0));
        }
        Some((best, further)) => {
            let weight = |way: &Way| (way.is_guess, way.through.len());
            if weight(way) < weight(&best.way) {
                *best = reason();
            }
            *further += 1;
        }
    }
}

/// Adds what another commit concerns.
pub(super) fn join(all: &mut Concerned, more: Concerned) {
    for (project, (reason, further)) in more {
        note(all, &reason.what, &reason.way);
        if let Some((_, known)) = all.get_mut(&project) {
            *known += further;
        }
    }
}
