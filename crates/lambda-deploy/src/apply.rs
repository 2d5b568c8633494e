//! Carrying out a plan: all functions, then their traffic, and back again where that goes wrong.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{AliasName, Class, Digest, Problem, ReleaseId};
use landfall_run::{Event, Run, Signal};

use crate::deploy::{Deployment, Together};
use crate::put_back::{AliasBefore, PutBack, Undoes, code_of, put_back};
use crate::result::{FunctionResult, Outcome};
use crate::{Action, Archive, Desired, LambdaClient, Plan, Step, Traffic, shift};

/// What a failed function means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Those whose turn has not come are left alone. No traffic is moved.
    #[default]
    Stop,
    /// They are updated all the same, and their traffic is moved.
    Continue,
    /// Those whose turn has not come are left alone, and all that were changed are put back.
    Rollback,
}

/// How a plan is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyOptions {
    /// Functions at a time, at least 1 (default 1,000: what bounds them is Lambda's rate of calls).
    pub concurrency: usize,
    /// How long one update may take until it counts as unknown (default 300 s).
    pub settle_timeout: Duration,
    /// What a failed function means for the others.
    pub on_failure: OnFailure,
    /// How long updates under way are waited for after a stop of the run (default 10 s).
    pub stop_grace: Duration,
    /// Factor on the pauses between looks, for servers that play Lambda faster (default 1.0).
    pub poll_scale: f64,
    /// The release, for the records.
    pub release: Option<ReleaseId>,
    /// Whether a version is published of each function (default: only where there is an alias).
    pub publish: bool,
    /// The alias that callers use, which is to point to the new version (default: none).
    pub alias: Option<AliasName>,
    /// The steps in which the alias's traffic goes over (default: all at once).
    pub traffic: Traffic,
    /// Archives in buckets by their digest, from which what ran before can be put back (default: none).
    pub archives: BTreeMap<Digest, Archive>,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            concurrency: 1000,
            settle_timeout: Duration::from_secs(300),
            on_failure: OnFailure::Stop,
            stop_grace: Duration::from_secs(10),
            poll_scale: 1.0,
            release: None,
            publish: false,
            alias: None,
            traffic: Traffic::default(),
            archives: BTreeMap::new(),
        }
    }
}

impl ApplyOptions {
    pub(crate) fn publishes(&self) -> bool {
        self.publish || self.alias.is_some()
    }
}

/// When a deployment is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Percent of the calls that go to the new code, 1 to 100.
    pub percent: u8,
}

/// Looks whether what was deployed works, and says what does not.
pub type Check<'a> = dyn Fn(Moment) -> BoxFuture<'a, Result<(), Problem>> + Send + Sync + 'a;

/// What became of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyReport {
    /// Each function, in the plan's order.
    pub functions: Vec<FunctionResult>,
    /// What the check found, or why traffic did not go over: a problem of no single function.
    pub problem: Option<Problem>,
}

/// Carries out a plan. A plan with problems is not carried out: its blocked functions are reported as failed, and the others as
/// not attempted.
///
/// All functions are updated, and versions published, before any alias moves. Then traffic goes over step by step for all of
/// them; after each step comes the pause, and then the `check`. Where a step or its check fails, all aliases are put back. What
/// else is put back the failure policy says.
///
/// Intent and outcome of every change pass the run's journal. Running it again after any end is safe: it does what is left.
pub async fn apply(
    plan: &Plan,
    client: &LambdaClient,
    run: &Run,
    options: &ApplyOptions,
    check: Option<&Check<'_>>,
) -> ApplyReport {
    if plan.is_blocked() {
        return ApplyReport { functions: plan.steps.iter().map(blocked).collect(), problem: None };
    }
    let mut functions = update_all(plan, client, run, options).await;
    let is_over = |functions: &[FunctionResult]| {
        run.stop().requested().is_some()
            || (options.on_failure != OnFailure::Continue && functions.iter().any(has_failed))
    };
    let mut problem = None;
    let is_owed = options.alias.is_some() || check.is_some();
    if is_owed && run.stop().requested().is_some() && !functions.iter().any(has_failed) {
        problem = Some(stopped(run, "stopped before the new code was given its calls, or checked"));
    } else if !is_over(&functions) {
        if let Some(alias) = &options.alias {
            problem = shift::shift_all(&mut functions, alias, client, run, options, check).await;
        } else if let Some(check) = check {
            problem = check(Moment { percent: 100 }).await.err();
        }
    }
    let went_wrong = problem.is_some() || functions.iter().any(has_failed);
    if went_wrong && options.on_failure == OnFailure::Rollback && run.stop().requested().is_none() {
        roll_back(&mut functions, client, run, options).await;
    }
    ApplyReport { functions, problem }
}

