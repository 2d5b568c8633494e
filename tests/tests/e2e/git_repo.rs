//! Worlds whose repo is a clone of a bare one, as a job of CI has it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::World;

impl World {
    /// A small world in git: two functions, of which `orderService` uses the library `money`. The remote lies in [`World::remote`].
    pub(crate) async fn in_git() -> Self {
        let mut world = Self::small().await;
        world.has_committer();
        world.write("libs/money/project.json", "{ \"name\": \"money\" }\n");
        world.write("libs/money/index.js", "exports.add = (one, other) => one + other;\n");
        let code = world.read("functions/order-service/src/index.js");
        let import = "const { add } = require('../../../libs/money/index.js');\n";
        world.write("functions/order-service/src/index.js", &format!("{import}{code}"));
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.git(&["add", "--all"]);
        world.git(&["commit", "--quiet", "--message=chore: begin"]);
        let bare = world.remote().display().to_string();
        world.git(&["clone", "--quiet", "--bare", ".", &bare]);
        world.git(&["remote", "add", "origin", &bare]);
        world.git(&["fetch", "--quiet", "origin"]);
        world.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
        world
    }

    /// Another clone of the same remote, as a second job has it.
    pub(crate) async fn beside(&self) -> Self {
        let mut other = Self::small().await;
        other.has_committer();
        other.clone_anew(&["clone", "--quiet"], &self.remote().display().to_string());
        other
    }

    /// Puts a new clone in the place of the repo.
    pub(crate) fn clone_anew(&self, words: &[&str], from: &str) {
        for entry in std::fs::read_dir(self.repo.path()).expect("the repo").flatten() {
            let path = entry.path();
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
                .expect("removed");
        }
        self.git(&[words, &[from, "."]].concat());
    }

    /// The bare repo of a world that was made by [`World::in_git`].
    pub(crate) fn remote(&self) -> PathBuf {
        self.home.path().join("remote.git")
    }

    /// What git prints, run in the repo; it must end well.
    pub(crate) fn git(&self, words: &[&str]) -> String {
        self.git_in(self.repo.path(), words)
    }

    /// What git prints, run in the remote.
    pub(crate) fn git_there(&self, words: &[&str]) -> String {
        self.git_in(&self.remote(), words)
    }

    fn git_in(&self, folder: &Path, words: &[&str]) -> String {
        let output = Command::new("git")
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path().join("home"))
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "ann@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ann"), ("GIT_COMMITTER_EMAIL", "ann@example.com")])
            .output()
            .expect("git starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {words:?}: {told}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Changes a file, commits it alone, and pushes it to `main`.
    pub(crate) fn change(&self, path: &str, message: &str) {
        self.write(path, &format!("// {message}\n"));
        self.git(&["add", path]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    }

    /// The names of the remote's tags, in order.
    pub(crate) fn tags_there(&self) -> String {
        self.git_there(&["for-each-ref", "--format=%(refname:strip=2)", "refs/tags/"]).replace('\n', " ")
    }

    /// Makes the remote run this; see githooks(5).
    pub(crate) fn hook(&self, name: &str, script: &str) {
        executable(&self.remote().join("hooks").join(name), script);
    }

    /// `versions.json` as `name version`, separated by commas.
    pub(crate) fn versions(&self) -> String {
        let versions = self.json("versions.json");
        let shown = versions
            .as_object()
            .expect("an object")
            .iter()
            .map(|(name, project)| format!("{name} {}", project["version"].as_str().unwrap_or_default()));
        shown.collect::<Vec<_>>().join(", ")
    }

    fn has_committer(&mut self) {
        self.set("GIT_CONFIG_GLOBAL", "/dev/null");
        self.set("GIT_CONFIG_NOSYSTEM", "1");
        self.set("GIT_COMMITTER_NAME", "Release Bot");
        self.set("GIT_COMMITTER_EMAIL", "bot@example.com");
    }
}

/// Writes a script of the shell.
pub(crate) fn executable(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// Compares what a person sees with an inline snapshot, save ids of commits.
macro_rules! seen {
    ($text:expr, @$snapshot:literal) => {
        insta::with_settings!({
            filters => [
                (r"\b[0-9a-f]{40}\b", "[commit]"),
                (r"\b([0-9a-f]{8}|[0-9a-f]{12})\b", "[commit]"),
                (r"after \d+ s\b", "after [n] s"),
            ],
        }, { insta::assert_snapshot!($text, @$snapshot) });
    };
}

pub(crate) use seen;
