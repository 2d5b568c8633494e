//! Manual jobs on a terminal, where a person is asked for each.

use landfall_artifacts::RunState;

use super::made::Repo;

const TWO: &str = r#"
[pipelines.own]
replace = true
[pipelines.own.jobs.build]
commands = ["echo build >> @/did"]
[pipelines.own.jobs.clean]
needs = ["build"]
when = "manual"
commands = ["echo clean >> @/did"]
[pipelines.own.jobs.approve]
needs = ["build"]
when = "manual"
commands = ["echo approve >> @/did"]
[pipelines.own.jobs.deploy]
needs = ["approve"]
commands = ["echo deploy >> @/did"]
"#;

const APPROVE: &str = "start approve? [y/N] ";
const CLEAN: &str = "start clean? [y/N] ";
const END_OF_INPUT: &str = "\u{4}";
const CTRL_C: &str = "\u{3}";

/// How a run ends in which this is typed: exit code, state, what was done, and the end of what is on the terminal.
fn answered(steps: &[(&str, &str)]) -> (Option<i32>, RunState, String, String) {
    let repo = Repo::of(TWO);
    let ran = repo.on_terminal("run own", steps);
    assert!(ran.stderr.is_empty(), "{}\n{}", ran.stdout, ran.stderr);
    let did = repo.noted("did").lines().collect::<Vec<_>>().join(" ");
    (ran.code, repo.report().state, did, repo.tidy(&ran.stdout))
}

#[test]
fn a_job_starts_after_a_yes_alone() {
    let (code, state, did, told) = answered(&[(APPROVE, "y\n"), (CLEAN, "no\n")]);
    assert_eq!((code, state, did.as_str()), (Some(0), RunState::Waiting, "build approve deploy"), "{told}");
    assert!(told.contains("Go on: landfall run own --resume <run> --manual clean"), "{told}");
    let (code, state, did, told) = answered(&[(APPROVE, "\n"), (CLEAN, "YES\n")]);
    assert_eq!((code, state, did.as_str()), (Some(0), RunState::Waiting, "build clean"), "{told}");
    let (code, state, did, told) = answered(&[(APPROVE, "yes\n"), (CLEAN, "y\n")]);
    assert_eq!((code, state), (Some(0), RunState::Passed), "{told}");
    assert_eq!(did, "build approve deploy clean");
}

#[test]
fn the_end_of_the_input_is_a_no() {
    let (code, state, did, told) = answered(&[(APPROVE, END_OF_INPUT), (CLEAN, END_OF_INPUT)]);
    assert_eq!((code, state, did.as_str()), (Some(0), RunState::Waiting, "build"), "{told}");
}

#[test]
fn ctrl_c_at_the_question_ends_the_run() {
    let (code, state, did, told) = answered(&[(APPROVE, CTRL_C)]);
    assert_eq!((code, state, did.as_str()), (Some(130), RunState::Interrupted, "build"), "{told}");
    assert!(!told.contains(CLEAN), "nothing more is asked: {told}");
}
