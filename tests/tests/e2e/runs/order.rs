//! In which order jobs run, and what each of them sees.

use landfall_artifacts::RunJobState;

use super::made::Repo;

const HANDED: &str = r#"
[pipelines.own]
replace = true
ci_stages = ["make", "use"]
[pipelines.own.jobs.make]
ci_stage = "make"
commands = ["echo made > a.txt; mkdir -p dist/x; echo zip > dist/x/b.zip; echo GREETING=hello world > own.env; echo changed > tracked.txt; echo left > left.txt; git tag leaked; echo make >> @/order"]
keeps = ["a.txt", "dist/"]
hands_over = "own.env"
[pipelines.own.jobs.beside]
ci_stage = "make"
commands = ["test ! -e a.txt && test ! -e left.txt && echo beside >> @/order"]
[pipelines.own.jobs.use]
ci_stage = "use"
needs = ["make", "beside"]
commands = [["sh", "-c", "cat a.txt dist/x/b.zip tracked.txt; echo \"$GREETING\"; git tag; test ! -e left.txt; pwd; echo use >> @/order"]]
takes = ["a.txt"]
[pipelines.own.jobs.apart]
ci_stage = "use"
needs = ["beside"]
commands = ["test ! -e a.txt && echo \"[$GREETING]\""]
"#;

#[test]
fn jobs_get_what_is_declared_and_nothing_else() {
    let repo = Repo::of(HANDED);
    repo.write("tracked.txt", "not committed\n");
    let ran = repo.run("run own --jobs 4");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.states(), "beside passed, make passed, apart passed, use passed");
    let order: Vec<String> = repo.noted("order").lines().map(str::to_owned).collect();
    assert_eq!(order.last().map(String::as_str), Some("use"), "{order:?}");
    let log = repo.log("use");
    assert!(log.contains("made\nzip\nas committed\nhello world\n"), "{log}");
    assert!(!log.contains("leaked"), "a tag of another job: {log}");
    assert!(repo.log("apart").contains("[]"), "{}", repo.log("apart"));
    assert!(ran.stderr.contains("1 file is changed or new and not committed"), "{}", ran.stderr);
    insta::assert_snapshot!(repo.tidy(&ran.stdout), @r"
    JOB     STAGE  HOW     TOOK
    beside  make   passed   <time>
    make    make   passed   <time>
    apart   use    passed   <time>
    use     use    passed   <time>

    own passed: 4 of 4 jobs in <time>
    Logs and files: @repo/.landfall/runs/<run>
    ");
    // Folders of what went well are gone; what was kept is there.
    assert!(
        !repo.latest("jobs/make/workspace").exists() && repo.latest("jobs/make/kept/dist/x/b.zip").exists()
    );
    let ignored = std::fs::read_to_string(repo.folder.path().join(".landfall/runs/.gitignore"));
    assert_eq!(ignored.expect("there"), "*\n");
}

#[test]
fn jobs_see_no_variable_that_is_not_declared_and_logs_no_secret() {
    let repo = Repo::of(
        "[pipelines.own]\nreplace = true\n[pipelines.own.jobs.show]\ncommands = [[\"env\"]]\nvariables = { DECLARED = \"yes\" }\n",
    );
    let secrets = [("VAULT_SECRET_ID", "s3cr3t-of-the-vault"), ("MY_TOKEN", "tok3n-of-mine"), ("OTHER", "x")];
    let ran = repo.start("run own --pass MY_TOKEN", &secrets).end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let log = repo.log("show");
    assert!(log.contains("DECLARED=yes") && log.contains("CI_JOB_NAME=show"), "{log}");
    assert!(!log.contains("VAULT_SECRET_ID") && !log.contains("OTHER"), "{log}");
    assert!(log.contains("MY_TOKEN=<redacted>"), "{log}");
    assert!(![&ran.stdout, &ran.stderr].iter().any(|text| text.contains("tok3n")), "{}", ran.stderr);
}

#[test]
fn jobs_are_of_the_settings_that_the_run_is_of() {
    let repo = Repo::of("");
    let settings = "[pipelines.elsewhere]\nreplace = true\n[pipelines.elsewhere.jobs.show]\n\
                    commands = [\"echo [$LANDFALL_CONFIG]; landfall pipelines\"]\n";
    let outside = repo.notes.path().join("own.toml").display().to_string();
    std::fs::write(&outside, settings).expect("written");
    // Neither is committed.
    repo.write("ci/own.toml", settings);
    for named in ["ci/own.toml", outside.as_str()] {
        let ran = repo.run(&format!("run elsewhere --config {named}"));
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
        let log = repo.log("show");
        assert!(log.contains(&format!("[{named}]\n")) && log.contains("\nelsewhere "), "{log}");
    }
}

