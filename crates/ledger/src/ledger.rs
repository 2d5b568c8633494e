//! The ledger: one chain over a store.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use landfall_artifacts::{AccountId, Actor, LedgerEvent};
use landfall_aws::AwsConfig;
use landfall_run::{Clock, Run};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::chain::{self, Bad, Head, Kept, Link, Verified};
use crate::draft::{Context, Draft};
use crate::error::Error;
use crate::place::Place;
use crate::state::State;
use crate::store::{FolderStore, Placed, S3Store, Store, Torn, blocking};

/// How often a writer takes the next number when others are faster.
const ATTEMPTS: u32 = 200;

/// An append-only chain of events in a folder or a bucket. Clones are the same ledger.
///
/// A number is taken once, whoever asks for it: a folder by moving a whole file to a name that nobody has, a bucket by
/// `If-None-Match: *`. Who finds the number taken reads on and chains again. A kill leaves no half record.
///
/// A folder is made by the first record, so that a dry run leaves nothing behind.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) context: Context,
    pub(crate) clock: Clock,
    place: Place,
    state: Mutex<State>,
    read: Mutex<Read>,
}

/// The events that were read already: a stage asks several times, and a bucket is asked a request a record.
#[derive(Debug, Default)]
struct Read {
    newest: Option<Head>,
    events: Arc<Vec<LedgerEvent>>,
}

impl Ledger {
    /// Opens the ledger in `folder`, which need not exist yet: sees that no record is missing, and looks at the two newest.
    ///
    /// Where only the beginning of the newest record is there, it is put aside ([`Ledger::torn`]) and its number is free again.
    ///
    /// # Errors
    /// [`Error::Place`] where it cannot be listed; [`Error::Damaged`] where a record is missing or the newest is bad.
    pub async fn open(folder: impl AsRef<Path>, context: Context, clock: Clock) -> Result<Self, Error> {
        let store = FolderStore::new(folder.as_ref());
        let (last, torn) = blocking(&store, FolderStore::recovered).await?;
        let ledger = Self::unchecked(folder, context, clock);
        ledger.state().await.torn = torn;
        ledger.look(last).await?;
        Ok(ledger)
    }

    /// Opens the ledger below `prefix` (empty, or with a slash at its end) in a bucket, and looks at its two newest records. With
    /// `owner` S3 refuses where the bucket belongs to another account. `run` is for its requests; its journal is not used.
    ///
    /// # Errors
    /// [`Error::Client`], [`Error::Call`]; [`Error::Damaged`] where the newest record is bad.
    pub async fn open_s3(
        config: &AwsConfig,
        place: &Place,
        owner: Option<AccountId>,
        run: Run,
        context: Context,
    ) -> Result<Self, Error> {
        let ledger = Self::unchecked_s3(config, place, owner, run, context)?;
        let last = ledger.inner.store.newest().await?;
        ledger.look(last).await?;
        Ok(ledger)
    }

