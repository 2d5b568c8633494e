//! One run a target at a time.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};

/// How often the file may be gone again when its lock is got.
const TRIES: usize = 100;

/// A file that is locked as long as this value lives, and goes with it. What a killed run leaves of it is not locked.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks the file; `None` where another run has it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..TRIES {
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(path)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(cause) => return Err(cause.into()),
            }
            // The run before may have removed it between the two: then others lock another file of this name.
            let there = fs::symlink_metadata(path).map(|data| (data.dev(), data.ino()));
            let held = file.metadata().map(|data| (data.dev(), data.ino()))?;
            if there.is_ok_and(|there| there == held) {
                return Ok(Some(Self { path: path.to_owned(), _file: file }));
            }
        }
        Ok(None)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It is removed while it is held, and closed after that.
        let _ = fs::remove_file(&self.path);
    }
}
