//! Which commits count for which projects, and through what.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use landfall_artifacts::{CommitId, ProjectName};

use super::cover::Cover;
use super::lines::Line;
use super::{Counted, Counting, ReadAtCommit, Reason, Request, Sources, Way};
use crate::git::{Commit, History};
use crate::graph::{Cause, ProjectGraph};
use crate::lockfile::{LOCKFILES, PackageChange, ReadLocks};
use crate::message::Message;

/// What was found.
pub(super) struct Causes {
    /// By project, newest first.
    pub(super) of_project: BTreeMap<ProjectName, Vec<Counting>>,
    /// Commits that parse as nothing, newest first.
    pub(super) unparsed: Vec<Arc<Counted>>,
    /// A commit that counts and whose text is missing: what is planned without it is a guess.
    pub(super) unread: Option<CommitId>,
}

/// Looks at every commit that some line has not released.
pub(super) fn causes(
    sources: &Sources<'_>,
    request: &Request,
    lines: &[Line<'_>],
    read: &mut ReadAtCommit<'_>,
) -> Causes {
    let history = sources.history;
    let cover = Cover::of_releases(history, lines);
    let line_of: HashMap<&ProjectName, usize> = lines
        .iter()
        .enumerate()
        .flat_map(|(at, line)| line.projects.iter().map(move |project| (&project.name, at)))
        .collect();
    let mut ways = Ways {
        graph: sources.graph,
        line_of: &line_of,
        known: HashMap::new(),
        all: HashSet::new(),
        locks: ReadLocks::default(),
    };
    let mut reverts = Reverts { history, by: HashMap::new() };
    let mut found = Causes { of_project: BTreeMap::new(), unparsed: Vec::new(), unread: None };
    for (place, commit) in history.commits().iter().enumerate() {
        if commit.is_merge() || cover.all_have(place) {
            continue;
        }
        let Some(text) = &commit.text else {
            found.unread = Some(commit.id.clone());
            continue;
        };
        let message = Message::parse(&text.message);
        reverts.note(place, &message);
        let mut concerned = ways.of_commit(commit, &text.paths, read);
        concerned.retain(|project, _| line_of.get(project).is_some_and(|line| !cover.has(*line, place)));
        if concerned.is_empty() {
            continue;
        }
        let bump = request.rules.bump_of(&message);
        let counted = Arc::new(Counted {
            id: commit.id.clone(),
            subject: message.subject,
            changes: message.changes,
            bump,
        });
        if counted.changes.is_empty() {
            found.unparsed.push(Arc::clone(&counted));
        }
        for (project, (cause, further)) in concerned {
            // A revert that the project has released already has released what it reverts too.
            let reverted_by = reverts.by.get(&place).map(|by| history.commits()[*by].id.clone());
            let commit = Arc::clone(&counted);
            let counting = Counting { commit, cause, further, reverted_by };
            found.of_project.entry(project).or_default().push(counting);
        }
    }
    found
}

/// Whom paths concern, remembered by path.
struct Ways<'a> {
    graph: &'a ProjectGraph,
    line_of: &'a HashMap<&'a ProjectName, usize>,
    known: HashMap<Arc<str>, Arc<[Arc<Way>]>>,
    /// Every way once: thousands of paths have the same.
    all: HashSet<Arc<Way>>,
    locks: ReadLocks,
}

/// By project the best reason, and how many others there are.
type Concerned = BTreeMap<ProjectName, (Reason, usize)>;

impl Ways<'_> {
    fn of_commit(&mut self, commit: &Commit, paths: &[String], read: &mut ReadAtCommit<'_>) -> Concerned {
        let mut concerned = Concerned::new();
        for path in paths {
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

    /// Whom the change of a file concerns by its content.
    fn by_content(
        &mut self,
        commit: &Commit,
        path: &str,
        read: &mut ReadAtCommit<'_>,
    ) -> BTreeMap<ProjectName, Cause> {
        let before = commit.parents.first().map_or(Ok(None), |parent| read(parent, path));
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

/// Which commits are taken back by which.
struct Reverts<'a> {
    history: &'a History,
    by: HashMap<usize, usize>,
}

impl Reverts<'_> {
    /// Notes what a commit takes back, unless it is taken back itself. Newer commits are noted first.
    fn note(&mut self, place: usize, message: &Message) {
        if self.by.contains_key(&place) {
            return;
        }
        for id in &message.reverts {
            let target = match id.parse::<CommitId>() {
                Ok(id) => self.history.place(&id),
                Err(_) => self
                    .history
                    .commits()
                    .iter()
                    .position(|commit| commit.id.as_str().starts_with(id.as_str())),
            };
            if let Some(target) = target.filter(|target| *target > place) {
                self.by.insert(target, place);
            }
        }
    }
}
