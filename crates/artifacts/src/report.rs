//! What a stage did, as data: the file of `--report`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::file::json_file;
use crate::file_error::Problems;
use crate::instant;
use crate::json::{At, FromJson, one_of, record};
use crate::name::{EnvironmentName, ReleaseId};
use crate::outcome::{Class, OutcomeKind, Problem};
use crate::text_name::Shard;
use crate::write::WrittenFile;

/// The report of one run of one stage.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The stage, such as `retag-push-ecr`.
    pub stage: String,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// The exit code that goes with it (`docs/exit-codes.md`).
    pub exit_code: u8,
    /// Whether it only showed what it would do.
    pub dry_run: bool,
    /// The release; `null` where it is not known.
    pub release: Option<ReleaseId>,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// Which part of the work it did, where the work was split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// When it began.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub started_at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it worked on, in a stable order.
    pub items: Vec<ReportItem>,
    /// Number of requests by service and kind, such as `registry GET` or `lambda UpdateFunctionCode`.
    pub requests: BTreeMap<String, u64>,
    /// How many of those were repeats.
    pub retries: u64,
    /// Bytes over the network; missing in reports of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<ReportTraffic>,
    /// Every problem: those of items and those of the whole.
    pub problems: Vec<Problem>,
    /// What the reader should look at although all is well.
    pub warnings: Vec<String>,
    /// One line that says it all.
    pub summary: String,
    /// The files it wrote, or would have written in a dry run.
    pub files: Vec<WrittenFile>,
    /// The configuration it ran with; secrets show as `<redacted>`.
    pub config: BTreeMap<String, Value>,
}

/// What went over the network while a stage ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportTraffic {
    /// Bytes of bodies that were received.
    pub received_bytes: u64,
    /// Bytes of bodies that were sent.
    pub sent_bytes: u64,
    /// Bytes that broken downloads did not have to fetch again.
    pub resumed_bytes: u64,
    /// Answers by which a service said that it was asked too much.
    pub throttled: u64,
}

/// One thing a stage worked on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportItem {
    /// Its name: a project, a function, an image, a ticket.
    pub name: String,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The part of the work it belonged to, where the work was split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What became of it, as a word of lower-case letters and `-`, such as `copied`, `unchanged`, `planned`, `failed`.
    #[schemars(regex(pattern = r"^[a-z][a-z-]{0,31}$"))]
    pub outcome: String,
    /// Whether the world is different because of it, as far as is known.
    pub changed: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Bytes that were moved for it over the network.
    pub bytes: u64,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What else a stage tells of it, such as `digest` or `tag`.
    pub details: BTreeMap<String, Value>,
}

one_of!(OutcomeKind {
    "done" => Done,
    "nothing-to-do" => NothingToDo,
    "blocked" => Blocked,
    "failed" => Failed,
    "partial" => Partial,
    "unknown" => Unknown,
});
one_of!(Class {
    "defect" => Defect,
    "input" => Input,
    "refused" => Refused,
    "locked" => Locked,
    "transient" => Transient,
    "partial" => Partial,
    "integrity" => Integrity,
    "unknown" => Unknown,
    "interrupted" => Interrupted,
});
record!(Report {
    stage: "stage",
    outcome: "outcome",
    exit_code: "exitCode",
    dry_run: "dryRun",
    release: "release",
    environment: "environment",
    shard: "shard",
    started_at: "startedAt",
    duration_ms: "durationMs",
    items: "items",
    requests: "requests",
    retries: "retries",
    traffic: "traffic",
    problems: "problems",
    warnings: "warnings",
    summary: "summary",
    files: "files",
    config: "config",
});
record!(ReportTraffic {
    received_bytes: "receivedBytes",
    sent_bytes: "sentBytes",
    resumed_bytes: "resumedBytes",
    throttled: "throttled",
});
record!(ReportItem {
    name: "name",
    environment: "environment",
    shard: "shard",
    outcome: "outcome",
    changed: "changed",
    duration_ms: "durationMs",
    bytes: "bytes",
    problem: "problem",
    details: "details",
} then check_item);
json_file!(Report, Own, 64 * 1024 * 1024);

fn check_item(item: &ReportItem, at: At<'_>, problems: &mut Problems<'_>) {
    let fits = (1..=32).contains(&item.outcome.len())
        && item.outcome.starts_with(|c: char| c.is_ascii_lowercase())
        && item.outcome.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if !fits {
        problems.at_field(at, "outcome", "a word of lower-case letters and `-`");
    }
}

impl FromJson for Problem {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let code = at.field("code", problems);
        let class = at.field("class", problems);
        let what = at.field("what", problems);
        let cause = at.field_or_default("cause", problems);
        let remedy = at.field("remedy", problems);
        Some(Self { code: code?, class: class?, what: what?, cause: cause?, remedy: remedy? })
    }
}

