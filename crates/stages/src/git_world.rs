//! Real repos of git for tests: a bare one that stands for the remote, and clones of it, apart from the user's settings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use landfall_run::{Clock, Run};
use time::macros::datetime;

use crate::{Finished, Outcome};

/// A bare repo and clones of it.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// A clone, or the bare repo itself.
pub(crate) struct Repo {
    pub(crate) path: PathBuf,
    variables: BTreeMap<String, String>,
}

impl World {
    /// A remote with one commit on `main`: functions `orders` and `pay`, of which both use the library `shared`.
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a folder") };
        let bare = world.bare();
        fs::create_dir(&bare.path).expect("a folder");
        bare.git(&["init", "--quiet", "--bare", "--initial-branch=main"]);
        let seed = world.clone_as("seed");
        for (name, version) in [("orders", "0.0.0"), ("pay", "2.1.0")] {
            let json = format!(
                "{{\r\n\t\"name\": \"{name}\",  \"version\":\"{version}\",\r\n\t\"implicitDependencies\": [\"shared\"] }}\r\n"
            );
            seed.write(&format!("functions/{name}/project.json"), &json);
            seed.write(
                &format!("functions/{name}/package.json"),
                &format!(
                    "{{\n  \"name\": \"@acme/{name}\",\n  \"version\": \"{version}\",\n  \"x\": 1.50\n}}\n"
                ),
            );
        }
        seed.write("libs/shared/project.json", "{ \"name\": \"shared\" }\n");
        seed.write("nx.json", "{}\n");
        seed.commit("chore: begin");
        seed.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        world
    }

    /// The remote.
    pub(crate) fn bare(&self) -> Repo {
        self.repo("remote.git")
    }

    /// A new clone, on `main`.
    pub(crate) fn clone_as(&self, name: &str) -> Repo {
        let repo = self.repo(name);
        let bare = self.bare();
        bare.git(&["clone", "--quiet", ".", &repo.path.to_string_lossy()]);
        repo
    }

    /// A new clone, with `HEAD` on a commit by itself, as CI has it.
    pub(crate) fn detached(&self, name: &str, commit: &str) -> Repo {
        let repo = self.clone_as(name);
        repo.git(&["checkout", "--quiet", "--detach", commit]);
        repo
    }

    /// Makes the remote run this for every ref that is pushed; `$1` is the ref.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.bare().path.join("hooks").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// A folder of the world that is in no repo.
    pub(crate) fn outside(&self) -> &Path {
        self.folder.path()
    }

    fn repo(&self, name: &str) -> Repo {
        let home = self.folder.path().to_string_lossy().into_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        let variables = [
            ("PATH", path.as_str()),
            ("HOME", home.as_str()),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.com"),
            ("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z"),
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.com"),
            ("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Repo { path: self.folder.path().join(name), variables }
    }
}

impl Repo {
    /// What git prints; it must end well.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.path)
            .env_clear()
            .envs(&self.variables)
            .output()
            .expect("git starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path.join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
    }

    /// Commits all files with this message, also an odd one; the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        let file = self.path.join(".git/message");
        fs::write(&file, message).expect("a file");
        self.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--allow-empty-message",
            "--cleanup=verbatim",
            "-F",
            &file.to_string_lossy(),
        ]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Changes a file, commits it with this message, and pushes it to `main`; the commit's id.
    pub(crate) fn change(&self, path: &str, message: &str) -> String {
        self.write(path, message);
        let id = self.commit(message);
        self.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        id
    }

    /// All refs with their objects, and whether something is not committed.
    pub(crate) fn state(&self) -> String {
        let refs = self.git(&["for-each-ref"]);
        format!("{refs}\n{}", self.git(&["rev-parse", "HEAD"]))
    }

    /// The names of tags, in order.
    pub(crate) fn tags(&self) -> String {
        self.git(&["for-each-ref", "--format=%(refname:strip=2)", "refs/tags/"]).replace('\n', " ")
    }

    /// Variables of the environment, as a stage is given them.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        self.variables.clone()
    }
}

/// A run at a fixed time.
pub(crate) fn run_handle() -> Run {
    Run::builder().clock(Clock::fixed(datetime!(2026-11-21 12:00 UTC))).build()
}

/// How a stage ended, as a person sees it, ids left out.
pub(crate) fn told(outcome: &Outcome) -> String {
    match outcome {
        Ok(finished) => ended(finished),
        Err(refusal) => {
            let mut text = String::new();
            for problem in &refusal.0 {
                let _ = writeln!(text, "{} {:?}: {}", problem.code, problem.class, problem.told());
                let _ = writeln!(text, "  next: {}", problem.remedy.as_deref().unwrap_or("-"));
            }
            without_ids(text.trim_end())
        }
    }
}

fn ended(finished: &Finished) -> String {
    let warnings = finished.warnings.iter().map(|warning| format!("warning: {warning}"));
    let lines = finished.lines.iter().cloned().chain(warnings).chain([finished.summary.clone()]);
    without_ids(&lines.collect::<Vec<_>>().join("\n"))
}

/// Ids of commits as `<id>`.
pub(crate) fn without_ids(text: &str) -> String {
    let is_id = |word: &str| {
        word.len() >= 8
            && word.bytes().all(|b| b.is_ascii_hexdigit())
            && word.bytes().any(|b| b.is_ascii_digit())
    };
    let mut shown = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else {
            shown.push_str(if is_id(&word) { "<id>" } else { &word });
            shown.push(c);
            word.clear();
        }
    }
    shown.trim_end_matches('\n').to_owned()
}
