//! How runs end that do not end by themselves, and how they go on.

use std::fs::File;

use landfall_artifacts::{RunReport, RunState};
use rustix::process::Signal;

use super::made::{Repo, pid, until_gone};

/// The second job notes its number and that of a child, and waits to be told to end.
const WAITING: &str = r#"
[pipelines.own]
replace = true
ci_stages = ["one", "two"]
[pipelines.own.jobs.first]
ci_stage = "one"
commands = ["echo first >> @/first; echo kept > first.txt"]
keeps = ["first.txt"]
[pipelines.own.jobs.second]
ci_stage = "two"
needs = ["first"]
takes = ["first.txt"]
commands = ["test -e @/go && exit 0; TRAP; sleep 1000 & echo $! > @/child; echo $$ > @/second; wait"]
"#;

fn repo(trap: &str) -> Repo {
    Repo::of(&WAITING.replace("TRAP", trap))
}

#[test]
fn a_stop_is_passed_on_and_what_ended_well_is_not_done_again() {
    let repo = repo("trap 'echo stopped > @/stopped; exit 9' INT");
    let run = repo.start("run own", &[]);
    let (second, child) = (repo.until_noted("second"), repo.until_noted("child"));
    run.tell(Signal::INT);
    let ran = run.end();
    assert_eq!(ran.code, Some(130), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.noted("stopped"), "stopped\n", "it ended by itself");
    assert_eq!(repo.states(), "first passed, second stopped");
    assert_eq!(repo.report().state, RunState::Interrupted);
    // What it left behind in its group is gone too.
    until_gone(pid(&second));
    until_gone(pid(&child));
    repo.note("go");
    let ran = repo.run("run own --resume latest");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.states(), "first presumed, second passed");
    assert_eq!(repo.noted("first"), "first\n");
}

#[test]
fn a_second_request_to_stop_kills() {
    let repo = repo("trap '' INT TERM");
    let mut run = repo.start("run own", &[]);
    let second = repo.until_noted("second");
    run.tell(Signal::TERM);
    run.line_with("stopping");
    run.tell(Signal::TERM);
    let ran = run.end();
    assert_eq!((ran.code, repo.report().exit_code), (Some(143), Some(143)), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.states(), "first passed, second stopped");
    until_gone(pid(&second));
}

#[test]
fn nothing_outlives_a_runner_that_is_killed_and_the_run_goes_on_later() {
    let repo = repo("trap 'echo told > @/told; until test -e @/end; do sleep 0.05; done; exit 1' TERM");
    let run = repo.start("run own", &[]);
    let (second, child) = (repo.until_noted("second"), repo.until_noted("child"));
    for words in ["run own --resume latest", "run own --only second"] {
        let busy = repo.run(words);
        assert_eq!(busy.code, Some(4), "{}", busy.stderr);
        assert!(busy.stderr.contains("is still going on"), "{}", busy.stderr);
    }
    // As if the job took its time, however slow this machine is.
    let jobs = File::open(repo.latest(RunReport::JOBS_LOCK)).expect("there");
    jobs.lock_shared().expect("locked");
    run.tell(Signal::KILL);
    drop(run.end());
    let report = repo.report();
    assert_eq!((report.state, report.exit_code), (RunState::Running, None));
    assert_eq!(repo.states(), "first passed, second running");
    // Nobody begins before the job is gone, which takes its time.
    repo.until_noted("told");
    let mut again = repo.start("run own --resume latest", &[]);
    again.line_with("was killed: what it left is ending");
    drop(jobs);
    repo.note("go");
    repo.note("end");
    let ran = again.end();
    until_gone(pid(&second));
    until_gone(pid(&child));
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.states(), "first presumed, second passed");
    assert_eq!(repo.report().resumes, Some(report.id));
    assert_eq!(repo.noted("first"), "first\n");
}

/// A job that changes an environment: a stage, and a command by its name.
const CHANGING: [(&str, &str); 2] =
    [("sync", r#"["landfall", "stage", "s3-sync", "--help"], "#), ("deploy-tasks", "")];

#[test]
fn two_runs_on_one_environment_wait_for_each_other() {
    for (job, stage) in CHANGING {
        let settings = r#"
[environment.stg_eu00]
kind = "staging"
[pipelines.own]
replace = true
kinds = ["staging"]
[pipelines.own.jobs.JOB]
each = "environment"
commands = [STAGE["sh", "-c", "echo begins >> @/began; until test -e @/go; do sleep 0.05; done; echo ends >> @/began"]]
"#;
        let repo = Repo::of(&settings.replace("JOB", job).replace("STAGE", stage));
        let first = repo.start("run own", &[]);
        repo.until_noted("began");
        let mut second = repo.start("run own", &[]);
        second.line_with("waits for its environment, which run");
        repo.note("go");
        assert_eq!((first.end().code, second.end().code), (Some(0), Some(0)), "{job}");
        assert_eq!(repo.noted("began"), "begins\nends\nbegins\nends\n", "{job}");
    }
}
