//! What builders of images see of the environment, and their logins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, DockerConfig, FileError, Problem};
use landfall_registry::Login;
use landfall_run::Event;
use landfall_stages::Refusal;
use landfall_stages::build_docker_images::Builder;
use tempfile::TempDir;

use crate::{Context, passed};

/// What a builder sees of the environment besides the usual; a `*` at the end stands for any. `images.environment` of
/// `landfall.toml` adds to it.
pub(crate) const PASSED: [&str; 12] = [
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "DOCKER_*",
    "BUILDKIT_*",
    "BUILDX_*",
    "BUILDAH_*",
    "CONTAINERS_*",
    "STORAGE_*",
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "NPM_TOKEN",
    "NX_*",
];

/// The builder's environment.
pub(crate) fn variables(context: &Context) -> BTreeMap<String, String> {
    passed::variables(context, &PASSED, &context.settings.images.environment)
}

/// Names `docker-config.json` of `prepare-docker-config` to builders, unless they were told of another place. The folder that
/// is named has to live as long as they do.
pub(crate) fn show_logins(context: &Context, variables: &mut BTreeMap<String, String>) -> Option<TempDir> {
    let file = logins_of_pipeline(context)?;
    if context.output().is_dry_run() || variables.contains_key("DOCKER_CONFIG") {
        return None;
    }
    match folder_of(&file) {
        Ok(folder) => {
            name(&folder, variables);
            Some(folder)
        }
        Err(cause) => {
            let what = format!("the builder is not shown the logins of {}: {cause}", file.display());
            context.run().progress().event(Event::Warning(what));
            None
        }
    }
}

/// Logs the builder in at a host: it is shown a configuration of its own, with this login and whatever the user's own has, or that of
/// `prepare-docker-config` where there is one. The folder is this user's alone, and has to live as long as the builder does.
///
/// # Errors
/// A configuration that cannot be read or written.
pub(crate) fn log_in(
    context: &Context,
    host: &str,
    login: &Login,
    builder: &Builder,
    variables: &mut BTreeMap<String, String>,
) -> Result<Option<TempDir>, Refusal> {
    // Docker and buildah are given a password or what stands in a file: any other login they must find for themselves.
    let Login::Basic { user, password } = login else { return Ok(show_logins(context, variables)) };
    let is_buildah = matches!(builder, Builder::Buildah(_));
    let own = own_folder(variables);
    let of_buildah = variables.get("REGISTRY_AUTH_FILE").filter(|_| is_buildah).map(PathBuf::from);
    let file = logins_of_pipeline(context).or(of_buildah).or_else(|| Some(own.as_ref()?.join("config.json")));
    let mut config = match file.map(|file| DockerConfig::read(&file)) {
        None | Some(Err(FileError::Missing { .. })) => DockerConfig::new(),
        Some(read) => read?,
    };
    config.set_login(host, user, password.clone())?;
    if !is_buildah {
        config.keep_from_store(host);
    }
    let folder = TempDir::with_prefix("landfall-docker-").map_err(|cause| not_made(&cause))?;
    config.write(&folder.path().join("config.json"))?;
    if let Some(own) = &own {
        borrow_rest(own, folder.path()).map_err(|cause| not_made(&cause))?;
    }
    variables.remove("REGISTRY_AUTH_FILE");
    name(&folder, variables);
    Ok(Some(folder))
}

fn not_made(cause: &std::io::Error) -> Refusal {
    let what = format!("the builder's logins cannot be written: {cause}");
    Refusal::one(
        Problem::new("LF-BUILD-LOGIN", Class::Input, what)
            .with_remedy("let TMPDIR name a folder that can be written"),
    )
}

fn name(folder: &TempDir, variables: &mut BTreeMap<String, String>) {
    let config = folder.path().join("config.json").display().to_string();
    variables.entry("REGISTRY_AUTH_FILE".to_owned()).or_insert(config);
    variables.insert("DOCKER_CONFIG".to_owned(), folder.path().display().to_string());
}

fn logins_of_pipeline(context: &Context) -> Option<PathBuf> {
    Some(PathBuf::from(context.values().text("docker-config")?)).filter(|file| file.is_file())
}

/// Docker's folder of this user.
fn own_folder(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = variables.get("DOCKER_CONFIG").map(PathBuf::from);
    named.or_else(|| Some(Path::new(variables.get("HOME")?).join(".docker")))
}

/// Plugins such as buildx, and contexts, stand beside the logins: they are found in the new folder too.
fn borrow_rest(own: &Path, folder: &Path) -> std::io::Result<()> {
    let Ok(entries) = std::fs::read_dir(own) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() != "config.json" {
            std::os::unix::fs::symlink(std::path::absolute(entry.path())?, folder.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// A folder whose `config.json` is this file. It holds a link and no copy, so that a run that is killed leaves no secret.
///
/// # Errors
/// What the file system says.
fn folder_of(logins: &Path) -> std::io::Result<TempDir> {
    let folder = TempDir::with_prefix("landfall-docker-")?;
    std::os::unix::fs::symlink(std::path::absolute(logins)?, folder.path().join("config.json"))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::Settings;
    use landfall_cli::Layers;
    use landfall_ledger::Ledger;
    use landfall_registry::Login;
    use landfall_run::Run;
    use landfall_secret::Secret;
    use landfall_stages::build_docker_images::{Builder, Options};
    use landfall_stages::{Output, Target};

    use super::log_in;
    use crate::Context;

    const LOGINS: &str = r#"{"auths": {"art.example.com": {"identitytoken": "canary"}}}"#;

    /// A run whose `docker-config.json` is this file.
    fn context(logins: &std::path::Path) -> Context {
        let flags = BTreeMap::from([("docker-config", logins.display().to_string())]);
        Context {
            options: crate::logins::OPTIONS.to_vec(),
            layers: Layers { flags, ..Layers::default() },
            run: Run::builder().build(),
            output: Output::Real,
            target: Target::default(),
            settings: Settings::default(),
            ledger: Ledger::for_reading("unused"),
            aws_keys: std::sync::Arc::default(),
        }
    }

    /// What the builder is shown as its configuration.
    fn shown(login: &Login) -> String {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("docker-config.json");
        std::fs::write(&file, LOGINS).expect("written");
        let mut variables = BTreeMap::new();
        let builder = Builder::Docker(Options::default());
        let folder = log_in(&context(&file), "ecr.example.com", login, &builder, &mut variables);
        let folder = folder.expect("well").expect("a folder");
        assert_eq!(variables["DOCKER_CONFIG"], folder.path().display().to_string());
        std::fs::read_to_string(folder.path().join("config.json")).expect("a configuration")
    }

    #[test]
    fn a_login_by_token_leaves_the_builder_the_logins_of_the_pipeline() {
        assert_eq!(shown(&Login::IdentityToken(Secret::new("canary"))), LOGINS);
        assert_eq!(shown(&Login::Bearer(Secret::new("canary"))), LOGINS);
        let with_password = shown(&Login::basic("AWS", Secret::new("canary-2")));
        assert!(with_password.contains("ecr.example.com") && with_password.contains("art.example.com"));
    }
}
