//! Notes in a folder below the records' own.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use landfall_artifacts::{FileError, read_bounded};

use super::{FolderStore, shown, write_new};
use crate::drawer::{MOST_BYTES, MOST_LISTED, is_name};
use crate::error::Error;

impl FolderStore {
    /// Puts a note where none of its name is.
    pub(crate) fn put_note(&self, drawer: &str, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        let folder = self.folder.join(drawer);
        let failed = |cause| Error::Write { place: shown(&folder.join(name)), cause };
        fs::create_dir_all(&folder).map_err(failed)?;
        match write_new(&folder, &folder.join(name), bytes) {
            Ok(()) => Ok(true),
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(cause) => Err(failed(cause)),
        }
    }

    /// A note; `None` where there is none.
    pub(crate) fn get_note(&self, drawer: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.note(drawer, name);
        match read_bounded(&path, MOST_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileError::Missing { .. }) => Ok(None),
            Err(FileError::Empty { .. }) => Ok(Some(Vec::new())),
            Err(FileError::Read { source, .. }) => Err(Error::Place { place: shown(&path), cause: source }),
            Err(other) => Err(Error::Place { place: shown(&path), cause: io::Error::other(other) }),
        }
    }

    /// The first names behind `after`, in their order.
    pub(crate) fn list_notes(&self, drawer: &str, after: &str) -> Result<Vec<String>, Error> {
        let folder = self.folder.join(drawer);
        let unusable = |cause| Error::Place { place: shown(&folder), cause };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(unusable(cause)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(unusable)?.file_name();
            names.extend(name.to_str().filter(|name| is_name(name) && *name > after).map(str::to_owned));
        }
        names.sort_unstable();
        names.truncate(MOST_LISTED);
        Ok(names)
    }

    /// Takes a note away.
    pub(crate) fn remove_note(&self, drawer: &str, name: &str) -> Result<(), Error> {
        let path = self.note(drawer, name);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(Error::Write { place: shown(&path), cause }),
        }
        let flushed = File::open(self.folder.join(drawer)).and_then(|folder| folder.sync_all());
        flushed.map_err(|cause| Error::Write { place: shown(&path), cause })
    }

    fn note(&self, drawer: &str, name: &str) -> PathBuf {
        self.folder.join(drawer).join(name)
    }
}