/// That the run was to stop, or its time over, before all was done.
pub(crate) fn stopped(run: &Run, what: &str) -> Problem {
    let (code, class) = match run.stop().requested() {
        Some(Signal::Deadline) => ("LF-DEADLINE", Class::Transient),
        Some(Signal::Interrupt | Signal::Terminate) | None => ("LF-STOPPED", Class::Interrupted),
    };
    Problem::new(code, class, what).with_remedy("run again: it does what is left")
}

/// A stop is no failure of the function.
fn has_failed(result: &FunctionResult) -> bool {
    result.problem.as_ref().is_some_and(|problem| problem.class != Class::Interrupted)
}

async fn update_all(
    plan: &Plan,
    client: &LambdaClient,
    run: &Run,
    options: &ApplyOptions,
) -> Vec<FunctionResult> {
    let together = Together::default();
    let work = plan.steps.iter().map(|step| {
        let together = &together;
        async move {
            if step.action == Action::Unchanged {
                return FunctionResult {
                    after: step.before.clone(),
                    ..FunctionResult::bare(step, Outcome::Unchanged)
                };
            }
            if together.halted.load(Ordering::SeqCst) || run.stop().requested().is_some() {
                return FunctionResult::bare(step, Outcome::NotAttempted);
            }
            let item = step.desired.function.to_string();
            run.progress().event(Event::Started { item: item.clone(), size_bytes: None });
            let deployment = Deployment::new(step, client, run, options, together);
            let result = deployment.carry_out(options.publishes()).await;
            run.progress().event(Event::Finished { item, result: result.outcome.word().to_owned() });
            if has_failed(&result) && options.on_failure != OnFailure::Continue {
                together.halted.store(true, Ordering::SeqCst);
            }
            result
        }
    });
    // Collected first: a stream that still holds the closure would keep the caller's future from being `Send`.
    let work: Vec<_> = work.collect();
    stream::iter(work).buffered(options.concurrency.max(1)).collect().await
}

/// Puts all that were changed back, and takes note of it in their results.
async fn roll_back(
    functions: &mut [FunctionResult],
    client: &LambdaClient,
    run: &Run,
    options: &ApplyOptions,
) {
    run.progress().event(Event::Phase { name: "roll back".into(), items: None });
    let mut places = Vec::new();
    let mut work = Vec::new();
    for (at, result) in functions.iter_mut().enumerate() {
        if !result.changed() {
            continue;
        }
        match before(result, options) {
            Ok(one) => {
                places.push(at);
                work.push(one);
            }
            Err(problem) => {
                result.problem.get_or_insert(problem);
            }
        }
    }
    for (at, restored) in places.into_iter().zip(put_back(&work, client, run, options).await) {
        let Some(result) = functions.get_mut(at) else { continue };
        result.take_back(restored);
    }
}

fn before(result: &FunctionResult, options: &ApplyOptions) -> Result<PutBack, Problem> {
    let nothing = || {
        let function = result.desired.function.clone();
        Problem::of(&crate::Error::NothingBefore { function })
    };
    let function = result.before.as_ref().ok_or_else(nothing)?;
    let code = code_of(&result.desired, function, &options.archives)?;
    let alias = options.alias.as_ref().map(|name| match &result.alias_before {
        Some(alias) => AliasBefore::Pointed(name.clone(), alias.reported()),
        None => AliasBefore::Absent(name.clone()),
    });
    let undoes = Some(Undoes { digest: result.desired.code.digest(), version: result.version.clone() });
    Ok(PutBack { desired: Desired { code, version: None, ..result.desired.clone() }, alias, undoes })
}

fn blocked(step: &Step) -> FunctionResult {
    match &step.action {
        Action::Blocked(problems) => FunctionResult {
            problem: problems.first().cloned(),
            ..FunctionResult::bare(step, Outcome::Failed)
        },
        Action::Unchanged | Action::Update | Action::Await => {
            FunctionResult::bare(step, Outcome::NotAttempted)
        }
    }
}
