//! The way back: what is to be done, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{
    DeployOutcome, DeployedFunction, Digest, LambdaName, LedgerEvent, Platform, Problem, ReleaseId,
};
use landfall_lambda_deploy::{
    Action, AliasBefore, ApplyOptions, Archive, Code, Desired, Error, Function, FunctionResult, LambdaClient,
    Live, Observed, OnFailure, Outcome as Ended, Place, Plan, PutBack, Step, apply, plan, put_back,
};
use landfall_run::Run;

use super::{Config, Goal, Goals, goals};
use crate::recorded::Recorded;
use crate::table::table;
use crate::{Finished, Item};

/// The way back: what is wanted beside what was seen.
pub(super) struct Way<'a> {
    pub(super) plan: Plan,
    goals: BTreeMap<&'a LambdaName, &'a Goal>,
    /// The alias that gets a version of the code, where only the code of before is known.
    forward: bool,
}

impl<'a> Way<'a> {
    /// Decides, and finds all that stands in the way.
    pub(super) fn plan(
        config: &Config,
        goals: &'a Goals,
        observed: &[Observed],
        events: &[LedgerEvent],
        place: &Place,
    ) -> (Self, Vec<Problem>) {
        let seen: BTreeMap<&LambdaName, &Observed> = observed.iter().map(|one| (&one.name, one)).collect();
        let (mut wanted, mut problems) = (Vec::new(), Vec::new());
        for goal in &goals.functions {
            let function = seen.get(&goal.function).and_then(|one| one.seen.as_ref().ok());
            match &goal.code {
                Some(code) => wanted.push(desired(config, goal, code, function, events)),
                None => {
                    problems.push(Problem::of(&Error::NothingBefore { function: goal.function.clone() }));
                }
            }
        }
        let live = Live { alias: config.forward(), publish: false };
        let mut plan = plan(&wanted, observed, live, place);
        problems.extend(plan.problems().cloned());
        let goals: BTreeMap<&LambdaName, &Goal> =
            goals.functions.iter().map(|goal| (&goal.function, goal)).collect();
        for step in &mut plan.steps {
            let goal = goals.get(&step.desired.function);
            problems.extend(obstacle(step).map(|error| Problem::of(&error)));
            let alias = step.alias.as_ref().map(|seen| &seen.alias);
            let is_aliased = goal.and_then(|goal| goal.alias.as_ref()).is_none_or(|goal| goal.holds(alias));
            if step.action == Action::Unchanged && !is_aliased {
                step.action = Action::Update;
            }
        }
        (Self { plan, goals, forward: config.forward().is_some() }, problems)
    }

    /// How many functions are to be changed.
    pub(super) fn todo(&self) -> usize {
        self.plan.steps.iter().filter(|step| step.action != Action::Unchanged).count()
    }

    fn goal_alias(&self, step: &Step) -> Option<&AliasBefore> {
        self.goals.get(&step.desired.function).and_then(|goal| goal.alias.as_ref())
    }

    /// What a dry run shows: per function what runs now, and what it would run.
    pub(super) fn foretold(&self) -> Finished {
        let mut finished = Finished::default();
        let mut rows = vec![["function", "runs now", "would run", "alias"].map(str::to_owned)];
        for step in &self.plan.steps {
            let digest = step.desired.code.digest();
            let now = step.before.as_ref().and_then(Function::digest);
            let is_so = step.action == Action::Unchanged;
            let mut item =
                Item::new(step.desired.function.as_str(), if is_so { "unchanged" } else { "planned" })
                    .with("digest", digest.to_string())
                    .with("keep", kept(&step.desired.code));
            if let Some(now) = now {
                item = item.with("from", now.to_string());
            }
            finished.items.push(item);
            rows.push([
                step.desired.function.to_string(),
                now.map_or_else(|| "unknown".to_owned(), |now| now.short()),
                if is_so { "the same".to_owned() } else { digest.short() },
                self.foretold_alias(step),
            ]);
        }
        finished.lines = table(&rows, 0);
        finished.lines.extend(self.to_keep());
        finished.summary =
            format!("{} of {} functions would be rolled back", self.todo(), self.plan.steps.len());
        finished
    }

