//! What the tests of plans share, and the verdict.

use landfall_artifacts::{Actor, Class, PlanVerdict, PlannedJob, PlannedState, Problem, Settings};
use time::macros::datetime;

use super::{Asked, plan};
use crate::{Pipeline, Pipelines};

/// A pipeline of these settings.
pub(super) fn of(name: &str, text: &str) -> Pipeline {
    let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid settings");
    let name = name.parse().expect("a name");
    Pipelines::new(&settings, text).pipeline(&name).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A job that was judged.
pub(super) fn job(name: &str, environment: Option<&str>, stages: &[&str]) -> PlannedJob {
    PlannedJob {
        name: name.to_owned(),
        environment: environment.map(|name| name.parse().expect("a name")),
        stages: stages.iter().map(|&stage| stage.to_owned()).collect(),
        state: PlannedState::Foretold,
        manual: false,
        may_fail: false,
        why: String::new(),
        items: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
        summary: String::new(),
    }
}

#[test]
fn a_problem_that_several_jobs_meet_stands_in_the_way_once() {
    let pipeline = of("production", "[environment.prod_eu00]\nkind = \"production\"\n");
    let expired = Problem::new("LF-AWS-EXPIRED", Class::Refused, "the AWS credentials are over");
    let with = |name: &str, environment: &str| PlannedJob {
        problems: vec![expired.clone()],
        ..job(name, Some(environment), &["deploy-lambda"])
    };
    let asked = || Asked {
        by: Actor { name: "grace".to_owned(), source: "USER".to_owned() },
        at: datetime!(2025-11-19 15:22:00 UTC),
        environments: Vec::new(),
        release: None,
    };
    let jobs = vec![with("copy", "prod_eu00"), with("deploy", "prod_eu00"), with("deploy-na", "prod_na03")];
    let planned = plan(&pipeline, asked(), jobs, Vec::new());
    assert_eq!(planned.verdict, PlanVerdict::InTheWay);
    let met: Vec<&[String]> = planned.in_the_way.iter().map(|one| one.jobs.as_slice()).collect();
    assert_eq!(met, [&["copy".to_owned(), "deploy".to_owned()][..], &["deploy-na".to_owned()]]);
    assert_eq!(plan(&pipeline, asked(), Vec::new(), Vec::new()).verdict, PlanVerdict::MayStart);
}
