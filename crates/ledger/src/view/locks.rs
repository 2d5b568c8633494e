//! Who holds which environment.

use landfall_artifacts::{EnvironmentName, LedgerEvent, Shard};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::moment::Moment;
use crate::lock::Lock;
use crate::standing;

/// An environment that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The environment.
    pub environment: EnvironmentName,
    /// The fencing number: that of the record that took it. Parts of the same work have one each, and all of them hold. Who lost
    /// the environment may write nothing more for it but how effects ended, and the number shows whose that is.
    pub fence: u64,
    /// Who: stage, person, part and job.
    pub owner: String,
    /// The part of the work that the holder does, which other parts of the same work may be beside; `null` where nobody may.
    pub part: Option<Shard>,
    /// The CI job, where there was one.
    pub link: Option<String>,
    /// Since when.
    pub since: Moment,
    /// When it ends by itself unless it is renewed.
    pub expires: Moment,
    /// Whether that time has come: the next run may take it over.
    pub is_over: bool,
    /// The number of the lock that it took the place of although nobody had given that one back.
    pub took_over: Option<u64>,
}

/// The environments that are held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Locks {
    /// By name and number; several of one name are parts of the same work.
    pub held: Vec<Held>,
}

/// The environments that are held at a point in time; those whose lock is over by time are among them.
pub fn locks(events: &[LedgerEvent], now: OffsetDateTime) -> Locks {
    let held = |lock: Lock| Held {
        is_over: lock.is_over(now),
        environment: lock.environment,
        fence: lock.fence,
        owner: lock.holder,
        part: lock.part.map(|part| part.shard),
        link: lock.run,
        since: Moment(lock.since),
        expires: Moment(lock.expires),
        took_over: lock.took_over,
    };
    Locks { held: standing::locks(events).into_iter().map(held).collect() }
}
