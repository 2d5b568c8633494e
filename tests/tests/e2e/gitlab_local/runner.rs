//! A runner of GitLab's CI files on this machine: each job in a copy of its own of what is committed, run by a shell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// A pipeline that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(240);

/// What the runner makes of a job. One that did not run has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    /// It failed, and may.
    Warned,
    Failed,
}

/// A pipeline that has ended.
#[derive(Debug)]
pub(crate) struct Played {
    /// Every job that ran.
    pub(crate) jobs: BTreeMap<String, End>,
    /// What the jobs and the runner printed.
    pub(crate) told: String,
    folder: PathBuf,
}

/// What a pipeline is started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start<'s> {
    /// Variables that a person types, or that say what started it.
    pub(crate) variables: Vec<(&'s str, &'s str)>,
    /// The manual jobs that are clicked.
    pub(crate) manual: Vec<&'s str>,
    /// The jobs that are to run with those that they need; none: all. This runner, unlike GitLab, begins nothing where a job is behind a
    /// manual one that nobody clicked.
    pub(crate) only: Vec<&'s str>,
}

impl<'s> Start<'s> {
    /// By a push.
    pub(crate) fn push() -> Self {
        Self::default()
    }

    /// By the web form.
    pub(crate) fn web(environments: &'s str, versions: &'s str) -> Self {
        let typed = [("TARGET_DEPLOY_ENVIRONMENTS", environments), ("TARGET_VERSIONS_JSON", versions)];
        Self { variables: [&[("CI_PIPELINE_SOURCE", "web")][..], &typed].concat(), ..Self::default() }
    }
}

/// The runner, installed by `cargo xtask test`.
fn program() -> String {
    std::env::var("LANDFALL_GITLAB_CI_LOCAL").unwrap_or_else(|_| "gitlab-ci-local".to_owned())
}

/// Runs the pipeline of the repo in a folder. `programs` stands before the path of this process, and `home` has the project's variables.
pub(crate) async fn play(folder: &Path, programs: &Path, home: &Path, start: &Start<'_>) -> Played {
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program());
    command.args(["--force-shell-executor", "--shell-isolation", "--no-color", "--concurrency", "4"]);
    command.args(["--ignore-predefined-vars", "CI_PIPELINE_SOURCE"]);
    for (name, value) in &start.variables {
        command.arg("--variable").arg(format!("{name}={value}"));
    }
    for job in &start.manual {
        command.args(["--manual", job]);
    }
    if !start.only.is_empty() {
        command.arg("--needs").args(&start.only);
    }
    command
        .current_dir(folder)
        .env_clear()
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
        .env("HOME", home)
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().expect("the runner is installed");
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
    let (mut out, mut err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (mut told, mut complained) = (Vec::new(), Vec::new());
    let ended = async {
        let (_, _, status) =
            tokio::join!(out.read_to_end(&mut told), err.read_to_end(&mut complained), child.wait());
        status
    };
    let ended = tokio::time::timeout(LONGEST, ended).await;
    if ended.is_err() {
        // The jobs too: they are the runner's children and in its group.
        let _ = group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
    }
    let told = format!("{}{}", String::from_utf8_lossy(&complained), String::from_utf8_lossy(&told));
    let status =
        ended.unwrap_or_else(|_| panic!("the pipeline hangs:\n{told}")).expect("its end can be seen");
    let jobs = ends(&told);
    let failed = jobs.values().any(|end| *end == End::Failed);
    assert!(!jobs.is_empty() && status.success() != failed, "{status}, no job or an odd end:\n{told}");
    Played { jobs, told, folder: folder.to_owned() }
}

/// The runner ends with a line for each job.
fn ends(told: &str) -> BTreeMap<String, End> {
    let line = |line: &str| {
        let (word, rest) = line.strip_prefix(' ')?.split_once("  ")?;
        let end = match word {
            "PASS" => End::Passed,
            "WARN" => End::Warned,
            "FAIL" => End::Failed,
            _ => return None,
        };
        Some((rest.split_whitespace().next()?.to_owned(), end))
    };
    told.lines().filter_map(line).collect()
}

impl Played {
    /// The names of jobs with this end.
    pub(crate) fn names(&self, end: End) -> Vec<&str> {
        self.jobs.iter().filter(|(_, other)| **other == end).map(|(name, _)| name.as_str()).collect()
    }

    /// Panics, showing everything, where a job failed or had to be allowed to.
    #[track_caller]
    pub(crate) fn all_passed(&self) {
        let others = [self.names(End::Warned), self.names(End::Failed)].concat();
        assert!(others.is_empty(), "{others:?} did not pass:\n{}", self.told);
    }

    /// Whether a job ran.
    pub(crate) fn ran(&self, job: &str) -> bool {
        self.jobs.contains_key(job)
    }

    /// A file that a job has left for others.
    pub(crate) fn artifact(&self, job: &str, file: &str) -> String {
        let path = self.folder.join(".gitlab-ci-local/artifacts").join(job).join(file);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.told))
    }
}
