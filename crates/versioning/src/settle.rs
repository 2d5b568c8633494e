//! Whether a commit is part of a release already: then that release is the answer, and nothing new is made.

use std::collections::BTreeSet;

use landfall_artifacts::{CommitId, ProjectName};

use crate::git::Tag;
use crate::graph::ProjectGraph;
use crate::plan::{Forced, Plan, ReadAtCommit, Request, Sources, plan, unreleased};
use crate::situation::Situation;

/// What a run comes to.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The plan. Empty where a release has the commit already, or where there is nothing to release.
    pub plan: Plan,
    /// The commit whose versions these are: that of the release, else the base.
    pub at: CommitId,
    /// Whether that is an earlier release, later than the commit that the run is for.
    pub is_released: bool,
}

impl Settled {
    /// The projects that this run, or the earlier release that has its commit, gave a new version: those whose last tag is not of
    /// an earlier commit than the run's.
    pub fn changed(&self, situation: &Situation) -> BTreeSet<ProjectName> {
        let history = &situation.history;
        let mut before = history.reached_from(&[&situation.ground.head]);
        if let Some(head) = history.place(&situation.ground.head).and_then(|place| before.get_mut(place)) {
            *head = false;
        }
        let is_new =
            |commit: &CommitId| history.place(commit).is_some_and(|place| before.get(place) == Some(&false));
        let changed = self.plan.projects.iter().filter(|(_, planned)| {
            planned.next.is_some() || planned.last.as_ref().is_some_and(|last| is_new(&last.commit))
        });
        changed.map(|(name, _)| name.clone()).collect()
    }
}

/// Plans for the commit of a run: by the first release that has it and leaves nothing to release, else on the base.
///
/// So a run that is repeated on the same commit, or comes second of two, gives the versions of the release that has the commit,
/// also when the branch has moved on since.
pub fn settle(
    situation: &Situation,
    sources: &Sources<'_>,
    request: &Request,
    read: &mut ReadAtCommit<'_>,
) -> Settled {
    for at in releases_after_head(situation, sources.graph, request) {
        let history = situation.history.of(&at);
        let request = Request { forced: still_forced(situation, &at, request), ..request.clone() };
        let plan = plan(&Sources { history: &history, ..*sources }, &request, read);
        if plan.is_empty() {
            // Tags of later commits are of no concern to this release.
            return Settled { plan: Plan { conflicts: Vec::new(), ..plan }, at, is_released: true };
        }
    }
    Settled { plan: plan(sources, request, read), at: situation.ground.base.clone(), is_released: false }
}

/// The commits whose texts [`settle`] needs: those that are unreleased on the base, or were at one of the releases after the run's
/// commit.
pub fn needed(situation: &Situation, sources: &Sources<'_>, request: &Request) -> BTreeSet<CommitId> {
    let mut ids: BTreeSet<CommitId> = unreleased(sources, request).into_iter().collect();
    for at in releases_after_head(situation, sources.graph, request) {
        ids.extend(unreleased(&Sources { history: &situation.history.of(&at), ..*sources }, request));
    }
    ids
}

/// Commits with tags of ours that come after the run's commit, the oldest first.
fn releases_after_head(situation: &Situation, graph: &ProjectGraph, request: &Request) -> Vec<CommitId> {
    let history = &situation.history;
    let Some(head) = history.place(&situation.ground.head) else { return Vec::new() };
    let before = history.reached_from(&[&situation.ground.head]);
    let is_ours = |tag: &&Tag| {
        graph
            .projects()
            .any(|project| project.is_versioned && request.format.version(&project.name, &tag.name).is_some())
    };
    let places: BTreeSet<usize> = situation
        .tags
        .iter()
        .filter(|tag| history.place(&tag.commit).is_some_and(|place| before.get(place) == Some(&false)))
        .filter(is_ours)
        .filter_map(|tag| history.place(&tag.commit))
        .collect();
    let ids =
        places.into_iter().rev().filter_map(|place| history.commits().get(place)).map(|commit| &commit.id);
    ids.filter(|id| history.reached_from(&[id]).get(head) == Some(&true)).cloned().collect()
}

/// The forced bumps that a release after the run's commit has not made: a repeated run does not force them again.
fn still_forced(situation: &Situation, at: &CommitId, request: &Request) -> Forced {
    let history = &situation.history;
    let (before, of_release) = (history.reached_from(&[&situation.ground.head]), history.reached_from(&[at]));
    let is_made = |tag: &&Tag| {
        history
            .place(&tag.commit)
            .is_some_and(|place| before.get(place) == Some(&false) && of_release.get(place) == Some(&true))
    };
    let made: Vec<&Tag> = situation.tags.iter().filter(is_made).collect();
    let is_left =
        |project: &ProjectName| !made.iter().any(|tag| request.format.version(project, &tag.name).is_some());
    let projects = request.forced.projects.iter().filter(|(project, _)| is_left(project));
    // What is forced on all was forced on each that the release has; it has at least one.
    Forced { all: None, projects: projects.map(|(project, bump)| (project.clone(), *bump)).collect() }
}
