//! A job's processes: started, listened to, and ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use landfall_run::Signal;
use rustix::process::{Pid, Signal as System, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::log::Log;

/// How long the output of what is left of a job's group is waited for, after all of it was killed.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What all jobs are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing: to go on.
    Nothing,
    /// To end by themselves, however long that takes them.
    Stop(Signal),
    /// They are made to.
    Kill,
}

/// How a job's processes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By themselves, with this exit code.
    Code(u8),
    /// Their time was over.
    TooLate,
    /// They were killed on request, or somebody else killed what stands over them.
    Killed,
}

/// What is started, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process<'p> {
    /// The program that stands over the job, with its arguments. What it prints goes to its standard output alone.
    pub(crate) keeper: &'p [String],
    /// What it has as its standard error, and with that what is locked on it, for as long as it is there.
    pub(crate) lock: &'p File,
    /// Where it runs.
    pub(crate) folder: &'p Path,
    /// Its whole environment.
    pub(crate) variables: &'p BTreeMap<String, String>,
    /// How long it may take.
    pub(crate) timeout: Duration,
    /// How long it has to end, after that.
    pub(crate) grace: Duration,
}

impl Process<'_> {
    /// Runs it to its end. All that it started ends with it, as far as it stays in its process group.
    ///
    /// # Errors
    /// What the system says where it cannot be started, or its output cannot be kept.
    pub(crate) async fn run(
        &self,
        log: &mut Log,
        mut asked: watch::Receiver<Asked>,
        mut line: impl FnMut(&str),
    ) -> io::Result<How> {
        let (output, stdout) = io::pipe()?;
        let mut output = pipe::Receiver::from_owned_fd(output.into())?;
        let (program, arguments) =
            self.keeper.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder)
            .env_clear()
            .envs(self.variables)
            .stdin(Stdio::piped())
            .stdout(stdout)
            // A descriptor of these three is inherited by it alone, and by nothing that is started beside it.
            .stderr(self.lock.try_clone()?)
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        // Its end of the output pipe must be the only one, or there is no end of it.
        drop(command);
        // The keeper waits for this to end, which it does with us.
        let lifeline = child.stdin.take();
        let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        let mut too_late = false;
        let mut limit = Some(Instant::now() + self.timeout);
        let mut piece = vec![0; 16 * 1024];
        let mut is_open = true;
        if *asked.borrow_and_update() != Asked::Nothing {
            group.tell(System::TERM);
        }
        let status: ExitStatus = loop {
            let over = async {
                match limit {
                    Some(limit) => tokio::time::sleep_until(limit).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = child.wait() => break status?,
                read = output.read(&mut piece), if is_open => match read? {
                    0 => is_open = false,
                    read => said(log, piece.get(..read).unwrap_or_default(), &mut line)?,
                },
                () = over => {
                    if too_late {
                        log.say("[landfall] it does not end by itself and is killed")?;
                        group.tell(System::KILL);
                        limit = None;
                    } else {
                        log.say("[landfall] its time is over: it is asked to end")?;
                        too_late = true;
                        group.tell(System::TERM);
                        limit = Some(Instant::now() + self.grace);
                    }
                },
                Ok(()) = asked.changed() => match *asked.borrow_and_update() {
                    Asked::Nothing => {}
                    Asked::Stop(Signal::Interrupt) => group.tell(System::INT),
                    Asked::Stop(Signal::Terminate | Signal::Deadline) => group.tell(System::TERM),
                    Asked::Kill => group.tell(System::KILL),
                },
            }
        };
        drop(group);
        drop(lifeline);
        let last_words = async {
            if !is_open {
                return io::Result::Ok(());
            }
            loop {
                match output.read(&mut piece).await? {
                    0 => return Ok(()),
                    read => said(log, piece.get(..read).unwrap_or_default(), &mut line)?,
                }
            }
        };
        // What made itself a group of its own may hold the output open for as long as it likes.
        tokio::time::timeout(LAST_WORDS, last_words).await.unwrap_or(Ok(()))?;
        if let Some(last) = log.end_line()? {
            line(&last);
        }
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(match (too_late, code) {
            (true, _) => How::TooLate,
            (false, Some(code)) => How::Code(code),
            (false, None) => How::Killed,
        })
    }
}

fn said(log: &mut Log, bytes: &[u8], line: &mut impl FnMut(&str)) -> io::Result<()> {
    // A job that prints much is shown by its last line alone.
    if let Some(last) = log.take(bytes)?.last() {
        line(last);
    }
    Ok(())
}

/// A process group, which ends with this value.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn tell(&self, signal: System) {
        if let Some(group) = self.0 {
            // One that has ended meanwhile hears nothing.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.tell(System::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::time::Duration;

    use landfall_secret::Redactor;
    use tokio::sync::watch;

    use super::{Asked, How, Process};
    use crate::log::Log;

    const LONG: Duration = Duration::from_secs(600);

    /// Runs a script in place of what stands over a job; how it ended, and its lines.
    async fn ran(script: &str, timeout: Duration, grace: Duration, asked: Asked) -> (How, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(&folder.path().join("log.txt"), Redactor::new()).expect("a log");
        let keeper = ["sh", "-c", script].map(str::to_owned);
        let lock = std::fs::File::create(folder.path().join("lock")).expect("a file");
        let path = std::env::var("PATH").expect("a path");
        let variables = BTreeMap::from([("PATH".to_owned(), path)]);
        let process = Process {
            keeper: &keeper,
            lock: &lock,
            folder: Path::new("/"),
            variables: &variables,
            timeout,
            grace,
        };
        let (ask, heard) = watch::channel(asked);
        let mut lines = Vec::new();
        let how = process.run(&mut log, heard, |line| lines.push(line.to_owned())).await.expect("started");
        drop(ask);
        (how, lines)
    }

    #[tokio::test]
    async fn the_exit_code_and_the_output_are_seen() {
        let (how, lines) = ran("pwd; env | grep -c HOME; exit 7", LONG, LONG, Asked::Nothing).await;
        assert_eq!(how, How::Code(7));
        assert_eq!(lines.last().map(String::as_str), Some("0"), "{lines:?}");
    }

    #[tokio::test]
    async fn who_is_too_late_is_asked_and_then_made_to_end() {
        let short = Duration::from_millis(200);
        let (how, lines) =
            ran("trap 'echo asked; exit 0' TERM; sleep 600 & wait", short, LONG, Asked::Nothing).await;
        assert_eq!((how, lines.as_slice()), (How::TooLate, &["asked".to_owned()][..]));
        let (how, _) = ran("trap '' TERM; while :; do sleep 1; done", short, short, Asked::Nothing).await;
        assert_eq!(how, How::TooLate);
    }

    #[tokio::test]
    async fn who_holds_the_output_open_holds_nothing_up() {
        let (how, _) = ran("sleep 600 & exit 0", LONG, LONG, Asked::Nothing).await;
        assert_eq!(how, How::Code(0));
    }
}
