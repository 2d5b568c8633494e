//! What one target is told, one after the other.

use landfall_artifacts::{Notification, TargetName};
use landfall_notify::queue::{Line, Name};
use landfall_notify::{Error, LONGEST_SENDING, Sender};
use landfall_run::Run;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::Queue;

/// A notification on its way.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// Its name in the queue; `None` where it is new.
    pub(super) name: Option<Name>,
    /// Since when it waits.
    pub(super) since: OffsetDateTime,
    pub(super) notification: Notification,
}

impl Letter {
    /// What it is about, for messages.
    pub(super) fn shown(&self) -> String {
        let Notification { event, release, environment, .. } = &self.notification;
        let of = release.as_ref().map(|release| format!(" of {release}")).unwrap_or_default();
        let place = environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
        format!("{}{of}{place}", event.as_str())
    }
}

/// What became of it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) target: TargetName,
    pub(super) letter: Letter,
    pub(super) result: Result<(), Error>,
}

/// What one target is to be told.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// What waits for it.
    pub(super) waiting: Line,
    /// What is new.
    pub(super) new: Vec<Letter>,
}

/// Tells a target its letters in their order. Behind one that may yet arrive no other is sent: a server that is silent costs the time of
/// one, and people read what happened in the order in which it did. What waited and is not reached stays where it is, and is in no end.
pub(super) async fn go(
    target: TargetName,
    sender: Result<Sender, Error>,
    letters: Letters,
    queue: Option<&Queue>,
    until: Instant,
    run: &Run,
) -> Vec<End> {
    let mut ends = Vec::new();
    let mut is_held = letters.waiting.is_longer;
    for name in letters.waiting.first {
        let Some(queue) = queue else { break };
        // One that cannot be read now is told before those behind it too.
        let Ok(Ok(opened)) = timeout_at(until, queue.open(&name)).await else {
            is_held = true;
            break;
        };
        let Some(queued) = opened else { continue };
        let letter = Letter { since: queued.since, name: Some(name), notification: queued.notification };
        let result = send(&target, sender.as_ref(), &letter, until, run).await;
        let is_stuck = result.as_ref().is_err_and(Error::is_retryable);
        ends.push(End { target: target.clone(), letter, result });
        if is_stuck {
            is_held = true;
            break;
        }
    }
    for letter in letters.new {
        let result = match &sender {
            Ok(_) if is_held => Err(Error::Behind { target: target.clone() }),
            sender => send(&target, sender.as_ref(), &letter, until, run).await,
        };
        is_held = is_held || result.as_ref().is_err_and(Error::is_retryable);
        ends.push(End { target: target.clone(), letter, result });
    }
    ends
}

/// Tells one, as long as there is time.
pub(super) async fn send(
    target: &TargetName,
    sender: Result<&Sender, &Error>,
    letter: &Letter,
    until: Instant,
    run: &Run,
) -> Result<(), Error> {
    let left = until.saturating_duration_since(Instant::now());
    match sender {
        Err(error) => Err(error.clone()),
        Ok(_) if left.is_zero() => Err(Error::Late { target: target.clone() }),
        Ok(sender) => sender.send(&letter.notification, left.min(LONGEST_SENDING), run).await,
    }
}
