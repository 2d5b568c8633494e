//! The files of a source beside the objects of a listing: both are in the order of their bytes, so one pass is enough.

use std::sync::Arc;

use super::Rules;
use super::etag::Listed;
use super::manifest::MANIFEST_NAME;
use super::source::LocalFile;

/// An object that the source has no file for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// Its name below the prefix.
    pub name: Arc<str>,
    /// What the listing says of it.
    pub listed: Listed,
}

/// Files and objects side by side.
pub(crate) struct Join<'a> {
    rules: &'a Rules,
    files: &'a [LocalFile],
    at: usize,
    /// Of each file what stands at its key.
    pub(crate) listed: Vec<Option<Listed>>,
    pub(crate) extras: Vec<Extra>,
    /// Objects that the rules leave out.
    pub(crate) left_out: u64,
    pub(crate) manifest: Option<Listed>,
    /// Folders, with a slash at their ends, in which manifests of other publications stand.
    pub(crate) others: Vec<Box<str>>,
}

impl<'a> Join<'a> {
    pub(crate) fn new(files: &'a [LocalFile], rules: &'a Rules) -> Self {
        let listed = vec![None; files.len()];
        Self {
            rules,
            files,
            at: 0,
            listed,
            extras: Vec::new(),
            left_out: 0,
            manifest: None,
            others: Vec::new(),
        }
    }

    /// Takes the next object, which comes after the ones before.
    pub(crate) fn take(&mut self, name: &str, listed: Listed) {
        if name == MANIFEST_NAME {
            self.manifest = Some(listed);
            return;
        }
        if let Some(folder) = name.strip_suffix(MANIFEST_NAME).filter(|folder| folder.ends_with('/')) {
            self.others.push(folder.into());
        }
        while self.files.get(self.at).is_some_and(|file| file.name.as_bytes() < name.as_bytes()) {
            self.at += 1;
        }
        if self.files.get(self.at).is_some_and(|file| *file.name == *name) {
            if let Some(slot) = self.listed.get_mut(self.at) {
                *slot = Some(listed);
            }
        } else if name.is_empty() || !self.rules.takes(name) {
            // An empty name is the mark that the console puts there for the prefix itself.
            self.left_out += 1;
        } else {
            self.extras.push(Extra { name: name.into(), listed });
        }
    }

    /// Objects that the rules take.
    pub(crate) fn objects(&self) -> u64 {
        (self.listed.iter().flatten().count() + self.extras.len()) as u64
    }
}
