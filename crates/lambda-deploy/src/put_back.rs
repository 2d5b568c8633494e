//! Putting functions back to what they ran before.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{AliasName, AliasState, Digest, Platform, Problem};
use landfall_run::{Event, Run};
use tokio::time::Instant;

use crate::alias::Pointing;
use crate::client::{Calls, On};
use crate::deploy::{Deployment, Together};
use crate::effects::Ended;
use crate::point::Mover;
use crate::result::{FunctionResult, Outcome};
use crate::{
    Action, Alias, ApplyOptions, Archive, Code, Desired, Error, Function, LambdaClient, Package, Step,
};

/// A function and what it is to run again.
#[derive(Clone, Debug, PartialEq)]
pub struct PutBack {
    /// The function with the code of before.
    pub desired: Desired,
    /// Where its alias pointed before; `None` where no alias is to be touched.
    pub alias: Option<AliasBefore>,
    /// What is undone, where that is known: a function that somebody else has changed since is left alone.
    pub undoes: Option<Undoes>,
}

/// What a deployment brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoes {
    /// The code.
    pub digest: Digest,
    /// The version that was published of it.
    pub version: Option<String>,
}

/// What an alias was before.
#[derive(Clone, Debug, PartialEq)]
pub enum AliasBefore {
    /// It pointed there.
    Pointed(AliasName, AliasState),
    /// There was none: the deployment made it.
    Absent(AliasName),
}

impl AliasBefore {
    /// The alias.
    pub fn name(&self) -> &AliasName {
        let (Self::Pointed(name, _) | Self::Absent(name)) = self;
        name
    }

    /// Whether it is so now: the alias as it was seen, `None` where there is none.
    pub fn holds(&self, seen: Option<&Alias>) -> bool {
        match (self, seen) {
            (Self::Pointed(_, state), Some(alias)) => alias.points(&Pointing::of(state)),
            (Self::Absent(_), None) => true,
            (Self::Pointed(..), None) | (Self::Absent(_), Some(_)) => false,
        }
    }
}

/// Puts functions back, several at a time: first the alias, so that calls reach what they reached before, then the code. Each is
/// read back. What runs as before already is left alone. Results are in the order of the functions.
///
/// Intent and outcome of every change pass the run's journal. Running it again after any end is safe: it does what is left.
pub async fn put_back(
    functions: &[PutBack],
    client: &LambdaClient,
    run: &Run,
    options: &ApplyOptions,
) -> Vec<FunctionResult> {
    let together = Together::default();
    let work = functions.iter().map(|one| {
        let together = &together;
        async move {
            let step = Step {
                desired: one.desired.clone(),
                before: None,
                alias: None,
                first: None,
                action: Action::Update,
            };
            if run.stop().requested().is_some() {
                return FunctionResult::bare(&step, Outcome::NotAttempted);
            }
            let item = one.desired.function.to_string();
            run.progress().event(Event::Started { item: item.clone(), size_bytes: None });
            let result = one.carry_out(&step, client, run, options, together).await;
            run.progress().event(Event::Finished { item, result: result.outcome.word().to_owned() });
            result
        }
    });
    // Collected first: a stream that still holds the closure would keep the caller's future from being `Send`.
    let work: Vec<_> = work.collect();
    stream::iter(work).buffered(options.concurrency.max(1)).collect().await
}

impl PutBack {
    async fn carry_out(
        &self,
        step: &Step,
        client: &LambdaClient,
        run: &Run,
        options: &ApplyOptions,
        together: &Together,
    ) -> FunctionResult {
        let begun = Instant::now();
        let calls = Calls::default();
        let mut result = FunctionResult::bare(step, Outcome::Failed);
        let aliased = match &self.alias {
            Some(before) => {
                let on = On { function: &self.desired.function, calls: &calls, run };
                let mover = Mover { client, on, options, desired: &self.desired, name: before.name() };
                self.restore(before, mover, &mut result).await
            }
            None => Ok(()),
        };
        let undoes = self.undoes.as_ref().map(|undoes| undoes.digest);
        let deployment = Deployment::new(step, client, run, options, together).undoing(undoes);
        let mut code = deployment.carry_out(false).await;
        calls.add(&code.calls);
        code.alias_before = result.alias_before.take();
        code.alias_after = result.alias_after.take();
        code.alias_is_read = result.alias_is_read;
        if code.outcome == Outcome::Updated || (code.outcome == Outcome::Unchanged && code.alias_changed()) {
            code.outcome = Outcome::RolledBack;
        }
        if let Err(ended) = aliased {
            code.ended_by(&ended);
        }
        code.calls = calls.taken();
        code.took = begun.elapsed();
        code
    }

    /// Points an alias where it pointed before, or removes it where there was none.
    async fn restore(
        &self,
        before: &AliasBefore,
        mover: Mover<'_>,
        result: &mut FunctionResult,
    ) -> Result<(), Ended> {
        result.alias_is_read = false;
        let now = mover.look().await?;
        result.alias_is_read = true;
        result.alias_before.clone_from(&now);
        result.alias_after.clone_from(&now);
        if before.holds(now.as_ref()) {
            return Ok(());
        }
        if let Some(now) = now.as_ref().filter(|now| self.is_of_somebody_else(now)) {
            return Err(mover.changed(now).into());
        }
        match before {
            AliasBefore::Absent(_) => {
                mover.remove().await?;
                result.alias_after = None;
            }
            AliasBefore::Pointed(_, state) => {
                result.alias_after = Some(mover.point(now, &Pointing::of(state)).await?);
            }
        }
        Ok(())
    }

    /// Whether an alias leads no calls to what is undone: then it was not the deployment that moved it.
    fn is_of_somebody_else(&self, now: &Alias) -> bool {
        let version = self.undoes.as_ref().and_then(|undoes| undoes.version.as_ref());
        version.is_some_and(|version| now.version != *version && !now.weights.contains_key(version))
    }
}

/// The code that a function was seen to run, as it can be sent again.
///
/// # Errors
/// [`Error::NothingBefore`] where Lambda did not say what it was, and [`Error::Gone`] for an archive that is in none of `archives`.
pub fn code_of(
    desired: &Desired,
    function: &Function,
    archives: &BTreeMap<Digest, Archive>,
) -> Result<Code, Problem> {
    let nothing = || Problem::of(&Error::NothingBefore { function: desired.function.clone() });
    match function.package {
        Package::Image => {
            let image = function.image().ok_or_else(nothing)?;
            let is_arm = function.architectures.first().is_some_and(|one| one == "arm64");
            let platform = if is_arm { Platform::LinuxArm64 } else { Platform::LinuxAmd64 };
            Ok(Code::Image { image, platform })
        }
        Package::Zip => {
            let digest = function.digest().ok_or_else(nothing)?;
            let gone = || Problem::of(&Error::Gone { function: desired.function.clone(), digest });
            archives.get(&digest).cloned().map(Code::Archive).ok_or_else(gone)
        }
        Package::Other(_) => Err(nothing()),
    }
}
