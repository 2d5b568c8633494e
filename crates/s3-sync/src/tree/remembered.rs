//! What is known before and while objects are listed: by the manifest, which foretells the keys too, and by hashes of the files that it names.

use std::io::Read;
use std::sync::Arc;

use landfall_run::Run;

use super::etag::Listed;
use super::hash::{ByFile, Which, hash_all};
use super::headers::Headers;
use super::manifest::{self, Entry, HeaderSets};
use super::page_size::PageSize;
use super::source::LocalFile;
use super::spool::SpooledReader;
use super::starts::Starts;
use super::stored::StoredManifest;
use super::walk::Foretells;
use super::{Source, Tree, TreeError};

/// What the stored manifest says of the files of a source.
#[derive(Debug)]
pub(crate) struct Remembered {
    sets: HeaderSets,
    /// Of each file; shorter where the last ones are not in it.
    entries: Vec<Option<Entry>>,
    /// Where pages of a listing should begin.
    starts: Vec<Box<str>>,
}

impl Remembered {
    fn read(from: impl Read, files: &[LocalFile], mut starts: Starts<'_>) -> Result<Self, String> {
        let (mut entries, mut rest) = (Vec::with_capacity(files.len()), files.iter().peekable());
        let sets = manifest::read(from, |name, entry| {
            starts.next(name);
            // Both are in the order of their bytes.
            while rest.next_if(|file| file.name.as_bytes() < name.as_bytes()).is_some() {
                entries.push(None);
            }
            if rest.next_if(|file| *file.name == *name).is_some() {
                entries.push(Some(entry));
            }
        })?;
        Ok(Self { sets, entries, starts: starts.finish() })
    }

    /// What it says of the file of a number.
    pub(crate) fn entry(&self, number: usize) -> Option<&Entry> {
        self.entries.get(number)?.as_ref()
    }

    /// The headers of an entry's object; `None` where it was written after the manifest was: the same bytes have the same ETag under
    /// other headers too.
    pub(crate) fn headers(&self, entry: &Entry, listed: &Listed, written: Option<i64>) -> Option<&Headers> {
        if written.is_none_or(|written| listed.modified > written) {
            return None;
        }
        self.sets.get(entry.headers)
    }
}

/// What was found while objects were listed.
#[derive(Debug)]
pub(crate) struct Found {
    /// `None` where there is no manifest, or none was looked for.
    pub(crate) stored: Option<StoredManifest<Remembered>>,
    /// The SHA-256 of the files that the manifest names with their size; others are not hashed yet.
    pub(crate) hashes: ByFile,
}

impl Tree {
    /// Reads the manifest as soon as it is known to be there, tells where pages should begin, and hashes files that probably have not changed.
    ///
    /// # Errors
    /// What keeps the manifest or files from being read.
    pub(super) async fn remember(
        &self,
        source: &Source,
        (foretells, size): (Foretells, PageSize),
        run: &Run,
    ) -> Result<Found, Vec<TreeError>> {
        let mut found = Found { stored: None, hashes: ByFile::of(source) };
        let is_listed = foretells.seen.is_some();
        if let Some(seen) = foretells.seen
            && seen.await.is_err()
        {
            return Ok(found);
        }
        found.stored = match self.remembered(source, size, run).await {
            // Who may not list the whole bucket hears that of a key that is not there (S3 API reference, "GetObject", Permissions). If the
            // listing shows it, it is asked for once more.
            Err(TreeError::Call { failure, .. }) if failure.status == Some(403) && !is_listed => None,
            read => read.map_err(|error| vec![error])?,
        };
        if let Some(says) = found.stored.as_mut().and_then(|stored| stored.says.as_mut()) {
            // A listing that is at its end already needs none.
            let _ = foretells.starts.send(std::mem::take(&mut says.starts));
            let files = source.files().iter().enumerate();
            let is_same_size = |number: usize, file: &LocalFile| {
                says.entry(number).is_some_and(|entry| entry.size_bytes == file.stamp.size_bytes)
            };
            let numbers: Vec<usize> = files
                .filter(|(number, file)| is_same_size(*number, file))
                .map(|(number, _)| number)
                .collect();
            hash_all(source, &numbers, Which::Sha256, |number, hashes| found.hashes.set(number, hashes))
                .await?;
        }
        Ok(found)
    }

    /// The manifest, as far as it is about a source.
    pub(super) async fn remembered(
        &self,
        source: &Source,
        size: PageSize,
        run: &Run,
    ) -> Result<Option<StoredManifest<Remembered>>, TreeError> {
        let (files, prefix) = (Arc::clone(source.files()), self.address().prefix().to_owned());
        let read =
            move |from: SpooledReader| Remembered::read(from, &files, Starts::new(&prefix, size.keys()));
        self.stored_manifest(read, run).await
    }
}