    /// The ledger in a bucket without a look at it, as [`Ledger::unchecked`]. A place that is a folder gives a folder's ledger.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn unchecked_s3(
        config: &AwsConfig,
        place: &Place,
        owner: Option<AccountId>,
        run: Run,
        context: Context,
    ) -> Result<Self, Error> {
        let clock = *run.clock();
        match place {
            Place::Folder(folder) => Ok(Self::unchecked(folder, context, clock)),
            Place::S3 { bucket, prefix } => {
                let store = S3Store::new(config, bucket.clone(), prefix.clone(), owner, run)?;
                Ok(Self::over(Store::S3(Box::new(store)), place.clone(), context, clock))
            }
        }
    }

    /// The ledger in `folder` without a look at it: for [`Ledger::verify`], which then names the first bad record and not the
    /// newest.
    pub fn unchecked(folder: impl AsRef<Path>, context: Context, clock: Clock) -> Self {
        let folder = folder.as_ref();
        let place = Place::Folder(folder.to_owned());
        Self::over(Store::Folder(FolderStore::new(folder)), place, context, clock)
    }

    /// The ledger in `folder`, for readers: [`Ledger::events`] and [`Ledger::verify`].
    pub fn for_reading(folder: impl AsRef<Path>) -> Self {
        Self::unchecked(folder, Self::reader(), Clock::system())
    }

    /// The context of who only reads.
    pub fn reader() -> Context {
        let nobody = Actor { name: "reader".to_owned(), source: "reads only".to_owned() };
        Context::new(nobody, env!("CARGO_PKG_VERSION"))
    }

    fn over(store: Store, place: Place, context: Context, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                context,
                clock,
                place,
                state: Mutex::default(),
                read: Mutex::default(),
            }),
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.inner.place
    }

    /// Its folder; `None` where it is in a bucket.
    pub fn folder(&self) -> Option<&Path> {
        match &self.inner.store {
            Store::Folder(store) => Some(store.folder()),
            Store::S3(_) => None,
        }
    }

    /// What is the same in every event of this run.
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// What was left of the record after the newest, as it was when the ledger was opened: it lost its end, was put aside, and no record
    /// has told of it yet.
    pub async fn torn(&self) -> Option<Torn> {
        self.state().await.torn.clone()
    }

    /// How many more records it has room for, where that is a tenth of all that it may have or less; by what this process has read.
    pub async fn room(&self) -> Option<u64> {
        let records = self.state().await.newest.map_or(0, |head| head.sequence);
        room(records, self.inner.store.most_records())
    }

    /// Adds an event; it is durable when this returns. Not idempotent: each call adds one.
    ///
    /// The writing goes on where the call is dropped: the record is then there or not, never half.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Write`] and [`Error::Unconfirmed`] the event may be there. [`Error::LockLost`] where this
    /// process held the event's environment and another run took it over.
    pub async fn append(&self, draft: Draft) -> Result<Head, Error> {
        let inner = Arc::clone(&self.inner);
        to_its_end(async move { inner.append(draft).await }).await
    }

    /// Adds the event that `decide` makes of all events, directly after the newest of them: what another writer adds in between is
    /// read on, and `decide` is asked again. `None` where it wants none.
    ///
    /// For what is true only of what was read. An event that says what happened, whatever others say, is for [`Ledger::append`].
    ///
    /// # Errors
    /// As [`Ledger::events`] and [`Ledger::append`]; [`Error::Crowded`] where others were faster 200 times.
    pub async fn append_if(
        &self,
        mut decide: impl FnMut(&[LedgerEvent]) -> Option<Draft>,
    ) -> Result<Option<Head>, Error> {
        for _ in 0..ATTEMPTS {
            let (draft, newest) = {
                let (events, verified) = self.follow().await?;
                (decide(&events), verified.head)
            };
            let Some(draft) = draft else { return Ok(None) };
            let inner = Arc::clone(&self.inner);
            let placed = to_its_end(async move { inner.append_after(&draft, newest).await }).await?;
            if placed.is_some() {
                return Ok(placed);
            }
        }
        Err(Error::Crowded { place: self.inner.store.place(), attempts: ATTEMPTS })
    }

    /// All events, oldest first, after the check of [`Ledger::verify`]; where they were read before, what came since is read on.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn events(&self) -> Result<Vec<LedgerEvent>, Error> {
        let (events, _) = self.follow().await?;
        Ok(events.as_ref().clone())
    }

    /// The same without a copy, with what [`Ledger::verify`] said and would say of what came since: for who asks again and again. What was read
    /// is not looked at again, so that a change of it is seen by another `Ledger` alone.
    ///
    /// # Errors
    /// As [`Ledger::verify`]; what was read until then is read on the next time.
    pub async fn follow(&self) -> Result<(Arc<Vec<LedgerEvent>>, Verified), Error> {
        let mut read = self.inner.read.lock().await;
        if read.newest.is_none() {
            let mut events = Vec::new();
            let newest = self.walk(&[], |event| event, |event| events.push(event)).await?.head;
            *read = Read { newest, events: Arc::new(events) };
        } else {
            let store = &self.inner.store;
            while let Some(newest) = read.newest
                && let Some(link) = store.link(newest.sequence.saturating_add(1)).await?
            {
                chain::follows(&link, Some(newest), None, None).map_err(|bad| store.damaged(bad))?;
                read.newest = Some(link.head);
                Arc::make_mut(&mut read.events).push(link.event);
            }
        }
        let records = read.newest.map_or(0, |head| head.sequence);
        Ok((Arc::clone(&read.events), Verified { records, head: read.newest }))
    }

    /// All events, oldest first, and what [`Ledger::verify`] says, in one reading.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn read(&self, known: Option<Head>) -> Result<(Vec<LedgerEvent>, Verified), Error> {
        let mut events = Vec::new();
        let kept = known.map(Kept::from);
        let verified = self.walk(kept.as_slice(), |event| event, |event| events.push(event)).await?;
        Ok((events, verified))
    }

    /// Reads the whole chain. `known` is a head that was kept elsewhere: with it also a change of that very record and a
    /// removal of the newest records are seen.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first bad record; [`Error::Place`], [`Error::Call`].
    pub async fn verify(&self, known: Option<Head>) -> Result<Verified, Error> {
        self.verify_against(known.map(Kept::from).as_slice()).await
    }

    /// The same with any number of heads that were kept elsewhere; the first that does not fit is told with its place.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn verify_against(&self, kept: &[Kept]) -> Result<Verified, Error> {
        self.walk(kept, drop, |()| {}).await
    }

    /// Goes along the whole chain. `keep` takes what is wanted of each event where the record is read, on several threads; `visit` has
    /// that of each record that fits, in their order.
    pub(crate) async fn walk<E: Send + 'static>(
        &self,
        kept: &[Kept],
        keep: impl Fn(LedgerEvent) -> E + Clone + Send + 'static,
        mut visit: impl FnMut(E),
    ) -> Result<Verified, Error> {
        let store = &self.inner.store;
        let last = store.listed().await?;
        let mut pieces = std::pin::pin!(store.chain(last, keep));
        let mut walk = chain::Walk::new(kept);
        // Each is looked at together with the one that follows it.
        let mut step = |link: Link<E>, after: Option<&Link<E>>| {
            walk.step(&link, after).map_err(|bad| store.damaged(bad))?;
            visit(link.event);
            Ok::<_, Error>(())
        };
        let mut newest: Option<Link<E>> = None;
        while let Some(piece) = pieces.next().await {
            for next in piece {
                if let Some(link) = newest.take() {
                    step(link, next.as_ref().ok())?;
                }
                newest = Some(next?);
            }
        }
        if let Some(link) = newest {
            step(link, None)?;
        }
        walk.end().map_err(|bad| store.damaged(bad))
    }

    /// Looks at the two newest records.
    async fn look(&self, last: u64) -> Result<(), Error> {
        let mut state = self.state().await;
        for sequence in last.saturating_sub(1).max(1)..=last {
            let missing = || Bad { sequence, what: "it is missing".to_owned() };
            let link = self.inner.store.link(sequence).await?;
            let link = link.ok_or_else(|| self.inner.store.damaged(missing()))?;
            state.follow(&self.inner.store, &link)?;
        }
        Ok(())
    }

    async fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().await
    }
}

