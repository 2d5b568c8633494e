//! What a target is told: the body that a generic webhook gets.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::file::json_file;
use crate::file_error::Problems;
use crate::instant;
use crate::json::{At, one_of, record};
use crate::ledger_event::Actor;
use crate::name::{EnvironmentName, ReleaseId};
use crate::outcome::{OutcomeKind, Problem};

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyEvent {
    /// A release came to an environment, or an environment went back to one.
    Deployment,
    /// A stage that changes the world did not end well.
    Failure,
    /// A release waits for people to approve it.
    GateWaiting,
    /// A release was rejected, or a test of it failed: it is dead.
    Death,
    /// Nothing happened: somebody tries whether notifications arrive.
    Test,
}

one_of!(NotifyEvent {
    "deployment" => Deployment,
    "failure" => Failure,
    "gate-waiting" => GateWaiting,
    "death" => Death,
    "test" => Test,
});

impl NotifyEvent {
    /// What a target can ask to be told of.
    pub const SUBSCRIBED: &'static [Self] =
        &[Self::Deployment, Self::Failure, Self::GateWaiting, Self::Death];
}

/// One notification, at most 64 KiB. It may arrive more than once, with the same `id`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// 32 hexadecimal digits by which a receiver knows one that it has already.
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    pub id: String,
    /// What it is about.
    pub event: NotifyEvent,
    /// When that was known.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub time: OffsetDateTime,
    /// The stage that ended so.
    pub stage: String,
    /// The release; `null` where it is not known.
    pub release: Option<ReleaseId>,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// How the stage ended.
    pub outcome: OutcomeKind,
    /// The exit code that goes with it (`docs/exit-codes.md`).
    pub exit_code: u8,
    /// One line that says what was done.
    pub summary: String,
    /// The first ten problems.
    pub problems: Vec<Problem>,
    /// Why a release died; `null` for other events.
    pub reason: Option<String>,
    /// What a release that waits lacks; empty for other events.
    pub missing: Vec<String>,
    /// Who started it.
    pub actor: Actor,
    /// The CI job, where there is one.
    pub run: Option<String>,
    /// What people read, by the target's template.
    pub text: String,
}

record!(Notification {
    id: "id",
    event: "event",
    time: "time",
    stage: "stage",
    release: "release",
    environment: "environment",
    outcome: "outcome",
    exit_code: "exitCode",
    summary: "summary",
    problems: "problems",
    reason: "reason",
    missing: "missing",
    actor: "actor",
    run: "run",
    text: "text",
} then check_notification);
json_file!(Notification, Own, 64 * 1024);

fn check_notification(notification: &Notification, at: At<'_>, problems: &mut Problems<'_>) {
    if !is_id(&notification.id) {
        problems.at_field(at, "id", "32 hexadecimal digits in lower case");
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
