//! The variables that a job has of its environment, by the names that stages and old pipelines know.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{Address, Settings, VaultSettings};

use crate::model::{Job, Login, Pipeline};
use crate::row::Row;

/// The stages that ask for the registry of an environment.
const OF_REGISTRY: [&str; 6] = [
    "prepare-docker-config",
    "retag-push-ecr",
    "deploy-lambda",
    "rollback-lambda",
    "cleanup-images",
    "generate-mappings",
];

/// Name to value: what the row gives, then what the job says itself. No value is a secret.
pub(crate) fn of(pipeline: &Pipeline, job: &Job) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let row = job.environment.as_ref().and_then(|name| pipeline.row(name));
    if let Some(row) = row.filter(|_| !job.stages().is_empty()) {
        of_aws(row, &mut variables);
        if let Some(ecr) = row.settings.ecr.as_ref().filter(|_| OF_REGISTRY.iter().any(|name| job.runs(name)))
        {
            variables.insert("ECR_REGISTRY_URI".to_owned(), ecr.to_string());
        }
        if job.runs("aws-credentials") {
            of_vault(&row.settings.vault, &mut variables);
        }
    }
    if let Login::Own(name) = &job.login
        && let Some(row) = pipeline.row(name)
    {
        of_aws(row, &mut variables);
        of_vault(&row.settings.vault, &mut variables);
        let way = if row.settings.vault.login.as_deref() == Some("web-identity") {
            "web-identity"
        } else {
            "vault"
        };
        variables.insert("LANDFALL_CREDENTIALS".to_owned(), way.to_owned());
    }
    variables.extend(job.variables.clone());
    variables
}

fn of_aws(row: &Row, variables: &mut BTreeMap<String, String>) {
    let region = row.settings.aws_region.as_ref().map(ToString::to_string);
    let account = row.settings.account.as_ref().map(ToString::to_string);
    for (name, value) in [("AWS_REGION", region), ("AWS_ACCOUNT_ID", account)] {
        variables.extend(value.map(|value| (name.to_owned(), value)));
    }
}

fn of_vault(vault: &VaultSettings, variables: &mut BTreeMap<String, String>) {
    let seconds = |time: Option<Duration>| time.map(|time| format!("{}s", time.as_secs()));
    let values = [
        ("HCV_URL", vault.address.as_ref().map(ToString::to_string)),
        ("LANDFALL_VAULT_LOGIN", vault.login.clone()),
        ("HCV_LOGIN_PATH", vault.login_path.clone()),
        ("VAULT_AUTH_ROLE", vault.role.clone()),
        ("LANDFALL_ID_TOKEN_AUDIENCE", vault.audience.clone()),
        ("VAULT_AWS_PATH", vault.aws_path.clone()),
        ("AWS_ROLE_ARN", vault.role_arn.clone()),
        ("VAULT_NAMESPACE", vault.namespace.clone()),
        ("VAULT_AWS_TTL", seconds(vault.ttl)),
        ("VAULT_AWS_MIN_TTL", seconds(vault.min_ttl)),
    ];
    variables.extend(values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

/// What all jobs have alike: registries, tickets, the ledger, and what `[ci]` says. Name to value; no value is a secret.
pub fn common(settings: &Settings) -> BTreeMap<String, String> {
    let registries = &settings.registries;
    let source = match (&registries.docker_host, &registries.build) {
        (Some(host), Some(build)) => Some(format!("{host}/{build}")),
        _ => None,
    };
    let address = |address: &Option<Address>| address.as_ref().map(ToString::to_string);
    let values = [
        ("ARTIFACTORY_URL", address(&registries.url)),
        ("ARTIFACTORY_BUILD_BUCKET", registries.build.clone()),
        ("ARTIFACTORY_RC_BUCKET", registries.rc.clone()),
        ("ARTIFACTORY_RELEASE_BUCKET", registries.release.clone()),
        ("BUILD_ARTIFACTORY_URL", source),
        ("IMAGE_NAMESPACE", settings.image_namespace.clone()),
        ("JIRA_URL", address(&settings.jira.url)),
        ("JIRA_PROJECT", settings.jira.project.clone()),
        ("JIRA_ISSUE_TYPE", settings.jira.issue_type.clone()),
        ("LANDFALL_IMAGE", settings.ci.image.clone()),
        ("LANDFALL_LEDGER", settings.ledger.store.clone()),
    ];
    let mut variables: BTreeMap<String, String> =
        values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    variables.extend(settings.ci.variables.clone());
    variables
}
