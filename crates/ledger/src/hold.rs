//! One run at a time on an environment, among those that share a ledger folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};

use landfall_artifacts::EnvironmentName;

use crate::{Error, FolderLedger};

/// Most bytes of a lock file that are read to name the holder.
const MOST_BYTES: u64 = 1024;

/// An environment that this process holds until the value is dropped, or the process ends in whatever way: the lock is the
/// operating system's (`flock`), so that a killed run leaves none behind.
#[derive(Debug)]
pub struct Hold {
    _file: File,
}

impl FolderLedger {
    /// Takes an environment, and notes who holds it.
    ///
    /// It keeps runs apart that share the folder; runs on other machines are kept apart by the CI system (`resource_group`,
    /// `concurrency`).
    ///
    /// # Errors
    /// [`Error::Held`] where another run has it, [`Error::Place`] where the folder cannot be written.
    pub fn hold(&self, environment: &EnvironmentName) -> Result<Hold, Error> {
        let name: String = environment.as_str().chars().map(|c| if c == '/' { '+' } else { c }).collect();
        let path = self.folder().join(format!("{name}.lock"));
        let failed = |cause| Error::Place { path: path.clone(), cause };
        std::fs::create_dir_all(self.folder()).map_err(failed)?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = file.take(MOST_BYTES).read_to_string(&mut holder);
                let holder = match read {
                    Ok(_) if !holder.trim().is_empty() => landfall_secret::escape(holder.trim(), 300),
                    Ok(_) | Err(_) => "another run".to_owned(),
                };
                return Err(Error::Held { environment: environment.to_string(), holder });
            }
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        let context = self.context();
        let holder = format!(
            "{} of {}, process {}{}\n",
            context.stage.as_deref().unwrap_or("a run"),
            context.actor.name,
            std::process::id(),
            context.run.as_deref().map(|link| format!(", {link}")).unwrap_or_default()
        );
        let noted = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(context.redactor.redact(&holder).as_bytes()));
        noted.map_err(failed)?;
        Ok(Hold { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Actor, EnvironmentName};
    use landfall_run::Clock;

    use crate::{Context, Error, FolderLedger};

    #[test]
    fn an_environment_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let actor = Actor { name: "ada".into(), source: "USER".into() };
        let mut context = Context::new(actor, "0");
        context.stage = Some("deploy-lambda".into());
        let ledger = FolderLedger::open(folder.path(), context, Clock::system()).expect("a ledger");
        let environment: EnvironmentName = "stg_eu00".parse().expect("a name");
        let held = ledger.hold(&environment).expect("free");
        match ledger.hold(&environment) {
            Err(Error::Held { holder, .. }) => assert!(holder.starts_with("deploy-lambda of ada, process ")),
            other => panic!("not held: {other:?}"),
        }
        assert!(ledger.hold(&"stg_na00".parse().expect("a name")).is_ok(), "another environment is free");
        drop(held);
        assert!(ledger.hold(&environment).is_ok(), "it is free again");
        assert_eq!(ledger.verify(None).map(|verified| verified.records).ok(), Some(0), "a lock is no record");
    }
}
