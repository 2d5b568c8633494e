//! Jobs are judged with what comes before them in mind.

use landfall_artifacts::{Class, PlannedJob, PlannedState, Problem, Report, ReportItem};
use time::macros::datetime;

use super::{DryRun, FOLLOWS, judge};
use crate::plan::tests::{job, of};

const ROWS: &str = "[environment.stg_eu00]\nkind = \"staging\"\n[environment.prod_eu00]\nkind = \"production\"\nafter = [\"stg_eu00\"]\napprovals = [\"lead\"]\n[approvers]\nlead = [\"ada\"]\n";

fn refused(stage: &str, codes: &[&str]) -> DryRun {
    let mut report = Report::new(stage, datetime!(2025-11-19 15:22:00 UTC));
    report.exit_code = if codes.is_empty() { 0 } else { 3 };
    report.problems = codes.iter().map(|code| Problem::new(*code, Class::Refused, "not there")).collect();
    DryRun { reports: vec![report], ..DryRun::default() }
}

fn judged(pipeline: &str, name: &str, dry: DryRun, before: &[&PlannedJob]) -> PlannedJob {
    let pipeline = of(pipeline, ROWS);
    let job = pipeline.jobs.iter().find(|job| job.name.starts_with(name)).expect("such a job");
    judge(&pipeline, job, dry, before, &[])
}

fn codes(job: &PlannedJob) -> Vec<&str> {
    job.problems.iter().map(|problem| problem.code.as_str()).collect()
}

#[test]
fn what_the_run_makes_first_is_no_obstacle() {
    let mut build = job("docker-build", None, &["build-docker-images"]);
    build.items.push(ReportItem::new("orderService", "planned"));
    let dry = || refused("retag-push-ecr", &["LF-REG-IMAGE-MISSING"]);
    let copy = judged("staging", "retag-push-ecr", dry(), &[&build]);
    assert_eq!((copy.state, copy.problems.len()), (PlannedState::Follows, 0));
    assert_eq!(copy.warnings, ["docker-build comes first: not there"]);
    assert_eq!(copy.why, "it follows docker-build, which makes what it works on");

    build.items[0].outcome = "unchanged".to_owned();
    let copy = judged("staging", "retag-push-ecr", dry(), &[&build]);
    assert_eq!(codes(&copy), ["LF-REG-IMAGE-MISSING"], "nothing is built, so the image stays away");
    assert_eq!(copy.state, PlannedState::NotForetold);
    let both = judged("staging", "retag-push-ecr", refused("x", &["LF-REG-TAG-TAKEN"]), &[&build]);
    assert_eq!(codes(&both), ["LF-REG-TAG-TAKEN"]);
}

#[test]
fn a_ticket_of_another_environment_is_another_ticket() {
    let mut create = job("create-jira-tickets-stg-eu00", Some("stg_eu00"), &["create-jira-tickets"]);
    create.items.push(ReportItem::new("ticket eu", "planned"));
    let dry = || refused("transition-jira-tickets", &["LF-JIRA-NO-TICKET"]);
    assert_eq!(judged("staging", "transition-deploy-pp", dry(), &[&create]).state, PlannedState::Follows);
    create.environment = "stg_na03".parse().ok();
    let alone = judged("staging", "transition-deploy-pp", dry(), &[&create]);
    assert!(alone.may_fail && alone.problems.is_empty());
    assert_eq!(alone.warnings, ["it may fail: LF-JIRA-NO-TICKET not there"]);
}

#[test]
fn gates_are_opened_by_the_run_or_stand_in_the_way() {
    let mut before = job("deploy-stg_eu00", Some("stg_eu00"), &["deploy-lambda"]);
    before.state = PlannedState::Follows;
    let mut approve = job("approve-prod_eu00", Some("prod_eu00"), &["gate"]);
    approve.state = PlannedState::Person;
    let lacks = ["LF-GATE-BEFORE", "LF-GATE-APPROVAL", "LF-GATE-FROZEN"];
    let deploy = judged(
        "immutable-release",
        "deploy-prod_eu00",
        refused("deploy-lambda", &lacks),
        &[&before, &approve],
    );
    assert_eq!(codes(&deploy), ["LF-GATE-FROZEN"]);
    insta::assert_snapshot!(deploy.warnings.join("\n"), @r"
    deploy-stg_eu00 comes first: not there
    approve-prod_eu00 decides: not there
    ");
    let alone = judged("immutable-release", "deploy-prod_eu00", refused("deploy-lambda", &lacks), &[]);
    assert_eq!(codes(&alone), lacks);
}

#[test]
fn the_repo_s_own_commands_and_people_are_told_apart() {
    let own = DryRun { own: vec!["npx nx run-many --target=build".to_owned()], ..DryRun::default() };
    let build = judged("staging", "build", own, &[]);
    assert_eq!(build.state, PlannedState::NotForetold);
    assert_eq!(build.why, "the repo's own: npx nx run-many --target=build");
    let approve = judged("immutable-release", "approve-", DryRun::default(), &[]);
    assert_eq!((approve.state, approve.manual), (PlannedState::Person, true));
    let lost = DryRun { why: Some("versions.json was not foretold".to_owned()), ..DryRun::default() };
    assert_eq!(judged("staging", "retag-push-ecr", lost, &[]).state, PlannedState::NotForetold);
}

#[test]
fn functions_are_named_before_what_they_get_is_made() {
    let awaited = || vec![ReportItem::new("OrderServiceFunction", FOLLOWS)];
    let why = "it needs lambda-ecr-mappings.json of retag-push-ecr-stg-eu00, which is not foretold";
    let withheld = DryRun { why: Some(why.to_owned()), awaited: awaited(), ..DryRun::default() };
    let deploy = judged("staging", "deploy-lambda", withheld, &[]);
    assert_eq!((deploy.state, deploy.items, deploy.why.as_str()), (PlannedState::Follows, awaited(), why));
    // What stands in the way is what counts.
    let refused = DryRun { awaited: awaited(), ..refused("deploy-lambda", &["LF-LAMBDA-MISSING"]) };
    let refused = judged("staging", "deploy-lambda", refused, &[]);
    assert_eq!((refused.state, refused.items.len()), (PlannedState::NotForetold, 0));
}

#[test]
fn what_a_job_leaves_that_follows_is_no_obstacle_for_the_next() {
    let mut deploy = job("deploy-lambda-stg-eu00", Some("stg_eu00"), &["deploy-lambda"]);
    deploy.state = PlannedState::Follows;
    let mut misses = refused("update-version-dashboard", &["LF-FILE-MISSING"]);
    for problem in &mut misses.reports[0].problems {
        problem.class = Class::Input;
    }
    let dashboard = judged("staging", "update-version-dashboard", misses, &[&deploy]);
    assert_eq!(dashboard.warnings, ["deploy-lambda-stg-eu00 comes first: not there"]);
}
