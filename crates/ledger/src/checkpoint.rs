//! Checkpoints: number and digest of the newest record, kept in a second place.

use futures_util::{StreamExt as _, TryStreamExt as _};
use landfall_artifacts::{AccountId, EventKind, LedgerCheckpoint, LedgerEvent};
use landfall_aws::AwsConfig;
use landfall_run::Run;

use crate::chain::{Head, Kept};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::store::{AT_A_TIME, FolderStore, Placed, S3Store, Store};

/// The most checkpoints of one place: ten a day for more than twenty years.
const MOST_CHECKPOINTS: usize = 100_000;

/// What names of checkpoints begin with.
const BEGIN: &str = "checkpoint-";

/// A second place: a folder, or a prefix of a bucket, with a file or object for each checkpoint. None is ever written over.
#[derive(Debug)]
pub struct Checkpoints {
    store: Store,
}

/// What of a ledger is to be kept in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToKeep {
    /// The ledger has no record.
    Empty,
    /// What is kept there is all: what came after it tells of checkpoints alone.
    Nothing(Head),
    /// Its newest record.
    Newest(Head),
}

impl Checkpoints {
    /// Those in a folder, which need not be there yet.
    pub fn in_folder(folder: &std::path::Path) -> Self {
        Self { store: Store::Folder(FolderStore::new(folder)) }
    }

    /// Those of a place; a folder needs no configuration. With `owner` S3 refuses where the bucket belongs to another account. `run` is
    /// for the requests; its journal is not used.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn at(place: &Place, config: &AwsConfig, owner: Option<AccountId>, run: Run) -> Result<Self, Error> {
        match place {
            Place::Folder(folder) => Ok(Self::in_folder(folder)),
            Place::S3 { bucket, prefix } => {
                let store = S3Store::new(config, bucket.clone(), prefix.clone(), owner, run)?;
                Ok(Self { store: Store::S3(Box::new(store)) })
            }
        }
    }

    /// All that is kept there, oldest record first. Files of other names are passed over; none where the place is not there.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for one that cannot be read, names another record than its name does, or where there are more than
    /// 100,000; [`Error::Place`], [`Error::Call`].
    pub async fn read(&self) -> Result<Vec<Kept>, Error> {
        let mut names = self.store.names(BEGIN, MOST_CHECKPOINTS).await?;
        names.retain(|name| LedgerCheckpoint::sequence_of(name).is_some());
        if names.len() > MOST_CHECKPOINTS {
            let what = format!("there are more than {MOST_CHECKPOINTS} of them");
            return Err(Error::Checkpoint { address: self.store.place(), what });
        }
        // Numbers have leading zeros, so that the order of names is that of records.
        names.sort_unstable();
        let reads = names.into_iter().map(|name| self.one(name));
        let kept = futures_util::stream::iter(reads).buffered(AT_A_TIME);
        kept.try_filter_map(async |kept| Ok(kept)).try_collect().await
    }

    async fn one(&self, name: String) -> Result<Option<Kept>, Error> {
        let Some(bytes) = self.store.named(&name, LedgerCheckpoint::MAX_BYTES).await? else {
            return Ok(None);
        };
        let address = self.store.address(&name);
        let kept = Kept::parse(&bytes, &address)?;
        if LedgerCheckpoint::sequence_of(&name) == Some(kept.head.sequence) {
            return Ok(Some(kept));
        }
        let what = format!("it says that it is of record {}", kept.head.sequence);
        Err(Error::Checkpoint { address, what })
    }

    /// Keeps a record's number and digest; its address. Idempotent: what is kept already is left as it is.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where another digest is kept of that record: one of the two chains was written anew.
    pub async fn put(&self, checkpoint: &LedgerCheckpoint) -> Result<String, Error> {
        let name = LedgerCheckpoint::file_name(checkpoint.sequence);
        let address = self.store.address(&name);
        if self.store.put_named(&name, checkpoint.to_bytes()).await? == Placed::New {
            return Ok(address);
        }
        match self.one(name).await? {
            Some(kept) => kept.agrees_with(checkpoint).map(|()| address),
            None => {
                Err(Error::Checkpoint { address, what: "it was taken away while it was read".to_owned() })
            }
        }
    }
}

impl Kept {
    /// Reads a checkpoint; `address` is where it is.
    ///
    /// # Errors
    /// [`Error::Checkpoint`].
    pub fn parse(bytes: &[u8], address: &str) -> Result<Self, Error> {
        match LedgerCheckpoint::parse(bytes, "checkpoint") {
            Ok(LedgerCheckpoint { sequence, digest, .. }) => {
                Ok(Self { head: Head { sequence, digest }, at: Some(address.to_owned()) })
            }
            Err(errors) => Err(Error::Checkpoint {
                address: address.to_owned(),
                what: landfall_secret::escape(&errors.to_string(), 400),
            }),
        }
    }

    /// That this is what a checkpoint of the same record is to say.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where its digest is another.
    pub fn agrees_with(&self, checkpoint: &LedgerCheckpoint) -> Result<(), Error> {
        if self.head.digest == checkpoint.digest {
            return Ok(());
        }
        Err(Error::Checkpoint {
            address: self.at.clone().unwrap_or_default(),
            what: format!(
                "it keeps {} of record {}, whose digest is {}",
                self.head.digest.short(),
                checkpoint.sequence,
                checkpoint.digest.short()
            ),
        })
    }
}

impl Ledger {
    /// Reads the whole chain, holds it against what a place keeps, and says what is to be kept there next.
    ///
    /// # Errors
    /// As [`Ledger::verify`]: of a ledger that does not fit what was kept, nothing more is to be kept.
    pub async fn to_keep(&self, kept: &[Kept]) -> Result<ToKeep, Error> {
        let mut told = 0;
        let tells = |event: LedgerEvent| (event.kind != EventKind::Checkpoint).then_some(event.sequence);
        let verified = self.walk(kept, tells, |one| told = one.unwrap_or(told)).await?;
        let newest = kept.iter().map(|kept| kept.head).max_by_key(|head| head.sequence);
        Ok(to_keep(verified.head, told, newest))
    }
}

/// `told` is the newest record that is no checkpoint: that something was kept is not itself worth keeping, or each run would
/// make the next one find something new.
fn to_keep(head: Option<Head>, told: u64, kept: Option<Head>) -> ToKeep {
    match (head, kept) {
        (None, _) => ToKeep::Empty,
        (Some(_), Some(kept)) if kept.sequence >= told => ToKeep::Nothing(kept),
        (Some(head), _) => ToKeep::Newest(head),
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{ToKeep, to_keep};
    use crate::Head;

    #[test]
    fn what_tells_of_checkpoints_alone_is_not_kept_again() {
        let head = |sequence: u64| Head { sequence, digest: Digest::of(&sequence.to_be_bytes()) };
        assert_eq!(to_keep(None, 0, None), ToKeep::Empty);
        assert_eq!(to_keep(Some(head(3)), 3, None), ToKeep::Newest(head(3)));
        // Record 4 says that record 3 was kept, record 5 that 4 was kept in another place.
        assert_eq!(to_keep(Some(head(5)), 3, Some(head(3))), ToKeep::Nothing(head(3)));
        assert_eq!(to_keep(Some(head(5)), 3, Some(head(4))), ToKeep::Nothing(head(4)));
        assert_eq!(to_keep(Some(head(6)), 6, Some(head(4))), ToKeep::Newest(head(6)));
        // A ledger of checkpoints alone.
        assert_eq!(to_keep(Some(head(1)), 0, None), ToKeep::Newest(head(1)));
    }
}
