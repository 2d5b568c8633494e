//! The state of the working tree.

use landfall_run::Run;

use super::{Call, Git};
use crate::Error;

impl Git {
    /// Whether commits are missing because the clone is shallow.
    ///
    /// # Errors
    /// As git says.
    pub async fn is_shallow(&self, run: &Run) -> Result<bool, Error> {
        let arguments = ["rev-parse", "--is-shallow-repository"];
        Ok(self.call(&Call::new("look at the clone", &arguments), run).await?.text() == "true")
    }

    /// Files that git knows and that are not as in `HEAD`, in the index or in the working tree. Files that git does not know do
    /// not count: jobs leave many.
    ///
    /// # Errors
    /// As git says.
    pub async fn changed_files(&self, run: &Run) -> Result<Vec<String>, Error> {
        let arguments = [
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=no",
            "--ignore-submodules=dirty",
        ];
        let answer = self.call(&Call::new("look at the working tree", &arguments), run).await?;
        let entries = answer.stdout.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
        Ok(entries
            .map(|entry| String::from_utf8_lossy(entry.get(3..).unwrap_or_default()).into_owned())
            .collect())
    }

    /// The branch that is checked out; `None` where `HEAD` is a commit by itself.
    ///
    /// # Errors
    /// As git says.
    pub async fn current_branch(&self, run: &Run) -> Result<Option<String>, Error> {
        // Not `--short`: where a tag has the name too, that gives `heads/<name>`.
        let arguments = ["symbolic-ref", "--quiet", "HEAD"];
        let answer = self.attempt(&Call::new("find the branch", &arguments), run).await?;
        let text = answer.text();
        Ok(text.strip_prefix("refs/heads/").filter(|_| answer.code == Some(0)).map(str::to_owned))
    }

    /// The value of a setting; `None` where it has none.
    ///
    /// # Errors
    /// As git says.
    pub async fn setting(&self, key: &str, run: &Run) -> Result<Option<String>, Error> {
        let arguments = ["config", "--get", key];
        let answer = self.attempt(&Call::new("read a setting", &arguments), run).await?;
        Ok(Some(answer.text()).filter(|text| answer.code == Some(0) && !text.is_empty()))
    }
}