    fn foretold_alias(&self, step: &Step) -> String {
        let now = step.alias.as_ref().map_or("none", |seen| seen.alias.version.as_str());
        match self.goal_alias(step) {
            Some(AliasBefore::Pointed(name, state)) => {
                let shares = state.weights.iter();
                let shares = shares.map(|(version, share)| format!(" and {:.0}% {version}", share * 100.0));
                format!("{name}: {now} to {}{}", state.version, shares.collect::<String>())
            }
            Some(AliasBefore::Absent(name)) => format!("{name}: {now} to none"),
            None if self.forward && step.action != Action::Unchanged => {
                format!("{now} to a version of it")
            }
            None => String::new(),
        }
    }

    /// The lines that say what clean-up must keep.
    fn to_keep(&self) -> Vec<String> {
        let kept: BTreeSet<String> = self.plan.steps.iter().map(|step| kept(&step.desired.code)).collect();
        kept.into_iter().map(|one| format!("clean-up must keep {one}")).collect()
    }

    /// Puts the functions back that do not run as before; what became of each, in the plan's order, `None` where it was left alone,
    /// and what is a problem of no single function.
    pub(super) async fn go(
        &self,
        config: &Config,
        from: Option<&ReleaseId>,
        client: &LambdaClient,
        run: &Run,
    ) -> (Vec<Option<FunctionResult>>, Option<Problem>) {
        let mut options = ApplyOptions { release: from.cloned(), ..config.options.clone() };
        let is_meant = |step: &&Step| step.action != Action::Unchanged;
        let mut problem = None;
        let results = if self.forward {
            options.on_failure = OnFailure::Continue;
            let plan = Plan { steps: self.plan.steps.iter().filter(is_meant).cloned().collect() };
            let ended = apply(&plan, client, run, &options, None).await;
            let mut results = ended.functions;
            problem = ended.problem;
            for one in results.iter_mut().filter(|one| one.outcome == Ended::Updated) {
                one.outcome = Ended::RolledBack;
            }
            results
        } else {
            let work: Vec<PutBack> = self
                .plan
                .steps
                .iter()
                .filter(is_meant)
                .map(|step| PutBack {
                    desired: step.desired.clone(),
                    alias: self.goal_alias(step).cloned(),
                    undoes: None,
                })
                .collect();
            put_back(&work, client, run, &options).await
        };
        let mut results = results.into_iter();
        let of_step = |step: &Step| if is_meant(&step) { results.next() } else { None };
        (self.plan.steps.iter().map(of_step).collect(), problem)
    }

    /// The report's entries.
    pub(super) fn deployed(&self, ended: &[Option<FunctionResult>]) -> Vec<DeployedFunction> {
        let seen = self.plan.record();
        let entry = |(seen, ended): (DeployedFunction, &Option<FunctionResult>)| match ended {
            // What was seen before the first change is what ran before, whatever else was seen since.
            Some(result) => {
                DeployedFunction { before: seen.before.or(result.deployed().before), ..result.deployed() }
            }
            None => {
                DeployedFunction { outcome: DeployOutcome::Unchanged, after: seen.before.clone(), ..seen }
            }
        };
        seen.into_iter().zip(ended).map(entry).collect()
    }

