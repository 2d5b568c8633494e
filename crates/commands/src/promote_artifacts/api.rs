//! What Artifactory's promotion needs: the server, its login, and two repository keys.

use landfall_cli::{Opt, Source, Values};
use landfall_registry::{Artifactory, DockerAccess, Login};
use landfall_stages::Refusal;
use landfall_stages::promote_artifacts::Way;

use super::{Keys, same};
use crate::Context;

pub(super) const OPTIONS: [Opt; 5] = [
    Opt::value("artifactory", "URL", "Artifactory's address, without /artifactory")
        .env(&["ARTIFACTORY_URL"])
        .key("registries.url"),
    Opt::value("user", "NAME", "the account of the password").env(&["ARTIFACTORY_USER"]),
    Opt::secret("password", &["ARTIFACTORY_PASS"], "the account's password"),
    Opt::secret("token", &["ARTIFACTORY_TOKEN"], "an access token in place of user and password"),
    Opt::value(
        "docker-access",
        "api|path",
        "how Artifactory's images are read: by its API, or by the repository path; given, also for keys with hosts of their own (registries.docker_hosts)",
    )
    .default("path"),
];

/// What was told, with what is missing noted.
pub(super) struct Told {
    address: Option<String>,
    login: Option<Login>,
    access: DockerAccess,
    /// Whether keys are read at their own hosts, where they have any.
    own_hosts: bool,
    source_key: Option<String>,
    target_key: Option<String>,
    namespace: Option<String>,
}

pub(super) fn told(keys: &Keys, values: &mut Values<'_>) -> Told {
    let (source_key, target_key) = (values.required(keys.source), values.required(keys.target));
    if let (Some(source), Some(target)) = (&source_key, &target_key)
        && source == target
    {
        same(values, source);
    }
    let sourced = values.sourced("docker-access");
    let own_hosts = sourced.as_ref().is_none_or(|(_, source)| *source == Source::Default);
    let access = match sourced.as_ref().map(|(value, _)| value.as_str()) {
        Some("api") => DockerAccess::Api,
        Some("path") | None => DockerAccess::Path,
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            values.problem("LF-CONFIG", &format!("--docker-access `{shown}` is neither api nor path"), None);
            DockerAccess::Path
        }
    };
    Told {
        address: values.required("artifactory"),
        login: login(values),
        access,
        own_hosts,
        source_key,
        target_key,
        namespace: values.required("namespace"),
    }
}

fn login(values: &mut Values<'_>) -> Option<Login> {
    if let Some(token) = values.secret("token") {
        return Some(Login::Bearer(token));
    }
    let (user, password) = (values.required("user"), values.required_secret("password"));
    Some(Login::basic(user?, password?))
}

/// The way; `None` where something is missing.
///
/// # Errors
/// An address that cannot be used.
pub(super) fn way(context: &Context, told: Told) -> Result<Option<Way>, Refusal> {
    let (Some(address), Some(source_key), Some(target_key), Some(namespace)) =
        (told.address, told.source_key, told.target_key, told.namespace)
    else {
        return Ok(None);
    };
    let mut artifactory = Artifactory::new(&context.http()?, &address, told.login, told.access)?;
    if told.own_hosts {
        artifactory = artifactory.with_docker_hosts(context.settings.registries.docker_hosts.clone());
    }
    Ok(Some(Way::Api { artifactory: Box::new(artifactory), source_key, target_key, namespace }))
}
