//! The history of a commit: which commits there are by one call, and what some of them say and change by another.

use std::collections::{BTreeMap, HashMap};

use landfall_artifacts::CommitId;
use landfall_run::Run;

use super::{Call, Git};
use crate::Error;

/// The most that a history may be, in bytes.
const MOST: usize = 512 * 1024 * 1024;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// What it says and changes; `None` where that was not read, as of commits that every project has released.
    pub text: Option<CommitText>,
}

/// What a commit says and changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitText {
    /// Its message; what is not UTF-8 stands as U+FFFD.
    pub message: String,
    /// Paths that differ from its parent, both ends of a rename, relative to the repo's root. Of a merge those that it changed
    /// itself: where a conflict was resolved, or something was edited on the way.
    pub paths: Vec<String>,
}

impl Commit {
    /// Whether it joins histories.
    pub fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }
}

/// A commit and all that came before it, children before parents.
#[derive(Clone, Debug, Default)]
pub struct History {
    commits: Vec<Commit>,
    places: HashMap<CommitId, usize>,
}

impl History {
    /// A history of these commits, children before parents.
    pub fn new(commits: Vec<Commit>) -> Self {
        let places = commits.iter().enumerate().map(|(at, commit)| (commit.id.clone(), at)).collect();
        Self { commits, places }
    }

    /// The commits, children before parents.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// The place of a commit among [`History::commits`]; `None` where it is not in this history.
    pub fn place(&self, id: &CommitId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Which of the commits are these or came before them.
    pub fn reached_from(&self, ids: &[&CommitId]) -> Vec<bool> {
        let mut reached = vec![false; self.commits.len()];
        for place in ids.iter().filter_map(|id| self.place(id)) {
            reached[place] = true;
        }
        for (at, commit) in self.commits.iter().enumerate() {
            if reached[at] {
                for parent in commit.parents.iter().filter_map(|parent| self.place(parent)) {
                    reached[parent] = true;
                }
            }
        }
        reached
    }

    /// What a merge brought: the commits that came by its further parents, and not by the first too. None for other commits. Looks
    /// no further back than to where the two meet.
    pub(crate) fn brought(&self, place: usize) -> Vec<usize> {
        let Some([first, others @ ..]) = self.commits.get(place).map(|commit| commit.parents.as_slice())
        else {
            return Vec::new();
        };
        // By place, so that children come before parents; whether it came by the first parent.
        let mut next: BTreeMap<usize, bool> = BTreeMap::new();
        let mut sides = 0;
        let add = |next: &mut BTreeMap<usize, bool>, id: &CommitId, by_first: bool, sides: &mut usize| {
            let Some(place) = self.place(id) else { return };
            match next.insert(place, by_first || next.get(&place) == Some(&true)) {
                None if !by_first => *sides += 1,
                Some(false) if by_first => *sides -= 1,
                None | Some(_) => {}
            }
        };
        add(&mut next, first, true, &mut sides);
        for id in others {
            add(&mut next, id, false, &mut sides);
        }
        let mut brought = Vec::new();
        while sides > 0 {
            let Some((at, by_first)) = next.pop_first() else { break };
            if !by_first {
                sides -= 1;
                brought.push(at);
            }
            for parent in self.commits.get(at).into_iter().flat_map(|commit| &commit.parents) {
                add(&mut next, parent, by_first, &mut sides);
            }
        }
        brought
    }

    /// The history of one of its commits.
    pub fn of(&self, id: &CommitId) -> Self {
        let reached = self.reached_from(&[id]);
        let kept = self.commits.iter().zip(reached).filter(|(_, reached)| *reached);
        Self::new(kept.map(|(commit, _)| commit.clone()).collect())
    }
}

impl Git {
    /// The whole history of a commit: which commits there are, not what they say, which [`Git::read_texts`] reads.
    ///
    /// # Errors
    /// As git says; [`Error::TooMuch`] where it is larger than 512 MiB.
    pub async fn history(&self, tip: &CommitId, run: &Run) -> Result<History, Error> {
        let arguments = ["rev-list", "--topo-order", "--parents", "--end-of-options", tip.as_str(), "--"];
        let answer =
            self.call(&Call { most: MOST, ..Call::new("read the history", &arguments) }, run).await?;
        lineage(&answer.stdout).map(History::new).ok_or(Error::Malformed { what: "the history" })
    }

