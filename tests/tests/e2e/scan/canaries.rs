//! Which secrets a world has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_cli::Kind;
use landfall_commands::stages;
use landfall_sandbox::Service;
use landfall_sandbox::leaks::Canary;
use serde_json::Value;

use crate::world::World;

/// Variables that are named like secrets, and are none: AWS shows the ids of keys in its own logs, and `aws-credentials` tells which key it
/// fetched; where GitHub gives id tokens helps nobody without the token beside it.
const NO_SECRETS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "ACTIONS_ID_TOKEN_REQUEST_URL"];

impl World {
    /// The sandbox's secrets, those that a test names, and every variable that is one: by the table of options, or by its name. No test
    /// has to think of it.
    pub(crate) fn canaries(&self) -> Vec<Canary> {
        let mut canaries = self.sandbox.canaries();
        let anywhere: Vec<Service> = Service::ALL
            .into_iter()
            .filter(|service| !matches!(service, Service::Foreign | Service::Storage))
            .collect();
        canaries.extend(
            self.further_secrets
                .iter()
                .map(|secret| Canary::new("a secret of the test", secret).at(&anywhere)),
        );
        let secret_options = secret_variables();
        for (name, value) in &self.variables {
            if (secret_options.contains(&name.as_str()) || is_secret(name))
                && !NO_SECRETS.contains(&name.as_str())
            {
                let secrets = in_value(value).into_iter();
                canaries.extend(secrets.map(|secret| Canary::new(name, secret).at(homes(name))));
            }
        }
        canaries
    }
}

/// The variables of every secret option of every stage.
pub(super) fn secret_variables() -> Vec<&'static str> {
    stages().iter().flat_map(|stage| secret_variables_of(stage.name)).collect()
}

/// The variables of the secret options of one stage.
pub(crate) fn secret_variables_of(name: &str) -> Vec<&'static str> {
    let options = stages().iter().filter(|stage| stage.name == name).flat_map(|stage| (stage.options)());
    let secret = options.filter(|option| option.kind == Kind::Secret);
    secret.flat_map(|option| option.variables).copied().collect()
}

/// Names that pipelines give to secrets of programs that stages start.
fn is_secret(name: &str) -> bool {
    ["TOKEN", "SECRET", "PASSWORD", "AUTH_CONFIG"].iter().any(|word| name.contains(word))
        || name.ends_with("_PASS")
}

/// The secrets in a variable's value: of a configuration of Docker its passwords and tokens, of the path of a file none.
fn in_value(value: &str) -> Vec<String> {
    let text = value.trim();
    if std::path::Path::new(text).is_file() {
        return Vec::new();
    }
    let Ok(config @ Value::Object(_)) = serde_json::from_str::<Value>(text) else {
        return vec![text.to_owned()];
    };
    let entries = config["auths"].as_object().into_iter().flat_map(serde_json::Map::values);
    let members = entries.filter_map(Value::as_object).flatten();
    members
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .filter_map(|(name, value)| match name.as_str() {
            "auth" => {
                let login = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
                login.split_once(':').map(|(_, password)| password.to_owned())
            }
            "username" => None,
            _ => Some(value.to_owned()),
        })
        .collect()
}

/// The services that the secret of a variable is for.
fn homes(name: &str) -> &'static [Service] {
    const REGISTRIES: [Service; 3] = [Service::EcrRegistry, Service::Artifactory, Service::PlainRegistry];
    let begins = |prefix: &str| name.starts_with(prefix);
    if begins("VAULT_") {
        // A CI's token may log in at AWS too.
        &[Service::Vault, Service::Sts]
    } else if begins("JIRA_") {
        &[Service::Jira]
    } else if begins("ARTIFACTORY_") {
        &[Service::Artifactory]
    } else if begins("AWS_") {
        &Service::AWS
    } else if begins("GITLAB_") {
        &[Service::GitLab]
    } else if begins("ACTIONS_") {
        &[Service::ActionsOidc]
    } else if begins("DOCKER_") {
        &REGISTRIES
    } else {
        &[]
    }
}
