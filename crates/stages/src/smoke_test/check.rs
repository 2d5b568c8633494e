//! Checks as a library: also for stages that let a check decide whether they go on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, EnvironmentName, NameTemplate, Problem, SmokeCheck};
use landfall_lambda_deploy::LambdaClient;
use landfall_run::{Event, Run, Signal};
use landfall_transport::Http;
use tokio::time::Instant;

use super::attempt::attempt;
use super::seen::Seen;

/// Checks that are made at a time.
const AT_ONCE: usize = 8;

/// How long one try may take where the check does not say it.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A try gets that much time also at the very end, so that each check is made once.
const LEAST_TIMEOUT: Duration = Duration::from_millis(100);

/// What checks are made with.
#[derive(Clone, Debug, Default)]
pub struct Deps {
    /// For checks by HTTP.
    pub http: Option<Http>,
    /// For checks by invocation.
    pub lambda: Option<LambdaClient>,
    /// How the environment names its functions.
    pub function_name: Option<(NameTemplate, EnvironmentName)>,
    /// The whole environment of commands.
    pub variables: BTreeMap<String, String>,
}

/// How long, and how often, a check that fails is made again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first try on. The run's own deadline ends it earlier.
    pub window: Duration,
    /// The first pause; each next one is half as long again.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            window: super::USUAL_WINDOW,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// How a check ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// As it should.
    Passed,
    /// Not as it should, each time; this was seen at last.
    Failed(Seen),
    /// The run was asked to stop before it passed; this was seen at last, where anything was.
    Stopped(Option<Seen>),
}

/// One check and how it ended.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// What it is called.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// How often it was made.
    pub attempts: u64,
    /// From the first try to the end.
    pub took: Duration,
}

impl CheckResult {
    pub(super) fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Stopped(_) if self.attempts == 0 => "not-tried",
            Verdict::Stopped(_) => "stopped",
        }
    }

    /// What is wrong, with what was seen; `None` where the check passed.
    pub fn problem(&self) -> Option<Problem> {
        match &self.verdict {
            Verdict::Passed => None,
            Verdict::Failed(seen) => {
                let mut problem = Problem::new(
                    "LF-SMOKE-FAILED",
                    Class::Refused,
                    format!("the check `{}` failed: {}", self.name, seen.what),
                )
                .with_remedy(seen.remedy.clone().unwrap_or_else(|| {
                    "look at the deployment; where it only needs longer, raise --within".to_owned()
                }));
                problem.cause.clone_from(&seen.lines);
                Some(problem)
            }
            Verdict::Stopped(seen) => {
                let what = format!("stopped before the check `{}` passed", self.name);
                let mut problem =
                    Problem::new("LF-STOPPED", Class::Interrupted, what).with_remedy("run again");
                if let Some(seen) = seen {
                    problem.cause.push(seen.what.clone());
                    problem.cause.extend(seen.lines.iter().cloned());
                }
                Some(problem)
            }
        }
    }
}

/// Checks that did not pass.
#[derive(Clone, Debug)]
pub struct Failures(pub Vec<CheckResult>);

impl Failures {
    /// What is wrong, check by check.
    pub fn problems(&self) -> Vec<Problem> {
        self.0.iter().filter_map(CheckResult::problem).collect()
    }
}

impl From<Failures> for Problem {
    /// One problem that names all checks that did not pass, and what was seen. Where none failed and the run was stopped, that is no
    /// word on the deployment.
    fn from(failures: Failures) -> Self {
        let is_failed = failures.0.iter().any(|result| matches!(result.verdict, Verdict::Failed(_)));
        let what = failures.to_string();
        let mut problem = if is_failed {
            Self::new("LF-SMOKE-FAILED", Class::Refused, what)
                .with_remedy("look at the deployment; what was put back the report says")
        } else {
            Self::new("LF-STOPPED", Class::Interrupted, what).with_remedy("run again")
        };
        for one in failures.problems() {
            problem.cause.push(one.what);
            problem.cause.extend(one.cause);
        }
        problem
    }
}

