//! Processes that end with the value that stands for them, on whatever way that goes.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::ChildStdout;

use super::CHILD;

/// How long one measured run may take before it counts as stuck.
const LONGEST: Duration = Duration::from_mins(15);

/// A process with a group of its own, which what it starts belongs to.
pub(crate) struct Process {
    child: Child,
    ended: bool,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        // Ctrl-C then reaches xtask alone, which ends them all.
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child, ended: false })
    }

    /// Starts xtask itself for one of the things that need a process of their own.
    pub(crate) fn child(args: &[&str]) -> Result<Self> {
        Self::start(itself()?.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    /// Whether it runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The first line that it prints.
    pub(crate) async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        BufReader::new(self.output()?).read_line(&mut line).await?;
        Ok(line)
    }

    fn output(&mut self) -> Result<ChildStdout> {
        let output = self.child.stdout.take().context("standard output is not a pipe")?;
        Ok(ChildStdout::from_std(output)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It is not waited for yet, so the id is still its own, even if it has ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
        // What it wrote to is removed next.
        let _ = self.child.wait();
    }
}

/// Has xtask do `work` in a process of its own and reads what it took.
pub(crate) async fn ask<T: DeserializeOwned>(name: &str, work: &impl Serialize) -> Result<T> {
    let mut process = Process::child(&[name])?;
    let mut input = process.child.stdin.take().context("standard input is not a pipe")?;
    // It reads all of it before it does anything else.
    input.write_all(&serde_json::to_vec(work)?)?;
    drop(input);
    let (mut output, mut printed) = (process.output()?, String::new());
    tokio::time::timeout(LONGEST, output.read_to_string(&mut printed))
        .await
        .with_context(|| format!("{name}: not ended after {} minutes", LONGEST.as_secs() / 60))??;
    let status = process.child.wait()?;
    process.ended = true;
    ensure!(status.success(), "{name}: {status}");
    serde_json::from_str(&printed).with_context(|| format!("what {name} printed"))
}

/// A command that runs `program`, which ends even where xtask is killed and can end nothing.
pub(crate) fn guarded(program: &std::path::Path) -> Result<Command> {
    let mut command = itself()?;
    command.arg("guarded").arg(program);
    Ok(command)
}

fn itself() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(CHILD);
    Ok(command)
}

/// Has the kernel end this process when the one that started it ends. The setting outlives [`become_program`].
pub(crate) fn end_with_parent() -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

/// Runs a program in place of this one. Returns only where that failed.
pub(crate) fn become_program(program: &str, args: &[&str]) -> Result<()> {
    Err(Command::new(program).args(args).exec()).with_context(|| format!("cannot start {program}"))
}
