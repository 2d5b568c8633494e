//! The archive itself: the same bytes from the same contents.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use landfall_artifacts::{Class, Digest, FileError, Hasher, Problem};
use landfall_run::Stop;
use rustix::fs::OFlags;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::contents::{Contents, Entry};

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

/// How hard is compressed, 0 to 9. Another level makes other bytes of the same files.
const LEVEL: i64 = 6;

/// A finished archive in a temporary file, which goes away with this value.
#[derive(Debug)]
pub(super) struct Packed {
    file: File,
    pub(super) sha256: Digest,
    pub(super) size_bytes: u64,
    pub(super) files: usize,
    pub(super) unzipped_bytes: u64,
}

/// Makes an archive in a temporary file that has no name, beside its place where it has one.
///
/// # Errors
/// Files that cannot be read, or that are not as they were when they were looked at; a full disk; a stop.
pub(super) fn pack(contents: &Contents, beside: Option<&Path>, stop: &Stop) -> Result<Packed, Problem> {
    let service = &contents.service;
    let failed = |what: &str, cause: &dyn std::fmt::Display| {
        let mut problem = Problem::new("LF-PACKAGE-WRITE", Class::Input, format!("{service}: {what}"))
            .with_remedy("make room on the disk and the output folder writable, then run again");
        problem.cause.push(cause.to_string());
        problem
    };
    let temporary = match beside {
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)),
        None => tempfile::tempfile(),
    };
    let file = temporary.map_err(|cause| failed("a temporary file cannot be made", &cause))?;
    let mut archive = ZipWriter::new(BufWriter::with_capacity(CHUNK, file));
    let mut unzipped_bytes = 0;
    for (name, entry) in &contents.entries {
        if stop.requested().is_some() {
            let what = format!("{service}: stopped before its archive was made");
            return Err(Problem::new("LF-STOPPED", Class::Interrupted, what)
                .with_remedy("run again: it does what is left"));
        }
        match entry {
            Entry::File { path, size_bytes, executable } => {
                archive
                    .start_file(name.as_str(), options(if *executable { 0o755 } else { 0o644 }))
                    .map_err(|cause| failed("the archive cannot be written", &cause))?;
                let copied = copy(path, *size_bytes, &mut archive).map_err(|fault| match fault {
                    CopyFault::Write(cause) => failed("the archive cannot be written", &cause),
                    CopyFault::Read(cause) => unreadable(contents, path, &cause.to_string()),
                    CopyFault::Kind => unreadable(contents, path, "it is no file any more"),
                    CopyFault::Changed => unreadable(contents, path, "it has another size than a moment ago"),
                })?;
                unzipped_bytes += copied;
            }
            Entry::Link { target } => {
                archive
                    .add_symlink(name.as_str(), target.as_str(), options(0o777))
                    .map_err(|cause| failed("the archive cannot be written", &cause))?;
                unzipped_bytes += target.len() as u64;
            }
        }
    }
    let finished = archive.finish().map_err(|cause| failed("the archive cannot be written", &cause))?;
    let mut file = finished
        .into_inner()
        .map_err(|cause| failed("the archive cannot be written", &cause.into_error()))?;
    let (sha256, size_bytes) =
        digest(&mut file).map_err(|cause| failed("the archive cannot be read back", &cause))?;
    Ok(Packed { file, sha256, size_bytes, files: contents.entries.len(), unzipped_bytes })
}

/// Nothing of the machine is in it: not the time, not the mask, not the system.
fn options(mode: u32) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(mode)
        .system(System::Unix)
}

enum CopyFault {
    Read(io::Error),
    Write(io::Error),
    /// It is no file any more.
    Kind,
    /// It has another size.
    Changed,
}

fn copy(path: &Path, size_bytes: u64, archive: &mut impl Write) -> Result<u64, CopyFault> {
    // It may have become a link since it was looked at, or a pipe, which would have this wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let source = File::options().read(true).custom_flags(flags).open(path);
    let mut source = source.map_err(CopyFault::Read)?;
    if !source.metadata().map_err(CopyFault::Read)?.is_file() {
        return Err(CopyFault::Kind);
    }
    let mut chunk = vec![0; CHUNK];
    let mut copied = 0;
    loop {
        let count = source.read(&mut chunk).map_err(CopyFault::Read)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        copied += count as u64;
        // A file that grows while it is read must not make the archive larger than was checked.
        if copied > size_bytes {
            return Err(CopyFault::Changed);
        }
        archive.write_all(bytes).map_err(CopyFault::Write)?;
    }
    if copied == size_bytes { Ok(copied) } else { Err(CopyFault::Changed) }
}

fn unreadable(contents: &Contents, path: &Path, cause: &str) -> Problem {
    let shown = landfall_secret::escape(&path.to_string_lossy(), 200);
    let mut problem =
        Problem::new("LF-PACKAGE-READ", Class::Input, format!("{}: cannot read {shown}", contents.service))
            .with_remedy("let the build end before its folder is packaged, then run again");
    problem.cause.push(cause.to_owned());
    problem
}

/// Digest and size of all bytes of a file.
fn digest(file: &mut File) -> io::Result<(Digest, u64)> {
    file.rewind()?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let count = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        size += count as u64;
    }
    Ok((hasher.finish(), size))
}

/// Whether an archive of the same bytes stands at a path.
pub(super) fn is_there(path: &Path, packed: &Packed) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|data| data.is_file() && data.len() == packed.size_bytes);
    is_file
        && File::open(path)
            .and_then(|mut file| digest(&mut file))
            .is_ok_and(|(sha256, _)| sha256 == packed.sha256)
}

impl Packed {
    /// Puts the archive at a path, whole or not at all.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub(super) fn copy_to(&self, path: &Path) -> Result<(), FileError> {
        let failed = |source| FileError::Write { path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let shared = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let mut named = tempfile::Builder::new()
            .prefix(".landfall-")
            .suffix(".tmp")
            .permissions(shared)
            .tempfile_in(folder)
            .map_err(failed)?;
        let mut source = &self.file;
        source.rewind().map_err(failed)?;
        io::copy(&mut source, &mut named).map_err(failed)?;
        named.as_file().sync_all().map_err(failed)?;
        named.persist(path).map_err(|error| failed(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}
