//! One event of the ledger.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::digest::Digest;
use crate::file::json_file;
use crate::file_error::Problems;
use crate::instant;
use crate::json::{At, one_of, record};
use crate::name::{EnvironmentName, LambdaName, ProjectName, ReleaseId};

/// An event as it stands in `<ledger>/<20-digit sequence>.json`, at most 64 KiB.
///
/// Events make a chain: each holds the SHA-256 of the bytes of the one before. The chain is over bytes as they are stored,
/// so an event is never written a second time from what was read.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEvent {
    /// From 1, without gaps.
    pub sequence: u64,
    /// SHA-256 of the bytes of the event before; `null` in the first.
    pub previous: Option<Digest>,
    /// When it was recorded.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub time: OffsetDateTime,
    /// What happened.
    pub kind: EventKind,
    /// The release; `null` where it is not known.
    pub release: Option<ReleaseId>,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The stage that recorded it.
    pub stage: Option<String>,
    /// What is or was to be done, in the service's words, such as `UpdateFunctionCode`; set for `intent` and `outcome`.
    pub action: Option<String>,
    /// What it is done to: a function, a reference, a ticket.
    pub target: Option<String>,
    /// The sequence of the intent that an `outcome` belongs to.
    pub intent: Option<u64>,
    /// How the effect ended; set for `outcome`.
    pub outcome: Option<EffectResult>,
    /// What it concerns, with digests.
    pub items: Vec<LedgerItem>,
    /// Who did it.
    pub actor: Actor,
    /// The CI job, where there is one.
    pub run: Option<String>,
    /// Why, in a person's or a stage's words.
    pub reason: Option<String>,
    /// The version of Landfall that recorded it.
    pub tool_version: String,
    /// Whatever else a kind of event tells.
    pub details: BTreeMap<String, Value>,
}

/// One thing an event concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LedgerItem {
    /// Its name: a project, a function, an image, a ticket.
    pub name: String,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The project's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::schema::SemVer>")]
    pub version: Option<Version>,
    /// The function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<LambdaName>,
    /// Where it is, such as an image reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The content that stood there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
}

/// Who did something, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Actor {
    /// The person or machine.
    pub name: String,
    /// Where the name comes from, such as `GITLAB_USER_LOGIN` or `system user`.
    pub source: String,
}

/// How an effect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectResult {
    /// It is so, and was confirmed.
    Done,
    /// It is not so.
    Failed,
    /// Whether it is so could not be found out.
    Unknown,
}

/// What an event says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// An effect is about to be tried.
    Intent,
    /// An effect was tried.
    Outcome,
    /// A release runs in an environment.
    Deployment,
    /// A test passed or failed.
    Test,
    /// A person lets a release go on.
    Approval,
    /// A person stops a release.
    Rejection,
    /// Content was made available to the next environment.
    Promotion,
    /// An environment runs again what it ran before.
    Rollback,
    /// Configuration was published.
    Sync,
    /// A run took an environment.
    Lock,
    /// A run gave an environment back.
    Unlock,
    /// The chain up to here was confirmed elsewhere.
    Checkpoint,
    /// Nothing is deployed from now on, or is again.
    Freeze,
}

one_of!(EffectResult { "done" => Done, "failed" => Failed, "unknown" => Unknown });
one_of!(EventKind {
    "intent" => Intent,
    "outcome" => Outcome,
    "deployment" => Deployment,
    "test" => Test,
    "approval" => Approval,
    "rejection" => Rejection,
    "promotion" => Promotion,
    "rollback" => Rollback,
    "sync" => Sync,
    "lock" => Lock,
    "unlock" => Unlock,
    "checkpoint" => Checkpoint,
    "freeze" => Freeze,
});
record!(LedgerEvent {
    sequence: "sequence",
    previous: "previous",
    time: "time",
    kind: "kind",
    release: "release",
    environment: "environment",
    stage: "stage",
    action: "action",
    target: "target",
    intent: "intent",
    outcome: "outcome",
    items: "items",
    actor: "actor",
    run: "run",
    reason: "reason",
    tool_version: "toolVersion",
    details: "details",
} then check_event);
record!(LedgerItem {
    name: "name",
    project: "project",
    version: "version",
    lambda: "lambda",
    target: "target",
    digest: "digest",
    before: "before",
});
record!(Actor { name: "name", source: "source" });
json_file!(LedgerEvent, Own, 64 * 1024);