impl Report {
    /// A report of a stage that has done nothing yet: outcome `nothing-to-do`, exit code 0.
    pub fn new(stage: impl Into<String>, started_at: OffsetDateTime) -> Self {
        Self {
            stage: stage.into(),
            outcome: OutcomeKind::NothingToDo,
            exit_code: 0,
            dry_run: false,
            release: None,
            environment: None,
            shard: None,
            started_at,
            duration_ms: 0,
            items: Vec::new(),
            requests: BTreeMap::new(),
            retries: 0,
            traffic: None,
            problems: Vec::new(),
            warnings: Vec::new(),
            summary: String::new(),
            files: Vec::new(),
            config: BTreeMap::new(),
        }
    }

    /// How many items ended so.
    pub fn count(&self, outcome: &str) -> usize {
        self.items.iter().filter(|item| item.outcome == outcome).count()
    }

    /// Whether any item says that something outside was changed.
    pub fn changed_something(&self) -> bool {
        self.items.iter().any(|item| item.changed)
    }
}

impl ReportItem {
    /// An item without environment, times and details.
    pub fn new(name: impl Into<String>, outcome: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            environment: None,
            shard: None,
            outcome: outcome.into(),
            changed: false,
            duration_ms: 0,
            bytes: 0,
            problem: None,
            details: BTreeMap::new(),
        }
    }

    /// Sets the environment.
    pub fn in_environment(mut self, environment: Option<EnvironmentName>) -> Self {
        self.environment = environment;
        self
    }

    /// Says that the world is different because of it.
    pub fn changed(mut self) -> Self {
        self.changed = true;
        self
    }

    /// Adds a detail.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }

    /// Adds what went wrong.
    pub fn with_problem(mut self, problem: Problem) -> Self {
        self.problem = Some(problem);
        self
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{Report, ReportItem};
    use crate::{Class, OutcomeKind, Problem};

    #[test]
    fn what_is_written_is_read_back() {
        let mut report = Report::new("retag-push-ecr", datetime!(2025-11-19 15:22:00 UTC));
        report.items.push(
            ReportItem::new("orderService", "failed")
                .in_environment("stg_eu00".parse().ok())
                .with("digest", "sha256:00")
                .with_problem(
                    Problem::new("LF-X", Class::Transient, "it\ndid not work").with_remedy("run again"),
                ),
        );
        report.shard = "2/4".parse().ok();
        report.requests.insert("registry GET".to_owned(), 3);
        let read = Report::parse(&report.to_bytes(), "report.json").expect("valid");
        assert_eq!(read, report);
        assert_eq!(read.count("failed"), 1);
        assert!(!read.changed_something());
        insta::assert_snapshot!(String::from_utf8_lossy(&report.to_bytes()), @r#"
        {
          "formatVersion": 1,
          "stage": "retag-push-ecr",
          "outcome": "nothing-to-do",
          "exitCode": 0,
          "dryRun": false,
          "release": null,
          "environment": null,
          "shard": "2/4",
          "startedAt": "2025-11-19T15:22:00Z",
          "durationMs": 0,
          "items": [
            {
              "name": "orderService",
              "environment": "stg_eu00",
              "outcome": "failed",
              "changed": false,
              "durationMs": 0,
              "bytes": 0,
              "problem": {
                "code": "LF-X",
                "class": "transient",
                "what": "it\ndid not work",
                "cause": [],
                "remedy": "run again"
              },
              "details": {
                "digest": "sha256:00"
              }
            }
          ],
          "requests": {
            "registry GET": 3
          },
          "retries": 0,
          "problems": [],
          "warnings": [],
          "summary": "",
          "files": [],
          "config": {}
        }
        "#);
    }

    #[test]
    fn every_outcome_and_class_is_read_as_it_is_written() {
        let mut report = Report::new("x", datetime!(2025-11-19 15:22:00 UTC));
        for outcome in [
            OutcomeKind::Done,
            OutcomeKind::NothingToDo,
            OutcomeKind::Blocked,
            OutcomeKind::Failed,
            OutcomeKind::Partial,
            OutcomeKind::Unknown,
        ] {
            report.outcome = outcome;
            assert_eq!(Report::parse(&report.to_bytes(), "r").expect("valid"), report);
        }
        for class in [
            Class::Defect,
            Class::Input,
            Class::Refused,
            Class::Locked,
            Class::Transient,
            Class::Partial,
            Class::Integrity,
            Class::Unknown,
            Class::Interrupted,
        ] {
            report.problems.push(Problem::new("LF-X", class, "x"));
        }
        assert_eq!(Report::parse(&report.to_bytes(), "r").expect("valid"), report);
    }

    #[test]
    fn a_sentence_is_no_outcome() {
        let mut report = Report::new("x", datetime!(2025-11-19 15:22:00 UTC));
        report.items.push(ReportItem::new("a", "Went well, mostly"));
        insta::assert_snapshot!(Report::parse(&report.to_bytes(), "report.json").expect_err("bad"), @r"report.json: /items/0/outcome at 15:18: found `Went well, mostly`, expected a word of lower-case letters and `-`");
    }
}
