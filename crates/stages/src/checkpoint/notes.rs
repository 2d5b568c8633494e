//! Checkpoints as git notes: one line each, at the commit that was released.

use std::collections::BTreeMap;
use std::path::Path;

use landfall_artifacts::{Class, CommitId, LedgerCheckpoint, Problem};
use landfall_ledger::Kept;
use landfall_run::Run;
use landfall_versioning::{Error, Git, NOTES, Note, Person, Pushed, Remote};

use crate::Refusal;
use crate::semantic_versioning::{Committer, Deps, person};

/// How often the notes are made one with the remote's where others push too.
const ATTEMPTS: u32 = 5;

/// Notes of a repo, and who writes them.
#[derive(Debug)]
pub struct Notes {
    git: Git,
    commit: CommitId,
    /// Where they are pushed to; `None` for this clone alone.
    remote: Option<Remote>,
    /// Who writes; `None` where they are only read.
    person: Option<Person>,
}

impl Notes {
    /// Those of the repo that `folder` lies in, for reading.
    ///
    /// # Errors
    /// No repo, no commit of that name.
    pub async fn for_reading(
        folder: &Path,
        variables: BTreeMap<String, String>,
        run: &Run,
    ) -> Result<Self, Refusal> {
        let git = Git::open(folder, variables, run).await?;
        let commit = found(&git, "HEAD", run).await?;
        Ok(Self { git, commit, remote: None, person: None })
    }

    /// Those of the repo that `folder` lies in, for adding one at `commit` (`HEAD` where it is empty), after those of the remote were
    /// fetched. Without `remote` nothing is fetched or pushed.
    ///
    /// # Errors
    /// No repo, commit, remote or committer; a remote that does not answer.
    pub async fn for_writing(
        folder: &Path,
        commit: &str,
        remote: Option<&str>,
        committer: &Committer,
        deps: &Deps,
        run: &Run,
    ) -> Result<Self, Refusal> {
        let mut git = Git::open(folder, deps.variables.clone(), run).await?;
        let commit = found(&git, if commit.is_empty() { "HEAD" } else { commit }, run).await?;
        let person = person(&git, committer, run).await?;
        let remote = match remote {
            None => None,
            Some(name) => {
                let none = || Error::NoRemote { remote: landfall_secret::escape(name, 100) };
                Some(git.remote(name, run).await?.ok_or_else(none)?)
            }
        };
        if let Some(remote) = &remote {
            let access = deps.token.as_ref().and_then(|token| remote.access(&deps.user, token));
            git = git.with_access(access);
            git.fetch_notes(remote, &person, run).await?;
        }
        Ok(Self { git, commit, remote, person: Some(person) })
    }

    /// For people.
    pub(super) fn place(&self) -> String {
        match &self.remote {
            Some(remote) => format!("{NOTES} of {}", remote.shown()),
            None => format!("{NOTES} of this clone"),
        }
    }

    /// All that is kept in notes of any commit.
    pub(super) async fn read(&self, run: &Run) -> Result<Vec<Kept>, Refusal> {
        let notes = self.git.notes(run).await?;
        let kept: Result<Vec<Vec<Kept>>, _> = notes.iter().map(of_note).collect();
        Ok(kept?.into_iter().flatten().collect())
    }

    /// Adds a line to the note of the commit and pushes the notes.
    pub(super) async fn put(&self, checkpoint: &LedgerCheckpoint, run: &Run) -> Result<String, Refusal> {
        let person = self.person.as_ref().ok_or(Error::NoCommitter)?;
        let noted = self.noted(run).await?;
        let same = |kept: &&Kept| kept.head.sequence == checkpoint.sequence;
        if let Some(kept) = of_note(&noted)?.iter().find(same) {
            kept.agrees_with(checkpoint)?;
        } else {
            let before = String::from_utf8_lossy(&noted.text);
            let before = before.trim_end();
            let between = if before.is_empty() { "" } else { "\n" };
            let text = format!("{before}{between}{}\n", checkpoint.to_line());
            self.git.note(&self.commit, &text, person, run).await?;
        }
        self.push(run).await?;
        Ok(address(&self.commit))
    }

    /// Pushes what this clone has and the remote may not have, as after a push that failed; where others pushed meanwhile, theirs are
    /// made one with these first.
    pub(super) async fn push(&self, run: &Run) -> Result<(), Refusal> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let person = self.person.as_ref().ok_or(Error::NoCommitter)?;
        for _ in 0..ATTEMPTS {
            let Pushed::Not { told } = self.git.push_notes(remote, run).await? else { return Ok(()) };
            if !is_race(&told) {
                return Err(Refusal::of(&Error::Remote {
                    what: "push the notes to",
                    remote: remote.name().to_owned(),
                    address: remote.shown(),
                    told,
                }));
            }
            self.git.fetch_notes(remote, person, run).await?;
        }
        let what = format!("others pushed to {} {ATTEMPTS} times meanwhile", self.place());
        Err(Refusal::one(
            Problem::new("LF-LEDGER-CROWDED", Class::Transient, what)
                .with_remedy("run again when fewer jobs push notes"),
        ))
    }

    async fn noted(&self, run: &Run) -> Result<Note, Refusal> {
        let notes = self.git.notes(run).await?;
        let none = || Note { commit: self.commit.clone(), text: Vec::new() };
        Ok(notes.into_iter().find(|note| note.commit == self.commit).unwrap_or_else(none))
    }
}

/// Whether a push was refused because another one came first: git's own look at the remote, or the remote's at its ref.
fn is_race(told: &str) -> bool {
    ["[rejected]", "cannot lock ref", "failed to update ref", "reference already exists"]
        .iter()
        .any(|words| told.contains(words))
}

async fn found(git: &Git, name: &str, run: &Run) -> Result<CommitId, Refusal> {
    git.commit(name, run).await?.ok_or_else(|| {
        let what = format!("there is no commit `{}` in this repo", landfall_secret::escape(name, 100));
        Refusal::one(
            Problem::new("LF-GIT-COMMIT", Class::Input, what)
                .with_remedy("name a commit that this clone has, such as git-notes:HEAD"),
        )
    })
}

/// The checkpoints of a note. Lines of white space are passed over; every other line is one, or the note is told.
fn of_note(note: &Note) -> Result<Vec<Kept>, landfall_ledger::Error> {
    let lines = note.text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| Kept::parse(line, &address(&note.commit))).collect()
}

fn address(commit: &CommitId) -> String {
    format!("{NOTES} at {commit}")
}
