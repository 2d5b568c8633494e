//! Files of a store that are no records: by their names, bounded, never written over.

use super::folder::Found;
use super::{Placed, Store, blocking};
use crate::error::Error;

impl Store {
    /// The names that begin with `begin`, in no order; a few more than `most` where there are more.
    pub(crate) async fn names(&self, begin: &'static str, most: usize) -> Result<Vec<String>, Error> {
        match self {
            Self::Folder(store) => {
                let mut names = blocking(store, super::FolderStore::names).await?;
                names.retain(|name| name.starts_with(begin));
                Ok(names)
            }
            Self::S3(store) => store.names(begin, most).await,
        }
    }

    /// The bytes of a file, at most `most`; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where it is too large, or no file.
    pub(crate) async fn named(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let wrong = |what: String| Error::Checkpoint { address: self.address(name), what };
        let bytes = match self {
            Self::Folder(store) => {
                let wanted = name.to_owned();
                match blocking(store, move |store| store.read(&wanted, most)).await? {
                    Found::Nothing => None,
                    Found::Bytes(bytes) => Some(bytes),
                    Found::Odd => return Err(wrong("it is not a regular file".to_owned())),
                }
            }
            Self::S3(store) => store.read(name, most).await?,
        };
        match bytes {
            Some(bytes) if bytes.len() > most => Err(wrong(format!("it has more than {most} bytes"))),
            bytes => Ok(bytes),
        }
    }

    /// Puts a file at a name that nothing has.
    pub(crate) async fn put_named(&self, name: &str, bytes: Vec<u8>) -> Result<Placed, Error> {
        match self {
            Self::Folder(store) => {
                let name = name.to_owned();
                blocking(store, move |store| store.put(&name, &bytes)).await
            }
            Self::S3(store) => store.put(name, bytes).await,
        }
    }

    /// A file of the store, for people.
    pub(crate) fn address(&self, name: &str) -> String {
        format!("{}/{}", self.place().trim_end_matches('/'), landfall_secret::escape(name, 120))
    }
}
