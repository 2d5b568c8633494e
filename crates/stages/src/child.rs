//! Programs that stages run: with the variables that they are given and no others, ended with all that they started.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// A program, its arguments, and what it sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a> {
    /// The program and its arguments; at least one.
    pub(crate) words: &'a [String],
    /// Its whole environment.
    pub(crate) variables: &'a BTreeMap<String, String>,
    /// Where it runs; where this process does, if none is named.
    pub(crate) folder: Option<&'a Path>,
}

impl Program<'_> {
    /// Starts it as the first of a process group of its own, without input. It is ended with the value.
    ///
    /// # Errors
    /// What the system says, as where it is not installed.
    pub(crate) fn start(
        &self,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> std::io::Result<(Child, Group)> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "no program is named"));
        };
        let mut command = Command::new(program);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        let child = command
            .args(arguments)
            .env_clear()
            .envs(self.variables)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()));
        Ok((child, group))
    }
}

/// A process group, which ends with this value.
#[derive(Debug)]
pub(crate) struct Group(Option<i32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
