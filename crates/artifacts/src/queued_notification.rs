//! A notification that was not delivered, as it waits beside the ledger.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::file::json_file;
use crate::instant;
use crate::json::record;
use crate::notification::Notification;
use crate::notify_settings::TargetName;
use crate::outcome::Problem;

/// A notification that was not delivered, in `<ledger>/notify-queue/`. It names its target and nothing by which that is reached.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedNotification {
    /// Who is to be told.
    pub target: TargetName,
    /// Since when it waits.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub since: OffsetDateTime,
    /// Why it was not delivered when it was put here.
    pub problem: Problem,
    /// What is to be told.
    pub notification: Notification,
}

record!(QueuedNotification {
    target: "target",
    since: "since",
    problem: "problem",
    notification: "notification",
});
json_file!(QueuedNotification, Own, 128 * 1024);
