//! Who has a run: its runner, its jobs, and whoever goes on with it or takes its files.
//!
//! Two files in its folder are locked (`flock`). `run.lock` is the runner's, and of who goes on with the run. `jobs.lock` is shared by the
//! runner and everything that stands over a job of it, so that the last of them lets go of it, whatever became of the runner.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_artifacts::{FileError, RunReport};

use crate::error::{RunError, of_path};
use crate::kept;

/// How often it is looked whether all jobs are gone: nobody is told by the system.
const LOOK: Duration = Duration::from_millis(100);

/// The locks of a runner on its run; a killed process lets go of them.
#[derive(Debug)]
pub(crate) struct Claim {
    _run: File,
    /// For what stands over jobs, each of which inherits it.
    pub(crate) jobs: File,
}

/// A run that another one goes on with, or has files of: nobody removes it, and nobody else goes on with it, as long as this value is there.
#[derive(Debug)]
pub struct Earlier {
    /// How far it came.
    pub report: RunReport,
    folder: PathBuf,
    _lock: File,
}

/// What is wanted of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// To go on with it, which one at a time may.
    GoingOn,
    /// Its files, which many may have.
    Files,
}

impl Claim {
    /// For a run whose folder was made just now.
    ///
    /// # Errors
    /// [`RunError::Folder`].
    pub(crate) fn of(folder: &Path) -> Result<Self, RunError> {
        let made = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map_err(of_path(&path, "made")).map(|file| (file, path))
        };
        let locked = |path: &Path, tried: Result<(), TryLockError>| match tried {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                let cause = io::Error::new(io::ErrorKind::WouldBlock, "somebody else holds it");
                Err(of_path(path, "locked")(cause))
            }
            Err(TryLockError::Error(cause)) => Err(of_path(path, "locked")(cause)),
        };
        let (run, path) = made(RunReport::LOCK)?;
        locked(&path, run.try_lock())?;
        let (jobs, path) = made(RunReport::JOBS_LOCK)?;
        locked(&path, jobs.try_lock_shared())?;
        Ok(Self { _run: run, jobs })
    }
}

impl Earlier {
    /// Takes the run of a folder; `None` where its runner is alive, or somebody else has it.
    ///
    /// # Errors
    /// What is wrong with its report.
    pub(crate) fn take(folder: &Path, what_for: For) -> Result<Option<Self>, FileError> {
        let (path, report) = (folder.join(RunReport::LOCK), folder.join(RunReport::FILE));
        let lock = File::open(&path).map_err(|_| FileError::Missing { path: report.clone() })?;
        let locked = match what_for {
            For::GoingOn => lock.try_lock(),
            For::Files => lock.try_lock_shared(),
        };
        if locked.is_err() {
            return Ok(None);
        }
        // What is read now stays as it is: nobody writes to it or removes it any more.
        let report = RunReport::read(&report)?;
        Ok(Some(Self { report, folder: folder.to_owned(), _lock: lock }))
    }

    /// Waits until nothing of the run is left that a killed runner had started, which takes about ten seconds at most; `told` is told once,
    /// before. Then the keys go that those jobs left.
    pub async fn settled(&self, told: impl FnOnce()) {
        if has_jobs(&self.folder) {
            told();
        }
        while has_jobs(&self.folder) {
            tokio::time::sleep(LOOK).await;
        }
        kept::remove_secrets(&self.folder.join("jobs"));
    }
}

/// Whether the runner of a run is alive, or somebody goes on with it.
pub(crate) fn is_alive(folder: &Path) -> bool {
    is_held(&folder.join(RunReport::LOCK), File::try_lock_shared)
}

/// Whether the runner or a job of a run is alive.
pub(crate) fn has_jobs(folder: &Path) -> bool {
    is_held(&folder.join(RunReport::JOBS_LOCK), File::try_lock)
}

/// Removes a run that nobody has, and lets nobody take it meanwhile. What cannot be removed stays: it hinders nobody.
pub(crate) fn remove(folder: &Path) {
    let lock = File::open(folder.join(RunReport::LOCK));
    // Who was cut off here before may have removed the lock and not all of the rest.
    let is_free = lock.as_ref().map_or(true, |lock| lock.try_lock().is_ok());
    if is_free && !has_jobs(folder) {
        let _ = fs::remove_dir_all(folder);
    }
}

/// A file that is not there is held by nobody.
fn is_held(path: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> bool {
    File::open(path).is_ok_and(|file| matches!(lock(&file), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{Claim, Earlier, For, has_jobs, is_alive, remove};

    /// Waits for it: what other tests start has all files of this process for a moment, until it is another program.
    fn until(is: impl Fn() -> bool) {
        while !is() {
            std::thread::yield_now();
        }
    }

    fn taken(folder: &std::path::Path, what_for: For) -> Earlier {
        loop {
            if let Some(earlier) = Earlier::take(folder, what_for).expect("one") {
                return earlier;
            }
        }
    }

    const SAMPLE: &str = include_str!("../../artifacts/samples/v1/run-report.json");

    #[test]
    fn what_stands_over_a_job_has_the_run_when_its_runner_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = Claim::of(folder.path()).expect("new");
        let stderr = claim.jobs.try_clone().expect("one more");
        let mut keeper = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("it starts");
        assert!(is_alive(folder.path()) && has_jobs(folder.path()));
        drop(claim);
        until(|| !is_alive(folder.path()));
        assert!(has_jobs(folder.path()));
        remove(folder.path());
        assert!(folder.path().exists(), "a job is left");
        drop(keeper.stdin.take());
        keeper.wait().expect("it ends");
        until(|| !has_jobs(folder.path()));
        remove(folder.path());
        assert!(!folder.path().exists());
    }

    #[test]
    fn one_goes_on_with_a_run_and_several_take_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let take = |what_for| Earlier::take(folder.path(), what_for);
        assert!(take(For::GoingOn).is_err(), "there is none");
        let claim = Claim::of(folder.path()).expect("new");
        std::fs::write(folder.path().join("run-report.json"), SAMPLE).expect("written");
        assert!(
            [For::GoingOn, For::Files].into_iter().all(|what_for| take(what_for).expect("one").is_none())
        );
        drop(claim);
        let files = [taken(folder.path(), For::Files), taken(folder.path(), For::Files)];
        assert!(take(For::GoingOn).expect("one").is_none());
        drop(files);
        let one = taken(folder.path(), For::GoingOn);
        assert!(is_alive(folder.path()) && take(For::Files).expect("one").is_none());
        remove(folder.path());
        assert!(folder.path().exists());
        drop(one);
        until(|| {
            remove(folder.path());
            !folder.path().exists()
        });
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_of_a_killed_runner_are_waited_for_and_their_keys_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = Claim::of(folder.path()).expect("new");
        std::fs::write(folder.path().join("run-report.json"), SAMPLE).expect("written");
        let keys = folder.path().join("jobs/a/kept/aws_auth.env");
        std::fs::create_dir_all(keys.parent().expect("a folder")).expect("made");
        std::fs::write(&keys, "").expect("written");
        let jobs = claim.jobs.try_clone().expect("one more");
        drop(claim);
        let earlier = taken(folder.path(), For::GoingOn);
        let mut told = 0;
        let ending = async {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            assert!(keys.exists());
            drop(jobs);
        };
        tokio::join!(earlier.settled(|| told += 1), ending);
        assert_eq!((told, keys.exists()), (1, false));
    }
}
