//! Which project gets which version, and why: a pure function of graph, history and tags.

mod concerned;
mod cover;
mod lines;
mod reverts;
mod weigh;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use landfall_artifacts::{CommitId, ProjectName};
use semver::Version;

use crate::Error;
use crate::bump::{Bump, PreId, Rules};
use crate::git::{History, Tag};
use crate::graph::ProjectGraph;
use crate::message::Change;
use crate::tag::TagFormat;

use cover::Cover;
use lines::Line;

/// Reads a path as a commit has it; `None` where it has no such file.
pub type ReadAtCommit<'a> = dyn FnMut(&CommitId, &str) -> io::Result<Option<Vec<u8>>> + 'a;

/// How versions are to be counted.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which change moves a version how far.
    pub rules: Rules,
    /// How tags name versions.
    pub format: TagFormat,
    /// The series of pre-releases; `None` for releases.
    pub preid: Option<PreId>,
    /// Bumps that are made whatever the commits say.
    pub forced: Forced,
    /// The first version of a project that has no tag, and no version in its files. Default 0.1.0.
    pub first: Version,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            format: TagFormat::default(),
            preid: None,
            forced: Forced::default(),
            first: Version::new(0, 1, 0),
        }
    }
}

/// Bumps that are made whatever the commits say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forced {
    /// Of every project that is not named.
    pub all: Option<Bump>,
    /// Of these.
    pub projects: BTreeMap<ProjectName, Bump>,
}

impl Forced {
    /// The bump that is forced on a project. `none` is no bump, also where commits ask for one.
    pub fn of(&self, project: &ProjectName) -> Option<Bump> {
        self.projects.get(project).copied().or(self.all)
    }
}

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Projects and what they depend on.
    pub graph: &'a ProjectGraph,
    /// The commit that is planned for, and all before it, with the texts of those that are [`unreleased`].
    pub history: &'a History,
    /// All tags, also those of other histories.
    pub tags: &'a [Tag],
    /// Versions as the projects' files have them, for projects that have one: only a first release looks at them.
    pub written: &'a BTreeMap<ProjectName, Version>,
}

/// What every project gets, and why.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every project that gets versions.
    pub projects: BTreeMap<ProjectName, Planned>,
    /// Commits that concern a project since its last version and that parse as nothing, newest first.
    pub unparsed: Vec<Arc<Counted>>,
    /// What stands in the way.
    pub conflicts: Vec<Arc<Error>>,
}

/// What a project gets, and why.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its folder, from the repo's root.
    pub folder: String,
    /// Its last version, and the tag that says so.
    pub last: Option<TaggedVersion>,
    /// How far the version moves.
    pub bump: Bump,
    /// The next version; `None` where it stays.
    pub next: Option<Version>,
    /// The tag of the next version.
    pub tag: Option<String>,
    /// The commits since its last release that concern it, newest first, also those that move nothing.
    pub causes: Vec<Counting>,
    /// Whether the bump was forced.
    pub is_forced: bool,
}

impl Planned {
    /// The version it has once the plan is carried out; `None` where it never had one.
    pub fn version(&self) -> Option<&Version> {
        self.next.as_ref().or(self.last.as_ref().map(|last| &last.version))
    }
}

/// A version that a tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedVersion {
    /// The version.
    pub version: Version,
    /// The tag.
    pub tag: String,
    /// Its commit.
    pub commit: CommitId,
}

/// A commit as it was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its id.
    pub id: CommitId,
    /// Its subject.
    pub subject: String,
    /// The changes it names.
    pub changes: Vec<Change>,
    /// How far it moves a version by itself.
    pub bump: Bump,
}

/// Why a commit counts: a [`Cause`](crate::Cause), of which the parts that many commits have in common are kept once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What changed: a path, or a package of the lockfile with its versions.
    pub what: Arc<str>,
    /// From the project to where it changed.
    pub way: Arc<Way>,
}

/// How a change reaches a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// The project that the change belongs to.
    pub origin: ProjectName,
    /// The way from the project to the origin, the project itself first.
    pub through: Vec<ProjectName>,
    /// Whether the graph cannot be certain of it.
    pub is_guess: bool,
}

/// That a commit counts for a project, and why.
#[derive(Clone, Debug)]
pub struct Counting {
    /// The commit.
    pub commit: Arc<Counted>,
    /// Why: the shortest way.
    pub cause: Reason,
    /// How many further paths of the commit concern the project.
    pub further: usize,
    /// The commit that takes it back, where one does: then it moves nothing by itself.
    pub reverted_by: Option<CommitId>,
}

impl Counting {
    /// How far it moves the project's version.
    pub fn bump(&self) -> Bump {
        if self.reverted_by.is_some() { Bump::None } else { self.commit.bump }
    }
}

impl Plan {
    /// The projects that get a new version.
    pub fn released(&self) -> impl Iterator<Item = (&ProjectName, &Planned)> {
        self.projects.iter().filter(|(_, planned)| planned.next.is_some())
    }

    /// Whether no project gets a new version.
    pub fn is_empty(&self) -> bool {
        self.released().next().is_none()
    }
}

/// Plans the versions of all projects.
///
/// The same sources give the same plan. A commit counts for a project where a path of it concerns it, and where the project's last
/// tag does not have the commit. The lockfile, `nx.json` and the `tsconfig` that projects share are judged by their content, which
/// `read` gives; where it cannot, they concern, as a guess, all that they may. Of a commit
/// and its revert only the revert counts, for the projects that the revert concerns. Of merges their commits count, and the merge
/// itself in two cases: for what it changed itself, as where a conflict was resolved, which moves like a `fix` where its message
/// says nothing; and where its message says something and the commits that it brought say nothing. A release of ours moves nothing.
pub fn plan(sources: &Sources<'_>, request: &Request, read: &mut ReadAtCommit<'_>) -> Plan {
    let lines = Line::all(sources, request);
    let causes = weigh::causes(sources, request, &lines, read);
    let mut plan = Plan { unparsed: causes.unparsed, ..Plan::default() };
    plan.conflicts.extend(causes.unread.map(|commit| Arc::new(Error::Unread { commit })));
    let mut of_project = causes.of_project;
    for line in &lines {
        let counted: Vec<&Counting> = line
            .projects
            .iter()
            .flat_map(|project| of_project.get(&project.name).into_iter().flatten())
            .collect();
        let next = line.next(request, sources, &counted);
        for project in &line.projects {
            let next_version = next.version.clone();
            let tag = next_version.as_ref().map(|version| request.format.tag(&project.name, version));
            let planned = Planned {
                folder: project.folder.clone(),
                last: line.last(request),
                bump: next.bump,
                next: next_version,
                tag,
                causes: of_project.remove(&project.name).unwrap_or_default(),
                is_forced: next.is_forced,
            };
            plan.projects.insert(project.name.clone(), planned);
        }
        plan.conflicts.extend(line.conflicts(&next, request).map(Arc::new));
    }
    plan
}

/// The commits that a plan looks at: those that some project has not released. Of these the history must have the texts.
pub fn unreleased(sources: &Sources<'_>, request: &Request) -> Vec<CommitId> {
    let history = sources.history;
    let cover = Cover::of_releases(history, &Line::all(sources, request));
    let places = history.commits().iter().enumerate();
    let wanted = places.filter(|(place, _)| !cover.all_have(*place));
    wanted.map(|(_, commit)| commit.id.clone()).collect()
}
