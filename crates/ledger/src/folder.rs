//! A ledger in a folder: one file a record, made whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use landfall_artifacts::{Actor, Digest, LedgerEvent};
use landfall_run::Clock;

use crate::chain::{self, Bad, Head, Link, Verified};
use crate::draft::{Context, Draft};
use crate::error::Error;

/// How often a writer takes the next number when others are faster.
const ATTEMPTS: u32 = 200;

/// The most records of a folder; more is not a ledger that one folder should hold.
const MOST_RECORDS: u64 = 1_000_000;

/// A ledger in a folder. Clones are the same ledger.
///
/// A record is written to a temporary file, flushed, and moved to its name only where nothing has that name; then the folder
/// is flushed. A kill leaves at most a temporary file, which nobody reads. Several processes may write at once: who finds
/// the number taken reads on and chains again.
///
/// The folder is made by the first record, so that a dry run leaves nothing behind.
#[derive(Clone, Debug)]
pub struct FolderLedger {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    folder: PathBuf,
    context: Context,
    clock: Clock,
    /// The newest record that this process knows of. Held while writing, so that its own writers do not race.
    newest: Mutex<Option<Head>>,
}

impl FolderLedger {
    /// Opens the ledger in `folder`, which need not exist yet, and looks at its two newest records.
    ///
    /// # Errors
    /// [`Error::Place`] where it cannot be listed; [`Error::Damaged`] where a record is missing or the newest is bad.
    pub fn open(folder: impl Into<PathBuf>, context: Context, clock: Clock) -> Result<Self, Error> {
        let ledger = Self::unchecked(folder, context, clock);
        let store = &ledger.store;
        let last = store.last_sequence()?;
        let mut before = None;
        for sequence in last.saturating_sub(1).max(1)..=last {
            let link = store.read(sequence)?;
            chain::follows(&link, before, None, None).map_err(|bad| store.damaged(bad))?;
            before = Some(link.head);
        }
        *store.newest() = before;
        Ok(ledger)
    }

    /// The ledger in `folder` without a look at it: for [`verify`](FolderLedger::verify), which then names the first bad
    /// record and not the newest.
    pub fn unchecked(folder: impl Into<PathBuf>, context: Context, clock: Clock) -> Self {
        Self { store: Arc::new(Store { folder: folder.into(), context, clock, newest: Mutex::default() }) }
    }

    /// The ledger in `folder`, for readers: [`events`](FolderLedger::events) and [`verify`](FolderLedger::verify).
    pub fn for_reading(folder: impl Into<PathBuf>) -> Self {
        let nobody = Actor { name: "reader".to_owned(), source: "reads only".to_owned() };
        Self::unchecked(folder, Context::new(nobody, env!("CARGO_PKG_VERSION")), Clock::system())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.store.folder
    }

    /// What is the same in every event of this run.
    pub fn context(&self) -> &Context {
        &self.store.context
    }

    /// Adds an event; it is durable when this returns. Not idempotent: each call adds one.
    ///
    /// The writing goes on where the call is dropped: the record is then there or not, never half.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Write`] the event may be there.
    pub async fn append(&self, draft: Draft) -> Result<Head, Error> {
        let store = Arc::clone(&self.store);
        // Off the runtime's threads: on a busy disk a flush takes longer than other tasks should wait.
        match tokio::task::spawn_blocking(move || store.append(&draft)).await {
            Ok(result) => result,
            Err(cause) => Err(Error::CutShort { cause }),
        }
    }

    /// All events, oldest first, after the check of [`FolderLedger::verify`].
    ///
    /// # Errors
    /// As [`FolderLedger::verify`].
    pub fn events(&self) -> Result<Vec<LedgerEvent>, Error> {
        let mut events = Vec::new();
        self.store.walk(None, |event| events.push(event))?;
        Ok(events)
    }

    /// Reads the whole chain. `known` is a head that was kept elsewhere: with it also a change of that very record and a
    /// removal of the newest records are seen.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first bad record; [`Error::Place`].
    pub fn verify(&self, known: Option<Head>) -> Result<Verified, Error> {
        self.store.walk(known, |_| {})
    }
}

