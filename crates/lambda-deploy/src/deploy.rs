//! One function's update: send, wait, read back.

use std::sync::atomic::{AtomicBool, Ordering};

use landfall_artifacts::{Class, Explain, Problem};
use landfall_aws::{AwsFailure, FailureKind, Nature};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Intent, Run};
use tokio::time::Instant;

use crate::client::Calls;
use crate::plan::function_problems;
use crate::result::{FunctionResult, Outcome};
use crate::settle::settle;
use crate::{Action, ApplyOptions, Error, Function, LambdaClient, LastUpdate, State, Step};

/// How often the image is sent at most: once, once more after another update got in between, once more after an answer was
/// lost and nothing came of it.
const SENDINGS: u32 = 3;

/// How many looks may still show the function from before, until the update counts as not taken.
const STALE_LOOKS: u32 = 4;

/// One function's update.
pub(crate) struct Deployment<'a> {
    step: &'a Step,
    client: &'a LambdaClient,
    run: &'a Run,
    options: &'a ApplyOptions,
    /// Whether another function's failure means that nothing more is begun.
    halted: &'a AtomicBool,
    calls: Calls,
    after: Option<Function>,
}

/// What became of an image that was sent.
enum Sent {
    /// Lambda took it.
    Taken,
    /// Lambda may have taken it: no answer, or one that leaves it open.
    Perhaps(AwsFailure),
    /// Lambda did not take it, because the function changed or is busy.
    Overtaken,
}

/// How the looks after a sending ended.
enum Seen {
    /// The image runs.
    Running,
    /// Nothing came of the sending: the function is as it was.
    AsBefore(Box<Function>),
}

impl<'a> Deployment<'a> {
    pub(crate) fn new(
        step: &'a Step,
        client: &'a LambdaClient,
        run: &'a Run,
        options: &'a ApplyOptions,
        halted: &'a AtomicBool,
    ) -> Self {
        Self { step, client, run, options, halted, calls: Calls::default(), after: None }
    }

    pub(crate) async fn carry_out(mut self) -> FunctionResult {
        let begun = Instant::now();
        let ended = self.update().await;
        let mut result = FunctionResult::bare(self.step, Outcome::Failed);
        match ended {
            Ok(outcome) => result.outcome = outcome,
            Err(Ended::Error(error)) => {
                result.outcome = match error.class() {
                    Class::Unknown => Outcome::Unknown,
                    Class::Integrity => Outcome::Unknown,
                    Class::Defect
                    | Class::Input
                    | Class::Refused
                    | Class::Locked
                    | Class::Transient
                    | Class::Partial
                    | Class::Interrupted => Outcome::Failed,
                };
                result.reason_code = error.reason_code().map(str::to_owned);
                result.problem = Some(Problem::of(&error));
            }
            Err(Ended::Door(problem)) => {
                result.outcome = Outcome::NotAttempted;
                result.problem = Some(problem);
            }
        }
        result.after = self.after;
        result.calls = self.calls.taken();
        result.took = begun.elapsed();
        result
    }

    async fn update(&mut self) -> Result<Outcome, Ended> {
        let wanted = self.step.desired.image.digest();
        let mut before = match (&self.step.before, &self.step.action) {
            (Some(function), Action::Await) => {
                let function = function.clone();
                self.wait_for_the_other(function).await?
            }
            (Some(function), _) => function.clone(),
            (None, _) => self.look().await?,
        };
        if before.runs(wanted) {
            return Ok(Outcome::Unchanged);
        }
        // Waiting for another's update takes its time.
        if self.is_halted() || self.is_stopped() {
            return Ok(Outcome::NotAttempted);
        }
        let intent = self
            .run
            .journal()
            .intend(self.effect())
            .await
            .map_err(|refused| Ended::Door(Problem::of(&refused)))?;
        let ended = self.send_until_it_runs(&mut before).await;
        let outcome = match &ended {
            Ok(()) => EffectOutcome::Done,
            Err(error) if matches!(error.class(), Class::Unknown | Class::Integrity) => {
                EffectOutcome::Unknown(self.told(error))
            }
            Err(error) => EffectOutcome::Failed(self.told(error)),
        };
        self.record(intent, outcome).await;
        ended?;
        Ok(Outcome::Updated)
    }

    async fn send_until_it_runs(&mut self, before: &mut Function) -> Result<(), Error> {
        let mut last = Error::Busy { function: self.step.desired.function.clone() };
        for sending in 0..SENDINGS {
            if self.is_stopped() {
                return Err(self.not_sent());
            }
            if sending > 0 && self.is_halted() {
                break;
            }
            let sent = self.send(before).await?;
            if let Sent::Overtaken = sent {
                let now = self.wait_for_the_other(before.clone()).await?;
                if now.runs(self.step.desired.image.digest()) {
                    return Ok(());
                }
                if now.digest() != before.digest() {
                    return Err(self.changed(&now));
                }
                *before = now;
                continue;
            }
            match self.watch(before).await? {
                Seen::Running => return Ok(()),
                // Nothing came of it: the revision guards the next sending against this one, should it arrive late.
                Seen::AsBefore(now) => *before = *now,
            }
            if let Sent::Perhaps(failure) = sent {
                last = Error::NotTaken {
                    function: self.step.desired.function.clone(),
                    failure: Box::new(failure),
                };
            }
        }
        Err(last)
    }