fn check_event(event: &LedgerEvent, at: At<'_>, problems: &mut Problems<'_>) {
    match (event.sequence, event.previous) {
        (0, _) => problems.at_field(at, "sequence", "a number from 1"),
        (1, Some(_)) => problems.at_field(at, "previous", "null: the first event has none before it"),
        (2.., None) => problems.at_field(at, "previous", "the digest of the event before"),
        (1, None) | (2.., Some(_)) => {}
    }
}

impl LedgerEvent {
    /// Name of the event's file: 20 digits and `.json`.
    pub fn file_name(sequence: u64) -> String {
        format!("{sequence:020}.json")
    }

    /// The sequence that a file name stands for; `None` for every other file.
    pub fn sequence_of(file_name: &str) -> Option<u64> {
        file_name
            .strip_suffix(".json")
            .filter(|digits| digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))?
            .parse()
            .ok()
    }

    /// The bytes that are stored and that the next event's `previous` is the digest of.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    /// Digest of [`LedgerEvent::canonical_bytes`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.canonical_bytes())
    }
}

impl LedgerItem {
    /// An item of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            project: None,
            version: None,
            lambda: None,
            target: None,
            digest: None,
            before: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::macros::datetime;

    use super::{Actor, EventKind, LedgerEvent, LedgerItem};
    use crate::{Digest, EffectResult};

    fn event(sequence: u64, previous: Option<Digest>) -> LedgerEvent {
        let mut item = LedgerItem::new("OrderServiceFunction");
        item.digest = Some(Digest::of(b"image"));
        LedgerEvent {
            sequence,
            previous,
            time: datetime!(2025-11-19 15:22:00.5 UTC),
            kind: EventKind::Outcome,
            release: "r-6b1f0c2d9e77".parse().ok(),
            environment: "stg_eu00".parse().ok(),
            stage: Some("deploy-lambda".to_owned()),
            action: Some("update-function-code".to_owned()),
            target: Some("OrderServiceFunction".to_owned()),
            intent: Some(1),
            outcome: Some(EffectResult::Done),
            items: vec![item],
            actor: Actor { name: "ada".to_owned(), source: "GITLAB_USER_LOGIN".to_owned() },
            run: Some("https://gitlab.example.com/-/jobs/1".to_owned()),
            reason: None,
            tool_version: "0.1.0".to_owned(),
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn events_chain_by_the_digest_of_their_bytes() {
        let first = event(1, None);
        let second = event(2, Some(first.digest()));
        assert_eq!(second.previous, Some(Digest::of(&first.canonical_bytes())));
        assert_eq!(LedgerEvent::parse(&second.canonical_bytes(), "e").expect("valid"), second);
        insta::assert_snapshot!(String::from_utf8_lossy(&first.canonical_bytes()), @r#"
        {
          "formatVersion": 1,
          "sequence": 1,
          "previous": null,
          "time": "2025-11-19T15:22:00.5Z",
          "kind": "outcome",
          "release": "r-6b1f0c2d9e77",
          "environment": "stg_eu00",
          "stage": "deploy-lambda",
          "action": "update-function-code",
          "target": "OrderServiceFunction",
          "intent": 1,
          "outcome": "done",
          "items": [
            {
              "name": "OrderServiceFunction",
              "digest": "sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
            }
          ],
          "actor": {
            "name": "ada",
            "source": "GITLAB_USER_LOGIN"
          },
          "run": "https://gitlab.example.com/-/jobs/1",
          "reason": null,
          "toolVersion": "0.1.0",
          "details": {}
        }
        "#);
    }

    #[test]
    fn the_chain_has_a_beginning_and_no_loose_end() {
        for (sequence, previous) in [(0, None), (1, Some(Digest::of(b"x"))), (7, None)] {
            assert!(LedgerEvent::parse(&event(sequence, previous).canonical_bytes(), "e").is_err());
        }
    }

    #[test]
    fn file_names_sort_like_their_numbers() {
        assert_eq!(LedgerEvent::file_name(7), "00000000000000000007.json");
        assert_eq!(LedgerEvent::sequence_of("00000000000000000007.json"), Some(7));
        assert_eq!(LedgerEvent::sequence_of(&LedgerEvent::file_name(u64::MAX)), Some(u64::MAX));
        for other in [
            "7.json",
            "00000000000000000007.json.tmp",
            "99999999999999999999.json",
            "+0000000000000000007.json",
            "",
        ] {
            assert_eq!(LedgerEvent::sequence_of(other), None, "{other}");
        }
    }

    #[test]
    fn an_event_of_more_than_64_kib_is_refused() {
        let mut large = event(1, None);
        large.reason = Some("x".repeat(70_000));
        assert!(LedgerEvent::parse(&large.canonical_bytes(), "e").is_err());
    }
}
