//! A pipeline as GitHub can run it: nothing secret goes from job to job there, so that each job logs in itself.
//!
//! Source: GitHub Actions skips outputs that hold a masked value, and artifacts are for everybody who can read the repo.

use crate::credentials;
use crate::files;
use crate::model::{Job, Pipeline, Work};

/// A job, and what it does before.
pub(super) struct Prepared {
    /// The job.
    pub(super) job: Job,
    /// Jobs that leave logins, whose commands it runs itself.
    pub(super) before: Vec<Job>,
}

/// The jobs of a pipeline without those that leave keys or logins, and without those that start another one, which GitHub does by
/// itself.
pub(super) fn prepared(pipeline: &Pipeline) -> (Pipeline, Vec<Prepared>) {
    let mut pipeline = pipeline.clone();
    credentials::log_in_everywhere(&mut pipeline, |_| false);
    let leaves_logins = |job: &Job| job.keeps.iter().any(|file| files::is_secret(file));
    let (logins, rest): (Vec<Job>, Vec<Job>) = pipeline.jobs.drain(..).partition(leaves_logins);
    let mut jobs = Vec::new();
    for mut job in rest.into_iter().filter(|job| !matches!(job.work, Work::Call(_))) {
        let before = logins
            .iter()
            .filter(|login| job.needs.iter().any(|need| need.job == login.name))
            .cloned()
            .collect();
        credentials::without(&mut job, &logins);
        jobs.push(Prepared { job, before });
    }
    pipeline.jobs = jobs.iter().map(|prepared| prepared.job.clone()).collect();
    (pipeline, jobs)
}