impl Inner {
    pub(crate) async fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().await
    }

    async fn append(&self, draft: Draft) -> Result<Head, Error> {
        let mut state = self.state.lock().await;
        for _ in 0..ATTEMPTS {
            let draft = state.admit(&draft, &self.context)?;
            if let Some(head) = self.place_next(&mut state, &draft).await? {
                return Ok(head);
            }
            self.read_on(&mut state).await?;
        }
        Err(Error::Crowded { place: self.store.place(), attempts: ATTEMPTS })
    }

    /// Adds the event where `newest` is the newest record still; `None` where another one is.
    async fn append_after(&self, draft: &Draft, newest: Option<Head>) -> Result<Option<Head>, Error> {
        let mut state = self.state.lock().await;
        if state.newest != newest {
            self.read_on(&mut state).await?;
        }
        if state.newest != newest {
            return Ok(None);
        }
        let draft = state.admit(draft, &self.context)?;
        self.place_next(&mut state, &draft).await
    }

    /// Tries the number after the newest that is known; `None` where it is taken.
    pub(crate) async fn place_next(&self, state: &mut State, draft: &Draft) -> Result<Option<Head>, Error> {
        let sequence = state.newest.map_or(1, |head| head.sequence.saturating_add(1));
        let most = self.store.most_records();
        if sequence > most {
            return Err(Error::Full { place: self.store.place(), most });
        }
        let previous = state.newest.map(|head| head.digest);
        let mut event = draft.event(sequence, previous, &self.context, &self.clock);
        if let Some(torn) = state.torn.as_ref().filter(|torn| torn.sequence == sequence) {
            // Whoever looks at the chain later is to know that a record began here and was lost.
            event.details.insert("tornRecord".to_owned(), Value::from(torn.digest.to_string()));
        }
        let bytes = event.canonical_bytes();
        if bytes.len() > LedgerEvent::MAX_BYTES {
            return Err(Error::TooLarge { size: bytes.len(), limit: LedgerEvent::MAX_BYTES });
        }
        let head = Head { sequence, digest: landfall_artifacts::Digest::of(&bytes) };
        match self.store.put(sequence, bytes).await? {
            Placed::New => {
                state.newest = Some(head);
                state.standing.see(&event);
                Ok(Some(head))
            }
            Placed::Taken => Ok(None),
        }
    }

    /// Follows the chain over what other processes added.
    pub(crate) async fn read_on(&self, state: &mut State) -> Result<(), Error> {
        loop {
            let sequence = state.newest.map_or(1, |head| head.sequence.saturating_add(1));
            let Some(link) = self.store.link(sequence).await? else { return Ok(()) };
            state.follow(&self.store, &link)?;
        }
    }
}

/// What is left of so many records as there may be, where it is little.
fn room(records: u64, most: u64) -> Option<u64> {
    let left = most.saturating_sub(records);
    (left <= most / 10).then_some(left)
}

/// Writes on where the caller goes away: a record is then there or not, never half.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(cause) => Err(Error::CutShort { cause }),
    }
}

#[cfg(test)]
mod tests;
