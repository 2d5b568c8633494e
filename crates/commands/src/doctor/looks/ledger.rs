//! Looks at the ledger: who holds the environment, whether the release may still go anywhere.

use landfall_artifacts::Problem;
use landfall_cli::Values;
use landfall_stages::Refusal;

use super::{Brought, Look};
use crate::doctor::patient::Patient;
use crate::{Context, Effects, Held, held};

pub(super) async fn environment(patient: &Patient, context: &Context) -> Brought {
    let values = Values::new(&context.options, &context.layers);
    if (patient.entry.effects)(&values) != Effects::Exclusive {
        return Ok(Look::Nothing("the stage does not need the environment to itself".to_owned()));
    }
    let Some(environment) = &context.target().environment else {
        return Ok(Look::Nothing("no environment is named".to_owned()));
    };
    match context.ledger.lock_of(environment).await? {
        None => Ok(Look::At(format!("nobody holds {environment}"))),
        Some(lock) if lock.is_over(context.run().clock().now()) => {
            Ok(Look::At(format!("the lock of {} on {environment} is over by time", lock.holder)))
        }
        Some(lock) => {
            let held =
                landfall_ledger::Error::Held { environment: environment.to_string(), holder: lock.holder };
            Err(Refusal::one(Problem::of(&held)))
        }
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
