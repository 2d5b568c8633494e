//! What changed in a git repository since it left another branch, by the `git` program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use landfall_artifacts::{Class, Explain};

/// A git repository, asked by the `git` program: no shell, no variables but those given, nothing that a repository's settings
/// could make it run, no question on a terminal.
#[derive(Clone, Debug)]
pub struct GitDiff {
    root: PathBuf,
    variables: BTreeMap<String, String>,
}

/// Why git did not say what changed.
#[derive(Debug, thiserror::Error)]
pub enum GitDiffError {
    /// The program could not be started.
    #[error("git cannot be started")]
    NotStarted {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder is in no repository that git will read.
    #[error("{folder} is not in a git repository: {told}")]
    NoRepository {
        /// The folder.
        folder: String,
        /// What git said.
        told: String,
    },
    /// None of the branches to compare with is here.
    #[error("there is no {}", names.join(", and no "))]
    NoBase {
        /// What was looked for.
        names: Vec<String>,
    },
    /// History is cut off before the two meet, or may be.
    #[error("the clone is shallow, and does not reach back to where HEAD left {base}")]
    Shallow {
        /// What HEAD is compared with.
        base: String,
    },
    /// The two have no commit in common.
    #[error("HEAD and {base} have no commit in common")]
    NoMergeBase {
        /// What HEAD is compared with.
        base: String,
    },
    /// git ended in another way than it should.
    #[error("git {command} failed: {told}")]
    Failed {
        /// The command of git.
        command: String,
        /// What it said.
        told: String,
    },
}

/// Variables that git may see: where it is found, whose settings it reads, and the text it speaks.
const PASSED: [&str; 6] =
    ["PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

impl GitDiff {
    /// The repository in whose folder this is. Of `variables`, git sees `PATH`, `HOME`, `XDG_CONFIG_HOME` and those that say where
    /// its settings are, so that `safe.directory` is found.
    pub fn new(folder: &Path, variables: &BTreeMap<String, String>) -> Self {
        let variables = variables
            .iter()
            .filter(|(name, _)| PASSED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self { root: folder.to_owned(), variables }
    }

    /// The same, at the top of the repository's working folder, to which all paths are relative.
    ///
    /// # Errors
    /// [`GitDiffError::NotStarted`], [`GitDiffError::NoRepository`].
    pub fn at_top(&self) -> Result<Self, GitDiffError> {
        let (code, out, told) = self.call(&["rev-parse", "--show-toplevel"])?;
        let top = String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned();
        if code != Some(0) || top.is_empty() {
            let folder = landfall_secret::escape(&self.root.to_string_lossy(), 200);
            return Err(GitDiffError::NoRepository { folder, told });
        }
        Ok(Self { root: PathBuf::from(top), variables: self.variables.clone() })
    }

    /// The top of the working folder, after [`GitDiff::at_top`].
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that is checked out, as 40 (or 64) hexadecimal digits.
    ///
    /// # Errors
    /// [`GitDiffError::Failed`], as where there is no commit yet.
    pub fn head(&self) -> Result<String, GitDiffError> {
        Ok(first_line(&self.said(&["rev-parse", "--verify", "HEAD^{commit}"])?))
    }

    /// The files that git knows below the folder, sorted; a file in the middle of a merge once.
    ///
    /// # Errors
    /// [`GitDiffError::Failed`].
    pub fn files(&self) -> Result<Vec<String>, GitDiffError> {
        let mut files = names(&self.said(&["ls-files", "-z"])?);
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// The commit at which HEAD left the first of these branches or commits that is here, with its name.
    ///
    /// # Errors
    /// [`GitDiffError::NoBase`], [`GitDiffError::Shallow`], [`GitDiffError::NoMergeBase`].
    pub fn merge_base(&self, bases: &[String]) -> Result<(String, String), GitDiffError> {
        for base in bases {
            let Some(commit) = self.commit(base)? else { continue };
            let shown = landfall_secret::escape(base, 100);
            let (code, out, told) = self.call(&["merge-base", &commit, "HEAD"])?;
            return match code {
                Some(0) => Ok((first_line(&out), shown)),
                // git ends so where there is none.
                Some(1) if self.is_shallow()? => Err(GitDiffError::Shallow { base: shown }),
                Some(1) => Err(GitDiffError::NoMergeBase { base: shown }),
                _ => Err(GitDiffError::Failed { command: "merge-base".to_owned(), told }),
            };
        }
        let names = bases.iter().map(|base| format!("`{}`", landfall_secret::escape(base, 100))).collect();
        Err(GitDiffError::NoBase { names })
    }

    /// Paths that differ between a commit and HEAD, sorted. A file that was renamed counts by both its names.
    ///
    /// # Errors
    /// [`GitDiffError::Failed`].
    pub fn changed_since(&self, commit: &str) -> Result<Vec<String>, GitDiffError> {
        // A repo may say that changes of a submodule are to be hidden.
        let shown = ["--no-renames", "--no-ext-diff", "--ignore-submodules=none"];
        let words = [&["diff-tree", "-r", "-z", "--name-only"], shown.as_slice(), &[commit, "HEAD"]].concat();
        let mut paths = names(&self.said(&words)?);
        paths.sort_unstable();
        Ok(paths)
    }

    /// A file as a commit has it; `None` where it has no such file.
    ///
    /// # Errors
    /// [`GitDiffError::NotStarted`].
    pub fn file_at(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, GitDiffError> {
        let (code, out, _) = self.call(&["cat-file", "blob", &format!("{commit}:{path}")])?;
        Ok((code == Some(0)).then_some(out))
    }

    /// How many files that git knows differ from HEAD.
    ///
    /// # Errors
    /// [`GitDiffError::Failed`].
    pub fn uncommitted(&self) -> Result<usize, GitDiffError> {
        Ok(self.differing()?.len())
    }

    /// Files that are not as in HEAD, sorted: those that git knows and differ, and those that it neither knows nor ignores.
    ///
    /// # Errors
    /// [`GitDiffError::Failed`].
    pub fn not_of_head(&self) -> Result<Vec<String>, GitDiffError> {
        let mut files = self.differing()?;
        files.extend(names(&self.said(&["ls-files", "-z", "--others", "--exclude-standard"])?));
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    fn differing(&self) -> Result<Vec<String>, GitDiffError> {
        Ok(names(&self.said(&["diff-index", "-z", "--name-only", "--no-ext-diff", "HEAD", "--"])?))
    }

    /// The commit of a name; `None` where there is none.
    fn commit(&self, name: &str) -> Result<Option<String>, GitDiffError> {
        if name.is_empty() {
            return Ok(None);
        }
        // What begins with a dash is a name here, and no option.
        let name = format!("{name}^{{commit}}");
        let (code, out, _) = self.call(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?;
        Ok((code == Some(0)).then(|| first_line(&out)).filter(|commit| !commit.is_empty()))
    }

    fn is_shallow(&self) -> Result<bool, GitDiffError> {
        Ok(first_line(&self.said(&["rev-parse", "--is-shallow-repository"])?) == "true")
    }

    /// What git said, where it ended well.
    fn said(&self, words: &[&str]) -> Result<Vec<u8>, GitDiffError> {
        let (code, out, told) = self.call(words)?;
        if code == Some(0) {
            return Ok(out);
        }
        Err(GitDiffError::Failed { command: words.first().copied().unwrap_or_default().to_owned(), told })
    }

    fn call(&self, words: &[&str]) -> Result<(Option<i32>, Vec<u8>, String), GitDiffError> {
        let output = Command::new("git")
            .args(["--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(words)
            .current_dir(&self.root)
            .env_clear()
            .envs(&self.variables)
            .envs([("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")])
            .stdin(Stdio::null())
            .output()
            .map_err(|source| GitDiffError::NotStarted { source })?;
        let told = landfall_secret::escape(String::from_utf8_lossy(&output.stderr).trim(), 300);
        Ok((output.status.code(), output.stdout, told))
    }
}

fn names(bytes: &[u8]) -> Vec<String> {
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}

impl GitDiffError {
    /// Whether the same call may succeed a moment later: no.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotStarted { .. }
            | Self::NoRepository { .. }
            | Self::NoBase { .. }
            | Self::Shallow { .. }
            | Self::NoMergeBase { .. }
            | Self::Failed { .. } => false,
        }
    }
}

impl Explain for GitDiffError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "LF-GIT-START",
            Self::NoRepository { .. } => "LF-GIT-REPOSITORY",
            Self::NoBase { .. } => "LF-GIT-BASE",
            Self::Shallow { .. } => "LF-GIT-SHALLOW",
            Self::NoMergeBase { .. } => "LF-GIT-MERGE-BASE",
            Self::Failed { .. } => "LF-GIT-FAILED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::NotStarted { .. }
            | Self::NoRepository { .. }
            | Self::NoBase { .. }
            | Self::Shallow { .. }
            | Self::NoMergeBase { .. }
            | Self::Failed { .. } => Class::Input,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NotStarted { .. } => Some("install git where this job runs".into()),
            Self::NoRepository { .. } => {
                Some("run in the repo; where git names safe.directory, do what it says".into())
            }
            Self::NoBase { .. } => Some(
                "fetch it (git fetch origin main:refs/remotes/origin/main), or name another by --base".into(),
            ),
            Self::Shallow { .. } => Some(
                "set GIT_DEPTH: 0 for this job (GitHub: fetch-depth: 0), or run git fetch --unshallow".into(),
            ),
            Self::NoMergeBase { .. } => {
                Some("name another branch by --base, or take all images by --all".into())
            }
            Self::Failed { .. } => None,
        }
    }
}
