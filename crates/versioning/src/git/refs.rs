//! Tags of this repo, and what git makes of a name.

use std::collections::BTreeSet;

use landfall_artifacts::CommitId;
use landfall_run::Run;
use time::OffsetDateTime;

use super::{Call, Git};
use crate::Error;

/// A tag and the commit it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// What the name holds: the commit, or for an annotated tag the tag's own object.
    pub object: CommitId,
    /// The commit.
    pub commit: CommitId,
}

impl Git {
    /// All tags of commits. Tags of other things are passed over.
    ///
    /// # Errors
    /// As git says.
    pub async fn tags(&self, run: &Run) -> Result<Vec<Tag>, Error> {
        // Names of git hold no white space and no control characters.
        let format = "--format=%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname:strip=2)";
        let arguments = ["for-each-ref", format, "refs/tags/"];
        let answer = self.call(&Call::new("read the tags", &arguments), run).await?;
        Ok(answer.text().lines().filter_map(tag).collect())
    }

    /// The commit that a name stands for; `None` where there is none.
    ///
    /// # Errors
    /// As git says.
    pub async fn commit(&self, name: &str, run: &Run) -> Result<Option<CommitId>, Error> {
        let wanted = format!("{name}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        let answer = self.attempt(&Call::new("find a commit", &arguments), run).await?;
        if answer.code == Some(0) {
            Ok(answer.text().lines().last().and_then(|id| id.parse().ok()))
        } else {
            Ok(None)
        }
    }

    /// When a commit was made, as its committer's clock had it.
    ///
    /// # Errors
    /// As git says, as where it is not in this repo; [`Error::Malformed`] where the time is none.
    pub async fn commit_time(&self, commit: &CommitId, run: &Run) -> Result<OffsetDateTime, Error> {
        let arguments =
            ["log", "-1", "--no-show-signature", "--format=%ct", "--end-of-options", commit.as_str()];
        let answer = self.call(&Call::new("read a commit's time", &arguments), run).await?;
        let seconds = answer.text().trim().parse::<i64>().ok();
        let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        time.ok_or(Error::Malformed { what: "a commit's time" })
    }

    /// Those of these commits that this repo has.
    ///
    /// # Errors
    /// As git says.
    pub(crate) async fn there(
        &self,
        commits: &BTreeSet<CommitId>,
        run: &Run,
    ) -> Result<BTreeSet<CommitId>, Error> {
        if commits.is_empty() {
            return Ok(BTreeSet::new());
        }
        let asked: String = commits.iter().flat_map(|id| [id.as_str(), "\n"]).collect();
        let arguments = ["cat-file", "--batch-check=%(objectname)"];
        let call = Call { input: asked.as_bytes(), ..Call::new("look for commits", &arguments) };
        // Of one that is missing, git says so after its name.
        Ok(self.call(&call, run).await?.text().lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// Whether one commit is another, or came before it.
    ///
    /// # Errors
    /// As git says, as where one of them is not in this repo.
    pub async fn is_ancestor(&self, one: &CommitId, of: &CommitId, run: &Run) -> Result<bool, Error> {
        let arguments = ["merge-base", "--is-ancestor", "--end-of-options", one.as_str(), of.as_str()];
        let what = "compare two commits";
        let answer = self.attempt(&Call::new(what, &arguments), run).await?;
        match answer.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            code => Err(Error::Git { what, code, told: answer.told }),
        }
    }
}

/// One line of the list: object, type, and where it is annotated the object and type below.
fn tag(line: &str) -> Option<Tag> {
    let mut words = line.split(' ');
    let (object, kind, below, below_kind, name) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let commit = match (kind, below_kind) {
        ("commit", _) => object,
        ("tag", "commit") => below,
        _ => return None,
    };
    Some(Tag { name: name.to_owned(), object: object.parse().ok()?, commit: commit.parse().ok()? })
}
