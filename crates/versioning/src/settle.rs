//! Whether a commit is part of a release already: then that release is the answer, and nothing new is made.

use std::collections::BTreeSet;

use landfall_artifacts::{CommitId, ProjectName};

use crate::git::Tag;
use crate::plan::{Forced, Plan, ReadAtCommit, Request, Sources, plan};
use crate::situation::Situation;
use crate::tag::TagFormat;

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

/// The commits after the run's commit that may be releases which have it: those with tags of this format, the oldest first.
pub fn later_releases(situation: &Situation, format: &TagFormat) -> Vec<CommitId> {
    let history = &situation.history;
    let Some(head) = history.place(&situation.ground.head) else { return Vec::new() };
    let before = history.reached_from(&[&situation.ground.head]);
    let places: BTreeSet<usize> = situation
        .tags
        .iter()
        .filter(|tag| format.may_be(&tag.name))
        .filter_map(|tag| history.place(&tag.commit))
        .filter(|place| before.get(*place) == Some(&false))
        .collect();
    let ids =
        places.into_iter().rev().filter_map(|place| history.commits().get(place)).map(|commit| &commit.id);
    ids.filter(|id| history.reached_from(&[id]).get(head) == Some(&true)).cloned().collect()
}

/// What an earlier release says of the run's commit, where it is one that has it and leaves nothing to release; else `None`.
///
/// So a run that is repeated on the same commit, or comes second of two, gives the versions of the release that has the commit,
/// also when the branch has moved on since. `sources` are those of the release's own commit: its graph, its files, and its
/// history. With what came later, a project that was added since would look as if the release had left it out.
pub fn settled_by(
    situation: &Situation,
    at: &CommitId,
    sources: &Sources<'_>,
    request: &Request,
    read: &mut ReadAtCommit<'_>,
) -> Option<Settled> {
    let of_release = |tag: &&Tag| tag.commit == *at;
    let is_ours = |tag: &Tag| {
        let mut versioned = sources.graph.projects().filter(|project| project.is_versioned);
        versioned.any(|project| request.format.version(&project.name, &tag.name).is_some())
    };
    if !situation.tags.iter().filter(of_release).any(is_ours) {
        return None;
    }
    let request = Request { forced: still_forced(situation, at, request), ..request.clone() };
    let plan = plan(sources, &request, read);
    // Tags of later commits are of no concern to this release.
    plan.is_empty().then(|| Settled {
        plan: Plan { conflicts: Vec::new(), ..plan },
        at: at.clone(),
        is_released: true,
    })
}

/// Plans on the base: what is to be done where no earlier release has the commit.
pub fn settled_on_base(
    situation: &Situation,
    sources: &Sources<'_>,
    request: &Request,
    read: &mut ReadAtCommit<'_>,
) -> Settled {
    Settled { plan: plan(sources, request, read), at: situation.ground.base.clone(), is_released: false }
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
