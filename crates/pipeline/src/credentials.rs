//! Who has AWS credentials from where.

use landfall_artifacts::{CredentialJobs, JobWhen, Settings, Stage};

use crate::files;
use crate::model::{Job, Login, Need, Pipeline};
use crate::order::depths;

/// The stages that do nothing without AWS.
const OF_AWS: [&str; 8] = [
    "prepare-docker-config",
    "retag-push-ecr",
    "deploy-lambda",
    "rollback-lambda",
    "publish-artifacts",
    "s3-sync",
    "list-buckets",
    "cleanup-images",
];

/// Gives every job that needs them the keys of its environment: those that a credentials job leaves, or its own login.
pub(crate) fn give(pipeline: &mut Pipeline, settings: &Settings) {
    if pipeline.rows.is_empty() {
        return;
    }
    let of_ledger = settings.ledger.store.as_ref().is_some_and(|store| store.starts_with("s3://"));
    let needs_keys = |stage: &&Stage| {
        stage.name != "aws-credentials"
            && (OF_AWS.contains(&stage.name) || of_ledger && files::records(stage))
    };
    let wanting = |job: &Job| job.stages().iter().any(needs_keys);
    if settings.ci.credentials == Some(CredentialJobs::PerJob) {
        log_in_everywhere(pipeline, wanting);
        return;
    }
    let names: Vec<String> =
        pipeline.jobs.iter().filter(|job| wanting(job)).map(|job| job.name.clone()).collect();
    for name in names {
        let needs = keys_for(pipeline, &name);
        let own = pipeline.job(&name).and_then(|job| own_login(pipeline, job));
        let Some(job) = pipeline.jobs.iter_mut().find(|job| job.name == name) else { continue };
        if needs.is_empty() {
            job.login = own.unwrap_or(Login::Ambient);
            continue;
        }
        for need in needs {
            if !job.needs.iter().any(|other| other.job == need.job) {
                job.needs.push(need);
            }
        }
        job.login = Login::Shared;
    }
}

/// The credentials jobs that a job can need: that of its environment; of a job that stands once, those of all, of which any will do.
fn keys_for(pipeline: &Pipeline, name: &str) -> Vec<Need> {
    let Some(job) = pipeline.job(name) else { return Vec::new() };
    let fits = |other: &&Job| {
        other.runs("aws-credentials")
            && (job.environment.is_none() || other.environment == job.environment)
            && !comes_after(pipeline, &other.name, name)
    };
    let optional = job.environment.is_none() && pipeline.chosen;
    pipeline.jobs.iter().filter(fits).map(|other| Need { job: other.name.clone(), optional }).collect()
}

/// Whether the first of two jobs needs the second, at once or over others.
fn comes_after(pipeline: &Pipeline, first: &str, second: &str) -> bool {
    let mut reached = vec![first];
    let mut next = 0;
    while let Some(name) = reached.get(next).copied() {
        if name == second {
            return true;
        }
        next += 1;
        for need in pipeline.job(name).into_iter().flat_map(|job| &job.needs) {
            if !reached.contains(&need.job.as_str()) {
                reached.push(&need.job);
            }
        }
    }
    false
}

fn own_login(pipeline: &Pipeline, job: &Job) -> Option<Login> {
    let first = || pipeline.rows.first().map(|row| row.name.clone());
    job.environment.clone().or_else(first).map(Login::Own)
}

/// Takes the credentials jobs out. What they waited for, and for whom, goes over to those that needed them.
pub(crate) fn log_in_everywhere(pipeline: &mut Pipeline, wanting: impl Fn(&Job) -> bool) {
    let makes_keys = |job: &Job| job.stages().iter().any(|stage| stage.name == "aws-credentials");
    let logins: Vec<Job> = pipeline.jobs.iter().filter(|job| makes_keys(job)).cloned().collect();
    let jobs = std::mem::take(&mut pipeline.jobs);
    pipeline.jobs = jobs.into_iter().filter(|job| !makes_keys(job)).collect();
    for at in 0..pipeline.jobs.len() {
        let own = pipeline.jobs.get(at).and_then(|job| own_login(pipeline, job));
        let Some(job) = pipeline.jobs.get_mut(at) else { continue };
        without(job, &logins);
        job.takes.retain(|file| file != "aws_auth.env");
        if wanting(job) || job.login == Login::Shared {
            job.login = own.unwrap_or(Login::Ambient);
        }
    }
    drop_implied(&mut pipeline.jobs);
}

/// Puts in place of each need of one of these jobs what that one needs.
pub(crate) fn without(job: &mut Job, left_out: &[Job]) {
    let mut next = 0;
    while let Some(need) = job.needs.get(next).cloned() {
        let Some(gone) = left_out.iter().find(|other| other.name == need.job) else {
            next += 1;
            continue;
        };
        job.needs.remove(next);
        if gone.when == JobWhen::Manual {
            job.when = JobWhen::Manual;
            if job.may_fail == landfall_artifacts::MayFail::default() {
                job.may_fail = gone.may_fail.clone();
            }
        }
        for inherited in &gone.needs {
            if !job.needs.iter().any(|other| other.job == inherited.job) {
                let optional = need.optional || inherited.optional;
                job.needs.push(Need { job: inherited.job.clone(), optional });
            }
        }
    }
}

/// Who comes after a manual job need not be asked for again: only the first of a chain stays manual.
fn drop_implied(jobs: &mut [Job]) {
    let depths = depths(jobs);
    let manual: Vec<(String, usize)> = jobs
        .iter()
        .filter(|job| job.when == JobWhen::Manual && !matches!(job.login, Login::Ambient))
        .filter_map(|job| depths.get(&job.name).map(|depth| (job.name.clone(), *depth)))
        .collect();
    for job in jobs.iter_mut().filter(|job| job.when == JobWhen::Manual) {
        let deeper = depths.get(&job.name).copied().unwrap_or_default();
        if job
            .needs
            .iter()
            .any(|need| manual.iter().any(|(name, depth)| *name == need.job && *depth < deeper))
        {
            job.when = JobWhen::OnSuccess;
        }
    }
}
