//! The queue of notifications beside the ledger, an object each.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Problem, QueuedNotification, TargetName};
use landfall_ledger::{Drawer, Error, Ledger};
use landfall_notify::queue::{Line, Name, begin, due};
use time::OffsetDateTime;

use super::line::End;

/// What one listing of a drawer gives at most.
const PAGE: usize = 1000;

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

    /// What is to be tried again now, by target. Only names are read.
    ///
    /// # Errors
    /// A queue that cannot be listed.
    pub(super) async fn due(
        &self,
        now: OffsetDateTime,
        can_be_told: impl Fn(&TargetName) -> bool,
    ) -> Result<BTreeMap<TargetName, Line>, Problem> {
        let mut names = self.0.list(&begin(now)).await.map_err(|error| Problem::of(&error))?;
        let mut listed = names.len();
        // A target that was down all day must not hide what waits for the others.
        while listed == PAGE
            && let Some(last) = names.last()
        {
            let more = self.0.list(last).await.map_err(|error| Problem::of(&error))?;
            listed = more.len();
            names.extend(more);
        }
        Ok(due(&names, now, can_be_told))
    }

    /// What is to be sent; `None` where another run took it out meanwhile, and of one that is damaged: it is left where it is, people see it.
    ///
    /// # Errors
    /// Where it cannot be read now.
    pub(super) async fn open(&self, name: &Name) -> Result<Option<QueuedNotification>, Error> {
        Ok(self.look(name).await?.and_then(Result::ok))
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

    /// One of the queue, for people; `None` where another run took it out meanwhile.
    async fn read(&self, name: Name) -> Option<Waiting> {
        let queued = match self.look(&name).await {
            Ok(queued) => queued?,
            Err(error) => Err(Problem::of(&error)),
        };
        Some(Waiting { name, queued })
    }

    /// What stands there, or what is wrong with it.
    async fn look(&self, name: &Name) -> Result<Option<Result<QueuedNotification, Problem>>, Error> {
        let text = name.to_string();
        let Some(bytes) = self.0.get(&text).await? else { return Ok(None) };
        Ok(Some(match QueuedNotification::parse(&bytes, &text) {
            // Of another target or id than its name says it would go where nobody sent it.
            Ok(queued) if queued.target == name.target && queued.notification.id == name.id => Ok(queued),
            Ok(_) => Err(Problem::new(
                "LF-NOTIFY-QUEUE",
                Class::Input,
                format!("{text} is of another target or id than its name says"),
            )
            .with_remedy("drop it by landfall notify drop")),
            Err(errors) => Err(Problem::of(&errors)),
        }))
    }
}
