//! Old bytes that were kept for an undo: whether they are still what they were, and the way to read them.

use std::io;
use std::path::Path;

use landfall_artifacts::Digest;
use landfall_aws::Nature;
use landfall_run::Run;

use super::record::KeptIn;
use super::spool::{Spooled, spooled_file};
use super::undo::Restore;
use super::{Tree, TreeError};

/// Why an object without its old bytes cannot be put back.
const GONE: &str = "what was kept of it is gone";

impl Tree {
    /// Whether what was kept of an object is there and is what it was. A file is read; an object is looked at, and read where it does not
    /// tell its SHA-256.
    ///
    /// # Errors
    /// [`TreeError::NotKept`] where it is not; [`TreeError::Call`], [`TreeError::Local`], [`TreeError::Temporary`].
    pub(super) async fn check_kept(&self, restore: &Restore, run: &Run) -> Result<(), TreeError> {
        let gone = || self.not_kept(restore, GONE);
        if let KeptIn::Folder(folder) = &restore.kept_in {
            let file = self.read_file(restore, folder).await?;
            return self.is_what_it_was(restore, file.size_bytes, Some(file.sha256));
        }
        let (place, name, version) = self.kept_object(restore)?;
        let seen = place.look_at(name, version, Nature::Read, run).await?.ok_or_else(gone)?;
        let size_bytes = seen.listed.size_bytes;
        let sha256 = match seen.sha256 {
            // Of another size it is not worth reading.
            None if size_bytes == restore.before.size_bytes => {
                place.sha256_of(name, None, version, size_bytes, run).await?
            }
            told => told,
        };
        self.is_what_it_was(restore, size_bytes, sha256)
    }

    /// What was kept of an object, verified.
    ///
    /// # Errors
    /// As of [`Tree::check_kept`]; [`TreeError::TooMany`] of bytes where there are more than there were.
    pub(super) async fn kept_bytes(&self, restore: &Restore, run: &Run) -> Result<Spooled, TreeError> {
        let kept = if let KeptIn::Folder(folder) = &restore.kept_in {
            self.read_file(restore, folder).await?
        } else {
            let (place, name, version) = self.kept_object(restore)?;
            let read = place.read_spooled(name, version, restore.before.size_bytes, run).await?;
            read.map(|(kept, _)| kept).ok_or_else(|| self.not_kept(restore, GONE))?
        };
        self.is_what_it_was(restore, kept.size_bytes, Some(kept.sha256))?;
        Ok(kept)
    }

    fn is_what_it_was(
        &self,
        restore: &Restore,
        size_bytes: u64,
        sha256: Option<Digest>,
    ) -> Result<(), TreeError> {
        let Some(before) = restore.before.sha256 else {
            return Err(self.not_kept(restore, "its record does not tell its SHA-256"));
        };
        if size_bytes == restore.before.size_bytes && sha256 == Some(before) {
            return Ok(());
        }
        Err(self.not_kept(restore, "what is kept of it is not what it was"))
    }

    /// Where an object is kept that is in no folder: the prefix, the name below it, and the version.
    fn kept_object<'a>(&self, restore: &'a Restore) -> Result<(Self, &'a str, Option<&'a str>), TreeError> {
        let kept = restore.before.kept.as_deref().unwrap_or_default();
        match &restore.kept_in {
            KeptIn::Prefix(place) => {
                let place =
                    place.parse().map_err(|_| self.not_kept(restore, "its record names no prefix"))?;
                Ok((self.at(place), kept, None))
            }
            KeptIn::Folder(_) | KeptIn::Versions => Ok((self.clone(), &restore.name, Some(kept))),
        }
    }

    async fn read_file(&self, restore: &Restore, folder: &Path) -> Result<Spooled, TreeError> {
        let kept = restore.before.kept.as_deref().unwrap_or_default();
        // A name from a file: it may not lead anywhere else.
        if kept.is_empty() || !kept.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.not_kept(restore, "its record names no file of the folder"));
        }
        match spooled_file(&folder.join(kept), restore.before.size_bytes).await {
            Err(TreeError::Local { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                let path = landfall_secret::escape(&path.to_string_lossy(), 200);
                Err(self.not_kept(restore, &format!("{path} is gone")))
            }
            read => read,
        }
    }

    fn not_kept(&self, restore: &Restore, what: &str) -> TreeError {
        TreeError::NotKept { address: self.address().shown(&restore.name), what: what.to_owned() }
    }
}
