//! Functions and what they are to run.

use std::time::Duration;

use landfall_sandbox::{Fault, Service, What};

use super::Clinic;
use crate::world::World;

const STAGE: &[&str] = &["deploy-lambda"];

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_images_that_do_not_fit() {
    let mut clinic = Clinic::of(World::deployable().await);
    clinic.is_well(STAGE).await;
    clinic.with_file("lambda-ecr-mappings.json", None, STAGE, "plan: mapping-missing").await;
    clinic.with_file("lambda-ecr-mappings.json", Some("[]"), STAGE, "plan: mapping-invalid").await;
    clinic.with(&[("AWS_SECRET_ACCESS_KEY", None)], STAGE, "keys: aws-keys-missing").await;

    let (project, host) = (clinic.world.projects()[0], clinic.world.sandbox.host(Service::EcrRegistry));
    let address = format!("{host}/app:{}-{}", project.lambda, project.running);
    let lambda = |clinic: &Clinic| std::sync::Arc::clone(&clinic.world.sandbox.lambda);
    lambda(&clinic).delete_function(project.lambda);
    clinic.has(STAGE, "functions: function-missing").await;
    lambda(&clinic).create_zip_function(project.lambda, "x86_64");
    clinic.has(STAGE, "fit: package-type-differs").await;
    lambda(&clinic).create_function(project.lambda, "arm64", &address);
    clinic.has(STAGE, "fit: architecture-differs").await;
    lambda(&clinic).create_function(project.lambda, "x86_64", &address);
    clinic.is_well(STAGE).await;

    let registry = std::sync::Arc::clone(&clinic.world.sandbox.ecr_registry);
    registry.remove_tag("app", &project.tag());
    clinic.has(STAGE, "images: image-not-in-ecr").await;
    registry.put_image("app", &project.tag(), &project.running_image());
    clinic.has(STAGE, "images: image-differs-in-ecr").await;
    registry.remove_tag("app", &project.tag());
    registry.put_image("app", &project.tag(), &project.image());

    clinic.world.sandbox.issued.deny_all("lambda:GetFunction");
    clinic.has(STAGE, "functions: lambda-denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_goes_on_and_an_environment_that_is_held() {
    let clinic = Clinic::of(World::deployable().await);
    clinic.world.sandbox.lambda.settle_after("OrderServiceFunction", Duration::from_secs(3600));
    let running = ["deploy-lambda", "--settle-timeout", "1s", "--on-failure", "stop", "--quiet"];
    clinic.world.run(&running).await.expect(8);
    clinic.has(STAGE, "settled: function-stuck").await;

    let clinic = Clinic::of(World::deployable().await);
    let slow = Fault::new(What::DelayAnswer(Duration::from_secs(8))).on(Service::Lambda);
    clinic.world.sandbox.faults().add(slow);
    let mut first = clinic.world.start(&["deploy-lambda"], None).await;
    first.until(|entry| entry.service == Service::Lambda).await;
    let ran = clinic.world.run(&["doctor", "deploy-lambda", "--offline"]).await.expect(3);
    assert!(ran.stdout.contains("environment-held: another run holds the environment"), "{}", ran.stdout);
    first.end().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_that_may_not_come() {
    const APPROVAL: &str =
        "[approvers]\nqa-lead = [\"ada\"]\n[environment.stg_eu00]\napprovals = [\"qa-lead\"]\n";
    const FREEZE: &str =
        "[environment.stg_eu00]\nfreeze = [{ from = 2020-01-01T00:00:00Z, until = 2099-01-02T00:00:00Z }]\n";
    let mut world = World::deployable().await;
    world.set("LANDFALL_RELEASE", "v1.4.0");
    let mut clinic = Clinic::of(world);
    clinic.with_file("landfall.toml", Some(APPROVAL), STAGE, "approvals: approval-missing").await;
    clinic.with_file("landfall.toml", Some(FREEZE), STAGE, "approvals: environment-frozen").await;
    clinic
        .with_file("landfall.toml", Some("[environment.prod_eu00]\n"), STAGE, "settings: environment-unknown")
        .await;
}
