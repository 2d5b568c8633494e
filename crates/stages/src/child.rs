//! Programs that stages run: with the variables that they are given and no others, ended with all that they started.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use landfall_run::{Event, Run};
use tokio::process::{Child, Command};

/// Bytes of the beginning of a long output that are shown.
const HEAD: u64 = 256 * 1024;
/// Bytes of its end.
const TAIL: u64 = 1024 * 1024;

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

/// How a program ended whose output was shown.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With 0.
    Well,
    /// Otherwise.
    Badly(ExitStatus),
    /// It was ended, for its time was over.
    TooLate,
    /// It was ended, for the run was asked to stop.
    Stopped,
    /// It could not be started.
    NotStarted(std::io::Error),
    /// How it ended cannot be seen.
    Unseen(std::io::Error),
    /// Its output could not be kept.
    NotKept(std::io::Error),
}

impl Program<'_> {
    /// Runs it to its end and shows its output as that of `item`: whole where it failed, folded where it went well.
    pub(crate) async fn run_shown(&self, item: String, timeout: Duration, run: &Run) -> Ended {
        // On the disk, since nobody knows how long it gets; both outputs in one file, so that their lines stay in order.
        let kept = || -> std::io::Result<[File; 3]> {
            let kept = tempfile::tempfile()?;
            Ok([kept.try_clone()?, kept.try_clone()?, kept])
        };
        let [stdout, stderr, mut kept] = match kept() {
            Ok(files) => files,
            Err(cause) => return Ended::NotKept(cause),
        };
        let (mut child, group) = match self.start(Stdio::from(stdout), Stdio::from(stderr)) {
            Ok(started) => started,
            Err(cause) => return Ended::NotStarted(cause),
        };
        let ended = tokio::select! {
            ended = tokio::time::timeout(timeout, child.wait()) => Some(ended),
            () = run.stop().wait() => None,
        };
        drop(group);
        let went_well = matches!(&ended, Some(Ok(Ok(status))) if status.success());
        let text = match shown(&mut kept) {
            Ok(text) => text,
            Err(cause) => return Ended::NotKept(cause),
        };
        run.progress().event(Event::Output { item, text, went_well });
        match ended {
            Some(Ok(Ok(_))) if went_well => Ended::Well,
            Some(Ok(Ok(status))) => Ended::Badly(status),
            Some(Ok(Err(cause))) => Ended::Unseen(cause),
            Some(Err(_)) => Ended::TooLate,
            None => Ended::Stopped,
        }
    }
}

/// How a program ended, in words.
pub(crate) fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("it ended with {code}"),
        None => format!("it was ended: {status}"),
    }
}

/// The whole output; of a long one beginning and end.
fn shown(kept: &mut File) -> std::io::Result<String> {
    let length = kept.seek(SeekFrom::End(0))?;
    kept.rewind()?;
    let mut bytes = Vec::new();
    if length <= HEAD + TAIL {
        kept.read_to_end(&mut bytes)?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    kept.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.push_str(&format!("\n[{} bytes are left out]\n", length - HEAD - TAIL));
    bytes.clear();
    kept.seek(SeekFrom::Start(length - TAIL))?;
    kept.read_to_end(&mut bytes)?;
    text.push_str(&String::from_utf8_lossy(&bytes));
    Ok(text)
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
