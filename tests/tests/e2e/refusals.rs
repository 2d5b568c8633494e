//! What a service or a check refuses: the documented exit code, nothing half-written, and a message that says what to do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_sandbox::images::{ImageIndex, function_image};
use landfall_sandbox::{BUILD_KEY, Service};
use serde_json::json;

use crate::bad_input::refused;
use crate::snapshot::page;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_id() {
    let mut world = World::new().await;
    let wrong = "11111111-2222-3333-4444-555555555555";
    world.set("VAULT_SECRET_ID", wrong);
    world.further_secrets.push(wrong.to_owned());
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r#"
    error[LF-VAULT-LOGIN] exit 3
      Vault refused the login at auth/approle: invalid role or secret ID
      next: check role id and secret id; a secret id ends by time or number of uses: make a new one with vault write -f auth/approle/role/<role>/secret-id; check namespace and mount

    nothing was changed
    exit 3
    "#);
    assert!(world.made().is_empty() && world.sandbox.vault.live_tokens().is_empty());
    assert_eq!(world.sandbox.vault.logins(), 1, "a refused login is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_without_a_stored_secret() {
    let mut world = World::new().await;
    let role_id = world.variables["VAULT_ROLE_ID"].clone();
    world.unset("VAULT_SECRET_ID");
    let wrapping = world.sandbox.vault.wrap_secret_id(&role_id);
    world.further_secrets.push(wrapping.clone());
    world.set("VAULT_WRAPPED_SECRET_ID", &wrapping);
    world.run(&["aws-credentials"]).await.expect(0);
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r#"
    error[LF-VAULT-WRAPPED] exit 3
      the wrapped secret id is gone, possible interception: wrapping token is not valid or does not exist
      next: if no earlier try of this job unwrapped it, and it has not ended by time, somebody else has: destroy the role's secret ids (vault list auth/approle/role/<role>/secret-id), find out who reads this variable, then wrap a new one

    nothing was changed
    exit 3
    "#);
    world.unset("VAULT_WRAPPED_SECRET_ID");

    world.set("LANDFALL_VAULT_LOGIN", "jwt");
    world.set("HCV_LOGIN_PATH", "jwt");
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(2);
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      id-token is missing: with jwt: what the CI signed for Vault, such as one of id_tokens
      next: give it by the variable VAULT_ID_TOKEN

    nothing was changed
    exit 2
    "#);
    let claims = |audience: &str| json!({"iss": "https://gitlab.test", "aud": audience, "sub": "project_path:acme/shop"});
    let id_token = |audience: &str| landfall_sandbox::vault::id_token(&claims(audience));
    world.further_secrets.push(id_token("https://vault.test"));
    world.set("VAULT_AUTH_ROLE", "shop");
    world.set("VAULT_ID_TOKEN", &id_token("https://other.test"));
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r#"
    error[LF-VAULT-ID-TOKEN] exit 3
      Vault refused the id token at auth/jwt: error validating token: invalid audience (aud) claim: audience claim does not match any bound audience
      next: hold the role's bound_issuer, bound_audiences, bound_subject and bound_claims against what the token says: iss https://gitlab.test, aud https://other.test, sub project_path:acme/shop

    nothing was changed
    exit 3
    "#);
    world.set("VAULT_ID_TOKEN", &id_token("https://vault.test"));
    world.run(&["aws-credentials"]).await.expect(0);
    assert!(world.sandbox.vault.live_tokens().is_empty(), "every token was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_vault() {
    let world = World::new().await;
    world.sandbox.vault.configure(|vault| vault.sealed = true);
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(5);
    page!(ran.page(&world), @r#"
    error[LF-VAULT-SEALED] exit 5
      Vault at http://vault.test is sealed or in maintenance: Vault is sealed
      next: have Vault unsealed by its keepers, then run again; the login used nothing up

    nothing was changed
    exit 5
    "#);
    assert!(world.made().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_account() {
    let mut world = World::new().await;
    world.set("AWS_ACCOUNT_ID", "999999999999");
    let ran = world.run(&["aws-credentials", "--quiet"]).await.expect(3);
    page!(ran.page(&world), @r#"
    error[LF-AWS-ACCOUNT] exit 3
      Vault's credentials belong to account 111122223333, not 999999999999
      next: check AWS_ROLE_ARN and VAULT_AWS_PATH, and the role's trust policy; no file was written

    nothing was changed
    exit 3
    "#);
    assert!(world.made().is_empty() && world.sandbox.vault.live_tokens().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_of_this_release() {
    let world = World::new().await;
    world.run(&["generate-versions"]).await.expect(0);
    let ran = refused(&world, &["comment-jira-tickets", "staging"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-JIRA-NO-TICKET] exit 3
      no ticket of release r-c947db84709f in region eu
      next: run create-jira-tickets, or give the ticket by --ticket or JIRA_TICKET

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn jira_with_another_token() {
    let mut world = World::new().await;
    world.run(&["generate-versions"]).await.expect(0);
    world.set("JIRA_TOKEN", "not-the-token-of-this-account");
    world.further_secrets.push("not-the-token-of-this-account".to_owned());
    let ran = refused(&world, &["create-jira-tickets"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-JIRA-AUTH] exit 3
      http://jira.test does not accept the credential (401) to search for label rel-a6bfca89df295996
      next: make a new API token for the account, check JIRA_USER and JIRA_TOKEN, and that http://jira.test is the right site

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_were_not_built() {
    let mut world = World::missing(&["orderService", "stockLevels"]).await;
    world.has_versions();
    world.has_logins();
    world.has_aws_keys();
    let ran = refused(&world, &["retag-push-ecr"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-IMAGE-MISSING] exit 3
      artifactory.test/docker-build/shop/orderService:1.4.2 is not there
      next: run the build job, or build-docker-images, for orderService:1.4.2; then run again

    error[LF-REG-IMAGE-MISSING] exit 3
      artifactory.test/docker-build/shop/stockLevels:5.2.0-rc.1 is not there
      next: run the build job, or build-docker-images, for stockLevels:5.2.0-rc.1; then run again

    nothing was changed
    exit 3
    "#);
    assert!(world.sandbox.ecr_registry.uploaded().is_empty(), "all is checked before the first byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_with_other_content() {
    let world = World::copyable().await;
    let project = world.projects()[0];
    world.sandbox.ecr_registry.put_image("app", &project.tag(), &project.running_image());
    let ran = refused(&world, &["retag-push-ecr"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-TAG-TAKEN] exit 3
      ecr-registry.test/app:OrderServiceFunction-1.4.2 exists with other content: [digest] is there, [digest] was to be
      next: release a new version; with --overwrite the tag is moved and what it named before loses its name

    nothing was changed
    exit 3
    "#);
    assert_eq!(world.ecr_tags()[&project.tag()], project.running_image().digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_lambda_cannot_run() {
    let world = World::copyable().await;
    let arm = function_image("orderService", "1.4.2", "arm64", 100);
    let attested =
        ImageIndex::new(vec![arm.clone(), function_image("paymentGateway", "2.0.0", "arm64", 100)], true);
    let artifactory = &world.sandbox.artifactory;
    artifactory.put_image(&world.sandbox.source_repository(BUILD_KEY, "orderService"), "1.4.2", &arm);
    artifactory.put_index(&world.sandbox.source_repository(BUILD_KEY, "paymentGateway"), "2.0.0", &attested);
    let ran = refused(&world, &["retag-push-ecr", "--platform", "linux/amd64"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-LAMBDA] exit 3
      AWS Lambda cannot run artifactory.test/docker-build/shop/orderService@[digest]: it is made for the architecture `arm64`, and the functions run linux/amd64
      AWS Lambda cannot run artifactory.test/docker-build/shop/paymentGateway@[digest]: the index has no image for linux/amd64, only for linux/arm64
      next: build it with --platform linux/amd64, or set the platform that the functions run

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_two_platforms() {
    let world = World::copyable().await;
    let arm = function_image("orderService", "1.4.2", "arm64", 100);
    let artifactory = &world.sandbox.artifactory;
    artifactory.put_image(&world.sandbox.source_repository(BUILD_KEY, "orderService"), "1.4.2", &arm);
    let ran = refused(&world, &["retag-push-ecr"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-RETAG-PLATFORMS] exit 2
      the images are for two platforms: 1 for linux/amd64 (artifactory.test/docker-build/shop/paymentGateway:2.0.0) and 1 for linux/arm64 (artifactory.test/docker-build/shop/orderService:1.4.2)
      next: copy the functions of one platform at a time, each with its own versions.json

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_the_registry_does_not_accept() {
    let mut world = World::small().await;
    world.has_versions();
    world.has_aws_keys();
    let host = world.sandbox.host(Service::Artifactory);
    let logins =
        serde_json::json!({"auths": {host: {"auth": STANDARD.encode("svc-landfall:not-the-password")}}});
    world.set("DOCKER_AUTH_CONFIG", &logins.to_string());
    world.further_secrets.push("not-the-password".to_owned());
    world.run(&["prepare-docker-config"]).await.expect(0);
    let ran = refused(&world, &["retag-push-ecr"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-AUTH] exit 3
      artifactory.test does not accept the login of `svc-landfall` to GET manifest artifactory.test/docker-build/shop/orderService:1.4.2
      artifactory.test does not accept the login of `svc-landfall` to GET manifest artifactory.test/docker-build/shop/paymentGateway:2.0.0
      next: renew the password or token of `svc-landfall` for artifactory.test where it comes from, which prepare-docker-config --explain shows (for ECR: run prepare-docker-config again)

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_have_expired() {
    let world = World::small().await;
    world.has_images_and_plan();
    world.run(&["aws-credentials"]).await.expect(0);
    world.sandbox.issued.expire_all();
    let ran = refused(&world, &["deploy-lambda"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-AWS-EXPIRED] exit 3
      sts GetCallerIdentity: the AWS keys have expired and could not be renewed (403 ExpiredToken): The security token included in the request is expired
      caused by: there are no newer AWS keys
      next: run aws-credentials again, then this stage

    nothing was changed
    exit 3
    "#);
    // The file says it, too: then nobody is asked.
    let text = world.read("aws_auth.env");
    let (keys, _) = text.split_once("AWS_CREDENTIAL_EXPIRATION=").expect("the fourth line");
    world.write("aws_auth.env", &format!("{keys}AWS_CREDENTIAL_EXPIRATION=2025-01-01T00:00:00Z\n"));
    let asked = world.sandbox.journal().count();
    let ran = refused(&world, &["deploy-lambda"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-AWS-EXPIRED] exit 3
      the AWS credentials are over
      next: run aws-credentials again, then this stage

    nothing was changed
    exit 3
    "#);
    assert_eq!(world.sandbox.journal().count(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_are_not_there_or_of_another_kind() {
    let mut world = World::new().await;
    world.has_versions();
    world.has_aws_keys();
    world.write("functions/order-service/.deployment", "NoSuchFunction\n");
    world.sandbox.lambda.create_zip_function("PaymentGatewayFunction", "x86_64");
    let old = format!("{}/app:StockLevelsFunction-5.1.7", world.sandbox.host(Service::EcrRegistry));
    world.sandbox.lambda.create_function("StockLevelsFunction", "arm64", &old);
    world.has_logins();
    world.run(&["retag-push-ecr"]).await.expect(0);
    let running = world.running();
    let ran = refused(&world, &["deploy-lambda"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-LAMBDA-MISSING] exit 3
      function NoSuchFunction does not exist in eu-west-1
      next: check the name in .deployment, AWS_REGION (eu-west-1) and the account; a new function is made by whoever keeps the infrastructure

    error[LF-LAMBDA-PACKAGE] exit 3
      function PaymentGatewayFunction is made from an archive and cannot run an image
      next: a function's package type cannot change: make a new function for an image, or deploy what this one can run

    error[LF-LAMBDA-ARCHITECTURE] exit 3
      function StockLevelsFunction runs on arm64 and the image is for x86_64
      next: build the image for the function's architecture, or set the function to x86_64

    nothing was changed
    exit 3
    "#);
    assert_eq!(world.running(), running, "nothing is deployed while anything stands in the way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_nobody_made() {
    let mut world = World::copyable().await;
    let registry = format!("{}/other", world.sandbox.host(Service::EcrRegistry));
    world.set("ECR_REGISTRY_URI", &registry);
    let ran = refused(&world, &["retag-push-ecr"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-REG-REPOSITORY-MISSING] exit 3
      the repository ecr-registry.test/other does not exist
      next: create ecr-registry.test/other, or correct its name

    nothing was changed
    exit 3
    "#);
}
