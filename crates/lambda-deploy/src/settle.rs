//! Waiting until Lambda is done with a function.

use std::time::Duration;

use landfall_aws::Nature;
use tokio::time::Instant;

use crate::client::{On, is_passing};
use crate::{ApplyOptions, Error, Function, LambdaClient, LastUpdate, State};

/// The pause before the first look, and the ceiling of the growing ones after it.
const FIRST: Duration = Duration::from_millis(300);
const SECOND: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(2);

/// Looks at a function, or one of its versions, until `enough` says so, beginning after a short pause. The pauses grow from half
/// a second to two, jittered by a tenth, and are longer where so many are looked at that the rate of looks would not do.
///
/// Passing faults count as a look that showed nothing; anything else ends the waiting. After a stop of the run the waiting
/// goes on for the grace that the options give.
///
/// # Errors
/// [`Error::Unsettled`] after the time that the options give, [`Error::Stopped`] after the grace, and what GetFunction fails
/// with for good; [`Error::Strange`] at once for a state or status that is not known.
pub(crate) async fn settle(
    client: &LambdaClient,
    on: On<'_>,
    version: Option<&str>,
    options: &ApplyOptions,
    mut enough: impl FnMut(&Function) -> bool,
) -> Result<Function, Error> {
    let run = on.run;
    let _watch = client.watch();
    let begun = Instant::now();
    let mut stopped_at = None;
    let mut pause = FIRST;
    loop {
        let jittered = pause.mul_f64(0.9 + 0.2 * fastrand::f64());
        let scaled = jittered.mul_f64(options.poll_scale.clamp(0.0, 100.0)).max(client.fair_pause());
        tokio::select! {
            () = run.clock().sleep(scaled) => {}
            // The stop shortens one pause; later ones would be shortened to nothing.
            () = run.stop().wait(), if stopped_at.is_none() => { stopped_at = Some(Instant::now()); }
        }
        match client.get(on, version, Nature::Confirm).await {
            Ok(function) if enough(&function) => return Ok(function),
            // Nobody knows what comes after a state that is not known.
            Ok(function) if function.is_strange() => return Err(strange(on, &function)),
            Ok(_) => {}
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        if stopped_at.is_some_and(|at| at.elapsed() >= options.stop_grace) {
            return Err(Error::Stopped { function: on.function.clone() });
        }
        let waited = begun.elapsed();
        if waited >= options.settle_timeout || run.time_left().is_some_and(|left| left.is_zero()) {
            return Err(Error::Unsettled { function: on.function.clone(), waited });
        }
        pause = if pause == FIRST { SECOND } else { pause.mul_f64(1.5).min(LONGEST) };
    }
}

fn strange(on: On<'_>, function: &Function) -> Error {
    let said = |known: &dyn std::fmt::Debug, other: Option<&String>| {
        other.cloned().unwrap_or_else(|| format!("{known:?}"))
    };
    let state = match &function.state {
        State::Other(other) => Some(other),
        State::Active | State::Inactive | State::Pending | State::Failed => None,
    };
    let update = match &function.last_update {
        LastUpdate::Other(other) => Some(other),
        LastUpdate::Successful | LastUpdate::InProgress | LastUpdate::Failed => None,
    };
    Error::Strange {
        function: on.function.clone(),
        state: said(&function.state, state),
        update: said(&function.last_update, update),
    }
}
