//! Notes of commits below one ref, and their way to a remote and back.

use landfall_artifacts::CommitId;
use landfall_run::Run;

use super::{Call, Git, Person, Pushed, Remote};
use crate::Error;

/// The ref that Landfall's notes are below.
pub const NOTES: &str = "refs/notes/landfall";

/// Where a remote's notes are put before they are made one with those here.
const THEIRS: &str = "refs/notes/landfall-of-remote";

/// What a commit is noted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The commit, or whatever object somebody noted.
    pub commit: CommitId,
    /// The text as it is stored.
    pub text: Vec<u8>,
}

impl Git {
    /// All notes of this repo below [`NOTES`], at most 64 MiB of them; none where there is no such ref.
    ///
    /// # Errors
    /// As git says; [`Error::TooMuch`].
    pub async fn notes(&self, run: &Run) -> Result<Vec<Note>, Error> {
        let arguments = ["notes", "--ref", NOTES, "list"];
        let list = self.call(&Call::new("list the notes", &arguments), run).await?.text();
        let pairs: Vec<(&str, &str)> = list.lines().filter_map(|line| line.split_once(' ')).collect();
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let asked: String = pairs.iter().flat_map(|(blob, _)| [*blob, "\n"]).collect();
        let arguments = ["cat-file", "--batch"];
        let call = Call { input: asked.as_bytes(), ..Call::new("read the notes", &arguments) };
        let answer = self.call(&call, run).await?.stdout;
        let mut rest = answer.as_slice();
        let mut notes = Vec::with_capacity(pairs.len());
        for (_, commit) in pairs {
            let malformed = || Error::Malformed { what: "the notes" };
            let (text, after) = object(rest).ok_or_else(malformed)?;
            notes.push(Note { commit: commit.parse().map_err(|_| malformed())?, text: text.to_vec() });
            rest = after;
        }
        Ok(notes)
    }

    /// Notes a commit with this text, in place of what it was noted with. The former text stays in the history of the ref.
    ///
    /// # Errors
    /// As git says.
    pub async fn note(&self, commit: &CommitId, text: &str, person: &Person, run: &Run) -> Result<(), Error> {
        let arguments = ["notes", "--ref", NOTES, "add", "--force", "--file=-", commit.as_str()];
        let variables = by(person);
        let call =
            Call { input: text.as_bytes(), variables: &variables, ..Call::new("note a commit", &arguments) };
        self.call(&call, run).await.map(drop)
    }

    /// Fetches the remote's notes and makes them one with those here, line by line. Nothing where the remote has none.
    ///
    /// # Errors
    /// [`Error::Remote`] where it does not answer; as git says.
    pub async fn fetch_notes(&self, remote: &Remote, person: &Person, run: &Run) -> Result<(), Error> {
        let arguments = ["ls-remote", "--end-of-options", remote.name(), NOTES];
        if self.speak("read the refs of", &arguments, b"", remote, run).await?.is_empty() {
            return Ok(());
        }
        let wanted = format!("+{NOTES}:{THEIRS}\n");
        let arguments = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--stdin",
            "--end-of-options",
            remote.name(),
        ];
        self.speak("fetch from", &arguments, wanted.as_bytes(), remote, run).await?;
        let arguments = ["notes", "--ref", NOTES, "merge", "--quiet", "--strategy=cat_sort_uniq", THEIRS];
        let variables = by(person);
        let call = Call { variables: &variables, ..Call::new("merge the notes", &arguments) };
        self.call(&call, run).await.map(drop)
    }

    /// Pushes the notes, where the remote's are part of them.
    ///
    /// # Errors
    /// Where git cannot be run. What the remote says is [`Pushed`].
    pub async fn push_notes(&self, remote: &Remote, run: &Run) -> Result<Pushed, Error> {
        let refs = format!("{NOTES}:{NOTES}");
        let arguments =
            ["push", "--porcelain", "--no-verify", "--end-of-options", remote.name(), refs.as_str()];
        let call = Call { is_remote: true, ..Call::new("push the notes", &arguments) };
        // The push is out once it is begun: a stop between it and its answer would leave unknown what the answer tells.
        let answer = self.attempt(&call, &run.to_its_end()).await?;
        let stdout = String::from_utf8_lossy(&answer.stdout);
        // A line a ref: a flag, a tab, the names, what became of it (git-push, "OUTPUT").
        if answer.code == Some(0) {
            let is_there = stdout.lines().any(|line| line.starts_with("=\t"));
            return Ok(if is_there { Pushed::Already } else { Pushed::Done });
        }
        let refused = stdout.lines().find(|line| line.starts_with("!\t")).unwrap_or_default();
        let refused = landfall_secret::escape(&refused.replace('\t', " "), 300);
        Ok(Pushed::Not { told: format!("{}\n{refused}", answer.told).trim().to_owned() })
    }
}

/// One answer of `git cat-file --batch` and what follows it: a line of id, kind and size, the bytes, a line break.
fn object(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let rest = answer.get(end + 1..)?;
    Some((rest.get(..size)?, rest.get(size.checked_add(1)?..)?))
}

/// Git asks who makes a commit, and each change of notes is one.
fn by(person: &Person) -> [(&'static str, &str); 4] {
    [
        ("GIT_AUTHOR_NAME", &person.name),
        ("GIT_AUTHOR_EMAIL", &person.email),
        ("GIT_COMMITTER_NAME", &person.name),
        ("GIT_COMMITTER_EMAIL", &person.email),
    ]
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn answers_are_read_by_their_size_and_not_by_their_lines() {
        let answer = b"1f blob 4\na\nb\n\n2f blob 0\n\n3f missing\n";
        let (text, rest) = object(answer).expect("the first");
        assert_eq!(text, b"a\nb\n");
        let (text, rest) = object(rest).expect("the second");
        assert!(text.is_empty());
        assert_eq!(object(rest), None, "one that is missing");
        for bad in [&b""[..], b"1f blob 9\nshort\n", b"1f blob 18446744073709551615\nx", b"\xff blob 1\nx\n"]
        {
            assert_eq!(object(bad), None);
        }
    }
}
