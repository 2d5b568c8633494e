//! What a pipeline is told about the sandbox, and what it must keep to itself.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::jira::JiraConfig;
use crate::journal::Service;
use crate::leaks::Canary;
use crate::sandbox::{AWS_MOUNT_ROLE, BUILD_KEY, RC_KEY, RELEASE_KEY, Sandbox};

impl Sandbox {
    /// The variables that a staging pipeline exports. Some of them are secrets.
    pub fn env(&self) -> BTreeMap<String, String> {
        let access = &self.secrets.artifactory;
        let artifactory = self.host(Service::Artifactory);
        let login = STANDARD.encode(format!("{}:{}", access.user, access.password));
        let docker = json!({"auths": {artifactory.as_str(): {"auth": login}}}).to_string();
        let jira = JiraConfig::default();
        let pairs = [
            ("HCV_URL", self.url(Service::Vault)),
            ("HCV_LOGIN_PATH", "approle".to_owned()),
            ("VAULT_ROLE_ID", self.secrets.role_id.clone()),
            ("VAULT_SECRET_ID", self.secrets.secret_id.clone()),
            ("VAULT_AWS_PATH", format!("aws/sts/{AWS_MOUNT_ROLE}")),
            ("AWS_ROLE_ARN", self.role_arn()),
            ("AWS_REGION", self.options.region.clone()),
            // Version 1 of the AWS CLI reads only this one.
            ("AWS_DEFAULT_REGION", self.options.region.clone()),
            ("AWS_ACCOUNT_ID", self.options.account.clone()),
            ("AWS_ENDPOINT_URL_STS", self.url(Service::Sts)),
            ("AWS_ENDPOINT_URL_ECR", self.url(Service::EcrApi)),
            ("AWS_ENDPOINT_URL_LAMBDA", self.url(Service::Lambda)),
            ("AWS_ENDPOINT_URL_S3", self.url(Service::S3)),
            (
                "ECR_REGISTRY_URI",
                format!("{}/{}", self.host(Service::EcrRegistry), self.options.ecr_repository),
            ),
            ("BUILD_ARTIFACTORY_URL", format!("{artifactory}/{BUILD_KEY}")),
            ("IMAGE_NAMESPACE", self.options.image_namespace.clone()),
            ("DOCKER_AUTH_CONFIG", docker),
            ("ARTIFACTORY_URL", self.url(Service::Artifactory)),
            ("ARTIFACTORY_USER", access.user.clone()),
            ("ARTIFACTORY_PASS", access.password.clone()),
            ("ARTIFACTORY_BUILD_BUCKET", BUILD_KEY.to_owned()),
            ("ARTIFACTORY_RC_BUCKET", RC_KEY.to_owned()),
            ("ARTIFACTORY_RELEASE_BUCKET", RELEASE_KEY.to_owned()),
            ("JIRA_URL", self.url(Service::Jira)),
            ("JIRA_USER", jira.user),
            ("JIRA_TOKEN", self.secrets.jira_token.clone()),
            ("JIRA_PROJECT", jira.projects.first().map(|project| project.key.clone()).unwrap_or_default()),
            ("CI_ENVIRONMENT_NAME", self.options.environment.clone()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Every secret that exists now or did, and where it belongs.
    pub fn canaries(&self) -> Vec<Canary> {
        let mut canaries = vec![
            Canary::new("the secret id", &self.secrets.secret_id).at(&[Service::Vault]),
            Canary::new("the password of Artifactory", &self.secrets.artifactory.password)
                .at(&[Service::Artifactory]),
            Canary::new("the access token of Artifactory", &self.secrets.artifactory.access_token)
                .at(&[Service::Artifactory]),
            Canary::new("the token of Jira", &self.secrets.jira_token).at(&[Service::Jira]),
            Canary::new("the token of GitLab", &self.secrets.gitlab_token).at(&[Service::GitLab]),
            Canary::new("the token that GitHub gives id tokens for", &self.secrets.oidc_token)
                .at(&[Service::ActionsOidc]),
        ];
        let mut add = |name: &str, values: Vec<String>, homes: &[Service]| {
            canaries.extend(values.into_iter().map(|value| Canary::new(name, value).at(homes)));
        };
        add("a secret of Vault", self.vault.secrets(), &[Service::Vault]);
        // Variables of GitLab are a place that keys may be put in.
        let homes_of_keys = [&Service::AWS[..], &[Service::GitLab]].concat();
        add("a secret key or session token of AWS", self.issued.secrets(), &homes_of_keys);
        add("an id token of GitHub", self.actions_oidc.tokens(), &[Service::Vault, Service::Sts]);
        add("a password of ECR", self.ecr_tokens.secrets(), &[Service::EcrRegistry]);
        add("a registry token of Artifactory", self.artifactory.bearer_tokens(), &[Service::Artifactory]);
        canaries
    }

    /// Every secret that exists now or did: what must not appear in any output.
    pub fn secret_values(&self) -> BTreeSet<String> {
        self.canaries().into_iter().map(|canary| canary.value).collect()
    }
}
