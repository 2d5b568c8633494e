//! What a job sees of the repo: a checkout of one commit, of its own.
//!
//! Its objects are those of the repo, by `objects/info/alternates`: a clone of a repo of any size costs its working tree and nothing
//! else, and objects are never written to once they are there. A worktree of git would share branches, tags and settings, by which one job
//! would change what another sees, and the person's repo too; hard links would share bytes that a program may write to in place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use landfall_artifacts::CommitId;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::error::{RunError, of_path};

/// A file that stands in each job's folder beside what the commit has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its name, in the folder that jobs run in.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether its owner alone may read it.
    pub private: bool,
}

/// One commit of a repo, of which jobs get checkouts.
#[derive(Clone, Debug)]
pub struct Source {
    variables: BTreeMap<String, String>,
    objects: PathBuf,
    settings: PathBuf,
    object_format: String,
    refs: Vec<u8>,
    /// A remote that is a path, as the settings have it and in full.
    remote: Option<(String, String)>,
    /// The folder of the repo that was asked from, below its root; empty, or with a slash at the end.
    below: String,
    placed: Vec<Placed>,
    /// The commit, in hexadecimal digits.
    pub commit: String,
    /// The branch that is checked out; `None` where none is.
    pub branch: Option<String>,
    /// How many files are changed or new in the repo, which jobs do not see.
    pub uncommitted: usize,
}

impl Source {
    /// The commit that is checked out in the repo of a folder; `variables` are those that git is given.
    ///
    /// # Errors
    /// [`RunError::Git`] where the folder is in no repo, or that has no commit.
    pub async fn of(folder: &Path, variables: BTreeMap<String, String>) -> Result<Self, RunError> {
        let ask = async |doing: &'static str, words: &[&str]| -> Result<String, RunError> {
            let said = git(folder, &variables, doing, words, &[]).await?;
            Ok(String::from_utf8_lossy(&said).trim_end_matches('\n').to_owned())
        };
        let commit = ask("name the commit", &["rev-parse", "--verify", "HEAD^{commit}"]).await?;
        let absolute = ["rev-parse", "--path-format=absolute", "--git-path"];
        let objects = ask("find its objects", &[&absolute[..], &["objects"]].concat()).await?;
        let settings = ask("find its settings", &[&absolute[..], &["config"]].concat()).await?;
        let branch = ask("name the branch", &["symbolic-ref", "--quiet", "--short", "HEAD"]).await.ok();
        let below = ask("name the folder", &["rev-parse", "--show-prefix"]).await?;
        let object_format = ask("name its format", &["rev-parse", "--show-object-format"]).await?;
        let changed = ask("look for changes", &["status", "--porcelain", "--untracked-files=normal"]).await?;
        let listed = ["for-each-ref", "--format=create %(refname) %(objectname)"];
        let spaces = ["refs/heads", "refs/remotes", "refs/tags", "refs/notes"];
        let refs =
            git(folder, &variables, "list its refs", &[&listed[..], &spaces[..]].concat(), &[]).await?;
        let remote = ask("name its remote", &["config", "--get", "remote.origin.url"]).await.ok();
        // A path is meant from the repo's root, and jobs are elsewhere.
        let root = ask("find its root", &["rev-parse", "--show-toplevel"]).await?;
        let remote = remote.filter(|url| !url.contains(':') && !url.starts_with('/')).map(|path| {
            let full = Path::new(&root).join(&path).to_string_lossy().into_owned();
            (path, full)
        });
        Ok(Self {
            commit,
            branch,
            objects: objects.into(),
            settings: settings.into(),
            object_format,
            refs,
            remote,
            below,
            placed: Vec::new(),
            uncommitted: changed.lines().filter(|line| !line.ends_with(".landfall/")).count(),
            variables,
        })
    }

    /// The same repo, in the same folder, at another commit of it, as on this branch.
    ///
    /// # Errors
    /// [`RunError::NoCommit`] where the repo does not have it.
    pub async fn at(
        mut self,
        folder: &Path,
        commit: &CommitId,
        branch: Option<&str>,
    ) -> Result<Self, RunError> {
        let name = format!("{commit}^{{commit}}");
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
        match git(folder, &self.variables, "find the commit", &words, &[]).await {
            Ok(_) => {}
            Err(RunError::Git { .. }) => return Err(RunError::NoCommit { commit: commit.clone() }),
            Err(error) => return Err(error),
        }
        self.commit = commit.to_string();
        self.branch = branch.map(str::to_owned);
        Ok(self)
    }

    /// The same with a file that stands in each job's folder.
    pub fn with(mut self, placed: Placed) -> Self {
        self.placed.push(placed);
        self
    }

    /// Makes a job's checkout in a folder that is not there yet; the folder that the job runs in.
    ///
    /// # Errors
    /// [`RunError::Git`], [`RunError::Folder`].
    pub(crate) async fn check_out(&self, to: &Path) -> Result<PathBuf, RunError> {
        std::fs::create_dir_all(to).map_err(of_path(to, "made"))?;
        let git = async |doing: &'static str, words: &[&str], input: &[u8]| {
            git(to, &self.variables, doing, words, input).await
        };
        let branch = self.branch.as_deref().unwrap_or("landfall-run");
        let format = format!("--object-format={}", self.object_format);
        git("make a clone", &["init", "--quiet", "--template=", &format, "-b", branch], &[]).await?;
        let alternates = to.join(".git/objects/info/alternates");
        let written = std::fs::create_dir_all(to.join(".git/objects/info"))
            .and_then(|()| std::fs::write(&alternates, format!("{}\n", self.objects.display())));
        written.map_err(of_path(&alternates, "written"))?;
        // Who commits, remotes and how they are reached are as in the repo; hooks are not a clone's.
        let settings = self.settings.to_string_lossy();
        let hooks = to.join(".git/hooks");
        // A second `url` would be one more place that is pushed to, and not another one.
        let instead = self.remote.as_ref().map(|(path, full)| (format!("url.{full}.insteadOf"), path));
        for (key, value) in [
            ("include.path", Some(settings.as_ref())),
            ("core.bare", Some("false")),
            ("core.hooksPath", hooks.to_str()),
            // A clean-up here must not look at objects that are the repo's.
            ("gc.auto", Some("0")),
        ]
        .into_iter()
        .chain(instead.as_ref().map(|(key, path)| (key.as_str(), Some(path.as_str()))))
        {
            if let Some(value) = value {
                git("set the clone up", &["config", key, value], &[]).await?;
            }
        }
        git("take over the refs", &["update-ref", "--stdin"], &self.refs).await?;
        git("check the commit out", &["reset", "--quiet", "--hard", &self.commit], &[]).await?;
        let folder = to.join(&self.below);
        for placed in &self.placed {
            place(&folder.join(&placed.name), placed)?;
        }
        Ok(folder)
    }
}

