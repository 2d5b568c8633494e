//! A run of a pipeline on this machine, as far as it is: what resuming it and finding its fault go by.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::file::json_file;
use crate::file_error::Problems;
use crate::instant;
use crate::json::{At, one_of, record, text_form};
use crate::name::EnvironmentName;
use crate::outcome::Problem;
use crate::pipeline_settings::PartName;
use crate::release_manifest::CommitId;
use crate::text_name::{Shard, short_text};

short_text!(
    /// The name of a run: when it began, in UTC, and four digits that tell runs of one second apart: `20261122-055148-3f2a`. Names sort
    /// by time.
    RunId,
    "a run such as 20261122-055148-3f2a",
    "^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$",
    |text| {
        let is = |part: &str, length: usize, fits: fn(&u8) -> bool| part.len() == length && part.bytes().all(|b| fits(&b));
        let hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        let parts: Vec<&str> = text.split('-').collect();
        matches!(parts.as_slice(), [day, time, end]
            if is(day, 8, u8::is_ascii_digit) && is(time, 6, u8::is_ascii_digit) && is(end, 4, hex))
    }
);

short_text!(
    /// What was typed in for a run under one name. No secret: it is written down, shown, and given to every job.
    RunInput,
    "a text without NUL of at most 128 KiB",
    "^[\\s\\S]*$",
    // No variable of a process can have more.
    |text| text.len() <= 128 * 1024 && !text.contains('\0')
);

/// A run of a pipeline, in `.landfall/runs/<id>/run-report.json`. It is written whole after every change, so that it is there too when
/// the runner was killed: it says `running` then, and nobody holds the lock on `run.lock` beside it but a run that
/// goes on with it or has its files. What it had started holds the one on `jobs.lock` until it is gone.
///
/// Paths in it are relative to its folder.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// The run.
    pub id: RunId,
    /// The pipeline.
    pub pipeline: PartName,
    /// How far it is, or how it ended.
    pub state: RunState,
    /// The exit code that goes with it (`docs/exit-codes.md`); `null` while it runs.
    pub exit_code: Option<u8>,
    /// The environments that it is for, in the order of the pipeline.
    pub environments: Vec<EnvironmentName>,
    /// The commit of the repo that its jobs see.
    pub commit: CommitId,
    /// The branch that was checked out when it began; `null` where none was.
    pub branch: Option<String>,
    /// What was typed in for it, by the names of variables such as `TARGET_VERSIONS_JSON`; known secrets are left out. Who goes on with it has
    /// the same.
    pub inputs: BTreeMap<String, RunInput>,
    /// The run that it goes on with, or takes the files of earlier jobs from.
    pub resumes: Option<RunId>,
    /// When it began.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub started_at: OffsetDateTime,
    /// How long it took until this was written, in milliseconds.
    pub duration_ms: u64,
    /// Its jobs, in the order of the pipeline.
    pub jobs: Vec<RunJob>,
    /// What went wrong with the run itself and not with a job of it.
    pub problems: Vec<Problem>,
}

/// How far a run is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It runs, or was killed.
    Running,
    /// Every job that had to run went well.
    Passed,
    /// So did all but some that were allowed to fail.
    Warned,
    /// Manual jobs are left that nobody asked for; the others went well.
    Waiting,
    /// A job failed.
    Failed,
    /// It was stopped on request.
    Interrupted,
}

/// A job of a run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunJob {
    /// Its name in the pipeline.
    pub name: String,
    /// Its stage of GitLab, under which people find it.
    pub ci_stage: String,
    /// The environment that it is for.
    pub environment: Option<EnvironmentName>,
    /// The stages of Landfall that it runs, in order; empty for a repo's own commands.
    pub stages: Vec<String>,
    /// How far it is, or how it ended.
    pub state: RunJobState,
    /// Whether the pipeline goes on where it ends as it did.
    pub may_fail: bool,
    /// The job that kept it from running.
    pub because: Option<String>,
    /// The exit code of its last try: of a job in parts the gravest. `null` where it had none, as after a timeout.
    pub exit_code: Option<u8>,
    /// How often it was tried.
    pub tries: u64,
    /// When its last try began.
    #[serde(with = "instant::or_none")]
    #[schemars(with = "Option<crate::schema::Time>")]
    pub started_at: Option<OffsetDateTime>,
    /// How long its tries took together, in milliseconds.
    pub duration_ms: u64,
    /// What went wrong: what its stages' reports say, and what the runner saw, such as a timeout.
    pub problems: Vec<Problem>,
    /// Its processes of the last try: one, or one a part.
    pub parts: Vec<RunPart>,
}

/// How far a job is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunJobState {
    /// What it needs has not ended.
    Open,
    /// It waits for somebody who asks for it.
    Waiting,
    /// It runs, or ran when the runner was killed.
    Running,
    /// It did what it was for.
    Passed,
    /// It did not.
    Failed,
    /// It was stopped on request.
    Stopped,
    /// It cannot run any more.
    Skipped,
    /// It was taken for done, since an earlier run did it or nobody wanted it now.
    Presumed,
}

/// A process of a job.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunPart {
    /// Which part of the work, where the job is split.
    pub shard: Option<Shard>,
    /// Its exit code; `null` while it runs, and where it had none.
    pub exit_code: Option<u8>,
    /// What it printed, with known secrets left out.
    pub log: String,
    /// The reports of its stages (`report.json`), those that were written.
    pub reports: Vec<String>,
    /// The folder that it ran in, as long as that is kept: of what failed.
    pub workspace: Option<String>,
}

