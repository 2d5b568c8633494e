//! What was found, for people at a terminal: the tree of each job.

use std::io::IsTerminal as _;

use landfall_cli::Look;
use landfall_pipeline::doctor::{Finding, Named, Verdict, place};

use super::seen::{Cause, Diagnosis, Examined, Now, Reported, remedy};
use crate::Context;
use crate::ledger::table::{Paint, Tone};

/// Where texts below a check begin.
const INDENT: &str = "      ";

/// Whether standard output is shown in colours.
pub(super) fn paint(context: &Context) -> Paint {
    let look = Look::of(context.environment(), std::io::stdout().is_terminal());
    if look.colour { Paint::Colours } else { Paint::Plain }
}

/// All of it.
pub(super) fn tree(diagnosis: &Diagnosis, paint: Paint) -> String {
    let mut text = String::new();
    for reported in &diagnosis.reported {
        text.push_str(&of_report(reported, paint));
        text.push('\n');
    }
    for examined in &diagnosis.examined {
        text.push_str(&of_job(examined, paint));
        text.push('\n');
    }
    text.push_str(&diagnosis.summary());
    text.push('\n');
    text
}

fn of_report(reported: &Reported, paint: Paint) -> String {
    let told = &reported.told;
    let name = told.job.as_ref().or(told.stage.as_ref()).map_or("a job", String::as_str);
    let place = told.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let mut text = paint.heading(&format!("what {name}{place} told"));
    for Cause { named, now } in &reported.causes {
        let (word, tone) = match now {
            Now::Still => ("is still so", Tone::Bad),
            Now::Gone => ("is so no more", Tone::Good),
            Now::NotSeen => ("was not looked at now", Tone::Doubtful),
        };
        let title = named.failure.map_or("no page is about it", |failure| failure.title);
        text.push_str(&format!("  {}: {title}\n", paint.tone(tone, word)));
        text.push_str(&of_problem(named));
    }
    text
}

fn of_job(examined: &Examined, paint: Paint) -> String {
    let patient = &examined.patient;
    let stage = if patient.job.is_some() { format!(" ({})", patient.entry.name) } else { String::new() };
    let mut text = paint.heading(&format!("{}{stage}", patient.name()));
    let width = examined.findings.iter().map(|finding| finding.check.id.len()).max().unwrap_or_default();
    for finding in &examined.findings {
        text.push_str(&of_check(finding, width, paint));
    }
    text
}

fn of_check(finding: &Finding, width: usize, paint: Paint) -> String {
    let check = finding.check;
    let line = |tone, word: &str, rest: &str| {
        let word = paint.tone(tone, &format!("{word:<11}"));
        format!("  {word}  {:<width$}  {rest}\n", check.id)
    };
    match &finding.verdict {
        Verdict::Good { at } => line(Tone::Good, "ok", at),
        Verdict::Failed { found, .. } => {
            let mut text = line(Tone::Bad, "FAILED", check.asks);
            for named in found {
                if let Some(failure) = named.failure {
                    text.push_str(&format!("{INDENT}{}: {}\n", failure.id, failure.title));
                }
                text.push_str(&of_problem(named));
            }
            text
        }
        Verdict::NotReached { after } => line(Tone::Dim, "not reached", &format!("after {after}")),
        Verdict::Skipped { why } => line(Tone::Dim, "skipped", why),
    }
}

fn of_problem(named: &Named) -> String {
    let problem = &named.problem;
    let mut text = String::new();
    for (at, line) in problem.what.lines().enumerate() {
        let code = if at == 0 { format!("[{}] ", problem.code) } else { "  ".to_owned() };
        text.push_str(&format!("{INDENT}{code}{line}\n"));
    }
    for cause in &problem.cause {
        text.push_str(&format!("{INDENT}caused by: {cause}\n"));
    }
    if let Some(remedy) = remedy(named) {
        text.push_str(&format!("{INDENT}next: {remedy}\n"));
    }
    if let Some(failure) = named.failure {
        text.push_str(&format!(
            "{INDENT}page: {}, or landfall doctor --about {}\n",
            place(failure),
            failure.id
        ));
    }
    text
}
