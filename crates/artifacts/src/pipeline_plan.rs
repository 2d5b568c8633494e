//! What a run of a pipeline would do, and what stands in its way: what `landfall plan --output json` prints.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::file::json_file;
use crate::file_error::Problems;
use crate::instant;
use crate::json::{At, one_of, record};
use crate::ledger_event::Actor;
use crate::name::{EnvironmentName, ReleaseId};
use crate::outcome::Problem;
use crate::pipeline_settings::PartName;
use crate::report::ReportItem;

/// What a run of a pipeline would do, from the dry runs of its stages. Nothing that it says has happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelinePlan {
    /// The pipeline.
    pub pipeline: PartName,
    /// The release; `null` where no stage could tell it.
    pub release: Option<ReleaseId>,
    /// The environments that it is for, in the order of the pipeline.
    pub environments: Vec<EnvironmentName>,
    /// Who asked.
    pub by: Actor,
    /// When.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub planned_at: OffsetDateTime,
    /// Whether it may start.
    pub verdict: PlanVerdict,
    /// Everything that stands in the way, each problem once.
    pub in_the_way: Vec<PlanObstacle>,
    /// The jobs, in the order of the pipeline.
    pub jobs: Vec<PlannedJob>,
    /// How long credentials live, and how long what works with them took before; one for each environment that has shared ones.
    pub keys: Vec<PlannedKeys>,
}

/// Whether a run may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanVerdict {
    /// Nothing that could be foretold stands in the way.
    MayStart,
    /// Something does.
    InTheWay,
}

/// Something that stands in the way.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanObstacle {
    /// The environment; `null` where it is of the run as a whole.
    pub environment: Option<EnvironmentName>,
    /// The jobs that meet it, at least one, in the order of the pipeline.
    pub jobs: Vec<String>,
    /// What it is, and what would help.
    pub problem: Problem,
}

/// What a job would do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedJob {
    /// Its name in the pipeline.
    pub name: String,
    /// The environment that it is for; `null` where it is for none or all.
    pub environment: Option<EnvironmentName>,
    /// The stages of Landfall that it runs, in order; empty for a repo's own commands.
    pub stages: Vec<String>,
    /// How much of it is known.
    pub state: PlannedState,
    /// Whether it waits until somebody asks for it.
    pub manual: bool,
    /// Whether the pipeline goes on where it fails as foretold.
    pub may_fail: bool,
    /// Why it is not known in full, or what it comes after; empty where there is nothing to say.
    pub why: String,
    /// What its stages would work on, as their own dry runs report it. The outcome `follows` has a function whose code the run makes first:
    /// of it the `version` alone is known.
    pub items: Vec<ReportItem>,
    /// Problems that its dry runs found and that nothing before it in the run solves.
    pub problems: Vec<Problem>,
    /// What the reader should look at although all is well.
    pub warnings: Vec<String>,
    /// One line that says it all.
    pub summary: String,
}

/// How much of a job is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedState {
    /// All that its stages can tell.
    Foretold,
    /// What it works on is made by the run itself first.
    Follows,
    /// A person decides there.
    Person,
    /// Nothing: it is a command of the repo's own, or what it needs could not be foretold.
    NotForetold,
}

/// The credentials that jobs of an environment share.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedKeys {
    /// The environment.
    pub environment: EnvironmentName,
    /// The job that makes them.
    pub job: String,
    /// How long they are asked to live, in seconds.
    pub life_seconds: u64,
    /// How long the jobs that work with them took together before, in seconds: the sum of the medians of their stages; `null` where
    /// the ledger knows no earlier run of any of them.
    pub expected_seconds: Option<u64>,
    /// How many earlier runs that is from: of the stage with the fewest.
    pub runs: u64,
    /// The stages of which no earlier run is known.
    pub unknown: Vec<String>,
    /// Until when the ones hold that were used for this plan, where they say so.
    #[serde(with = "instant::or_none")]
    #[schemars(with = "Option<crate::schema::Time>")]
    pub at_hand_until: Option<OffsetDateTime>,
}

one_of!(PlanVerdict { "may-start" => MayStart, "in-the-way" => InTheWay });
one_of!(PlannedState {
    "foretold" => Foretold,
    "follows" => Follows,
    "person" => Person,
    "not-foretold" => NotForetold,
});
record!(PipelinePlan {
    pipeline: "pipeline",
    release: "release",
    environments: "environments",
    by: "by",
    planned_at: "plannedAt",
    verdict: "verdict",
    in_the_way: "inTheWay",
    jobs: "jobs",
    keys: "keys",
} then check_plan);
record!(PlanObstacle { environment: "environment", jobs: "jobs", problem: "problem" });
record!(PlannedJob {
    name: "name",
    environment: "environment",
    stages: "stages",
    state: "state",
    manual: "manual",
    may_fail: "mayFail",
    why: "why",
    items: "items",
    problems: "problems",
    warnings: "warnings",
    summary: "summary",
});
record!(PlannedKeys {
    environment: "environment",
    job: "job",
    life_seconds: "lifeSeconds",
    expected_seconds: "expectedSeconds",
    runs: "runs",
    unknown: "unknown",
    at_hand_until: "atHandUntil",
});
json_file!(PipelinePlan, Own, 64 * 1024 * 1024);

fn check_plan(plan: &PipelinePlan, at: At<'_>, problems: &mut Problems<'_>) {
    if (plan.verdict == PlanVerdict::MayStart) != plan.in_the_way.is_empty() {
        problems.at_field(at, "verdict", "`in-the-way` where something is, else `may-start`");
    }
}

impl PipelinePlan {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "pipeline-plan.json";

    /// The jobs of an environment, or those that are for none or all.
    pub fn jobs_of<'p>(
        &'p self,
        environment: Option<&'p EnvironmentName>,
    ) -> impl Iterator<Item = &'p PlannedJob> {
        self.jobs.iter().filter(move |job| job.environment.as_ref() == environment)
    }
}

#[cfg(test)]
mod tests {
    use super::PipelinePlan;

    #[test]
    fn a_verdict_is_what_stands_there() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/v1/pipeline-plan.json");
        let text = std::fs::read_to_string(path).expect("a sample");
        let plan = PipelinePlan::parse(text.as_bytes(), "pipeline-plan.json").expect("valid");
        assert_eq!(plan.jobs_of(plan.environments.first()).count(), 2);
        let odd = text.replace("\"in-the-way\"", "\"may-start\"");
        let refused = PipelinePlan::parse(odd.as_bytes(), "pipeline-plan.json").expect_err("odd");
        insta::assert_snapshot!(refused.to_string(), @"pipeline-plan.json: /verdict at 13:14: found `may-start`, expected `in-the-way` where something is, else `may-start`");
    }
}
