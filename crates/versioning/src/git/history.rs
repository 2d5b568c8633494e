//! The history of a commit: messages, parents, changed paths, read by one call.

use std::collections::HashMap;

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
    /// Its message; what is not UTF-8 stands as U+FFFD.
    pub message: String,
    /// Paths that differ from its parent, both ends of a rename, relative to the repo's root. None for a merge.
    pub paths: Vec<String>,
}

impl Commit {
    /// Whether it joins histories. Its commits count, itself does not.
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

    /// The history of one of its commits.
    pub fn of(&self, id: &CommitId) -> Self {
        let reached = self.reached_from(&[id]);
        let kept = self.commits.iter().zip(reached).filter(|(_, reached)| *reached);
        Self::new(kept.map(|(commit, _)| commit.clone()).collect())
    }
}

impl Git {
    /// The whole history of a commit.
    ///
    /// # Errors
    /// As git says; [`Error::TooMuch`] where it is larger than 512 MiB.
    pub async fn history(&self, tip: &CommitId, run: &Run) -> Result<History, Error> {
        let arguments = [
            "log",
            "-z",
            "--topo-order",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--no-color",
            "--no-mailmap",
            "--encoding=UTF-8",
            // An empty field begins each commit: no path is empty, so a commit is never taken for a path.
            "--format=%x00%H%x00%P%x00%B",
            "--end-of-options",
            tip.as_str(),
            "--",
        ];
        let answer =
            self.call(&Call { most: MOST, ..Call::new("read the history", &arguments) }, run).await?;
        parse(&answer.stdout).map(History::new).ok_or(Error::Malformed { what: "the history" })
    }
}

/// Reads the fields: nothing, id, parents, message, then the paths, of which the first has a line break before it.
fn parse(bytes: &[u8]) -> Option<Vec<Commit>> {
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
        let parents = std::str::from_utf8(fields.next()?).ok()?;
        let parents = parents.split_ascii_whitespace().map(|id| id.parse().ok()).collect::<Option<_>>()?;
        let message = String::from_utf8_lossy(fields.next()?).into_owned();
        let mut paths = Vec::new();
        while let Some(path) = fields.next_if(|field| !field.is_empty()) {
            let path = if paths.is_empty() { path.strip_prefix(b"\n").unwrap_or(path) } else { path };
            paths.push(String::from_utf8_lossy(path).into_owned());
        }
        commits.push(Commit { id, parents, message, paths });
    }
    Some(commits)
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::CommitId;
    use proptest::prelude::*;

    use super::{Commit, History, parse};

    fn id(number: usize) -> CommitId {
        format!("{number:040x}").parse().expect("an id")
    }

    fn commit(number: usize, parents: &[usize]) -> Commit {
        let parents = parents.iter().copied().map(id).collect();
        Commit { id: id(number), parents, message: String::new(), paths: Vec::new() }
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
        let ids: Vec<CommitId> =
            history.of(&id(4)).commits().iter().map(|commit| commit.id.clone()).collect();
        assert_eq!(ids, [id(4), id(2), id(1)]);
    }

    #[test]
    fn odd_answers_are_refused() {
        assert_eq!(parse(b""), Some(Vec::new()));
        for bad in ["x", "\0x\0", "\0", "\0x\0\0m\0"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
