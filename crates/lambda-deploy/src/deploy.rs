//! One function's code: send, wait, read back, publish.

use std::sync::atomic::{AtomicBool, Ordering};

use landfall_artifacts::Digest;
use landfall_aws::{AwsFailure, FailureKind, Nature};
use landfall_run::Run;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::client::{Calls, On};
use crate::effects::{Ended, recorded};
use crate::plan::function_problems;
use crate::result::{FunctionResult, Outcome};
use crate::settle::settle;
use crate::{Action, ApplyOptions, Error, Function, LambdaClient, LastUpdate, State, Step};

/// How often the code is sent at most: once, once more after another update got in between, once more after an answer was
/// lost and nothing came of it.
const SENDINGS: u32 = 3;

/// How many looks may still show the function from before, until the update counts as not taken.
const STALE_LOOKS: u32 = 4;

/// Codes that are being sent at once. The others wait where they can still be told to stay.
const SENDS_AT_ONCE: usize = 16;

/// What the deployments of a plan share.
#[derive(Debug)]
pub(crate) struct Together {
    /// Whether another function's failure means that nothing more is begun.
    pub(crate) halted: AtomicBool,
    sending: Semaphore,
}

impl Default for Together {
    fn default() -> Self {
        Self { halted: AtomicBool::new(false), sending: Semaphore::new(SENDS_AT_ONCE) }
    }
}

/// One function's update.
pub(crate) struct Deployment<'a> {
    step: &'a Step,
    client: &'a LambdaClient,
    run: &'a Run,
    options: &'a ApplyOptions,
    together: &'a Together,
    calls: Calls,
    /// What ran before, where the step did not know it.
    found: Option<Function>,
    after: Option<Function>,
    version: Option<String>,
    /// Held until the code is sent.
    turn: Option<SemaphorePermit<'a>>,
    /// The only code, besides the wanted, that the function may run when ours is sent.
    undoes: Option<Digest>,
}

