//! What one target is told, one after the other.

use landfall_artifacts::{Notification, TargetName};
use landfall_notify::queue::Name;
use landfall_notify::{Error, LONGEST_SENDING, Sender};
use landfall_run::Run;
use time::OffsetDateTime;
use tokio::time::Instant;

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

/// Tells a target its letters in their order. Behind one that may yet arrive no other is sent: a server that is silent costs the time of
/// one, and people read what happened in the order in which it did.
pub(super) async fn go(
    target: TargetName,
    sender: Result<Sender, Error>,
    letters: Vec<Letter>,
    until: Instant,
    run: &Run,
) -> Vec<End> {
    let mut is_held = false;
    let mut ends = Vec::with_capacity(letters.len());
    for letter in letters {
        let left = until.saturating_duration_since(Instant::now());
        let result = match &sender {
            Err(error) => Err(error.clone()),
            Ok(_) if is_held => Err(Error::Behind { target: target.clone() }),
            Ok(_) if left.is_zero() => Err(Error::Late { target: target.clone() }),
            Ok(sender) => sender.send(&letter.notification, left.min(LONGEST_SENDING), run).await,
        };
        is_held = is_held || result.as_ref().is_err_and(Error::is_retryable);
        ends.push(End { target: target.clone(), letter, result });
    }
    ends
}
