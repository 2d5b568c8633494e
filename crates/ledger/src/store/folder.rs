//! Records in a folder: one file each, made whole or not at all.

mod notes;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall_artifacts::LedgerEvent;
use time::OffsetDateTime;

use super::{Placed, torn};
use crate::chain::{self, Bad, Link};
use crate::error::Error;

/// The most records of a folder; more is not a ledger that one folder should hold.
pub(super) const MOST_RECORDS: u64 = 1_000_000;

/// A folder with records. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct FolderStore {
    folder: Arc<Path>,
}

/// What stands at a name.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    Bytes(Vec<u8>),
    /// A link, a folder, a pipe.
    Odd,
}

impl FolderStore {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn place(&self) -> String {
        landfall_secret::escape(&self.folder.to_string_lossy(), 400)
    }

    /// The newest number, 0 where there is none, after seeing that none before it is missing.
    pub(crate) fn last(&self) -> Result<u64, Error> {
        Ok(self.survey()?.0)
    }

    /// The same, with the names of what was put aside of records that lost their end.
    pub(super) fn survey(&self) -> Result<(u64, Vec<String>), Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok((0, Vec::new())),
            Err(cause) => return Err(self.unusable(cause)),
        };
        let (mut found, mut aside) = (Vec::new(), Vec::new());
        for entry in entries {
            let name = entry.map_err(|cause| self.unusable(cause))?.file_name();
            let Some(name) = name.to_str() else { continue };
            if torn::sequence_of(name).is_some() {
                aside.push(name.to_owned());
            }
            let Some(sequence) = LedgerEvent::sequence_of(name) else { continue };
            if sequence == 0 || sequence > MOST_RECORDS {
                let what = format!("no ledger in a folder has it; the last may be {MOST_RECORDS}");
                return Err(self.damaged(Bad { sequence, what }));
            }
            found.push(sequence);
        }
        found.sort_unstable();
        let mut expected = 1;
        for &sequence in &found {
            while expected < sequence {
                // A listing that others write into meanwhile may show a record and not the one before it.
                if fs::symlink_metadata(self.path(expected)).is_err() {
                    return Err(self.damaged(Bad { sequence: expected, what: "it is missing".to_owned() }));
                }
                expected += 1;
            }
            expected = sequence + 1;
        }
        Ok((expected - 1, aside))
    }

    /// The bytes of a record; `None` where there is none.
    pub(crate) fn get(&self, sequence: u64) -> Result<Option<Vec<u8>>, Error> {
        match self.read(&LedgerEvent::file_name(sequence), LedgerEvent::MAX_BYTES)? {
            Found::Nothing => Ok(None),
            Found::Bytes(bytes) => Ok(Some(bytes)),
            Found::Odd => Err(self.damaged(Bad { sequence, what: "it is not a regular file".to_owned() })),
        }
    }

    /// When a record's file was written.
    pub(super) fn stored(&self, sequence: u64) -> Result<OffsetDateTime, Error> {
        let path = self.path(sequence);
        let written = fs::symlink_metadata(&path).and_then(|facts| facts.modified());
        written.map(OffsetDateTime::from).map_err(|cause| Error::Place { place: shown(&path), cause })
    }

    /// At most one byte more than `most` of a file of the folder: that it is too large is seen by that one.
    pub(crate) fn read(&self, name: &str, most: usize) -> Result<Found, Error> {
        let path = self.folder.join(name);
        let failed = |cause: io::Error| Error::Place { place: shown(&path), cause };
        // A link is no record, and opening a pipe must not wait for its writer.
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
        let opened =
            OpenOptions::new().read(true).custom_flags(i32::try_from(flags).unwrap_or_default()).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(cause) if is_link(&cause) => return Ok(Found::Odd),
            Err(cause) => return Err(failed(cause)),
        };
        let facts = file.metadata().map_err(failed)?;
        if !facts.is_file() {
            return Ok(Found::Odd);
        }
        // As many as the file was said to have: files of the folder are written whole before they get their names, so that none grows, and
        // a million reads that find its end once more take a while.
        let size = usize::try_from(facts.len()).unwrap_or(usize::MAX).min(most + 1);
        let mut bytes = Vec::with_capacity(size);
        file.take(size as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Found::Bytes(bytes))
    }

    /// The names of the files of the folder; none where it is not there.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(self.unusable(cause)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|cause| self.unusable(cause))?.file_name();
            names.extend(name.into_string().ok());
        }
        Ok(names)
    }

    /// A record that is to be there.
    pub(crate) fn link(&self, sequence: u64) -> Result<Link, Error> {
        match self.get(sequence)? {
            Some(bytes) => chain::link(sequence, &bytes).map_err(|bad| self.damaged(bad)),
            None => Err(self.damaged(Bad { sequence, what: "it is missing".to_owned() })),
        }
    }

    /// Puts a file at a name that nothing has: written beside, flushed, moved to its name, and the folder flushed.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<Placed, Error> {
        fs::create_dir_all(&self.folder).map_err(|cause| self.unusable(cause))?;
        let path = self.folder.join(name);
        match write_new(&self.folder, &path, bytes) {
            Ok(()) => Ok(Placed::New),
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(Placed::Taken),
            Err(cause) => Err(Error::Write { place: shown(&path), cause }),
        }
    }

    pub(super) fn path(&self, sequence: u64) -> PathBuf {
        self.folder.join(LedgerEvent::file_name(sequence))
    }

    fn damaged(&self, bad: Bad) -> Error {
        Error::Damaged { place: self.place(), sequence: bad.sequence, what: bad.what }
    }

    fn unusable(&self, cause: io::Error) -> Error {
        Error::Place { place: self.place(), cause }
    }
}

/// Writes a file of a folder whole, where nothing has its name.
fn write_new(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".record-")
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    File::open(folder)?.sync_all()
}

pub(super) fn shown(path: &Path) -> String {
    landfall_secret::escape(&path.to_string_lossy(), 400)
}

/// Whether a link stood where a file should.
fn is_link(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}
