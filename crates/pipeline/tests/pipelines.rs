//! The pipelines that come with Landfall, for the rows of a table, and what is said of those that cannot be.

use landfall_artifacts::{KeepWhen, PartName, Settings};
use landfall_pipeline::{Ended, Job, Login, Pipeline, Pipelines, Progress, Verdict, github, gitlab};
use proptest::prelude::*;

const ROWS: &str = include_str!("../../../docs/ci/lambda/landfall.toml");

fn settings(text: &str) -> Settings {
    Settings::parse(text.as_bytes(), "landfall.toml", &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn pipeline(text: &str, name: &str) -> Pipeline {
    let settings = settings(text);
    let read = Pipelines::new(&settings, text).pipeline(&name.parse().expect("a name"));
    read.unwrap_or_else(|errors| panic!("{errors}"))
}

fn refusal(text: &str, name: &str) -> String {
    let settings = settings(text);
    Pipelines::new(&settings, text).pipeline(&name.parse().expect("a name")).expect_err("refused").to_string()
}

/// One line a job: name, GitLab stage, needs, and what is unusual of it.
fn shown(pipeline: &Pipeline) -> String {
    let line = |job: &Job| {
        let needs: Vec<String> = job
            .needs
            .iter()
            .map(|need| format!("{}{}", need.job, if need.optional { "?" } else { "" }))
            .collect();
        let login = match &job.login {
            Login::Ambient => String::new(),
            Login::Shared => " keys".to_owned(),
            Login::Own(row) => format!(" login:{row}"),
        };
        format!("{} | {} | {} | {}{login}", job.name, job.ci_stage, needs.join(" "), job.keeps.join(" "))
    };
    pipeline.jobs.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn staging_has_the_jobs_of_its_table_for_each_region() {
    let one = ROWS.replace("[environment.stg_na03]\nkind = \"staging\"", "[environment.stg_na03]");
    insta::assert_snapshot!(shown(&pipeline(&one, "staging")), @r"
    build | build |  | 
    test | test | build | 
    semantic-versioning | semantic-versioning | build test | versions.json
    docker-build | docker-build | semantic-versioning | 
    aws-credentials-staging-eu | deploy-staging | semantic-versioning docker-build | aws_auth.env
    prepare-docker-config-staging-eu | deploy-staging | aws-credentials-staging-eu semantic-versioning | docker-config.json keys
    retag-push-ecr-staging-eu | deploy-staging | prepare-docker-config-staging-eu aws-credentials-staging-eu semantic-versioning | lambda-ecr-mappings.json image-lock.json keys
    deploy-lambda-staging-eu | deploy-staging | aws-credentials-staging-eu retag-push-ecr-staging-eu semantic-versioning | deploy-report.json keys
    create-jira-tickets-staging-eu | post-deploy | deploy-lambda-staging-eu semantic-versioning | versions.json jira-tickets.json
    update-version-dashboard-staging-eu | post-deploy | deploy-lambda-staging-eu semantic-versioning | dashboard/
    transition-deploy-pp-staging-eu | jira-workflow | create-jira-tickets-staging-eu | versions.json jira-tickets.json
    update-jira-instructions-staging-eu | jira-workflow | create-jira-tickets-staging-eu | versions.json
    transition-pp-testing-staging-eu | jira-workflow | transition-deploy-pp-staging-eu | versions.json jira-tickets.json
    promote-to-rc-build-artifacts | promote-to-rc | transition-pp-testing-staging-eu semantic-versioning | promotion-log-to-rc.json versions.json
    ");
    let both = pipeline(ROWS, "staging");
    let promotion = both.job("promote-to-rc-build-artifacts").expect("a promotion");
    let needs: Vec<&str> = promotion.needs.iter().map(|need| need.job.as_str()).collect();
    assert_eq!(
        needs,
        ["transition-pp-testing-staging-eu", "transition-pp-testing-staging-na", "semantic-versioning"]
    );
}

#[test]
fn production_is_for_the_environments_that_are_named() {
    let production = pipeline(ROWS, "production");
    insta::assert_snapshot!(shown(&production), @r"
    validate-targets | deploy-on-demand |  | 
    generate-on-demand-mappings | deploy-on-demand | validate-targets | lambda-ecr-mappings.json versions.json image-lock.json
    aws-credentials-prod-eu | deploy-on-demand | generate-on-demand-mappings | aws_auth.env
    copy-images-prod-eu | deploy-on-demand | aws-credentials-prod-eu generate-on-demand-mappings | lambda-ecr-mappings.json image-lock.json keys
    deploy-lambda-prod-eu | deploy-on-demand | copy-images-prod-eu aws-credentials-prod-eu generate-on-demand-mappings | deploy-report.json keys
    aws-credentials-prod-na | deploy-on-demand | generate-on-demand-mappings | aws_auth.env
    copy-images-prod-na | deploy-on-demand | aws-credentials-prod-na generate-on-demand-mappings | lambda-ecr-mappings.json image-lock.json keys
    deploy-lambda-prod-na | deploy-on-demand | copy-images-prod-na aws-credentials-prod-na generate-on-demand-mappings | deploy-report.json keys
    update-version-dashboard-prod-eu | post-deploy | deploy-lambda-prod-eu generate-on-demand-mappings | dashboard/ versions.json
    transition-deploying-prod-eu | post-deploy | update-version-dashboard-prod-eu | versions.json
    transition-resolved-prod-eu | post-deploy | transition-deploying-prod-eu | versions.json
    transition-closed-prod-eu | post-deploy | transition-resolved-prod-eu | versions.json
    comment-production-eu | post-deploy | transition-closed-prod-eu | versions.json
    update-version-dashboard-prod-na | post-deploy | deploy-lambda-prod-na generate-on-demand-mappings | dashboard/ versions.json
    transition-deploying-prod-na | post-deploy | update-version-dashboard-prod-na | versions.json
    transition-resolved-prod-na | post-deploy | transition-deploying-prod-na | versions.json
    transition-closed-prod-na | post-deploy | transition-resolved-prod-na | versions.json
    comment-production-na | post-deploy | transition-closed-prod-na | versions.json
    promote-to-release-artifacts | promote-to-release | comment-production-eu? comment-production-na? generate-on-demand-mappings | promotion-log-to-release.json versions.json
    ");
    let all = ["prod_eu00".parse().expect("a name"), "prod_na03".parse().expect("a name")];
    for (environments, comments) in [(&all[..1], 1), (&all[1..], 1), (&all[..], 2), (&[], 0)] {
        let mut progress = Progress::new(&production).of_environments(environments);
        let mut ran = Vec::new();
        loop {
            let decision = progress.decide();
            if let Some(verdict) = decision.verdict {
                assert_eq!(verdict, Verdict::Passed);
                break;
            }
            for name in decision.start {
                progress.ended(name, Ended::Passed);
                ran.push(name);
            }
        }
        assert_eq!(ran.iter().filter(|name| name.starts_with("comment-production-")).count(), comments);
        assert_eq!(ran.contains(&"promote-to-release-artifacts"), comments > 0, "{environments:?}");
    }
}

#[test]
fn a_release_waits_for_every_environment_that_was_named() {
    let production = pipeline(ROWS, "production");
    let mut progress = Progress::new(&production);
    for job in &production.jobs {
        let is_na = job.name == "deploy-lambda-prod-na";
        let comes_after = job.environment.as_ref().is_some_and(|name| name.as_str() == "prod_na03")
            && job.ci_stage == "post-deploy";
        if is_na {
            progress.ended(&job.name, Ended::Failed(Some(3)));
        } else if !comes_after && job.name != "promote-to-release-artifacts" {
            progress.ended(&job.name, Ended::Passed);
        }
    }
    let decision = progress.decide();
    assert_eq!(decision.verdict, Some(Verdict::Failed));
    assert!(
        decision.skip.iter().any(|skip| skip.job == "promote-to-release-artifacts"
            && skip.because == Some("comment-production-na"))
    );
}

#[test]
fn configuration_is_one_click_for_production() {
    let one = ROWS
        .replace("stg_na03]\nkind = \"staging\"", "stg_na03]")
        .replace("prod_na03]\nkind = \"production\"", "prod_na03]");
    insta::assert_snapshot!(shown(&pipeline(&one, "s3-config")), @r"
    aws_hcv_auth_stg | aws_auth |  | aws_auth.env
    aws_hcv_auth_prod | aws_auth |  | aws_auth.env
    aws_s3_ls_stg | aws_ls | aws_hcv_auth_stg |  keys
    sync-with-s3-stg | s3-sync | aws_hcv_auth_stg | s3-sync-record.json keys
    sync-with-s3-prod | s3-sync | aws_hcv_auth_prod | s3-sync-record.json keys
    ");
    let per_job = format!("{one}\n[ci]\ncredentials = \"per-job\"\n");
    let config = pipeline(&per_job, "s3-config");
    let starts = Progress::new(&config).decide();
    assert_eq!(
        (starts.start, starts.waiting),
        (vec!["aws_s3_ls_stg", "sync-with-s3-stg"], vec!["sync-with-s3-prod"])
    );
}

/// What was replaced is known by the record alone: it is kept of a publication that failed too, with the bytes.
#[test]
fn the_record_of_a_publication_is_kept_whatever_becomes_of_it() {
    let text = format!(
        "{ROWS}\n[sync]\nkeep_old = \"kept\"\n[pipelines.staging.jobs.sync-config]\nleave_out = false\n"
    );
    let publishes = |name: &str| -> Vec<Job> {
        pipeline(&text, name).jobs.into_iter().filter(|job| job.runs("s3-sync")).collect()
    };
    let jobs = [publishes("s3-config"), publishes("staging")].concat();
    assert!(jobs.len() >= 4, "{jobs:?}");
    for job in jobs {
        assert_eq!(
            (&*job.keeps, job.keep_when),
            (&["s3-sync-record.json", "kept/"].map(str::to_owned)[..], KeepWhen::Always),
            "{}",
            job.name
        );
    }
}

const RELEASE: &str = r#"
[approvers]
qa-lead = ["ada"]
manager = ["joan"]
[environment.dev]
[environment.qa]
after = ["dev"]
[environment.uat]
kind = "staging"
after = ["qa"]
approvals = ["qa-lead"]
[environment.prod]
kind = "production"
after = ["uat"]
approvals = ["manager"]
[environment.dr]
after = ["prod"]
"#;

#[test]
fn an_immutable_release_passes_gates_and_is_copied_at_the_end() {
    insta::assert_snapshot!(shown(&pipeline(RELEASE, "immutable-release")), @r"
    version | version |  | versions.json
    release | version | version | 
    build-archives | package | version | dist/
    package-artifacts | package | release build-archives | dist/release/
    publish-artifacts | publish | release package-artifacts |  login:dev
    aws-credentials-dev | deploy-dev | publish-artifacts | aws_auth.env
    deploy-dev | deploy-dev | release aws-credentials-dev | deploy-report.json keys
    update-version-dashboard-dev | deploy-dev | version release aws-credentials-dev deploy-dev | dashboard/
    smoke-test-dev | deploy-dev | release aws-credentials-dev update-version-dashboard-dev | 
    aws-credentials-qa | deploy-qa | publish-artifacts smoke-test-dev | aws_auth.env
    deploy-qa | deploy-qa | release aws-credentials-qa | deploy-report.json keys
    update-version-dashboard-qa | deploy-qa | version release aws-credentials-qa deploy-qa | dashboard/
    smoke-test-qa | deploy-qa | release aws-credentials-qa update-version-dashboard-qa | 
    approve-uat | deploy-uat | release publish-artifacts smoke-test-qa | 
    aws-credentials-uat | deploy-uat | publish-artifacts approve-uat smoke-test-qa | aws_auth.env
    deploy-uat | deploy-uat | release aws-credentials-uat | deploy-report.json keys
    update-version-dashboard-uat | deploy-uat | version release aws-credentials-uat deploy-uat | dashboard/
    smoke-test-uat | deploy-uat | release aws-credentials-uat update-version-dashboard-uat | 
    start-dr-sync | deploy-prod | smoke-test-prod | 
    approve-prod | deploy-prod | release publish-artifacts smoke-test-uat | 
    aws-credentials-prod | deploy-prod | publish-artifacts approve-prod smoke-test-uat | aws_auth.env
    deploy-prod | deploy-prod | release aws-credentials-prod | deploy-report.json keys
    update-version-dashboard-prod | deploy-prod | version release aws-credentials-prod deploy-prod | dashboard/
    smoke-test-prod | deploy-prod | release aws-credentials-prod update-version-dashboard-prod |
    ");
    insta::assert_snapshot!(shown(&pipeline(RELEASE, "dr-sync")), @r"
    version | dr-sync |  | versions.json
    release | dr-sync | version | 
    aws-credentials-dr | dr-sync | release | aws_auth.env
    dr-sync-dr | dr-sync | release aws-credentials-dr | deploy-report.json keys
    update-version-dashboard-dr | dr-sync | version release aws-credentials-dr dr-sync-dr | dashboard/
    ");
    let in_bucket = format!("{RELEASE}[ledger]\nstore = \"s3://acme-ledger/app\"\n");
    let recorded = pipeline(&in_bucket, "immutable-release");
    let login = |name: &str| recorded.job(name).map(|job| job.login.clone());
    let own = |name: &str| Some(Login::Own(name.parse().expect("a name")));
    // What comes before the keys of its environment logs in itself.
    assert_eq!(login("approve-uat"), own("uat"));
    assert_eq!(login("version"), own("dev"));
    assert_eq!(login("smoke-test-uat"), Some(Login::Shared));
}

#[test]
fn environments_with_infrastructure_follow_each_other() {
    let rows = "[environment.qa1]\n[environment.dev1]\nafter = [\"qa1\"]\nvariables = { account_tag = \"nonprod\" }\n[environment.prod1]\nkind = \"production\"\nafter = [\"dev1\"]\n";
    let pipeline = pipeline(rows, "infrastructure");
    insta::assert_snapshot!(shown(&pipeline), @r"
    build | build |  | dist/
    lint | test | build | 
    unit-tests | test | build | 
    package-qa1 | deploy-qa1 | build unit-tests lint | deploy/
    deploy-qa1 | deploy-qa1 | package-qa1 | 
    integration-test-qa1 | e2e-test-qa1 | deploy-qa1 | 
    e2e-test-qa1 | e2e-test-qa1 | deploy-qa1 integration-test-qa1 | 
    package-dev1 | deploy-dev1 | build unit-tests lint e2e-test-qa1? | deploy/
    deploy-dev1 | deploy-dev1 | package-dev1 | 
    integration-test-dev1 | e2e-test-dev1 | deploy-dev1 | 
    e2e-test-dev1 | e2e-test-dev1 | deploy-dev1 integration-test-dev1 | 
    package-prod1 | deploy-prod1 | build unit-tests lint e2e-test-dev1? | deploy/
    deploy-prod1 | deploy-prod1 | package-prod1 |
    ");
    insta::assert_snapshot!(pipeline.ci_stages.join(" "), @r"build test deploy-qa1 e2e-test-qa1 deploy-dev1 e2e-test-dev1 deploy-prod1 e2e-test-prod1");
    let tests = pipeline.job("integration-test-dev1").expect("a job");
    insta::assert_debug_snapshot!(tests.variables, @r#"
    {
        "TEST_ENV": "dev1",
        "account_tag": "nonprod",
    }
    "#);
    let templates: Vec<&str> = pipeline
        .jobs
        .iter()
        .filter_map(|job| job.template.as_deref())
        .filter(|name| name.ends_with("_deploy"))
        .collect();
    assert_eq!(templates, [".nonprod_deploy", ".nonprod_deploy", ".prod_deploy"]);
}

#[test]
fn images_need_no_environment() {
    insta::assert_snapshot!(format!("{}\n{}", shown(&pipeline("", "images-dev")), shown(&pipeline("", "images-prod"))), @r"
    build-images-dev | images |  | lambda-ecr-mappings.json image-lock.json
    deploy-images-dev | images | build-images-dev | deploy-report.json
    build-images-prod | images |  | lambda-ecr-mappings.json image-lock.json
    deploy-images-prod | images | build-images-prod | deploy-report.json
    ");
    let settings = settings(RELEASE);
    let names = |settings: &Settings| -> Vec<String> {
        let pipelines = Pipelines::new(settings, "").for_ci().expect("good");
        pipelines.iter().map(|pipeline| pipeline.name.to_string()).collect()
    };
    assert_eq!(names(&settings), ["staging", "staging-on-demand", "production", "s3-config", "rollback"]);
    let named = self::settings(&format!("{RELEASE}[ci]\npipelines = [\"immutable-release\"]\n"));
    assert_eq!(names(&named), ["immutable-release", "dr-sync"], "what its success starts comes with it");
}

#[test]
fn a_ledger_in_a_bucket_is_written_with_keys() {
    let text = format!("{ROWS}\n[ledger]\nstore = \"s3://acme-ledger/app\"\n");
    let staging = pipeline(&text, "staging");
    let promotion = staging.job("promote-to-rc-build-artifacts").expect("a promotion");
    assert!(promotion.needs.iter().any(|need| need.job == "aws-credentials-staging-na"));
    let tickets = staging.job("create-jira-tickets-staging-eu").expect("a job");
    assert!(tickets.needs.iter().any(|need| need.job == "aws-credentials-staging-eu"));
    let per_job = format!("{text}[ci]\ncredentials = \"per-job\"\n");
    let staging = pipeline(&per_job, "staging");
    assert!(staging.jobs.iter().all(|job| !job.runs("aws-credentials")
        && job.needs.iter().all(|need| !need.job.starts_with("aws-credentials"))));
}

#[test]
fn what_is_wrong_with_a_pipeline_is_said_at_once_with_its_place() {
    let text = format!(
        "{ROWS}{}",
        r#"
[pipelines.staging]
environments = ["stg_eu0", "prod_eu00"]
[pipelines.staging.jobs.scan]
stage = "smoke-tests"
at.prod_eu01 = { when = "manual" }
[pipelines.staging.jobs.idle]
ci_stage = "tests"
[pipelines.production]
after = "stagin"
"#
    );
    insta::assert_snapshot!(refusal(&text, "staging"), @r"
    4 problems in landfall.toml
      /pipelines/staging/environments at 55:16: found no environment `stg_eu0`, expected `stg_eu00`, perhaps
      /pipelines/staging/jobs/idle at 59:1: found a job that does nothing, expected `stage` or `commands`
      /pipelines/staging/jobs/scan/stage at 57:9: found no stage `smoke-tests`, expected `smoke-test`, perhaps
      /pipelines/staging/jobs/scan/at/prod_eu01 at 58:16: found no environment `prod_eu01`, expected `prod_eu00`, perhaps
    ");
    insta::assert_snapshot!(refusal(&text, "production"), @r"landfall.toml: /pipelines/production/after at 62:9: found no pipeline `stagin`, expected `staging`, perhaps");
    insta::assert_snapshot!(refusal(&text, "stagin"), @r"landfall.toml: /pipelines/stagin at 54:2: found no pipeline `stagin`, expected `staging`, perhaps");
    insta::assert_snapshot!(refusal("", "staging"), @r"landfall.toml: /pipelines/staging: found no environment for it, expected rows such as [environment.stg_eu00], of a kind that it is for");
}

#[test]
fn jobs_that_cannot_be_together_are_refused() {
    let text = format!(
        "{ROWS}{}",
        r#"
[pipelines.staging.jobs.deploy-lambda]
needs = ["semantic-versioning"]
[pipelines.staging.jobs.build]
needs = ["test"]
[pipelines.staging.jobs.scan]
name = "test"
ci_stage = "tests"
commands = [["", "x"]]
parallel = 2
keeps = ["../x"]
needs = ["biuld"]
[pipelines.staging.jobs.lint]
name = "variables"
ci_stage = "test"
commands = ["true"]
"#
    );
    insta::assert_snapshot!(refusal(&text, "staging"), @r"
    7 problems in landfall.toml
      /pipelines/staging/jobs/scan/needs at 64:9: found no job `biuld`, expected `build`, perhaps
      /pipelines/staging/jobs/lint/name at 66:8: found a job that is called `variables`, expected a name of 1 to 200 of A-Z a-z 0-9 _ . -, beginning with a letter, that GitLab has not for itself
      /pipelines/staging/jobs/scan/ci_stage at 60:12: found no stage `tests` of GitLab, expected `test`, perhaps
      /pipelines/staging/jobs/scan/parallel at 62:12: found a job that cannot be split, expected `retag-push-ecr` or `deploy-lambda`
      /pipelines/staging/jobs/scan at 58:1: found the path `../x`, expected paths inside the job's folder, without `..` and control characters
      /pipelines/staging/jobs/scan/commands at 61:12: found a command without a program, expected a program and its arguments
      /pipelines/staging/jobs/test/name at 54:20: found a second job that is called `test`, expected another name than that of `scan`, as by `{suffix}`
    ");
    let circle = format!(
        "{ROWS}[pipelines.staging.jobs.build]\nneeds = [\"docker-build\"]\n[pipelines.staging.jobs.test]\nci_stage = \"build\"\n"
    );
    insta::assert_snapshot!(refusal(&circle, "staging"), @r"
    2 problems in landfall.toml
      /pipelines/staging/jobs/build/needs at 54:9: found `docker-build` of a later stage, expected jobs of its own stage of GitLab, or of one before
      /pipelines/staging/jobs/semantic-versioning/needs at 53:20: found a circle: semantic-versioning needs build needs docker-build needs semantic-versioning, expected jobs of which none needs itself
    ");
    let files = format!(
        "{ROWS}[pipelines.staging.jobs.deploy-lambda]\nneeds = [\"semantic-versioning\"]\n[pipelines.staging.jobs.x]\ncommands = [\"true\"]\ntakes = [\"nowhere.json\"]\n"
    );
    insta::assert_snapshot!(refusal(&files, "staging"), @r"
    3 problems in landfall.toml
      /pipelines/staging/jobs/deploy-lambda/needs at 54:9: found no job that makes lambda-ecr-mappings.json for deploy-lambda-staging-eu, expected a job that leaves it among `needs`, such as `retag-push-ecr`
      /pipelines/staging/jobs/deploy-lambda/needs at 54:9: found no job that makes lambda-ecr-mappings.json for deploy-lambda-staging-na, expected a job that leaves it among `needs`, such as `retag-push-ecr`
      /pipelines/staging/jobs/x/needs at 55:1: found no job that makes nowhere.json for x, expected a job that leaves it, by its stage or by `keeps`
    ");
    let hostile = "[environment.stg_x]\nkind = \"staging\"\nsuffix = \"$(id) && 'x'\"\n";
    assert!(refusal(hostile, "staging").contains("a job that is called"));
}

/// What the documentation shows can be written so.
#[test]
fn the_example_of_the_documentation_holds() {
    let page = include_str!("../../../docs/pipelines.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let text = format!("{ROWS}{example}");
    let settings = settings(&text);
    let pipelines = Pipelines::new(&settings, &text).for_ci().unwrap_or_else(|errors| panic!("{errors}"));
    let staging = pipelines.iter().find(|pipeline| pipeline.name.as_str() == "staging").expect("staging");
    assert!(staging.job("scan").is_some() && staging.job("sync-config-staging-eu").is_some());
    assert_eq!(
        staging.job("deploy-lambda-staging-na").map(|job| (job.parallel, job.tags.join(" "))),
        Some((Some(4), "us".to_owned()))
    );
    assert!(pipelines.iter().any(|pipeline| pipeline.name.as_str() == "hotfix"));
    for name in Pipelines::new(&settings, &text).names() {
        assert!(
            page.contains(&format!("`{name}`")) || name.as_str() == "hotfix",
            "{name} stands on the page"
        );
    }
}

#[test]
fn who_checks_the_targets_is_told_which_there_are() {
    let production = pipeline(ROWS, "production");
    let check = production.job("validate-targets").expect("a job");
    insta::assert_snapshot!(check.commands().concat().join(" "), @r"landfall targets --known prod_eu00=production,prod_na03=production,stg_eu00=staging,stg_na03=staging");
}

#[test]
fn every_part_of_a_split_deployment_keeps_a_report_that_is_read_by_its_name() {
    let text = format!("{ROWS}[pipelines.staging.jobs.deploy-lambda]\nparallel = 2\n");
    let staging = pipeline(&text, "staging");
    let deploy = staging.job("deploy-lambda-staging-eu").expect("a job");
    assert_eq!(deploy.keeps, ["deploy-report-1.json", "deploy-report-2.json"]);
    insta::assert_snapshot!(deploy.commands_of_part(2).concat().join(" "), @r"landfall stage deploy-lambda --report-is-kept --shard 2/2 --rate-share 1/2 --deploy-report deploy-report-2.json");
    let dashboard = staging.job("update-version-dashboard-staging-eu").expect("a job");
    insta::assert_snapshot!(dashboard.commands().concat().join(" "), @"landfall stage update-version-dashboard");
    assert_eq!(dashboard.keeps, ["dashboard/"]);
}

/// A job of a pipeline of a repo's own, with anything that can be said of it.
fn any_job() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("commands = [\"true\"]".to_owned()),
        "[a-f]".prop_map(|name| format!("needs = [\"{name}\"]")),
        "[a-f]".prop_map(|name| format!(
            "needs = [{{ job = \"{name}\", of = \"before\" }}, {{ job = \"b\", optional = true }}]"
        )),
        Just("each = \"environment\"".to_owned()),
        Just("when = \"manual\"".to_owned()),
        "[ -!#-\\[\\]-~]{0,12}".prop_map(|text| format!("name = \"{text}\"")),
        "(deploy-lambda|aws-credentials|gate|x)".prop_map(|name| format!("stage = \"{name}\"")),
        "[a-z./]{0,8}".prop_map(|text| format!("keeps = [\"{text}\"]")),
        "[a-c]".prop_map(|text| format!("ci_stage = \"{text}\"")),
        Just("parallel = 3".to_owned()),
        Just("at.staging = { leave_out = true }".to_owned()),
    ];
    proptest::collection::vec(line, 1..6).prop_map(|mut lines| {
        // A key that stands twice is refused before anything is looked at.
        lines.sort();
        lines.dedup_by_key(|line| line.split(' ').next().unwrap_or_default().to_owned());
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a repo says is refused with a place, or is a pipeline in which every job stands after what it needs, and which can be
    /// written for both CI systems.
    #[test]
    fn what_is_not_refused_can_be_run(jobs in proptest::collection::btree_map("[a-f]", any_job(), 1..6), per_job in any::<bool>()) {
        let jobs: Vec<String> = jobs.iter().map(|(name, job)| format!("[pipelines.x.jobs.{name}]\n{job}\n")).collect();
        let jobs = jobs.concat();
        let ci = if per_job { "[ci]\ncredentials = \"per-job\"\n" } else { "" };
        let text = format!("{ci}[ledger]\nstore = \"s3://b/p\"\n[environment.s]\nkind = \"staging\"\n[environment.p]\nkind = \"production\"\nafter = [\"s\"]\n[pipelines.x]\nkinds = [\"staging\", \"production\"]\nci_stages = [\"a\", \"b\"]\n{jobs}");
        let Ok(settings) = Settings::parse(text.as_bytes(), "landfall.toml", &[]) else { return Ok(()) };
        let name: PartName = "x".parse().expect("a name");
        match Pipelines::new(&settings, &text).pipeline(&name) {
            Err(errors) => prop_assert!(errors.problems().iter().all(|problem| problem.place.is_some()), "{errors}"),
            Ok(pipeline) => {
                for (place, job) in pipeline.jobs.iter().enumerate() {
                    for need in &job.needs {
                        let needed = pipeline.jobs.iter().position(|other| other.name == need.job);
                        prop_assert!(needed.is_some_and(|needed| pipeline.jobs[needed].name != job.name), "{text}");
                        prop_assert!(needed != Some(place));
                    }
                }
                prop_assert!(gitlab::render(std::slice::from_ref(&pipeline), &settings).is_ok());
                let _ = github::render(&[pipeline], &settings);
            }
        }
    }
}
