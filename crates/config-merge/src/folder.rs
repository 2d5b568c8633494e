//! The target: a whole folder that takes the place of another.
//!
//! Files are written to a new folder beside the target, which then takes its place in one step, so that whoever looks sees
//! the old tree or the new one, also after a kill. A file beside the target, `.<name>.landfall.json`, has the digest of what was
//! written, so that only what an earlier merge wrote, and nobody changed since, is replaced.

mod lock;
mod mark;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Digest, Hasher, resolved};
use rustix::fs::RenameFlags;

use crate::error::Error;
use crate::limits::Limits;
use crate::tree::Tree;
use lock::Lock;

/// The target of a merge.
#[derive(Debug)]
pub struct Folder {
    out: PathBuf,
    parent: PathBuf,
    name: OsString,
}

/// What stands at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutState {
    /// Nothing, or a folder without anything.
    Free,
    /// What an earlier merge wrote, with the digest of the tree.
    Ours(Digest),
    /// Something else.
    Foreign,
}

impl Folder {
    /// Looks at a target; nothing is changed.
    ///
    /// # Errors
    /// [`Error::Target`] where it is a file or a link, or lies in the source, or the source in it.
    pub fn at(out: &Path, source: &Path) -> Result<Self, Error> {
        let odd = |why| Error::Target { out: out.to_owned(), why };
        let absolute =
            std::path::absolute(out).map_err(|source| Error::Write { path: out.to_owned(), source })?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(odd("it has no name"));
        };
        match fs::symlink_metadata(&absolute) {
            Ok(data) if data.is_symlink() => return Err(odd("it is a link")),
            Ok(data) if !data.is_dir() => return Err(odd("it is no folder")),
            Ok(_) | Err(_) => {}
        }
        let (parent, name) = (resolved(parent), name.to_owned());
        if parent.components().any(|part| part == std::path::Component::ParentDir) {
            return Err(odd("it leads through a folder that is not there"));
        }
        let (out, source) = (parent.join(&name), resolved(source));
        if out.starts_with(&source) || source.starts_with(&out) {
            return Err(odd("it is, holds, or lies in the source"));
        }
        Ok(Self { out, parent, name })
    }

    /// What stands there.
    pub fn state(&self, limits: Limits) -> OutState {
        let is_free = match fs::read_dir(&self.out) {
            Ok(mut entries) => entries.next().is_none(),
            Err(cause) => cause.kind() == io::ErrorKind::NotFound,
        };
        match self.digest(limits) {
            _ if is_free => OutState::Free,
            Some(digest) if mark::read(&self.mark()).contains(&digest) => OutState::Ours(digest),
            Some(_) | None => OutState::Foreign,
        }
    }

    /// The digest of the tree there; none for one that no merge can have written.
    fn digest(&self, limits: Limits) -> Option<Digest> {
        let tree = Tree::open(&self.out, limits).ok()?;
        let (files, errors) = tree.files();
        if !errors.is_empty() {
            return None;
        }
        let mut left = limits.tree_bytes;
        let mut digests = Vec::new();
        for file in files {
            let bytes = tree.read(&file.path, left).ok()?;
            left = left.saturating_sub(bytes.len() as u64);
            digests.push((file.path, Digest::of(&bytes)));
        }
        Some(tree_digest(digests.iter().map(|(path, digest)| (path.as_str(), digest))))
    }

    /// Holds the target, mends what a killed run left, and makes a new folder beside it.
    ///
    /// # Errors
    /// [`Error::Busy`] where another run holds it; [`Error::Write`].
    pub fn begin(&self) -> Result<Fresh<'_>, Error> {
        fs::create_dir_all(&self.parent).map_err(failed(&self.parent))?;
        let Some(lock) = self.lock()? else { return Err(Error::Busy { out: self.out.clone() }) };
        self.mend()?;
        let new = self.beside("new");
        fs::create_dir(&new).map_err(failed(&new))?;
        Ok(Fresh { folder: self, path: new, is_done: false, _lock: lock })
    }

    /// Mends what a killed run left, where nothing is to be written. Where another run holds the target, that one does it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn tidy(&self) -> Result<(), Error> {
        if !["new", "old", "lock"].iter().any(|what| fs::symlink_metadata(self.beside(what)).is_ok()) {
            return Ok(());
        }
        // The lock's file goes with the lock.
        match self.lock()? {
            Some(_lock) => self.mend(),
            None => Ok(()),
        }
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        let lock = self.beside("lock");
        Lock::take(&lock).map_err(failed(&lock))
    }

    fn mend(&self) -> Result<(), Error> {
        let (new, old) = (self.beside("new"), self.beside("old"));
        // A run that was killed between two renames leaves the target under its other name.
        if !self.out.exists() && old.is_dir() {
            fs::rename(&old, &self.out).map_err(failed(&self.out))?;
        }
        for left in [&new, &old] {
            match fs::remove_dir_all(left) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(left)(cause)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn beside(&self, what: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(format!(".landfall-{what}"));
        self.parent.join(name)
    }

    fn mark(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".landfall.json");
        self.parent.join(name)
    }
}

