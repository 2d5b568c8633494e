//! A bare repo with the story in it, and a clone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::story;

/// A bare repo, a clone of it, and the environment in which git sees no settings of this machine.
pub(super) struct Repo {
    folder: TempDir,
    work: PathBuf,
}

impl Repo {
    /// The repo of the story, with the tags of its releases or without any.
    pub(super) fn new(has_tags: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let work = folder.path().join("work");
        let repo = Self { folder, work };
        let bare = repo.bare();
        std::fs::create_dir(&bare)?;
        repo.git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"])?;
        let mut import = repo
            .command(&bare)
            .args(["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start git")?;
        let mut input = std::io::BufWriter::new(import.stdin.take().context("no pipe to git")?);
        story::tell(&mut input, has_tags)?;
        input.flush()?;
        drop(input);
        ensure!(import.wait()?.success(), "git fast-import does not take the story");
        // As servers keep them, and so that it is not the first run that reads loose refs.
        repo.git(&bare, &["gc", "--quiet"])?;
        let (from, to) = (bare.display().to_string(), repo.work.display().to_string());
        repo.git(repo.folder.path(), &["clone", "--quiet", &from, &to])?;
        Ok(repo)
    }

    /// The clone.
    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    /// How many tags the bare repo has.
    pub(super) fn tags(&self) -> Result<usize> {
        Ok(self.git(&self.bare(), &["for-each-ref", "refs/tags/"])?.lines().count())
    }

    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("HOME", self.folder.path().display().to_string()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("GIT_COMMITTER_NAME", "Release Bot".to_owned()),
            ("GIT_COMMITTER_EMAIL", "bot@example.com".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn bare(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("git");
        command.current_dir(folder).env_clear().envs(self.environment());
        command
    }

    fn git(&self, folder: &Path, args: &[&str]) -> Result<String> {
        let ran = self.command(folder).args(args).output().context("cannot start git")?;
        ensure!(ran.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    }
}
