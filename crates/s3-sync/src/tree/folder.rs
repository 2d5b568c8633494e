//! A folder on the disk that is opened once and never left: no link is followed, and what is no regular file is never opened.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

/// A folder, held open. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    descriptor: Arc<OwnedFd>,
}

/// What tells one state of a file from another: the file, its size, and when it and its entry were changed, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    pub(crate) size_bytes: u64,
    modified: i64,
    changed: i64,
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    Special,
}

impl Folder {
    /// Opens a folder that was named. It is not opened through a link at its end.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // Without a slash at its end, which would have the system follow the link.
        let path: PathBuf = path.components().collect();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(CWD, &path, flags, Mode::empty())?;
        Ok(Self { path, descriptor: Arc::new(descriptor) })
    }

    /// Its path, for people.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a name right below this one.
    pub(crate) fn below(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&*self.descriptor, name, flags, Mode::empty())?;
        Ok(Self { path: self.path.join(name), descriptor: Arc::new(descriptor) })
    }

    /// Names and kinds of its entries, as the system gives them.
    pub(crate) fn entries(&self) -> io::Result<Vec<(Vec<u8>, Kind)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&*self.descriptor)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&*self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                known => known,
            };
            let kind = match kind {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                FileType::Symlink => Kind::Link,
                _ => Kind::Special,
            };
            entries.push((name.to_bytes().to_vec(), kind));
        }
        Ok(entries)
    }

    /// Opens a regular file by its name below this folder, step by step.
    ///
    /// # Errors
    /// Also where any step is a link by now, or the file no regular one.
    pub(crate) fn file(&self, name: &str) -> io::Result<(File, Stamp)> {
        self.files().open(name)
    }

    /// Opens one file after the other: those of one folder take fewer calls of the system.
    pub(crate) fn files(&self) -> Files {
        Files { folder: self.clone(), last: None }
    }
}

/// Files below a folder, of which the last one's folder is held open.
#[derive(Debug)]
pub(crate) struct Files {
    folder: Folder,
    last: Option<(Box<str>, OwnedFd)>,
}

impl Files {
    /// The folder that they are below.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Opens a regular file by its name below the folder, step by step; where the one before was in the same folder, of that very folder,
    /// wherever it is by now.
    ///
    /// # Errors
    /// Also where any step is a link by now, or the file no regular one.
    pub(crate) fn open(&mut self, name: &str) -> io::Result<(File, Stamp)> {
        let Some((folder, own)) = name.rsplit_once('/') else {
            return open_file(self.folder.descriptor.as_fd(), name);
        };
        if let Some((held, descriptor)) = &self.last
            && **held == *folder
        {
            return open_file(descriptor.as_fd(), own);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at: Option<OwnedFd> = None;
        for step in folder.split('/') {
            let from = at.as_ref().map_or(self.folder.descriptor.as_fd(), AsFd::as_fd);
            at = Some(rustix::fs::openat(from, step, flags, Mode::empty())?);
        }
        // A name with a slash has at least one step.
        let (_, at) = self.last.insert((folder.into(), at.ok_or(io::ErrorKind::NotFound)?));
        open_file(at.as_fd(), own)
    }
}

fn open_file(folder: std::os::fd::BorrowedFd<'_>, name: &str) -> io::Result<(File, Stamp)> {
    // Without waiting, where a pipe took the file's place.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    let stamp = Stamp::of(&file)?;
    Ok((file, stamp))
}

impl Stamp {
    /// Of an open file, which must be a regular one.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let data = file.metadata()?;
        if !data.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let nanoseconds = |seconds: i64, rest: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(rest);
        Ok(Self {
            inode: data.ino(),
            size_bytes: data.len(),
            modified: nanoseconds(data.mtime(), data.mtime_nsec()),
            changed: nanoseconds(data.ctime(), data.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, Kind, Stamp};

    #[test]
    fn links_are_not_followed_anywhere() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path();
        std::fs::create_dir_all(path.join("tree/in")).expect("made");
        std::fs::create_dir(path.join("outside")).expect("made");
        std::fs::write(path.join("outside/secret"), "x").expect("written");
        std::fs::write(path.join("tree/in/a"), "abc").expect("written");
        let link = |from: &str, to: &str| std::os::unix::fs::symlink(to, path.join(from)).expect("linked");
        link("tree/file", "../outside/secret");
        link("tree/folder", "../outside");
        link("linked", "tree");
        assert!(Folder::open(&path.join("linked")).is_err() && Folder::open(&path.join("linked/")).is_err());
        let folder = Folder::open(&path.join("tree")).expect("opened");
        assert_eq!(folder.file("in/a").expect("read").1.size_bytes, 3);
        for outside in ["file", "folder/secret", "../outside/secret/x", "in/none"] {
            assert!(folder.file(outside).is_err(), "{outside}");
        }
        assert!(folder.below("folder").is_err());
        let mut entries = folder.entries().expect("listed");
        entries.sort();
        let kinds: Vec<Kind> = entries.into_iter().map(|(_, kind)| kind).collect();
        assert_eq!(kinds, [Kind::Link, Kind::Link, Kind::Folder]);
        assert!(folder.file("in").is_err(), "a folder is no file");
    }

    #[test]
    fn files_are_opened_one_after_the_other_in_whatever_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path();
        for (name, text) in
            [("in/a", "1"), ("in/b", "22"), ("in/deep/c", "333"), ("other/a", "4444"), ("top", "55555")]
        {
            std::fs::create_dir_all(path.join(name).parent().expect("a folder")).expect("made");
            std::fs::write(path.join(name), text).expect("written");
        }
        let folder = Folder::open(path).expect("opened");
        let mut files = folder.files();
        for (name, size) in [
            ("in/a", 1),
            ("in/b", 2),
            ("in/none", 0),
            ("in/b", 2),
            ("in/deep/c", 3),
            ("none/a", 0),
            ("in/deep/c", 3),
            ("other/a", 4),
            ("in/a", 1),
            ("top", 5),
            ("in/b", 2),
        ] {
            let found = files.open(name).map_or(0, |(_, stamp)| stamp.size_bytes);
            assert_eq!(found, size, "{name}");
        }
        // A link in the place of the folder that is held leads nowhere else.
        std::fs::rename(path.join("in"), path.join("moved")).expect("moved");
        std::os::unix::fs::symlink("other", path.join("in")).expect("linked");
        assert_eq!(files.open("in/a").expect("opened").1.size_bytes, 1);
        assert!(files.open("other/a").is_ok() && files.open("in/a").is_err());
    }

    #[test]
    fn a_stamp_tells_what_was_changed() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a"), "abc").expect("written");
        let folder = Folder::open(dir.path()).expect("opened");
        let (file, first) = folder.file("a").expect("read");
        assert_eq!(Stamp::of(&file).ok(), Some(first));
        std::fs::remove_file(dir.path().join("a")).expect("removed");
        std::fs::write(dir.path().join("a"), "abd").expect("written");
        assert_ne!(folder.file("a").expect("read").1, first);
    }
}