/// What is there already, byte for byte, is left as git knows it.
fn place(path: &Path, placed: &Placed) -> Result<(), RunError> {
    use landfall_artifacts::{Mode, write_atomic};
    if !placed.private && std::fs::read(path).is_ok_and(|bytes| bytes == placed.bytes) {
        return Ok(());
    }
    let mode = if placed.private { Mode::Private } else { Mode::Shared };
    write_atomic(path, &placed.bytes, mode)?;
    Ok(())
}

async fn git(
    folder: &Path,
    variables: &BTreeMap<String, String>,
    doing: &'static str,
    words: &[&str],
    input: &[u8],
) -> Result<Vec<u8>, RunError> {
    let mut child = Command::new("git")
        .arg("--no-pager")
        .args(words)
        .current_dir(folder)
        .env_clear()
        .envs(variables)
        .envs([("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A signal from the terminal is ours to hear, and a half-made checkout nobody's.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(RunError::NoGit)?;
    let stdin = child.stdin.take();
    let give = async {
        if let Some(mut stdin) = stdin {
            // A child that does not read to the end says why by itself.
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), output) = tokio::join!(give, child.wait_with_output());
    let output = output.map_err(RunError::NoGit)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if said.trim().is_empty() { "it does not say why" } else { said.trim() };
    Err(RunError::Git { doing, said: landfall_secret::escape_lines(said, 5, 300) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;

    use super::{Placed, Source};
    use crate::RunError;

    fn variables() -> BTreeMap<String, String> {
        let set = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")];
        let mut set: BTreeMap<String, String> =
            set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        set.insert("PATH".to_owned(), std::env::var("PATH").expect("a path"));
        set
    }

    fn git(folder: &Path, words: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(words)
            .current_dir(folder)
            .envs(variables())
            .output()
            .expect("git");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    #[tokio::test]
    async fn a_checkout_has_the_commit_and_shares_nothing_that_can_be_changed() {
        let place = tempfile::tempdir().expect("a folder");
        let repo = place.path().join("repo");
        std::fs::create_dir_all(repo.join("app")).expect("made");
        git(&repo, &["init", "-q", "-b", "main"]);
        assert!(matches!(Source::of(&repo, variables()).await, Err(RunError::Git { .. })), "no commit yet");
        std::fs::write(repo.join("app/a.txt"), "one").expect("written");
        std::fs::write(repo.join("landfall.toml"), "").expect("written");
        git(&repo, &["add", "."]);
        git(&repo, &["commit", "-qm", "one"]);
        git(&repo, &["tag", "v1.0.0"]);
        git(&repo, &["remote", "add", "origin", "../origin.git"]);
        std::fs::write(repo.join("app/a.txt"), "not committed").expect("written");
        let placed = Placed { name: ".env".to_owned(), bytes: b"A=1".to_vec(), private: true };
        let source = Source::of(&repo.join("app"), variables()).await.expect("a repo").with(placed);
        assert_eq!((source.branch.as_deref(), source.uncommitted), (Some("main"), 1));

        let (first, second) = (place.path().join("1"), place.path().join("2"));
        let folder = source.check_out(&first).await.expect("checked out");
        assert_eq!(folder, first.join("app/"));
        assert_eq!(std::fs::read_to_string(folder.join("a.txt")).expect("read"), "one");
        assert_eq!(std::fs::read_to_string(folder.join(".env")).expect("read"), "A=1");
        assert_eq!(git(&first, &["describe", "--tags"]), "v1.0.0");
        assert_eq!(git(&first, &["status", "--porcelain", "-uno"]), "");
        assert_eq!(
            git(&first, &["remote", "get-url", "origin"]),
            format!("{}/../origin.git", repo.display())
        );
        // What one job commits, tags and sets neither another nor the repo has.
        std::fs::write(folder.join("a.txt"), "two").expect("written");
        git(&first, &["commit", "-qam", "two"]);
        git(&first, &["tag", "v2.0.0"]);
        git(&first, &["config", "a.b", "c"]);
        let other = source.check_out(&second).await.expect("checked out");
        for clone in [&second, &repo] {
            assert_eq!(git(clone, &["tag"]), "v1.0.0");
            assert_eq!(git(clone, &["log", "--format=%s"]), "one");
        }
        assert_eq!(std::fs::read_to_string(other.join("a.txt")).expect("read"), "one");
    }

    #[tokio::test]
    async fn a_checkout_may_be_of_an_earlier_commit() {
        let place = tempfile::tempdir().expect("a folder");
        let repo = place.path();
        git(repo, &["init", "-q", "-b", "main"]);
        for text in ["one", "two"] {
            std::fs::write(repo.join("a.txt"), text).expect("written");
            git(repo, &["add", "."]);
            git(repo, &["commit", "-qm", text]);
        }
        let first = git(repo, &["rev-parse", "HEAD~"]).parse().expect("a commit");
        git(repo, &["checkout", "-qb", "other"]);
        let head = || async { Source::of(repo, variables()).await.expect("a repo") };
        let source = head().await.at(repo, &first, Some("main")).await.expect("it is there");
        let folder = source.check_out(&repo.join("job")).await.expect("checked out");
        assert_eq!(std::fs::read_to_string(folder.join("a.txt")).expect("read"), "one");
        assert_eq!(git(&folder, &["rev-parse", "HEAD", "main"]), format!("{first}\n{first}"));
        assert_eq!(git(&folder, &["symbolic-ref", "--short", "HEAD"]), "main");
        let nowhere = "0123456789012345678901234567890123456789".parse().expect("a commit");
        let refused = head().await.at(repo, &nowhere, None).await.expect_err("nobody has it");
        insta::assert_snapshot!(
            format!("{refused}; {}", landfall_artifacts::Explain::remedy(&refused).expect("a remedy")),
            @"the commit 0123456789012345678901234567890123456789 of the run that is gone on with is not in this repo; fetch it, or begin a new run without --resume"
        );
    }
}
