//! The way to AWS keys and to logins at registries.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_sandbox::{Fault, Service, What};
use serde_json::json;

use super::Clinic;
use crate::world::World;

const LOGIN: &[&str] = &["aws-credentials"];
const WITH_LOGIN: &[&str] = &["aws-credentials", "--login"];

fn said(status: u16, text: &str) -> What {
    What::status(status)
        .header("content-type", "application/json")
        .body(json!({"errors": [text]}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_vault() {
    let mut clinic = Clinic::of(World::small().await);
    clinic.is_well(LOGIN).await;
    assert_eq!(clinic.world.sandbox.vault.logins(), 0, "no login is made unless it is asked for");
    clinic.with(&[("LANDFALL_DEADLINE", Some("soon"))], LOGIN, "settings: settings-invalid").await;
    clinic.with(&[("VAULT_ROLE_ID", None)], LOGIN, "login-settings: login-setting-missing").await;
    clinic.with(&[("VAULT_SECRET_ID", None)], LOGIN, "login-settings: login-setting-missing").await;
    clinic.with(&[("VAULT_AWS_PATH", Some("aws"))], LOGIN, "login-settings: login-setting-invalid").await;
    clinic.with(&[("HCV_URL", Some("http://127.0.0.1:1"))], LOGIN, "vault: vault-unreachable").await;
    let missing = [("SSL_CERT_FILE", Some("none.pem"))];
    clinic.with(&missing, LOGIN, "login-settings: certificate-untrusted").await;

    clinic.world.sandbox.vault.configure(|vault| vault.sealed = true);
    clinic.has(LOGIN, "vault: vault-sealed").await;
    clinic.world.sandbox.vault.configure(|vault| vault.sealed = false);

    let slow = Fault::new(What::DelayAnswer(Duration::from_secs(10))).on(Service::Vault);
    clinic.world.sandbox.faults().add(slow);
    clinic.has(&["aws-credentials", "--timeout", "1s"], "vault: service-unreachable").await;

    let role_id = clinic.world.variables["VAULT_ROLE_ID"].clone();
    let wrapping = clinic.world.sandbox.vault.wrap_secret_id(&role_id);
    clinic.world.further_secrets.push(wrapping.clone());
    clinic.world.set("VAULT_WRAPPED_SECRET_ID", &wrapping);
    clinic.is_well(LOGIN).await;
    clinic.is_well(WITH_LOGIN).await;
    clinic.has(LOGIN, "wrapping: wrapped-secret-id-gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_asked_for() {
    let mut clinic = Clinic::of(World::small().await);
    clinic.is_well(WITH_LOGIN).await;
    let wrong = "11111111-2222-3333-4444-555555555555";
    clinic.world.further_secrets.push(wrong.to_owned());
    clinic.with(&[("VAULT_SECRET_ID", Some(wrong))], WITH_LOGIN, "login: vault-login-refused").await;
    // Vault tells a stranger no more than that where nothing is mounted.
    clinic.with(&[("HCV_LOGIN_PATH", Some("elsewhere"))], WITH_LOGIN, "login: vault-login-refused").await;
    let unmounted =
        Fault::new(said(404, "no handler for route")).on(Service::Vault).matching("/approle/login");
    clinic.world.sandbox.faults().add(unmounted);
    clinic.has(WITH_LOGIN, "login: vault-mount-missing").await;
    let other = "arn:aws:iam::111122223333:role/other";
    clinic.with(&[("AWS_ROLE_ARN", Some(other))], WITH_LOGIN, "role: role-arn-refused").await;
    clinic.with(&[("AWS_ACCOUNT_ID", Some("999999999999"))], WITH_LOGIN, "account: account-differs").await;
    clinic.with(&[("VAULT_AWS_MIN_TTL", Some("11h"))], WITH_LOGIN, "role: credentials-too-short").await;
    for (what, expected) in [
        (said(403, "1 error occurred:\n\t* permission denied\n\n"), "policy: vault-policy-denies"),
        (said(400, "Role \"deployer\" not found"), "policy: vault-role-missing"),
        (said(400, "Error assuming role: AccessDenied: not authorized"), "role: trust-policy-refuses"),
    ] {
        clinic.world.sandbox.faults().add(Fault::new(what).on(Service::Vault).matching("/aws/sts/"));
        clinic.has(WITH_LOGIN, expected).await;
    }
    let other = clinic.world.sandbox.url(Service::Artifactory);
    clinic.world.sandbox.vault.configure(|vault| vault.redirect_to = Some(other));
    clinic.has(WITH_LOGIN, "login: vault-redirects").await;
    assert!(clinic.world.sandbox.vault.live_tokens().is_empty(), "every token was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_at_registries() {
    const STAGE: &[&str] = &["prepare-docker-config"];
    let mut clinic = Clinic::of(World::with_versions().await);
    clinic.has(STAGE, "keys: aws-keys-missing").await;
    clinic.world.write(
        "aws_auth.env",
        "AWS_ACCESS_KEY_ID=ASIA\nAWS_SECRET_ACCESS_KEY=a\nAWS_SESSION_TOKEN=b\nAWS_CREDENTIAL_EXPIRATION=2025-01-01T00:00:00Z\n",
    );
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(clinic.world.path("aws_auth.env"), private).expect("the mode is set");
    clinic.has(STAGE, "keys: aws-keys-expired").await;
    clinic.world.remove("aws_auth.env");
    clinic.world.has_aws_keys();
    clinic.is_well(STAGE).await;

    clinic.with(&[("AWS_SECRET_ACCESS_KEY", None)], STAGE, "keys: aws-keys-missing").await;
    clinic.with(&[("AWS_ACCOUNT_ID", Some("999999999999"))], STAGE, "account: account-differs").await;
    clinic
        .with(&[("AWS_ACCESS_KEY_ID", Some("AKIAUNKNOWNUNKNOWN00"))], STAGE, "account: aws-keys-refused")
        .await;
    clinic.with(&[("DOCKER_AUTH_CONFIG", None)], STAGE, "logins: docker-auth-missing").await;
    clinic.with(&[("DOCKER_AUTH_CONFIG", Some("{\"auths\": {"))], STAGE, "logins: docker-auth-invalid").await;
    let elsewhere = "111122223333.dkr.ecr.us-east-1.amazonaws.com/app";
    clinic.with(&[("ECR_REGISTRY_URI", Some(elsewhere))], STAGE, "region: region-differs").await;
    clinic.with(&[("ECR_REGISTRY_URI", None)], STAGE, "region: setting-missing").await;
    let host = clinic.world.sandbox.host(Service::Artifactory);
    let login = |host: &str| {
        json!({"auths": {host: {"auth": STANDARD.encode("svc-landfall:not-the-password")}}}).to_string()
    };
    clinic.world.further_secrets.push("not-the-password".to_owned());
    let (refused, other) = (login(&host), login("other.test"));
    clinic.with(&[("DOCKER_AUTH_CONFIG", Some(&refused))], STAGE, "registry: registry-login-refused").await;
    clinic.with(&[("DOCKER_AUTH_CONFIG", Some(&other))], STAGE, "registry: registry-login-missing").await;
    clinic.world.sandbox.issued.deny_all("ecr:GetAuthorizationToken");
    clinic.has(STAGE, "ecr-token: ecr-token-denied").await;
}
