//! Jobs that wait for somebody.

use landfall_artifacts::RunState;

use super::made::Repo;

const MANUAL: &str = r#"
[pipelines.own]
replace = true
[pipelines.own.jobs.build]
commands = ["echo build >> @/did"]
[pipelines.own.jobs.approve]
needs = ["build"]
when = "manual"
commands = ["echo approve >> @/did"]
[pipelines.own.jobs.deploy]
needs = ["approve"]
commands = ["echo deploy >> @/did"]
"#;

#[test]
fn nobody_is_asked_without_a_terminal_and_a_run_goes_on_when_somebody_wants_it() {
    let repo = Repo::of(MANUAL);
    let ran = repo.run("run own");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!((repo.noted("did").as_str(), repo.report().state), ("build\n", RunState::Waiting));
    assert_eq!(repo.states(), "build passed, approve waiting, deploy open");
    let told = repo.tidy(&ran.stdout);
    assert!(told.contains("Go on: landfall run own --resume <run> --manual approve"), "{told}");
    let ran = repo.run("run own --resume latest --manual approve");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(repo.noted("did"), "build\napprove\ndeploy\n");
    assert_eq!(repo.report().state, RunState::Passed);
    assert_eq!(repo.run("run own --yes").code, Some(0));
    assert_eq!(repo.noted("did").lines().count(), 6);
}

#[test]
fn a_manual_job_that_failed_is_made_again_by_who_goes_on() {
    let repo = Repo::of(
        r#"
[pipelines.own]
replace = true
ci_stages = ["make"]
[pipelines.own.jobs.approve]
when = "manual"
commands = ["if test -e @/tried; then echo approve >> @/did; else touch @/tried; exit 3; fi"]
"#,
    );
    let ran = repo.run("run own --manual approve");
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.stdout, ran.stderr);
    let ran = repo.run("run own --resume latest");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.noted("did"), "approve\n");
}
