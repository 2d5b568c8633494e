//! Waiting until Lambda is done with a function.

use std::time::Duration;

use landfall_artifacts::LambdaName;
use landfall_aws::Nature;
use landfall_run::Run;
use tokio::time::Instant;

use crate::client::{Calls, is_passing};
use crate::{ApplyOptions, Error, Function, LambdaClient};

/// The pause before the first look, and the ceiling of the growing ones after it.
const FIRST: Duration = Duration::from_millis(300);
const SECOND: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(2);

/// Looks at a function until `enough` says so, beginning after a short pause. The pauses grow from half a second to two.
///
/// Passing faults count as a look that showed nothing; anything else ends the waiting. After a stop of the run the waiting
/// goes on for the grace that the options give.
///
/// # Errors
/// [`Error::Unsettled`] after the time that the options give, [`Error::Stopped`] after the grace, and what GetFunction fails
/// with for good.
pub(crate) async fn settle(
    client: &LambdaClient,
    name: &LambdaName,
    calls: &Calls,
    run: &Run,
    options: &ApplyOptions,
    mut enough: impl FnMut(&Function) -> bool,
) -> Result<Function, Error> {
    let begun = Instant::now();
    let mut stopped_at = None;
    let mut pause = FIRST;
    loop {
        let scaled = pause.mul_f64(options.poll_scale.clamp(0.0, 100.0));
        tokio::select! {
            () = run.clock().sleep(scaled) => {}
            // The stop shortens one pause; later ones would be shortened to nothing.
            () = run.stop().wait(), if stopped_at.is_none() => { stopped_at = Some(Instant::now()); }
        }
        match client.get(name, Nature::Confirm, calls, run).await {
            Ok(function) if enough(&function) => return Ok(function),
            Ok(_) => {}
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        if stopped_at.is_some_and(|at| at.elapsed() >= options.stop_grace) {
            return Err(Error::Stopped { function: name.clone() });
        }
        let waited = begun.elapsed();
        if waited >= options.settle_timeout || run.time_left().is_some_and(|left| left.is_zero()) {
            return Err(Error::Unsettled { function: name.clone(), waited });
        }
        pause = if pause == FIRST { SECOND } else { pause.mul_f64(1.5).min(LONGEST) };
    }
}
