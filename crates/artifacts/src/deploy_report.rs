//! `deploy-report.json`: what each function ran before and runs after.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::file::json_file;
use crate::json::{one_of, record};
use crate::name::{EnvironmentName, LambdaName, ReleaseId};
use crate::reference::PinnedReference;
use crate::text_name::{AliasName, ReasonCode, Shard};

/// The deployment of a release to an environment. Default name `deploy-report.json`.
///
/// The rollback record is of the same shape, written before the first change: then `after` is `null` and the outcome `planned`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DeployReport {
    /// The release; `null` where it is not known.
    pub release: Option<ReleaseId>,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The alias that the deployment points; left out where none was asked for. With it a report that was cut off tells that an
    /// alias which is not in `before` is one that the deployment made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasName>,
    /// One entry for each function.
    pub functions: Vec<DeployedFunction>,
}

/// One function's deployment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DeployedFunction {
    /// The function.
    pub name: LambdaName,
    /// The environment; `null` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The part of the work it belonged to, where the work was split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What it ran before; `null` where that was not seen.
    pub before: Option<FunctionState>,
    /// What it was seen to run after; `null` where that was not seen.
    pub after: Option<FunctionState>,
    /// How it ended.
    pub outcome: DeployOutcome,
    /// Why, where it did not go well: ours or Lambda's code.
    pub reason: Option<ReasonCode>,
    /// From the first call to the last answer.
    pub seconds: f64,
    /// Number of calls by API operation, such as `UpdateFunctionCode`.
    pub calls: BTreeMap<String, u64>,
}

/// What a function runs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunctionState {
    /// Lambda's `CodeSha256`: for an image its digest in hex, for a zip the base64 of its SHA-256.
    pub code_sha256: Option<String>,
    /// Lambda's `ResolvedImageUri`; `null` for a zip.
    pub image: Option<PinnedReference>,
    /// The published version; `null` where only `$LATEST` was changed.
    pub version: Option<String>,
    /// The alias that callers use; `null` where there is none.
    pub alias: Option<AliasState>,
    /// Lambda's `RevisionId`.
    pub revision_id: Option<String>,
}

/// Where an alias points.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AliasState {
    /// The alias.
    pub name: String,
    /// The version it points to.
    pub version: String,
    /// Share of the traffic, 0.0 to 1.0, that goes to another version.
    pub weights: BTreeMap<String, f64>,
}

/// How a function's deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeployOutcome {
    /// Nothing was sent yet, or at all.
    Planned,
    /// It runs the new code, which was confirmed.
    Updated,
    /// It ran that code already.
    Unchanged,
    /// It was tried and did not work.
    Failed,
    /// It runs again what it ran before.
    RolledBack,
    /// Something was sent and its effect could not be confirmed.
    Unknown,
}

one_of!(DeployOutcome {
    "planned" => Planned,
    "updated" => Updated,
    "unchanged" => Unchanged,
    "failed" => Failed,
    "rolled-back" => RolledBack,
    "unknown" => Unknown,
});
record!(DeployReport {
    release: "release",
    environment: "environment",
    alias: "alias",
    functions: "functions",
});
record!(DeployedFunction {
    name: "name",
    environment: "environment",
    shard: "shard",
    before: "before",
    after: "after",
    outcome: "outcome",
    reason: "reason",
    seconds: "seconds",
    calls: "calls",
});
record!(FunctionState {
    code_sha256: "codeSha256",
    image: "image",
    version: "version",
    alias: "alias",
    revision_id: "revisionId",
});
record!(AliasState { name: "name", version: "version", weights: "weights" });
json_file!(DeployReport, Own, 8 * 1024 * 1024);

impl DeployReport {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "deploy-report.json";

    /// Usual name of that of a part, by its number, from one.
    pub fn part_name(part: u32) -> String {
        format!("deploy-report-{part}.json")
    }

    /// The entry of a function.
    pub fn function(&self, name: &LambdaName) -> Option<&DeployedFunction> {
        self.functions.iter().find(|function| function.name == *name)
    }
}
