//! `build-docker-images` as a command.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{BuildVersions, Class, ImageSettings, Problem, Repository};
use landfall_cli::{Opt, Values};
use landfall_registry::Registries;
use landfall_run::Event;
use landfall_stages::build_docker_images::{
    Builder, CommandTemplate, Config, Options, images_of_versions, run,
};
use landfall_stages::{Outcome, Refusal};
use tempfile::TempDir;

use crate::context::{FUNCTIONS, VERSIONS};
use crate::{Context, Effects, aws, context, logins, registries};

/// The command.
#[derive(Debug)]
pub struct Command;

/// What a builder sees of the environment; a `*` at the end stands for any. `images.environment` of `landfall.toml` adds to it.
const PASSED: [&str; 34] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "CI",
    "CI_COMMIT_*",
    "CI_PIPELINE_ID",
    "CI_PROJECT_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
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

impl crate::Command for Command {
    const NAME: &'static str = "build-docker-images";
    const SUMMARY: &'static str = "Build the image of every project, and push it";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![
                VERSIONS,
                FUNCTIONS,
                Opt::value(
                    "builder",
                    "nx|docker|buildah|command",
                    "what builds: the repo's Nx targets docker and docker-push, a builder of Dockerfiles, or the programs of \
                     [images] in landfall.toml",
                )
                .env(&["LANDFALL_BUILDER"])
                .key("images.builder")
                .default("nx"),
                Opt::value(
                    "source",
                    "HOST/PATH",
                    "where the images go, without the namespace; else registries.docker_host/registries.build. Tags that \
                     are there are not built again",
                )
                .env(&["BUILD_ARTIFACTORY_URL"]),
                Opt::value("namespace", "PATH", "the images' folder below that; may be empty")
                    .env(&["IMAGE_NAMESPACE"])
                    .key("image_namespace"),
                Opt::value("commit", "SHA", "the tag of projects without a version; else latest")
                    .env(&["CI_COMMIT_SHA"]),
                Opt::switch("rebuild", "build images too whose tag is there already"),
                Opt::value("jobs", "N", "how many are built at a time, 1 to 64")
                    .env(&["LANDFALL_JOBS"])
                    .default("2"),
                Opt::value("build-timeout", "DURATION", "how long one build or push may take").default("1h"),
            ],
            logins::OPTIONS.to_vec(),
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let jobs: usize = values.parsed("jobs").unwrap_or(2);
            if !(1..=64).contains(&jobs) {
                values.problem("LF-CONFIG", "--jobs is not a number from 1 to 64", None);
            }
            let settings = &context.settings.images;
            let builder = builder(&mut values, settings);
            let registry = registry(context, &mut values);
            if registry.is_none() && builder.needs_target() {
                values.problem(
                    "LF-CONFIG-MISSING",
                    "where the images go is missing: this builder has to be told",
                    Some("give it by --source, or the variable BUILD_ARTIFACTORY_URL".to_owned()),
                );
            }
            let (commit, rebuild) = (values.text("commit"), values.is_on("rebuild"));
            let timeout = values.duration("build-timeout").unwrap_or(Duration::from_secs(3600));
            values.finish().map_err(Refusal)?;
            let places = context.places();
            let versions = BuildVersions::read(&places.versions)?;
            let projects = versions
                .projects
                .iter()
                .map(|(name, project)| (name, project.folder.as_str(), project.version.as_ref()));
            let images =
                images_of_versions(projects, &places.functions, commit.as_deref(), registry.as_ref())?;
            let root = std::env::current_dir().map_err(|cause| {
                let what = format!("the folder of the run cannot be found: {cause}");
                Refusal::one(Problem::new("LF-FILE-READ", Class::Input, what))
            })?;
            let mut variables = variables(context, settings);
            // Kept until the last build has ended.
            let _logins = show_logins(context, &mut variables);
            let config = Config { images, builder, root, rebuild, jobs, timeout, variables };
            let registries = match &registry {
                Some(registry) if !config.images.is_empty() => {
                    registries::registries(context, &context.http()?, &[registry.host()]).await?
                }
                Some(_) | None => Registries::new(),
            };
            run(&config, &registries, context.output(), context.run()).await
        })
    }
}

