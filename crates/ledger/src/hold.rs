//! One run at a time on an environment, among all that share a ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;

use landfall_artifacts::{EnvironmentName, EventKind};
use landfall_run::rfc3339;
use serde_json::Value;
use tokio::task::AbortHandle;

use crate::ledger::{Held, Inner, State};
use crate::lock::{EXPIRES, LIFE, LOCK, Lock, RENEWS, Standing, TAKES_OVER, number, taken};
use crate::{Draft, Error, Head, Ledger};

/// How often the lock is tried for when others write in between.
const ATTEMPTS: u32 = 200;

/// Records that are read at a time on the way back to the newest lock.
const PIECE: u64 = 64;

/// An environment that this process holds. [`Hold::release`] gives it back; a process that ends without leaves it locked for as
/// long as its lock lasts, in a folder only as long as the process lives.
#[derive(Debug)]
pub struct Hold {
    ledger: Ledger,
    environment: EnvironmentName,
    fence: u64,
    renewal: AbortHandle,
    /// The operating system's lock (`flock`) beside the records of a folder: a killed run leaves none behind.
    _file: Option<File>,
}

impl Ledger {
    /// Takes an environment by a `lock` event, whose number is the fencing number, and renews it until it is given back.
    ///
    /// The event is only written directly after the one that showed the environment free, so that two runs cannot both have it. A
    /// lock that is over, or in a folder one whose process is gone, is taken over, which the event says.
    ///
    /// # Errors
    /// [`Error::Held`] where another run has it; what reading and writing of the ledger can bring.
    pub async fn hold(&self, environment: &EnvironmentName) -> Result<Hold, Error> {
        let file = match self.folder() {
            Some(folder) => match flock(folder, environment)? {
                Some(file) => Some(file),
                None => return Err(self.held(environment).await),
            },
            None => None,
        };
        let (inner, name, is_alone) = (Arc::clone(&self.inner), environment.clone(), file.is_some());
        let taking = tokio::spawn(async move { inner.take(&name, is_alone).await });
        let fence = match taking.await {
            Ok(fence) => fence?,
            Err(cause) => return Err(Error::CutShort { cause }),
        };
        let (inner, name) = (Arc::clone(&self.inner), environment.clone());
        let renewal = tokio::spawn(async move { inner.keep(name, fence).await }).abort_handle();
        Ok(Hold { ledger: self.clone(), environment: environment.clone(), fence, renewal, _file: file })
    }

    /// Who holds an environment, as far as the records tell it: a run notes itself a moment after it has the operating system's lock.
    async fn held(&self, environment: &EnvironmentName) -> Error {
        let mut state = self.inner.state().await;
        let holder = match self.inner.read_on(&mut state).await {
            Ok(()) => self.inner.newest_lock(&mut state, environment).await.ok().flatten(),
            Err(_) => None,
        };
        let holder = holder.map_or_else(|| "another run on this machine".to_owned(), |lock| lock.holder);
        Error::Held { environment: environment.to_string(), holder }
    }

    /// Who holds an environment, however long its lock is over by time; `None` where nobody does. Reads the whole chain.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn lock_of(&self, environment: &EnvironmentName) -> Result<Option<Lock>, Error> {
        let mut standing = Standing::default();
        self.walk(&[], |event| standing.see(&event)).await?;
        Ok(standing.of(environment).cloned())
    }

    /// Takes a lock away from whoever holds it: what that run still wants to write for the environment is refused. For people who
    /// know that it is gone. Returns the record that says so.
    ///
    /// In a folder a run that lives keeps the operating system's lock until it ends, so that nobody comes in beside it.
    ///
    /// # Errors
    /// [`Error::NotHeld`] where the lock is no longer the one that stands; what reading and writing of the ledger can bring.
    pub async fn unlock(&self, lock: &Lock, reason: &str) -> Result<Head, Error> {
        let standing = self.lock_of(&lock.environment).await?;
        // Another run may have come since somebody looked: its lock is not the one that was to be taken away. One that comes after
        // this look is safe, since the event names the lock that it ends.
        if standing.is_none_or(|standing| standing.fence != lock.fence) {
            return Err(Error::NotHeld { environment: lock.environment.to_string() });
        }
        let mut draft = event(EventKind::Unlock, &lock.environment, LOCK, lock.fence);
        draft.reason = Some(reason.to_owned());
        self.append(draft).await
    }
}

