//! Who holds which environment, as `lock` and `unlock` events say it.

use std::collections::BTreeSet;
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
    /// A digest of everything that the parts have alike: what is brought, from which files, and in which run of a pipeline.
    pub work: Digest,
}

impl Part {
    /// Whether it is another part of the same work, split in as many.
    pub fn goes_beside(&self, other: &Self) -> bool {
        self.is_same_work(other) && self.shard != other.shard
    }

    fn is_same_work(&self, other: &Self) -> bool {
        self.work == other.work && self.shard.of() == other.shard.of()
    }
}

/// An environment that somebody holds, alone or as one of several parts of the same work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The environment.
    pub environment: EnvironmentName,
    /// The number of the event that took it. It grows with every holder. Holders of parts have one each, of which the newest ends
    /// none of the others. Who lost the environment, to a lock that does not go beside his or by being unlocked, may write nothing
    /// more for it but how his effects ended.
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
        one.goes_beside(two) && self.is_alike(other)
    }

    /// The number of the record by which the first part of its work took the environment, be it this one or one that has ended. Parts that began
    /// to change nothing, as those that a gate refused, do not count.
    pub fn begun(&self, events: &[LedgerEvent]) -> u64 {
        let intents = events.iter().filter(|event| event.kind == EventKind::Intent);
        let worked: BTreeSet<u64> = intents.filter_map(|event| number(event, FENCE)).collect();
        let is_same_work = |other: &Self| {
            let parts = self.part.as_ref().zip(other.part.as_ref());
            parts.is_some_and(|(one, two)| one.is_same_work(two)) && self.is_alike(other)
        };
        let took = events.iter().filter(|event| number(event, RENEWS).is_none()).filter_map(taken);
        let fences = took.filter(is_same_work).map(|lock| lock.fence);
        fences.filter(|fence| worked.contains(fence)).fold(self.fence, u64::min)
    }

    /// Whether both are of one stage, environment and release.
    fn is_alike(&self, other: &Self) -> bool {
        self.environment == other.environment && self.stage == other.stage && self.release == other.release
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
