//! Every definition on the sandbox, from start to end, as `landfall run` has it. Jobs that a repo fills in are given simple commands.

use std::collections::BTreeSet;

use landfall_artifacts::{RunJobState, RunReport, RunState};
use landfall_sandbox::{RC_KEY, RELEASE_BUCKET, RELEASE_KEY, Service};

use crate::harness::Ran;
use crate::image_flow;
use crate::world::World;

/// Jobs that a repo fills in.
const FILLED_IN: &str = r#"
[pipelines.staging.jobs.build]
commands = [["true"]]
[pipelines.staging.jobs.test]
commands = [["true"]]
[pipelines.staging.jobs.semantic-versioning]
stage = "generate-versions"
[pipelines.staging.jobs.docker-build]
commands = [["true"]]
"#;

impl World {
    /// A small world whose repo is in git, with further settings.
    async fn to_run(settings: &str) -> Self {
        let mut world = Self::in_git().await;
        // Jobs are told by the pipeline which environment they are for.
        world.unset("CI_ENVIRONMENT_NAME");
        let settings = world.read("landfall.toml") + FILLED_IN + settings;
        world.write("landfall.toml", &settings);
        world.write(".gitignore", "aws_auth.env\n.landfall/\n");
        world.commit_all();
        world
    }

    fn commit_all(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message=chore: settings"]);
        self.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    }

    fn run_report(&self) -> RunReport {
        let path = format!("{}/{}/{}", RunReport::RUNS, RunReport::LATEST, RunReport::FILE);
        RunReport::read(&self.path(&path)).expect("a report of the run")
    }

    /// Runs a pipeline whose jobs must all go well; their names.
    async fn passes(&self, words: &[&str]) -> BTreeSet<String> {
        let ran = self.run(words).await;
        let report = self.run_report();
        assert_eq!((ran.code, report.state), (Some(0), RunState::Passed), "{}", told(&ran, self));
        assert!(!self.keeps_keys(), "keys are left");
        let done = report.jobs.into_iter().filter(|job| job.state == RunJobState::Passed);
        done.map(|job| job.name).collect()
    }

    /// Whether a job's keys are still there.
    fn keeps_keys(&self) -> bool {
        let of_runs = |name: &String| name.starts_with(RunReport::RUNS);
        let has_keys = |name: String| name.ends_with("aws_auth.env") || name.ends_with("docker-config.json");
        self.files().into_keys().filter(of_runs).any(has_keys)
    }

    /// A file that a job of the newest run kept.
    fn kept(&self, job: &str, name: &str) -> String {
        self.read(&format!("{}/{}/jobs/{job}/kept/{name}", RunReport::RUNS, RunReport::LATEST))
    }

    fn runs_new_images(&self) -> bool {
        let running = |name: &str| self.sandbox.lambda.running_digest(name);
        self.projects().iter().all(|project| running(project.lambda) == Some(project.image().digest()))
    }
}

