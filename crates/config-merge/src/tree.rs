//! A folder that is read without ever leaving it.
//!
//! Every name is opened below the folder that was opened before it, and never followed where it is a link (`openat` with
//! `O_NOFOLLOW`), so that nothing that is exchanged meanwhile leads elsewhere. What was opened is looked at again before it is
//! read.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use landfall_artifacts::path_fault;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use crate::error::Error;
use crate::limits::Limits;

/// Opens without following a link, without waiting for the other end of a pipe, and not for children.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A folder that is read without ever leaving it.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    name: String,
    limits: Limits,
}

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its path below the root, with `/`.
    pub path: String,
    /// Its size in bytes when it was looked at.
    pub size_bytes: u64,
}

impl Tree {
    /// Opens a folder. Where the path itself is a link, it is followed: whoever named it meant that.
    ///
    /// # Errors
    /// [`Error::Read`] with what the system said.
    pub fn open(root: &Path, limits: Limits) -> Result<Self, Error> {
        let name = root.to_string_lossy().into_owned();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(root, flags, Mode::empty()) {
            Ok(root) => Ok(Self { root, name, limits }),
            Err(cause) => Err(Error::Read { path: name, source: cause.into() }),
        }
    }

    /// All files, sorted by path, and all that stands in the way: links (hard ones too), pipes, sockets, devices, names that are
    /// not safe or not UTF-8, too many files, folders too deep, what cannot be read. Folders without files say nothing.
    pub fn files(&self) -> (Vec<Listed>, Vec<Error>) {
        let mut walk = Walk { limits: self.limits, count: 0, files: Vec::new(), errors: Vec::new() };
        walk.folder(self.root.as_fd(), "", 0);
        if walk.count > self.limits.files {
            let found = format!("more than {} files and folders", self.limits.files);
            walk.errors.push(Error::TooMuch {
                what: self.name.clone(),
                found,
                most: self.limits.files as u64,
            });
        }
        walk.files.sort_by(|a, b| a.path.cmp(&b.path));
        (walk.files, walk.errors)
    }

    /// Reads a file, folder by folder from the root.
    ///
    /// # Errors
    /// [`Error::TooMuch`] over `most` bytes; [`Error::NotRegular`] and [`Error::Changed`] where it is no longer what it was;
    /// [`Error::Read`].
    pub fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, Error> {
        let failed = |cause: io::Error| Error::Read { path: path.to_owned(), source: cause };
        let opened = |cause: rustix::io::Errno| match cause {
            // What was a file is a link now.
            rustix::io::Errno::LOOP
            | rustix::io::Errno::MLINK
            | rustix::io::Errno::NOTDIR
            | rustix::io::Errno::NOENT => Error::Changed { path: path.to_owned() },
            other => failed(other.into()),
        };
        let mut folder: Option<OwnedFd> = None;
        let mut steps = path.split('/').peekable();
        while let Some(step) = steps.next() {
            if matches!(step, "" | "." | "..") {
                return Err(Error::Name { path: path.to_owned(), why: "it leads elsewhere".to_owned() });
            }
            let above = folder.as_ref().map_or_else(|| self.root.as_fd(), AsFd::as_fd);
            let flags = if steps.peek().is_some() { FLAGS | OFlags::DIRECTORY } else { FLAGS };
            folder = Some(rustix::fs::openat(above, step, flags, Mode::empty()).map_err(opened)?);
        }
        let Some(opened) = folder else { return Err(Error::Changed { path: path.to_owned() }) };
        let stat = rustix::fs::fstat(&opened).map_err(|cause| failed(cause.into()))?;
        if let Some(what) = odd(&stat) {
            return Err(Error::NotRegular { path: path.to_owned(), what });
        }
        let mut bytes = Vec::new();
        File::from(opened).take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > most {
            return Err(Error::TooMuch {
                what: path.to_owned(),
                found: format!("more than {most} bytes"),
                most,
            });
        }
        // Whether something wrote to it meanwhile shows its size.
        if bytes.len() as u64 != u64::try_from(stat.st_size).unwrap_or_default() {
            return Err(Error::Changed { path: path.to_owned() });
        }
        Ok(bytes)
    }
}

/// What a thing that is no plain file is.
fn odd(stat: &Stat) -> Option<&'static str> {
    match FileType::from_raw_mode(stat.st_mode) {
        // Its other name may be anywhere.
        FileType::RegularFile if stat.st_nlink > 1 => Some("a file with several names (hard links)"),
        FileType::RegularFile => None,
        FileType::Directory => Some("a folder"),
        FileType::Symlink => Some("a link"),
        FileType::Fifo => Some("a pipe"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        FileType::Unknown => Some("neither file nor folder"),
    }
}

struct Walk {
    limits: Limits,
    count: usize,
    files: Vec<Listed>,
    errors: Vec<Error>,
}

impl Walk {
    fn folder(&mut self, folder: impl AsFd, above: &str, level: usize) {
        let shown =
            || if above.is_empty() { "the root".to_owned() } else { above.trim_end_matches('/').to_owned() };
        if level > self.limits.folders {
            let found = format!("more than {} levels of folders", self.limits.folders);
            self.errors.push(Error::TooMuch { what: shown(), found, most: self.limits.folders as u64 });
            return;
        }
        let mut names = Vec::new();
        let listing = Dir::read_from(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match listing {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.file_name().to_owned();
                    if !matches!(name.to_bytes(), b"." | b"..") {
                        names.push(name);
                    }
                }
            }
            Err(cause) => {
                self.errors.push(Error::Read { path: shown(), source: cause.into() });
                return;
            }
        }
        names.sort_unstable();
        for name in names {
            self.count += 1;
            if self.count > self.limits.files {
                return;
            }
            self.entry(folder.as_fd(), &name, above, level);
        }
    }

    fn entry(&mut self, folder: impl AsFd, name: &CStr, above: &str, level: usize) {
        let Ok(text) = name.to_str() else {
            let path = format!("{above}{}", name.to_string_lossy());
            self.errors.push(Error::Name { path, why: "its name is not UTF-8".to_owned() });
            return;
        };
        let path = format!("{above}{text}");
        if let Some(why) = path_fault(&path) {
            self.errors.push(Error::Name { path, why });
            return;
        }
        let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(cause) => {
                self.errors.push(Error::Read { path, source: cause.into() });
                return;
            }
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            match rustix::fs::openat(&folder, name, FLAGS | OFlags::DIRECTORY, Mode::empty()) {
                Ok(inner) => self.folder(inner, &format!("{path}/"), level + 1),
                Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                    self.errors.push(Error::Changed { path });
                }
                Err(cause) => self.errors.push(Error::Read { path, source: cause.into() }),
            }
        } else if let Some(what) = odd(&stat) {
            self.errors.push(Error::NotRegular { path, what });
        } else {
            let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
            self.files.push(Listed { path, size_bytes });
        }
    }
}

#[cfg(test)]
mod tests;