/// What became of code that was sent.
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
    /// It runs.
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
        together: &'a Together,
    ) -> Self {
        Self {
            step,
            client,
            run,
            options,
            together,
            calls: Calls::default(),
            found: None,
            after: None,
            version: None,
            turn: None,
            undoes: None,
        }
    }

    /// Leaves the function alone where it runs neither this code nor the wanted: somebody else has changed it since.
    pub(crate) fn undoing(mut self, undoes: Option<Digest>) -> Self {
        self.undoes = undoes;
        self
    }

    /// Updates the function, and publishes a version where `publish` says so.
    pub(crate) async fn carry_out(mut self, publish: bool) -> FunctionResult {
        let begun = Instant::now();
        let ended = match self.update().await {
            Ok(outcome @ (Outcome::Updated | Outcome::Unchanged)) if publish => {
                self.publish().await.map(|()| outcome)
            }
            other => other,
        };
        let mut result = FunctionResult::bare(self.step, Outcome::Failed);
        // What another's update made of it, while it was waited for, is what ran before ours.
        if self.step.first.is_none() {
            result.before = self.found.or(result.before);
        }
        result.after = self.after;
        result.version = self.version;
        match ended {
            Ok(outcome) => result.outcome = outcome,
            Err(ended) => result.ended_by(&ended),
        }
        result.calls = self.calls.taken();
        result.took = begun.elapsed();
        result
    }

    fn on(&self) -> On<'_> {
        On { function: &self.step.desired.function, calls: &self.calls, run: self.run }
    }

    async fn update(&mut self) -> Result<Outcome, Ended> {
        let wanted = self.step.desired.code.digest();
        let mut before = match (&self.step.before, &self.step.action) {
            (Some(function), Action::Await) => {
                let function = function.clone();
                let settled = self.wait_for_the_other(function).await?;
                // Where it was ours of an earlier run, what ran before that run is what ran before.
                if !settled.runs(wanted) {
                    self.found = Some(settled.clone());
                }
                settled
            }
            (Some(function), _) => function.clone(),
            (None, _) => {
                let seen = self.client.get(self.on(), None, Nature::Read).await?;
                self.found = Some(seen.clone());
                if seen.is_settled() { seen } else { self.wait_for_the_other(seen).await? }
            }
        };
        if before.runs(wanted) {
            self.after = Some(before);
            return Ok(Outcome::Unchanged);
        }
        if self.undoes.is_some() && before.digest() != self.undoes {
            let error = self.changed(&before);
            self.after = Some(before);
            return Err(error.into());
        }
        self.turn = self.together.sending.acquire().await.ok();
        // Waiting for a turn, or for another's update, takes its time.
        if self.is_halted() || self.is_stopped() {
            return Ok(Outcome::NotAttempted);
        }
        let (step, options, run) = (self.step, self.options, self.run);
        let ran = before.digest();
        let sending = self.send_until_it_runs(&mut before);
        recorded("UpdateFunctionCode", &step.desired, ran, options, run, sending).await?;
        Ok(Outcome::Updated)
    }

    async fn publish(&mut self) -> Result<(), Ended> {
        let (step, options, run) = (self.step, self.options, self.run);
        recorded("PublishVersion", &step.desired, None, options, run, self.publish_until_it_is_there()).await
    }

    /// Publishing again what is published gives the same version, so that a lost answer is simply asked for again.
    async fn publish_until_it_is_there(&mut self) -> Result<(), Error> {
        let desired = &self.step.desired;
        let mut last = Error::Busy { function: desired.function.clone() };
        for _ in 0..SENDINGS {
            if self.is_stopped() {
                return Err(self.not_sent());
            }
            let revision = self.after.as_ref().and_then(|after| after.revision_id.clone());
            let failure = match self.client.publish(self.on(), &desired.code, revision.as_deref()).await {
                Ok(Some(version)) => return self.see_version(version).await,
                Ok(None) => return Err(Error::Unreadable { function: desired.function.clone() }),
                Err(failure) => failure,
            };
            if failure.kind == FailureKind::Stopped {
                return Err(self.not_sent());
            }
            let may_pass = failure.is_unknown()
                || failure.is_code("ResourceConflictException")
                || failure.is_code("PreconditionFailedException");
            let failure = Box::new(failure);
            let function = desired.function.clone();
            if !may_pass {
                return Err(Error::NotPublished { function, failure });
            }
            let now = settle(self.client, self.on(), None, self.options, Function::is_settled).await?;
            if !now.runs(desired.code.digest()) {
                let error = self.changed(&now);
                self.after = Some(now);
                return Err(error);
            }
            self.after = Some(now);
            last = Error::NotPublished { function, failure };
        }
        Err(last)
    }

    /// Proves what a version runs.
    async fn see_version(&mut self, version: String) -> Result<(), Error> {
        let digest = self.step.desired.code.digest();
        let settled =
            settle(self.client, self.on(), Some(&version), self.options, Function::is_settled).await?;
        if !settled.runs(digest) {
            return Err(if settled.digest() == Some(digest) {
                self.failed(&settled)
            } else {
                self.wrong(&settled)
            });
        }
        self.version = Some(version);
        Ok(())
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
                if now.runs(self.step.desired.code.digest()) {
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
        let sent = self.client.update(self.on(), &desired.code, revision).await;
        self.turn = None;
        let failure = match sent {
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
        let wanted = desired.code.digest();
        let mut stale_looks = 0;
        let same_revision = |function: &Function| function.revision_id == before.revision_id;
        let seen = settle(self.client, self.on(), None, self.options, |function| {
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
        if same_revision(&function) && function.digest() == before.digest() {
            return Ok(Seen::AsBefore(Box::new(function)));
        }
        if function.last_update == LastUpdate::Failed || function.state == State::Failed {
            return Err(self.failed(&function));
        }
        Err(self.wrong(&function))
    }

    /// Waits until an update that is not known to be ours is over, and looks whether the function still takes the image.
    async fn wait_for_the_other(&mut self, seen: Function) -> Result<Function, Error> {
        let waited = settle(self.client, self.on(), None, self.options, Function::is_settled).await;
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

    fn is_stopped(&self) -> bool {
        self.run.stop().requested().is_some()
    }

    fn is_halted(&self) -> bool {
        self.together.halted.load(Ordering::SeqCst)
    }

    fn not_sent(&self) -> Error {
        Error::NotSent { function: self.step.desired.function.clone() }
    }

    fn changed(&self, now: &Function) -> Error {
        Error::Changed { function: self.step.desired.function.clone(), found: shown(now) }
    }

    fn wrong(&self, found: &Function) -> Error {
        let desired = &self.step.desired;
        Error::WrongDigest {
            function: desired.function.clone(),
            wanted: desired.code.digest(),
            runs: shown(found),
        }
    }

    fn refused(&self, failure: AwsFailure) -> Error {
        let desired = &self.step.desired;
        Error::Refused {
            function: desired.function.clone(),
            code: Box::new(desired.code.clone()),
            failure: Box::new(failure),
        }
    }

    fn failed(&self, function: &Function) -> Error {
        let reason = function.update_reason.clone().or(function.state_reason.clone());
        let (code, said) = reason.unwrap_or_else(|| ("unknown".to_owned(), String::new()));
        Error::UpdateFailed { function: self.step.desired.function.clone(), code, said }
    }
}

/// What a function runs, in words.
fn shown(function: &Function) -> String {
    function.digest().map_or_else(|| "code without a digest".to_owned(), |digest| digest.to_string())
}