/// What a person would look at.
fn told(ran: &Ran, world: &World) -> String {
    let jobs = world.run_report().jobs;
    let failed = jobs.iter().filter(|job| job.state == RunJobState::Failed);
    let logs = failed.flat_map(|job| &job.parts).map(|part| {
        let path = format!("{}/{}/{}", RunReport::RUNS, RunReport::LATEST, part.log);
        // One that did not come to begin has none.
        let log = std::fs::read_to_string(world.path(&path)).unwrap_or_default();
        format!("--- {}\n{log}", part.log)
    });
    format!("{}\n{}\n{}", ran.stdout, ran.stderr, logs.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_then_production_and_back_again() {
    let mut world = World::to_run("").await;
    let before = world.running();
    let jobs = world.passes(&["run", "staging"]).await;
    assert!(
        jobs.contains("deploy-lambda-stg-eu00") && jobs.contains("promote-to-rc-build-artifacts"),
        "{jobs:?}"
    );
    assert!(world.runs_new_images());
    assert_eq!(world.artifactory(RC_KEY).values().filter(|digest| !digest.is_empty()).count(), 2);
    assert_eq!(world.sandbox.jira.issues().len(), 1);
    // The same again changes nothing outside.
    let writes = world.sandbox.lambda.calls("UpdateFunctionCode");
    world.passes(&["run", "staging"]).await;
    assert_eq!(world.sandbox.lambda.calls("UpdateFunctionCode"), writes);

    // Production takes the versions that staging left, as text.
    let versions = world.kept("semantic-versioning", "versions.json");
    world.set("TARGET_VERSIONS_JSON", &versions);
    let jobs = world.passes(&["run", "production", "--env", "prod_eu00"]).await;
    assert!(jobs.contains("promote-to-release-artifacts"), "{jobs:?}");
    assert_eq!(world.artifactory(RELEASE_KEY).values().filter(|digest| !digest.is_empty()).count(), 2);

    // On demand to staging: everything is there already.
    world.set("TARGET_DEPLOY_ENVIRONMENTS", "stg_eu00");
    world.passes(&["run", "staging-on-demand"]).await;
    world.unset("TARGET_DEPLOY_ENVIRONMENTS");

    let jobs = world.passes(&["rollback", "stg_eu00"]).await;
    assert!(jobs.contains("rollback-stg-eu00") && !jobs.contains("rollback-prod-eu00"), "{jobs:?}");
    let now = world.running();
    assert!(world.projects().iter().all(|project| now.get(project.lambda) == before.get(project.lambda)));
    let events = world.run(&["ledger", "history", "--output", "json"]).await.expect(0);
    assert!(events.stdout.contains("rollback"), "{}", events.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_in_two_regions_promotes_when_both_are_done() {
    let rows =
        "[environment.prod_na03]\nkind = \"production\"\nregion_key = \"na\"\nafter = [\"stg_eu00\"]\n";
    let mut world = World::to_run(rows).await;
    world.passes(&["run", "staging"]).await;
    let versions = world.kept("semantic-versioning", "versions.json");
    world.set("TARGET_VERSIONS_JSON", &versions);
    let none = world.run(&["run", "production"]).await;
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    assert!(none.stderr.contains("LF-TARGET-NONE") && none.stderr.contains("prod_na03"), "{}", none.stderr);
    let ran = world.run(&["run", "production", "--env", "prod_eu00", "--env", "prod_na03"]).await;
    let report = world.run_report();
    // Staging had no ticket of the second region: its jobs fail, which they may.
    assert_eq!((ran.code, report.state), (Some(0), RunState::Warned), "{}", told(&ran, &world));
    for job in ["deploy-lambda-prod-eu00", "deploy-lambda-prod-na03", "promote-to-release-artifacts"] {
        assert_eq!(report.job(job).map(|job| job.state), Some(RunJobState::Passed), "{job}");
    }
    let ended = |name: &str| report.job(name).expect("the job").started_at.expect("it began");
    let promotion = ended("promote-to-release-artifacts");
    assert!(["eu", "na"].iter().all(|region| ended(&format!("comment-production-{region}")) <= promotion));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_stage_is_told_with_its_cause_and_the_run_goes_on_when_it_is_mended() {
    let world = World::to_run("").await;
    let project = world.projects()[0];
    world.sandbox.lambda.fail_next(project.lambda, "InvalidZipFileException", "it is damaged");
    let ran = world.run(&["run", "staging"]).await;
    let report = world.run_report();
    assert_eq!((ran.code, report.state), (Some(6), RunState::Failed), "{}", told(&ran, &world));
    let job = report.job("deploy-lambda-stg-eu00").expect("the job");
    assert!(job.problems.iter().any(|problem| problem.code == "LF-LAMBDA-FAILED"), "{:?}", job.problems);
    assert!(ran.stdout.contains("LF-LAMBDA-FAILED") && ran.stdout.contains("--resume"), "{}", ran.stdout);
    assert!(!world.keeps_keys());
    let logins = world.sandbox.vault.live_tokens().len();
    let jobs = world.passes(&["run", "staging", "--resume", "latest"]).await;
    assert!(jobs.contains("aws-credentials-stg-eu00"), "keys are made again: {jobs:?}");
    assert!(!jobs.contains("semantic-versioning"), "{jobs:?}");
    assert_eq!(world.sandbox.vault.live_tokens().len(), logins);
    assert!(world.runs_new_images());
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_goes_to_staging_by_itself_and_to_production_when_asked() {
    let buckets = ["stg", "prod"].map(|kind| format!("app-native-config-{kind}"));
    let rows = ["stg", "prod"].map(|kind| {
        format!("[environment.{kind}_eu00.sync]\nbucket = \"app-native-config-{kind}\"\nprefix = \"web\"\n")
    });
    let world = World::to_run(&rows.concat()).await;
    for bucket in &buckets {
        world.sandbox.s3.create_bucket(bucket);
    }
    let published = || buckets.each_ref().map(|bucket| world.sandbox.s3.keys(bucket));
    world.write("configs/default/features.json", "{ \"a\": 1 }\n");
    world.commit_all();
    let ran = world.run(&["run", "s3-config"]).await;
    let report = world.run_report();
    assert_eq!((ran.code, report.state), (Some(0), RunState::Waiting), "{}", told(&ran, &world));
    assert_eq!(report.job("sync-with-s3-stg").expect("the job").state, RunJobState::Passed);
    assert_eq!(report.job("aws_hcv_auth_prod").expect("the job").state, RunJobState::Waiting);
    let [staging, production] = published();
    assert!(!staging.is_empty() && production.is_empty(), "{staging:?} {production:?}");
    // One click, and production follows by itself.
    let words = ["run", "s3-config", "--resume", "latest", "--manual", "aws_hcv_auth_prod"];
    let jobs = world.passes(&words).await;
    assert!(jobs.contains("sync-with-s3-prod") && !jobs.contains("sync-with-s3-stg"), "{jobs:?}");
    assert_eq!(published(), [staging.clone(), staging]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_release_goes_from_dev_to_disaster_recovery() {
    let mut world = World::to_run("").await;
    world.set("LANDFALL_RELEASE_BUCKET", RELEASE_BUCKET);
    let settings = format!(
        "functions = \"functions\"\n[releases]\nbucket = \"{RELEASE_BUCKET}\"\n[environment.dev]\n[environment.qa]\nafter = [\"dev\"]\n\
         [environment.prod]\nkind = \"production\"\nafter = [\"qa\"]\n[environment.dr]\nafter = [\"prod\"]\n\
         [pipelines.immutable-release.jobs.build-archives]\ncommands = [\"for f in functions/*; do mkdir -p $f/dist; echo built > $f/dist/index.js; done\"]\n\
         keeps = [\"functions/\"]\n"
    );
    let smoke = "[[smoke]]\nname = \"up\"\ncommand = \"true\"\nread_only = true\n";
    world.write("landfall.toml", &(settings + smoke));
    world.commit_all();
    for project in world.projects() {
        world.sandbox.lambda.create_zip_function(project.lambda, "x86_64");
    }
    let ran = world.run(&["run", "immutable-release"]).await;
    let report = world.run_report();
    assert_eq!(ran.code, Some(0), "{}", told(&ran, &world));
    assert_eq!(report.pipeline.as_str(), "dr-sync", "started by the success of the first");
    assert_eq!(report.state, RunState::Passed, "{}", told(&ran, &world));
}

#[tokio::test(flavor = "multi_thread")]
async fn infrastructure_is_deployed_environment_after_environment() {
    let world = World::to_run(
        r#"
[pipelines.infrastructure.jobs]
build.commands = ["mkdir dist; echo built > dist/app"]
build.keeps = ["dist/"]
unit-tests.commands = [["true"]]
lint.commands = [["true"]]
package.commands = ["mkdir deploy; cp dist/app deploy/{environment}"]
package.keeps = ["deploy/"]
deploy.commands = ["test -s deploy/{environment}; echo SERVICE_URL=https://{environment}.example.com > infrastructure.env"]
integration-test.commands = ["test \"$SERVICE_URL\" = https://{environment}.example.com"]
e2e-test.commands = ["test \"$TEST_ENV\" = {environment}"]
"#,
    )
    .await;
    let ran = world.run(&["run", "infrastructure", "--manual", "deploy-prod_eu00"]).await;
    let report = world.run_report();
    assert_eq!((ran.code, report.state), (Some(0), RunState::Passed), "{}", told(&ran, &world));
    let began = |name: &str| report.job(name).expect("the job").started_at.expect("it began");
    assert!(began("e2e-test-stg_eu00") <= began("package-prod_eu00"));
    assert!(world.sandbox.journal().of(Service::Lambda).is_empty(), "no stage took part");
}

#[tokio::test(flavor = "multi_thread")]
async fn images_by_script_are_found_and_deployed() {
    let mut world = image_flow::world().await;
    image_flow::has_docker(&mut world);
    world.has_aws_keys();
    world.unset("ECR_REGISTRY_URI");
    world.set("RELEASE_VERSION", "v1.7.0");
    let host = image_flow::host(&world);
    let arguments = format!("arguments = [\"--registry\", \"{host}\"]\n");
    let settings = ["dev", "prod"]
        .map(|kind| format!("[pipelines.images-{kind}.jobs.build-images-{kind}]\n{arguments}"));
    let settings = world.read("landfall.toml") + "\n" + &settings.concat();
    world.write("landfall.toml", &settings);
    world.git(&["commit", "--quiet", "--all", "--message=chore: pipelines"]);
    let head = world.git(&["rev-parse", "HEAD"]);
    // What is in the registry already is not built again; the program that plays docker builds nothing.
    image_flow::is_pushed(&world, "dev/order-service", &head);
    for image in ["order-service", "payment-gateway", "proxy"] {
        image_flow::is_pushed(&world, &format!("prod/{image}"), "v1.7.0");
    }
    for kind in ["dev", "prod"] {
        let jobs = world.passes(&["run", &format!("images-{kind}")]).await;
        assert_eq!(jobs.len(), 2, "{jobs:?}");
        let lock: serde_json::Value =
            serde_json::from_str(&world.kept(&format!("build-images-{kind}"), "image-lock.json"))
                .expect("JSON");
        let digest = lock["images"][0]["digest"].as_str().expect("a digest");
        assert_eq!(world.running()["OrderServiceFunction"], digest, "{kind}");
    }
}