/// The digest of a tree: of a line for each file in the order of their paths, with its digest and path.
pub fn tree_digest<'a>(files: impl Iterator<Item = (&'a str, &'a Digest)>) -> Digest {
    let mut hasher = Hasher::new();
    for (path, digest) in files {
        hasher.update(format!("{}  {path}\n", digest.hex()).as_bytes());
    }
    hasher.finish()
}

/// A new folder beside the target, which goes with this value unless it takes the target's place.
#[derive(Debug)]
pub struct Fresh<'f> {
    folder: &'f Folder,
    path: PathBuf,
    is_done: bool,
    _lock: Lock,
}

impl Fresh<'_> {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, by its path below the folder.
    ///
    /// # Errors
    /// [`Error::Write`], also where the file is there.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path.join(path);
        let failed = |source| Error::Write { path: path.clone(), source };
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        let mut file = File::options().write(true).create_new(true).open(&path).map_err(failed)?;
        io::Write::write_all(&mut file, bytes).map_err(failed)
    }

    /// Puts the folder in the place of the target; `digest` is that of its tree. The target is looked at once more, within `limits`:
    /// whatever was put there since the merge began is replaced only where `replace` says so.
    ///
    /// # Errors
    /// [`Error::Foreign`]; [`Error::Write`]. The target is then what it was.
    pub fn finish(mut self, digest: Digest, limits: Limits, replace: bool) -> Result<(), Error> {
        let folder = self.folder;
        if !replace && folder.state(limits) == OutState::Foreign {
            return Err(Error::Foreign { out: folder.out.clone() });
        }
        let (out, mark) = (&folder.out, folder.mark());
        let failed = |source| Error::Write { path: out.clone(), source };
        let parent = File::open(&folder.parent).map_err(failed)?;
        flush(&parent).map_err(failed)?;
        // Both are ours until the old one is gone.
        let before = mark::read(&mark);
        mark::write(&mark, before.iter().copied().chain([digest]))?;
        if out.exists() {
            self.exchange().map_err(failed)?;
        } else {
            fs::rename(&self.path, out).map_err(failed)?;
        }
        self.is_done = true;
        parent.sync_all().map_err(failed)?;
        mark::write(&mark, [digest].into_iter())?;
        for left in [&self.path, &folder.beside("old")] {
            match fs::remove_dir_all(left) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Write { path: left.clone(), source: cause });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Exchanges both in one step, or in two where the file system has no such step.
    fn exchange(&self) -> io::Result<()> {
        use rustix::io::Errno;
        let out = &self.folder.out;
        match rustix::fs::renameat_with(
            rustix::fs::CWD,
            &self.path,
            rustix::fs::CWD,
            out,
            RenameFlags::EXCHANGE,
        ) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                fs::rename(out, self.folder.beside("old"))?;
                fs::rename(&self.path, out)
            }
            Err(cause) => Err(cause.into()),
        }
    }
}

/// What was written is on the disk, so that no power cut leaves a tree of empty files.
#[cfg(target_os = "linux")]
fn flush(on: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(on)?)
}

/// What was written is on the disk, so that no power cut leaves a tree of empty files.
#[cfg(not(target_os = "linux"))]
fn flush(_: &File) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Write { path, source }
}
