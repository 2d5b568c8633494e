//! Jobs that are split in parts: each part leaves a report of its own, and who reads reports reads all of them.

use crate::model::{Job, Work};

/// What a deployment leaves where it is not split.
const REPORT: &str = "deploy-report.json";

/// The stages that read it, one at a time.
const READERS: [&str; 2] = ["update-version-dashboard", "rollback-lambda"];

/// The report of a part, from one.
pub(crate) fn report_of(part: u32) -> String {
    format!("deploy-report-{part}.json")
}

/// Gives the parts of a deployment files of their own, and has those that need it read each: what they record of one part stays as it
/// is when they record the next.
pub(crate) fn give_reports(jobs: &mut [Job]) {
    let mut split: Vec<(String, u32)> = Vec::new();
    for job in jobs.iter_mut().filter(|job| job.runs("deploy-lambda") && job.can_be_split()) {
        let Some(parts) = job.parallel else { continue };
        job.keeps.retain(|file| file != REPORT);
        job.keeps.extend((1..=parts).map(report_of));
        split.push((job.name.clone(), parts));
    }
    for job in jobs {
        let needed = split.iter().find(|(name, _)| job.needs.iter().any(|need| need.job == *name));
        let (Some((_, parts)), Work::Stage { stage, .. }) = (needed, &job.work) else { continue };
        if READERS.contains(&stage.name) {
            let words = job.commands().concat();
            let of_part =
                |part| [words.clone(), vec!["--deploy-report".to_owned(), report_of(part)]].concat();
            job.work = Work::Commands((1..=*parts).map(of_part).collect());
        }
    }
}
