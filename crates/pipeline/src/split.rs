//! Jobs that are split in parts: each part of a deployment leaves a report of its own, and who reads reports reads all of them as one.

use landfall_artifacts::DeployReport;

use crate::model::Job;

/// Gives the parts of a deployment files of their own. The stages that read what a deployment left find them by their names.
pub(crate) fn give_reports(jobs: &mut [Job]) {
    for job in jobs.iter_mut().filter(|job| job.runs("deploy-lambda") && job.can_be_split()) {
        let Some(parts) = job.parallel else { continue };
        job.keeps.retain(|file| file != DeployReport::FILE_NAME);
        job.keeps.extend((1..=parts).map(DeployReport::part_name));
    }
}
