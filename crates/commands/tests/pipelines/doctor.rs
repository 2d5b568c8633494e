//! Which jobs `landfall doctor` looks at, and what it says without asking anybody.

use crate::made::{ROWS, Repo};

/// The lines that begin a job.
fn jobs(shown: &str) -> Vec<&str> {
    let is_head = |line: &&str| !line.starts_with(' ') && (line.contains(" (") || line.contains(" in "));
    shown.lines().filter(is_head).filter(|line| !line.contains(": ") && !line.starts_with("error")).collect()
}

#[test]
fn a_job_is_looked_at_with_what_its_pipeline_gives_it() {
    let repo = Repo::of(ROWS);
    let shown = repo.shown("doctor deploy-lambda-staging-eu --offline");
    assert_eq!(jobs(&shown), ["deploy-lambda-staging-eu (deploy-lambda)"]);
    assert!(shown.starts_with("exit 3\n"), "{shown}");
    assert!(shown.contains("nobody holds stg_eu00") && shown.contains("mapping-missing"), "{shown}");
    let promotion = repo.shown("doctor promote-to-rc-build-artifacts --offline");
    assert_eq!(jobs(&promotion), ["promote-to-rc-build-artifacts (promote-artifacts)"]);
    assert!(promotion.contains("versions-missing") && promotion.contains("not reached"), "{promotion}");
}

#[test]
fn a_part_is_looked_at_by_the_name_that_gitlab_gives_it() {
    let repo = Repo::of(&format!("{ROWS}\n[pipelines.staging.jobs.deploy-lambda]\nparallel = 4\n"));
    let lines = |name: &str| {
        let shown = repo.run_words(&["doctor", name, "--offline"], &[]).stdout;
        jobs(&shown).join("\n")
    };
    assert_eq!(lines("deploy-lambda-staging-eu 2/4"), "deploy-lambda-staging-eu 2/4 (deploy-lambda)");
    assert_eq!(lines("deploy-lambda-staging-eu"), "deploy-lambda-staging-eu (deploy-lambda)");
    for none in ["deploy-lambda-staging-eu 5/4", "deploy-lambda-staging-eu 2/8", "deploy-lambda-prod-eu 2/4"]
    {
        let ran = repo.run_words(&["doctor", none, "--offline"], &[]);
        assert!(ran.code == 2 && ran.stderr.contains("LF-DOCTOR-JOB"), "{none}: {}", ran.stderr);
    }
}

#[test]
fn a_stage_is_looked_at_for_each_environment_that_has_it() {
    let repo = Repo::of(ROWS);
    let shown = repo.shown("doctor deploy-lambda --offline");
    for environment in ["staging-eu", "staging-na", "prod-eu"] {
        let job = format!("deploy-lambda-{environment} (deploy-lambda)");
        assert!(jobs(&shown).contains(&job.as_str()), "{:?}", jobs(&shown));
    }
    let one = repo.shown("doctor deploy-lambda --offline --environment prod_eu00");
    assert_eq!(jobs(&one), ["deploy-lambda in prod_eu00"]);
    // Where the repo has no rows there is the stage itself.
    let plain = Repo::of("");
    assert!(plain.shown("doctor deploy-lambda --offline").contains("\ndeploy-lambda\n"));
    assert!(jobs(&repo.shown("doctor staging --offline")).len() > 10);
}

#[test]
fn what_is_no_job_is_refused_with_the_nearest_name() {
    let repo = Repo::of(ROWS);
    insta::assert_snapshot!(repo.shown("doctor deploy-lamda-staging-eu"), @r"
    exit 2
    error[LF-DOCTOR-JOB] exit 2
      `deploy-lamda-staging-eu` is no job, no stage and no pipeline
      next: did you mean `landfall doctor deploy-lambda-staging-eu`?

    nothing was changed
    ");
    insta::assert_snapshot!(repo.shown("doctor build"), @r"
    exit 2
    error[LF-DOCTOR-JOB] exit 2
      the job build runs commands of the repo's own, and no stage
      next: look at its log; doctor knows stages alone

    nothing was changed
    ");
    assert_eq!(repo.run("doctor --from @/none.json").code, 2);
    assert_eq!(repo.run("doctor --pipeline none").code, 2);
}

#[test]
fn a_run_s_report_leads_to_the_job_that_failed() {
    let repo = Repo::of(ROWS);
    let report = include_str!("../../../artifacts/samples/v1/run-report.json");
    repo.write("run/run-report.json", report);
    let shown = repo.shown("doctor --from @/run --offline");
    assert!(shown.contains("what ") && !jobs(&shown).is_empty(), "{shown}");
    let lost = repo.run("doctor --from @/landfall.toml");
    assert!(lost.code == 2 && lost.stderr.contains("LF-DOCTOR-FROM"), "{}", lost.stderr);
}

#[test]
fn pages_are_shown_by_name_and_by_code() {
    let repo = Repo::of("");
    insta::assert_snapshot!(repo.shown("doctor --about LF-VAULT-SEALED"), @r"
    exit 0
    # Vault is sealed or in maintenance

    **Shows as** `LF-VAULT-SEALED`

    ## Why

    After a restart Vault knows nothing until its keepers unseal it.

    ## What to do

    1. Have Vault unsealed by its keepers, then run the job again; no secret id was used up.

    ## Who finds it

    | of | check of `landfall doctor` | looks at |
    |---|---|---|
    | `aws-credentials` | `vault`: does Vault answer, initialised and unsealed? | `/v1/sys/health` of Vault, without a login |
    | `aws-credentials` | `login`: does Vault accept the login? | a login, its keys, and `sts:GetCallerIdentity`; with `--login` alone |
    ");
    let unknown = repo.run("doctor --about vault-seald");
    assert!(
        unknown.code == 2 && unknown.stderr.contains("did you mean `vault-sealed`?"),
        "{}",
        unknown.stderr
    );
}
