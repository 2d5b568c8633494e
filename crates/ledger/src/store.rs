//! Where records stand: what both stores do alike.

mod folder;
mod named;
mod s3;
mod torn;

use std::ops::RangeInclusive;

use futures_util::StreamExt as _;
use landfall_artifacts::LedgerEvent;
use time::OffsetDateTime;

pub(crate) use self::folder::FolderStore;
pub(crate) use self::s3::S3Store;
pub use self::torn::Torn;
use crate::chain::{self, Bad, Link};
use crate::error::Error;

/// Records of one piece of a chain that is read as a whole.
const PIECE: u64 = 512;

/// Objects that are read at a time.
pub(crate) const AT_A_TIME: usize = 64;

/// A place with records. Both kinds keep the promise that the chain rests on: a number is taken once.
#[derive(Debug)]
pub(crate) enum Store {
    Folder(FolderStore),
    S3(Box<S3Store>),
}

/// What became of a record that was to be put at a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It stands there.
    New,
    /// Another one does.
    Taken,
}

impl Store {
    /// For people.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Folder(store) => store.place(),
            Self::S3(store) => store.place(),
        }
    }

    /// How many records it may have. Readers take more for damage.
    pub(crate) fn most_records(&self) -> u64 {
        match self {
            Self::Folder(_) => folder::MOST_RECORDS,
            Self::S3(_) => s3::MOST_RECORDS,
        }
    }

    /// The newest number, 0 where there is none: found with few requests, and without a look at all before it.
    pub(crate) async fn newest(&self) -> Result<u64, Error> {
        match self {
            Self::Folder(store) => blocking(store, FolderStore::last).await,
            Self::S3(store) => store.newest().await,
        }
    }

    /// The newest number, after a whole listing that shows that none before it is missing.
    pub(crate) async fn listed(&self) -> Result<u64, Error> {
        match self {
            Self::Folder(store) => blocking(store, FolderStore::last).await,
            Self::S3(store) => store.listed().await,
        }
    }

    /// Puts a record at a number that has none.
    pub(crate) async fn put(&self, sequence: u64, bytes: Vec<u8>) -> Result<Placed, Error> {
        match self {
            Self::Folder(store) => {
                blocking(store, move |store| store.put(&LedgerEvent::file_name(sequence), &bytes)).await
            }
            Self::S3(store) => store.put(&LedgerEvent::file_name(sequence), bytes).await,
        }
    }

    /// A record; `None` where there is none.
    pub(crate) async fn link(&self, sequence: u64) -> Result<Option<Link>, Error> {
        let bytes = match self {
            Self::Folder(store) => blocking(store, move |store| store.get(sequence)).await?,
            Self::S3(store) => store.get(sequence).await?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        chain::link(sequence, &bytes).map(Some).map_err(|bad| self.damaged(bad))
    }

    /// When a record was stored, by the clock of the place and not of its writer; a copy tells a later time. `None` where the place
    /// does not tell.
    pub(crate) async fn stored(&self, sequence: u64) -> Result<Option<OffsetDateTime>, Error> {
        match self {
            Self::Folder(store) => blocking(store, move |store| store.stored(sequence)).await.map(Some),
            Self::S3(store) => store.stored(sequence).await,
        }
    }

    /// The records of a range in their order, with what `keep` takes of each event; one that is missing is damage.
    pub(crate) async fn links<E: Send + 'static>(
        &self,
        range: RangeInclusive<u64>,
        keep: impl Fn(LedgerEvent) -> E + Send + 'static,
    ) -> Vec<Result<Link<E>, Error>> {
        match self {
            Self::Folder(store) => {
                let read = move |store: &FolderStore| {
                    Ok(range.map(|at| store.link(at).map(|link| link.keeping(&keep))).collect())
                };
                blocking(store, read).await.unwrap_or_else(|error| vec![Err(error)])
            }
            Self::S3(_) => {
                let keep = &keep;
                let reads = range.map(|sequence| async move {
                    let missing = || self.damaged(Bad { sequence, what: "it is missing".to_owned() });
                    self.link(sequence).await?.ok_or_else(missing).map(|link| link.keeping(keep))
                });
                futures_util::stream::iter(reads).buffered(AT_A_TIME).collect().await
            }
        }
    }

    /// The records from 1 to `last` in their order, in pieces of which several are read at a time.
    pub(crate) fn chain<E: Send + 'static>(
        &self,
        last: u64,
        keep: impl Fn(LedgerEvent) -> E + Clone + Send + 'static,
    ) -> impl futures_util::Stream<Item = Vec<Result<Link<E>, Error>>> + '_ {
        let pieces = (0..last.div_ceil(PIECE)).map(move |piece| {
            let from = piece * PIECE + 1;
            self.links(from..=(from + PIECE - 1).min(last), keep.clone())
        });
        let at_a_time = match self {
            Self::Folder(_) => std::thread::available_parallelism().map_or(2, usize::from) + 1,
            Self::S3(_) => 2,
        };
        futures_util::stream::iter(pieces).buffered(at_a_time)
    }

    pub(crate) fn damaged(&self, bad: Bad) -> Error {
        Error::Damaged { place: self.place(), sequence: bad.sequence, what: bad.what }
    }
}

/// Off the runtime's threads: on a busy disk a flush takes longer than other tasks should wait.
pub(crate) async fn blocking<T: Send + 'static>(
    store: &FolderStore,
    work: impl FnOnce(&FolderStore) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || work(&store)).await {
        Ok(result) => result,
        Err(cause) => Err(Error::CutShort { cause }),
    }
}
