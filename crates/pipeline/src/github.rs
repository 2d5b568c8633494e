//! CI files for GitHub Actions: a workflow for each pipeline.
//!
//! Nothing secret goes from job to job: each logs in itself, and what leaves logins is a step of the jobs that need it. A job that
//! waits for somebody is one of an environment with reviewers. Source: GitHub's workflow syntax reference and the schema of SchemaStore.

mod expression;
mod job;
mod prepared;
mod secrets;

use landfall_artifacts::{OnBranches, PipelineStart, Settings};

use crate::inputs;
use crate::model::Pipeline;
use crate::rendered::{RenderError, Rendered};
use crate::variables;
use crate::yaml::{Map, Yaml, document};

const HEAD: &str = "Written by `landfall render github`; change landfall.toml and render again.";

/// The workflows of these pipelines, one file each. The same pipelines and settings give the same bytes.
///
/// # Errors
/// [`RenderError`] where two jobs have one name for GitHub, which has no dots in it.
pub fn render(pipelines: &[Pipeline], settings: &Settings) -> Result<Vec<Rendered>, RenderError> {
    pipelines.iter().map(|pipeline| workflow(pipeline, settings)).collect()
}

fn workflow(pipeline: &Pipeline, settings: &Settings) -> Result<Rendered, RenderError> {
    let (pipeline, prepared) = prepared::prepared(pipeline);
    let mut map = Map::from_iter([("name", pipeline.name.as_str())]);
    map.set("on", start(&pipeline, settings));
    map.set("permissions", Map::from_iter([("contents", "read")]));
    let mut environment = Map::default();
    for (name, value) in variables::common(settings).into_iter().filter(|(name, _)| name != "LANDFALL_IMAGE")
    {
        environment.set(name, expression::literal(&value));
    }
    let fields = inputs::of(&[&pipeline], settings).into_iter();
    for (name, _) in fields.filter(|(name, _)| name != "LANDFALL_PIPELINE") {
        let value = format!("${{{{ inputs.{name} }}}}");
        environment.set(name, value);
    }
    if !environment.is_empty() {
        map.set("env", environment);
    }
    let mut jobs = Map::default();
    for prepared in &prepared {
        let id = expression::id(&prepared.job.name);
        if jobs.get(&id).is_some() {
            return Err(RenderError::SameId { id, pipeline: pipeline.name.to_string() });
        }
        jobs.set(id, job::job(&pipeline, prepared, settings));
    }
    map.set("jobs", jobs);
    let about = format!("{}: {}.", pipeline.name, pipeline.summary);
    Ok(Rendered {
        path: format!(".github/workflows/{}.yml", pipeline.name),
        text: document(&[HEAD, &about], &map),
    })
}

/// What starts a workflow.
fn start(pipeline: &Pipeline, settings: &Settings) -> Map {
    let mut map = Map::default();
    match pipeline.start {
        PipelineStart::Push => {
            let branch = settings.ci.branch.as_deref().unwrap_or("main");
            let everywhere = pipeline.jobs.iter().any(|job| job.branches != OnBranches::Never);
            let branches: Yaml = [if everywhere { "**" } else { branch }].into_iter().collect();
            let mut push = Map::from_iter([("branches", branches)]);
            if !pipeline.changes.is_empty() {
                // GitHub knows paths of a workflow only, so that a job that has its own may run more often than it has to.
                let mut paths: Vec<&String> = pipeline
                    .changes
                    .iter()
                    .chain(pipeline.jobs.iter().flat_map(|job| &job.changes))
                    .collect();
                paths.sort();
                paths.dedup();
                push.set("paths", paths.into_iter().map(|path| expression::literal(path)).collect::<Yaml>());
            }
            map.set("push", push);
            if pipeline.jobs.iter().any(|job| job.branches == OnBranches::Manual) {
                map.set("workflow_dispatch", Map::default());
            }
        }
        PipelineStart::ByHand => {
            let fields =
                inputs::of(&[pipeline], settings).into_iter().filter(|(name, _)| name != "LANDFALL_PIPELINE");
            let field = |(name, description): (String, String)| {
                let field: [(&str, Yaml); 3] = [
                    ("description", description.into()),
                    ("required", true.into()),
                    ("type", "string".into()),
                ];
                (name, Map::from_iter(field))
            };
            let inputs: Map = fields.map(field).collect();
            let mut dispatch = Map::default();
            if !inputs.is_empty() {
                dispatch.set("inputs", inputs);
            }
            map.set("workflow_dispatch", dispatch);
        }
        PipelineStart::Call => {
            let after: Yaml = pipeline.after.iter().map(landfall_artifacts::PartName::as_str).collect();
            let types: Yaml = ["completed"].into_iter().collect();
            map.set("workflow_run", Map::from_iter([("workflows", after), ("types", types)]));
        }
    }
    map
}
