//! Where the demo's files are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// A folder that stays, or one that goes with the demo.
pub(crate) enum Place {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Place {
    pub(crate) fn make(keep: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(folder) = keep else {
            return Ok(Self::Passing(tempfile::Builder::new().prefix("landfall-demo-").tempdir()?));
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if std::fs::read_dir(&folder)?.next().is_some() {
            bail!(
                "{} is not empty: name a new folder by --keep, so that nothing is overwritten",
                folder.display()
            );
        }
        Ok(Self::Kept(std::fs::canonicalize(folder)?))
    }

    /// The repo, in which the jobs of staging run; the other environments have folders of their own below it.
    pub(crate) fn repo(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}
