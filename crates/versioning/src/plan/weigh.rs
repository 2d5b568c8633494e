//! Which commits count for which projects, and through what.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use landfall_artifacts::{CommitId, PackageJson, ProjectJson, ProjectName};

use super::concerned::{Concerned, Ways, join};
use super::cover::Cover;
use super::lines::Line;
use super::reverts::Reverts;
use super::{Counted, Counting, ReadAtCommit, Request, Sources};
use crate::bump::Bump;
use crate::files::{CHANGELOG, RELEASE_SUBJECT};
use crate::git::Commit;
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
    let line_of: HashMap<&ProjectName, usize> = lines
        .iter()
        .enumerate()
        .flat_map(|(at, line)| line.projects.iter().map(move |project| (&project.name, at)))
        .collect();
    let mut weighing = Weighing {
        sources,
        request,
        cover: Cover::of_releases(history, lines),
        ways: Ways::new(sources.graph, &line_of),
        line_of: &line_of,
        read,
    };
    let mut reverts = Reverts::new(history);
    let mut found = Causes { of_project: BTreeMap::new(), unparsed: Vec::new(), unread: None };
    for (place, commit) in history.commits().iter().enumerate() {
        if weighing.cover.all_have(place) {
            continue;
        }
        let Some(text) = &commit.text else {
            found.unread = Some(commit.id.clone());
            continue;
        };
        let message = request.rules.message(&text.message);
        let mut concerned = weighing.concerned_by(commit);
        reverts.note(place, &message, &concerned);
        weighing.keep_unreleased(&mut concerned, place);
        let is_silent = message.changes.is_empty();
        if commit.is_merge() && !is_silent {
            join(&mut concerned, weighing.by_what_it_brought(place));
        }
        if concerned.is_empty() {
            continue;
        }
        let bump = if is_own_release(&message, &text.paths) {
            Bump::None
        } else if commit.is_merge() && is_silent {
            request.rules.of_silent_merge()
        } else {
            request.rules.bump_of(&message)
        };
        let counted = Arc::new(Counted {
            id: commit.id.clone(),
            subject: message.subject,
            changes: message.changes,
            bump,
        });
        if is_silent {
            found.unparsed.push(Arc::clone(&counted));
        }
        for (project, (cause, further)) in concerned {
            // A revert that the project has released already has released what it reverts too.
            let reverted_by = reverts.of(place, &project).map(|by| history.commits()[by].id.clone());
            let commit = Arc::clone(&counted);
            let counting = Counting { commit, cause, further, reverted_by };
            found.of_project.entry(project).or_default().push(counting);
        }
    }
    found
}

/// What is needed to say whom a commit concerns.
struct Weighing<'a, 'r> {
    sources: &'a Sources<'a>,
    request: &'a Request,
    cover: Cover,
    ways: Ways<'a>,
    line_of: &'a HashMap<&'a ProjectName, usize>,
    read: &'r mut ReadAtCommit<'r>,
}

impl Weighing<'_, '_> {
    /// Whom the paths of a commit concern, whether they have released it or not.
    fn concerned_by(&mut self, commit: &Commit) -> Concerned {
        let paths = commit.text.as_ref().map(|text| text.paths.as_slice()).unwrap_or_default();
        self.ways.of_commit(commit, paths, self.read)
    }

    /// Leaves those that have not released the commit.
    fn keep_unreleased(&self, concerned: &mut Concerned, place: usize) {
        concerned
            .retain(|project, _| self.line_of.get(project).is_some_and(|line| !self.cover.has(*line, place)));
    }

    /// Whom a merge concerns that says what its commits do not say: where none of those that it brought, as far as they are
    /// unreleased, parses as anything, the text of the merge is all that there is. None where one of them does.
    fn by_what_it_brought(&mut self, place: usize) -> Concerned {
        let commits = self.sources.history.commits();
        let mut brought = self.sources.history.brought(place);
        brought.retain(|place| !self.cover.all_have(*place));
        let says_nothing = |place: &usize| {
            let text = commits.get(*place).and_then(|commit| commit.text.as_ref());
            text.is_some_and(|text| self.request.rules.message(&text.message).changes.is_empty())
        };
        if !brought.iter().all(says_nothing) {
            return Concerned::new();
        }
        let mut all = Concerned::new();
        for place in brought {
            let mut concerned =
                commits.get(place).map(|commit| self.concerned_by(commit)).unwrap_or_default();
            self.keep_unreleased(&mut concerned, place);
            join(&mut all, concerned);
        }
        all
    }
}

/// Whether a commit is a release of ours: by its message and by what it changes. It moves nothing, whatever the rules say of its
/// type: a release would otherwise ask for the next.
fn is_own_release(message: &Message, paths: &[String]) -> bool {
    let is_ours = |path: &String| {
        let name = path.rsplit('/').next().unwrap_or_default();
        [CHANGELOG, ProjectJson::FILE_NAME, PackageJson::FILE_NAME].contains(&name)
    };
    message.subject.starts_with(RELEASE_SUBJECT) && !paths.is_empty() && paths.iter().all(is_ours)
}
