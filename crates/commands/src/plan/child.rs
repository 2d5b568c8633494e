//! The dry run of one stage, as a child process: its own environment, its own report.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use landfall_artifacts::{Class, Problem, Report, read_bounded};
use landfall_secret::Redactor;
use tokio::process::Command;

/// Bytes of what a child said that are looked at where it left no report.
const MOST_SAID: usize = 1024 * 1024;

/// A child that is to be run.
pub(super) struct Child<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// Its arguments, without those that every dry run has.
    pub(super) arguments: &'a [String],
    /// Its whole environment.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// A folder of its own, for its report and what it says.
    pub(super) folder: &'a Path,
    /// How long it may take.
    pub(super) timeout: Duration,
}

impl Child<'_> {
    /// Runs it to its end and reads its report. It is ended with the future.
    ///
    /// # Errors
    /// The problem, where there is no report.
    pub(super) async fn run(&self, redactor: &Redactor) -> Result<Report, Problem> {
        let shown = landfall_secret::escape(
            &self.arguments.iter().take(2).cloned().collect::<Vec<_>>().join(" "),
            80,
        );
        let failed = |what: &str, cause: std::io::Error| {
            Problem::new("LF-PLAN-DRY-RUN", Class::Input, format!("`{shown}` {what}: {cause}"))
        };
        let (report, said) = (self.folder.join("report.json"), self.folder.join("said.txt"));
        let stderr = File::create(&said).map_err(|cause| failed("has no place for what it says", cause))?;
        let mut child = Command::new(self.program)
            .args(self.arguments)
            .arg("--report")
            .arg(&report)
            .env_clear()
            .envs(self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(stderr))
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| failed("cannot be started", cause))?;
        let Ok(ended) = tokio::time::timeout(self.timeout, child.wait()).await else {
            let what = format!("the dry run of `{shown}` took longer than {} s", self.timeout.as_secs());
            return Err(Problem::new("LF-PLAN-DRY-RUN", Class::Transient, what)
                .with_remedy("run again; or raise `timeout` of the job"));
        };
        let status = ended.map_err(|cause| failed("cannot be watched", cause))?;
        if let Ok(report) = Report::read(&report) {
            return Ok(report);
        }
        let class = if status.code() == Some(2) { Class::Input } else { Class::Defect };
        let what = format!("the dry run of `{shown}` left no report: {}", last_words(&said, redactor));
        Err(Problem::new("LF-PLAN-DRY-RUN", class, what))
    }
}

/// The end of what a child said, on one line.
fn last_words(said: &Path, redactor: &Redactor) -> String {
    let bytes = read_bounded(said, MOST_SAID).unwrap_or_default();
    let text = redactor.redact(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(6)).copied().collect::<Vec<_>>().join(" | ");
    landfall_secret::escape(&last, 600)
}
