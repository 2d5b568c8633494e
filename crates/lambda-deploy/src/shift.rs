//! Traffic goes over to the new versions, step by step, for all functions together.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{AliasName, Class, Problem};
use landfall_run::{Event, Run};

use crate::alias::Pointing;
use crate::apply::{Check, Moment};
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
            shifting.put_back(functions).await;
            return None;
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
            shifting.put_back(functions).await;
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
    /// It points where it pointed before.
    Back,
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
                Some(
                    Problem::new("LF-STOPPED", Class::Interrupted, what)
                        .with_remedy("run again: it begins with the first step of the traffic"),
                )
            }
        }
    }

    /// Points all aliases where they pointed before. After a stop too: it must not leave traffic shared.
    async fn put_back(&self, functions: &mut [FunctionResult]) {
        self.run.progress().event(Event::Phase { name: "put the aliases back".into(), items: None });
        self.all(functions, Move::Back, &self.run.to_its_end()).await;
        for one in functions.iter_mut().filter(|one| one.outcome == Outcome::Updated) {
            // Where its code is new, nobody calls it: whether that goes back too, the policy says.
            if !one.code_changed() && !one.alias_changed() {
                one.outcome = Outcome::RolledBack;
            }
        }
    }

    async fn all(&self, functions: &mut [FunctionResult], what: Move, run: &Run) {
        let moves: Vec<_> = functions.iter().map(|one| self.one(one, what, run)).collect();
        let ended: Vec<_> = stream::iter(moves).buffered(self.options.concurrency.max(1)).collect().await;
        for (one, (ended, calls)) in functions.iter_mut().zip(ended) {
            for (operation, count) in calls {
                *one.calls.entry(operation).or_default() += count;
            }
            match ended {
                Ok(alias) => {
                    if one.alias_after != alias && one.outcome == Outcome::Unchanged {
                        one.outcome = Outcome::Updated;
                    }
                    one.alias_after = alias;
                }
                Err(ended) => one.ended_by(&ended),
            }
        }
    }

    async fn one(
        &self,
        one: &FunctionResult,
        what: Move,
        run: &Run,
    ) -> (Result<Option<Alias>, Ended>, BTreeMap<String, u64>) {
        let calls = Calls::default();
        let on = On { function: &one.desired.function, calls: &calls, run };
        let (client, options, desired) = (self.client, self.options, &one.desired);
        let mover = Mover { client, on, options, desired, name: self.alias };
        let seen = one.alias_after.clone();
        let ended = match what {
            Move::Onward(percent) => onward(one, seen, percent, mover).await,
            Move::Back if !one.alias_changed() => Ok(seen),
            Move::Back => match &one.alias_before {
                Some(before) => mover.point(seen, &before.pointing()).await.map(Some),
                None => mover.remove().await.map(|()| None),
            },
        };
        (ended, calls.taken())
    }
}

async fn onward(
    one: &FunctionResult,
    seen: Option<Alias>,
    percent: u8,
    mover: Mover<'_>,
) -> Result<Option<Alias>, Ended> {
    let (Some(version), Outcome::Updated | Outcome::Unchanged) = (&one.version, one.outcome) else {
        return Ok(seen);
    };
    let Some(wanted) = next(seen.as_ref(), version, percent) else { return Ok(seen) };
    let now = mover.point(seen, &wanted).await?;
    if now.is_wholly(version) {
        mover.prove().await?;
    }
    Ok(Some(now))
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