impl Store {
    fn newest(&self) -> MutexGuard<'_, Option<Head>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, draft: &Draft) -> Result<Head, Error> {
        fs::create_dir_all(&self.folder).map_err(|cause| self.unusable(cause))?;
        let mut newest = self.newest();
        for _ in 0..ATTEMPTS {
            self.read_on(&mut newest)?;
            let sequence = newest.map_or(1, |head| head.sequence.saturating_add(1));
            let event = draft.event(sequence, newest.map(|head| head.digest), &self.context, &self.clock);
            let bytes = event.canonical_bytes();
            if bytes.len() > LedgerEvent::MAX_BYTES {
                return Err(Error::TooLarge { size: bytes.len(), limit: LedgerEvent::MAX_BYTES });
            }
            let path = self.path(sequence);
            match self.put(&path, &bytes) {
                Ok(()) => {
                    let head = Head { sequence, digest: Digest::of(&bytes) };
                    *newest = Some(head);
                    return Ok(head);
                }
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(Error::Write { path, cause }),
            }
        }
        Err(Error::Crowded { path: self.folder.clone(), attempts: ATTEMPTS })
    }

    /// Follows the chain over what other processes added.
    fn read_on(&self, newest: &mut Option<Head>) -> Result<(), Error> {
        loop {
            let sequence = newest.map_or(1, |head| head.sequence.saturating_add(1));
            let path = self.path(sequence);
            match fs::symlink_metadata(&path) {
                Ok(_) => {}
                Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
                Err(cause) => return Err(Error::Place { path, cause }),
            }
            let link = self.read(sequence)?;
            chain::follows(&link, *newest, None, None).map_err(|bad| self.damaged(bad))?;
            *newest = Some(link.head);
        }
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".record-")
            .suffix(".tmp")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|refused| refused.error)?;
        File::open(&self.folder)?.sync_all()
    }

    /// The newest sequence in the folder, 0 where there is none, after seeing that none before it is missing.
    fn last_sequence(&self) -> Result<u64, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(0),
            Err(cause) => return Err(self.unusable(cause)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|cause| self.unusable(cause))?;
            let Some(sequence) = entry.file_name().to_str().and_then(LedgerEvent::sequence_of) else {
                continue;
            };
            if sequence == 0 || sequence > MOST_RECORDS {
                let what = format!("no ledger in a folder has it; the last may be {MOST_RECORDS}");
                return Err(self.damaged(Bad { sequence, what }));
            }
            found.push(sequence);
        }
        found.sort_unstable();
        let mut expected = 1;
        for &sequence in &found {
            while expected < sequence {
                // A listing that others write into meanwhile may show a record and not the one before it.
                if fs::symlink_metadata(self.path(expected)).is_err() {
                    return Err(self.damaged(Bad { sequence: expected, what: "it is missing".to_owned() }));
                }
                expected += 1;
            }
            expected = sequence + 1;
        }
        Ok(expected - 1)
    }

    fn walk(&self, known: Option<Head>, mut visit: impl FnMut(LedgerEvent)) -> Result<Verified, Error> {
        let last = self.last_sequence()?;
        let mut before: Option<Head> = None;
        let mut ahead: Option<Result<Link, Error>> = (last > 0).then(|| self.read(1));
        while let Some(next) = ahead.take() {
            let link = next?;
            let sequence = link.head.sequence;
            ahead = (sequence < last).then(|| self.read(sequence + 1));
            let after = ahead.as_ref().and_then(|next| next.as_ref().ok());
            chain::follows(&link, before, after, known).map_err(|bad| self.damaged(bad))?;
            chain::matches(link.head, known).map_err(|bad| self.damaged(bad))?;
            before = Some(link.head);
            visit(link.event);
        }
        if let Some(known) = known.filter(|known| known.sequence > last) {
            let what =
                format!("it is missing, as is all up to {}, whose digest was kept elsewhere", known.sequence);
            return Err(self.damaged(Bad { sequence: last + 1, what }));
        }
        Ok(Verified { records: last, head: before })
    }

    fn read(&self, sequence: u64) -> Result<Link, Error> {
        let path = self.path(sequence);
        let bad = |what: &str| self.damaged(Bad { sequence, what: what.to_owned() });
        let failed = |cause: io::Error| match cause.kind() {
            ErrorKind::NotFound => bad("it is missing"),
            _ => Error::Place { path: path.clone(), cause },
        };
        // Asked without following: a link is no record, and opening a pipe would wait for its writer.
        if !fs::symlink_metadata(&path).map_err(failed)?.is_file() {
            return Err(bad("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        let most = LedgerEvent::MAX_BYTES as u64 + 1;
        File::open(&path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
        chain::link(sequence, &bytes).map_err(|bad| self.damaged(bad))
    }

    fn path(&self, sequence: u64) -> PathBuf {
        self.folder.join(LedgerEvent::file_name(sequence))
    }

    fn damaged(&self, bad: Bad) -> Error {
        Error::Damaged { place: self.folder.clone(), sequence: bad.sequence, what: bad.what }
    }

    fn unusable(&self, cause: io::Error) -> Error {
        Error::Place { path: self.folder.clone(), cause }
    }
}
