//! Small notes that stand beside the records, and are none of them.

use std::io::{Error as IoError, ErrorKind};
use std::sync::Arc;

use crate::ledger::Inner;
use crate::store::Store;
use crate::{Error, Ledger};

/// The most bytes of a note.
pub(crate) const MOST_BYTES: usize = 128 * 1024;

/// The most notes that one listing gives.
pub(crate) const MOST_LISTED: usize = 1000;

/// A place for small notes below the ledger's own: a folder of that name in its folder, or keys below its prefix. Clones are the same
/// one.
///
/// Notes are no evidence: no record names them, they may be removed, and [`Ledger::verify`] does not look at them. Each is whole or
/// absent, also after a kill.
#[derive(Clone, Debug)]
pub struct Drawer {
    inner: Arc<Inner>,
    name: &'static str,
}

impl Ledger {
    /// The place for notes of a kind; `name` is of `a-z` and `-`, so that none of its keys is a record's.
    pub fn drawer(&self, name: &'static str) -> Drawer {
        debug_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !name.is_empty());
        Drawer { inner: Arc::clone(&self.inner), name }
    }
}

impl Drawer {
    /// Puts a note where none of its name is; tells whether it is there now by this call. Repeating it changes nothing.
    ///
    /// # Errors
    /// A name that is none (1 to 128 of `A-Z a-z 0-9 . _ -`, not beginning with a dot), more than 128 KiB, and what writing can bring.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<bool, Error> {
        let name = self.checked(name)?;
        if bytes.len() > MOST_BYTES {
            return Err(Error::TooLarge { size: bytes.len(), limit: MOST_BYTES });
        }
        match &self.inner.store {
            Store::Folder(store) => {
                let drawer = self.name;
                crate::store::blocking(store, move |store| store.put_note(drawer, &name, &bytes)).await
            }
            Store::S3(store) => store.put_note(self.name, &name, bytes).await,
        }
    }

    /// A note; `None` where there is none.
    ///
    /// # Errors
    /// As for [`Drawer::put`], and a note of more bytes than one may have.
    pub async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let name = self.checked(name)?;
        match &self.inner.store {
            Store::Folder(store) => {
                let drawer = self.name;
                crate::store::blocking(store, move |store| store.get_note(drawer, &name)).await
            }
            Store::S3(store) => store.get_note(self.name, &name).await,
        }
    }

    /// The names of notes that sort behind `after`, in their order: the first thousand. An empty text gives all.
    ///
    /// # Errors
    /// What listing can bring.
    pub async fn list(&self, after: &str) -> Result<Vec<String>, Error> {
        match &self.inner.store {
            Store::Folder(store) => {
                let (drawer, after) = (self.name, after.to_owned());
                crate::store::blocking(store, move |store| store.list_notes(drawer, &after)).await
            }
            Store::S3(store) => store.list_notes(self.name, after).await,
        }
    }

    /// Takes a note away; one that is not there is no error.
    ///
    /// # Errors
    /// As for [`Drawer::put`].
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let name = self.checked(name)?;
        match &self.inner.store {
            Store::Folder(store) => {
                let drawer = self.name;
                crate::store::blocking(store, move |store| store.remove_note(drawer, &name)).await
            }
            Store::S3(store) => store.remove_note(self.name, &name).await,
        }
    }

    fn checked(&self, name: &str) -> Result<String, Error> {
        if is_name(name) {
            return Ok(name.to_owned());
        }
        let shown = landfall_secret::escape(name, 80);
        let cause = IoError::new(ErrorKind::InvalidInput, format!("`{shown}` is no name of a note"));
        Err(Error::Place { place: format!("{}/{}", self.inner.store.place(), self.name), cause })
    }
}

/// Whether a note may have this name.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