impl std::fmt::Display for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|result| result.name.as_str()).collect();
        write!(f, "{} checks did not pass: {}", names.len(), names.join(", "))
    }
}

impl std::error::Error for Failures {}

/// Makes all checks and says whether all passed, with the usual patience.
///
/// # Errors
/// Every check that did not pass, with what was seen.
pub async fn check(checks: &[SmokeCheck], deps: &Deps, run: &Run) -> Result<(), Failures> {
    let results = check_all(checks, deps, Patience::default(), run).await;
    let failed: Vec<CheckResult> =
        results.into_iter().filter(|result| !matches!(result.verdict, Verdict::Passed)).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failures(failed)) }
}

/// Makes all checks, several side by side, each until it passes or the time is over; gives them in their order.
pub async fn check_all(
    checks: &[SmokeCheck],
    deps: &Deps,
    patience: Patience,
    run: &Run,
) -> Vec<CheckResult> {
    let mut under_way = Vec::new();
    for check in checks {
        under_way.push(until_it_passes(check, deps, patience, run));
    }
    futures_util::stream::iter(under_way).buffered(AT_ONCE).collect().await
}

async fn until_it_passes(check: &SmokeCheck, deps: &Deps, patience: Patience, run: &Run) -> CheckResult {
    let name = run.redactor().redact(&check.shown());
    run.progress().event(Event::Started { item: name.clone(), size_bytes: None });
    let begun = Instant::now();
    let (mut attempts, mut pause) = (0, patience.first_pause);
    let mut last = None;
    let verdict = loop {
        if was_stopped(run) {
            break Verdict::Stopped(last);
        }
        attempts += 1;
        let wanted = check.timeout.unwrap_or(USUAL_TIMEOUT);
        let longest = wanted.min(left(begun, patience, run)).max(LEAST_TIMEOUT);
        let tried = Instant::now();
        let seen = tokio::select! {
            // First, since a stop has some tries end too, as failed ones.
            biased;
            () = run.stop().wait() => None,
            seen = attempt(check, deps, longest, run) => Some(seen),
        };
        let is_cut = run.stop().requested().is_some() || (longest < wanted && tried.elapsed() >= longest);
        let seen = match seen {
            Some(Ok(())) => break Verdict::Passed,
            Some(Err(seen)) if was_stopped(run) => break Verdict::Stopped(last.or(Some(seen))),
            None if was_stopped(run) => break Verdict::Stopped(last),
            seen => {
                // What the check saw before says more than that the time was over.
                let before = last.take().filter(|_| is_cut).map(Seen::and_cut);
                before
                    .or_else(|| seen.and_then(Result::err))
                    .unwrap_or_else(|| Seen::new("the time was over before an answer came"))
            }
        };
        let again = check.retry.unwrap_or(true) && !seen.is_final && run.stop().requested().is_none();
        if !again || left(begun, patience, run) <= pause {
            break Verdict::Failed(seen);
        }
        run.counters().retry();
        run.progress().event(Event::Retrying {
            what: name.clone(),
            why: seen.what.clone(),
            attempt: u32::try_from(attempts + 1).unwrap_or(u32::MAX),
            pause,
        });
        last = Some(seen);
        tokio::select! {
            () = run.clock().sleep(pause) => {}
            () = run.stop().wait() => {}
        }
        pause = (pause * 3 / 2).min(patience.longest_pause);
    };
    let result = CheckResult { name: name.clone(), verdict, attempts, took: begun.elapsed() };
    run.progress().event(Event::Finished { item: name, result: result.word().to_owned() });
    result
}

/// Whether a person or CI asked for the end. A deadline that passes is a check that failed.
fn was_stopped(run: &Run) -> bool {
    matches!(run.stop().requested(), Some(Signal::Interrupt | Signal::Terminate))
}

/// What is left of the time.
fn left(begun: Instant, patience: Patience, run: &Run) -> Duration {
    let window = patience.window.saturating_sub(begun.elapsed());
    run.time_left().map_or(window, |left| left.min(window))
}
