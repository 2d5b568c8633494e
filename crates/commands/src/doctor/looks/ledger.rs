//! Looks at the ledger: who holds the environment, whether the release may still go anywhere.

use landfall_artifacts::Problem;
use landfall_cli::Values;
use landfall_ledger::Lock;
use landfall_stages::Refusal;

use super::{Brought, Look};
use crate::doctor::patient::Patient;
use crate::part::{part, work};
use crate::{Context, Effects, Held, held};

pub(super) async fn environment(patient: &Patient, context: &Context) -> Brought {
    let values = Values::new(&context.options, &context.layers);
    if (patient.entry.effects)(&values) != Effects::Exclusive {
        return Ok(Look::Nothing("the stage does not need the environment to itself".to_owned()));
    }
    let Some(environment) = &context.target().environment else {
        return Ok(Look::Nothing("no environment is named".to_owned()));
    };
    let locks = context.ledger.locks_of(environment).await?;
    let (beside, locks): (Vec<_>, Vec<_>) =
        locks.into_iter().partition(|lock| is_beside(patient, context, lock));
    let holders =
        |locks: &[&Lock]| locks.iter().map(|lock| lock.holder.as_str()).collect::<Vec<_>>().join("; ");
    let now = context.run().clock().now();
    let (over, living): (Vec<_>, Vec<_>) = locks.iter().partition(|lock| lock.is_over(now));
    if !living.is_empty() {
        let (environment, holder) = (environment.to_string(), holders(&living));
        return Err(Refusal::one(Problem::of(&landfall_ledger::Error::Held { environment, holder })));
    }
    if !over.is_empty() {
        return Ok(Look::At(format!("the lock of {} on {environment} is over by time", holders(&over))));
    }
    let beside: Vec<_> = beside.iter().collect();
    Ok(Look::At(match holders(&beside).as_str() {
        "" => format!("nobody holds {environment}"),
        parts => format!("{environment} is held by other parts of the same work alone: {parts}"),
    }))
}

/// Whether a lock is that of another part of the job's own work. Of a job in parts that is not looked at as one of them every part
/// is.
fn is_beside(patient: &Patient, context: &Context, lock: &Lock) -> bool {
    let (options, layers) = (&context.options, &context.layers);
    let (stage, alike) = (patient.entry.name, patient.entry.alike);
    let Some(held) = lock.part.as_ref().filter(|_| lock.release == context.target().release) else {
        return false;
    };
    match (part(options, layers, stage, alike), patient.parts) {
        (Some(own), _) => own.goes_beside(held),
        (None, Some(parts)) => held.shard.of() == parts && held.work == work(options, layers, stage, alike),
        (None, None) => false,
    }
}

pub(super) async fn release(patient: &Patient, context: &Context) -> Brought {
    let asks = (patient.entry.held)(context);
    if asks == Held::Never {
        return Ok(Look::Nothing("neither release nor environment keep the stage from beginning".to_owned()));
    }
    held::check(asks, context).await?;
    let release = match held::release(context) {
        Some(release) => format!("release {release} is not dead"),
        None => "no release is known yet".to_owned(),
    };
    Ok(Look::At(match &context.target().environment {
        Some(environment) if asks == Held::DeadOrFrozen => {
            format!("{release}, and {environment} is not frozen")
        }
        Some(_) | None => release,
    }))
}
