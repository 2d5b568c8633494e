//! Runs that go on with others, and runs that follow them: what they have of the first.

use landfall_artifacts::RunState;

use super::made::Repo;

const TYPED: &str = r#"
[pipelines.own]
replace = true
ci_stages = ["make", "use"]
[pipelines.own.jobs.make]
ci_stage = "make"
commands = ["echo \"$TARGET_VERSIONS_JSON\" > made.txt"]
keeps = ["made.txt"]
[pipelines.own.jobs.use]
ci_stage = "use"
needs = ["make"]
takes = ["made.txt"]
commands = ["cat made.txt tracked.txt; echo \"now $TARGET_VERSIONS_JSON on $CI_COMMIT_BRANCH\"; test -e @/go"]
"#;

#[test]
fn a_run_goes_on_with_the_commit_and_the_inputs_that_it_began_with() {
    let repo = Repo::of(TYPED);
    let variables = [("TARGET_VERSIONS_JSON", "{\"a\": 1}"), ("VAULT_SECRET_ID", "s3cr3t-of-the-vault")];
    let ran = repo.start("run own", &variables).end();
    assert_eq!(ran.code, Some(6), "{}\n{}", ran.stdout, ran.stderr);
    let first = repo.report();
    let inputs: Vec<_> = first.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(inputs, [("TARGET_VERSIONS_JSON", "{\"a\": 1}")], "and nothing else of the environment");
    repo.write("tracked.txt", "committed later\n");
    repo.commit();
    repo.note("go");

    let other = repo.start("run own --resume latest", &[("TARGET_VERSIONS_JSON", "{}")]).end();
    insta::assert_snapshot!(format!("exit {:?}\n{}", other.code, repo.tidy(&other.stderr)), @r"
    exit Some(2)
    error[LF-RUN-INPUT] exit 2
      the run <run> was not for this TARGET_VERSIONS_JSON
      next: unset TARGET_VERSIONS_JSON, which the run has by itself, or begin a new run without --resume

    nothing was changed
    ");
    let ran = repo.run("run own --resume latest");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let log = repo.log("use");
    assert!(log.contains("{\"a\": 1}\nas committed\nnow {\"a\": 1} on main\n"), "{log}");
    let second = repo.report();
    assert_eq!(
        (&second.commit, &second.inputs, second.resumes),
        (&first.commit, &first.inputs, Some(first.id))
    );
    assert!(ran.stderr.contains("which is checked out: a new run sees that"), "{}", ran.stderr);
    // Who wants one job of the commit that is checked out has it, and is told.
    let ran = repo.run("run own --only use");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(repo.log("use").contains("{\"a\": 1}\ncommitted later\nnow  on main\n"), "{}", repo.log("use"));
    assert!(ran.stderr.contains("files of earlier jobs are those of the run"), "{}", ran.stderr);
}

#[test]
fn what_was_to_follow_and_cannot_does_not_hide_the_first() {
    let repo = Repo::of(
        r#"
[environment.stg_eu00]
kind = "staging"
[pipelines.own]
replace = true
[pipelines.own.jobs.build]
commands = ["true"]
[pipelines.next]
start = "call"
after = "own"
kinds = ["staging"]
chosen = true
[pipelines.next.jobs.show]
each = "environment"
commands = ["true"]
"#,
    );
    let ran = repo.run("run own");
    assert_eq!(
        (ran.code, repo.report().state),
        (Some(6), RunState::Passed),
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
    assert!(ran.stdout.contains("own passed: ") && ran.stdout.contains("did not begin"), "{}", ran.stdout);
    assert!(ran.stderr.contains("LF-TARGET-NONE") && ran.stderr.contains("build: passed"), "{}", ran.stderr);
}

#[test]
fn what_follows_a_resumed_run_is_for_the_environments_that_were_typed() {
    let repo = Repo::of(
        r#"
[environment.stg_eu00]
kind = "staging"
[environment.prod_eu00]
kind = "production"
[environment.prod_na03]
kind = "production"
[pipelines.own]
replace = true
kinds = ["staging"]
[pipelines.own.jobs.build]
each = "environment"
commands = ["echo \"$TARGET_DEPLOY_ENVIRONMENTS\" >> @/seen; test -e @/go"]
[pipelines.next]
start = "call"
after = "own"
kinds = ["production"]
[pipelines.next.jobs.show]
each = "environment"
commands = ["echo \"$TARGET_DEPLOY_ENVIRONMENTS\" >> @/followed"]
"#,
    );
    let typed = [("TARGET_DEPLOY_ENVIRONMENTS", "stg_eu00, prod_na03")];
    let ran = repo.start("run own", &typed).end();
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.stdout, ran.stderr);
    repo.note("go");
    // The same may be typed again, and need not be.
    let again = repo.start("run own --resume latest", &typed).end();
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    assert_eq!(
        (repo.noted("seen"), repo.noted("followed")),
        ("stg_eu00\nstg_eu00\n".into(), "prod_na03\n".into())
    );
}
