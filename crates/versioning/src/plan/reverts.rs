//! Which commits are taken back by which, for whom.

use std::collections::{BTreeSet, HashMap};

use landfall_artifacts::{CommitId, ProjectName};

use super::concerned::Concerned;
use crate::git::History;
use crate::message::Message;

/// Which commits are taken back by which. Newer commits are noted first.
pub(super) struct Reverts<'a> {
    history: &'a History,
    /// The places of commits by their ids, in the order of these; made once an id is cut short.
    sorted: Option<Vec<(&'a str, usize)>>,
    by: HashMap<usize, Vec<usize>>,
    /// For whom a revert holds: those it concerns itself, without those for whom it is taken back.
    holds_for: HashMap<usize, BTreeSet<ProjectName>>,
}

impl<'a> Reverts<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self { history, sorted: None, by: HashMap::new(), holds_for: HashMap::new() }
    }

    /// Notes what a commit takes back, and for whom: only those that it concerns, since a revert may take back a part.
    pub(super) fn note(&mut self, place: usize, message: &Message, concerned: &Concerned) {
        if message.reverts.is_empty() {
            return;
        }
        let holds = concerned.keys().filter(|project| self.of(place, project).is_none()).cloned().collect();
        self.holds_for.insert(place, holds);
        for id in &message.reverts {
            // Only what came before can be taken back.
            if let Some(target) = self.place_of(id).filter(|target| *target > place) {
                self.by.entry(target).or_default().push(place);
            }
        }
    }

    /// The newest commit that takes a commit back for a project.
    pub(super) fn of(&self, place: usize, project: &ProjectName) -> Option<usize> {
        let holds = |by: &&usize| self.holds_for.get(*by).is_some_and(|held| held.contains(project));
        self.by.get(&place)?.iter().find(holds).copied()
    }

    /// The place of an id, which may be cut short; of several that begin so, that of the newest.
    fn place_of(&mut self, id: &str) -> Option<usize> {
        if let Ok(whole) = id.parse::<CommitId>() {
            return self.history.place(&whole);
        }
        let history = self.history;
        let sorted = self.sorted.get_or_insert_with(|| {
            let commits = history.commits().iter().enumerate();
            let mut all: Vec<(&str, usize)> = commits.map(|(at, commit)| (commit.id.as_str(), at)).collect();
            all.sort_unstable();
            all
        });
        let first = sorted.partition_point(|(known, _)| *known < id);
        let fits = sorted.iter().skip(first).take_while(|(known, _)| known.starts_with(id));
        fits.map(|(_, at)| *at).min()
    }
}
