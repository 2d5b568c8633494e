//! A run on a terminal: its stages and their jobs, each with what it printed last, drawn again in place.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use landfall_artifacts::{RunJob, RunJobState, RunReport};
use landfall_cli::{Look, Screen, Size, cut, duration_words};
use landfall_runner::{Tell, Told};

use super::lines::ended;
use crate::ledger::table::{Paint, Tone};

/// Rows of the terminal that stay free.
const FREE: usize = 2;

/// Draws on standard error.
#[derive(Debug)]
pub(super) struct Tree {
    paint: Paint,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    screen: Screen,
    report: Option<RunReport>,
    last: BTreeMap<String, String>,
    begun: BTreeMap<String, Instant>,
    is_asking: bool,
}

impl Tree {
    /// For what is around.
    pub(super) fn new(look: Look) -> Self {
        let paint = if look.colour { Paint::Colours } else { Paint::Plain };
        let state = State {
            screen: Screen::stderr(),
            report: None,
            last: BTreeMap::new(),
            begun: BTreeMap::new(),
            is_asking: false,
        };
        Self { paint, state: Mutex::new(state) }
    }

    /// Draws it again, for durations go on.
    pub(super) fn tick(&self) {
        self.with(|_| {});
    }

    /// Takes the tree away; what is to stay is printed below by somebody else.
    pub(super) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_asking = true;
        state.screen.draw(Vec::new());
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if state.is_asking {
            return;
        }
        let size = state.screen.size();
        let lines = match &state.report {
            Some(report) => lines(report, &state.last, &state.begun, size, self.paint),
            None => Vec::new(),
        };
        state.screen.draw(lines);
    }
}

impl Tell for Tree {
    fn told(&self, told: Told<'_>, report: &RunReport) {
        self.with(|state| {
            if !matches!(told, Told::Line { .. }) {
                state.report = Some(report.clone());
            }
            match told {
                Told::Changed => {}
                Told::Started(job) => {
                    state.begun.insert(job.to_owned(), Instant::now());
                }
                Told::Line { job, part, line } => {
                    let part = part.map(|part| format!("{part} ")).unwrap_or_default();
                    state
                        .last
                        .insert(job.to_owned(), format!("{part}{}", landfall_secret::escape(line, 400)));
                }
                Told::WaitsFor { job, holder } => {
                    let holder = landfall_secret::escape(holder, 60);
                    state.last.insert(job.to_owned(), format!("waits for run {holder}"));
                }
                Told::Ended(job) => {
                    state.begun.remove(job);
                    state.last.remove(job);
                }
                Told::Stopping(false) => {
                    state.screen.print("stopping: what runs ends by itself; Ctrl-C kills it\n");
                }
                Told::Stopping(true) => state.screen.print("killing what runs\n"),
                Told::Asking(is_asking) => {
                    if is_asking {
                        state.screen.draw(Vec::new());
                    }
                    state.is_asking = is_asking;
                }
            }
        });
    }
}

/// The lines of the tree; where the terminal has fewer rows, first what has not begun goes, then what went well.
fn lines(
    report: &RunReport,
    last: &BTreeMap<String, String>,
    begun: &BTreeMap<String, Instant>,
    size: Size,
    paint: Paint,
) -> Vec<String> {
    let room = size.rows.saturating_sub(FREE).max(1);
    let weights = [0, 1, 2, 3];
    let mut shown = weights.iter().map(|least| tree(report, *least, last, begun, size.columns, paint));
    let fitting = shown.clone().find(|lines| lines.len() <= room);
    fitting.or_else(|| shown.next_back()).unwrap_or_default().into_iter().take(room).collect()
}

/// How much a job matters to who watches.
fn weight(job: &RunJob) -> u8 {
    match job.state {
        RunJobState::Open | RunJobState::Presumed | RunJobState::Skipped => 0,
        RunJobState::Passed => 1,
        RunJobState::Waiting | RunJobState::Stopped => 2,
        RunJobState::Failed | RunJobState::Running => 3,
    }
}

fn tree(
    report: &RunReport,
    least: u8,
    last: &BTreeMap<String, String>,
    begun: &BTreeMap<String, Instant>,
    columns: usize,
    paint: Paint,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut stage = "";
    let width = columns.saturating_sub(1).max(20);
    for job in report.jobs.iter().filter(|job| weight(job) >= least) {
        if job.ci_stage != stage {
            stage = &job.ci_stage;
            lines.push(paint.tone(Tone::Head, &cut(stage, width)));
        }
        let (tone, word) = ended(job.state, job.exit_code, job.may_fail);
        let running = begun.get(&job.name).map(|begun| begun.elapsed().as_secs());
        let seconds = running.or((job.duration_ms > 0).then_some(job.duration_ms / 1000));
        let took = seconds.map(|seconds| format!(" {}", duration_words(seconds))).unwrap_or_default();
        let said = last.get(&job.name).map(|line| format!("  {line}")).unwrap_or_default();
        let mark = match tone {
            Tone::Good => "+",
            Tone::Bad => "x",
            Tone::Doubtful => "!",
            Tone::Usual | Tone::Head => ">",
            Tone::Dim => "-",
        };
        // Colour begins and ends within what is not cut.
        let head = cut(&format!("  {mark} {} {word}{took}", job.name), width);
        let rest = width.saturating_sub(landfall_cli::columns(&head));
        lines.push(format!("{}{}", paint.tone(tone, &head), paint.dim(&cut(&said, rest))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::RunReport;
    use landfall_cli::Size;

    use super::lines;
    use crate::ledger::table::Paint;

    fn report() -> RunReport {
        let text = include_str!("../../../../artifacts/samples/v1/run-report.json");
        RunReport::parse(text.as_bytes(), "sample").expect("valid")
    }

    #[test]
    fn stages_jobs_and_last_words_fit_the_terminal() {
        let last = BTreeMap::from([("deploy-lambda-staging-eu".to_owned(), "updating".to_owned())]);
        let drawn = |columns: usize, rows: usize| {
            lines(&report(), &last, &BTreeMap::new(), Size { columns, rows }, Paint::Plain).join("\n")
        };
        insta::assert_snapshot!(drawn(80, 24), @r"
        build
          + build passed 41 s
        deploy-staging
          x deploy-lambda-staging-eu failed with 3 1 s  updating
        post-deploy
          - create-jira-tickets-staging-eu skipped
        ");
        insta::assert_snapshot!(drawn(30, 5), @r"
        deploy-staging
          x deploy-lambda-staging-eu…
        ");
    }
}
