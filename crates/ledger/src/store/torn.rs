//! A newest record that lost its end: it is put aside, and the next record says so.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use landfall_artifacts::{Digest, LedgerEvent};

use super::folder::{FolderStore, Found, shown};
use crate::error::Error;

/// What every record ends with.
const END: &[u8] = b"}\n";

/// What the name of a record that was put aside has after the record's own, before the beginning of its digest.
const MARK: &str = ".torn-";

/// Held by who puts a record aside. No record has such a name, and nobody else waits for it.
const TURN: &str = ".recovery.lock";

/// How often, and how long apart, it is seen whether another run has ended its turn: 10 seconds, where a turn takes some milliseconds.
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

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
    /// The newest number, as [`FolderStore::last`], after putting aside a newest record of which only the beginning is there; and what
    /// was put aside of the number after it, by this run or by an earlier one that recorded nothing since.
    ///
    /// No writer of ours leaves a part of a record, but a machine may that lost its power, or a copy that broke off. A record that is
    /// whole and wrong is not touched: that is damage.
    pub(crate) fn recovered(&self) -> Result<(u64, Option<Torn>), Error> {
        let (mut last, mut aside) = self.survey()?;
        if last > 0 && self.get(last)?.is_none_or(|bytes| is_torn(&bytes)) {
            self.put_aside(last)?;
            (last, aside) = self.survey()?;
        }
        let next = last + 1;
        let of_next = aside.into_iter().filter(|name| sequence_of(name) == Some(next));
        // Where that happened twice to one number, the newest is what the next record takes the place of.
        let newest = of_next.filter_map(|name| self.kept(next, &name)).max_by_key(|(time, _)| *time);
        Ok((last, newest.map(|(_, torn)| torn)))
    }

    /// Gives the record another name where only its beginning is there.
    ///
    /// Two runs that do so at once take turns, and each looks in its own: after the first one's the number may have a new record, which
    /// the second must not take away.
    fn put_aside(&self, sequence: u64) -> Result<(), Error> {
        let _turn = self.turn()?;
        let Some(bytes) = self.get(sequence)?.filter(|bytes| is_torn(bytes)) else { return Ok(()) };
        let path = self.path(sequence);
        let failed = |cause: io::Error| Error::Write { place: shown(&path), cause };
        let mut name = path.clone().into_os_string();
        name.push(format!("{MARK}{}", Digest::of(&bytes).short().trim_start_matches("sha256:")));
        let renamed = fs::rename(&path, PathBuf::from(name));
        renamed.and_then(|()| File::open(self.folder())?.sync_all()).map_err(failed)
    }

    /// The turn to put a record aside; it ends with the file, also where the run is killed.
    fn turn(&self) -> Result<File, Error> {
        let path = self.folder().join(TURN);
        let failed = |cause: io::Error| Error::Write { place: shown(&path), cause };
        // A link here could lead to a file that is not ours.
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let opened =
            OpenOptions::new().create(true).truncate(false).write(true).custom_flags(flags).open(&path);
        let file = opened.map_err(failed)?;
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_LOOKS),
                // Without turns a record could be lost, so that a folder which has none is not mended.
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
        Err(failed(ErrorKind::TimedOut.into()))
    }

    /// What was put aside under this name, and when; `None` where the name is not that of its content.
    fn kept(&self, sequence: u64, name: &str) -> Option<(std::time::SystemTime, Torn)> {
        let path = self.folder().join(name);
        let time = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?.modified().ok()?;
        let Ok(Found::Bytes(bytes)) = self.read(name, LedgerEvent::MAX_BYTES) else { return None };
        let digest = Digest::of(&bytes);
        let is_it = is_torn(&bytes) && name.ends_with(digest.short().trim_start_matches("sha256:"));
        is_it.then_some((time, Torn { sequence, digest, kept_as: path }))
    }
}

/// The number of a record that was put aside, by its name; `None` where it is not such a name.
pub(super) fn sequence_of(name: &str) -> Option<u64> {
    let (record, _) = name.split_once(MARK)?;
    LedgerEvent::sequence_of(record)
}

/// Whether these are the first bytes of a record: nothing, zeros that the file system filled in, or a text without its end.
fn is_torn(bytes: &[u8]) -> bool {
    bytes.len() <= LedgerEvent::MAX_BYTES
        && !bytes.ends_with(END)
        && (bytes.is_empty() || bytes[0] == b'{' || bytes.iter().all(|byte| *byte == 0))
}
