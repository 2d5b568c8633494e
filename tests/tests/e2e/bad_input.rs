//! Bad input: the documented exit code, nothing half-written, and a message that says what to do.

use std::collections::BTreeSet;

use crate::harness::Ran;
use crate::recorded;
use crate::snapshot::page;
use crate::world::World;

/// Runs a stage that must refuse: with this code, and nothing changed anywhere, be it a file or a service.
pub(crate) async fn refused(world: &World, words: &[&str], code: i32) -> Ran {
    let (files, writes) = (world.files(), world.writes().len());
    let told = recorded::events(world.path(".landfall/ledger")).len();
    let words: Vec<&str> = words.iter().copied().chain(["--quiet"]).collect();
    let ran = world.run(&words).await.expect(code);
    let mut changed = world.changed_since(&files);
    // That an environment was taken and given back stands in the ledger; nothing else may.
    changed.retain(|name| !name.starts_with(".landfall/ledger/"));
    assert_eq!(changed, BTreeSet::new(), "`{}` left files", ran.words);
    assert_eq!(
        recorded::events(world.path(".landfall/ledger")).len(),
        told,
        "`{}` recorded something",
        ran.words
    );
    assert_eq!(world.writes().len(), writes, "`{}` changed something", ran.words);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_versions() {
    let world = World::new().await;
    let ran = refused(&world, &["generate-mappings"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-MISSING] exit 2
      versions.json does not exist
      next: check that the job which writes it ran before, and that its artifacts are passed on

    nothing was changed
    exit 2
    "#);
    for words in [
        &["create-jira-tickets"][..],
        &["transition-jira-tickets", "deploy-pp"],
        &["comment-jira-tickets", "staging"],
    ] {
        assert_eq!(refused(&world, words, 2).await.codes(), ["LF-FILE-MISSING"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_no_bytes() {
    let world = World::new().await;
    world.write("versions.json", "");
    let ran = refused(&world, &["generate-mappings"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-EMPTY] exit 2
      versions.json is empty (zero bytes)
      next: the job which writes it was cut off or wrote nothing; run that job again

    nothing was changed
    exit 2
    "#);
    assert_eq!(refused(&world, &["create-jira-tickets"], 2).await.stderr, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_versions_are_nothing_to_do() {
    let world = World::new().await;
    world.write("versions.json", "{}");
    let ran = world.run(&["generate-mappings"]).await.expect(0);
    assert_eq!(ran.stdout, "nothing to deploy: the versions are empty\n");
    assert_eq!(world.read("lambda-ecr-mappings.json"), "{}\n");
    world.run(&["aws-credentials"]).await.expect(0);
    for words in [
        &["deploy-lambda"][..],
        &["rollback-lambda"],
        &["create-jira-tickets"],
        &["transition-jira-tickets", "deploy-pp"],
        &["update-jira-instructions"],
        &["comment-jira-tickets", "staging"],
    ] {
        let writes = world.writes().len();
        let ran = world.run(words).await.expect(0);
        assert_eq!(ran.outcome(), "nothing-to-do", "{words:?}");
        assert!(ran.stdout.contains("nothing"), "{words:?} does not say so: {}", ran.stdout);
        assert_eq!(world.writes().len(), writes, "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_the_versions_at_once() {
    let world = World::new().await;
    world.write(
        "versions.json",
        r#"{"orderService":{"version":"v1.4.2","folder":"../x"},"orderService":{"version":"1.0.0","folder":"order-service"},"a/b":{"version":3}}"#,
    );
    let ran = refused(&world, &["generate-mappings"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-INVALID] exit 2
      6 problems in versions.json
        /orderService/version at 1:28: found `v1.4.2`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
        /orderService/folder at 1:46: found `../x`, expected a folder: one path segment without / or \, not . or .., no control characters, at most 255 bytes
        /orderService at 1:54: found the same key a second time, expected one such key; the first stands at 1:2
        /a~1b at 1:114: found the key `a/b`, expected a project name: 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it
        /a~1b at 1:120: found no `folder`, expected the key `folder`
        /a~1b/version at 1:131: found 3, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_empty_and_duplicate_function_names() {
    let world = World::new().await;
    world.run(&["generate-versions"]).await.expect(0);
    world.remove("functions/order-service/.deployment");
    world.write("functions/payment-gateway/.deployment", "\n# later\n");
    world.write("functions/stock-levels/.deployment", "ShippingLabelsFunction\n");
    let ran = refused(&world, &["generate-mappings"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-INVALID] exit 2
      3 problems
        functions/order-service/.deployment: found no file, expected a file whose first line is the name of orderService's Lambda function in AWS
        functions/payment-gateway/.deployment: found no name, expected the name of the Lambda function on the first line
        functions/stock-levels/.deployment: found `ShippingLabelsFunction`, expected a function that no other folder names; functions/shipping-labels/.deployment names it too
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_projects_of_one_name() {
    let world = World::new().await;
    world.write("functions/copy/project.json", r#"{"name":"orderService","version":"1.0.0"}"#);
    let ran = refused(&world, &["generate-versions"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-VERSIONS-TWICE] exit 2
      two projects are named orderService: in copy and in order-service
      next: give one of them another name in its project.json

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_arguments_and_unknown_environment() {
    let mut world = World::new().await;
    let ran = refused(&world, &["generate-versions", "--verions", "x"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-USAGE] exit 2
      unexpected argument '--verions' found
      next: a similar argument exists: '--version'; `generate-versions --help` lists all options

    nothing was changed
    exit 2
    "#);
    world.set("CI_ENVIRONMENT_NAME", "stg_us00");
    let ran = refused(&world, &["generate-versions"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-ENVIRONMENT] exit 2
      environment stg_us00 is not in landfall.toml
      next: name one of prod_eu00, stg_eu00, or add a table [environment.stg_us00]

    nothing was changed
    exit 2
    "#);
    for name in ["HCV_URL", "VAULT_SECRET_ID", "AWS_REGION"] {
        world.unset(name);
    }
    world.set("CI_ENVIRONMENT_NAME", "stg_eu00");
    let ran = refused(&world, &["aws-credentials"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      vault is missing: Vault's address
      next: give it by --vault, or the variable HCV_URL or VAULT_ADDR, or environment.vault.address in landfall.toml

    error[LF-CONFIG-MISSING] exit 2
      secret-id is missing: the AppRole's secret id
      next: give it by the variable VAULT_SECRET_ID

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_nothing() {
    let mut world = World::new().await;
    world.set("SSL_CERT_FILE", "");
    let ran = refused(&world, &["aws-credentials"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-TLS-CA-FILE] exit 2
      the variable SSL_CERT_FILE is set to nothing
      next: unset SSL_CERT_FILE, or let it name a PEM file of certificates

    nothing was changed
    exit 2
    "#);
    world.write("empty.pem", "");
    world.set("SSL_CERT_FILE", "empty.pem");
    let ran = refused(&world, &["aws-credentials"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-TLS-CA-FILE] exit 2
      empty.pem is not a usable file of certificates
      caused by: it is empty
      next: give a PEM file with at least one certificate by --ca-file or SSL_CERT_FILE, or unset it

    nothing was changed
    exit 2
    "#);
    assert!(world.sandbox.journal().entries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn registry_logins_that_are_none() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.unset("DOCKER_AUTH_CONFIG");
    let ran = refused(&world, &["prepare-docker-config"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      docker-auth-config is missing: further logins, as Docker's config.json or the path of such a file
      next: give it by the variable DOCKER_AUTH_CONFIG

    nothing was changed
    exit 2
    "#);
    world.set("DOCKER_AUTH_CONFIG", r#"{"auths":{"registry.example.com":{"auth":"bm90LWEtcGFpcg=="}}}"#);
    let ran = refused(&world, &["prepare-docker-config"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-INVALID] exit 2
      DOCKER_AUTH_CONFIG: /auths/registry.example.com/auth at 1:42: found a text (not shown), expected base64 of `user:password`
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
    world.set("DOCKER_AUTH_CONFIG", r#"{"auths":{}}"#);
    world.set("ECR_REGISTRY_URI", "111122223333.dkr.ecr.eu-west-2.amazonaws.com/app");
    let ran = refused(&world, &["prepare-docker-config"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-ECR-REGION] exit 2
      111122223333.dkr.ecr.eu-west-2.amazonaws.com is in eu-west-2, and the region is set to eu-west-1
      next: set AWS_REGION to eu-west-2, or use the registry of the other region: Lambda pulls from its own

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_keys_and_only_half_of_them() {
    let mut world = World::small().await;
    world.has_images_and_plan();
    let ran = refused(&world, &["deploy-lambda"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-AWS-KEYS] exit 2
      there are no AWS credentials
      next: run aws-credentials, which leaves aws_auth.env; or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN

    nothing was changed
    exit 2
    "#);
    world.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    let ran = refused(&world, &["deploy-lambda"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-AWS-KEYS] exit 2
      only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set
      next: set both, or neither and have aws-credentials leave aws_auth.env

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_of_nothing_known() {
    let mut world = World::deployable().await;
    let ran = refused(&world, &["rollback-lambda"], 2).await;
    assert_eq!(ran.codes(), ["LF-FILE-MISSING"]);
    let words = ["rollback-lambda", "--from-ledger", "--deploy-report", "deploy-report.json"];
    assert_eq!(refused(&world, &words, 2).await.codes(), ["LF-CONFIG"]);
    let ran = refused(&world, &["rollback-lambda", "--from-ledger"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-ROLLBACK-NOTHING] exit 3
      the ledger has no deployment to stg_eu00
      next: give the ledger that update-version-dashboard recorded it in by --ledger, or the report by --deploy-report

    nothing was changed
    exit 3
    "#);
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let ran = refused(&world, &["rollback-lambda", "--to", "r-1"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-ROLLBACK-NOTHING] exit 3
      the ledger has no deployment of r-1 to stg_eu00
      next: name one of r-0123456789ab

    nothing was changed
    exit 3
    "#);
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    let ran = refused(&world, &["rollback-lambda"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-ROLLBACK-ENVIRONMENT] exit 2
      deploy-report.json is of stg_eu00, not prod_eu00
      next: run this stage in the same environment as deploy-lambda

    nothing was changed
    exit 2
    "#);
    world.unset("CI_ENVIRONMENT_NAME");
    assert_eq!(
        refused(&world, &["rollback-lambda", "--from-ledger"], 2).await.codes(),
        ["LF-CONFIG-MISSING"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_its_lock() {
    let mut world = World::small().await;
    world.has_images_and_plan();
    world.has_aws_keys();
    world.write("lambda-ecr-mappings.json", r#"{"OrderServiceFunction":"OrderServiceFunction-9.9.9"}"#);
    let ran = refused(&world, &["deploy-lambda"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-LOCK-TAG] exit 3
      the lock has no image OrderServiceFunction-9.9.9 of function OrderServiceFunction
      next: run retag-push-ecr again, which writes mapping and lock together

    nothing was changed
    exit 3
    "#);
    world.has_images_and_plan();
    world.has_versions();
    world.remove("image-lock.json");
    let ran = refused(&world, &["deploy-lambda"], 3).await;
    page!(ran.page(&world), @r#"
    error[LF-LOCK-MISSING] exit 3
      the digest of OrderServiceFunction-1.4.2 is not known: image-lock.json is not there, and the ledger does not know orderService 1.4.2
      the digest of PaymentGatewayFunction-2.0.0 is not known: image-lock.json is not there, and the ledger does not know paymentGateway 2.0.0
      next: give the image-lock.json of the pipeline that copied it by --lock, or the ledger that recorded it by --ledger

    nothing was changed
    exit 3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_differ_from_the_text() {
    let mut world = World::small().await;
    world.has_versions();
    world.set("PROD_VERSIONS_JSON", r#"{"orderService":{"version":"1.4.3","folder":"order-service"}}"#);
    let ran = refused(&world, &["generate-mappings"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-VERSIONS-DIFFER] exit 2
      versions.json differs from the versions that were given as text
      next: remove the file, or give no text: neither wins silently

    nothing was changed
    exit 2
    "#);
    world.set("PROD_VERSIONS_JSON", "versions: none");
    let ran = refused(&world, &["generate-mappings"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-FILE-INVALID] exit 2
      the versions that were given as text: at 1:1: found `v`, expected a JSON value
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_without_password() {
    let mut world = World::small().await;
    world.has_versions();
    world.unset("ARTIFACTORY_PASS");
    let ran = refused(&world, &["promote-artifacts", "--preset", "to-rc"], 2).await;
    page!(ran.page(&world), @r#"
    error[LF-CONFIG-MISSING] exit 2
      password is missing: the account's password
      next: give it by the variable ARTIFACTORY_PASS

    nothing was changed
    exit 2
    "#);
}