    /// Reads what these commits of a history say and change. Those that are not part of it are passed over.
    ///
    /// # Errors
    /// As git says; [`Error::TooMuch`] where it is larger than 512 MiB.
    pub async fn read_texts(&self, history: &mut History, of: &[CommitId], run: &Run) -> Result<(), Error> {
        let mut wanted = String::with_capacity(of.len() * 41);
        for id in of.iter().filter(|id| history.place(id).is_some()) {
            wanted.push_str(id.as_str());
            wanted.push('\n');
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let arguments = [
            "log",
            "-z",
            // These commits alone, and none of those before them.
            "--no-walk=unsorted",
            "--stdin",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            // A repo may say that changes of a submodule are to be hidden.
            "--ignore-submodules=none",
            "--no-color",
            "--no-mailmap",
            "--encoding=UTF-8",
            // An empty field begins each commit: no path is empty, so a commit is never taken for a path.
            "--format=%x00%H%x00%B",
        ];
        let call = Call { most: MOST, input: wanted.as_bytes(), ..Call::new("read the commits", &arguments) };
        let answer = self.call(&call, run).await?;
        let texts = texts(&answer.stdout).ok_or(Error::Malformed { what: "the commits" })?;
        let mut of_merges = self.changed_by_merges(history, of, run).await?;
        for (id, mut text) in texts {
            if let Some(paths) = of_merges.remove(&id) {
                text.paths = paths;
            }
            if let Some(commit) = history.place(&id).and_then(|place| history.commits.get_mut(place)) {
                commit.text = Some(text);
            }
        }
        Ok(())
    }
}

/// Reads lines of a commit's id and those of its parents.
fn lineage(bytes: &[u8]) -> Option<Vec<Commit>> {
    let lines = std::str::from_utf8(bytes).ok()?.lines();
    lines
        .map(|line| {
            let mut ids = line.split(' ').map(|id| id.parse().ok());
            Some(Commit { id: ids.next()??, parents: ids.collect::<Option<_>>()?, text: None })
        })
        .collect()
}

/// Reads the fields: nothing, id, message, then the paths, of which the first has a line break before it.
pub(super) fn texts(bytes: &[u8]) -> Option<Vec<(CommitId, CommitText)>> {
    let mut commits = Vec::new();
    let mut fields = bytes.split(|byte| *byte == 0).peekable();
    while let Some(mark) = fields.next() {
        if fields.peek().is_none() {
            // What stands after the last NUL.
            return mark.is_empty().then_some(commits);
        }
        if !mark.is_empty() {
            return None;
        }
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let message = String::from_utf8_lossy(fields.next()?).into_owned();
        let mut paths = Vec::new();
        while let Some(path) = fields.next_if(|field| !field.is_empty()) {
            let path = if paths.is_empty() { path.strip_prefix(b"\n").unwrap_or(path) } else { path };
            paths.push(String::from_utf8_lossy(path).into_owned());
        }
        commits.push((id, CommitText { message, paths }));
    }
    Some(commits)
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::CommitId;
    use proptest::prelude::*;

    use super::{Commit, History, lineage, texts};

    fn id(number: usize) -> CommitId {
        format!("{number:040x}").parse().expect("an id")
    }

    fn commit(number: usize, parents: &[usize]) -> Commit {
        let parents = parents.iter().copied().map(id).collect();
        Commit { id: id(number), parents, text: None }
    }

    #[test]
    fn a_commit_reaches_what_came_before() {
        // 5 joins 4 and 3; 4 and 3 come from 2, which comes from 1.
        let history = History::new(vec![
            commit(5, &[4, 3]),
            commit(4, &[2]),
            commit(3, &[2]),
            commit(2, &[1]),
            commit(1, &[]),
        ]);
        assert_eq!(history.reached_from(&[&id(3)]), [false, false, true, true, true]);
        assert_eq!(history.reached_from(&[&id(9)]), [false; 5]);
        assert_eq!(history.brought(0), [2], "3 came with the merge, 4 was there");
        assert_eq!((history.brought(1), history.brought(4)), (vec![], vec![]));
        let ids: Vec<CommitId> =
            history.of(&id(4)).commits().iter().map(|commit| commit.id.clone()).collect();
        assert_eq!(ids, [id(4), id(2), id(1)]);
    }

    #[test]
    fn odd_answers_are_refused() {
        assert_eq!(texts(b""), Some(Vec::new()));
        for bad in ["x", "\0x\0", "\0", "\0x\0m\0"] {
            assert_eq!(texts(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(lineage(b""), Some(Vec::new()));
        for bad in ["x", "\n", " ", "0123456789012345678901234567890123456789 x"] {
            assert_eq!(lineage(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..200)) {
            let _ = texts(&bytes);
            let _ = lineage(&bytes);
        }
    }
}
