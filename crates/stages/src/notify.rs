//! Telling people of a release. What waits goes first, what is not delivered waits beside the ledger, and none of it fails or holds up
//! a release: whatever goes wrong is a warning, and after ten seconds it is over.

mod line;
mod queue;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{Class, Notification, Problem, TargetName};
use landfall_ledger::Ledger;
use landfall_notify::queue::Line;
use landfall_notify::{Error, Sender};
use landfall_run::Run;
use tokio::time::Instant;

pub use self::queue::{Queue, Waiting};
pub use self::told::Mark;

use self::line::{End, Letter, Letters, go, send};

/// How long looking into the queue may take.
pub(crate) const LOOKING: Duration = Duration::from_secs(2);

/// When the last notification must be out, from the beginning.
const SENDING: Duration = Duration::from_secs(8);

/// When all is over, what is kept in the queue too.
const ALL: Duration = Duration::from_secs(10);

/// Every target of `landfall.toml`, or why it cannot be told here.
pub type Senders = BTreeMap<TargetName, Result<Sender, Error>>;

/// What became of notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// How many new ones arrived.
    pub new: usize,
    /// How many arrived that had waited.
    pub waited: usize,
    /// How many of the new ones are lost: neither delivered nor kept.
    pub lost: usize,
    /// What went wrong, a line each, safe to print.
    pub warnings: Vec<String>,
}

/// Tells targets what is `new`, after what waits for them beside the `ledger`; without a ledger that can be written nothing is kept.
///
/// Each target gets its own in their order, side by side with the others; after one that does not arrive the rest waits, and so does what
/// is new where more wait than are tried, or it cannot be seen now what does. Repeating it tells nothing twice, unless a run was killed, or another one looked into the queue, between an arrival and its removal: the id tells.
pub async fn tell(
    new: Vec<(TargetName, Notification)>,
    senders: &Senders,
    ledger: Option<&Ledger>,
    run: &Run,
) -> Delivered {
    let begun = Instant::now();
    let queue = ledger.map(Queue::of);
    let mut delivered = Delivered::default();
    let now = run.clock().now();
    let can_be_told = |target: &TargetName| senders.get(target).is_some_and(Result::is_ok);
    let mut lines: BTreeMap<TargetName, Letters> = BTreeMap::new();
    let mut is_seen = true;
    if let Some(queue) = &queue {
        let looked = tokio::time::timeout_at(begun + LOOKING, queue.due(now, can_be_told)).await;
        match looked {
            Ok(Ok(due)) => {
                let waiting = |(target, waiting)| (target, Letters { waiting, new: Vec::new() });
                lines = due.into_iter().map(waiting).collect();
            }
            Ok(Err(problem)) => {
                // Where nobody may look nothing would ever be told.
                is_seen = problem.class != Class::Transient;
                delivered.warnings.push(format!("the queue of notifications: {}", told(&problem)));
            }
            Err(_) => {
                is_seen = false;
                delivered.warnings.push("the queue of notifications cannot be read in time".to_owned());
            }
        }
    }
    for (target, notification) in new {
        let unseen = || Letters { waiting: Line { first: Vec::new(), is_longer: !is_seen }, new: Vec::new() };
        let letter = Letter { since: now, name: None, notification };
        lines.entry(target).or_insert_with(unseen).new.push(letter);
    }
    let unknown = |target: &TargetName| Err(Error::Unknown { target: target.clone() });
    let sender = |target: &TargetName| senders.get(target).cloned().unwrap_or_else(|| unknown(target));
    let lines = lines.into_iter().map(|(target, letters)| {
        let sender = sender(&target);
        go(target, sender, letters, queue.as_ref(), begun + SENDING, run)
    });
    let ends: Vec<End> = futures_util::future::join_all(lines).await.into_iter().flatten().collect();
    let ends = ends.into_iter().map(|end| {
        let sender = sender(&end.target);
        settled(end, sender, queue.as_ref(), begun, run)
    });
    for (end, kept) in futures_util::future::join_all(ends).await {
        count(&end, kept, &mut delivered);
    }
    delivered
}

/// What became of one in the queue: where it should stand it does, or why not.
type Kept = Result<(), String>;

/// Keeps one, or takes it out. What only had to wait for others, and cannot be kept, is told after all: better out of turn than never.
async fn settled(
    mut end: End,
    sender: Result<Sender, Error>,
    queue: Option<&Queue>,
    begun: Instant,
    run: &Run,
) -> (End, Kept) {
    let is_behind = matches!(end.result, Err(Error::Behind { .. }));
    let until = if is_behind { (Instant::now() + LOOKING).min(begun + ALL) } else { begun + ALL };
    let kept = settle(&end, queue, until).await;
    if is_behind && kept.is_err() {
        end.result = send(&end.target, sender.as_ref(), &end.letter, begun + SENDING, run).await;
    }
    (end, kept)
}

async fn settle(end: &End, queue: Option<&Queue>, until: Instant) -> Kept {
    let is_new = end.letter.name.is_none();
    let Some(queue) = queue else {
        return if end.result.is_ok() {
            Ok(())
        } else {
            Err("there is no ledger that it could wait beside".to_owned())
        };
    };
    if is_new && end.result.is_ok() {
        return Ok(());
    }
    match tokio::time::timeout_at(until, queue.settle(end)).await {
        Ok(settled) => settled.map_err(|problem| told(&problem)),
        Err(_) => Err("the ledger's place did not answer in time".to_owned()),
    }
}

fn count(end: &End, kept: Kept, delivered: &mut Delivered) {
    let is_new = end.letter.name.is_none();
    let what = format!("the notification of {}", end.letter.shown());
    match (&end.result, is_new, kept) {
        (Ok(()), true, _) => delivered.new += 1,
        (Ok(()), false, Ok(())) => delivered.waited += 1,
        (Ok(()), false, Err(why)) => {
            delivered.waited += 1;
            delivered.warnings.push(format!("{what} arrived, and may arrive again: {why}"));
        }
        (Err(error), true, Ok(())) => {
            let stands =
                if error.is_retryable() { "waits in the queue" } else { "is kept, and not tried again" };
            delivered.warnings.push(format!("{what} {stands}: {}", told(&Problem::of(error))));
        }
        (Err(error), true, Err(why)) => {
            delivered.lost += 1;
            let Problem { code, what: how, .. } = Problem::of(error);
            delivered.warnings.push(format!("{what} is lost: {code}: {how}; it is not kept either: {why}"));
        }
        // That it waits was told when it began to.
        (Err(error), false, _) if error.is_retryable() => {}
        (Err(error), false, _) => {
            delivered.warnings.push(format!("{what} is not tried again: {}", told(&Problem::of(error))));
        }
    }
}

/// A problem on one line, with its code and what to do.
fn told(problem: &Problem) -> String {
    let remedy = problem.remedy.as_deref().map(|remedy| format!("; try: {remedy}")).unwrap_or_default();
    format!("{}: {}{remedy}", problem.code, problem.told())
}

/// An id that no other notification has: 32 hexadecimal digits of chance.
pub fn fresh_id() -> String {
    let mut bytes = [0u8; 16];
    // Without chance from the system the time tells them apart well enough: it is no secret.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = time::OffsetDateTime::now_utc().unix_timestamp_nanos().to_be_bytes();
    }
    bytes.iter().fold(String::with_capacity(32), |text, byte| text + &format!("{byte:02x}"))
}
