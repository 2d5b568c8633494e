//! The plan as a whole: what stands in the way, and whether the run may start.

use landfall_artifacts::{
    Actor, EnvironmentName, PipelinePlan, PlanObstacle, PlanVerdict, PlannedJob, PlannedKeys, Problem,
    ReleaseId,
};
use time::OffsetDateTime;

use super::credentials::too_short;
use crate::model::Pipeline;

/// Who asked for a plan, when, and of what.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: OffsetDateTime,
    /// The environments.
    pub environments: Vec<EnvironmentName>,
    /// The release, where it is known.
    pub release: Option<ReleaseId>,
}

/// The plan of these jobs.
pub fn plan(
    pipeline: &Pipeline,
    asked: Asked,
    jobs: Vec<PlannedJob>,
    keys: Vec<PlannedKeys>,
) -> PipelinePlan {
    let mut in_the_way: Vec<PlanObstacle> = Vec::new();
    let mut add = |environment: Option<&EnvironmentName>, job: &str, problem: &Problem| {
        let same =
            |one: &&mut PlanObstacle| one.environment.as_ref() == environment && one.problem == *problem;
        match in_the_way.iter_mut().find(same) {
            Some(known) if known.jobs.iter().any(|other| other == job) => {}
            Some(known) => known.jobs.push(job.to_owned()),
            None => in_the_way.push(PlanObstacle {
                environment: environment.cloned(),
                jobs: vec![job.to_owned()],
                problem: problem.clone(),
            }),
        }
    };
    for job in &jobs {
        for problem in &job.problems {
            add(job.environment.as_ref(), &job.name, problem);
        }
    }
    for keys in &keys {
        if let Some(problem) = too_short(keys) {
            add(Some(&keys.environment), &keys.job, &problem);
        }
    }
    PipelinePlan {
        pipeline: pipeline.name.clone(),
        release: asked.release,
        environments: asked.environments,
        by: asked.by,
        planned_at: asked.at,
        verdict: if in_the_way.is_empty() { PlanVerdict::MayStart } else { PlanVerdict::InTheWay },
        in_the_way,
        jobs,
        keys,
    }
}