one_of!(RunState {
    "running" => Running,
    "passed" => Passed,
    "warned" => Warned,
    "waiting" => Waiting,
    "failed" => Failed,
    "interrupted" => Interrupted,
});
one_of!(RunJobState {
    "open" => Open,
    "waiting" => Waiting,
    "running" => Running,
    "passed" => Passed,
    "failed" => Failed,
    "stopped" => Stopped,
    "skipped" => Skipped,
    "presumed" => Presumed,
});
record!(RunReport {
    id: "id",
    pipeline: "pipeline",
    state: "state",
    exit_code: "exitCode",
    environments: "environments",
    commit: "commit",
    branch: "branch",
    inputs: "inputs",
    resumes: "resumes",
    started_at: "startedAt",
    duration_ms: "durationMs",
    jobs: "jobs",
    problems: "problems",
} then check_names);
record!(RunJob {
    name: "name",
    ci_stage: "ciStage",
    environment: "environment",
    stages: "stages",
    state: "state",
    may_fail: "mayFail",
    because: "because",
    exit_code: "exitCode",
    tries: "tries",
    started_at: "startedAt",
    duration_ms: "durationMs",
    problems: "problems",
    parts: "parts",
});
record!(RunPart {
    shard: "shard",
    exit_code: "exitCode",
    log: "log",
    reports: "reports",
    workspace: "workspace",
} then check_paths);
json_file!(RunReport, Own, 16 * 1024 * 1024);

impl RunReport {
    /// The folder of all runs, below the repo's root.
    pub const RUNS: &'static str = ".landfall/runs";
    /// The name of its file in the folder of the run.
    pub const FILE: &'static str = "run-report.json";
    /// The name, in the folder of all runs, of a link to the folder of the newest.
    pub const LATEST: &'static str = "latest";
    /// The name of the file in the folder of the run that the runner holds a lock on (`flock`, exclusive).
    pub const LOCK: &'static str = "run.lock";
    /// The name of the file beside it that whatever stands over a job holds a shared lock on, and the runner too.
    pub const JOBS_LOCK: &'static str = "jobs.lock";

    /// A job by its name.
    pub fn job(&self, name: &str) -> Option<&RunJob> {
        self.jobs.iter().find(|job| job.name == name)
    }
}

/// What goes by names needs each to be one.
fn check_names(report: &RunReport, at: At<'_>, problems: &mut Problems<'_>) {
    let mut names: Vec<&str> = report.jobs.iter().map(|job| job.name.as_str()).collect();
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    if names.len() != before {
        problems.at_field(at, "jobs", "jobs with a name each");
    }
}

/// A report may come from elsewhere, and what it names is opened.
fn check_paths(part: &RunPart, at: At<'_>, problems: &mut Problems<'_>) {
    let leaves = |path: &str| {
        path.is_empty()
            || path.starts_with('/')
            || path.split('/').any(|step| step == ".." || step.is_empty())
    };
    let expected = "a path below the run's folder";
    if leaves(&part.log) {
        problems.at_field(at, "log", expected);
    }
    if part.reports.iter().any(|path| leaves(path)) {
        problems.at_field(at, "reports", "paths below the run's folder");
    }
    if part.workspace.as_deref().is_some_and(leaves) {
        problems.at_field(at, "workspace", expected);
    }
}

#[cfg(test)]
mod tests {
    use super::{RunId, RunJobState, RunReport, RunState};

    const SAMPLE: &str = include_str!("../samples/v1/run-report.json");

    #[test]
    fn runs_have_names_that_sort_by_time() {
        assert!("20261122-055148-3f2a".parse::<RunId>().is_ok());
        for odd in ["", "latest", "20261122-055148", "20261122-055148-3F2A", "20261122-05514-3f2aa", "../x"] {
            assert!(odd.parse::<RunId>().is_err(), "{odd}");
        }
    }

    #[test]
    fn every_state_is_read_as_it_is_written() {
        let mut report = RunReport::parse(SAMPLE.as_bytes(), "sample").expect("valid");
        for state in RunState::ALL {
            report.state = *state;
            for job in RunJobState::ALL {
                report.jobs[0].state = *job;
                assert_eq!(RunReport::parse(&report.to_bytes(), "again").expect("valid"), report);
            }
        }
    }

    #[test]
    fn a_report_names_nothing_outside_of_its_folder() {
        let mut report = RunReport::parse(SAMPLE.as_bytes(), "sample").expect("valid");
        report.jobs[1].parts[0].log = "../../../etc/passwd".to_owned();
        report.jobs[1].parts[0].workspace = Some("/tmp".to_owned());
        let twice = report.jobs[0].clone();
        report.jobs.push(twice);
        let refused = RunReport::parse(&report.to_bytes(), "run-report.json").expect_err("bad").to_string();
        insta::assert_snapshot!(refused, @r"
        3 problems in run-report.json
          /jobs at 18:11: found a list of 4, expected jobs with a name each
          /jobs/1/parts/0/log at 69:18: found `../../../etc/passwd`, expected a path below the run's folder
          /jobs/1/parts/0/workspace at 73:24: found `/tmp`, expected a path below the run's folder
        ");
    }
}
