//! Running programs and measuring them, in a small process that does nothing else.
//!
//! Time is from the first start to the last end. Processor time and peak memory are what the kernel counted for the children of this
//! process (`getrusage`), so nothing is sampled. The kernel counts in a child's peak what the process that started it had until then:
//! that is why this one is small, and why it says what its own peak is (of its memory, without that of the process that started it).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// How much of what a failed program printed is passed on.
const SHOWN: usize = 2000;

/// What the process is to do; it reads this from standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    /// What to run.
    pub(crate) programs: Vec<Program>,
    /// How many at once.
    pub(crate) at_a_time: usize,
    /// The only environment that they see.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where they run.
    pub(crate) folder: PathBuf,
    /// User and group that they run as; else as this process.
    pub(crate) user: Option<u32>,
}

/// One program with its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) file: PathBuf,
    pub(crate) args: Vec<String>,
}

/// What it took; the process writes this to standard output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Took {
    pub(crate) seconds: f64,
    /// User and system time of all.
    pub(crate) processor_seconds: f64,
    /// Peak resident memory of the largest.
    pub(crate) peak_bytes: u64,
    /// Peak resident memory of the process that started them: the least that can be told.
    pub(crate) own_peak_bytes: u64,
    /// What failed, with the end of what it printed.
    pub(crate) failures: Vec<String>,
}

/// Does the work that standard input describes.
pub(crate) fn serve() -> Result<()> {
    let work: Work = serde_json::from_reader(std::io::stdin().lock()).context("the work to measure")?;
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let began = Instant::now();
    let worker = || {
        while let Some(program) = work.programs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(failure) = failure(&work, program) {
                failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(failure);
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..work.at_a_time {
            scope.spawn(worker);
        }
        worker();
    });
    let seconds = began.elapsed().as_secs_f64();
    let children = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let took = Took {
        seconds,
        processor_seconds: seconds_of(&children),
        peak_bytes: peak_bytes(&children),
        own_peak_bytes: own_peak_bytes()?,
        failures: failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
    };
    println!("{}", serde_json::to_string(&took)?);
    Ok(())
}

fn failure(work: &Work, program: &Program) -> Option<String> {
    let mut command = Command::new(&program.file);
    command.args(&program.args).current_dir(&work.folder).env_clear().envs(&work.environment);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(user) = work.user {
        std::os::unix::process::CommandExt::uid(&mut command, user);
        std::os::unix::process::CommandExt::gid(&mut command, user);
    }
    let name = program.file.display();
    match command.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let printed = &output.stderr[output.stderr.len().saturating_sub(SHOWN)..];
            Some(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(printed)))
        }
        Err(error) => Some(format!("{name}: {error}")),
    }
}

/// User and system time of this process so far.
pub(crate) fn processor_seconds() -> Result<f64> {
    Ok(seconds_of(&getrusage(UsageWho::RUSAGE_SELF)?))
}

fn seconds_of(usage: &Usage) -> f64 {
    let seconds =
        |time: TimeVal| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000).as_secs_f64();
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Peak of this process' memory since it was started: `VmHWM` of proc(5), in kibibytes. What getrusage(2) says of this process has the peak
/// of the one that started it in it; it is taken where there is nothing else.
fn own_peak_bytes() -> Result<u64> {
    let kibibytes = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    Ok(match kibibytes {
        Some(kibibytes) => kibibytes * 1024,
        None => peak_bytes(&getrusage(UsageWho::RUSAGE_SELF)?),
    })
}

/// getrusage(2): kibibytes, but on macOS bytes.
fn peak_bytes(usage: &Usage) -> u64 {
    u64::try_from(usage.max_rss()).unwrap_or(0) * if cfg!(target_os = "macos") { 1 } else { 1024 }
}
