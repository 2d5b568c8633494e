//! Traffic goes over to the new versions, step by step, for all functions together.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{AliasName, Problem};
use landfall_run::{Event, Run};

use crate::alias::Pointing;
use crate::apply::{Check, Moment, stopped};
use crate::client::{Calls, On};
use crate::effects::Ended;
use crate::point::Mover;
use crate::result::{FunctionResult, Outcome};
use crate::traffic::TrafficStep;
use crate::{Alias, ApplyOptions, LambdaClient, OnFailure};

/// Moves the aliases of all functions that have a new version. What goes wrong with one function stands in its result; the
/// problem that is returned is that of the check, or of a stop. In both cases all aliases are put back.
pub(crate) async fn shift_all(
    functions: &mut [FunctionResult],
    alias: &AliasName,
    client: &LambdaClient,
    run: &Run,
    options: &ApplyOptions,
    check: Option<&Check<'_>>,
) -> Option<Problem> {
    let steps = options.traffic.steps();
    let shifting = Shifting { alias, client, run, options };
    for step in steps {
        let before: Vec<Option<Alias>> = functions.iter().map(|one| one.alias_after.clone()).collect();
        shifting.step(functions, *step).await;
        let has_moved = functions.iter().zip(&before).any(|(one, before)| one.alias_after != *before);
        let has_failed = functions.iter().any(|one| one.problem.is_some());
        if has_failed && options.on_failure != OnFailure::Continue {
            shifting.put_back(functions, |_| true).await;
            return None;
        }
        if has_failed {
            // The others go on; no share of calls stays with what failed.
            shifting.put_back(functions, |one| one.problem.is_some()).await;
        }
        let is_last = step.percent == 100;
        if !has_moved && !is_last {
            continue;
        }
        let problem = match shifting.hold(*step).await {
            Some(problem) => Some(problem),
            None => match check {
                Some(check) => check(Moment { percent: step.percent }).await.err(),
                None => None,
            },
        };
        if problem.is_some() {
            shifting.put_back(functions, |_| true).await;
            return problem;
        }
    }
    None
}

#[derive(Clone, Copy)]
struct Shifting<'a> {
    alias: &'a AliasName,
    client: &'a LambdaClient,
    run: &'a Run,
    options: &'a ApplyOptions,
}

/// What is done with an alias.
#[derive(Clone, Copy)]
enum Move {
    /// So many percent of its calls go to the new version.
    Onward(u8),
    /// It points where it pointed before, for those functions.
    Back(fn(&FunctionResult) -> bool),
}

impl Shifting<'_> {
    async fn step(&self, functions: &mut [FunctionResult], step: TrafficStep) {
        let name = format!("{}% of the calls to the new versions", step.percent);
        self.run.progress().event(Event::Phase { name, items: Some(functions.len() as u64) });
        self.all(functions, Move::Onward(step.percent), self.run).await;
    }

    /// Waits out a step's pause. A stop ends it: traffic does not stay shared where nobody watches.
    async fn hold(&self, step: TrafficStep) -> Option<Problem> {
        let pause: Duration = step.pause.mul_f64(self.options.poll_scale.clamp(0.0, 100.0));
        if pause.is_zero() {
            return None;
        }
        tokio::select! {
            () = self.run.clock().sleep(pause) => None,
            () = self.run.stop().wait() => {
                let what = format!("stopped while {}% of the calls went to the new versions", step.percent);
                Some(stopped(self.run, &what))
            }
        }
    }

    /// Points aliases where they pointed before. After a stop too: it must not leave traffic shared.
    async fn put_back(&self, functions: &mut [FunctionResult], whose: fn(&FunctionResult) -> bool) {
        self.run.progress().event(Event::Phase { name: "put the aliases back".into(), items: None });
        self.all(functions, Move::Back(whose), &self.run.to_its_end()).await;
        for one in functions.iter_mut().filter(|one| one.outcome == Outcome::Updated && whose(one)) {
            if !one.alias_changed() {
                // Where its code is new, nobody calls it: whether that goes back too, the policy says.
                one.outcome = if one.code_changed() { Outcome::Withdrawn } else { Outcome::RolledBack };
            }
        }
    }

    async fn all(&self, functions: &mut [FunctionResult], what: Move, run: &Run) {
        let moves: Vec<_> = functions.iter().map(|one| self.one(one, what, run)).collect();
        let ended: Vec<_> = stream::iter(moves).buffered(self.options.concurrency.max(1)).collect().await;
        for (one, (moved, calls)) in functions.iter_mut().zip(ended) {
            for (operation, count) in calls {
                *one.calls.entry(operation).or_default() += count;
            }
            if one.alias_after != moved.alias && one.outcome == Outcome::Unchanged {
                one.outcome = Outcome::Updated;
            }
            one.alias_after = moved.alias;
            if let Some(ended) = moved.ended {
                one.ended_by(&ended);
            }
        }
    }

    async fn one(&self, one: &FunctionResult, what: Move, run: &Run) -> (Moved, BTreeMap<String, u64>) {
        let calls = Calls::default();
        let on = On { function: &one.desired.function, calls: &calls, run };
        let (client, options, desired) = (self.client, self.options, &one.desired);
        let mover = Mover { client, on, options, desired, name: self.alias };
        let seen = one.alias_after.clone();
        let moved = match what {
            Move::Onward(percent) => onward(one, seen, percent, mover).await,
            Move::Back(whose) if whose(one) => back(one, seen, mover).await,
            Move::Back(_) => Moved { alias: seen, ended: None },
        };
        (moved, calls.taken())
    }
}

