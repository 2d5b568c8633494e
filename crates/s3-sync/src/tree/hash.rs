//! Hashes of files: several at a time, and each of one state of its file.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use landfall_artifacts::{Digest, Hasher};
use md5::{Digest as _, Md5};

use super::folder::{Files, Folder, Stamp};
use super::in_turn::in_turn;
use super::{Source, TreeError};

/// Files that one task hashes: small, so that the tasks end together.
const AT_A_TIME: usize = 256;

/// Bytes of a file that are read at a time.
const BUFFER: usize = 64 * 1024;

/// What is asked of a file: each takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// What ETags tell.
    Md5,
    /// What the manifest tells.
    Sha256,
    Both,
}

/// What a file holds, as far as it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub(crate) md5: Option<[u8; 16]>,
    pub(crate) sha256: Option<Digest>,
}

/// Hashes of files by their numbers. Kept small: there may be a hundred thousand, which mostly have one kind of hash alone.
#[derive(Debug)]
pub(crate) struct ByFile {
    files: usize,
    /// Empty until one was asked for.
    md5: Vec<Option<[u8; 16]>>,
    /// Empty until one was asked for.
    sha256: Vec<Option<Digest>>,
}

impl ByFile {
    /// Of a source, of which nothing was hashed yet.
    pub(crate) fn of(source: &Source) -> Self {
        Self { files: source.len(), md5: Vec::new(), sha256: Vec::new() }
    }

    pub(crate) fn get(&self, number: usize) -> Hashes {
        let (md5, sha256) = (self.md5.get(number), self.sha256.get(number));
        Hashes { md5: md5.copied().flatten(), sha256: sha256.copied().flatten() }
    }

    /// Adds what is known of a file to what was.
    pub(crate) fn set(&mut self, number: usize, hashes: Hashes) {
        put(&mut self.md5, self.files, number, hashes.md5);
        put(&mut self.sha256, self.files, number, hashes.sha256);
    }
}

fn put<T: Copy>(all: &mut Vec<Option<T>>, files: usize, number: usize, one: Option<T>) {
    if one.is_some() && all.is_empty() {
        *all = vec![None; files];
    }
    if let Some(slot) = all.get_mut(number).filter(|_| one.is_some()) {
        *slot = one;
    }
}

