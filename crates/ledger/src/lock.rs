//! Who holds which environment, as `lock` and `unlock` events say it.

use std::time::Duration;

use landfall_artifacts::{Digest, EnvironmentName, EventKind, LedgerEvent, ReleaseId, Shard};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a lock lasts that is not renewed. A run renews its own when half of it is over.
pub(crate) const LIFE: Duration = Duration::from_secs(30 * 60);

/// How far the clocks of two machines may be apart: for so long a lock that is over is still respected.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Keys of the details of lock events.
pub(crate) const EXPIRES: &str = "expires";
pub(crate) const RENEWS: &str = "renews";
pub(crate) const TAKES_OVER: &str = "takesOver";
pub(crate) const LOCK: &str = "lock";
pub(crate) const FENCE: &str = "fence";
pub(crate) const PART: &str = "part";
pub(crate) const WORK: &str = "work";
pub(crate) const BESIDE: &str = "beside";

/// Which part of which work a run does. Runs of the same work hold an environment beside each other, each its own part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which of how many.
    pub shard: Shard,
    /// A digest of everything that the parts have alike: what is brought, and from which files.
    pub work: Digest,
}

/// An environment that somebody holds, alone or as one of several parts of the same work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The environment.
    pub environment: EnvironmentName,
    /// The number of the event that took it. It grows with every holder, and a holder whose number is not the newest may write
    /// nothing more for the environment.
    pub fence: u64,
    /// Who: stage, person, part and job.
    pub holder: String,
    /// The stage.
    pub stage: Option<String>,
    /// The release that it brings, where it knew it when it took the lock.
    pub release: Option<ReleaseId>,
    /// The part of the work that it does; `None` where it does the whole, and nobody else may be there.
    pub part: Option<Part>,
    /// The CI job's address.
    pub run: Option<String>,
    /// Since when.
    pub since: OffsetDateTime,
    /// When it ends by itself unless it is renewed.
    pub expires: OffsetDateTime,
    /// The number of the lock that it took the place of although nobody had given that one back.
    pub took_over: Option<u64>,
}

impl Lock {
    /// Whether nobody needs to respect it any more.
    pub fn is_over(&self, now: OffsetDateTime) -> bool {
        now > self.expires + CLOCKS_APART
    }

    /// Whether both may hold the environment at once: two different parts of the same work, split in as many.
    pub fn goes_beside(&self, other: &Self) -> bool {
        let (Some(one), Some(two)) = (&self.part, &other.part) else { return false };
        let is_same_work = one.work == two.work && one.shard.of() == two.shard.of();
        let is_same_run = self.environment == other.environment
            && self.stage == other.stage
            && self.release == other.release;
        is_same_work && is_same_run && one.shard != two.shard
    }
}

/// What a lock event by itself says; `None` for every other event.
pub(crate) fn taken(event: &LedgerEvent) -> Option<Lock> {
    if event.kind != EventKind::Lock {
        return None;
    }
    let expires = event.details.get(EXPIRES).and_then(time).unwrap_or(event.time + LIFE);
    let part = part(event);
    Some(Lock {
        environment: event.environment.clone()?,
        fence: number(event, RENEWS).unwrap_or(event.sequence),
        holder: holder(event, part.as_ref()),
        stage: event.stage.clone(),
        release: event.release.clone(),
        part,
        run: event.run.clone(),
        since: event.time,
        // Nobody can lock an environment for a year by a date that he wrote.
        expires: expires.min(event.time + LIFE),
        took_over: number(event, TAKES_OVER),
    })
}

/// A number among the details of an event.
pub(crate) fn number(event: &LedgerEvent, key: &str) -> Option<u64> {
    event.details.get(key).and_then(Value::as_u64)
}

/// When the locks beside which a lock was taken were to end then, by their numbers; `None` in every other event.
pub(crate) fn beside(event: &LedgerEvent) -> Option<Vec<(u64, OffsetDateTime)>> {
    let told = event.details.get(BESIDE)?.as_object()?;
    let one = |(fence, expires): (&String, &Value)| {
        Some((fence.parse().ok()?, time(expires)?.min(event.time + LIFE)))
    };
    Some(told.iter().filter_map(one).collect())
}

fn time(value: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
}

/// A part of which not everything is told is none: the lock is then that of the whole, beside which nobody comes.
fn part(event: &LedgerEvent) -> Option<Part> {
    let text = |key| event.details.get(key).and_then(Value::as_str);
    Some(Part { shard: text(PART)?.parse().ok()?, work: text(WORK)?.parse().ok()? })
}

fn holder(event: &LedgerEvent, part: Option<&Part>) -> String {
    let stage = event.stage.as_deref().unwrap_or("a run");
    let part = part.map(|part| format!(", part {}", part.shard)).unwrap_or_default();
    let link = event.run.as_deref().map(|link| format!(", {link}")).unwrap_or_default();
    landfall_secret::escape(&format!("{stage} of {}{part}{link}", event.actor.name), 300)
}
