//! `smoke-test`: whether a deployment works, by checks that are made until they pass or the time is over.

mod attempt;
mod check;
mod command;
mod ledger;
mod seen;
#[cfg(test)]
mod tests;

use std::time::Duration;

use landfall_artifacts::{Class, EnvironmentName, Problem, ReleaseId, SmokeCheck};
use landfall_ledger::Ledger;
use landfall_notify::News;
use landfall_run::{Event, Run};

use crate::{Finished, Item, Outcome, Output, Refusal};
pub use check::{CheckResult, Deps, Failures, Patience, Verdict, check, check_all};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The environment that is checked.
    pub environment: Option<EnvironmentName>,
    /// The release that is checked, where it is known.
    pub release: Option<ReleaseId>,
    /// The checks.
    pub checks: Vec<SmokeCheck>,
    /// Whether a check that may change something is refused.
    pub read_only: bool,
    /// How long, and how often, checks that fail are made again.
    pub patience: Patience,
}

/// How long checks that fail are made again where nothing else is said.
pub const USUAL_WINDOW: Duration = Duration::from_secs(120);

/// Makes all checks side by side, each until it passes or the time is over, and records in the ledger how it ended.
///
/// Changes nothing by itself; what the checks do is theirs.
///
/// # Errors
/// No checks; with `read_only`, checks that are not marked as such: none is made then.
pub async fn run(config: &Config, deps: &Deps, ledger: &Ledger, output: &Output, run: &Run) -> Outcome {
    allowed(&config.checks, config.read_only)?;
    let mut finished = Finished { release: config.release.clone(), ..Finished::default() };
    let count = config.checks.len();
    if output.is_dry_run() {
        for one in &config.checks {
            finished.lines.push(format!("{} would be made", one.shown()));
            finished.items.push(Item::new(one.shown(), "planned").with("readOnly", one.read_only));
        }
        finished.summary = format!("{count} checks would be made");
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: "check".into(), items: Some(count as u64) });
    let results = check_all(&config.checks, deps, config.patience, run).await;
    let is_well = results.iter().all(|result| matches!(result.verdict, Verdict::Passed));
    report(&results, &mut finished);
    match ledger::record(config, &results, ledger).await {
        Ok(recorded) => {
            finished.news = recorded.death.map(|reason| News::Died { reason });
            let item = Item::new(format!("ledger record {}", recorded.sequence), "recorded");
            // A test that failed changed nothing: its exit code is that of a check that said no.
            finished.items.push(if is_well { item.changed() } else { item });
        }
        Err(error) => finished.problems.push(error),
    }
    Ok(finished)
}

/// Whether there are checks, and all of them may be made where only reading is allowed.
///
/// # Errors
/// No checks; with `read_only`, those that are not marked as such.
pub fn allowed(checks: &[SmokeCheck], read_only: bool) -> Result<(), Refusal> {
    if checks.is_empty() {
        return Err(Refusal::one(
            Problem::new("LF-SMOKE-NONE", Class::Input, "there is no check to make").with_remedy(
                "add [[smoke]] to landfall.toml, or give checks by --check, --http, --command or --invoke",
            ),
        ));
    }
    let refused = checks.iter().filter(|check| read_only && !check.read_only);
    let problems: Vec<Problem> = refused
        .map(|check| {
            let what = format!("the check `{}` may change something, and only reading is allowed", check.shown());
            Problem::new("LF-SMOKE-READ-ONLY", Class::Refused, what)
                .with_remedy(
                    "mark it where it changes nothing: read_only = true in landfall.toml, --check '..., read_only = true' as a flag; or leave \
                     it out here by `environments`",
                )
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

fn report(results: &[CheckResult], finished: &mut Finished) {
    let mut passed = 0;
    for result in results {
        let seconds = result.took.as_secs_f64();
        let mut item = Item::new(result.name.clone(), result.word())
            .with("attempts", result.attempts)
            .with("seconds", (seconds * 1000.0).round() / 1000.0);
        item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
        match result.problem() {
            None => {
                passed += 1;
                finished
                    .lines
                    .push(format!("{} passed in {seconds:.1} s, attempt {}", result.name, result.attempts));
            }
            Some(problem) => {
                let (name, attempts) = (&result.name, result.attempts);
                finished.lines.push(match &result.verdict {
                    Verdict::Stopped(_) if attempts == 0 => format!("{name} was not made"),
                    Verdict::Stopped(_) => format!("{name} was stopped in attempt {attempts}"),
                    Verdict::Passed | Verdict::Failed(_) => {
                        format!("{name} failed after {attempts} attempts: {}", problem.what)
                    }
                });
                item = item.failed(problem);
            }
        }
        finished.items.push(item);
    }
    finished.summary = format!("{passed} of {} checks passed", results.len());
}
