//! What a run does that is for no environment, or for all: versions, builds, promotions.

use landfall_artifacts::{PipelinePlan, PlannedJob, PlannedState};

use super::environment::{rest, runs};
use super::{Block, safe};

/// What is said of a stage.
const LABELS: [(&str, &str); 9] = [
    ("semantic-versioning", "versions"),
    ("generate-versions", "versions"),
    ("build-docker-images", "builds"),
    ("build-images-dev", "builds"),
    ("build-images-prod", "builds"),
    ("package-artifacts", "archives"),
    ("publish-artifacts", "publication"),
    ("promote-artifacts", "promotion"),
    ("deploy-lambda", "functions"),
];

/// A line for each stage that is worth one.
pub(super) fn blocks(plan: &PipelinePlan) -> Vec<Block> {
    let jobs: Vec<&PlannedJob> = plan.jobs_of(None).collect();
    let mut blocks = Vec::new();
    for job in &jobs {
        let Some((_, label)) = LABELS.iter().find(|(stage, _)| runs(job, stage)) else { continue };
        let text = match job.state {
            PlannedState::Foretold if job.summary.is_empty() => continue,
            PlannedState::Foretold => safe(&job.summary, 400),
            _ if job.why.is_empty() => "not foretold: see what stands in the way".to_owned(),
            _ => format!("not foretold: {}", safe(&job.why, 400)),
        };
        blocks.push(Block::Fact(label, text));
    }
    let manual: Vec<String> = jobs.iter().filter(|job| job.manual).map(|job| safe(&job.name, 200)).collect();
    if !manual.is_empty() {
        blocks.push(Block::Fact("by hand", format!("{}: somebody has to start it", manual.join(", "))));
    }
    blocks.extend(rest(&jobs, false));
    blocks
}