    pub(super) fn finish(&self, ended: &[Option<FunctionResult>], left_alone: usize, run: &Run) -> Finished {
        let mut finished = Finished::default();
        let outcome = |one: &Option<FunctionResult>| one.as_ref().map_or(Ended::Unchanged, |one| one.outcome);
        let count = |ended_so: Ended| ended.iter().filter(|one| outcome(one) == ended_so).count();
        for (step, one) in self.plan.steps.iter().zip(ended) {
            let (word, text) = match outcome(one) {
                Ended::RolledBack | Ended::Updated => ("rolled-back", "runs again"),
                Ended::Unchanged => ("unchanged", "runs already"),
                Ended::Failed | Ended::Withdrawn => ("failed", "did not get back"),
                Ended::Unknown => ("unknown", "may run again"),
                Ended::NotAttempted => ("not-tried", "was left alone and not given"),
            };
            let digest = step.desired.code.digest();
            let mut item = Item::new(step.desired.function.as_str(), word)
                .with("digest", digest.to_string())
                .with("keep", kept(&step.desired.code));
            if let Some(from) = step.before.as_ref().and_then(Function::digest) {
                item = item.with("from", from.to_string());
            }
            if let Some(result) = one {
                item.changed = match result.outcome {
                    Ended::RolledBack | Ended::Updated => true,
                    Ended::Unchanged
                    | Ended::Failed
                    | Ended::Withdrawn
                    | Ended::Unknown
                    | Ended::NotAttempted => result.changed(),
                };
                item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
                item.problem.clone_from(&result.problem);
            }
            finished.items.push(item);
            finished.lines.push(format!("{} {text} {}", step.desired.function, digest.short()));
        }
        finished.lines.extend(self.to_keep());
        let left = count(Ended::NotAttempted);
        finished.note_stop(run, left);
        finished.summary = format!(
            "{} rolled back, {} unchanged, {} failed, {} unknown, {left} not tried; {left_alone} that the deployment did not change",
            count(Ended::RolledBack) + count(Ended::Updated),
            count(Ended::Unchanged),
            count(Ended::Failed),
            count(Ended::Unknown),
        );
        finished
    }
}

/// What a function is to run again. Images are told apart by processor, and a function's never changes: what ran on it before is
/// for the same.
fn desired(
    config: &Config,
    goal: &Goal,
    code: &Recorded,
    function: Option<&Function>,
    events: &[LedgerEvent],
) -> Desired {
    let is_arm =
        function.and_then(|function| function.architectures.first()).is_some_and(|one| one == "arm64");
    let environment = config.target.environment.clone();
    let known = goals::known(events, environment.as_ref(), &goal.function, code.digest());
    Desired {
        function: goal.function.clone(),
        project: known.and_then(|(item, _)| item.project.clone()),
        version: known.and_then(|(item, _)| item.version.as_ref()).map(ToString::to_string),
        code: match code {
            Recorded::Image(image) => {
                let platform = if is_arm { Platform::LinuxArm64 } else { Platform::LinuxAmd64 };
                Code::Image { image: image.clone(), platform }
            }
            // Where nobody says where it is, it can be told whether it runs, and not be sent.
            Recorded::Archive(digest) => Code::Archive(
                config.options.archives.get(digest).cloned().unwrap_or_else(|| nowhere(*digest)),
            ),
        },
        environment,
        shard: goal.shard,
    }
}

/// An archive that is in no release that was looked into.
fn nowhere(digest: Digest) -> Archive {
    Archive { bucket: String::new(), key: String::new(), digest }
}

/// What stands in the way of going back, besides what does of going anywhere.
fn obstacle(step: &Step) -> Option<Error> {
    let function = || step.desired.function.clone();
    match (&step.action, &step.desired.code) {
        (Action::Update, Code::Archive(archive)) if archive.bucket.is_empty() => {
            Some(Error::Gone { function: function(), digest: archive.digest })
        }
        // Where it leads to is not always shown before its end.
        (Action::Await, _) => Some(Error::Busy { function: function() }),
        (Action::Unchanged | Action::Update | Action::Blocked(_), _) => None,
    }
}

/// What clean-up must keep so that this can be gone back to.
pub(super) fn kept(code: &Code) -> String {
    match code {
        Code::Image { image, .. } => image.to_string(),
        Code::Archive(archive) => archive.digest.to_string(),
    }
}
