//! Which jobs of a pipeline a run is to do, where somebody wants not all of them.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Class, Problem};

use crate::model::Pipeline;
use crate::order::depths;
use crate::places::meant;
use crate::progress::Ended;

/// What somebody wants of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// This job and those that come after it.
    pub from: Option<String>,
    /// These jobs alone; empty: all.
    pub only: Vec<String>,
    /// How jobs of an earlier run ended that this one goes on with: what went well then is not done again.
    pub earlier: BTreeMap<String, Ended>,
}

/// The jobs that are to run; the others are taken for done. A job whose keys or passwords one of them needs is among them: what is secret
/// does not outlive the run that made it.
///
/// # Errors
/// A [`Problem`] for each name that is no job's, with what was probably meant.
pub fn jobs_to_run<'p>(pipeline: &'p Pipeline, choice: &Choice) -> Result<BTreeSet<&'p str>, Vec<Problem>> {
    let known = || pipeline.jobs.iter().map(|job| job.name.as_str());
    let named = choice.only.iter().chain(&choice.from);
    let unknown = named.filter(|name| pipeline.job(name).is_none()).map(|name| {
        let shown = landfall_secret::escape(name, 100);
        Problem::new("LF-RUN-JOB", Class::Input, format!("{} has no job `{shown}`", pipeline.name))
            .with_remedy(format!("name {}", meant(name, known())))
    });
    let problems: Vec<Problem> = unknown.collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let after = choice.from.as_deref().map(|from| reached(pipeline, from));
    let is_wanted = |name: &str| {
        let went_well = matches!(choice.earlier.get(name), Some(Ended::Passed | Ended::Presumed));
        let is_named = choice.only.is_empty() || choice.only.iter().any(|only| only == name);
        is_named && after.as_ref().is_none_or(|after| after.contains(name)) && !went_well
    };
    let mut wanted: BTreeSet<&str> = known().filter(|name| is_wanted(name)).collect();
    // What makes secrets may need such itself.
    loop {
        let needs = pipeline.jobs.iter().filter(|job| wanted.contains(job.name.as_str()));
        let needed = needs.flat_map(|job| &job.needs).filter_map(|need| pipeline.job(&need.job));
        let more: Vec<&str> = needed
            .filter(|job| job.keeps_secrets() && !wanted.contains(job.name.as_str()))
            .map(|job| job.name.as_str())
            .collect();
        if more.is_empty() {
            return Ok(wanted);
        }
        wanted.extend(more);
    }
}

/// A job and all that come after it.
fn reached<'p>(pipeline: &'p Pipeline, from: &str) -> BTreeSet<&'p str> {
    // In the order of depth every job stands after what it needs, so that one pass finds all.
    let depths = depths(&pipeline.jobs);
    let mut jobs: Vec<_> = pipeline.jobs.iter().collect();
    jobs.sort_by_key(|job| depths.get(&job.name).copied());
    let mut reached = BTreeSet::new();
    for job in jobs {
        if job.name == from || job.needs.iter().any(|need| reached.contains(need.job.as_str())) {
            reached.insert(job.name.as_str());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::Settings;

    use super::{Choice, jobs_to_run};
    use crate::model::Pipeline;
    use crate::{Ended, Pipelines};

    fn staging() -> Pipeline {
        let text = "[environment.stg_eu00]\nkind = \"staging\"\nsuffix = \"eu\"\n";
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        Pipelines::new(&settings, text).pipeline(&"staging".parse().expect("a name")).expect("good")
    }

    fn chosen(choice: &Choice) -> String {
        let pipeline = staging();
        match jobs_to_run(&pipeline, choice) {
            Ok(jobs) => jobs.into_iter().collect::<Vec<_>>().join(" "),
            Err(problems) => problems
                .into_iter()
                .map(|problem| {
                    format!("{} {}; try: {}", problem.code, problem.what, problem.remedy.unwrap_or_default())
                })
                .collect::<Vec<_>>()
                .concat(),
        }
    }

    #[test]
    fn keys_are_made_again_for_what_needs_them() {
        let only = |name: &str| Choice { only: vec![name.to_owned()], ..Choice::default() };
        assert_eq!(chosen(&only("build")), "build");
        assert_eq!(chosen(&only("deploy-lambda-eu")), "aws-credentials-eu deploy-lambda-eu");
        let from = Choice { from: Some("create-jira-tickets-eu".to_owned()), ..Choice::default() };
        insta::assert_snapshot!(chosen(&from), @"create-jira-tickets-eu promote-to-rc-build-artifacts transition-deploy-pp-eu transition-pp-testing-eu update-jira-instructions-eu");
        insta::assert_snapshot!(chosen(&only("deploy-lamda-eu")), @"LF-RUN-JOB staging has no job `deploy-lamda-eu`; try: name `deploy-lambda-eu`, perhaps");
    }

    #[test]
    fn what_went_well_is_not_done_again() {
        let done = [
            "build",
            "test",
            "semantic-versioning",
            "docker-build",
            "aws-credentials-eu",
            "prepare-docker-config-eu",
        ];
        let mut earlier: BTreeMap<String, Ended> =
            done.map(|name| (name.to_owned(), Ended::Passed)).into_iter().collect();
        earlier.insert("retag-push-ecr-eu".to_owned(), Ended::Failed(Some(3)));
        let all: Vec<String> = staging().jobs.into_iter().map(|job| job.name).collect();
        let again = chosen(&Choice { earlier: earlier.clone(), ..Choice::default() });
        assert!(
            again.contains("aws-credentials-eu") && again.contains("prepare-docker-config-eu"),
            "{again}"
        );
        assert!(!again.split(' ').any(|name| name == "build") && again.contains("promote-to-rc"), "{again}");
        for name in all {
            earlier.insert(name, Ended::Passed);
        }
        assert_eq!(chosen(&Choice { earlier, ..Choice::default() }), "", "nobody needs keys any more");
    }
}
