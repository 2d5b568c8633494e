//! Carrying out a plan, several functions at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::ReleaseId;
use landfall_run::{Event, Run};

use crate::deploy::Deployment;
use crate::result::{FunctionResult, Outcome};
use crate::{Action, LambdaClient, Plan, Step};

/// What a failed function means for those whose turn has not come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They are left alone.
    #[default]
    Stop,
    /// They are updated all the same.
    Continue,
}

/// How a plan is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyOptions {
    /// Functions at a time, at least 1 (default 4).
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
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            concurrency: 4,
            settle_timeout: Duration::from_secs(300),
            on_failure: OnFailure::Stop,
            stop_grace: Duration::from_secs(10),
            poll_scale: 1.0,
            release: None,
        }
    }
}

/// Carries out a plan; results are in the plan's order. A plan with problems is not carried out: its blocked functions are
/// reported as failed, and the others as not attempted.
///
/// Intent and outcome of every update pass the run's journal. Running it again after any end is safe: it does what is left.
pub async fn apply(
    plan: &Plan,
    client: &LambdaClient,
    run: &Run,
    options: &ApplyOptions,
) -> Vec<FunctionResult> {
    if plan.is_blocked() {
        return plan.steps.iter().map(blocked).collect();
    }
    let halted = AtomicBool::new(false);
    let work = plan.steps.iter().map(|step| {
        let halted = &halted;
        async move {
            if step.action == Action::Unchanged {
                return FunctionResult {
                    after: step.before.clone(),
                    ..FunctionResult::bare(step, Outcome::Unchanged)
                };
            }
            if halted.load(Ordering::SeqCst) || run.stop().requested().is_some() {
                return FunctionResult::bare(step, Outcome::NotAttempted);
            }
            let item = step.desired.function.to_string();
            run.progress().event(Event::Started { item: item.clone(), size_bytes: None });
            let result = Deployment::new(step, client, run, options, halted).carry_out().await;
            let ended = match result.outcome {
                Outcome::Updated => "updated",
                Outcome::Unchanged => "unchanged",
                Outcome::Failed => "failed",
                Outcome::Unknown => "unknown",
                Outcome::NotAttempted => "not attempted",
            };
            run.progress().event(Event::Finished { item, result: ended.to_owned() });
            if result.problem.is_some() && options.on_failure == OnFailure::Stop {
                halted.store(true, Ordering::SeqCst);
            }
            result
        }
    });
    // Collected first: a stream that still holds the closure would keep the caller's future from being `Send`.
    let work: Vec<_> = work.collect();
    stream::iter(work).buffered(options.concurrency.max(1)).collect().await
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
