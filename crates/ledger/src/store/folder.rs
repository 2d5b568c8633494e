//! Records in a folder: one file each, made whole or not at all.

mod notes;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall_artifacts::{Digest, LedgerEvent};

use super::Placed;
use crate::chain::{self, Bad, Link};
use crate::error::Error;

/// The most records of a folder; more is not a ledger that one folder should hold.
const MOST_RECORDS: u64 = 1_000_000;

/// What every record ends with.
const END: &[u8] = b"}\n";

/// A folder with records. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct FolderStore {
    folder: Arc<Path>,
}

/// A newest record of which only the beginning reached the disk, as a machine leaves it that lost its power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Its number, which the next record takes.
    pub sequence: u64,
    /// SHA-256 of what was left of it.
    pub digest: Digest,
    /// Where that was put aside.
    pub kept_as: PathBuf,
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
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(0),
            Err(cause) => return Err(self.unusable(cause)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|cause| self.unusable(cause))?;
            let Some(sequence) = entry.file_name().to_str().and_then(LedgerEvent::sequence_of) else {
                continue;
            };
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
        Ok(expected - 1)
    }

    /// The bytes of a record; `None` where there is none.
    pub(crate) fn get(&self, sequence: u64) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(sequence);
        let failed = |cause: io::Error| Error::Place { place: shown(&path), cause };
        let odd = || self.damaged(Bad { sequence, what: "it is not a regular file".to_owned() });
        // A link is no record, and opening a pipe must not wait for its writer.
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
        let opened =
            OpenOptions::new().read(true).custom_flags(i32::try_from(flags).unwrap_or_default()).open(&path);
        let mut file = match opened {
            Ok(file) => file,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) if is_link(&cause) => return Err(odd()),
            Err(cause) => return Err(failed(cause)),
        };
        let facts = file.metadata().map_err(failed)?;
        if !facts.is_file() {
            return Err(odd());
        }
        let most = LedgerEvent::MAX_BYTES as u64 + 1;
        let mut bytes = Vec::with_capacity(usize::try_from(facts.len().min(most)).unwrap_or_default() + 1);
        Read::by_ref(&mut file).take(most).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// A record that is to be there.
    pub(crate) fn link(&self, sequence: u64) -> Result<Link, Error> {
        match self.get(sequence)? {
            Some(bytes) => chain::link(sequence, &bytes).map_err(|bad| self.damaged(bad)),
            None => Err(self.damaged(Bad { sequence, what: "it is missing".to_owned() })),
        }
    }

    /// Puts a record at a number that has none: written beside, flushed, moved to its name where nothing has that name, and the
    /// folder flushed.
    pub(crate) fn put(&self, sequence: u64, bytes: &[u8]) -> Result<Placed, Error> {
        fs::create_dir_all(&self.folder).map_err(|cause| self.unusable(cause))?;
        let path = self.path(sequence);
        match write_new(&self.folder, &path, bytes) {
            Ok(()) => Ok(Placed::New),
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(Placed::Taken),
            Err(cause) => Err(Error::Write { place: shown(&path), cause }),
        }
    }

    /// Puts the newest record aside where only its beginning is there; what was left of it stays for whoever looks into it.
    ///
    /// No writer of ours leaves that, but a machine may that lost its power, or a copy that broke off. A record that is whole and
    /// wrong is not touched: that is damage.
    pub(crate) fn recover(&self, last: u64) -> Result<Option<Torn>, Error> {
        let Some(bytes) = self.get(last)?.filter(|bytes| is_torn(bytes)) else { return Ok(None) };
        let digest = Digest::of(&bytes);
        let path = self.path(last);
        let mut name = path.clone().into_os_string();
        name.push(format!(".torn-{}", digest.short().trim_start_matches("sha256:")));
        let kept_as = PathBuf::from(name);
        match fs::rename(&path, &kept_as).and_then(|()| File::open(&self.folder)?.sync_all()) {
            Ok(()) => Ok(Some(Torn { sequence: last, digest, kept_as })),
            // Another run was as quick.
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Error::Write { place: shown(&path), cause }),
        }
    }

    fn path(&self, sequence: u64) -> PathBuf {
        self.folder.join(LedgerEvent::file_name(sequence))
    }

    fn damaged(&self, bad: Bad) -> Error {
        Error::Damaged { place: self.place(), sequence: bad.sequence, what: bad.what }
    }

    fn unusable(&self, cause: io::Error) -> Error {
        Error::Place { place: self.place(), cause }
    }
}

/// Whether these are the first bytes of a record: nothing, zeros that the file system filled in, or a text without its end.
fn is_torn(bytes: &[u8]) -> bool {
    bytes.len() <= LedgerEvent::MAX_BYTES
        && !bytes.ends_with(END)
        && (bytes.is_empty() || bytes[0] == b'{' || bytes.iter().all(|byte| *byte == 0))
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

fn shown(path: &Path) -> String {
    landfall_secret::escape(&path.to_string_lossy(), 400)
}

/// Whether a link stood where a file should.
fn is_link(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}
