//! The request to stop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// What asked the run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C, SIGINT: exit code 130.
    Interrupt,
    /// SIGTERM, as CI sends it on cancel: exit code 143.
    Terminate,
    /// The run's own deadline: what is left is for the next run.
    Deadline,
}

/// What became of a request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is the first one.
    First,
    /// There was one before.
    Again,
    /// Somebody hears all of them, the second and third too ([`Stop::hear_all`]).
    PassedOn,
}

/// Tells every part of a run to take no new work and to end what is in flight.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    first: Option<Signal>,
    hearer: Option<UnboundedSender<Signal>>,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the stop. The first signal is remembered.
    pub fn request(&self, signal: Signal) -> Heard {
        let heard = {
            let mut state = self.lock();
            let is_passed_on = state.hearer.as_ref().is_some_and(|hearer| hearer.send(signal).is_ok());
            let is_first = state.first.is_none();
            state.first.get_or_insert(signal);
            match (is_passed_on, is_first) {
                (true, _) => Heard::PassedOn,
                (false, true) => Heard::First,
                (false, false) => Heard::Again,
            }
        };
        self.token.cancel();
        heard
    }

    /// Hears every request from now on, for as long as what is given is kept: for who waits for a program that is to end by itself. Requests
    /// until now are not among them; [`Stop::requested`] tells of those.
    pub fn hear_all(&self) -> UnboundedReceiver<Signal> {
        let (hearer, heard) = unbounded_channel();
        self.lock().hearer = Some(hearer);
        heard
    }

    /// Whether the stop was asked for, and by what.
    pub fn requested(&self) -> Option<Signal> {
        self.lock().first
    }

    /// Resolves when the stop is asked for.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Heard, Signal, Stop};

    #[tokio::test]
    async fn the_first_request_stays_and_a_second_is_told_from_it() {
        let stop = Stop::new();
        assert_eq!(stop.request(Signal::Terminate), Heard::First);
        assert_eq!(stop.request(Signal::Interrupt), Heard::Again);
        assert_eq!(stop.requested(), Some(Signal::Terminate));
        stop.wait().await;
    }

    #[tokio::test]
    async fn who_hears_all_gets_each_until_he_goes() {
        let stop = Stop::new();
        let mut heard = stop.hear_all();
        assert_eq!(stop.requested(), None);
        for signal in [Signal::Interrupt, Signal::Terminate, Signal::Terminate] {
            assert_eq!(stop.request(signal), Heard::PassedOn);
            assert_eq!(heard.recv().await, Some(signal));
        }
        assert_eq!(stop.requested(), Some(Signal::Interrupt), "the run itself is stopped by the first");
        drop(heard);
        assert_eq!(stop.request(Signal::Interrupt), Heard::Again);
    }
}