const FAILING: &str = r#"
[pipelines.own]
replace = true
ci_stages = ["one", "two"]
[pipelines.own.jobs.well]
ci_stage = "one"
commands = ["true"]
[pipelines.own.jobs.allowed]
ci_stage = "one"
commands = ["exit 6"]
allow_failure = [6]
[pipelines.own.jobs.after-allowed]
ci_stage = "two"
needs = ["allowed"]
commands = ["true"]
[pipelines.own.jobs.broken]
ci_stage = "one"
commands = [["sh", "-c", "echo why >&2; exit 3"], ["sh", "-c", "echo never >> @/never"]]
[pipelines.own.jobs.after]
ci_stage = "two"
needs = ["broken"]
commands = ["true"]
[pipelines.own.jobs.in-any-case]
ci_stage = "two"
needs = ["broken"]
when = "always"
commands = ["true"]
[pipelines.own.jobs.hungry]
ci_stage = "two"
needs = ["well"]
takes = ["made.txt"]
keeps = []
commands = ["true"]
[pipelines.own.jobs.no-such-program]
ci_stage = "two"
commands = [["landfall-no-such-program"]]
"#;

#[test]
fn what_fails_keeps_what_needs_it_from_running() {
    let settings = FAILING.replace("takes = [\"made.txt\"]\nkeeps = []\n", "");
    let repo = Repo::of(&settings);
    let ran = repo.run("run own --jobs 1");
    assert_eq!(ran.code, Some(6), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(
        repo.states(),
        "allowed failed 6, broken failed 3, well passed, no-such-program failed 127, after skipped, after-allowed passed, hungry passed, in-any-case passed"
    );
    assert_eq!(repo.noted("never"), "");
    insta::assert_snapshot!(repo.tidy(&ran.stdout), @r"
    JOB              STAGE  HOW                          TOOK
    allowed          one    failed with 6, which it may   <time>
        log: jobs/allowed/log.txt
    broken           one    failed with 3                 <time>
        log: jobs/broken/log.txt
    well             one    passed                        <time>
    no-such-program  two    failed with 127               <time>
        log: jobs/no-such-program/log.txt
    after            two    skipped                         -
        because of broken
    after-allowed    two    passed                        <time>
    hungry           two    passed                        <time>
    in-any-case      two    passed                        <time>

    own failed: 4 of 8 jobs in <time>
    Logs and files: @repo/.landfall/runs/<run>
    Go on: landfall run own --resume <run>
    ");
    insta::assert_snapshot!(repo.tidy(ran.stderr.split("error[").nth(1).expect("a page")), @r"
    LF-RUN-FAILED] exit 6
      the run <run> of own failed: broken, no-such-program
      next: landfall run own --resume <run>

    what was changed (5):
      allowed: failed
      well: passed
      after-allowed: passed
      hungry: passed
      in-any-case: passed
    ");
    assert!(ran.stderr.contains("broken | why"), "{}", ran.stderr);
}

#[test]
fn a_stage_that_met_a_passing_fault_is_tried_again() {
    let repo = Repo::of(
        r#"
[pipelines.own]
replace = true
[pipelines.own.jobs.flaky]
commands = [["landfall", "stage", "generate-versions"], ["sh", "-c", "echo try >> @/tries; test $(wc -l < @/tries) -ge 3 || exit 5"]]
keeps = ["versions.json"]
[pipelines.own.jobs.not-ours]
commands = ["echo try >> @/others; exit 5"]
allow_failure = true
"#,
    );
    let ran = repo.run("run own");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.states(), "flaky passed, not-ours failed 5");
    assert_eq!((repo.noted("tries").lines().count(), repo.noted("others").lines().count()), (3, 1));
    let report = repo.report();
    let flaky = report.job("flaky").expect("the job");
    assert_eq!((flaky.tries, flaky.parts[0].reports.len()), (3, 1));
    assert!(repo.latest("jobs/flaky/kept/versions.json").is_file());
}

#[test]
fn what_would_be_started_is_shown_and_not_started() {
    let repo = Repo::of(HANDED);
    let ran = repo.run("run own --dry-run");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("make") && repo.noted("order").is_empty(), "{}", ran.stdout);
    assert!(!repo.folder.path().join(".landfall").exists());
    let ran = repo.run("run own --dry-run --output json --only use");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["steps"][0][0]["job"], "use");
}

#[test]
fn slips_are_answered_before_anything_starts() {
    let repo = Repo::of(HANDED);
    for (words, told) in [
        ("run owm", "no pipeline `owm`"),
        ("run own --only mke", "`make`, perhaps"),
        ("run own --manual use", "no manual job `use`"),
        ("run own --resume latest", "there is no run latest"),
        ("run own --resume ../../x", "there is no run"),
        ("run own --jobs 0", "--jobs is a number"),
        ("run own --env prod", "leave --env out"),
        ("run production", "no environment for it"),
    ] {
        let ran = repo.run(words);
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{words}: {}", ran.stderr);
    }
    assert!(repo.noted("order").is_empty());
}

#[test]
fn files_of_jobs_that_are_left_out_come_from_the_newest_run() {
    let repo = Repo::of(HANDED);
    let ran = repo.run("run own --only use");
    assert_eq!(ran.code, Some(2), "{}\n{}", ran.stdout, ran.stderr);
    let report = repo.report();
    let job = report.job("use").expect("the job");
    assert_eq!((job.state, job.problems[0].code.as_str()), (RunJobState::Failed, "LF-RUN-FILES"));
    assert_eq!(repo.run("run own").code, Some(0));
    let ran = repo.run("run own --from use");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(repo.states(), "beside presumed, make presumed, apart presumed, use passed");
}
