//! Where registries keep blobs: in memory where there is room, so that no disk is measured.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A file system in memory that every Linux has.
const IN_MEMORY: &str = "/dev/shm";
/// What is left to everything else.
const SPARE: u64 = 2 << 30;

/// The folder below which everything is made and, with this value, removed.
#[derive(Debug)]
pub(crate) struct Stores {
    base: PathBuf,
}

impl Stores {
    /// A place for `bytes`.
    pub(crate) fn for_bytes(bytes: u64) -> Self {
        let memory = Path::new(IN_MEMORY);
        let fits = room(memory).is_some_and(|room| room > bytes) && available_memory() > bytes + SPARE;
        Self { base: if fits { memory.to_owned() } else { std::env::temp_dir() } }
    }

    /// Whether that is in memory.
    pub(crate) fn are_in_memory(&self) -> bool {
        self.base == Path::new(IN_MEMORY)
    }

    /// A new empty folder, which other users may pass through but not list.
    pub(crate) fn folder(&self) -> Result<TempDir> {
        let folder = tempfile::Builder::new()
            .prefix("landfall-bench-")
            .permissions(std::fs::Permissions::from_mode(0o711))
            .tempdir_in(&self.base)
            .with_context(|| format!("cannot make a folder in {}", self.base.display()))?;
        Ok(folder)
    }
}

fn room(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Files in memory take memory, whatever their file system is allowed.
fn available_memory() -> u64 {
    super::machine::memory("MemAvailable").unwrap_or(0)
}
