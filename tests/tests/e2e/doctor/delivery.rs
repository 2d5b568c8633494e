//! Images on their way to ECR, promotions, configuration.

use landfall_sandbox::{BUILD_KEY, RC_KEY, Service};

use super::Clinic;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn images_on_their_way() {
    const STAGE: &[&str] = &["retag-push-ecr"];
    let mut clinic = Clinic::of(World::copyable().await);
    clinic.is_well(STAGE).await;
    clinic.with_file("versions.json", None, STAGE, "versions: versions-missing").await;
    clinic.with_file("versions.json", Some("{\"a\": 1}"), STAGE, "versions: versions-invalid").await;
    let name = "functions/order-service/.deployment";
    clinic.with_file(name, None, STAGE, "deployment-files: deployment-file-missing").await;
    clinic.with_file(name, Some("no name"), STAGE, "deployment-files: deployment-file-invalid").await;
    clinic.with(&[("BUILD_ARTIFACTORY_URL", None)], STAGE, "places: setting-missing").await;
    let other = format!("{}/other", clinic.world.sandbox.host(Service::EcrRegistry));
    clinic.with(&[("ECR_REGISTRY_URI", Some(&other))], STAGE, "repository: ecr-repository-missing").await;
    let arm = ["retag-push-ecr", "--", "--platform", "linux/arm64"];
    clinic.has(&arm, "images: image-unfit").await;

    let project = clinic.world.projects()[0];
    clinic.world.sandbox.ecr_registry.put_image("app", &project.tag(), &project.running_image());
    clinic.has(STAGE, "tags: tag-taken").await;
    clinic.world.sandbox.ecr_registry.remove_tag("app", &project.tag());
    let repository = clinic.world.sandbox.source_repository(BUILD_KEY, project.project);
    clinic.world.sandbox.artifactory.remove_tag(&repository, project.version);
    clinic.has(STAGE, "images: image-not-built").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promotions() {
    const STAGE: &[&str] = &["promote-artifacts", "--", "--preset", "to-rc"];
    let mut clinic = Clinic::of(World::with_versions().await);
    clinic.is_well(STAGE).await;
    clinic.with(&[("ARTIFACTORY_PASS", None)], STAGE, "password: promotion-login-missing").await;
    clinic.with(&[("ARTIFACTORY_RC_BUCKET", None)], STAGE, "password: setting-missing").await;
    clinic.world.further_secrets.push("not-the-password".to_owned());
    let wrong = [("ARTIFACTORY_PASS", Some("not-the-password"))];
    clinic.with(&wrong, STAGE, "login: registry-login-refused").await;
    clinic.world.sandbox.artifactory.create_virtual_key("docker-candidates", &[RC_KEY], Some(RC_KEY));
    let key = [("ARTIFACTORY_RC_BUCKET", Some("docker-candidates"))];
    clinic.with(&key, STAGE, "repositories: promotion-keys-wrong").await;

    let project = clinic.world.projects()[0];
    let at = |key: &str| clinic.world.sandbox.source_repository(key, project.project);
    let (build, candidates) = (at(BUILD_KEY), at(RC_KEY));
    let artifactory = &clinic.world.sandbox.artifactory;
    artifactory.put_image(&candidates, project.version, &project.running_image());
    clinic.has(STAGE, "target: tag-taken").await;
    clinic.world.sandbox.artifactory.remove_tag(&candidates, project.version);
    clinic.world.sandbox.artifactory.remove_tag(&build, project.version);
    clinic.has(STAGE, "source: promotion-source-missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_to_a_bucket() {
    const STAGE: &[&str] = &["s3-sync"];
    let mut world = World::small().await;
    world.has_configuration();
    let mut clinic = Clinic::of(world);
    clinic.is_well(STAGE).await;
    clinic.has(&["s3-sync", "--", "--delete", "--max-delete", "0"], "deletes: too-many-deletes").await;
    clinic.has(&["s3-sync", "--", "nowhere"], "folder: merged-files-empty").await;
    clinic.with(&[("NATIVE_BUCKET", Some("no-such-bucket"))], STAGE, "bucket: bucket-unknown").await;
    clinic.world.sandbox.s3.create_bucket("other-native-config");
    clinic.has(STAGE, "bucket: bucket-unknown").await;
    clinic.world.set("NATIVE_BUCKET", "app-native-config-stg");
    clinic.world.sandbox.issued.deny_all("s3:ListObjectsV2");
    clinic.world.sandbox.issued.deny_all("s3:ListBucket");
    clinic.has(STAGE, "permissions: bucket-denied").await;
}
