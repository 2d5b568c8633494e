//! SIGINT and SIGTERM become a request to stop.

use landfall_run::{Heard, Signal, Stop};
use tokio::signal::unix::{SignalKind, signal};

/// Listens for SIGINT and SIGTERM in the background and asks `stop` to stop. A second signal ends the process at once with
/// the code of that signal, unless somebody hears all of them ([`Stop::hear_all`]), since a program is waited for.
///
/// # Errors
/// Where the system does not let us listen.
pub fn listen(stop: &Stop) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            let (seen, code) = tokio::select! {
                _ = interrupt.recv() => (Signal::Interrupt, crate::exit::INTERRUPTED),
                _ = terminate.recv() => (Signal::Terminate, crate::exit::TERMINATED),
            };
            match stop.request(seen) {
                Heard::First | Heard::PassedOn => {}
                Heard::Again => std::process::exit(i32::from(code)),
            }
        }
    });
    Ok(())
}
