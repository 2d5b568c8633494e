//! Time that passes only while nothing happens.
//!
//! A copy waits for what a registry asks it to wait for, and gives up what is silent for too long. On this clock such waits
//! cost a few real milliseconds, whatever their length, and a slow machine causes no timeout: while requests or bytes still
//! come, the clock stands still.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// How often it is looked whether anything happened, in real time.
const TICK: Duration = Duration::from_millis(1);
/// By how much the clock moves at the first tick without any activity; at each further one it is a tenth more.
const FIRST_STEP: Duration = Duration::from_millis(5);
/// The most that it moves at a tick.
const LONGEST_STEP: Duration = Duration::from_secs(2);
/// Real time after which a copy hangs. It bounds the test and says nothing about speed.
const LONGEST: Duration = Duration::from_secs(20);

/// The work did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hangs;

/// Runs the work to its end. `activity` is a number that changes when something happens.
///
/// Needs a runtime of one thread whose clock is paused. Everything that the work talks to has to be on the same runtime.
pub(crate) async fn paced<T>(work: impl Future<Output = T>, activity: impl Fn() -> u64) -> Result<T, Hangs> {
    let (tick, mut ticks) = mpsc::channel(1);
    // While a blocking task is there, a paused clock does not move by itself when the runtime waits for a socket.
    let ticking = tokio::task::spawn_blocking(move || {
        while !matches!(tick.try_send(()), Err(TrySendError::Closed(()))) {
            std::thread::sleep(TICK);
        }
    });
    let begun = Instant::now();
    let mut work = pin!(work);
    let (mut before, mut step) = (activity(), FIRST_STEP);
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break Ok(done),
            _ = ticks.recv() => {}
        }
        let now = activity();
        if now == before {
            tokio::time::advance(step).await;
            step = step.mul_f64(1.1).min(LONGEST_STEP);
        } else {
            (before, step) = (now, FIRST_STEP);
        }
        if begun.elapsed() > LONGEST {
            break Err(Hangs);
        }
    };
    drop(ticks);
    // Its only end is that nobody listens any more.
    let _ = ticking.await;
    done
}
