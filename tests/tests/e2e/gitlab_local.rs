//! Rendered CI files, run for real by `gitlab-ci-local`: what it makes of rules, needs, artifacts and scripts is what GitLab makes of them, and what
//! counts is what the sandboxes look like at the end.

mod old_repo;
mod runner;
mod scene;

use landfall_sandbox::{BUILD_KEY, Fault, RC_KEY, RELEASE_KEY, Service, What};

use crate::real;
use crate::recorded;
use runner::{End, Start};
use scene::Scene;

/// Something that a pipeline is to be started for.
fn change(scene: &Scene) {
    scene.world.write("functions/order-service/src/index.js", "exports.handler = async () => 2;\n");
    scene.commit("fix: orders");
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_then_production_in_one_region_and_in_both() {
    if !real::are_here() {
        return;
    }
    let scene = Scene::of(&["stg_eu00", "stg_na03", "prod_eu00", "prod_na03"]).await;
    scene.render();
    change(&scene);
    let played = scene.play(&Start::push()).await;
    played.all_passed();
    assert_eq!(played.jobs.len(), 23, "{:?}", played.jobs);
    for environment in ["stg_eu00", "stg_na03"] {
        assert_eq!(scene.running(environment), scene.released(), "{environment}");
    }
    for environment in ["prod_eu00", "prod_na03"] {
        assert_eq!(scene.running(environment), scene.before(), "{environment}");
    }
    assert_eq!(scene.tickets(), ["Pre-Prod Testing", "Pre-Prod Testing"]);
    assert_eq!(scene.promoted(RC_KEY), ["orderService", "paymentGateway"]);
    assert!(scene.promoted(RELEASE_KEY).is_empty());

    // Builds are cleaned up by and by; production takes what was promoted.
    for project in scene.world.projects() {
        let repository = scene.world.sandbox.source_repository(BUILD_KEY, project.project);
        scene.world.sandbox.artifactory.remove_tag(&repository, project.version);
    }
    let versions = played.artifact("semantic-versioning", "versions.json");
    scene.world.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    let played = scene.play(&Start::web("prod_eu00", &versions)).await;
    played.all_passed();
    assert!(played.ran("promote-to-release-artifacts") && !played.ran("deploy-lambda-prod-na"));
    assert_eq!(scene.running("prod_eu00"), scene.released());
    assert_eq!(scene.running("prod_na03"), scene.before(), "nobody named it");
    assert_eq!(scene.tickets(), ["Closed", "Pre-Prod Testing"]);
    assert_eq!(scene.promoted(RELEASE_KEY), ["orderService", "paymentGateway"]);

    let played = scene.play(&Start::web("prod_eu00, prod_na03", &versions)).await;
    played.all_passed();
    assert!(played.ran("deploy-lambda-prod-eu") && played.ran("deploy-lambda-prod-na"));
    assert_eq!(scene.running("prod_na03"), scene.released());
    assert_eq!(scene.tickets(), ["Closed", "Closed"]);
    recorded::verified(scene.world.home.path().join("ledger"));

    let played = scene.play(&Start::web("prod_eu00 stg_eu00", &versions)).await;
    assert_eq!(played.names(End::Failed), ["validate-targets"]);
    assert_eq!(played.jobs.len(), 1, "staging mixed with production runs nothing else: {:?}", played.jobs);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_failed_job_is_skipped_and_the_other_region_goes_on() {
    if !real::are_here() {
        return;
    }
    let scene = Scene::of(&["stg_eu00", "stg_na03"]).await;
    scene.render();
    change(&scene);
    scene.sandbox("stg_na03").lambda.delete_function("OrderServiceFunction");
    let played = scene.play(&Start::push()).await;
    assert_eq!(played.names(End::Failed), ["deploy-lambda-staging-na"], "{}", played.told);
    let skipped = [
        "create-jira-tickets-staging-na",
        "update-version-dashboard-staging-na",
        "transition-deploy-pp-staging-na",
        "update-jira-instructions-staging-na",
        "transition-pp-testing-staging-na",
        "promote-to-rc-build-artifacts",
    ];
    for job in skipped {
        assert!(!played.ran(job), "{job} ran");
    }
    assert_eq!(played.jobs.len(), 23 - skipped.len(), "{:?}", played.jobs);
    assert_eq!(scene.running("stg_eu00"), scene.released());
    assert_eq!(scene.tickets(), ["Pre-Prod Testing"]);
    assert!(scene.promoted(RC_KEY).is_empty(), "not before all regions are done");
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_may_fail_and_the_release_goes_on() {
    if !real::are_here() {
        return;
    }
    let scene = Scene::of(&["stg_eu00"]).await;
    scene.render();
    change(&scene);
    scene.world.sandbox.faults().add(Fault::new(What::status(403)).on(Service::Jira).every());
    let played = scene.play(&Start::push()).await;
    assert_eq!(played.names(End::Failed), [""; 0], "{}", played.told);
    assert_eq!(
        played.names(End::Warned),
        [
            "create-jira-tickets-staging-eu",
            "transition-deploy-pp-staging-eu",
            "transition-pp-testing-staging-eu",
            "update-jira-instructions-staging-eu",
        ]
    );
    assert_eq!(scene.running("stg_eu00"), scene.released());
    assert_eq!(scene.promoted(RC_KEY), ["orderService", "paymentGateway"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_goes_to_staging_and_to_production_by_one_click() {
    if !real::are_here() {
        return;
    }
    let scene = Scene::of(&["stg_eu00", "prod_eu00"]).await;
    let settings = scene.world.read("landfall.toml")
        + "\n[environment.stg_eu00.sync]\nbucket = \"app-native-config-stg\"\nprefix = \"web\"\n\n[environment.prod_eu00.sync]\nbucket = \"app-native-config-prod\"\nprefix = \"web\"\n";
    scene.world.write("landfall.toml", &settings);
    scene.sandbox("stg_eu00").s3.create_bucket("app-native-config-stg");
    scene.sandbox("prod_eu00").s3.create_bucket("app-native-config-prod");
    scene.render();
    scene.world.write("configs/lobby/1.0.0/base.json", "{ \"rooms\": 3 }\n");
    scene.commit("feat: rooms");
    let start = Start { only: vec!["aws_s3_ls_stg", "sync-with-s3-stg"], ..Start::push() };
    let played = scene.play(&start).await;
    played.all_passed();
    assert_eq!(played.names(End::Passed), ["aws_hcv_auth_stg", "aws_s3_ls_stg", "sync-with-s3-stg"]);
    let staging = scene.sandbox("stg_eu00").s3.keys("app-native-config-stg");
    assert!(!staging.is_empty(), "{}", played.told);
    assert!(scene.sandbox("prod_eu00").s3.keys("app-native-config-prod").is_empty());

    let start = Start { manual: vec!["aws_hcv_auth_prod"], ..Start::push() };
    let played = scene.play(&start).await;
    played.all_passed();
    assert!(played.ran("sync-with-s3-prod"), "{:?}", played.jobs);
    assert!(!played.ran("deploy-lambda-staging-eu"), "configuration is no function");
    assert_eq!(scene.sandbox("prod_eu00").s3.keys("app-native-config-prod"), staging);
}