    async fn send(&mut self, before: &Function) -> Result<Sent, Error> {
        let desired = &self.step.desired;
        let revision = before.revision_id.as_deref();
        let failure = match self
            .client
            .update(&desired.function, &desired.image, revision, &self.calls, self.run)
            .await
        {
            Ok(()) => return Ok(Sent::Taken),
            Err(failure) => failure,
        };
        // Whether it arrived is read back like any update.
        if failure.is_unknown() {
            return Ok(Sent::Perhaps(failure));
        }
        if failure.kind == FailureKind::Stopped {
            return Err(self.not_sent());
        }
        if failure.is_code("ResourceConflictException") || failure.is_code("PreconditionFailedException") {
            return Ok(Sent::Overtaken);
        }
        Err(self.refused(failure))
    }

    /// Watches a function after a sending until the outcome shows.
    async fn watch(&mut self, before: &Function) -> Result<Seen, Error> {
        let desired = &self.step.desired;
        let wanted = desired.image.digest();
        let mut stale_looks = 0;
        let same_revision = |function: &Function| function.revision_id == before.revision_id;
        let seen = settle(self.client, &desired.function, &self.calls, self.run, self.options, |function| {
            if !function.is_settled() {
                return false;
            }
            if function.runs(wanted) {
                return true;
            }
            // Reads may lag behind writes for a moment.
            if same_revision(function) {
                stale_looks += 1;
                return stale_looks >= STALE_LOOKS;
            }
            true
        })
        .await;
        let function = match seen {
            Ok(function) => function,
            Err(error @ (Error::Unsettled { .. } | Error::Stopped { .. })) => return Err(error),
            Err(error) => {
                return Err(Error::Unconfirmed {
                    function: desired.function.clone(),
                    failure: Box::new(error),
                });
            }
        };
        self.after = Some(function.clone());
        if function.runs(wanted) {
            return Ok(Seen::Running);
        }
        if same_revision(&function) {
            return Ok(Seen::AsBefore(Box::new(function)));
        }
        if function.last_update == LastUpdate::Failed || function.state == State::Failed {
            return Err(self.failed(&function));
        }
        Err(Error::WrongDigest {
            function: desired.function.clone(),
            wanted,
            runs: function.digest().map_or_else(|| "no image".to_owned(), |digest| digest.to_string()),
        })
    }

    /// Waits until an update that is not known to be ours is over, and looks whether the function still takes the image.
    async fn wait_for_the_other(&mut self, seen: Function) -> Result<Function, Error> {
        let name = &self.step.desired.function;
        let waited =
            settle(self.client, name, &self.calls, self.run, self.options, Function::is_settled).await;
        let function = match waited {
            Ok(function) => function,
            // Nothing of ours is under way: waiting in vain for another's update leaves nothing unknown.
            Err(Error::Unsettled { function, .. } | Error::Stopped { function }) => {
                self.after = Some(seen);
                return Err(Error::Busy { function });
            }
            Err(error) => return Err(error),
        };
        self.after = Some(function.clone());
        match function_problems(&self.step.desired, &function).into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(function),
        }
    }

    async fn look(&self) -> Result<Function, Error> {
        self.client.get(&self.step.desired.function, Nature::Read, &self.calls, self.run).await
    }

    fn is_stopped(&self) -> bool {
        self.run.stop().requested().is_some()
    }

    fn is_halted(&self) -> bool {
        self.halted.load(Ordering::SeqCst)
    }

    fn not_sent(&self) -> Error {
        Error::NotSent { function: self.step.desired.function.clone() }
    }

    /// An error and its causes, for the journal.
    fn told(&self, error: &Error) -> String {
        self.run.redactor().redact(&Problem::of(error).told())
    }

    fn changed(&self, now: &Function) -> Error {
        let found = now.digest().map_or_else(|| "no image".to_owned(), |digest| digest.to_string());
        Error::Changed { function: self.step.desired.function.clone(), found }
    }

    fn refused(&self, failure: AwsFailure) -> Error {
        let desired = &self.step.desired;
        Error::Refused {
            function: desired.function.clone(),
            image: desired.image.clone(),
            failure: Box::new(failure),
        }
    }

    fn failed(&self, function: &Function) -> Error {
        let reason = function.update_reason.clone().or(function.state_reason.clone());
        let (code, said) = reason.unwrap_or_else(|| ("unknown".to_owned(), String::new()));
        Error::UpdateFailed { function: self.step.desired.function.clone(), code, said }
    }

    fn effect(&self) -> Effect {
        let desired = &self.step.desired;
        Effect {
            action: "UpdateFunctionCode".to_owned(),
            target: desired.function.to_string(),
            environment: desired.environment.as_ref().map(ToString::to_string),
            release: self.options.release.as_ref().map(ToString::to_string),
            items: vec![EffectItem {
                name: desired.project.to_string(),
                version: desired.version.clone(),
                digest: Some(desired.image.digest()),
            }],
        }
    }

    async fn record(&self, intent: Intent, outcome: EffectOutcome) {
        if let Err(error) = self.run.journal().outcome(intent, outcome).await {
            let function = &self.step.desired.function;
            let warning = format!("the outcome of {function} is not recorded: {error}");
            self.run.progress().event(Event::Warning(warning));
        }
    }
}

/// Why an update ended without success.
enum Ended {
    /// It went wrong.
    Error(Error),
    /// The journal did not let it begin.
    Door(Problem),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
