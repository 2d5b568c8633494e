//! Waiting for a command, which hears what this process hears, once.

use std::process::ExitStatus;

use landfall_run::{Event, Run, Signal, Stop};
use rustix::process::{Pid, Signal as System, kill_process};
use tokio::process::Child;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;

use super::terminal::Terminal;

/// How often a command is asked to end before it is made to.
const ASKED: u32 = 2;

/// All that this process may be told.
pub(super) struct Signals {
    stops: UnboundedReceiver<Signal>,
    hangup: Listener,
    quit: Listener,
    first: Listener,
    second: Listener,
}

impl Signals {
    /// Listens from now on. No signal ends this process any more, but those that cannot be heard.
    pub(super) fn listen(stop: &Stop) -> std::io::Result<Self> {
        Ok(Self {
            stops: stop.hear_all(),
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            first: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next one, in the form in which it is passed on.
    async fn next(&mut self) -> System {
        tokio::select! {
            Some(stop) = self.stops.recv() => match stop {
                Signal::Interrupt => System::INT,
                Signal::Terminate | Signal::Deadline => System::TERM,
            },
            Some(()) = self.hangup.recv() => System::HUP,
            Some(()) = self.quit.recv() => System::QUIT,
            Some(()) = self.first.recv() => System::USR1,
            Some(()) = self.second.recv() => System::USR2,
            // None of them is ever closed.
            else => std::future::pending().await,
        }
    }
}

/// What a command is told of a signal, after it was asked so often to end; `at_terminal` says that the terminal in front of us told all of our
/// group what comes of its keys and its line.
fn passed_on(signal: System, asked: u32, at_terminal: bool) -> Option<System> {
    let is_typed = [System::INT, System::QUIT, System::HUP].contains(&signal);
    if is_typed && at_terminal {
        return None;
    }
    Some(if asks_to_end(signal) && asked >= ASKED { System::KILL } else { signal })
}

/// A hangup is no such thing: without a terminal it tells servers to read their settings again.
fn asks_to_end(signal: System) -> bool {
    [System::INT, System::TERM, System::QUIT].contains(&signal)
}

/// Waits for the end of a command, however long it takes, and passes on what this process is told meanwhile: a second request to end as well,
/// and a third as one that cannot be refused.
pub(super) async fn ended(child: &mut Child, mut signals: Signals, run: &Run) -> std::io::Result<ExitStatus> {
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let mut terminal = Terminal::controlling();
    let mut asked = 0;
    loop {
        let signal = tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => signal,
        };
        let Some(told) = passed_on(signal, asked, terminal.is_in_front()) else { continue };
        asked += u32::from(asks_to_end(signal));
        if told == System::KILL {
            let what = "the command was asked twice to end and is killed";
            run.progress().event(Event::Warning(what.to_owned()));
        }
        if let Some(pid) = pid {
            // A child that has ended meanwhile is waited for, so that its number is still its own.
            let _ = kill_process(pid, told);
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal as System;

    use super::passed_on;

    #[test]
    fn what_the_terminal_tells_the_whole_group_is_not_told_twice() {
        for signal in [System::INT, System::QUIT, System::HUP] {
            for asked in 0..5 {
                assert_eq!(passed_on(signal, asked, true), None, "{signal:?}");
            }
            assert_eq!(passed_on(signal, 0, false), Some(signal));
        }
        for signal in [System::TERM, System::USR1, System::USR2] {
            assert_eq!(passed_on(signal, 0, true), Some(signal), "nobody types it");
        }
    }

    #[test]
    fn the_third_request_to_end_cannot_be_refused() {
        for signal in [System::INT, System::TERM, System::QUIT] {
            let told: Vec<_> = (0..4).filter_map(|asked| passed_on(signal, asked, false)).collect();
            assert_eq!(told, [signal, signal, System::KILL, System::KILL]);
        }
        for signal in [System::HUP, System::USR1] {
            assert_eq!(passed_on(signal, 9, false), Some(signal), "it asks for no end");
        }
        assert_eq!(passed_on(System::TERM, 2, true), Some(System::KILL));
    }
}
