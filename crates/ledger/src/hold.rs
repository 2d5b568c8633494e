//! One run at a time on an environment, or the parts of one work, among all that share a ledger.

use std::sync::Arc;

use landfall_artifacts::{EnvironmentName, EventKind};
use landfall_run::rfc3339;
use serde_json::{Map, Value};
use tokio::task::AbortHandle;

use crate::latch::Latch;
use crate::ledger::Inner;
use crate::lock::{BESIDE, EXPIRES, LIFE, LOCK, Lock, PART, Part, RENEWS, TAKES_OVER, WORK, taken};
use crate::standing::Standing;
use crate::state::Held;
use crate::{Draft, Error, Head, Ledger};

/// How often the lock is tried for when others write in between.
const ATTEMPTS: u32 = 200;

/// An environment that this process holds. [`Hold::release`] gives it back; a process that ends without leaves it locked for as
/// long as its lock lasts, in a folder only as long as the process lives.
#[derive(Debug)]
pub struct Hold {
    ledger: Ledger,
    environment: EnvironmentName,
    fence: u64,
    renewal: AbortHandle,
    _latch: Arc<Latch>,
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
        self.take(environment, None).await
    }

    /// Takes an environment for one part of a work, beside others that do other parts of the same work: those of the same stage
    /// and release, split in as many, with the same digest. Each has a fencing number of its own, is renewed, ends and is taken
    /// over by itself. Everybody else waits until all parts have ended.
    ///
    /// # Errors
    /// [`Error::Held`] where a run has it that does the whole, the same part, or a part of something else; as [`Ledger::hold`].
    pub async fn hold_part(&self, environment: &EnvironmentName, part: Part) -> Result<Hold, Error> {
        self.take(environment, Some(part)).await
    }

    async fn take(&self, environment: &EnvironmentName, part: Option<Part>) -> Result<Hold, Error> {
        let latch = match self.folder() {
            Some(folder) => match Latch::take(folder, environment, part.as_ref())? {
                Some(latch) => Arc::new(latch),
                None => return Err(self.held(environment, part.as_ref()).await),
            },
            None => Arc::new(Latch::Time),
        };
        let draft = lock(environment, part.as_ref());
        let (inner, drafted, latched) = (Arc::clone(&self.inner), draft.clone(), Arc::clone(&latch));
        let taking = tokio::spawn(async move { inner.take(drafted, &latched).await });
        let fence = match taking.await {
            Ok(fence) => fence?,
            Err(cause) => return Err(Error::CutShort { cause }),
        };
        let inner = Arc::clone(&self.inner);
        let renewal = tokio::spawn(async move { inner.keep(draft, fence).await }).abort_handle();
        Ok(Hold { ledger: self.clone(), environment: environment.clone(), fence, renewal, _latch: latch })
    }

    /// Who holds an environment, as far as the records tell it: a run notes itself a moment after it has the operating system's lock.
    async fn held(&self, environment: &EnvironmentName, part: Option<&Part>) -> Error {
        let mut state = self.inner.state().await;
        let known = match self.inner.read_on(&mut state).await {
            Ok(()) => self.inner.look_for_locks(&mut state, environment).await.is_ok(),
            Err(_) => false,
        };
        let wanted = self.inner.wanted(&lock(environment, part));
        let in_the_way = |lock: &&Lock| !lock.goes_beside(&wanted);
        let holder = state.standing.of(environment).iter().filter(|_| known).find(in_the_way);
        let holder =
            holder.map_or_else(|| "another run on this machine".to_owned(), |lock| lock.holder.clone());
        Error::Held { environment: environment.to_string(), holder }
    }

    /// Who holds an environment, however long a lock is over by time: nobody, one, or several that do parts of the same work. Reads
    /// the whole chain.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub async fn locks_of(&self, environment: &EnvironmentName) -> Result<Vec<Lock>, Error> {
        let mut standing = Standing::default();
        self.walk(&[], |event| event, |event| standing.see(&event)).await?;
        Ok(standing.of(environment).to_vec())
    }

    /// The lock by which this process holds its environment; `None` where it holds none, or has lost it.
    pub async fn own_lock(&self) -> Option<Lock> {
        let state = self.inner.state().await;
        state.held.as_ref().filter(|held| held.lost_to.is_none()).map(|held| held.lock.clone())
    }

    /// Takes a lock away from whoever holds it: what that run still wants to write for the environment is refused. For people who
    /// know that it is gone. Returns the record that says so.
    ///
    /// In a folder a run that lives keeps the operating system's lock until it ends, so that nobody comes in beside it.
    ///
    /// # Errors
    /// [`Error::NotHeld`] where the lock is no longer the one that stands; what reading and writing of the ledger can bring.
    pub async fn unlock(&self, lock: &Lock, reason: &str) -> Result<Head, Error> {
        let standing = self.locks_of(&lock.environment).await?;
        // Another run may have come since somebody looked: its lock is not the one that was to be taken away. One that comes after
        // this look is safe, since the event names the lock that it ends.
        if standing.iter().all(|standing| standing.fence != lock.fence) {
            return Err(Error::NotHeld { environment: lock.environment.to_string() });
        }
        let mut draft = unlock(&lock.environment, lock.fence);
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
        let draft = unlock(&self.environment, self.fence);
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
    /// Writes the lock event directly after an event that shows the environment free for it.
    async fn take(&self, draft: Draft, latch: &Latch) -> Result<u64, Error> {
        let wanted = self.wanted(&draft);
        let environment = &wanted.environment;
        let mut state = self.state().await;
        self.read_on(&mut state).await?;
        self.look_for_locks(&mut state, environment).await?;
        for _ in 0..ATTEMPTS {
            let Beside { fences, gone } = self.beside(&wanted, state.standing.of(environment), latch)?;
            let mut draft = draft.clone();
            draft.details.insert(EXPIRES.to_owned(), self.expiry());
            if !fences.is_empty() {
                draft.details.insert(BESIDE.to_owned(), Value::Object(fences));
            }
            if let Some(newest) = gone.iter().map(|lock| lock.fence).max() {
                draft.details.insert(TAKES_OVER.to_owned(), Value::from(newest));
                let holders: Vec<&str> = gone.iter().map(|lock| lock.holder.as_str()).collect();
                draft.reason = Some(match holders.as_slice() {
                    [one] => format!("the lock of {one} was not given back"),
                    several => format!("the locks of {} were not given back", several.join(" and ")),
                });
            }
            if let Some(head) = self.place_next(&mut state, &draft).await? {
                let fence = head.sequence;
                state.held = Some(Held { lock: Lock { fence, ..wanted }, lost_to: None });
                return Ok(fence);
            }
            self.read_on(&mut state).await?;
        }
        Err(Error::Crowded { place: self.store.place(), attempts: ATTEMPTS })
    }

    /// The lock that a draft asks for, with a number that it will not have.
    fn wanted(&self, draft: &Draft) -> Lock {
        let event = draft.event(0, None, &self.context, &self.clock);
        taken(&event).expect("the draft of a lock names its environment")
    }

    /// What of the locks that stand the wanted one goes beside, and what it takes the place of.
    fn beside(&self, wanted: &Lock, standing: &[Lock], latch: &Latch) -> Result<Beside, Error> {
        let mut beside = Beside::default();
        for lock in standing {
            if lock.goes_beside(wanted) {
                beside.fences.insert(lock.fence.to_string(), Value::from(rfc3339(lock.expires)));
            } else if latch.is_gone(lock, self.clock.now())? {
                beside.gone.push(lock.clone());
            } else {
                return Err(Error::Held {
                    environment: lock.environment.to_string(),
                    holder: format!("{} until {}", lock.holder, rfc3339(lock.expires)),
                });
            }
        }
        Ok(beside)
    }

    /// Renews a lock each time when half of its life is over, until it is lost.
    async fn keep(self: Arc<Self>, draft: Draft, fence: u64) {
        loop {
            self.clock.sleep(LIFE / 2).await;
            let mut draft = draft.clone();
            draft.details.insert(RENEWS.to_owned(), Value::from(fence));
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
}

/// What is held already when a lock is taken.
#[derive(Debug, Default)]
struct Beside {
    /// Locks that stay, by number, with the time at which they end by themselves: who looks for them later need not read further
    /// back than to this record.
    fences: Map<String, Value>,
    /// Locks whose holders are gone.
    gone: Vec<Lock>,
}

/// What asks for an environment.
fn lock(environment: &EnvironmentName, part: Option<&Part>) -> Draft {
    let mut draft = Draft { environment: Some(environment.clone()), ..Draft::new(EventKind::Lock) };
    if let Some(part) = part {
        draft.details.insert(PART.to_owned(), Value::from(part.shard.to_string()));
        draft.details.insert(WORK.to_owned(), Value::from(part.work.to_string()));
    }
    draft
}

fn unlock(environment: &EnvironmentName, fence: u64) -> Draft {
    let mut draft = Draft { environment: Some(environment.clone()), ..Draft::new(EventKind::Unlock) };
    draft.details.insert(LOCK.to_owned(), Value::from(fence));
    draft
}