impl Hold {
    /// The fencing number.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Gives the environment back.
    ///
    /// # Errors
    /// What writing to the ledger can bring; the lock then ends by itself when its time is over.
    pub async fn release(self) -> Result<(), Error> {
        self.renewal.abort();
        let draft = event(EventKind::Unlock, &self.environment, LOCK, self.fence);
        let released = match self.ledger.append(draft).await {
            // It is somebody else's by now: there is nothing to give back.
            Ok(_) | Err(Error::LockLost { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        self.ledger.inner.state().await.held = None;
        released
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Inner {
    /// Writes the lock event directly after an event that shows the environment free.
    async fn take(&self, environment: &EnvironmentName, is_alone: bool) -> Result<u64, Error> {
        let mut state = self.state().await;
        self.read_on(&mut state).await?;
        let mut before = self.newest_lock(&mut state, environment).await?;
        for _ in 0..ATTEMPTS {
            if let Some(lock) = before.as_ref().filter(|lock| !is_alone && !lock.is_over(self.clock.now())) {
                return Err(Error::Held {
                    environment: environment.to_string(),
                    holder: format!("{} until {}", lock.holder, rfc3339(lock.expires)),
                });
            }
            let mut draft = Draft { environment: Some(environment.clone()), ..Draft::new(EventKind::Lock) };
            draft.details.insert(EXPIRES.to_owned(), self.expiry());
            if let Some(lock) = &before {
                draft.details.insert(TAKES_OVER.to_owned(), Value::from(lock.fence));
                draft.reason = Some(format!("the lock of {} was not given back", lock.holder));
            }
            if let Some(head) = self.place_next(&mut state, &draft).await? {
                let fence = head.sequence;
                state.held = Some(Held { environment: environment.clone(), fence, lost_to: None });
                return Ok(fence);
            }
            self.read_on(&mut state).await?;
            before = state.standing.of(environment).cloned();
        }
        Err(Error::Crowded { place: self.store.place(), attempts: ATTEMPTS })
    }

    /// Renews a lock each time when half of its life is over, until it is lost.
    async fn keep(self: Arc<Self>, environment: EnvironmentName, fence: u64) {
        loop {
            self.clock.sleep(LIFE / 2).await;
            let mut draft = event(EventKind::Lock, &environment, RENEWS, fence);
            draft.details.insert(EXPIRES.to_owned(), self.expiry());
            let ledger = Ledger { inner: Arc::clone(&self) };
            // What fails here is told by the next effect, which may not be made without the lock; a passing fault has another
            // half of the lock's life to pass.
            if let Err(Error::LockLost { .. }) = ledger.append(draft).await {
                return;
            }
        }
    }

    fn expiry(&self) -> Value {
        Value::from(rfc3339(self.clock.now() + LIFE))
    }

    /// The lock on an environment: by what was read on so far, else by reading back from the newest record to the first event
    /// that decides, or to records that are older than any lock lasts.
    async fn newest_lock(
        &self,
        state: &mut State,
        environment: &EnvironmentName,
    ) -> Result<Option<Lock>, Error> {
        if let Some(lock) = state.standing.of(environment) {
            return Ok(Some(lock.clone()));
        }
        let oldest = self.clock.now() - LIFE * 4;
        let mut to = state.newest.map_or(0, |head| head.sequence);
        let (mut given_back, mut renewed) = (BTreeSet::new(), BTreeMap::new());
        while to > 0 {
            let from = to.saturating_sub(PIECE - 1).max(1);
            for link in self.store.links(from..=to).await.into_iter().rev() {
                let event = link?.event;
                if event.time < oldest {
                    return Ok(Self::renewed(state, &given_back, renewed));
                }
                if event.environment.as_ref() != Some(environment) {
                    continue;
                }
                if event.kind == EventKind::Unlock {
                    given_back.extend(number(&event, LOCK));
                } else if let Some(mut lock) = taken(&event) {
                    if number(&event, RENEWS).is_some() {
                        // Written late, it may stand behind the end of what it renews: what is before it tells.
                        renewed.entry(lock.fence).or_insert(lock);
                        continue;
                    }
                    if given_back.contains(&lock.fence) {
                        return Ok(None);
                    }
                    if let Some(renewal) = renewed.remove(&lock.fence) {
                        lock.expires = renewal.expires;
                    }
                    state.standing.insert(lock.clone());
                    return Ok(Some(lock));
                }
            }
            to = from - 1;
        }
        Ok(Self::renewed(state, &given_back, renewed))
    }

    /// A lock so old that only its renewals were read: the newest of them that was not given back.
    fn renewed(state: &mut State, given_back: &BTreeSet<u64>, renewed: BTreeMap<u64, Lock>) -> Option<Lock> {
        let newest = renewed.into_iter().rfind(|(fence, _)| !given_back.contains(fence));
        let (_, lock) = newest?;
        state.standing.insert(lock.clone());
        Some(lock)
    }
}

fn event(kind: EventKind, environment: &EnvironmentName, key: &str, fence: u64) -> Draft {
    let mut draft = Draft { environment: Some(environment.clone()), ..Draft::new(kind) };
    draft.details.insert(key.to_owned(), Value::from(fence));
    draft
}

/// The operating system's lock of an environment, beside the records; `None` where another process has it.
fn flock(folder: &Path, environment: &EnvironmentName) -> Result<Option<File>, Error> {
    let name: String = environment.as_str().chars().map(|c| if c == '/' { '+' } else { c }).collect();
    let path = folder.join(format!("{name}.lock"));
    let failed = |cause| Error::Place { place: landfall_secret::escape(&path.to_string_lossy(), 400), cause };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}
