//! The folder of all runs.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use landfall_artifacts::{FileError, PartName, RunId, RunReport, RunState};
use time::OffsetDateTime;

use crate::error::{RunError, of_path};
use crate::kept;

/// How many runs are kept. Logs and files of jobs add up, and nobody goes back further.
const KEPT: usize = 20;

/// The runs of one repo, in `.landfall/runs` below a folder of it.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: PathBuf,
}

/// The folder of a run that goes on: nobody else goes on with it, or removes it, as long as this value is there.
#[derive(Debug)]
pub struct RunFolder {
    /// The run.
    pub id: RunId,
    /// The folder.
    pub path: PathBuf,
    /// Held until the end; a killed process lets go of it.
    _lock: File,
}

impl Runs {
    /// Those of the repo in this folder.
    pub fn of(repo: &Path) -> Self {
        Self { folder: repo.join(RunReport::RUNS) }
    }

    /// The folder of all runs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a run.
    pub fn path(&self, id: &RunId) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// Begins a run: makes its folder, locks it, and points `latest` to it. Of older runs those that ended longest ago are removed.
    ///
    /// # Errors
    /// [`RunError::Folder`].
    pub fn begin(&self, now: OffsetDateTime) -> Result<RunFolder, RunError> {
        fs::create_dir_all(&self.folder).map_err(of_path(&self.folder, "made"))?;
        // What jobs leave is nobody's to commit, logs and keys least of all.
        let ignore = self.folder.join(".gitignore");
        fs::write(&ignore, "*\n").map_err(of_path(&ignore, "written"))?;
        self.remove_oldest();
        self.remove_secrets_of_killed();
        let begun = loop {
            let id = new_id(now);
            let path = self.path(&id);
            // Logs are nobody else's to read.
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => break RunFolder { _lock: lock(&path)?, id, path },
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(of_path(&path, "made")(cause)),
            }
        };
        let (link, fresh) = (self.folder.join(RunReport::LATEST), self.folder.join(format!(".{}", begun.id)));
        // Renamed over the old one, so that there is one at every time.
        let pointed =
            std::os::unix::fs::symlink(begun.id.as_str(), &fresh).and_then(|()| fs::rename(&fresh, &link));
        pointed.map_err(of_path(&link, "pointed to the run"))?;
        Ok(begun)
    }

    /// The report of a run; `latest` names the newest.
    ///
    /// # Errors
    /// [`RunError::NoRun`], and what is wrong with its report.
    pub fn report(&self, name: &str) -> Result<RunReport, RunError> {
        let no_run = || RunError::NoRun { id: landfall_secret::escape(name, 60) };
        if name != RunReport::LATEST && name.parse::<RunId>().is_err() {
            return Err(no_run());
        }
        match RunReport::read(&self.folder.join(name).join(RunReport::FILE)) {
            Ok(report) => Ok(report),
            Err(FileError::Missing { .. }) => Err(no_run()),
            Err(error) => Err(error.into()),
        }
    }

    /// The newest run of a pipeline that can be read.
    pub fn newest(&self, pipeline: &PartName) -> Option<RunReport> {
        // Ids know whole seconds, and of two runs in one second the link knows which came later.
        let latest = self.report(RunReport::LATEST).ok();
        let others = self.ids().into_iter().rev().filter_map(|id| self.report(id.as_str()).ok());
        latest.into_iter().chain(others).find(|report| report.pipeline == *pipeline)
    }

    /// Whether a run goes on.
    pub fn is_alive(&self, id: &RunId) -> bool {
        let lock = File::open(self.path(id).join(RunReport::LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Oldest first.
    fn ids(&self) -> Vec<RunId> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut ids: Vec<RunId> =
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        ids.sort();
        ids
    }

    /// A runner that was killed had no time to remove the keys that its jobs left.
    fn remove_secrets_of_killed(&self) {
        for id in self.ids().into_iter().filter(|id| !self.is_alive(id)) {
            let ended = self.report(id.as_str()).is_ok_and(|report| report.state != RunState::Running);
            if !ended {
                kept::remove_secrets(&self.path(&id).join("jobs"));
            }
        }
    }

    /// What cannot be removed stays: it hinders nobody.
    fn remove_oldest(&self) {
        let ids = self.ids();
        let ended = ids.iter().take(ids.len().saturating_sub(KEPT)).filter(|id| !self.is_alive(id));
        for id in ended {
            let _ = fs::remove_dir_all(self.path(id));
        }
    }
}

fn lock(folder: &Path) -> Result<File, RunError> {
    let path = folder.join(RunReport::LOCK);
    let file = File::create(&path).map_err(of_path(&path, "made"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let cause = io::Error::new(io::ErrorKind::WouldBlock, "somebody else holds it");
            Err(of_path(&path, "locked")(cause))
        }
        Err(TryLockError::Error(cause)) => Err(of_path(&path, "locked")(cause)),
    }
}

fn new_id(now: OffsetDateTime) -> RunId {
    let format = time::macros::format_description!("[year][month][day]-[hour][minute][second]");
    let begun = now.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default();
    let text = format!("{begun}-{:04x}", fastrand::u16(..));
    text.parse().expect("a day, a time and four digits")
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::RunReport;
    use time::macros::datetime;

    use super::{KEPT, Runs};
    use crate::RunError;

    #[test]
    fn the_newest_is_found_and_the_oldest_go() {
        let repo = tempfile::tempdir().expect("a folder");
        let runs = Runs::of(repo.path());
        let begun = datetime!(2026-11-22 05:51:48 UTC);
        assert!(matches!(runs.report("latest"), Err(RunError::NoRun { .. })));
        let held = runs.begin(begun).expect("begun");
        for minute in 1..=KEPT + 3 {
            let at = begun + time::Duration::minutes(i64::try_from(minute).expect("small"));
            drop(runs.begin(at).expect("begun"));
        }
        let ids = runs.ids();
        assert_eq!(ids.first(), Some(&held.id), "one that goes on is not removed");
        assert!(ids.len() <= KEPT + 2, "{ids:?}");
        assert!(runs.is_alive(&held.id) && !runs.is_alive(&ids[1]));
        let latest = std::fs::read_link(runs.folder().join(RunReport::LATEST)).expect("a link");
        assert_eq!(latest.to_str(), ids.last().map(landfall_artifacts::RunId::as_str));
        assert!(matches!(runs.report("../../x"), Err(RunError::NoRun { .. })));
    }
}
