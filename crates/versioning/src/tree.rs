//! Files of a repo at one moment: in the working folder, or in a commit.

use std::io;
use std::path::{Path, PathBuf};

/// Files of a repo. Paths are relative to its root, with `/` between names.
pub trait Tree {
    /// All paths of files that git knows or would add, sorted.
    fn paths(&self) -> &[String];

    /// The bytes of a file; `None` where there is none.
    ///
    /// # Errors
    /// What the file system or git says.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// The working folder, with the paths that git lists.
#[derive(Clone, Debug)]
pub struct FolderTree {
    root: PathBuf,
    paths: Vec<String>,
}

impl FolderTree {
    /// A folder and the paths of its files.
    pub fn new(root: &Path, mut paths: Vec<String>) -> Self {
        paths.sort_unstable();
        Self { root: root.to_owned(), paths }
    }
}

impl Tree for FolderTree {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.root.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}
