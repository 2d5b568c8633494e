//! One at a time on an environment: what CI systems do by `resource_group` and `concurrency`.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use landfall_artifacts::{EnvironmentName, RunId};

/// How often it is looked whether the environment is free: nobody is told by the system.
const LOOK: Duration = Duration::from_millis(200);

/// An environment that a job has to itself; a killed process lets go of it.
#[derive(Debug)]
pub(crate) struct Held(#[expect(dead_code, reason = "the lock goes with the file")] File);

/// Takes an environment, and waits as long as another job has it, also one of another run; `told` is told once of which run that is.
///
/// # Errors
/// What the system says of the file that the lock is on.
pub(crate) async fn hold(
    folder: &Path,
    environment: &EnvironmentName,
    run: &RunId,
    told: impl Fn(&str),
) -> io::Result<Held> {
    std::fs::create_dir_all(folder)?;
    // No environment has a plus in its name.
    let path = folder.join(format!("{}.lock", environment.as_str().replace('/', "+")));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(cause)) => return Err(cause),
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_told {
            is_told = true;
            let mut holder = String::new();
            file.rewind()?;
            (&file).take(100).read_to_string(&mut holder)?;
            told(holder.trim());
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

    use super::hold;

    #[tokio::test(start_paused = true)]
    async fn the_second_waits_and_is_told_for_whom() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = "production/eu".parse().expect("a name");
        let [one, two] =
            ["20261122-055148-0001", "20261122-055148-0002"].map(|id| id.parse().expect("a run"));
        let nobody = |holder: &str| assert!(holder.is_empty(), "free, not held by {holder}");
        let held = hold(folder.path(), &environment, &one, nobody).await.expect("free");
        let told = RefCell::new(Vec::new());
        let second =
            hold(folder.path(), &environment, &two, |holder| told.borrow_mut().push(holder.to_owned()));
        let first = async {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            drop(held);
        };
        let (second, ()) = tokio::join!(second, first);
        assert!(second.is_ok());
        assert_eq!(*told.borrow(), ["20261122-055148-0001"]);
    }
}
