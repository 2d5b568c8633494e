//! How one function's deployment ended.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{Class, DeployOutcome, DeployedFunction, Explain as _, Problem};

use crate::effects::Ended;
use crate::{Alias, Desired, Function, Step};

/// How a function's deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It runs the code, which was read back, and so do its version and alias where they were asked for.
    Updated,
    /// It ran the code already.
    Unchanged,
    /// It was updated, and runs again what it ran before, which was read back.
    RolledBack,
    /// Its code is new, and its alias points again where it pointed before: callers reach what they reached.
    Withdrawn,
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
    /// Where its alias pointed before, where one was asked for and was there.
    pub alias_before: Option<Alias>,
    /// What it was last seen to run.
    pub after: Option<Function>,
    /// The version that was published of it, or that was published before of the same.
    pub version: Option<String>,
    /// Where its alias was last seen to point.
    pub alias_after: Option<Alias>,
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
    /// Whether `alias_after` was seen; else it is what was known before.
    pub(crate) alias_is_read: bool,
}

impl Outcome {
    /// As progress shows it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled back",
            Self::Withdrawn => "updated, and its alias put back",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotAttempted => "not attempted",
        }
    }
}

impl FunctionResult {
    /// Takes note of how it was put back.
    pub(crate) fn take_back(&mut self, restored: Self) {
        for (operation, count) in restored.calls {
            *self.calls.entry(operation).or_default() += count;
        }
        self.took += restored.took;
        if restored.after.is_some() {
            self.after = restored.after;
        }
        if restored.alias_is_read {
            self.alias_after = restored.alias_after;
        }
        match restored.outcome {
            Outcome::RolledBack | Outcome::Unchanged if restored.problem.is_none() => {
                self.outcome = Outcome::RolledBack;
                return;
            }
            Outcome::Unknown => self.outcome = Outcome::Unknown,
            // It stays what it was before the try, unless half of it went back.
            _ if matches!(self.outcome, Outcome::Updated | Outcome::Withdrawn) && !self.code_changed() => {
                self.outcome = Outcome::Failed;
            }
            _ => {}
        }
        // What went wrong first is what somebody has to act on.
        if self.problem.is_none() {
            self.problem = restored.problem;
            self.reason_code = restored.reason_code;
        }
    }

    pub(crate) fn bare(step: &Step, outcome: Outcome) -> Self {
        Self {
            desired: step.desired.clone(),
            before: step
                .first
                .as_ref()
                .map_or_else(|| step.before.clone(), |first| Some(first.function.clone())),
            alias_before: match &step.first {
                Some(first) => first.alias.clone(),
                None => step.alias.as_ref().map(|seen| seen.alias.clone()),
            },
            after: None,
            version: None,
            alias_after: step.alias.as_ref().map(|seen| seen.alias.clone()),
            outcome,
            problem: None,
            reason_code: None,
            took: Duration::ZERO,
            calls: BTreeMap::new(),
            alias_is_read: true,
        }
    }

    /// Takes note of how it went wrong.
    pub(crate) fn ended_by(&mut self, ended: &Ended) {
        match ended {
            // The journal lets nothing begin; what was done before it stays done.
            Ended::Door(_) if self.code_changed() || self.alias_changed() => self.outcome = Outcome::Failed,
            Ended::Door(_) => self.outcome = Outcome::NotAttempted,
            Ended::Error(error) => {
                self.outcome = match error.class() {
                    Class::Unknown | Class::Integrity => Outcome::Unknown,
                    Class::Defect
                    | Class::Input
                    | Class::Refused
                    | Class::Locked
                    | Class::Transient
                    | Class::Partial
                    | Class::Interrupted => Outcome::Failed,
                };
                self.reason_code = error.reason_code().map(str::to_owned);
            }
        }
        self.problem = Some(ended.problem());
    }

    /// Whether it is otherwise than before, or may be: its code, or where its alias points.
    pub fn changed(&self) -> bool {
        match self.outcome {
            Outcome::Updated | Outcome::Withdrawn | Outcome::Unknown => true,
            Outcome::Unchanged | Outcome::RolledBack | Outcome::Failed | Outcome::NotAttempted => {
                self.code_changed() || self.alias_changed()
            }
        }
    }

    /// Whether it runs our code and did not before. What somebody else made it run is no change of ours.
    pub(crate) fn code_changed(&self) -> bool {
        let digest = |function: &Option<Function>| function.as_ref().and_then(Function::digest);
        let after = digest(&self.after);
        after == Some(self.desired.code.digest()) && digest(&self.before) != after
    }

    pub(crate) fn alias_changed(&self) -> bool {
        match (&self.alias_before, &self.alias_after) {
            (Some(before), Some(after)) => !after.points(&before.pointing()),
            (None, None) => false,
            (None, Some(_)) | (Some(_), None) => true,
        }
    }

    /// Its entry in `deploy-report.json`.
    pub fn deployed(&self) -> DeployedFunction {
        let reason =
            self.reason_code.as_deref().or(self.problem.as_ref().map(|problem| problem.code.as_str()));
        let before = self.before.as_ref().map(|function| {
            let version = self.alias_before.as_ref().map(|alias| alias.version.as_str());
            function.reported(version, self.alias_before.as_ref().map(Alias::reported))
        });
        let after = self.after.as_ref().map(|function| {
            let alias = self.alias_after.as_ref();
            let version = self.version.as_deref().or(alias.map(|alias| alias.version.as_str()));
            function.reported(version, alias.map(Alias::reported))
        });
        DeployedFunction {
            name: self.desired.function.clone(),
            environment: self.desired.environment.clone(),
            shard: self.desired.shard,
            before,
            after,
            outcome: match self.outcome {
                Outcome::Updated => DeployOutcome::Updated,
                Outcome::Unchanged => DeployOutcome::Unchanged,
                Outcome::RolledBack => DeployOutcome::RolledBack,
                Outcome::Withdrawn | Outcome::Failed => DeployOutcome::Failed,
                Outcome::Unknown => DeployOutcome::Unknown,
                Outcome::NotAttempted => DeployOutcome::Planned,
            },
            reason: reason.and_then(|code| code.parse().ok()),
            seconds: (self.took.as_secs_f64() * 1000.0).round() / 1000.0,
            calls: self.calls.clone(),
        }
    }
}
