//! The queue of notifications beside the ledger, an object each.

use landfall_artifacts::{Class, Problem, QueuedNotification, TargetName};
use landfall_ledger::{Drawer, Ledger};
use landfall_notify::queue::{Name, begin, due};
use time::OffsetDateTime;

use super::line::End;

/// The queue of a ledger, in `notify-queue/` beside its records.
#[derive(Clone, Debug)]
pub struct Queue(Drawer);

/// One that waits, as people look at it.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its name in the queue.
    pub name: Name,
    /// What stands there; `Err` where it cannot be read.
    pub queued: Result<QueuedNotification, Problem>,
}

impl Queue {
    /// The queue of a ledger.
    pub fn of(ledger: &Ledger) -> Self {
        Self(ledger.drawer("notify-queue"))
    }

    /// What is to be tried again now. One that cannot be read is left where it is: people see it.
    ///
    /// # Errors
    /// A queue that cannot be read.
    pub(super) async fn due(
        &self,
        now: OffsetDateTime,
        can_be_told: impl Fn(&TargetName) -> bool,
    ) -> Result<Vec<(Name, QueuedNotification)>, Problem> {
        let names = self.0.list(&begin(now)).await.map_err(|error| Problem::of(&error))?;
        let reads = due(&names, now, can_be_told).into_iter().map(|name| self.read(name));
        let read = futures_util::future::join_all(reads).await;
        Ok(read.into_iter().flatten().filter_map(|one| Some((one.name, one.queued.ok()?))).collect())
    }

    /// All that waits and that was refused, the oldest first: at most a thousand.
    ///
    /// # Errors
    /// A queue that cannot be read.
    pub async fn all(&self) -> Result<Vec<Waiting>, Problem> {
        use futures_util::StreamExt as _;
        let names = self.0.list("").await.map_err(|error| Problem::of(&error))?;
        let names: Vec<Name> = names.iter().filter_map(|name| Name::of(name)).collect();
        let reads = futures_util::stream::iter(names).map(|name| self.read(name)).buffered(16);
        Ok(reads.filter_map(std::future::ready).collect().await)
    }

    /// Takes one out of the queue, whether it waits or was refused. Repeating it changes nothing.
    ///
    /// # Errors
    /// Where it cannot be taken out.
    pub async fn drop(&self, name: &Name) -> Result<(), Problem> {
        self.0.remove(&name.to_string()).await.map_err(|error| Problem::of(&error))
    }

    /// Keeps what did not arrive and takes out what did. One that was refused for good stands under its new name before the old one
    /// goes, so that a kill in between leaves it twice and not nowhere.
    pub(super) async fn settle(&self, end: &End) -> Result<(), Problem> {
        match (&end.result, &end.letter.name) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(name)) => self.drop(name).await,
            (Err(error), Some(_)) if error.is_retryable() => Ok(()),
            (Err(error), name) => {
                let id = &end.letter.notification.id;
                let waits = Name::new(end.letter.since, id, &end.target);
                let kept = if error.is_retryable() { waits } else { waits.refused() };
                let queued = QueuedNotification {
                    target: end.target.clone(),
                    since: end.letter.since,
                    problem: Problem::of(error),
                    notification: end.letter.notification.clone(),
                };
                let put = self.0.put(&kept.to_string(), queued.to_bytes()).await;
                put.map_err(|error| Problem::of(&error))?;
                match name {
                    Some(name) => self.drop(name).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// One of the queue; `None` where another run took it out meanwhile.
    async fn read(&self, name: Name) -> Option<Waiting> {
        let text = name.to_string();
        let queued = match self.0.get(&text).await {
            Ok(None) => return None,
            Ok(Some(bytes)) => match QueuedNotification::parse(&bytes, &text) {
                // Of another target or id than its name says it would go where nobody sent it.
                Ok(queued) if queued.target == name.target && queued.notification.id == name.id => Ok(queued),
                Ok(_) => Err(Problem::new(
                    "LF-NOTIFY-QUEUE",
                    Class::Input,
                    format!("{text} is of another target or id than its name says"),
                )
                .with_remedy("drop it by landfall notify drop")),
                Err(errors) => Err(Problem::of(&errors)),
            },
            Err(error) => Err(Problem::of(&error)),
        };
        Some(Waiting { name, queued })
    }
}