/// Hashes files of a source by their numbers, and hands them on in the order given; on as many threads as there are processors.
///
/// # Errors
/// Every file that cannot be read, or that is not as it was found.
pub(crate) async fn hash_all(
    source: &Source,
    numbers: &[usize],
    which: Which,
    mut take: impl FnMut(usize, Hashes),
) -> Result<(), Vec<TreeError>> {
    let folder = &source.folder;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (mut chunks, mut errors) = (numbers.chunks(AT_A_TIME), Vec::new());
    in_turn(
        threads,
        || {
            let (chunk, folder, files) =
                (chunks.next()?.to_vec(), folder.clone(), Arc::clone(source.files()));
            Some(tokio::task::spawn_blocking(move || {
                let wanted = chunk.iter().filter_map(|number| Some((*number, files.get(*number)?)));
                let (mut opener, mut buffer) = (folder.files(), vec![0; BUFFER]);
                let hashed = wanted.map(|(number, file)| {
                    (number, hash_into(&mut opener, &file.name, file.stamp, which, &mut buffer))
                });
                hashed.collect::<Vec<_>>()
            }))
        },
        |chunk| match chunk {
            Ok(chunk) => {
                for (number, one) in chunk {
                    match one {
                        Ok(one) => take(number, one),
                        Err(error) => errors.push(error),
                    }
                }
            }
            // A task that panicked is a defect of ours, which the panic's own page has told already.
            Err(_) => errors.push(local(folder, "", io::Error::other("the files could not be hashed"))),
        },
    )
    .await;
    errors.truncate(50);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Hashes one file in the state that was found. Blocks.
///
/// # Errors
/// [`TreeError::Moved`] where it is in another state before or after, [`TreeError::Local`].
pub(crate) fn hash_one(folder: &Folder, name: &str, stamp: Stamp, which: Which) -> Result<Hashes, TreeError> {
    hash_into(&mut folder.files(), name, stamp, which, &mut vec![0; BUFFER])
}

fn hash_into(
    files: &mut Files,
    name: &str,
    stamp: Stamp,
    which: Which,
    buffer: &mut [u8],
) -> Result<Hashes, TreeError> {
    let opened = files.open(name);
    let folder = files.folder();
    let (mut file, found) = in_state(folder, name, stamp, opened)?;
    let mut md5 = (which != Which::Sha256).then(Md5::new);
    let mut sha256 = (which != Which::Md5).then(Hasher::new);
    let mut read = 0;
    loop {
        let count = file.read(buffer).map_err(|source| local(folder, name, source))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        if let Some(md5) = &mut md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut sha256 {
            sha256.update(bytes);
        }
        read += count as u64;
        // Whether it has grown meanwhile is seen below; one that grows for ever would be read for ever.
        if read >= found.size_bytes {
            break;
        }
    }
    settled(folder, name, &file, found, read)?;
    Ok(Hashes { md5: md5.map(|md5| md5.finalize().into()), sha256: sha256.map(Hasher::finish) })
}

/// Opens a file that must be in the state that was found.
pub(crate) fn open(folder: &Folder, name: &str, stamp: Stamp) -> Result<(File, Stamp), TreeError> {
    in_state(folder, name, stamp, folder.file(name))
}

fn in_state(
    folder: &Folder,
    name: &str,
    stamp: Stamp,
    opened: io::Result<(File, Stamp)>,
) -> Result<(File, Stamp), TreeError> {
    let (file, found) = opened.map_err(|source| local(folder, name, source))?;
    if found == stamp { Ok((file, found)) } else { Err(moved(folder, name)) }
}

/// Reads a small file whole, in the state that was found.
pub(crate) fn read_whole(folder: &Folder, name: &str, stamp: Stamp) -> Result<Vec<u8>, TreeError> {
    let (file, found) = open(folder, name, stamp)?;
    let mut bytes = Vec::with_capacity(usize::try_from(found.size_bytes).unwrap_or_default());
    let mut bounded = (&file).take(found.size_bytes + 1);
    bounded.read_to_end(&mut bytes).map_err(|source| local(folder, name, source))?;
    settled(folder, name, &file, found, bytes.len() as u64)?;
    Ok(bytes)
}

/// After reading: it is still in the state that was found, and that many bytes came.
fn settled(folder: &Folder, name: &str, file: &File, found: Stamp, read: u64) -> Result<(), TreeError> {
    let after = Stamp::of(file).map_err(|source| local(folder, name, source))?;
    if after == found && read == found.size_bytes { Ok(()) } else { Err(moved(folder, name)) }
}

fn local(folder: &Folder, name: &str, source: io::Error) -> TreeError {
    TreeError::Local { path: folder.path().join(name), source }
}

fn moved(folder: &Folder, name: &str) -> TreeError {
    TreeError::Moved { path: folder.path().join(name) }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::super::etag::hex;
    use super::super::folder::Folder;
    use super::{Hashes, TreeError, Which, hash_one, read_whole};

    #[test]
    fn a_file_is_hashed_in_the_state_that_was_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").expect("written");
        let folder = Folder::open(dir.path()).expect("opened");
        let stamp = folder.file("a").expect("found").1;
        let hashes = hash_one(&folder, "a", stamp, Which::Both).expect("hashed");
        assert_eq!(hashes.md5.map(|md5| hex(&md5)).as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(hashes.sha256, Some(Digest::of(b"abc")));
        let md5 = hash_one(&folder, "a", stamp, Which::Md5).expect("hashed");
        assert_eq!(md5, Hashes { sha256: None, ..hashes });
        assert_eq!(hash_one(&folder, "a", stamp, Which::Sha256).ok(), Some(Hashes { md5: None, ..hashes }));
        assert_eq!(read_whole(&folder, "a", stamp).expect("read"), b"abc");
        std::fs::write(&path, "abcd").expect("written");
        assert!(matches!(hash_one(&folder, "a", stamp, Which::Both), Err(TreeError::Moved { .. })));
        assert!(matches!(read_whole(&folder, "a", stamp), Err(TreeError::Moved { .. })));
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(hash_one(&folder, "a", stamp, Which::Both), Err(TreeError::Local { .. })));
    }
}
