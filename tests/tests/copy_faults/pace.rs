//! Time that passes only while nothing happens.
//!
//! A copy waits for what a registry asks it to wait for, and gives up what is silent for too long. On this clock such waits
//! cost a few real milliseconds, whatever their length, and a slow machine causes no timeout: while requests or bytes still
//! come, the clock stands still.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// How often it is looked whether anything happened, in real time.
const TICK: Duration = Duration::from_millis(1);
/// By how much the clock moves at the first tick without any activity; at each further one it is a tenth more.
const FIRST_STEP: Duration = Duration::from_millis(5);
/// The most that it moves at a tick.
const LONGEST_STEP: Duration = Duration::from_secs(2);
/// Ticks after which a copy hangs: twenty seconds, not counting those in which the machine has no time for the test.
const MOST_TICKS: u32 = 20_000;

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
    let mut work = pin!(work);
    let (mut before, mut step, mut left) = (activity(), FIRST_STEP, MOST_TICKS);
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
        left -= 1;
        if left == 0 {
            break Err(Hangs);
        }
    };
    drop(ticks);
    // Its only end is that nobody listens any more.
    let _ = ticking.await;
    done
}
