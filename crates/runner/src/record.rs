//! The report of the run, as it goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use landfall_artifacts::{CommitId, EnvironmentName, Problem, RunJob, RunJobState, RunReport, RunState};
use landfall_pipeline::{Ended, Pipeline, Verdict};
use landfall_run::Clock;

use crate::error::RunError;

/// The report, written whole after every change.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) report: RunReport,
    path: PathBuf,
    begun: Instant,
}

impl Record {
    /// A run of which nothing has begun.
    pub(crate) fn new(
        folder: &crate::RunFolder,
        pipeline: &Pipeline,
        environments: Vec<EnvironmentName>,
        commit: CommitId,
        clock: Clock,
    ) -> Self {
        let job = |job: &landfall_pipeline::Job| RunJob {
            name: job.name.clone(),
            ci_stage: job.ci_stage.clone(),
            environment: job.environment.clone(),
            stages: job.stages().iter().map(|stage| stage.name.to_owned()).collect(),
            state: RunJobState::Open,
            may_fail: job.may_fail.allows(None),
            because: None,
            exit_code: None,
            tries: 0,
            started_at: None,
            duration_ms: 0,
            problems: Vec::new(),
            parts: Vec::new(),
        };
        let is_part = |job: &&landfall_pipeline::Job| {
            job.environment.as_ref().is_none_or(|name| environments.is_empty() || environments.contains(name))
        };
        let jobs = pipeline.jobs.iter().filter(is_part).map(job).collect();
        let all = || pipeline.rows.iter().map(|row| row.name.clone()).collect();
        let report = RunReport {
            id: folder.id.clone(),
            pipeline: pipeline.name.clone(),
            state: RunState::Running,
            exit_code: None,
            environments: if environments.is_empty() { all() } else { environments },
            commit,
            branch: None,
            inputs: BTreeMap::new(),
            resumes: None,
            started_at: clock.now(),
            duration_ms: 0,
            jobs,
            problems: Vec::new(),
        };
        Self { report, path: folder.path.join(RunReport::FILE), begun: Instant::now() }
    }

    /// Changes a job of the report; one of another name is passed over.
    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut RunJob)) {
        if let Some(job) = self.report.jobs.iter_mut().find(|job| job.name == name) {
            change(job);
        }
    }

    /// The run ends.
    pub(crate) fn end(&mut self, verdict: Verdict, exit_code: u8) {
        self.report.exit_code = Some(exit_code);
        self.report.state = match verdict {
            Verdict::Passed => RunState::Passed,
            Verdict::Warned => RunState::Warned,
            Verdict::Waiting => RunState::Waiting,
            Verdict::Failed => RunState::Failed,
            Verdict::Interrupted => RunState::Interrupted,
        };
    }

    /// Writes the report.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub(crate) fn save(&mut self) -> Result<(), RunError> {
        self.report.duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.report.write(&self.path)?;
        Ok(())
    }
}

/// How a job ended, as the report has it.
pub(crate) fn state(ended: Ended) -> RunJobState {
    match ended {
        Ended::Passed => RunJobState::Passed,
        Ended::Failed(_) => RunJobState::Failed,
        Ended::Stopped => RunJobState::Stopped,
        Ended::Presumed => RunJobState::Presumed,
    }
}

/// Problems, each once: parts of one job often fail alike.
pub(crate) fn distinct(problems: impl IntoIterator<Item = Problem>) -> Vec<Problem> {
    let mut distinct: Vec<Problem> = Vec::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    distinct
}
