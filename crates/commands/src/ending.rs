//! The end of a stage: verdict, report, exit code, and what a person reads.

use landfall_artifacts::{Class, Mode, OutcomeKind, Problem, write_atomic};
use landfall_cli::{LogFormat, Look, exit};
use landfall_run::{Event, Progress, Run, Signal};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};

use crate::Ended;
use crate::prepare::Ending;
use crate::report::{self, Written};

/// Writes the report and gives exit code and texts.
pub(crate) fn end(
    written: &Written,
    outcome: Outcome,
    run: &Run,
    progress: &dyn Progress,
    ending: &Ending,
    look: Look,
) -> Ended {
    let (mut finished, refused) = match outcome {
        Ok(finished) => (finished, false),
        Err(Refusal(problems)) => (Finished { problems, ..Finished::default() }, true),
    };
    for warning in &finished.warnings {
        progress.event(Event::Warning(warning.clone()));
    }
    let mut text = report_text(written, &finished, refused, run);
    if let Some(path) = &ending.report
        && let Err(error) = write_atomic(path, text.as_bytes(), Mode::Shared)
    {
        finished.problems.push(Problem::of(&error));
        text = report_text(written, &finished, refused, run);
    }
    let (_, code) = verdict(written, &finished, refused);
    let mut stdout = String::new();
    if let ToCaller::Secret(secret) = &finished.to_caller {
        // The one text that is not looked through for secrets: it is one, and the caller asked for it.
        if code == exit::DONE {
            stdout.push_str(secret.expose());
        }
    } else if matches!(finished.to_caller, ToCaller::Program { .. }) {
        // It was the program's, and stays so.
    } else if let (ToCaller::Answer { people, json }, false) = (&finished.to_caller, refused) {
        let asked = if ending.json { json } else { people };
        stdout.push_str(&run.redactor().redact(asked));
    } else if ending.json {
        stdout.push_str(&text);
    } else {
        for line in finished.lines.iter().chain((!finished.summary.is_empty()).then_some(&finished.summary)) {
            // Before it is cut: of a secret across the end its beginning would stay.
            stdout.push_str(&landfall_secret::escape(&run.redactor().redact(line), 400));
            stdout.push('\n');
        }
    }
    let problems = finished.all_problems();
    let stderr = match ending.log_format {
        // What leaves the stage a success was said as a warning.
        _ if problems.is_empty() || code == exit::DONE => String::new(),
        LogFormat::Text => {
            landfall_cli::error_page(&problems, code, &finished.changes(), run.redactor(), look.colour)
        }
        LogFormat::Json => landfall_cli::error_lines(&problems, code, &finished.changes(), run.redactor()),
    };
    Ended { code, stdout, stderr }
}

fn report_text(written: &Written, finished: &Finished, refused: bool, run: &Run) -> String {
    let (kind, code) = verdict(written, finished, refused);
    report::to_text(&report::make(written, finished, kind, code, run), run)
}

/// The kind of outcome and the exit code of what a stage did, or of its refusal.
pub(crate) fn verdict(written: &Written, finished: &Finished, refused: bool) -> (OutcomeKind, u8) {
    let (kind, class) = finished.verdict();
    if let (ToCaller::Program { code }, None) = (&finished.to_caller, class) {
        return (if *code == exit::DONE { kind } else { OutcomeKind::Failed }, *code);
    }
    let kind = if refused && kind == OutcomeKind::NothingToDo { OutcomeKind::Blocked } else { kind };
    // A passing fault of a run that was told to stop is the stop: CI must not start a cancelled job again for it.
    let class = match (class, written.signal) {
        (Some(Class::Transient), Some(Signal::Interrupt | Signal::Terminate)) => Some(Class::Interrupted),
        // The time that passed is no cancelled job: what was done then stays half done.
        (Some(Class::Interrupted), Some(Signal::Deadline)) if kind == OutcomeKind::Partial => {
            Some(Class::Partial)
        }
        (class, _) => class,
    };
    (kind, class.map_or(exit::DONE, |class| exit::of(class, written.signal)))
}
