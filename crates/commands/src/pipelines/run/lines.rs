//! A run line by line, where there is no terminal: each line with the job before it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use landfall_artifacts::{RunJobState, RunReport};
use landfall_cli::{Look, duration_words};
use landfall_runner::{Tell, Told};

use crate::ledger::table::{Paint, Tone};

/// Longest line of a job, in characters.
const LONGEST: usize = 2000;

/// Writes to standard error.
#[derive(Debug)]
pub(super) struct Lines {
    paint: Paint,
    /// Jobs of which it was said that they are skipped or wait.
    said: Mutex<BTreeSet<String>>,
}

impl Lines {
    /// For what is around.
    pub(super) fn new(look: Look) -> Self {
        let paint = if look.colour { Paint::Colours } else { Paint::Plain };
        Self { paint, said: Mutex::default() }
    }

    /// Whether it is the first time.
    fn is_news(&self, what: String) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(what)
    }

    fn lines(&self, told: Told<'_>, report: &RunReport) -> Vec<String> {
        let of = |name: &str, text: &str| format!("{name} | {text}");
        match told {
            Told::Changed => {
                let mut lines = Vec::new();
                if self.is_news("run".to_owned()) {
                    lines.push(format!("run {} of {}", report.id, report.pipeline));
                }
                for job in &report.jobs {
                    let what = match (job.state, &job.because) {
                        (RunJobState::Skipped, Some(because)) => format!("skipped because of {because}"),
                        (RunJobState::Skipped, None) => "skipped".to_owned(),
                        (RunJobState::Waiting, _) => "waits for somebody who asks for it".to_owned(),
                        _ => continue,
                    };
                    let line = of(&job.name, &what);
                    if self.is_news(line.clone()) {
                        lines.push(self.paint.dim(&line));
                    }
                }
                lines
            }
            Told::Started(name) => {
                let tries = report.job(name).map_or(1, |job| job.tries);
                let text = if tries > 1 { format!("begins, try {tries}") } else { "begins".to_owned() };
                vec![of(name, &self.paint.tone(Tone::Head, &text))]
            }
            Told::Line { job, part, line } => {
                let part = part.map(|part| format!(" {part}")).unwrap_or_default();
                vec![of(&format!("{job}{part}"), &landfall_secret::escape(line, LONGEST))]
            }
            Told::WaitsFor { job, holder } => {
                let holder = landfall_secret::escape(holder, 60);
                vec![of(job, &format!("waits for its environment, which run {holder} has"))]
            }
            Told::Ended(name) => {
                let Some(job) = report.job(name) else { return Vec::new() };
                let (tone, text) = ended(job.state, job.exit_code, job.may_fail);
                let took = duration_words(job.duration_ms / 1000);
                vec![of(name, &format!("{} in {took}", self.paint.tone(tone, &text)))]
            }
            Told::Stopping(false) => {
                vec!["stopping: what runs ends by itself; once more kills it".to_owned()]
            }
            Told::Stopping(true) => vec!["killing what runs".to_owned()],
            Told::Asking(_) => Vec::new(),
        }
    }
}

/// How a job ended, in words.
pub(super) fn ended(state: RunJobState, code: Option<u8>, may_fail: bool) -> (Tone, String) {
    let how = match code {
        Some(code) => format!("failed with {code}"),
        None => "failed".to_owned(),
    };
    match state {
        RunJobState::Passed => (Tone::Good, "passed".to_owned()),
        RunJobState::Failed if may_fail => (Tone::Doubtful, format!("{how}, which it may")),
        RunJobState::Failed => (Tone::Bad, how),
        RunJobState::Stopped => (Tone::Doubtful, "stopped".to_owned()),
        RunJobState::Presumed => (Tone::Dim, "done before".to_owned()),
        RunJobState::Skipped => (Tone::Dim, "skipped".to_owned()),
        RunJobState::Waiting => (Tone::Doubtful, "waits".to_owned()),
        RunJobState::Running => (Tone::Usual, "running".to_owned()),
        RunJobState::Open => (Tone::Dim, "not begun".to_owned()),
    }
}

impl Tell for Lines {
    fn told(&self, told: Told<'_>, report: &RunReport) {
        let mut stderr = std::io::stderr().lock();
        for line in self.lines(told, report) {
            // A closed pipe is no reason to fail.
            let _ = writeln!(stderr, "{line}");
        }
    }
}
