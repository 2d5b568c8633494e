//! What tells whether the holder of a lock lives: in a folder the operating system's locks (`flock`) beside the records, of which
//! a killed run leaves none behind; in a bucket only time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use landfall_artifacts::EnvironmentName;
use time::OffsetDateTime;

use crate::Error;
use crate::lock::{Lock, Part};

/// How often a file is opened anew that others take away meanwhile.
const ATTEMPTS: u32 = 100;

/// What this process keeps as long as it holds an environment.
#[derive(Debug)]
pub(crate) enum Latch {
    /// Nothing: the ledger is in a bucket.
    Time,
    /// The environment's file, which nobody else has.
    Whole { _environment: File },
    /// The environment's file, which only holders of parts have besides, and the part's, which nobody else has.
    Part { folder: PathBuf, own: PartFile, _environment: File },
}

/// The file of one part, which goes when it is given back.
#[derive(Debug)]
pub(crate) struct PartFile {
    path: PathBuf,
    _file: File,
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // It is locked still: who opened it meanwhile sees that it is gone, and opens anew.
        let _ = fs::remove_file(&self.path);
    }
}

impl Latch {
    /// Takes a folder's files; `None` where another process has one of them.
    pub(crate) fn take(
        folder: &Path,
        environment: &EnvironmentName,
        part: Option<&Part>,
    ) -> Result<Option<Self>, Error> {
        fs::create_dir_all(folder).map_err(|cause| unusable(folder, cause))?;
        let path = folder.join(format!("{}.lock", flat(environment)));
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(|cause| unusable(&path, cause))?;
        let tried = if part.is_some() { file.try_lock_shared() } else { file.try_lock() };
        if !is_taken(tried, &path)? {
            return Ok(None);
        }
        let Some(part) = part else { return Ok(Some(Self::Whole { _environment: file })) };
        let own = PartFile::take(folder.join(name(environment, part)))?;
        Ok(own.map(|own| Self::Part { folder: folder.to_owned(), own, _environment: file }))
    }

    /// Whether the holder of a lock that stands is gone. What it still writes for the environment is refused.
    pub(crate) fn is_gone(&self, lock: &Lock, now: OffsetDateTime) -> Result<bool, Error> {
        match (self, &lock.part) {
            (Self::Time, _) => Ok(lock.is_over(now)),
            // A living holder has the environment's file, of which this process has more than its share.
            (Self::Whole { .. }, _) | (Self::Part { .. }, None) => Ok(true),
            (Self::Part { folder, own, .. }, Some(part)) => {
                let path = folder.join(name(&lock.environment, part));
                Ok(path == own.path || PartFile::is_free(path)?)
            }
        }
    }
}

impl PartFile {
    /// `None` where another process has it.
    fn take(path: PathBuf) -> Result<Option<Self>, Error> {
        let failed = |cause| unusable(&path, cause);
        for _ in 0..ATTEMPTS {
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = open.map_err(failed)?;
            if !is_taken(file.try_lock(), &path)? {
                return Ok(None);
            }
            let own = file.metadata().map_err(failed)?;
            match fs::symlink_metadata(&path) {
                Ok(there) if (there.dev(), there.ino()) == (own.dev(), own.ino()) => {
                    return Ok(Some(Self { path, _file: file }));
                }
                // Who had it took it away after it was opened here.
                Ok(_) => {}
                Err(cause) if cause.kind() == ErrorKind::NotFound => {}
                Err(cause) => return Err(failed(cause)),
            }
        }
        Err(failed(io::Error::other("it is taken away again and again")))
    }

    /// Whether no process has it; what a killed one left of it is taken away.
    fn is_free(path: PathBuf) -> Result<bool, Error> {
        let is_there = path.try_exists().map_err(|cause| unusable(&path, cause))?;
        Ok(!is_there || Self::take(path)?.is_some())
    }
}

fn is_taken(tried: Result<(), TryLockError>, path: &Path) -> Result<bool, Error> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(unusable(path, cause)),
    }
}

/// Parts of different works have files of their own, so that looking whether an old one lives stands in no new one's way.
fn name(environment: &EnvironmentName, part: &Part) -> String {
    let work = part.work.hex();
    let (index, of) = (part.shard.index(), part.shard.of());
    format!("{}.{index}-of-{of}.{}.lock", flat(environment), work.get(..12).unwrap_or(&work))
}

fn flat(environment: &EnvironmentName) -> String {
    environment.as_str().chars().map(|c| if c == '/' { '+' } else { c }).collect()
}

fn unusable(path: &Path, cause: io::Error) -> Error {
    Error::Place { place: landfall_secret::escape(&path.to_string_lossy(), 400), cause }
}
