//! In which order jobs stand: each after what it needs.

use std::collections::BTreeMap;

use crate::model::{Job, Pipeline};

/// Orders the jobs by stage of GitLab, row, and what they need. There is no circle.
pub(crate) fn sort(pipeline: &mut Pipeline) {
    let depth = depths(&pipeline.jobs);
    let stage = |job: &Job| pipeline.ci_stages.iter().position(|stage| *stage == job.ci_stage);
    let row = |job: &Job| {
        job.environment.as_ref().and_then(|name| pipeline.rows.iter().position(|row| row.name == *name))
    };
    let mut keyed: Vec<_> = pipeline
        .jobs
        .iter()
        .map(|job| ((stage(job), row(job), depth.get(&job.name).copied(), job.name.clone()), job.clone()))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    pipeline.jobs = keyed.into_iter().map(|(_, job)| job).collect();
}

/// How many jobs stand before each in the longest way. A circle ends at the number of jobs.
pub(crate) fn depths(jobs: &[Job]) -> BTreeMap<String, usize> {
    let mut depths: BTreeMap<String, usize> = jobs.iter().map(|job| (job.name.clone(), 0)).collect();
    for _ in 0..=jobs.len() {
        let mut moved = false;
        for job in jobs {
            let deepest = job.needs.iter().filter_map(|need| depths.get(&need.job)).max();
            let wanted = deepest.map_or(0, |deepest| (deepest + 1).min(jobs.len()));
            if let Some(depth) = depths.get_mut(&job.name).filter(|depth| **depth < wanted) {
                *depth = wanted;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    depths
}
