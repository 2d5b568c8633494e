//! The folder of all runs.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use landfall_artifacts::{FileError, PartName, RunId, RunReport, RunState};
use time::OffsetDateTime;

use crate::claim::{self, Claim, Earlier, For};
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
    /// Held until the end.
    pub(crate) claim: Claim,
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
                Ok(()) => break RunFolder { claim: Claim::of(&path)?, id, path },
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

    /// The run that is to be gone on with, by its name or `latest`: the newest of this pipeline. What ended well in it is not done again.
    ///
    /// # Errors
    /// [`RunError::NoRun`], [`RunError::OtherPipeline`]; [`RunError::Alive`] where it has not ended, or somebody else goes on with it.
    pub fn go_on_with(&self, name: &str, pipeline: &PartName) -> Result<Earlier, RunError> {
        // The newest of all may be of another pipeline.
        let report = match self.newest(pipeline).filter(|_| name == RunReport::LATEST) {
            Some(report) => report,
            None => self.report(name)?,
        };
        if report.pipeline != *pipeline {
            return Err(RunError::OtherPipeline {
                id: report.id,
                of: report.pipeline,
                wanted: pipeline.clone(),
            });
        }
        self.take(report.id, For::GoingOn)
    }

    /// The newest run of a pipeline, for the files of its jobs; `None` where there is none.
    ///
    /// # Errors
    /// [`RunError::Alive`] where it has not ended.
    pub fn files_of(&self, pipeline: &PartName) -> Result<Option<Earlier>, RunError> {
        self.newest(pipeline).map(|report| self.take(report.id, For::Files)).transpose()
    }

    fn take(&self, id: RunId, what_for: For) -> Result<Earlier, RunError> {
        match Earlier::take(&self.path(&id), what_for) {
            Ok(Some(earlier)) => Ok(earlier),
            Ok(None) => Err(RunError::Alive { id }),
            // It was removed meanwhile.
            Err(FileError::Missing { .. }) => Err(RunError::NoRun { id: id.to_string() }),
            Err(error) => Err(error.into()),
        }
    }

    /// The newest run of a pipeline that can be read.
    fn newest(&self, pipeline: &PartName) -> Option<RunReport> {
        // Ids know whole seconds, and of two runs in one second the link knows which came later.
        let latest = self.report(RunReport::LATEST).ok();
        let others = self.ids().into_iter().rev().filter_map(|id| self.report(id.as_str()).ok());
        latest.into_iter().chain(others).find(|report| report.pipeline == *pipeline)
    }

    /// Whether the runner of a run, or a job of it, is alive.
    pub(crate) fn has_jobs(&self, id: &RunId) -> bool {
        claim::has_jobs(&self.path(id))
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
        for id in self.ids() {
            let folder = self.path(&id);
            // Jobs that a killed runner left need them until they are gone.
            let is_over = || !claim::is_alive(&folder) && !claim::has_jobs(&folder);
            let ended = self.report(id.as_str()).is_ok_and(|report| report.state != RunState::Running);
            if !ended && is_over() {
                kept::remove_secrets(&folder.join("jobs"));
            }
        }
    }

    fn remove_oldest(&self) {
        let ids = self.ids();
        for id in ids.iter().take(ids.len().saturating_sub(KEPT)) {
            claim::remove(&self.path(id));
        }
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
    use crate::{Earlier, RunError};

    const SAMPLE: &str = include_str!("../../artifacts/samples/v1/run-report.json");

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
        assert!(runs.has_jobs(&held.id) && !runs.has_jobs(&ids[1]));
        let latest = std::fs::read_link(runs.folder().join(RunReport::LATEST)).expect("a link");
        assert_eq!(latest.to_str(), ids.last().map(landfall_artifacts::RunId::as_str));
        assert!(matches!(runs.report("../../x"), Err(RunError::NoRun { .. })));
    }

    #[test]
    fn a_run_that_is_gone_on_with_is_not_removed() {
        let repo = tempfile::tempdir().expect("a folder");
        let runs = Runs::of(repo.path());
        let begun = datetime!(2026-11-22 05:51:48 UTC);
        let pipeline = "staging".parse().expect("a name");
        assert!(runs.files_of(&pipeline).expect("well").is_none());
        let first = runs.begin(begun).expect("begun");
        let mut report = RunReport::parse(SAMPLE.as_bytes(), "sample").expect("valid");
        report.id = first.id.clone();
        report.write(&first.path.join(RunReport::FILE)).expect("written");
        let (id, path) = (first.id.clone(), first.path.clone());
        let refused = runs.go_on_with("latest", &pipeline).expect_err("its runner is alive");
        assert!(matches!(&refused, RunError::Alive { id: alive } if *alive == id), "{refused}");
        assert!(matches!(runs.files_of(&pipeline), Err(RunError::Alive { .. })));
        drop(first);
        let other = runs.go_on_with(id.as_str(), &"production".parse().expect("a name"));
        assert!(matches!(other, Err(RunError::OtherPipeline { .. })));
        let go_on = || runs.go_on_with("latest", &pipeline);
        let files = || runs.files_of(&pipeline).map(|one| one.expect("one"));
        let ways: [&dyn Fn() -> Result<Earlier, RunError>; 2] = [&go_on, &files];
        for take in ways {
            // What another test starts has all files of this process for a moment.
            let taken = std::iter::repeat_with(take).find_map(Result::ok).expect("free by and by");
            for minute in 1..=KEPT + 1 {
                let at = begun + time::Duration::minutes(i64::try_from(minute).expect("small"));
                drop(runs.begin(at).expect("begun"));
            }
            assert_eq!((&taken.report.id, path.exists()), (&id, true));
        }
        // Nobody has it any more, but what another test starts, for a moment.
        let is_gone = |_| {
            drop(runs.begin(begun + time::Duration::hours(1)).expect("begun"));
            !path.exists()
        };
        assert!((0..1000).any(is_gone));
        assert!(matches!(runs.go_on_with(id.as_str(), &pipeline), Err(RunError::NoRun { .. })));
    }
}
