//! Files that appear whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::digest::{Digest, Hasher};
use crate::file_error::FileError;
use crate::json::record;

/// Who may read a written file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whoever the process's mask allows, at most 0666.
    Shared,
    /// The owner alone: 0600.
    Private,
}

/// A file that was written, as reports list it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrittenFile {
    /// The path, as it was given.
    pub path: String,
    /// Digest of the bytes.
    pub sha256: Digest,
    /// Number of bytes.
    pub size_bytes: u64,
}

record!(WrittenFile { path: "path", sha256: "sha256", size_bytes: "sizeBytes" });

impl WrittenFile {
    /// What writing these bytes would give; nothing is written.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        Self {
            path: path.to_string_lossy().into_owned(),
            sha256: Digest::of(bytes),
            size_bytes: bytes.len() as u64,
        }
    }
}

/// Puts bytes at a path so that a reader sees the old file or the new one, also after a crash: a temporary file in the same
/// folder, fsync, rename, fsync of the folder. Folders above are made. A link at the path is replaced, not followed.
///
/// # Errors
/// [`FileError::Write`] with what the system said; the old file is then untouched and the temporary one removed.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: Mode) -> Result<WrittenFile, FileError> {
    write_atomic_by(path, mode, |to| to.write_all(bytes))
}

/// As [`write_atomic`], for files that are made piece by piece and need not be in memory whole.
///
/// # Errors
/// [`FileError::Write`] with what the system or `write` said; the old file is then untouched.
pub fn write_atomic_by(
    path: &Path,
    mode: Mode,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<WrittenFile, FileError> {
    let failed = |source| FileError::Write { path: path.to_owned(), source };
    let folder = folder_of(path);
    fs::create_dir_all(&folder).map_err(failed)?;
    let permissions = match mode {
        Mode::Shared => Permissions::from_mode(0o666),
        Mode::Private => Permissions::from_mode(0o600),
    };
    let temporary = tempfile::Builder::new()
        .prefix(".landfall-")
        .suffix(".tmp")
        .permissions(permissions)
        .tempfile_in(&folder)
        .map_err(failed)?;
    let mut hashed = Hashed { to: temporary.as_file(), hasher: Hasher::new(), size_bytes: 0 };
    let mut buffered = BufWriter::new(&mut hashed);
    write(&mut buffered).and_then(|()| buffered.flush()).map_err(failed)?;
    drop(buffered);
    let (sha256, size_bytes) = (hashed.hasher.finish(), hashed.size_bytes);
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|e| failed(e.error))?;
    File::open(&folder).and_then(|f| f.sync_all()).map_err(failed)?;
    Ok(WrittenFile { path: path.to_string_lossy().into_owned(), sha256, size_bytes })
}

/// A file whose bytes are hashed as they are written.
struct Hashed<'a> {
    to: &'a File,
    hasher: Hasher,
    size_bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Mode, write_atomic};
    use crate::{Digest, FileError};

    #[test]
    fn written_files_are_whole_and_private_where_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stg_eu00/secret.env");
        let written = write_atomic(&path, b"abc\n", Mode::Private).expect("written");
        assert_eq!(written.sha256, Digest::of(b"abc\n"));
        assert_eq!(written.size_bytes, 4);
        let mode = path.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        write_atomic(&path, b"new", Mode::Private).expect("written again");
        assert_eq!(std::fs::read(&path).expect("read"), b"new");
        let left: Vec<_> = std::fs::read_dir(folder.path().join("stg_eu00")).expect("listing").collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    #[test]
    fn a_link_is_replaced_and_its_target_untouched() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("target");
        let link = folder.path().join("link");
        std::fs::write(&target, "old").expect("written");
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        write_atomic(&link, b"new", Mode::Shared).expect("written");
        assert_eq!(std::fs::read(&target).expect("read"), b"old");
        assert_eq!(std::fs::read(&link).expect("read"), b"new");
    }

    #[test]
    fn a_path_that_cannot_be_written_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("taken")).expect("made");
        let refused = write_atomic(&folder.path().join("taken"), b"x", Mode::Shared);
        assert!(matches!(refused, Err(FileError::Write { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).expect("listing").count(), 1);
    }
}
