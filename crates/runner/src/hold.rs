//! One at a time on an environment: what CI systems do by `resource_group` and `concurrency`.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{EnvironmentName, RunId};
use landfall_pipeline::Job;
use tokio::sync::OnceCell;

use crate::Runs;

/// How often it is looked whether the environment is free: nobody is told by the system.
const LOOK: Duration = Duration::from_millis(200);

/// The turn of a job on its environment. All its parts have it together: from before the first begins until the last has ended.
#[derive(Debug)]
pub(crate) struct Turn {
    environment: EnvironmentName,
    held: OnceCell<Held>,
}

/// An environment that a job has to itself. In the file stands the run that has it; where one stands there that does not hold it, its runner was
/// killed.
#[derive(Debug)]
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Where it cannot be emptied the next one looks whether this run has jobs left, and finds none.
        let _ = self.0.set_len(0);
    }
}

impl Turn {
    /// That of a job; `None` where it needs none.
    pub(crate) fn of(job: &Job) -> Option<Arc<Self>> {
        let environment = job.environment.clone().filter(|_| job.is_exclusive())?;
        Some(Arc::new(Self { environment, held: OnceCell::new() }))
    }

    /// Waits for it, as long as another job has the environment, also one of another run or what a killed runner left; `told` is told once of
    /// which run that is.
    ///
    /// # Errors
    /// What the system says of the file that the lock is on.
    pub(crate) async fn take(&self, runs: &Runs, run: &RunId, told: impl Fn(&str)) -> io::Result<()> {
        self.held.get_or_try_init(|| hold(runs, &self.environment, run, told)).await?;
        Ok(())
    }
}

async fn hold(
    runs: &Runs,
    environment: &EnvironmentName,
    run: &RunId,
    told: impl Fn(&str),
) -> io::Result<Held> {
    let folder = runs.folder().join("locks");
    std::fs::create_dir_all(&folder)?;
    // No environment has a plus in its name.
    let path = folder.join(format!("{}.lock", environment.as_str().replace('/', "+")));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut is_told = false;
    loop {
        let is_locked = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::Error(cause)) => return Err(cause),
            Err(TryLockError::WouldBlock) => false,
        };
        let mut holder = String::new();
        file.rewind()?;
        (&file).take(100).read_to_string(&mut holder)?;
        let holder = holder.trim();
        let is_of_killed = || holder.parse().is_ok_and(|id: RunId| id != *run && runs.has_jobs(&id));
        if is_locked && !is_of_killed() {
            break;
        }
        if !is_told {
            is_told = true;
            told(holder);
        }
        tokio::time::sleep(LOOK).await;
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{run}\n").as_bytes())?;
    Ok(Held(file))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use landfall_artifacts::{EnvironmentName, RunId};
    use time::macros::datetime;

    use tokio::sync::OnceCell;

    use super::{Turn, hold};
    use crate::Runs;

    fn environment() -> EnvironmentName {
        "production/eu".parse().expect("a name")
    }

    fn nobody(holder: &str) {
        panic!("free, not held by {holder}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_waits_and_is_told_for_whom() {
        let folder = tempfile::tempdir().expect("a folder");
        let runs = Runs::of(folder.path());
        let [one, two]: [RunId; 2] =
            ["20261122-055148-0001", "20261122-055148-0002"].map(|id| id.parse().expect("a run"));
        let held = hold(&runs, &environment(), &one, nobody).await.expect("free");
        let told = RefCell::new(Vec::new());
        let environment = environment();
        let second = hold(&runs, &environment, &two, |holder| told.borrow_mut().push(holder.to_owned()));
        let first = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(held);
        };
        let (second, ()) = tokio::join!(second, first);
        assert!(second.is_ok());
        assert_eq!(*told.borrow(), ["20261122-055148-0001"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_parts_of_a_job_have_one_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let runs = Runs::of(folder.path());
        let run: RunId = "20261122-055148-0001".parse().expect("a run");
        let turn = || Turn { environment: environment(), held: OnceCell::new() };
        let (parts, other) = (turn(), turn());
        parts.take(&runs, &run, nobody).await.expect("free");
        parts.take(&runs, &run, nobody).await.expect("theirs already");
        let told = RefCell::new(0);
        let second = other.take(&runs, &run, |_| *told.borrow_mut() += 1);
        let first = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(*told.borrow(), 1);
            drop(parts);
        };
        assert!(tokio::join!(second, first).0.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_killed_runner_left_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let runs = Runs::of(folder.path());
        let begin = || runs.begin(datetime!(2026-11-22 05:51:48 UTC)).expect("begun");
        let (killed, next) = (begin(), begin());
        let environment = environment();
        let held = hold(&runs, &environment, &killed.id, nobody).await.expect("free");
        let jobs = killed.claim.jobs.try_clone().expect("one more");
        // As a process that is killed: it lets go of all and says nothing.
        let written = std::fs::read(runs.folder().join("locks/production+eu.lock")).expect("there");
        let id = killed.id.to_string();
        drop((held, killed));
        std::fs::write(runs.folder().join("locks/production+eu.lock"), written).expect("written");
        let told = RefCell::new(Vec::new());
        let second = hold(&runs, &environment, &next.id, |holder| told.borrow_mut().push(holder.to_owned()));
        let ending = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(*told.borrow(), [id]);
            drop(jobs);
        };
        let (second, ()) = tokio::join!(second, ending);
        // Who is done says so, and the next one waits for nobody although the run goes on.
        drop(second.expect("free"));
        let third = begin();
        // What another test starts has the lock for a moment too, in which nobody's name stands in the file.
        let told = |holder: &str| assert_eq!(holder, "", "free");
        assert!(hold(&runs, &environment, &third.id, told).await.is_ok());
    }
}
