//! What changed since a branch was left, on real repositories.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use landfall_artifacts::Explain as _;
use landfall_versioning::{GitDiff, GitDiffError};
use tempfile::TempDir;

fn variables(home: &Path) -> BTreeMap<String, String> {
    let home = home.to_string_lossy().into_owned();
    [
        ("PATH", std::env::var("PATH").expect("a PATH")),
        ("HOME", home),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ("GIT_CONFIG_SYSTEM", "/dev/null".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A repository of its own.
struct Repo {
    folder: TempDir,
}

impl Repo {
    fn new() -> Self {
        let repo = Self { folder: tempfile::tempdir().expect("a folder") };
        repo.git(&["init", "-q", "-b", "main", "."]);
        repo
    }

    fn git(&self, words: &[&str]) {
        let status = Command::new("git")
            .args([
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@example.com",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(variables(self.folder.path()))
            .status()
            .expect("git starts");
        assert!(status.success(), "git {words:?}");
    }

    fn commit(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "feat: x"]);
    }

    fn read(&self) -> GitDiff {
        GitDiff::new(self.folder.path(), &variables(self.folder.path())).at_top().expect("a repository")
    }
}

fn bases(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn paths_that_differ_since_the_branch_was_left() {
    let repo = Repo::new();
    repo.commit(&[("a", "1"), ("b/\u{e9} \"x\"\n", "1"), ("moved", "the same text in both places\n")]);
    repo.git(&["switch", "-q", "-c", "feature"]);
    repo.commit(&[("b/\u{e9} \"x\"\n", "2"), ("-c", "1")]);
    repo.git(&["mv", "moved", "there"]);
    repo.commit(&[]);
    repo.git(&["switch", "-q", "main"]);
    repo.commit(&[("of-main-alone", "1")]);
    repo.git(&["switch", "-q", "--detach", "feature"]);
    let git = repo.read();
    let (base, name) = git.merge_base(&bases(&["origin/main", "main"])).expect("they meet");
    assert_eq!(name, "main");
    assert_eq!(git.changed_since(&base).expect("paths"), ["-c", "b/\u{e9} \"x\"\n", "moved", "there"]);
    assert_eq!(git.files().expect("paths"), ["-c", "a", "b/\u{e9} \"x\"\n", "there"]);
    assert_eq!(git.file_at(&base, "a").expect("asked"), Some(b"1".to_vec()));
    assert_eq!(git.file_at(&base, "there").expect("asked"), None);
    assert_eq!(git.uncommitted().expect("asked"), 0);
    fs::write(repo.folder.path().join("a"), "3").expect("written");
    fs::write(repo.folder.path().join("unknown to git"), "3").expect("written");
    assert_eq!(git.uncommitted().expect("asked"), 1);
    fs::write(repo.folder.path().join(".gitignore"), "*.log\n").expect("written");
    fs::write(repo.folder.path().join("x.log"), "ignored").expect("written");
    assert_eq!(git.not_of_head().expect("asked"), [".gitignore", "a", "unknown to git"]);
    // Asked from a folder below, the answer is the same.
    let below = GitDiff::new(&repo.folder.path().join("b"), &variables(repo.folder.path()));
    assert_eq!(below.at_top().expect("a repository").files().expect("paths").len(), 4);
}

#[test]
fn names_are_never_options() {
    let repo = Repo::new();
    repo.commit(&[("a", "1")]);
    let git = repo.read();
    for hostile in ["--all", "-h", "--output=/tmp/x", "$(touch x)", "a\nb", "", "main:a"] {
        let error = git.merge_base(&bases(&[hostile])).expect_err("no such branch");
        assert!(matches!(error, GitDiffError::NoBase { .. }), "{hostile}: {error}");
    }
    assert_eq!(fs::read_dir(repo.folder.path()).expect("listed").count(), 2);
}

#[test]
fn a_repository_cannot_make_git_run_anything() {
    let repo = Repo::new();
    repo.commit(&[("a", "1"), (".gitattributes", "* diff=evil\n")]);
    let hook = repo.folder.path().join("hook.sh");
    fs::write(&hook, "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\n").expect("written");
    let mut mode = fs::metadata(&hook).expect("there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    fs::set_permissions(&hook, mode).expect("set");
    let program = hook.to_string_lossy().into_owned();
    for key in ["core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv", "core.pager"] {
        repo.git(&["config", key, &program]);
    }
    let git = repo.read();
    let (base, _) = git.merge_base(&bases(&["main"])).expect("they meet");
    git.changed_since(&base).expect("paths");
    git.files().expect("paths");
    git.uncommitted().expect("asked");
    assert!(!repo.folder.path().join("ran").exists());
}

#[test]
fn what_cannot_be_said_is_refused_with_what_mends_it() {
    let mut shown = String::new();
    let mut show = |error: &GitDiffError, folder: &Path| {
        let folder = folder.to_string_lossy();
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let line = format!("{} {error}{cause}; try: {}\n", error.code(), error.remedy().unwrap_or_default());
        shown.push_str(&line.replace(&*folder, "<folder>"));
    };
    let nowhere = tempfile::tempdir().expect("a folder");
    let none = GitDiff::new(nowhere.path(), &variables(nowhere.path()));
    show(&none.at_top().expect_err("no repository"), nowhere.path());
    show(
        &GitDiff::new(nowhere.path(), &[("PATH".to_owned(), "/nowhere".to_owned())].into())
            .at_top()
            .expect_err("no git"),
        nowhere.path(),
    );

    let repo = Repo::new();
    repo.commit(&[("a", "1")]);
    show(&repo.read().merge_base(&bases(&["origin/main", "trunk"])).expect_err("no branch"), nowhere.path());
    repo.git(&["switch", "-q", "--orphan", "other"]);
    repo.commit(&[("b", "1")]);
    show(&repo.read().merge_base(&bases(&["main"])).expect_err("nothing in common"), nowhere.path());

    // The two branches of a clone that is cut off do not meet.
    let repo = Repo::new();
    repo.commit(&[("a", "1")]);
    repo.git(&["switch", "-q", "-c", "feature"]);
    repo.commit(&[("b", "1")]);
    repo.commit(&[("b", "2")]);
    repo.git(&["switch", "-q", "main"]);
    repo.commit(&[("a", "2")]);
    let clone = Repo { folder: tempfile::tempdir().expect("a folder") };
    let url = format!("file://{}", repo.folder.path().display());
    clone.git(&["clone", "-q", "--depth", "1", "--no-single-branch", "-b", "feature", &url, "."]);
    show(&clone.read().merge_base(&bases(&["origin/main"])).expect_err("cut off"), nowhere.path());
    clone.git(&["fetch", "-q", "--unshallow"]);
    assert!(clone.read().merge_base(&bases(&["origin/main"])).is_ok());
    insta::assert_snapshot!(shown, @r"
    LF-GIT-REPOSITORY <folder> is not in a git repository: fatal: not a git repository (or any of the parent directories): .git; try: run in the repo; where git names safe.directory, do what it says
    LF-GIT-START git cannot be started: No such file or directory (os error 2); try: install git where this job runs
    LF-GIT-BASE there is no `origin/main`, and no `trunk`; try: fetch it (git fetch origin main:refs/remotes/origin/main), or name another by --base
    LF-GIT-MERGE-BASE HEAD and main have no commit in common; try: name another branch by --base, or take all images by --all
    LF-GIT-SHALLOW the clone is shallow, and does not reach back to where HEAD left origin/main; try: set GIT_DEPTH: 0 for this job (GitHub: fetch-depth: 0), or run git fetch --unshallow
    ");
}
