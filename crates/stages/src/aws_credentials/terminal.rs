//! Who else hears what is typed at a terminal.

use std::fs::File;

use rustix::process::{Pid, getpgrp};
use rustix::termios::tcgetpgrp;

/// The terminal that this process belongs to, whatever its input and outputs are.
#[derive(Debug)]
pub(super) struct Terminal {
    file: Option<File>,
    /// What was so when the terminal could last be asked.
    is_in_front: bool,
}

impl Terminal {
    /// The controlling terminal, where there is one: CI gives none.
    pub(super) fn controlling() -> Self {
        let mut terminal = Self { file: File::open("/dev/tty").ok(), is_in_front: false };
        terminal.is_in_front();
        terminal
    }

    /// Whether the kernel sends what is typed there (Ctrl-C, Ctrl-\), and a hangup of the line, to the whole process group that this process
    /// and its command are in (POSIX, "General Terminal Interface", 11.1.9 and 11.1.11). After a hangup nobody can be asked; then what
    /// was so before it counts.
    pub(super) fn is_in_front(&mut self) -> bool {
        if let Some(Ok(in_front)) = self.file.as_ref().map(tcgetpgrp) {
            self.is_in_front = is_ours(in_front);
        }
        self.is_in_front
    }
}

fn is_ours(group: Pid) -> bool {
    group == getpgrp()
}
