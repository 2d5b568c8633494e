//! The process that stands over a job: it runs the job's programs one after the other, and ends them when the runner is gone.
//!
//! Its standard error is a file that the run is locked by, so that nobody takes the run, or the job's environment, before it is gone; what it
//! and the programs print goes to its standard output. It leads the job's process group, and its standard input is a pipe of which the runner has the other end and never writes to it. When the
//! runner dies, however it does, the pipe ends: what a signal to the runner alone would leave behind is ended here.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Signal, getpgrp, getpid, kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use tokio::sync::oneshot;

/// How long programs have to end after they were asked to, when the runner is gone.
const GRACE: Duration = Duration::from_secs(10);

/// What is written where a program cannot be started; shells use it too.
const NOT_STARTED: u8 = 127;

/// Runs the programs that a file names, as lists of words in JSON, until one fails; the exit code of the last one. One that a signal ended
/// counts as 128 and the signal's number.
pub fn keep_job(commands: &Path) -> u8 {
    let read = std::fs::read(commands).map_err(|cause| cause.to_string());
    let parsed = read.and_then(|bytes| {
        serde_json::from_slice::<Vec<Vec<String>>>(&bytes).map_err(|cause| cause.to_string())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match (parsed, runtime) {
        (Ok(commands), Ok(runtime)) => runtime.block_on(keep(&commands)),
        (Err(cause), _) => not_started(&commands.display().to_string(), &cause),
        (_, Err(cause)) => not_started("the job", &cause.to_string()),
    }
}

async fn keep(commands: &[Vec<String>]) -> u8 {
    let mut orphaned = orphaned();
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(cause) => return not_started("the job", &cause.to_string()),
    };
    for words in commands {
        let Some((program, arguments)) = words.split_first() else { continue };
        // Since the program before ended nobody was there to hear a stop.
        if let Some(code) = signals.waiting().await {
            return code;
        }
        // In this process's group: whoever ends the job signals all of it.
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            // Else it would have the lock, and what it leaves behind too.
            .stderr(std::io::stdout())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(cause) => return not_started(program, &cause.to_string()),
        };
        // One that came just now was perhaps before the program, which has done nothing yet.
        if let Some(code) = signals.waiting().await {
            let _ = child.kill().await;
            return code;
        }
        let mut asked = None;
        let status = loop {
            tokio::select! {
                // In this order: of a program that ended when the stop came, the stop is heard.
                biased;
                code = signals.next() => asked = asked.or(Some(code)),
                status = child.wait() => break status,
                _ = &mut orphaned => {
                    end_all(&mut child).await;
                    return 128 + 15;
                }
            }
        };
        let code = status.map_or(NOT_STARTED, code);
        if code != 0 {
            return code;
        }
        // It ended well although it was asked to stop; what would come next is not begun.
        if let Some(code) = asked {
            return code;
        }
    }
    0
}

/// Resolves when the runner is gone.
fn orphaned() -> oneshot::Receiver<()> {
    let (gone, orphaned) = oneshot::channel();
    std::thread::spawn(move || {
        let mut nothing = [0; 64];
        while matches!(std::io::stdin().read(&mut nothing), Ok(read) if read > 0) {}
        let _ = gone.send(());
    });
    orphaned
}

/// Ends the whole group, this process too where something in it does not end by itself.
async fn end_all(child: &mut Child) {
    let group = getpgrp();
    // Somebody who called this by hand has a group of their own, which is not ours to end.
    if group != getpid() {
        let _ = child.kill().await;
        return;
    }
    let _ = kill_process_group(group, Signal::TERM);
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
    let _ = kill_process_group(group, Signal::KILL);
}

/// What the group is told, this process hears too, and goes on: the program decides how it ends.
struct Signals {
    interrupt: Listener,
    terminate: Listener,
    hangup: Listener,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The exit code of who is ended by the next one.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 128 + 2,
            _ = self.terminate.recv() => 128 + 15,
            _ = self.hangup.recv() => 128 + 1,
        }
    }

    /// The same of one that is there already.
    async fn waiting(&mut self) -> Option<u8> {
        // The runtime looks for signals when nobody has anything to do.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            code = self.next() => Some(code),
            () = std::future::ready(()) => None,
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn not_started(what: &str, cause: &str) -> u8 {
    use std::io::Write as _;
    let what = landfall_secret::escape(what, 200);
    // The runner reads it as the job's output; where it is gone nobody does.
    let _ = writeln!(std::io::stdout(), "{what} cannot be started: {cause}");
    NOT_STARTED
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::Signals;

    #[tokio::test]
    async fn a_stop_that_came_while_nobody_listened_is_found() {
        let mut signals = Signals::listen().expect("heard");
        assert_eq!(signals.waiting().await, None);
        kill_process(getpid(), Signal::HUP).expect("sent");
        // Another thread may get it, a moment later.
        let code = loop {
            if let Some(code) = signals.waiting().await {
                break code;
            }
        };
        assert_eq!((code, signals.waiting().await), (128 + 1, None));
    }
}
