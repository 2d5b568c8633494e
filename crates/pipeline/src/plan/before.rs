//! What comes before a job, and which files it has from there.

use std::collections::BTreeSet;

use crate::files;
use crate::model::{Job, Pipeline};
use crate::order::depths;

/// The jobs that end before this one begins, also over others, in the order of the pipeline.
pub fn before<'p>(pipeline: &'p Pipeline, job: &Job) -> Vec<&'p Job> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut next: Vec<&str> = job.needs.iter().map(|need| need.job.as_str()).collect();
    while let Some(name) = next.pop() {
        let Some(needed) = pipeline.job(name) else { continue };
        if reached.insert(&needed.name) {
            next.extend(needed.needs.iter().map(|need| need.job.as_str()));
        }
    }
    pipeline.jobs.iter().filter(|job| reached.contains(job.name.as_str())).collect()
}

/// The jobs that this one needs and whose files it gets, the last to be made behind: where two hand on the same file, that of the later
/// one counts, as the mapping of a copy over the one that was planned before.
pub fn givers<'p>(pipeline: &'p Pipeline, job: &Job) -> Vec<&'p Job> {
    let depths = depths(&pipeline.jobs);
    let mut givers: Vec<&Job> = job.needs.iter().filter_map(|need| pipeline.job(&need.job)).collect();
    givers.sort_by_key(|giver| depths.get(&giver.name).copied());
    givers
}

/// Whether a job hands a file or folder on to those that need it.
pub fn hands_on(job: &Job, file: &str) -> bool {
    files::hands_on(job, file) || files::hands_on(job, &format!("{file}/"))
}

/// The last job before this one that hands on a file. Where there is none it can only come from the repo.
pub fn maker<'p>(pipeline: &'p Pipeline, job: &Job, file: &str) -> Option<&'p Job> {
    let depths = depths(&pipeline.jobs);
    let makers = before(pipeline, job).into_iter().filter(|maker| hands_on(maker, file));
    makers.max_by_key(|maker| depths.get(&maker.name).copied())
}

#[cfg(test)]
mod tests {
    use super::{before, givers, hands_on, maker};
    use crate::plan::tests::of;

    #[test]
    fn files_come_from_what_is_needed_the_later_one_over_the_earlier() {
        let production = of(
            "production",
            "[environment.stg_eu00]\nkind = \"staging\"\necr = \"a.example.com/app\"\n[environment.prod_eu00]\nkind = \"production\"\nsuffix = \"prod-eu\"\necr = \"b.example.com/app\"\n",
        );
        let deploy = production.job("deploy-lambda-prod-eu").expect("a job");
        let names =
            |jobs: Vec<&crate::Job>| jobs.iter().map(|job| job.name.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            names(before(&production, deploy)),
            "validate-targets generate-on-demand-mappings aws-credentials-prod-eu copy-images-prod-eu"
        );
        assert_eq!(
            names(givers(&production, deploy)),
            "generate-on-demand-mappings aws-credentials-prod-eu copy-images-prod-eu"
        );
        let made = |file: &str| maker(&production, deploy, file).map(|job| job.name.as_str());
        assert_eq!(made("image-lock.json"), Some("copy-images-prod-eu"));
        assert_eq!(made("versions.json"), Some("generate-on-demand-mappings"));
        assert_eq!(made("deploy-report.json"), None);
        assert!(hands_on(production.job("update-version-dashboard-prod-eu").expect("a job"), "dashboard"));
    }
}
