//! How one function's deployment ended.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{DeployOutcome, DeployedFunction, Problem};

use crate::{Desired, Function, Step};

/// How a function's deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It runs the image, which was read back.
    Updated,
    /// It ran the image already.
    Unchanged,
    /// It was tried and the code from before runs on, or something stood in the way.
    Failed,
    /// Something was sent and its effect could not be confirmed.
    Unknown,
    /// Nothing was sent, because something else failed or the run was stopped before its turn.
    NotAttempted,
}

/// What was done with one function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionResult {
    /// What was wanted.
    pub desired: Desired,
    /// What it ran before.
    pub before: Option<Function>,
    /// What it was last seen to run.
    pub after: Option<Function>,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong.
    pub problem: Option<Problem>,
    /// Lambda's own code for that.
    pub reason_code: Option<String>,
    /// From its turn to its end.
    pub took: Duration,
    /// Calls by operation.
    pub calls: BTreeMap<String, u64>,
}

impl FunctionResult {
    pub(crate) fn bare(step: &Step, outcome: Outcome) -> Self {
        Self {
            desired: step.desired.clone(),
            before: step.before.clone(),
            after: None,
            outcome,
            problem: None,
            reason_code: None,
            took: Duration::ZERO,
            calls: BTreeMap::new(),
        }
    }

    /// Whether it was changed, or may have been.
    pub fn changed(&self) -> bool {
        match self.outcome {
            Outcome::Updated | Outcome::Unknown => true,
            Outcome::Unchanged | Outcome::Failed | Outcome::NotAttempted => false,
        }
    }

    /// Its entry in `deploy-report.json`.
    pub fn deployed(&self) -> DeployedFunction {
        let reason =
            self.reason_code.as_deref().or(self.problem.as_ref().map(|problem| problem.code.as_str()));
        DeployedFunction {
            name: self.desired.function.clone(),
            environment: self.desired.environment.clone(),
            shard: self.desired.shard,
            before: self.before.as_ref().map(Function::reported),
            after: self.after.as_ref().map(Function::reported),
            outcome: match self.outcome {
                Outcome::Updated => DeployOutcome::Updated,
                Outcome::Unchanged => DeployOutcome::Unchanged,
                Outcome::Failed => DeployOutcome::Failed,
                Outcome::Unknown => DeployOutcome::Unknown,
                Outcome::NotAttempted => DeployOutcome::Planned,
            },
            reason: reason.and_then(|code| code.parse().ok()),
            seconds: (self.took.as_secs_f64() * 1000.0).round() / 1000.0,
            calls: self.calls.clone(),
        }
    }
}
