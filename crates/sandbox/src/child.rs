//! The process under test, for faults that kill it.

use std::fmt;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// How long a kill waits for the harness to say which process to kill.
const REGISTRATION: Duration = Duration::from_secs(10);

/// The slot that holds the child's process id.
pub(crate) struct Child {
    pid: watch::Sender<Option<u32>>,
}

impl Default for Child {
    fn default() -> Self {
        Self { pid: watch::channel(None).0 }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Child").field(&*self.pid.borrow()).finish()
    }
}

impl Child {
    /// Names the process that faults kill.
    pub(crate) fn set(&self, pid: u32) {
        self.pid.send_replace(Some(pid));
    }

    /// Forgets it.
    pub(crate) fn clear(&self) {
        self.pid.send_replace(None);
    }

    /// Kills the process with SIGKILL and forgets it. A child that has just been started may ask before the harness has named it, so this waits a
    /// little for the name. `false` if nobody was named or the process was gone.
    pub(crate) async fn kill(&self) -> bool {
        let mut named = self.pid.subscribe();
        let waited = tokio::time::timeout(REGISTRATION, named.wait_for(Option::is_some)).await;
        let Ok(Ok(pid)) = waited.map(|found| found.map(|pid| *pid)) else {
            return false;
        };
        self.clear();
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        pid.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
    }
}