/// Where an alias points after a move, and why the move or its proof failed.
struct Moved {
    alias: Option<Alias>,
    ended: Option<Ended>,
}

async fn onward(one: &FunctionResult, seen: Option<Alias>, percent: u8, mover: Mover<'_>) -> Moved {
    let stays = |ended| Moved { alias: seen.clone(), ended };
    let (Some(version), Outcome::Updated | Outcome::Unchanged) = (&one.version, one.outcome) else {
        return stays(None);
    };
    let Some(wanted) = next(seen.as_ref(), version, percent) else { return stays(None) };
    let now = match mover.point(seen.clone(), &wanted).await {
        Ok(now) => now,
        Err(ended) => return stays(Some(ended)),
    };
    let proved = if now.is_wholly(version) { mover.prove().await } else { Ok(()) };
    // It points there, whether that could be proved or not.
    Moved { alias: Some(now), ended: proved.err().map(Ended::from) }
}

async fn back(one: &FunctionResult, seen: Option<Alias>, mover: Mover<'_>) -> Moved {
    // After a failed move only a look tells where it points.
    let seen = if one.problem.is_some() {
        match mover.look().await {
            Ok(now) => now,
            Err(error) => return Moved { alias: seen, ended: Some(error.into()) },
        }
    } else {
        seen
    };
    let is_back = match (&one.alias_before, &seen) {
        (Some(before), Some(now)) => now.points(&before.pointing()),
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
    };
    if is_back {
        return Moved { alias: seen, ended: None };
    }
    let is_ours = |now: &Alias| {
        one.version
            .as_ref()
            .is_none_or(|version| now.version == *version || now.weights.contains_key(version))
    };
    if let Some(now) = seen.as_ref().filter(|now| !is_ours(now)) {
        let ended = one.problem.is_none().then(|| mover.changed(now).into());
        return Moved { alias: seen, ended };
    }
    let moved = match &one.alias_before {
        Some(before) => mover.point(seen.clone(), &before.pointing()).await.map(Some),
        None => mover.remove().await.map(|()| None),
    };
    match moved {
        Ok(alias) => Moved { alias, ended: None },
        Err(ended) => Moved { alias: seen, ended: Some(ended) },
    }
}

/// Where the alias is to point at this step; `None` where it has gone further already.
fn next(seen: Option<&Alias>, version: &str, percent: u8) -> Option<Pointing> {
    let wholly = Pointing::wholly(version);
    let Some(seen) = seen else { return Some(wholly) };
    if percent == 100 {
        return Some(wholly);
    }
    // `$LATEST` cannot share its calls with a version (UpdateAlias): it goes over in the last step.
    if seen.version == "$LATEST" || seen.percent_of(version) >= f64::from(percent) {
        return None;
    }
    Some(Pointing::shared(&seen.version, version, percent))
}

#[cfg(test)]
mod tests {
    use super::next;
    use crate::Alias;
    use crate::alias::Pointing;

    #[test]
    fn each_step_leads_further() {
        let alias = |version: &str, weights: &[(&str, f64)]| Alias {
            name: "live".parse().expect("a name"),
            version: version.to_owned(),
            weights: weights.iter().map(|(version, share)| ((*version).to_owned(), *share)).collect(),
            revision_id: None,
        };
        let old = alias("3", &[]);
        assert_eq!(next(None, "4", 10), Some(Pointing::wholly("4")), "there are no calls to share");
        assert_eq!(next(Some(&old), "4", 10), Some(Pointing::shared("3", "4", 10)));
        assert_eq!(next(Some(&old), "4", 100), Some(Pointing::wholly("4")));
        let half = alias("3", &[("4", 0.5)]);
        assert_eq!(next(Some(&half), "4", 10), None, "an earlier run came further");
        assert_eq!(next(Some(&half), "4", 75), Some(Pointing::shared("3", "4", 75)));
        let elsewhere = alias("3", &[("2", 0.5)]);
        assert_eq!(next(Some(&elsewhere), "4", 10), Some(Pointing::shared("3", "4", 10)));
        assert_eq!(next(Some(&alias("$LATEST", &[])), "4", 10), None);
        assert_eq!(next(Some(&alias("4", &[("3", 0.2)])), "4", 50), None);
        assert_eq!(next(Some(&alias("4", &[("3", 0.2)])), "4", 100), Some(Pointing::wholly("4")));
    }
}
