//! Bytes on their way from or to a bucket that may be too many for memory: hashed as they are written, and kept in a file without a name
//! where they are many.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::path::Path;

use bytes::Bytes;
use landfall_artifacts::{Digest, Hasher};
use md5::{Digest as _, Md5};
use tempfile::{SpooledData, SpooledTempFile};

use super::TreeError;

/// Bytes that stay in memory.
const MOST_IN_MEMORY: usize = 2 * 1024 * 1024;

/// Takes bytes.
pub(crate) struct Spool {
    to: SpooledTempFile,
    sha256: Hasher,
    md5: Md5,
    size_bytes: u64,
}

/// What was taken.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) bytes: SpooledBytes,
    pub(crate) sha256: Digest,
    pub(crate) md5: [u8; 16],
    pub(crate) size_bytes: u64,
}

/// Where it is.
#[derive(Debug)]
pub(crate) enum SpooledBytes {
    Memory(Bytes),
    File(File),
}

impl Spool {
    pub(crate) fn new() -> Self {
        let to = tempfile::spooled_tempfile(MOST_IN_MEMORY);
        Self { to, sha256: Hasher::new(), md5: Md5::new(), size_bytes: 0 }
    }

    /// Everything was written.
    ///
    /// # Errors
    /// [`TreeError::Temporary`].
    pub(crate) fn finish(mut self) -> Result<Spooled, TreeError> {
        self.to.rewind().map_err(failed)?;
        let bytes = match self.to.into_inner() {
            SpooledData::InMemory(bytes) => SpooledBytes::Memory(bytes.into_inner().into()),
            SpooledData::OnDisk(file) => SpooledBytes::File(file),
        };
        let (sha256, md5) = (self.sha256.finish(), self.md5.finalize().into());
        Ok(Spooled { bytes, sha256, md5, size_bytes: self.size_bytes })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        let written = bytes.get(..count).unwrap_or_default();
        self.sha256.update(written);
        self.md5.update(written);
        self.size_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What `write` writes.
///
/// # Errors
/// [`TreeError::Temporary`].
pub(crate) fn spooled(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Spooled, TreeError> {
    let mut to = io::BufWriter::with_capacity(64 * 1024, Spool::new());
    write(&mut to).map_err(failed)?;
    to.into_inner().map_err(|error| failed(error.into_error()))?.finish()
}

/// What a file holds; of one that is larger than `most` a byte more than that.
///
/// # Errors
/// [`TreeError::Local`], [`TreeError::Temporary`].
pub(crate) async fn spooled_file(path: &Path, most: u64) -> Result<Spooled, TreeError> {
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_file(&file, most)).await;
    read.unwrap_or_else(|cause| {
        let source = io::Error::other(cause.to_string());
        Err(TreeError::Local { path: path.to_owned(), source })
    })
}

/// Blocks.
fn read_file(path: &Path, most: u64) -> Result<Spooled, TreeError> {
    let local = |source| TreeError::Local { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(local)?.take(most.saturating_add(1));
    let (mut spool, mut chunk) = (Spool::new(), vec![0; 64 * 1024]);
    loop {
        let count = file.read(&mut chunk).map_err(local)?;
        match chunk.get(..count).filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => spool.write_all(bytes).map_err(failed)?,
            None => return spool.finish(),
        }
    }
}

/// Reads bytes that were spooled. JSON is read byte by byte, for which a buffer of a known type is much faster.
pub(crate) type SpooledReader = io::BufReader<Box<dyn Read + Send>>;

impl SpooledBytes {
    /// Reads them from their beginning.
    pub(crate) fn reader(self) -> SpooledReader {
        let from: Box<dyn Read + Send> = match self {
            Self::Memory(bytes) => Box::new(io::Cursor::new(bytes)),
            Self::File(file) => Box::new(file),
        };
        io::BufReader::with_capacity(64 * 1024, from)
    }
}

/// A temporary file could not be written or read.
pub(crate) fn failed(source: io::Error) -> TreeError {
    TreeError::Temporary { path: std::env::temp_dir(), source }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use landfall_artifacts::Digest;

    use super::super::TreeError;
    use super::{MOST_IN_MEMORY, SpooledBytes, read_file, spooled};

    #[test]
    fn what_is_taken_comes_back_from_memory_or_a_file() {
        for (size, is_small) in [(0, true), (7, true), (MOST_IN_MEMORY + 9, false)] {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let taken = spooled(|to| bytes.chunks(1000).try_for_each(|piece| to.write_all(piece)));
            let taken = taken.expect("taken");
            assert_eq!((taken.sha256, taken.size_bytes), (Digest::of(&bytes), size as u64));
            assert_eq!(matches!(taken.bytes, SpooledBytes::Memory(_)), is_small);
            let mut back = Vec::new();
            taken.bytes.reader().read_to_end(&mut back).expect("read");
            assert!(back == bytes, "{size}");
        }
    }

    #[test]
    fn a_file_is_read_so_far_that_one_too_large_shows() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a");
        std::fs::write(&path, "abcdef").expect("written");
        let read = |most| read_file(&path, most).expect("read");
        assert_eq!((read(6).sha256, read(6).size_bytes), (Digest::of(b"abcdef"), 6));
        assert_eq!((read(3).size_bytes, read(u64::MAX).size_bytes), (4, 6));
        for none in [dir.path().join("b"), dir.path().to_owned()] {
            assert!(matches!(read_file(&none, 6), Err(TreeError::Local { .. })), "{none:?}");
        }
    }
}