fn builder(values: &mut Values<'_>, settings: &ImageSettings) -> Builder {
    let options = || Options {
        context: settings.context.clone(),
        build: settings.build_arguments.clone(),
        push: settings.push_arguments.clone(),
    };
    match values.text("builder").as_deref() {
        Some("nx") | None => Builder::Nx,
        Some("docker") => Builder::Docker(options()),
        Some("buildah") => Builder::Buildah(options()),
        Some("command") => {
            if settings.build.is_empty() {
                let help =
                    Some("set build = [\"program\", \"argument\"] in [images] of landfall.toml".to_owned());
                values.problem("LF-CONFIG-MISSING", "--builder command needs a program", help);
            }
            let push = Some(settings.push.clone()).filter(|push| !push.is_empty()).map(CommandTemplate);
            Builder::Command { build: CommandTemplate(settings.build.clone()), push }
        }
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            let what = format!("--builder `{shown}` is neither nx, docker, buildah nor command");
            values.problem("LF-CONFIG", &what, None);
            Builder::Nx
        }
    }
}

/// The repository that holds one repository a project, where it is known.
fn registry(context: &Context, values: &mut Values<'_>) -> Option<Repository> {
    let of_file = &context.settings.registries;
    let of_file =
        of_file.docker_host.as_ref().zip(of_file.build.as_ref()).map(|(host, key)| format!("{host}/{key}"));
    let base = values.text("source").or(of_file)?;
    let joined = context::below(&base, values.text("namespace").as_deref());
    let parsed = joined.parse::<Repository>();
    if let Err(cause) = &parsed {
        values.problem("LF-CONFIG", &format!("where the images go cannot be used: {cause}"), None);
    }
    parsed.ok()
}

/// The builder's environment. Secrets in it are taught, since builds print what they see.
fn variables(context: &Context, settings: &ImageSettings) -> BTreeMap<String, String> {
    let environment = context.environment();
    let is_passed = |name: &str| {
        PASSED.iter().copied().chain(settings.environment.iter().map(String::as_str)).any(|pattern| {
            match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            }
        })
    };
    let variables: BTreeMap<String, String> = environment
        .names_with_prefix("")
        .filter(|name| is_passed(name))
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())))
        .collect();
    let is_secret =
        |name: &str| ["TOKEN", "SECRET", "PASSWORD", "AUTH_CONFIG"].iter().any(|word| name.contains(word));
    for (_, value) in variables.iter().filter(|(name, _)| is_secret(name)) {
        context.run().redactor().learn(&landfall_secret::Secret::new(value.as_str()));
    }
    variables
}

/// Names `docker-config.json` of `prepare-docker-config` to builders, unless they were told of another place. The folder that
/// is named has to live as long as they do.
fn show_logins(context: &Context, variables: &mut BTreeMap<String, String>) -> Option<TempDir> {
    let file = PathBuf::from(context.values().text("docker-config")?);
    if context.output().is_dry_run() || variables.contains_key("DOCKER_CONFIG") || !file.is_file() {
        return None;
    }
    match docker_folder(&file) {
        Ok(folder) => {
            let config = folder.path().join("config.json").display().to_string();
            variables.entry("REGISTRY_AUTH_FILE".to_owned()).or_insert(config);
            variables.insert("DOCKER_CONFIG".to_owned(), folder.path().display().to_string());
            Some(folder)
        }
        Err(cause) => {
            let what = format!("the builder is not shown the logins of {}: {cause}", file.display());
            context.run().progress().event(Event::Warning(what));
            None
        }
    }
}

/// A folder whose `config.json` is this file. It holds a link and no copy, so that a run that is killed leaves no secret.
///
/// # Errors
/// What the file system says.
fn docker_folder(logins: &Path) -> std::io::Result<TempDir> {
    let folder = TempDir::with_prefix("landfall-docker-")?;
    std::os::unix::fs::symlink(std::path::absolute(logins)?, folder.path().join("config.json"))?;
    Ok(folder)
}
