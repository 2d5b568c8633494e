//! What merges change themselves: how conflicts were resolved, and edits that were made on the way.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::CommitId;
use landfall_run::Run;

use super::history::texts;
use super::{Call, Git, History};
use crate::Error;

/// The most that may be answered, in bytes.
const MOST: usize = 512 * 1024 * 1024;

impl Git {
    /// Paths that merges changed themselves, by merge: those that are otherwise than git's own merge of the parents would have
    /// them. What was merged without a conflict is none of them: that is of the commits that were merged.
    ///
    /// # Errors
    /// As git says; [`Error::TooMuch`] where it is larger than 512 MiB.
    pub(super) async fn changed_by_merges(
        &self,
        history: &History,
        of: &[CommitId],
        run: &Run,
    ) -> Result<BTreeMap<CommitId, Vec<String>>, Error> {
        let merges: BTreeMap<&CommitId, usize> = of
            .iter()
            .filter_map(|id| history.commits().get(history.place(id)?))
            .filter(|commit| commit.is_merge())
            .map(|commit| (&commit.id, commit.parents.len()))
            .collect();
        let mut changed = self.unlike_all_parents(&merges, run).await?;
        // Most merges end there. Of the others git is asked what its own merge would have given, which takes longer; of more
        // than two parents it does not say.
        let asked: Vec<&CommitId> = changed.keys().filter(|id| merges.get(id) == Some(&2)).collect();
        if asked.is_empty() {
            return Ok(changed);
        }
        let arguments = [
            "log",
            "-z",
            "--no-walk=unsorted",
            "--stdin",
            "--remerge-diff",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--ignore-submodules=none",
            "--no-color",
            "--format=%x00%H%x00",
        ];
        let input = lines(asked.iter().copied());
        let call = Call { most: MOST, input: input.as_bytes(), ..Call::new("merge again", &arguments) };
        let answer = self.attempt(&call, run).await?;
        // A git that cannot do it, as one before 2.35, leaves what differs from all parents: rather one too many.
        if answer.code == Some(0) {
            let read = texts(&answer.stdout).ok_or(Error::Malformed { what: "what merges changed" })?;
            changed.extend(read.into_iter().map(|(id, text)| (id, text.paths)));
        }
        Ok(changed)
    }

    /// Paths of merges that are not as in any parent, which is all that a merge may have changed itself.
    async fn unlike_all_parents(
        &self,
        merges: &BTreeMap<&CommitId, usize>,
        run: &Run,
    ) -> Result<BTreeMap<CommitId, Vec<String>>, Error> {
        if merges.is_empty() {
            return Ok(BTreeMap::new());
        }
        let arguments = [
            "diff-tree",
            "--stdin",
            "-z",
            "-r",
            "-c",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--ignore-submodules=none",
        ];
        let input = lines(merges.keys().copied());
        let call =
            Call { most: MOST, input: input.as_bytes(), ..Call::new("look at the merges", &arguments) };
        let answer = self.call(&call, run).await?;
        let known: BTreeSet<&str> = merges.keys().map(|id| id.as_str()).collect();
        Ok(listed(&answer.stdout, &known))
    }
}

fn lines<'a>(ids: impl Iterator<Item = &'a CommitId>) -> String {
    ids.flat_map(|id| [id.as_str(), "\n"]).collect()
}

/// Reads the fields: a merge's id, then its paths.
fn listed(bytes: &[u8], known: &BTreeSet<&str>) -> BTreeMap<CommitId, Vec<String>> {
    let mut found: BTreeMap<CommitId, Vec<String>> = BTreeMap::new();
    let mut last = None;
    for field in bytes.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        let field = String::from_utf8_lossy(field);
        if known.contains(field.as_ref()) {
            last = field.parse::<CommitId>().ok();
        } else if let Some(id) = &last {
            found.entry(id.clone()).or_default().push(field.into_owned());
        }
    }
    found
}
